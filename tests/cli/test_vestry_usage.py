#!/usr/bin/env python3
"""The command line without a cluster: usage, settings, contexts, tokens, and files that are not
acceptable. Each mistake is said in two lines and has its exit code."""

import json
import os
import shutil
import socket
import subprocess
import unittest

import programs
import vestry_case

programs.need("vestry", "vestry-keys")


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def unused_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Usage(vestry_case.Home):
    def test_help_begins_with_examples_and_names_every_verb(self):
        text = self.good("-h").text()
        self.assertTrue(text.startswith("  vestry dev start"), text)
        for verb in ("append", "read", "tail", "head", "receipt", "streams", "status", "evidence",
                     "dev start",
                     "token attenuate", "context use", "completion", "version"):
            self.assertIn(f"\n  {verb} ", text)

    def test_help_of_a_verb_begins_with_examples(self):
        for arguments in (("append", "-h"), ("help", "append"), ("append", "--help")):
            text = self.good(*arguments).text()
            self.assertTrue(text.startswith("  vestry append orders 'hello'"), text)
            self.assertIn("--receipt FILE", text)
            self.assertIn("--charter FILE", text)

    def test_an_unknown_verb_is_refused_with_the_nearest_one(self):
        result = self.bad(2, "unknown verb: apend", "apend", "orders", "x")
        self.assertIn("did you mean: vestry append", result.err)
        result = self.bad(2, "unknown verb: token inspct", "token", "inspct")
        self.assertIn("did you mean: vestry token inspect", result.err)

    def test_an_unknown_option_is_refused_with_the_nearest_one(self):
        result = self.bad(2, "no option --reciept", "append", "orders", "x", "--reciept", "r")
        self.assertIn("did you mean --receipt", result.err)
        self.bad(2, "no option --z", "head", "-z")

    def test_values_that_are_missing_or_too_many_are_refused(self):
        self.bad(2, "--expect needs a value", "append", "orders", "x", "--expect")
        self.bad(2, "--json takes no value", "head", "--json=yes")
        self.bad(2, "an argument is missing", "receipt")
        self.bad(2, "one argument too many", "head", "x")
        self.bad(2, "that is no number", "append", "orders", "x", "--expect", "many")
        self.bad(2, "that is no duration", "read", "1", "--max-age", "soon")
        self.bad(2, "--consistency is", "read", "1", "--consistency", "strong")

    def test_errors_are_json_where_json_is_asked_for(self):
        result = self.run_vestry("apend", "--json")
        error = json.loads(result.err)
        self.assertEqual(error["schema"], "vestry/error/1")
        self.assertEqual(error["code"], 2)
        self.assertIn("vestry append", error["try"])
        self.assertEqual(result.out, b"")

    def test_version_is_said_in_both_ways(self):
        version = self.good("version", "--json").objects()[0]["version"]
        self.assertEqual(self.good("version").text(), f"vestry {version}\n")

    def test_completion_is_a_script_that_the_shell_accepts(self):
        script = self.good("completion", "bash").out
        check = subprocess.run(["bash", "-n"], input=script, check=False)
        self.assertEqual(check.returncode, 0)
        ask = script + b"""
            complete_as() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _vestry;
                            echo "${COMPREPLY[@]}"; }
            complete_as vestry ap
            complete_as vestry dev st
            complete_as vestry append orders --rec
            complete_as vestry token attenuate --str
        """
        answers = subprocess.run(["bash"], input=ask, capture_output=True, check=True).stdout
        lines = answers.decode().splitlines()
        self.assertEqual(lines[0], "append")
        self.assertIn("start", lines[1].split())
        self.assertIn("stop", lines[1].split())
        self.assertEqual(lines[2], "--receipt --receipts")
        self.assertEqual(lines[3], "--stream")
        self.assertIn("complete -c vestry", self.good("completion", "fish").text())
        self.assertTrue(self.good("completion", "zsh").text().startswith("#compdef vestry"))
        self.bad(2, "completion is for", "completion", "csh")


class WithDev(vestry_case.Home):
    """With the files of a development cluster, and nobody who listens."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dev = os.path.join(cls.home, "dev")
        port = unused_port()
        made = cls.run_vestry("charter", "dev", "--out", cls.dev, "--base-port",
                              str(min(port, 60000)), name="vestry-keys")
        assert made.code == 0, made.err

    def in_dev(self, *names):
        return os.path.join(self.dev, *names)

    def files(self, **other):
        chosen = {
            "charter": self.in_dev("charter.genesis"),
            "token": self.in_dev("client.token"),
            "key": self.in_dev("client.key"),
            **other,
        }
        return [word for name, value in chosen.items() for word in (f"--{name}", value)]


class Files(WithDev):
    """Files that are not acceptable, and nobody who answers."""

    def test_no_charter_means_nobody_to_believe(self):
        self.bad(2, "no charter is given", "append", "orders", "x")

    def test_a_charter_with_a_flipped_bit_is_refused(self):
        broken = self.path("broken.genesis")
        data = bytearray(read(self.in_dev("charter.genesis")))
        data[len(data) // 2] ^= 4
        write(broken, data)
        self.bad(2, "broken.genesis", "head", *self.files(charter=broken))

    def test_a_missing_file_is_named(self):
        self.bad(2, "nowhere.token", "append", "orders", "x", *self.files(token="nowhere.token"))

    def test_a_token_without_its_key_is_refused(self):
        self.bad(2, "without the key", "append", "orders", "x", "--charter",
                 self.in_dev("charter.genesis"), "--token", self.in_dev("client.token"))

    def test_a_key_that_others_can_read_is_refused_with_the_command_that_helps(self):
        loose = self.path("loose.key")
        shutil.copy(self.in_dev("client.key"), loose)
        os.chmod(loose, 0o644)
        result = self.bad(2, "loose.key", "append", "orders", "x", *self.files(key=loose))
        self.assertIn("chmod 600", result.err)

    def test_a_key_of_another_holder_is_refused(self):
        other = self.path("other")
        self.good("charter", "dev", "--out", other, name="vestry-keys")
        key = os.path.join(other, "client.key")
        self.bad(2, "is for another holder", "append", "orders", "x", *self.files(key=key))

    def test_names_that_cannot_be_streams_are_refused_before_anything_is_sent(self):
        self.bad(2, "cannot be a stream", "append", "Orders", "x", *self.files())
        self.bad(2, "the log's own", "append", "vestry/governance", "x", *self.files())

    def test_a_payload_that_is_too_large_is_refused(self):
        large = self.path("large")
        with open(large, "wb") as file:
            file.write(b"x" * ((1 << 20) + 1))
        self.bad(2, "payload too large", "append", "orders", "--file", large, *self.files())

    def test_nothing_to_append_without_a_token(self):
        self.bad(5, "no token is given", "append", "orders", "x", "--charter",
                 self.in_dev("charter.genesis"))

    def test_without_a_quorum_nothing_is_sent_and_nothing_is_kept(self):
        state = self.path("state-alone")
        result = self.bad(4, "no quorum: 0 of 4 replicas answer, 3 needed", "append", "orders", "x",
                          "--timeout", "2500ms", "--state", state, *self.files())
        self.assertIn("r0 Connection refused", result.err)
        self.assertIn("r3 Connection refused", result.err)
        self.assertIn("waiting for replicas: 0 of 4 connected, 3 needed", result.err)
        result = self.good("append", "--finish", "--state", state, "--json", *self.files())
        self.assertEqual(result.objects()[0]["appends"], "0")

    def test_status_without_a_quorum_says_who_is_missing(self):
        result = self.run_vestry("status", "--why", *self.files())
        self.assertEqual(result.code, 4, result.err)
        self.assertIn("NO QUORUM  0 of 4 up, 3 needed", result.text())
        self.assertIn("unreachable: Connection refused", result.text())

    def test_an_endpoint_that_is_none_is_refused(self):
        self.bad(2, "names no replica", "head", "--endpoint", "r9=127.0.0.1:1", *self.files())
        self.bad(2, "names no replica", "head", "--endpoint", "r0=nowhere", *self.files())

    def test_a_state_directory_of_another_token_is_refused(self):
        state = self.path("state-shared")
        token = self.path("narrow.token")
        key = self.in_dev("client.key")
        self.run_vestry("append", "orders", "x", "--timeout", "1s", "--state", state, *self.files())
        public = self.good("key", "show", key, "--json", name="vestry-keys").objects()[0]
        holder = [value for value in public.values() if isinstance(value, str) and len(value) == 64]
        made = self.run_vestry("token", "attenuate", self.in_dev("client.token"), "--to", holder[0],
                               "-o", token, "--charter", self.in_dev("charter.genesis"),
                               "--key", key)
        self.assertEqual(made.code, 0, made.err)
        self.bad(2, "belongs to another log or another token", "append", "orders", "x", "--timeout",
                 "1s", "--state", state, *self.files(token=token))

    def test_a_damaged_journal_is_refused_and_not_deleted(self):
        state = self.path("state-damaged")
        self.run_vestry("append", "orders", "x", "--timeout", "1s", "--state", state, *self.files())
        journal = os.path.join(state, "journal")
        whole = read(journal)
        data = bytes([*whole[:20], whole[20] ^ 1, *whole[21:]]) + whole
        write(journal, data)
        result = self.bad(2, "journal: damaged", "append", "orders", "x", "--state", state,
                          *self.files())
        self.assertIn("keep the directory", result.err)
        self.assertEqual(read(journal), data)

    def test_a_token_is_passed_on_narrower_and_never_wider(self):
        narrow = self.path("pos17.token")
        wide = self.path("wide.token")
        key = self.in_dev("client.key")
        arguments = ["--charter", self.in_dev("charter.genesis"), "--key", key]
        public = self.good("key", "show", key, "--json", name="vestry-keys").objects()[0]
        holder = [value for value in public.values() if isinstance(value, str) and len(value) == 64]
        made = self.good("token", "attenuate", self.in_dev("client.token"), "--to", holder[0],
                         "--stream", "orders/store17", "--op", "append", "--until", "+1d",
                         "-o", narrow, *arguments)
        self.assertIn("orders/store17", made.text())
        shown = self.good("token", "inspect", narrow, "--json", "--charter",
                          self.in_dev("charter.genesis")).objects()[0]
        self.assertEqual(shown["schema"], "vestry/token/1")
        self.bad(5, "", "token", "attenuate", narrow, "--to", holder[0], "--stream", "orders",
                 "-o", wide, *arguments)
        self.assertFalse(os.path.exists(wide))
        self.bad(2, "for whom", "token", "attenuate", narrow, *arguments)
        result = self.bad(5, "token allows orders/store17 only (narrowed in block 1", "append",
                          "orders/store12", "x", *self.files(token=narrow))
        self.assertIn("use stream orders/store17", result.err)
        self.bad(5, "does not allow to read", "read", "orders/store17", *self.files(token=narrow))

    def test_a_token_with_a_flipped_bit_is_refused(self):
        text = bytearray(read(self.in_dev("client.token")))
        text[100] = ord("B") if text[100] != ord("B") else ord("C")
        broken = self.path("broken.token")
        write(broken, text)
        result = self.run_vestry("token", "inspect", broken, "--charter",
                                 self.in_dev("charter.genesis"))
        self.assertIn(result.code, (2, 5), result.err)


class Settings(WithDev):
    """Flags, then the environment, then the context, then the file of defaults."""

    def shown(self, *arguments, **options):
        return self.good("context", "show", "--json", *arguments, **options).objects()[0]

    def test_each_setting_is_taken_from_the_first_that_says_it(self):
        defaults = self.path(".config", "vestry", "defaults")
        self.good("context", "add", "shop", "--charter", self.in_dev("charter.genesis"),
                  "--token", self.in_dev("client.token"))
        with open(defaults, "w") as file:
            file.write("# for everybody\ntimeout = 9s\n"
                       "token = /from/defaults\nkey = /from/defaults\n")
        shown = self.shown()
        self.assertEqual(shown["context"], "shop")
        self.assertEqual(shown["token"], self.in_dev("client.token"))
        self.assertEqual(shown["key"], "/from/defaults")
        self.assertEqual(shown["timeout"], "9s")
        environment = {"VESTRY_KEY": "/from/env", "VESTRY_TOKEN": "/from/env"}
        shown = self.shown("--token", "/from/flag", env=environment)
        self.assertEqual(shown["token"], "/from/flag")
        self.assertEqual(shown["key"], "/from/env")
        self.assertEqual(shown["charter"], self.in_dev("charter.genesis"))
        os.unlink(defaults)

    def test_contexts_are_listed_and_changed(self):
        self.good("context", "add", "one", "--charter", self.in_dev("charter.genesis"))
        self.good("context", "add", "two", "--charter", self.in_dev("charter.genesis"))
        self.assertIn("* two\n", self.good("context", "list").text())
        self.good("context", "use", "one")
        text = self.good("context", "list").text()
        self.assertIn("* one\n", text)
        self.assertIn("  two\n", text)
        self.bad(2, "there is no context three", "context", "use", "three")
        self.bad(2, "there is no context three", "head", "--context", "three")
        self.bad(2, "cannot be the name", "context", "add", "../x", "--charter",
                 self.in_dev("charter.genesis"))
        self.bad(2, "a context needs a charter", "context", "add", "four")

    def test_a_mistake_in_a_file_is_said_with_file_and_line(self):
        self.good("context", "add", "bad", "--charter", self.in_dev("charter.genesis"))
        path = self.path(".config", "vestry", "contexts", "bad")
        with open(path, "a") as file:
            file.write("\ntokn = x\n")
        result = self.bad(2, "contexts/bad:3: unknown setting tokn", "context", "show")
        self.assertIn("did you mean token", result.err)
        with open(path, "w") as file:
            file.write("charter\n")
        self.bad(2, "contexts/bad:1: not of the form", "context", "show")
        os.unlink(path)


if __name__ == "__main__":
    unittest.main()

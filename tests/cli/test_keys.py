#!/usr/bin/env python3
"""vestry-keys: a whole genesis without a terminal, one with, and every mistake that people make."""

import base64
import json
import os
import stat
import unittest

import programs
from programs import Case, run, run_on_terminal

KEYS = "vestry-keys-quick"  # the same program with cheap passphrases
PHRASE = "seven small ravens on a roof"

PARAMS = """# the constitution
name = acme.example/ledger
k-root = 4
k-ops = 3
k-emg = 2
k-rec = 2
faults = 1

checkpoint-interval = 64   # half of what is usual
"""


class Genesis(Case):
    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def people(self):
        """m = 5, n = 4, three recovery holders, an issuer, a witness: keys and cards."""
        self.good(KEYS, "charter", "salt", "--out", "salt")
        os.mkdir(self.path("cards"))
        new = ["key", "new", "--salt", "salt", "--out", "secret"]
        names = ["Ada", "Bob", "Cy", "Dee", "Eve"]
        roles = [("member", f"m{i + 1}", name) for i, name in enumerate(names)]
        roles += [("recovery", f"h{i}", f"Holder {i}") for i in range(1, 4)]
        roles += [("issuer", "shop", "Shop"), ("witness", "w1", "Witness")]
        for role, name, words in roles:
            card = ["--card", f"cards/{name}.card"]
            self.good(KEYS, *new, "--role", role, "--id", name, "--name", words, *card,
                      passphrase=PHRASE)
        for i in range(4):
            self.good(KEYS, *new, "--role", "replica", "--id", f"r{i}", "--card",
                      f"cards/r{i}.card", "--endpoint", f"10.0.0.{i}:7001", "--operator", f"op {i}")
        self.write("params.conf", PARAMS)

    def draft(self, *more):
        return self.good(KEYS, "charter", "draft", "--cards", "cards", "--params", "params.conf",
                         "--out", "charter.draft", *more)

    def last_words(self, text):
        words = text.split("  id\n")[1].split("\n")[4].split()
        return ",".join(words[-2:])

    def sign(self, member, confirm):
        return self.good(KEYS, "charter", "sign", "charter.draft", "--key", f"secret/{member}.key",
                         "--confirm", confirm, "--out", f"sigs/{member}.charter.sig",
                         passphrase=PHRASE)

    def test_a_genesis_of_five_members_and_four_replicas_without_a_terminal(self):
        self.people()
        draft = self.draft()
        self.assertIn("predicates: 19/19 hold", draft.out)
        self.assertIn("5: root acts need 4, operations 3, emergencies 2", draft.out)
        self.assertIn("4: 1 may be faulty, 3 make a quorum", draft.out)
        self.assertIn("checkpoint-interval    64   (usually 128)", draft.out)
        self.assertIn("m5       Eve", draft.out)
        os.mkdir(self.path("sigs"))
        for i in range(1, 6):
            signed = self.sign(f"m{i}", self.last_words(draft.out))
            self.assertIn("your own card: is it correct?", signed.out)
        sealed = self.good(KEYS, "charter", "seal", "charter.draft", "sigs", "--out",
                           "charter.genesis", "--json").json()
        self.assertEqual(sealed["schema"], "vestry/charter/1")
        self.assertEqual(len(sealed["members"]), 5)
        self.assertFalse(sealed["development"])
        verified = self.good(KEYS, "charter", "verify", "charter.genesis", "--expect",
                             sealed["cluster_id"])
        self.assertIn("all 5 members have signed", verified.out)
        self.bad(3, "not the one that was expected", KEYS, "charter", "verify", "charter.genesis",
                 "--expect", "0" * 64)
        for name in ["m1.key", "m1.next.key", "h2.key", "shop.key", "w1.key"]:
            proof = self.good(KEYS, "key", "rehearse", f"secret/{name}", "--charter",
                              "charter.genesis", passphrase=PHRASE)
            self.assertIn("proven: the " + ("next " if "next" in name else ""), proof.err)
        policy = self.good(KEYS, "policy", "make", "--charter", "charter.genesis")
        self.assertIn("group replicas 3 r0 r1 r2 r3\nquorum replicas\n", policy.out)

    def test_a_member_is_asked_on_a_terminal_and_the_passphrase_is_not_shown(self):
        self.people()
        self.draft()
        words = self.last_words(self.good(KEYS, "charter", "sign", "charter.draft", "--key",
                                          "secret/m1.key", "--out", "unused",
                                          "--confirm", self.last_words(self.again()),
                                          passphrase=PHRASE).out).replace(",", " ")
        sign = ["charter", "sign", "charter.draft", "--key", "secret/m2.key"]
        first = ("Passphrase of secret/m2.key: ", PHRASE)
        code, screen = run_on_terminal(KEYS, *sign, cwd=self.folder, answers=[
            first, ("last two words: ", words.upper()), ("Type Yes to sign: ", "Yes")])
        self.assertEqual(code, 0, screen)
        self.assertNotIn(PHRASE, screen)
        self.assertTrue(os.path.exists(self.path("m2.charter.sig")))
        os.unlink(self.path("m2.charter.sig"))
        for answers in [
            [first, ("last two words: ", "aardvark adroitness")],
            [first, ("last two words: ", words), ("Type Yes to sign: ", "yes")],
            [first, ("last two words: ", words), ("Type Yes to sign: ", "Yes ")],
        ]:
            code, screen = run_on_terminal(KEYS, *sign, cwd=self.folder, answers=answers)
            self.assertEqual(code, 3, screen)
            self.assertIn("not confirmed", screen)
            self.assertFalse(os.path.exists(self.path("m2.charter.sig")))
        code, screen = run_on_terminal(KEYS, *sign, cwd=self.folder,
                                       answers=[(first[0], "\x03")])
        self.assertEqual(code, 2, screen)

    def again(self):
        os.unlink(self.path("charter.draft"))
        return self.draft().out

    def test_a_new_passphrase_is_typed_twice_alike(self):
        new = ["key", "new", "--role", "holder", "--id", "c1", "--name", "Till", "--out", "s"]
        code, screen = run_on_terminal(KEYS, *new, cwd=self.folder, answers=[
            ("New passphrase", PHRASE), ("again", PHRASE + "x")])
        self.assertEqual(code, 2, screen)
        self.assertIn("differ", screen)
        self.assertFalse(os.path.exists(self.path("s", "c1.key")))
        code, screen = run_on_terminal(KEYS, *new, cwd=self.folder, answers=[
            ("New passphrase", PHRASE), ("again", PHRASE)])
        self.assertEqual(code, 0, screen)
        self.assertNotIn(PHRASE, screen)
        self.good(KEYS, "key", "show", "s/c1.key", passphrase=PHRASE)

    def test_a_confirmation_with_other_words_signs_nothing(self):
        self.people()
        self.draft()
        self.bad(3, "not confirmed", KEYS, "charter", "sign", "charter.draft", "--key",
                 "secret/m1.key", "--confirm", "aardvark,adroitness", passphrase=PHRASE)
        self.assertFalse(os.path.exists(self.path("m1.charter.sig")))

    def test_without_a_terminal_nothing_is_asked(self):
        self.people()
        self.draft()
        self.bad(2, "there is no terminal", KEYS, "charter", "sign", "charter.draft", "--key",
                 "secret/m1.key")
        self.bad(2, "there is no terminal", KEYS, "charter", "sign", "charter.draft", "--key",
                 "secret/m1.key", passphrase=PHRASE)
        self.bad(2, "there is no terminal", KEYS, "key", "new", "--role", "holder", "--id", "c1",
                 "--name", "Till")

    def test_sealing_says_who_has_not_signed_and_whose_signature_is_of_another_draft(self):
        self.people()
        words = self.last_words(self.draft().out)
        os.mkdir(self.path("sigs"))
        for i in [1, 2, 3, 5]:
            self.sign(f"m{i}", words)
        seal = ["charter", "seal", "charter.draft", "sigs", "--out", "charter.genesis"]
        self.bad(1, "the signature of member m4 is missing", KEYS, *seal)
        self.sign("m4", words)
        self.again()
        self.bad(3, "the signature of member m1 is not over this draft", KEYS, *seal)
        self.assertFalse(os.path.exists(self.path("charter.genesis")))

    def test_parameters_that_are_wrong_are_told_with_their_line(self):
        self.people()
        draft = ["charter", "draft", "--cards", "cards", "--params", "params.conf", "--out", "d"]
        for text, says, todo in [
            ("name = x\ncheckpoint-intervall = 64\n", "params.conf:2: unknown setting", "did you "
             "mean checkpoint-interval?"),
            ("name = x\n\n# x\nk-rot = 1\n", "params.conf:4: unknown setting", "did you mean "
             "k-root?"),
            ("name = x\ncheckpoint-interval = 12\n", "params.conf:2: checkpoint-interval = 12",
             "from 16 to 128"),
            ("name = x\ncheckpoint-interval = many\n", "params.conf:2:", "from 16 to 128"),
            ("name = x\nname = y\n", "params.conf:2: name is set twice", "remove one"),
            ("name = Acme\n", 'params.conf:1: "Acme" cannot be a name', "acme.example"),
            ("name\n", "params.conf:1: not a setting", "checkpoint-interval = 128"),
            ("k-root = 4\n", "the log has no name", "set name"),
            ("name = x\nk-root = 5\n", "root can be reached without any one member", "lower"),
            ("name = x\nfaults = 2\n", "n >= 3f + 1", "add replicas"),
            ("name = x\nwindow = 64\n", "(checkpoint-interval)", "correct that parameter"),
            ("name = dev.x\n", "the name begins with dev.", "profile"),
        ]:
            self.write("params.conf", text)
            result = self.bad(2, says, KEYS, *draft)
            self.assertIn(todo, result.err)
            self.assertFalse(os.path.exists(self.path("d")))

    def test_a_ceremony_writes_a_transcript(self):
        self.good(KEYS, "charter", "salt", "--out", "salt", "--ceremony", ".")
        run(KEYS, "charter", "salt", "--out", "salt", "--ceremony", ".", "--exception", "a retry",
            cwd=self.folder)
        self.bad(2, "unknown option", KEYS, "charter", "salt", "--cermony", ".")
        with open(self.path("transcript"), "rb") as file:
            lines = [base64.b64decode(line) for line in file]
        self.assertEqual(len(lines), 2)
        self.assertIn(b"charter salt --out salt", lines[0])
        self.assertIn(b"a retry", lines[1])
        with open(self.path("transcript"), "r+b") as file:
            file.seek(60)
            file.write(b"AAAA")
        self.bad(1, "transcript:1: this line does not follow", KEYS, "selftest", "--ceremony", ".")


class Keys(Case):
    def holder(self, name, *more, **options):
        return self.good(KEYS, "key", "new", "--role", "holder", "--id", name, "--name", name,
                         *more, **options)

    def test_key_files_are_private_and_never_written_over(self):
        self.holder("c1", "--plain")
        mode = os.stat(self.path("c1.key")).st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o600)
        self.bad(1, "exists already", KEYS, "key", "new", "--role", "holder", "--id", "c1",
                 "--name", "c1", "--plain")

    def test_a_key_file_that_others_may_read_is_refused(self):
        self.holder("c1", "--plain")
        os.chmod(self.path("c1.key"), 0o644)
        result = self.bad(2, "others may get at it", KEYS, "key", "show", "c1.key")
        self.assertIn("try: chmod 600 c1.key", result.err)
        os.chmod(self.path("c1.key"), 0o600)
        os.symlink("c1.key", self.path("c2.key"))
        self.bad(2, "symlink", KEYS, "key", "show", "c2.key")

    def test_wrong_passphrases_and_changed_files_are_refused(self):
        self.holder("c1", passphrase=PHRASE)
        self.bad(3, "wrong passphrase", KEYS, "key", "show", "c1.key", passphrase=PHRASE + "!")
        with open(self.path("c1.key"), encoding="ascii") as file:
            text = file.read()
        self.assertTrue(text.startswith("vestry-secret-1\n"))
        self.assertNotIn(PHRASE, text)
        with open(self.path("c1.key"), "w", encoding="ascii") as file:
            file.write(text.replace("vestry-secret-1", "vestry-secret-2"))
        self.bad(3, "not a key file", KEYS, "key", "show", "c1.key")

    def test_a_passphrase_of_eleven_characters_is_too_short(self):
        self.bad(2, "fewer than 12", KEYS, "key", "new", "--role", "holder", "--id", "c1",
                 "--name", "c1", passphrase="x" * 11)
        self.holder("c1", passphrase="x" * 12)

    def test_a_cheaply_sealed_file_is_refused_by_the_real_program(self):
        self.holder("c1", passphrase=PHRASE)
        self.bad(3, "outside what key files use", "vestry-keys", "key", "show", "c1.key",
                 passphrase=PHRASE)

    def test_the_real_program_seals_with_256_mib_and_opens_again(self):
        new = ["key", "new", "--role", "holder", "--id", "c1", "--name", "c1", "--moderate"]
        self.good("vestry-keys", *new, passphrase=PHRASE)
        shown = self.good("vestry-keys", "key", "show", "c1.key")
        self.assertIn("(256 MiB)", shown.err)
        self.good("vestry-keys", "key", "show", "c1.key", passphrase=PHRASE)

    def test_a_card_of_another_ceremony_or_a_changed_one_is_refused(self):
        self.good(KEYS, "charter", "salt", "--out", "salt")
        self.good(KEYS, "charter", "salt", "--out", "other")
        os.mkdir(self.path("cards"))
        for name, salt in [("m1", "salt"), ("m2", "other")]:
            self.good(KEYS, "key", "new", "--role", "member", "--id", name, "--name", name,
                      "--salt", salt, "--card", f"cards/{name}.card", "--plain")
        draft = ["charter", "draft", "--cards", "cards", "--name", "x", "--out", "d"]
        self.bad(1, "m2: this card is of another ceremony", KEYS, *draft)
        with open(self.path("cards", "m1.card"), "r+", encoding="ascii") as file:
            text = file.read()
            at = text.index("\n") + 20
            file.seek(at)
            file.write("A" if text[at] != "A" else "B")
        self.bad(3, "m1.card", KEYS, *draft)


class Tokens(Case):
    def setUp(self):
        super().setUp()
        self.good(KEYS, "charter", "dev", "--out", "dev")
        for name in ["shop", "till"]:
            self.good(KEYS, "key", "new", "--role", "holder", "--id", name, "--name", name,
                      "--plain")

    def issue(self, *more):
        return ["token", "issue", "--charter", "dev/charter.genesis", "--key", "dev/keys/i1.key",
                "--to", "shop.card", "--out", "shop.token", *more]

    def attenuate(self, *more):
        return ["token", "attenuate", "shop.token", "--charter", "dev/charter.genesis", "--key",
                "shop.key", "--to", "till.card", "--out", "till.token", *more]

    def test_a_token_is_issued_narrowed_and_inspected(self):
        self.good(KEYS, *self.issue("--stream", "orders", "--op", "append", "--entries", "1000",
                                    "--until", "+30d"))
        narrowed = self.good(KEYS, *self.attenuate("--stream", "orders/store17", "--until", "+1d"))
        self.assertIn("block 1  passed on, narrowed:", narrowed.out)
        seen = self.good(KEYS, "token", "inspect", "till.token", "--charter",
                         "dev/charter.genesis", "--json").json()
        self.assertEqual(seen["issuer"], "i1")
        self.assertEqual([block["streams"] for block in seen["blocks"]],
                         [["orders"], ["orders/store17"]])
        self.assertEqual(seen["blocks"][1]["quota_entries"], "1000")
        self.bad(3, "token expired", KEYS, "token", "inspect", "till.token", "--charter",
                 "dev/charter.genesis", "--at", "+2d")
        self.assertIn("not checked", self.good(KEYS, "token", "inspect", "till.token").err)

    def test_widening_is_refused_as_a_lack_of_rights(self):
        self.good(KEYS, *self.issue("--stream", "orders", "--op", "append"))
        for more in [["--stream", "invoices"], ["--stream", "all"], ["--op", "read"]]:
            self.bad(5, "would allow more than its parent", KEYS, *self.attenuate(*more))
        self.assertFalse(os.path.exists(self.path("till.token")))

    def test_only_the_holder_attenuates_and_only_an_issuer_issues(self):
        self.good(KEYS, *self.issue())
        self.bad(5, "till does not hold this token", KEYS, *self.attenuate("--key", "till.key")[:5],
                 "--key", "till.key", "--to", "till.card", "--out", "x.token")
        self.bad(1, "not the issuer key", KEYS, "token", "issue", "--charter",
                 "dev/charter.genesis", "--key", "shop.key", "--to", "till.card", "--out", "x")

    def test_a_governed_key_cannot_hold_a_token(self):
        self.good(KEYS, *self.issue())
        member = self.good(KEYS, "key", "show", "dev/keys/m1.key", "--json").json()["key"]
        self.bad(5, "", KEYS, *self.attenuate()[:7], "--to", member, "--out", "x.token")
        self.assertFalse(os.path.exists(self.path("x.token")))

    def test_a_token_for_another_cluster_is_refused(self):
        self.good(KEYS, *self.issue())
        self.good(KEYS, "charter", "dev", "--out", "other")
        self.bad(3, "issuer unknown", KEYS, "token", "inspect", "shop.token", "--charter",
                 "other/charter.genesis")


class CommandLine(Case):
    def test_unknown_words_have_a_suggestion(self):
        for arguments, says, todo in [
            (["charter", "sgin"], "unknown verb: charter sgin", "charter sign"),
            (["chater", "sign"], "unknown verb", "charter sign"),
            (["selftset"], "unknown verb", "selftest"),
            (["key", "new", "--rol", "member"], "unknown option --rol", "--role"),
            (["token", "issue", "--steam", "x"], "unknown option --steam", "--stream"),
            (["key", "new", "-x"], "unknown option -x", "--help"),
            (["key", "show"], "key show needs FILE", "--help"),
            (["key", "show", "a", "b"], "one argument too many: b", "--help"),
            (["charter", "salt", "--out"], "--out needs FILE", "--help"),
            (["charter", "salt"], "--out is missing", "--help"),
            (["charter", "salt", "--json=1", "--out", "x"], "--json takes no value", "--help"),
            (["key", "new", "--role", "king", "--id", "k", "--name", "k"], "no role is called king",
             "member"),
            (["key", "new", "--role", "holder", "--id", "K", "--name", "k", "--plain"],
             '"K" cannot be an id', "a-z"),
            (["charter", "dev", "--out", "d", "--replicas", "3"], "3 replicas", "4 or more"),
            (["charter", "dev", "--out", "d", "--base-port", "99999"], "--base-port", "number"),
        ]:
            result = self.bad(2, says, KEYS, *arguments)
            self.assertIn(todo, result.err)

    def test_errors_are_json_when_asked_for(self):
        result = run(KEYS, "key", "show", "none.key", "--json", cwd=self.folder)
        self.assertEqual(result.code, 1)
        error = json.loads(result.err)
        self.assertEqual(error["schema"], "vestry/error/1")
        self.assertEqual(error["code"], 1)
        self.assertIn("none.key", error["error"])

    def test_every_verb_has_help_that_begins_with_examples(self):
        listed = self.good(KEYS, "--help").out
        self.assertTrue(listed.startswith("  vestry-keys "))
        verbs = [line[2:28].strip() for line in listed.split("Verbs:\n")[1].split("\n\n")[0]
                 .split("\n") if line]
        self.assertGreaterEqual(len(verbs), 14)
        for verb in verbs:
            for how in [[*verb.split(), "--help"], [*verb.split(), "-h"], ["help", *verb.split()]]:
                text = self.good(KEYS, *how).out
                self.assertTrue(text.startswith(f"  vestry-keys {verb}"), text)
                self.assertIn("--json", text)

    def test_nothing_at_all_is_a_usage_error(self):
        result = run(KEYS)
        self.assertEqual((result.code, result.out), (2, ""))
        self.assertIn("vestry-keys", result.err)

    def test_the_self_test_says_its_numbers(self):
        result = self.good("vestry-keys", "selftest")
        self.assertRegex(result.out, r"^crypto profile 1: (\d+)/\1 vectors\n$")


if __name__ == "__main__":
    programs.need("vestry-keys", KEYS)
    unittest.main()

#!/usr/bin/env python3
"""vestryd: every mistake that people make at the start is answered with two lines, what is wrong
and what to do, and with the right exit code."""

import os
import shutil
import socket
import unittest

import programs
from vestryd_cluster import Cluster


class Mistakes(programs.Case):
    def setUp(self):
        super().setUp()
        self.cluster = Cluster(self.path("c"))

    def tearDown(self):
        self.cluster.close()
        super().tearDown()

    def init(self, *rids):
        for rid in rids or (0,):
            done = self.cluster.init(rid)
            self.assertEqual(done.code, 0, done.err)

    def run_once(self):
        """Make the store of r0 and let it run for a moment."""
        self.init()
        self.cluster.start(0)
        self.assertTrue(self.cluster.wait(lambda: self.cluster.get(0, "/livez")),
                        self.cluster.log(0))
        self.assertTrue(self.cluster.wait(lambda: self.cluster.metric(0, "flights_total") > 0))
        self.assertEqual(self.cluster.stop(0), 0)

    def bad_run(self, code, *says, rid=0):
        """`vestryd run` must end with that code; its two lines must say all of these."""
        result = self.bad(code, says[0], "vestryd", "run", "--config", self.cluster.config(rid))
        for words in says[1:]:
            self.assertIn(words, result.err)
        return result

    def flip(self, path, place):
        with open(path, "r+b") as file:
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1]))


class Configuration(Mistakes):
    def test_an_unknown_option_is_named_with_file_and_line(self):
        self.cluster.configure(0, more="limits {\n  memmory = 1GiB\n}\n")
        self.bad_run(2, f"{self.cluster.config(0)}:9: unknown option `memmory`",
                     "did you mean `memory`?")
        self.bad(2, ":9: unknown option", "vestryd", "check-config", self.cluster.config(0))

    def test_a_missing_file_is_named(self):
        self.bad(2, "/nowhere/x.conf", "vestryd", "run", "--config", "/nowhere/x.conf")
        self.bad(2, "--config", "vestryd", "run")
        self.cluster.configure(0, charter="/nowhere/charter.genesis")
        self.bad_run(2, "/nowhere/charter.genesis")

    def test_unknown_verbs_and_options_are_usage(self):
        self.bad(2, "rnu", "vestryd", "rnu")
        self.bad(2, "--confg", "vestryd", "run", "--confg", "x")
        self.assertEqual(programs.run("vestryd", "--help").code, 0)

    def test_a_replica_that_the_charter_does_not_name(self):
        text = open(self.cluster.config(0), encoding="utf-8").read()
        with open(self.cluster.config(0), "w", encoding="utf-8") as file:
            file.write(text.replace("replica r0", "replica r9"))
        self.bad_run(2, "replica r9 is not in the charter")

    def test_a_peer_that_the_charter_does_not_name(self):
        self.cluster.configure(0, more='peer r9 { address = "h:1" }\n')
        self.bad_run(2, "peer r9 is not in the charter")

    def test_a_charter_with_a_changed_bit(self):
        self.flip(self.cluster.path("charter.genesis"), 300)
        result = programs.run("vestryd", "check-config", self.cluster.config(0))
        self.assertNotEqual(result.code, 0)
        self.assertIn("charter.genesis", result.err)
        self.assertIn("  try: ", result.err)

    def test_a_good_configuration_is_said_to_be_good(self):
        result = self.good("vestryd", "check-config", self.cluster.config(2))
        self.assertIn("replica r2 of 4", result.out)
        self.assertIn(self.cluster.cluster_id, result.out)


class Keys(Mistakes):
    def test_a_key_that_others_may_read(self):
        self.init()
        key = self.cluster.path("r0", "r0.key")
        os.chmod(key, 0o644)
        self.bad_run(2, "r0.key", "chmod")

    def test_a_key_that_is_missing(self):
        os.remove(self.cluster.path("r0", "r0.transport.key"))
        self.bad_run(2, "r0.transport.key")

    def test_the_keys_of_another_replica(self):
        self.cluster.configure(0, key=self.cluster.path("r1", "r1.key"))
        self.bad_run(1, "r1.key")

    def test_keys_that_the_charter_does_not_register(self):
        other = Cluster(self.path("other"))
        self.cluster.configure(0, key=other.path("r0", "r0.key"))
        self.bad_run(1, "r0.key")


class Init(Mistakes):
    def test_run_before_init(self):
        self.bad_run(2, "data", "vestryd init")

    def test_init_twice(self):
        self.init()
        self.bad(1, "has a store already", "vestryd", "init", "--config", self.cluster.config(0),
                 "--expect", self.cluster.cluster_id)

    def test_init_with_another_id_than_announced(self):
        wrong = "00" * 32
        self.bad(1, self.cluster.cluster_id, "vestryd", "init", "--config",
                 self.cluster.config(0), "--expect", wrong)
        self.bad(2, "--expect", "vestryd", "init", "--config", self.cluster.config(0), "--expect",
                 "5f3a")
        self.bad(2, "--expect", "vestryd", "init", "--config", self.cluster.config(0))
        self.assertFalse(os.path.exists(self.cluster.path("r0", "data", "store")))

    def test_init_without_a_configuration(self):
        self.good("vestryd", "init", "--charter", self.cluster.path("charter.genesis"), "--id",
                  "r1", "--key", self.cluster.path("r1", "r1.key"), "--data",
                  self.path("elsewhere"), "--expect", self.cluster.cluster_id)
        self.assertTrue(os.path.isdir(self.path("elsewhere", "store")))

    def test_a_lost_store_is_not_made_anew(self):
        self.run_once()
        shutil.rmtree(self.cluster.path("r0", "data", "store"))
        self.bad(1, "join", "vestryd", "init", "--config", self.cluster.config(0), "--expect",
                 self.cluster.cluster_id)
        self.bad_run(1, "lost its store", "new key")


class Join(Mistakes):
    def join(self, rid=0):
        return ("vestryd", "join", "--config", self.cluster.config(rid), "--expect",
                self.cluster.cluster_id)

    def test_a_lost_store_is_made_anew_and_says_what_it_is(self):
        self.run_once()
        shutil.rmtree(self.cluster.path("r0", "data", "store"))
        result = self.good(*self.join())
        self.assertIn("votes again only with a new key", result.out)
        self.cluster.start(0)
        self.assertTrue(self.cluster.wait(lambda: self.cluster.get(0, "/livez")),
                        self.cluster.log(0))
        self.assertEqual(self.cluster.metric(0, "mode"), 3)
        self.assertTrue(
            self.cluster.wait(lambda: "this replica is recovering" in self.cluster.log(0)))
        self.assertEqual(self.cluster.stop(0), 0)

    def test_a_lost_directory_too(self):
        result = self.good(*self.join(), "--json").json()
        self.assertEqual(result["schema"], "vestry/join/1")

    def test_a_store_that_is_there_is_left_alone(self):
        self.run_once()
        self.bad(1, "has a store already", *self.join())
        result = self.bad(1, "move it away first", *self.join())
        self.assertIn("vestryd run", result.err)

    def test_an_anchor_of_another_replica_is_left_alone(self):
        self.run_once()
        shutil.rmtree(self.cluster.path("r0", "data", "store"))
        self.cluster.configure(1, data=self.cluster.path("r0", "data"))
        self.bad(1, self.cluster.path("r0", "data"), *self.join(1))
        self.assertFalse(os.path.exists(self.cluster.path("r0", "data", "store")))

    def test_another_charter_or_key_than_the_replicas(self):
        self.bad(1, self.cluster.cluster_id, "vestryd", "join", "--config",
                 self.cluster.config(0), "--expect", "00" * 32)
        self.cluster.configure(0, key=self.cluster.path("r1", "r1.key"))
        self.bad(1, "r1.key", *self.join())
        self.assertFalse(os.path.exists(self.cluster.path("r0", "data", "store")))

    def test_help_says_what_it_is_for(self):
        result = self.good("vestryd", "join", "--help")
        self.assertIn("vestryd join --config", result.out)


class Data(Mistakes):
    def test_data_of_another_cluster(self):
        other = Cluster(self.path("other"))
        self.init()
        self.assertEqual(other.init(0).code, 0)
        self.cluster.configure(0, data=other.path("r0", "data"))
        self.bad_run(1, other.cluster_id, self.cluster.cluster_id, other.path("r0", "data"))

    def test_data_of_another_replica(self):
        self.init(0, 1)
        self.cluster.configure(0, data=self.cluster.path("r1", "data"))
        self.bad_run(1, self.cluster.path("r1", "data"))

    def test_a_directory_that_others_may_write(self):
        self.init()
        os.chmod(self.cluster.path("r0", "data"), 0o770)
        self.bad_run(2, "can be written by others", "chmod go-w")

    @unittest.skipIf(os.geteuid() != 0, "only root can give files away")
    def test_a_directory_of_somebody_else(self):
        self.init()
        os.chown(self.cluster.path("r0", "data"), 12345, 12345)
        self.bad_run(2, "belongs to user 12345", "chown")

    def test_a_second_process_is_refused_with_the_first_ones_id(self):
        self.init()
        self.cluster.start(0)
        self.assertTrue(self.cluster.wait(lambda: self.cluster.get(0, "/livez")))
        pid = self.cluster.processes[0].pid
        self.cluster.configure(0, listen="127.0.0.1:1")
        self.bad_run(1, str(pid))

    def test_an_anchor_that_knows_more_than_the_store(self):
        """The store alone is put back to an older copy, as by a restored disk."""
        data = self.cluster.path("r0", "data")
        self.run_once()
        shutil.copytree(os.path.join(data, "store"), self.path("old"))
        self.cluster.start(0)
        self.assertTrue(self.cluster.wait(lambda: self.cluster.get(0, "/livez")))
        self.assertTrue(self.cluster.wait(lambda: self.cluster.metric(0, "flights_total") > 0))
        self.assertEqual(self.cluster.stop(0), 0)
        shutil.rmtree(os.path.join(data, "store"))
        shutil.copytree(self.path("old"), os.path.join(data, "store"))
        self.bad_run(1, "rolled back", data, "new key")

    def test_stored_bytes_that_are_damaged(self):
        data = self.cluster.path("r0", "data", "store")
        self.run_once()
        for name in os.listdir(data):
            if name.endswith((".log", ".sst")) and os.path.getsize(os.path.join(data, name)) > 60:
                self.flip(os.path.join(data, name), 40)
        self.bad_run(1, data)


class Network(Mistakes):
    def test_an_address_that_is_in_use(self):
        self.init()
        taken = socket.socket()
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", self.cluster.port))
        taken.listen()
        self.bad_run(1, f"127.0.0.1:{self.cluster.port}", f"process {os.getpid()}")
        taken.close()

    def test_an_address_of_another_host(self):
        self.init()
        self.cluster.configure(0, listen="192.0.2.1:7000")
        self.bad_run(1, "192.0.2.1:7000")

    def test_a_peer_that_is_not_there_is_no_stranger(self):
        self.init(1)
        self.cluster.configure(1, more='log { level = "debug" }\n')
        self.cluster.start(1)
        said = self.cluster.wait(lambda: self.cluster.log(1).count('why="not reached"') > 2)
        self.assertTrue(said, self.cluster.log(1))
        self.assertNotIn("is not that replica", self.cluster.log(1))

    def test_a_peer_of_another_cluster_is_said_so(self):
        other = Cluster(self.path("other"))
        self.init(1)
        self.assertEqual(other.init(0).code, 0)
        other.start(0)
        address = f"127.0.0.1:{other.port}"
        self.cluster.configure(1, more=f'peer r0 {{ address = "{address}" }}\n')
        self.cluster.start(1)
        said = self.cluster.wait(lambda: "is not that replica" in self.cluster.log(1))
        other.close()
        self.assertTrue(said, self.cluster.log(1))
        self.assertIn(address, self.cluster.log(1))
        self.assertIn(self.cluster.cluster_id, self.cluster.log(1))


class KeyGeneration(Mistakes):
    def test_keys_and_card_are_made_once(self):
        self.good("vestry-keys", "charter", "salt", "--out", "salt")
        made = ["keygen", "--id", "r5", "--endpoint", "10.0.0.5:7000", "--salt", "salt", "--keys",
                "secret", "--out", "r5.card", "--operator", "acme"]
        self.good("vestryd", *made)
        for name in ("r5.key", "r5.cosign.key", "r5.transport.key"):
            mode = os.stat(self.path("secret", name)).st_mode & 0o777
            self.assertEqual(mode, 0o600)
        shown = self.good("vestry-keys", "key", "show", "r5.card")
        self.assertIn("r5", shown.out)
        again = programs.run("vestryd", *made, cwd=self.folder)
        self.assertEqual(again.code, 1)
        self.assertIn("r5.key", again.err)

    def test_new_keys_for_a_log_that_runs(self):
        charter = self.cluster.path("charter.genesis")
        self.good("vestryd", "keygen", "--id", "r1", "--endpoint", "10.0.0.5:7000", "--charter",
                  charter, "--keys", "new", "--out", "new.card")
        self.good("vestry-keys", "key", "show", "new.card", "--charter", charter)
        self.bad(3, "for this log", "vestry-keys", "key", "show", "new.card")
        self.good("vestry-keys", "key", "agree", "new.card", "--charter", charter, "--key",
                  self.cluster.path("r1", "r1.key"), "--out", "agreed")

    def test_wishes_that_are_not_possible(self):
        self.good("vestry-keys", "charter", "salt", "--out", "salt")
        self.bad(2, "--id", "vestryd", "keygen", "--id", "x", "--endpoint", "h:1", "--salt", "salt")
        self.bad(2, "--endpoint", "vestryd", "keygen", "--id", "r1", "--endpoint", "h", "--salt",
                 "salt")
        self.bad(2, "charter.genesis", "vestryd", "keygen", "--id", "r1", "--endpoint", "h:1",
                 "--salt", self.cluster.path("charter.genesis"))
        self.assertFalse(os.path.exists(self.path("r1.key")))


if __name__ == "__main__":
    programs.need("vestryd", "vestry-keys")
    unittest.main()

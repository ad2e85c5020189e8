#!/usr/bin/env python3
"""vestry dev: a whole cluster, made, used, hurt and removed, by the finished programs."""

import fcntl
import os
import socket
import subprocess
import unittest

import programs
from programs import Case, program, run

VESTRY = "vestry"


class Dev(Case):
    """A test with a home, and so a cluster and a context, of its own."""

    def setUp(self):
        super().setUp()
        for name in list(os.environ):
            if name.startswith(("VESTRY_", "XDG_")) and name not in ("VESTRY_BIN", "VESTRY_BUILD"):
                del os.environ[name]
        os.environ["HOME"] = self.folder
        self.cluster = self.path(".local", "state", "vestry", "dev")

    def tearDown(self):
        if os.path.exists(self.cluster):
            run(VESTRY, "dev", "stop", cwd=self.folder)
        super().tearDown()

    def start(self, *arguments):
        if not os.path.exists(self.cluster):
            arguments += ("--base-port", "auto")
        return self.good(VESTRY, "dev", "start", *arguments)

    def status(self):
        result = run(VESTRY, "dev", "status", "--json", cwd=self.folder)
        seen = result.json()
        up = {row["replica"]: row.get("pid") for row in seen["replicas"]}
        return result.code, {name: pid for name, pid in up.items() if pid is not None}

    def write(self, name, text):
        with open(os.path.join(self.cluster, name), "w", encoding="ascii") as file:
            file.write(text)


class Life(Dev):
    def test_after_a_start_the_other_verbs_just_work(self):
        started = self.start()
        self.assertRegex(started.out, r"^charter [0-9a-f]{4} .*n=4 tolerates f=1   DEV KEYS")
        self.assertRegex(started.out, r"Ready in \d+\.\d s\.  Try: vestry append orders 'hello'")
        self.good(VESTRY, "append", "orders", "hello")
        self.assertEqual(self.good(VESTRY, "read", "orders", "0").out, "hello")
        code, up = self.status()
        self.assertEqual((code, len(up)), (0, 4))

    def test_a_second_start_starts_what_is_not_running_and_nothing_else(self):
        self.start()
        _, before = self.status()
        self.good(VESTRY, "dev", "kill", "r1", "r3")
        code, up = self.status()
        self.assertEqual((code, sorted(up)), (8, ["r0", "r2"]))
        self.start()
        code, after = self.status()
        self.assertEqual((code, len(after)), (0, 4))
        self.assertEqual((after["r0"], after["r2"]), (before["r0"], before["r2"]))
        self.assertNotEqual(after["r1"], before["r1"])
        self.start()
        self.assertEqual(self.status(), (0, after))

    def test_appends_go_on_with_one_killed_and_it_comes_back(self):
        self.start()
        self.good(VESTRY, "append", "orders", "one")
        killed = self.good(VESTRY, "dev", "kill", "r3")
        self.assertIn("one more failure stops appends", killed.err)
        self.good(VESTRY, "append", "orders", "two")
        self.assertEqual(run(VESTRY, "status", cwd=self.folder).code, 8)
        self.good(VESTRY, "dev", "restart", "r3")
        self.assertEqual(self.status()[0], 0)

    def test_what_was_appended_is_there_after_a_stop(self):
        self.start()
        self.good(VESTRY, "append", "orders", "kept")
        self.good(VESTRY, "dev", "stop")
        code, up = self.status()
        self.assertEqual((code, up), (8, {}))
        self.start()
        self.assertEqual(self.good(VESTRY, "read", "orders", "0").out, "kept")

    def test_replicas_outlive_the_terminal_and_hold_no_descriptor_of_it(self):
        reader, writer = os.pipe()
        subprocess.run(
            [program(VESTRY), "dev", "start", "--base-port", "auto"],
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            pass_fds=[writer],
            start_new_session=True,
            check=True,
        )
        os.close(writer)
        with os.fdopen(reader) as file:
            self.assertIn("Ready", file.read())  # ends: nobody has the other end
        self.assertEqual(len(self.status()[1]), 4)

    def test_seven_replicas_tolerate_two(self):
        started = self.start("--replicas", "7", "--json").json()
        self.assertEqual((started["n"], started["f"], started["quorum"]), (7, 2, 5))
        self.assertEqual((started["up"], started["context"]), (7, "dev"))
        self.good(VESTRY, "dev", "kill", "r5", "r6")
        self.good(VESTRY, "append", "orders", "five are enough")

    def test_remove_deletes_what_was_made_and_nothing_else(self):
        self.start()
        self.write("mine.txt", "not yours")
        self.good(VESTRY, "dev", "remove", "--yes")
        self.assertEqual(os.listdir(self.cluster), ["mine.txt"])
        self.assertNotIn("dev", self.good(VESTRY, "context", "list").out)
        os.remove(os.path.join(self.cluster, "mine.txt"))
        os.rmdir(self.cluster)
        self.start()
        self.good(VESTRY, "dev", "remove", "--yes")
        self.assertFalse(os.path.exists(self.cluster))


class Mistakes(Dev):
    def test_the_holder_of_a_port_is_named(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.bad(2, f"port {port} is in use by process {os.getpid()} (", VESTRY, "dev",
                     "start", "--base-port", str(port))
            self.assertFalse(os.path.exists(self.cluster))

    def test_a_number_that_was_given_to_another_process_is_not_signalled(self):
        self.start()
        with open(os.path.join(self.cluster, "r3.pid"), encoding="ascii") as file:
            pid, started, boot = file.read().split()
        self.good(VESTRY, "dev", "stop")
        with subprocess.Popen(["sleep", "600"]) as other:
            for text in [f"{other.pid}\n", f"{other.pid}\n{started} {boot}\n",
                         f"{other.pid}\n0 {boot}\n", "1\n1 1\n", "-1\n0 0\n", ""]:
                self.write("r3.pid", text)
                killed = self.good(VESTRY, "dev", "kill", "r3")
                self.assertIn("r3: not running", killed.err)
                self.good(VESTRY, "dev", "stop")
                self.assertIsNone(other.poll(), text)
            other.kill()
        self.write("r3.pid", f"{pid}\n{started} {boot}\n")
        self.assertEqual(self.status(), (8, {}))

    def test_a_replica_that_cannot_start_says_why_and_the_others_are_stopped(self):
        self.start()
        self.good(VESTRY, "dev", "stop")
        with open(os.path.join(self.cluster, "r2.conf"), "a", encoding="ascii") as file:
            file.write("limts { memory = 1GiB }\n")
        result = self.bad(1, "error: r2: ", VESTRY, "dev", "start")
        self.assertRegex(result.err, r"error: r2: .*r2\.conf:\d+: .*limts")
        self.assertEqual(self.status(), (8, {}))

    def test_two_calls_do_not_work_on_one_cluster_at_once(self):
        self.start()
        folder = os.open(self.cluster, os.O_RDONLY)
        fcntl.flock(folder, fcntl.LOCK_EX)
        self.bad(1, "another vestry dev is at work", VESTRY, "dev", "stop")
        os.close(folder)
        self.good(VESTRY, "dev", "stop")

    def test_an_existing_cluster_keeps_its_size(self):
        self.start()
        self.bad(2, "has 4 replicas", VESTRY, "dev", "start", "--replicas", "7")
        self.bad(2, "there is no replica r4", VESTRY, "dev", "kill", "r4")
        self.bad(2, "there is no replica all", VESTRY, "dev", "kill", "all")
        self.assertEqual(self.status()[0], 0)
        self.bad(2, "deletes all its entries", VESTRY, "dev", "remove")
        self.assertEqual(self.status()[0], 0)

    def test_wrong_words_get_two_lines(self):
        self.bad(2, "there is no development cluster", VESTRY, "dev", "status")
        self.bad(2, "unknown verb: dev stpo", VESTRY, "dev", "stpo")
        self.bad(2, "it takes 4 to", VESTRY, "dev", "start", "--replicas", "3", "--base-port",
                 "auto")
        self.bad(2, "it takes 4 to", VESTRY, "dev", "start", "--replicas", "29", "--base-port",
                 "auto")
        self.bad(2, "that is no port", VESTRY, "dev", "start", "--base-port", "65536")
        self.bad(2, "no such program", VESTRY, "dev", "start", "--vestryd", "nowhere",
                 "--base-port", "auto")
        self.bad(2, "an argument is missing", VESTRY, "dev", "kill")

    def test_a_folder_with_something_else_in_it_is_left_alone(self):
        os.makedirs(self.cluster)
        self.write("letter.txt", "dear")
        self.bad(2, "something else in that folder", VESTRY, "dev", "start", "--base-port", "auto")
        self.assertEqual(os.listdir(self.cluster), ["letter.txt"])
        self.assertEqual(os.listdir(os.path.dirname(self.cluster)), ["dev"])
        self.bad(2, "there is no development cluster", VESTRY, "dev", "remove", "--yes")


if __name__ == "__main__":
    programs.need(VESTRY, "vestryd")
    unittest.main()

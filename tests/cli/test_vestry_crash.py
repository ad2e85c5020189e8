#!/usr/bin/env python3
"""Exactly once, whatever happens to the client: killed at any moment, interrupted, started again.
And a log that goes back is refused."""

import os
import random
import shutil
import signal
import subprocess
import unittest

import programs
import vestry_case

programs.need("vestry", "vestryd")


class Crash(vestry_case.Cluster):
    def test_lines_of_a_client_that_is_killed_again_and_again_are_there_once_each(self):
        seed = int(os.environ.get("VESTRY_TEST_SEED", "7"))
        dice = random.Random(seed)
        lines = [f"{i} {dice.random()}".encode() for i in range(4000)]
        text = b"\n".join(lines) + b"\n"
        with open(self.path("lines"), "wb") as file:
            file.write(text)
        kills = 0
        while True:
            process = self.start_vestry("append", "crash", "--lines", "--file", "lines", "--resume",
                                        "--batch", "40", "--quiet")
            try:
                process.wait(timeout=dice.uniform(0.01, 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                kills += 1
            process.communicate(timeout=30)
            if process.returncode == 0:
                break
            self.assertLess(kills, 500)
        print(f"killed {kills} times, seed {seed}")
        self.assertGreater(kills, 2)
        self.assertEqual(self.lines_of("crash"), lines)

    def test_an_interrupted_stream_says_how_to_go_on_and_goes_on(self):
        process = self.start_vestry("append", "stop", "--lines", stdin=subprocess.PIPE)
        process.stdin.write(b"one\ntwo\n")
        process.stdin.flush()
        self.assertTrue(vestry_case.wait_until(lambda: self.stream_len("stop") == 2))
        process.send_signal(signal.SIGINT)
        err = process.stderr.read().decode()
        process.wait(timeout=30)
        process.stdin.close()
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(process.returncode, 1, err)
        self.assertIn("--resume", err)
        self.bad(6, "an earlier run stopped after 2 lines of stop", "append", "stop", "--lines",
                 stdin=b"one\ntwo\nthree\n")
        self.bad(6, "the first 2 lines are not those", "append", "stop", "--lines", "--resume",
                 stdin=b"one\nother\nthree\n")
        self.bad(6, "the input has fewer lines", "append", "stop", "--lines", "--resume",
                 stdin=b"one\n")
        result = self.good("append", "stop", "--lines", "--resume", stdin=b"one\ntwo\nthree\n")
        self.assertIn("appended  1 lines", result.text())
        self.assertEqual(self.lines_of("stop"), [b"one", b"two", b"three"])
        self.good("append", "stop", "--lines", stdin=b"four\n")
        self.assertEqual(self.stream_len("stop"), 4)

    def test_restart_begins_anew(self):
        process = self.start_vestry("append", "anew", "--lines", stdin=subprocess.PIPE)
        process.stdin.write(b"one\n")
        process.stdin.flush()
        self.assertTrue(vestry_case.wait_until(lambda: self.stream_len("anew") == 1))
        process.kill()
        process.communicate(timeout=30)
        self.good("append", "anew", "--lines", "--restart", stdin=b"one\ntwo\n")
        self.assertEqual(self.lines_of("anew"), [b"one", b"one", b"two"])

    def test_a_line_that_the_log_does_not_take_stops_before_it_and_can_be_gone_on_from(self):
        token = self.path("small.token")
        key = self.in_cluster("client.key")
        shown = self.good("key", "show", key, "--json", name="vestry-keys").objects()[0]
        holder = [value for value in shown.values() if isinstance(value, str) and len(value) == 64]
        self.good("token", "attenuate", self.in_cluster("client.token"), "--to", holder[0],
                  "--entries", "5", "-o", token, "--key", key)
        text = b"1\n2\n3\n4\n5\n6\n7\n8\n"
        small = ["--token", token, "--state", self.path("small-state")]
        self.bad(5, "quota used up", "append", "small", "--lines", "--batch", "2", *small,
                 stdin=text)
        self.assertEqual(self.lines_of("small", *small), [b"1", b"2", b"3", b"4"])
        self.bad(5, "quota used up", "append", "small", "--lines", "--batch", "2", "--resume",
                 *small, stdin=text)
        self.assertEqual(self.lines_of("small", *small), [b"1", b"2", b"3", b"4"])


class Back(vestry_case.Cluster):
    def test_a_log_that_was_set_back_is_refused(self):
        for number in range(3):
            self.good("append", "back", str(number))
        self.good("head")
        self.good("dev", "stop")
        for name in ("r0", "r1", "r2", "r3"):
            shutil.rmtree(self.in_cluster(name, "data"))
        started = self.run_vestry("dev", "start")
        self.assertEqual(started.code, 0, started.err)
        fresh = ["--state", self.path("knows-nothing")]
        self.good("append", "back", "another past", *fresh)
        # It knows that height, and another block of it.
        result = self.run_vestry("head")
        self.assertEqual(result.code, 4, result.err)
        self.assertIn("the log ", result.err)
        self.assertEqual(self.run_vestry("read", "back").code, 4)
        for number in range(4):
            self.good("append", "back", str(number), *fresh)
        # Now it is higher than what was seen, and does not continue it.
        for verb in (("head",), ("read", "back"), ("read", "back", "--consistency", "local")):
            result = self.run_vestry(*verb)
            self.assertEqual(result.code, 4, result.err)
            self.assertIn("another past", result.err)
            self.assertIn("evidence saved at", result.err)
        saved = [name for name in os.listdir(self.in_cluster("state")) if "evidence" in name]
        with open(self.in_cluster("state", saved[0])) as file:
            self.assertEqual(file.read().count("vestry/1 "), 2)


if __name__ == "__main__":
    unittest.main()

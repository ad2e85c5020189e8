#!/usr/bin/env python3
"""The command line with a cluster: appending, reading, following, receipts, rights, conflicts."""

import os
import signal
import subprocess
import time
import unittest

import programs
import vestry_case

programs.need("vestry", "vestryd", "vestry-verify")


class Log(vestry_case.Cluster):
    def verify(self, receipt, *arguments):
        return self.run_vestry("receipt", receipt, "--charter", self.in_cluster("charter.genesis"),
                               *arguments, name="vestry-verify")

    def test_an_entry_is_appended_and_read_back_byte_for_byte(self):
        payload = bytes(range(256)) * 300
        with open(self.path("payload"), "wb") as file:
            file.write(payload)
        appended = self.good("append", "bytes", "--file", "payload", "--receipt", "p.tlog-proof",
                             "--json").objects()[0]
        self.assertEqual(appended["schema"], "vestry/appended/1")
        self.assertGreaterEqual(appended["signed_by"], 3)
        read = self.good("read", appended["index"])
        self.assertEqual(read.out, payload)
        self.assertRegex(read.err, r"verified, checkpoint [0-9.]+ s old, [34] signatures")
        verified = self.verify("p.tlog-proof", "--payload", "payload")
        self.assertEqual(verified.code, 0, verified.err)
        self.assertTrue(verified.out.startswith(b"OK"))

    def test_a_receipt_with_a_flipped_bit_is_refused_with_code_3(self):
        self.good("append", "flip", "x", "--receipt", "flip.tlog-proof")
        with open(self.path("flip.tlog-proof"), "rb") as file:
            text = bytearray(file.read())
        text[len(text) // 2] ^= 1
        with open(self.path("flipped.tlog-proof"), "wb") as file:
            file.write(text)
        self.assertEqual(self.verify("flipped.tlog-proof").code, 3)

    def test_the_line_for_people_says_where_and_by_whom(self):
        line = self.good("append", "people", "x").text()
        self.assertRegex(line, r"^appended  index \d+  people #0   signed by [34] of 4   "
                               r"[\d.]+ ms\n$")

    def test_an_empty_entry_and_standard_input(self):
        self.good("append", "empty", "")
        self.good("append", "empty", stdin=b"from a pipe\n")
        entries = self.good("read", "empty", "--json").objects()
        self.assertEqual([entry["payload"] for entry in entries], ["", "from a pipe\n"])

    def test_bytes_that_are_no_text_are_base64_in_json(self):
        self.good("append", "raw", stdin=b"\xff\x00")
        entry = self.good("read", "raw", "--json").objects()[0]
        self.assertEqual(entry["payload_base64"], "/wA=")
        self.assertNotIn("payload", entry)

    def test_lines_come_back_in_order_and_in_many_batches(self):
        lines = [f"line {i} ".encode() + b"x" * (i % 200) for i in range(3000)]
        result = self.good("append", "many", "--lines", "--batch", "70", "--json",
                           stdin=b"\n".join(lines) + b"\n")
        done = result.objects()[0]
        self.assertEqual(done["lines"], "3000")
        self.assertEqual(self.lines_of("many"), lines)
        last = self.good("append", "many", "--lines", stdin=b"no newline at the end")
        self.assertIn("appended  1 lines", last.text())
        self.assertEqual(self.lines_of("many")[-1], b"no newline at the end")

    def test_lines_that_trickle_in_are_appended_as_they_come(self):
        process = self.start_vestry("append", "trickle", "--lines", stdin=subprocess.PIPE)
        process.stdin.write(b"first\n")
        process.stdin.flush()
        self.assertTrue(vestry_case.wait_until(lambda: self.stream_len("trickle") == 1))
        process.stdin.write(b"second\n")
        process.stdin.close()
        self.assertEqual(process.wait(timeout=30), 0)
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(self.lines_of("trickle"), [b"first", b"second"])

    def test_every_line_has_a_receipt_in_a_folder(self):
        done = self.good("append", "kept", "--lines", "--receipts", "kept", "--json",
                         stdin=b"a\nb\nc\n").objects()[0]
        first = int(done["first_index"])
        names = sorted(os.listdir(self.path("kept")))
        self.assertEqual(names, sorted(f"{first + i}.tlog-proof" for i in range(3)))
        for name in names:
            self.assertEqual(self.verify(f"kept/{name}").code, 0)

    def test_compare_and_append(self):
        self.good("append", "compare", "zero", "--expect", "0")
        self.good("append", "compare", "one", "--expect", "1")
        result = self.bad(6, "not at the expected length", "append", "compare", "again", "--expect",
                          "1")
        self.assertIn("read what was appended meanwhile", result.err)
        self.assertEqual(self.lines_of("compare"), [b"zero", b"one"])

    def test_tail_shows_the_last_of_a_stream_of_a_prefix_and_of_the_log(self):
        self.good("append", "t/one", "--lines", stdin=b"1\n2\n3\n")
        self.good("append", "t/two", "--lines", stdin=b"4\n5\n")
        self.good("append", "tt", "not below t/")
        self.assertEqual(self.good("tail", "t/one", "-n", "2").out, b"2\n3\n")
        self.assertEqual(self.good("tail", "t/", "-n3").out, b"3\n4\n5\n")
        self.assertEqual(self.good("tail", "-n", "1").out.count(b"\n"), 1)
        self.assertEqual(self.good("tail", "t/none").out, b"")

    def test_tail_follows_until_it_is_interrupted(self):
        self.good("append", "live", "before")
        process = self.start_vestry("tail", "live", "-f", "--json")
        self.assertIn(b'"before"', process.stdout.readline())
        self.good("append", "live", "after")
        self.assertIn(b'"after"', process.stdout.readline())
        self.assertEqual(vestry_case.interrupt(process).code, 0)

    def test_a_read_beyond_the_end_says_how_many_there_are(self):
        self.good("append", "short", "x")
        self.bad(1, "the log has no entry 9999999", "read", "9999999")
        self.bad(1, "short has no entry 5: it has 1", "read", "short", "5")
        self.assertEqual(self.good("read", "no/such/stream").out, b"")

    def test_every_consistency_reads_what_was_acknowledged(self):
        for number in range(5):
            appended = self.good("append", "levels", str(number), "--json").objects()[0]
            for level in ("verified", "linearizable", "causal", "local"):
                read = self.good("read", appended["index"], "--consistency", level)
                self.assertEqual(read.out, str(number).encode())

    def test_another_client_reads_linearizably_what_was_acknowledged(self):
        for number in range(10):
            self.good("append", "others", str(number))
            read = self.good("read", "others", "--consistency", "linearizable", "--state",
                             self.path("another"))
            self.assertEqual(len(read.out.splitlines()), number + 1)

    def test_a_checkpoint_that_is_too_old_is_refused(self):
        self.good("append", "old", "x")
        time.sleep(0.05)
        result = self.bad(7, "s old", "read", "old", "--max-age", "1ms")
        self.assertIn("--max-age", result.err)

    def test_the_head_grows_and_is_a_note_that_others_can_check(self):
        self.good("append", "head", "x")
        before = self.good("head", "--json").objects()[0]
        self.good("append", "head", "y")
        after = self.good("head", "--json").objects()[0]
        self.assertGreater(int(after["entries"]), int(before["entries"]))
        self.assertGreaterEqual(after["signed_by"], 3)
        note = self.good("head", "--note").text()
        self.assertEqual(note.split("\n")[0],
                         f"{after['log']}/{after['cluster_id'][:32]}")

    def test_a_receipt_of_any_entry_with_salt_and_without(self):
        appended = self.good("append", "receipts", "the payload", "--json").objects()[0]
        with open(self.path("r.payload"), "w") as file:
            file.write("the payload")
        self.good("receipt", appended["index"], "-o", "with.tlog-proof")
        self.good("receipt", appended["index"], "--no-salt", "-o", "without.tlog-proof")
        self.assertEqual(self.verify("with.tlog-proof", "--payload", "r.payload").code, 0)
        self.assertEqual(self.verify("without.tlog-proof").code, 0)
        self.assertEqual(self.verify("without.tlog-proof", "--payload", "r.payload").code, 3)
        self.bad(1, "the log has no entry", "receipt", "9999999")

    def test_without_a_token_public_things_can_be_had_and_no_more(self):
        appended = self.good("append", "public", "x", "--json").objects()[0]
        alone = {"VESTRY_CONTEXT": "", "VESTRY_CONFIG": self.path("nothing")}
        charter = ["--charter", self.in_cluster("charter.genesis")]
        self.good("head", *charter, env=alone)
        self.good("streams", *charter, env=alone)
        self.good("status", *charter, env=alone)
        self.good("receipt", appended["index"], *charter, env=alone)
        self.bad(5, "no token is given", "read", appended["index"], *charter, env=alone)

    def test_a_narrow_token_sees_leaves_of_others_and_no_payloads(self):
        self.good("append", "secret/a", "hidden")
        self.good("append", "shown/a", "visible")
        token = self.path("narrow.token")
        key = self.in_cluster("client.key")
        shown = self.good("key", "show", key, "--json", name="vestry-keys").objects()[0]
        holder = [value for value in shown.values() if isinstance(value, str) and len(value) == 64]
        self.good("token", "attenuate", self.in_cluster("client.token"), "--to", holder[0],
                  "--stream", "shown", "-o", token, "--key", key)
        entries = self.good("tail", "-n", "2", "--json", "--token", token).objects()
        self.assertEqual([entry["stream"] for entry in entries], ["secret/a", "shown/a"])
        self.assertNotIn("payload", entries[0])
        self.assertEqual(entries[1]["payload"], "visible")
        result = self.bad(5, "token allows shown only", "append", "secret/a", "x", "--token", token)
        self.assertIn("use stream shown", result.err)

    def test_an_expired_token_is_refused_by_the_log_with_the_date(self):
        token = self.path("brief.token")
        key = self.in_cluster("client.key")
        shown = self.good("key", "show", key, "--json", name="vestry-keys").objects()[0]
        holder = [value for value in shown.values() if isinstance(value, str) and len(value) == 64]
        self.good("token", "attenuate", self.in_cluster("client.token"), "--to", holder[0],
                  "--until", "+1500ms", "-o", token, "--key", key)
        time.sleep(1.6)
        self.bad(5, "token expired 20", "append", "orders", "x", "--token", token, "--state",
                 self.path("brief-state"))

    def test_two_processes_with_one_token_wait_for_each_other(self):
        first = self.start_vestry("append", "busy", "--lines", stdin=subprocess.PIPE)
        first.stdin.write(b"from the first\n")
        first.stdin.flush()
        self.assertTrue(vestry_case.wait_until(lambda: self.stream_len("busy") == 1))
        result = self.bad(1, f"process {first.pid} uses", "append", "busy", "x",
                          "--timeout", "2500ms")
        self.assertIn("token attenuate", result.err)
        second = self.start_vestry("append", "busy", "from the second")
        time.sleep(0.3)
        self.assertIsNone(second.poll())
        first.communicate(timeout=30)
        self.assertEqual(second.wait(timeout=30), 0)
        second.stdout.close()
        second.stderr.close()
        self.assertEqual(self.lines_of("busy"), [b"from the first", b"from the second"])


class Failures(vestry_case.Cluster):
    """Replicas that end, stop and come back."""

    def tearDown(self):
        for name in ("r2", "r3"):
            self.run_vestry("dev", "restart", name)
        self.assertTrue(vestry_case.wait_until(lambda: self.run_vestry("status").code == 0))

    def test_one_backup_down_is_degraded_and_appends_go_on(self):
        self.good("dev", "kill", "r3")
        self.good("append", "degraded", "x")
        status = self.run_vestry("status")
        self.assertEqual(status.code, 8)
        self.assertIn("DEGRADED  3 of 4 up, 3 needed: one more failure stops appends.",
                      status.text())
        self.assertRegex(status.text(), r"r3 .*unreachable")
        rows = [row for row in self.run_vestry("status", "--json").objects() if "replica" in row]
        self.assertEqual([row["state"] for row in rows], ["up", "up", "up", "unreachable"])

    def test_two_down_is_no_quorum_and_reading_goes_on(self):
        self.good("append", "two", "before")
        self.assertEqual(self.lines_of("two"), [b"before"])  # so two replicas hold its checkpoint
        self.good("dev", "kill", "r2")
        self.good("dev", "kill", "r3")
        self.bad(4, "no quorum: 2 of 4 replicas answer, 3 needed", "append", "two", "x",
                 "--timeout", "3s")
        self.assertEqual(self.lines_of("two"), [b"before"])
        self.assertEqual(self.run_vestry("status").code, 4)

    def test_an_append_that_was_sent_is_finished_by_the_next_run(self):
        process = self.start_vestry("append", "unknown", "--lines", "--timeout", "4s",
                                    stdin=subprocess.PIPE)
        process.stdin.write(b"first\n")
        process.stdin.flush()
        self.assertTrue(vestry_case.wait_until(lambda: self.stream_len("unknown") == 1))
        # From here on two replicas take everything and answer nothing.
        for name in ("r2", "r3"):
            pid = self.pid_of(name)
            os.kill(pid, signal.SIGSTOP)
        try:
            process.stdin.write(b"second\n")
            process.stdin.close()
            err = process.stderr.read().decode()
            code = process.wait(timeout=60)
        finally:
            for name in ("r2", "r3"):
                os.kill(self.pid_of(name), signal.SIGCONT)
        process.stdout.close()
        process.stderr.close()
        self.assertEqual(code, 4, err)
        self.assertIn("outcome is not known yet", err)
        self.assertIn("--resume", err)
        finished = self.good("append", "--finish")
        self.assertIn("finished  1 appends", finished.text())
        self.good("append", "unknown", "--lines", "--resume", stdin=b"first\nsecond\nthird\n")
        self.assertEqual(self.lines_of("unknown"), [b"first", b"second", b"third"])

    def pid_of(self, name):
        with open(self.in_cluster(f"{name}.pid")) as file:
            return int(file.read().split()[0])


if __name__ == "__main__":
    unittest.main()

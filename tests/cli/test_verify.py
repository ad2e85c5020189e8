#!/usr/bin/env python3
"""vestry-verify: what it accepts, what it refuses and why, and what is not in it."""

import os
import re
import subprocess
import unittest

import programs
from programs import Case, program, run

VERIFY = "vestry-verify"
KEYS = "vestry-keys-quick"
RECEIPT = "vestry-make-receipt"
EVIDENCE = "vestry-make-evidence"
EPOCHS = "vestry-make-epochs"


class Verify(Case):
    def setUp(self):
        super().setUp()
        self.good(KEYS, "charter", "dev", "--out", "dev")
        with open(self.path("payload"), "w", encoding="ascii") as file:
            file.write("one bell, recast\n")

    def receipt(self, name, cosigners="4", payload="payload"):
        self.good(RECEIPT, "dev", payload, name, cosigners)

    def change(self, name, at, to=None):
        with open(self.path(name), "r+b") as file:
            whole = bytearray(file.read())
            whole[at] = whole[at] ^ 1 if to is None else to
            file.seek(0)
            file.write(whole)

    def test_a_receipt_is_good_by_charter_and_by_policy(self):
        self.receipt("r")
        by_charter = self.good(VERIFY, "receipt", "r", "--charter", "dev/charter.genesis",
                               "--payload", "payload")
        self.assertRegex(by_charter.out, r"^OK  entry 1 of dev\.local/ledger/[0-9a-f]{32}   "
                                         r"signed r0 r1 r2 r3 \(3 needed\)\n")
        self.assertIn("DEVELOPMENT", by_charter.out)
        self.assertIn("the payload is the one that was appended", by_charter.out)
        self.assertIn("the author's signed request is in the receipt", by_charter.out)
        by_policy = self.good(VERIFY, "receipt", "r", "--policy", "dev/charter.policy", "--json")
        seen = by_policy.json()
        self.assertEqual(seen["signed"], ["r0", "r1", "r2", "r3"])
        self.assertEqual((seen["index"], seen["stream"]), ("1", "orders/store17"))
        self.assertTrue(seen["development"])
        self.assertFalse(seen["payload_proven"])

    def test_three_of_four_are_enough_and_two_are_not(self):
        self.receipt("three", "3")
        self.receipt("two", "2")
        enough = self.good(VERIFY, "receipt", "three", "--policy", "dev/charter.policy")
        self.assertIn("signed r0 r1 r2 (3 needed)", enough.out)
        self.bad(3, "too few replicas have cosigned", VERIFY, "receipt", "two", "--policy",
                 "dev/charter.policy")

    def test_any_changed_byte_of_a_receipt_is_refused(self):
        self.receipt("r")
        check = ["receipt", "r", "--charter", "dev/charter.genesis", "--payload", "payload"]
        with open(self.path("r"), "rb") as file:
            whole = file.read()
        lines = whole.index(b"\n\n\xe2\x80\x94", whole.index(b"\n\n") + 2)
        # A line under another key id is one of an unknown key, which counts for nothing; so of
        # the signature lines only the signatures are changed.
        places = list(range(0, lines + 2, 7))
        places += [at - 9 for at, c in enumerate(whole) if c == 10 and at > lines + 2]
        for at in places:
            self.change("r", at)
            result = run(VERIFY, *check, cwd=self.folder)
            self.assertEqual(result.code, 3, f"byte {at} of {len(whole)}: {result.out}")
            self.change("r", at)
        self.good(VERIFY, *check)

    def test_another_payload_is_refused_with_the_reason(self):
        self.receipt("r")
        check = ["receipt", "r", "--policy", "dev/charter.policy", "--payload", "payload"]
        self.change("payload", 0)
        self.bad(3, "the payload is not the entry's", VERIFY, *check)
        with open(self.path("payload"), "a", encoding="ascii") as file:
            file.write("x")
        self.bad(3, "the payload has another length", VERIFY, *check)
        with open(self.path("payload"), "wb") as file:
            file.write(bytes((1 << 20) + 1))
        self.bad(3, "larger than", VERIFY, *check)

    def test_the_largest_payload_is_checked(self):
        with open(self.path("large"), "wb") as file:
            file.write(os.urandom(1 << 20))
        self.receipt("r", payload="large")
        self.good(VERIFY, "receipt", "r", "--charter", "dev/charter.genesis", "--payload", "large")

    def test_a_receipt_of_another_log_is_refused(self):
        self.receipt("r")
        self.good(KEYS, "charter", "dev", "--out", "other")
        for by in [["--charter", "other/charter.genesis"], ["--policy", "other/charter.policy"]]:
            self.bad(3, "the checkpoint is of another log", VERIFY, "receipt", "r", *by)

    def test_a_receipt_needs_exactly_one_judge(self):
        self.receipt("r")
        self.bad(2, "one of --policy and --charter", VERIFY, "receipt", "r")
        self.bad(2, "one of --policy and --charter", VERIFY, "receipt", "r", "--policy", "a",
                 "--charter", "b")
        self.bad(2, "unknown option --polcy", VERIFY, "receipt", "r", "--polcy", "a")
        self.bad(1, "no such file", VERIFY, "receipt", "none", "--policy", "dev/charter.policy")
        self.bad(1, "no such file", VERIFY, "receipt", "r", "--policy", "none")
        self.change("dev/charter.policy", 0)
        self.bad(2, "charter.policy:1:", VERIFY, "receipt", "r", "--policy", "dev/charter.policy")

    def test_a_charter_is_good_and_says_that_it_is_for_development(self):
        good = self.good(VERIFY, "charter", "dev/charter.genesis")
        self.assertIn("OK  DEVELOPMENT charter of dev.local/ledger", good.out)
        seen = self.good(VERIFY, "charter", "dev/charter.genesis", "--json").json()
        self.assertTrue(seen["ok"] and seen["development"])
        self.good(VERIFY, "charter", "dev/charter.genesis", "--expect", seen["cluster_id"])
        self.bad(3, "not the one that was expected", VERIFY, "charter", "dev/charter.genesis",
                 "--expect", "ab" * 32)

    def test_any_changed_byte_of_a_charter_is_refused(self):
        name = "dev/charter.genesis"
        size = os.path.getsize(self.path(name))
        for at in range(0, size, 23):
            self.change(name, at)
            result = run(VERIFY, "charter", name, cwd=self.folder)
            self.assertEqual(result.code, 3, f"byte {at} of {size}: {result.out}")
            self.change(name, at)
        self.good(VERIFY, "charter", name)
        self.change(name, size - 1)
        self.bad(3, "witness w1", VERIFY, "charter", name)

    def test_a_charter_that_is_cut_short_or_empty_is_refused(self):
        with open(self.path("dev/charter.genesis"), "rb") as file:
            whole = file.read()
        for length in [0, 1, len(whole) // 2, len(whole) - 1]:
            with open(self.path("cut"), "wb") as file:
                file.write(whole[:length])
            self.bad(3, "not a charter file", VERIFY, "charter", "cut")
        with open(self.path("large"), "wb") as file:
            file.write(bytes(3 << 20))
        self.bad(3, "larger than", VERIFY, "charter", "large")

    def test_a_token_is_judged_by_its_charter_and_its_time(self):
        token = ["token", "dev/client.token", "--charter", "dev/charter.genesis"]
        self.assertIn("OK  token of dev.local/ledger (DEVELOPMENT)", self.good(VERIFY, *token).out)
        self.assertTrue(self.good(VERIFY, *token, "--json").json()["ok"])
        self.good(KEYS, "key", "new", "--role", "holder", "--id", "c1", "--name", "c", "--plain")
        self.good(KEYS, "token", "issue", "--charter", "dev/charter.genesis", "--key",
                  "dev/keys/i1.key", "--to", "c1.card", "--out", "c1.token", "--until", "+1d")
        short = ["token", "c1.token", "--charter", "dev/charter.genesis"]
        self.good(VERIFY, *short)
        self.bad(3, "block 0: token expired", VERIFY, *short, "--at", "+2d")
        self.good(KEYS, "charter", "dev", "--out", "other")
        self.bad(3, "issuer unknown", VERIFY, "token", "c1.token", "--charter",
                 "other/charter.genesis")
        self.bad(2, "--charter is missing", VERIFY, "token", "c1.token")
        self.bad(2, "--at:", VERIFY, *short, "--at", "noon")

    def test_any_changed_character_of_a_token_is_refused(self):
        token = ["token", "dev/client.token", "--charter", "dev/charter.genesis"]
        for at in range(0, os.path.getsize(self.path("dev/client.token")), 5):
            self.change("dev/client.token", at)
            self.assertEqual(run(VERIFY, *token, cwd=self.folder).code, 3, f"character {at}")
            self.change("dev/client.token", at)
        self.good(VERIFY, *token)


    def test_evidence_convicts_its_signer_by_the_charter_alone(self):
        self.good(EVIDENCE, "dev", "2", "e")
        check = ["evidence", "e", "--charter", "dev/charter.genesis"]
        self.assertIn("OK  r2 is convicted: ", self.good(VERIFY, *check).out)
        seen = self.good(VERIFY, *check, "--json").json()
        self.assertEqual((seen["replica"], seen["view"], seen["sequence"]), ("2", "1", "7"))
        self.good(KEYS, "charter", "dev", "--out", "other")
        self.bad(3, "not signed by whom it accuses", VERIFY, "evidence", "e", "--charter",
                 "other/charter.genesis")

    def test_what_is_no_evidence_convicts_nobody(self):
        check = ["evidence", "e", "--charter", "dev/charter.genesis"]
        self.good(EVIDENCE, "dev", "2", "e", "agrees")
        self.bad(3, "do not contradict each other", VERIFY, *check)
        with open(self.path("e"), "wb") as file:
            file.write(b"r2 did it")
        self.bad(3, "not evidence as FORMATS has it", VERIFY, *check)
        self.bad(2, "--charter is missing", VERIFY, "evidence", "e")
        os.unlink(self.path("e"))
        self.bad(1, "e: ", VERIFY, *check)

    def test_any_changed_byte_of_evidence_is_refused(self):
        self.good(EVIDENCE, "dev", "2", "e")
        for at in range(0, os.path.getsize(self.path("e"))):
            self.change("e", at)
            self.assertEqual(run(VERIFY, "evidence", "e", "--charter", "dev/charter.genesis",
                                 cwd=self.folder).code, 3, f"byte {at}")
            self.change("e", at)
        self.good(VERIFY, "evidence", "e", "--charter", "dev/charter.genesis")


class Epochs(Case):
    """A log whose r2 got new keys at the end of the first epoch."""

    def setUp(self):
        super().setUp()
        self.good(EPOCHS, ".")

    def check(self, receipt, state="state.bundle"):
        return [VERIFY, "receipt", receipt, "--charter", "charter.genesis"] + (
            ["--state", state] if state else [])

    def test_receipts_of_every_epoch_are_judged_by_charter_and_hand_offs(self):
        for epoch in range(3):
            good = self.good(*self.check(f"receipt-{epoch}"))
            self.assertIn("signed r0 r1 r2 (3 needed)", good.out)

    def test_the_charter_alone_is_enough_for_its_own_epoch_and_no_other(self):
        self.good(*self.check("receipt-0", None))
        self.bad(3, "of another epoch than these keys", *self.check("receipt-1", None))

    def test_old_keys_do_not_count_in_the_next_epoch(self):
        self.bad(3, "too few replicas have cosigned", *self.check("receipt-stale"))

    def test_a_bundle_that_does_not_hold_is_refused_with_the_reason(self):
        with open(self.path("state.bundle"), "rb") as file:
            whole = bytearray(file.read())
        with open(self.path("short"), "wb") as file:
            file.write(whole[:-1])
        self.bad(3, "not a state bundle", *self.check("receipt-1", "short"))
        at = whole.index(b"vestry/governance") + 40  # in the first entry's leaf
        whole[at] ^= 1
        with open(self.path("bent"), "wb") as file:
            file.write(whole)
        self.bad(3, "the hand-off of epoch 0: an entry is not in the log",
                 *self.check("receipt-1", "bent"))

    def test_evidence_of_a_later_epoch_is_judged_by_its_keys(self):
        check = [VERIFY, "evidence", "evidence-1", "--charter", "charter.genesis"]
        good = self.good(*check, "--state", "state.bundle")
        self.assertIn("r2 is convicted", good.out)
        self.assertIn("epoch 1, view 1, sequence 400", good.out)
        self.bad(3, "give --state with a state bundle that leads to its epoch", *check)

    def test_a_state_goes_on_from_a_charter(self):
        self.bad(2, "--state goes on from a charter", VERIFY, "receipt", "receipt-0", "--policy",
                 "x", "--state", "state.bundle")


class Program(unittest.TestCase):
    """What was linked. Sanitizers add libraries of their own, so these look at plain builds."""

    def lines(self, *command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def test_it_needs_libsodium_and_libc_only(self):
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", self.lines("readelf", "-d", program(VERIFY)))
        if any("san" in name for name in needed):
            self.skipTest("a sanitizer is linked")
        allowed = r"^(libsodium|libc)\.so\.\d+$"
        self.assertEqual([name for name in needed if not re.match(allowed, name)], [])

    def test_nothing_in_it_can_sign(self):
        symbols = self.lines("nm", "-D", "--undefined-only", program(VERIFY))
        self.assertIn("crypto_sign_ed25519_verify_detached", symbols)
        calls = re.findall(r"crypto_sign\w*", symbols)
        self.assertEqual(set(calls), {"crypto_sign_ed25519_verify_detached"})
        self.assertNotIn("randombytes", symbols)


if __name__ == "__main__":
    programs.need(VERIFY, KEYS, RECEIPT, EVIDENCE, EPOCHS)
    unittest.main()

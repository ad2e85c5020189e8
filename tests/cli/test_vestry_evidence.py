#!/usr/bin/env python3
"""vestry evidence: what replicas hold against each other is listed, judged, and can be kept."""

import base64
import os
import unittest

import programs
import vestry_case

programs.need("vestry", "vestryd", "vestry-verify", "vestry-make-evidence")


class Evidence(vestry_case.Cluster):
    def setUp(self):
        self.clear()

    def tearDown(self):
        self.clear()

    def held_by(self, rid, *names):
        return self.in_cluster(f"r{rid}", "data", "evidence", *names)

    def clear(self):
        for rid in range(4):
            folder = self.held_by(rid)
            for name in os.listdir(folder) if os.path.isdir(folder) else []:
                os.unlink(os.path.join(folder, name))

    def make(self, rid, accused, name, *more):
        os.makedirs(self.held_by(rid), exist_ok=True)
        self.good(self.dir, str(accused), self.held_by(rid, name), *more,
                  name="vestry-make-evidence")

    def test_a_cluster_without_faults_has_none(self):
        result = self.good("evidence")
        self.assertEqual(result.out, b"")
        self.assertIn("no evidence: 4 of 4 replicas answer and hold none", result.err)
        self.assertEqual(self.good("evidence", "--json").objects(), [])

    def test_what_several_hold_is_listed_once_and_can_be_verified_offline(self):
        self.make(0, 2, "r2-1-7")
        self.make(3, 2, "r2-1-7")
        self.make(3, 1, "r1-1-7")
        seen = self.good("evidence", "--json").objects()
        self.assertEqual(sorted((one["replica"], one["held_by"]) for one in seen),
                         [(1, 3), (2, 0)])
        self.assertEqual({(one["view"], one["sequence"]) for one in seen}, {("1", "7")})
        with open(self.held_by(0, "r2-1-7"), "rb") as file:
            self.assertIn(file.read(), [base64.b64decode(one["evidence_base64"]) for one in seen])
        kept = self.good("evidence", "-o", "found").text()
        self.assertIn("r2 is convicted: ", kept)
        names = sorted(os.listdir(self.path("found")))
        self.assertEqual(names, ["r1-1.evidence", "r2-0.evidence"])
        for name in names:
            self.good("evidence", self.path("found", name), "--charter",
                      self.in_cluster("charter.genesis"), name="vestry-verify")
        self.bad(2, "found/r2-0.evidence", "evidence", "-o", "found")

    def test_a_bad_message_about_views_convicts_by_itself(self):
        self.make(0, 2, "r2-5-0", "view-change")
        self.make(3, 2, "r2-5-0", "view-change")
        self.make(3, 1, "r1-6-0", "new-view")
        seen = self.good("evidence", "--json").objects()
        self.assertEqual(sorted((one["replica"], one["view"], one["kind"]) for one in seen),
                         [(1, "9", "an invalid or second new view"),
                          (2, "10", "an invalid or contradictory view change")])
        self.good("evidence", "-o", "of-views")
        names = sorted(os.listdir(self.path("of-views")))
        self.assertEqual(names, ["r1-1.evidence", "r2-0.evidence"])
        for name in names:
            said = self.good("evidence", self.path("of-views", name), "--charter",
                             self.in_cluster("charter.genesis"), name="vestry-verify").text()
            self.assertIn("the statement bears its signature", said)

    def test_a_view_change_that_denies_a_commit_convicts_who_signed_both(self):
        self.make(0, 2, "r2-13-7", "denial")
        seen = self.good("evidence", "--json").objects()
        self.assertEqual([(one["replica"], one["view"], one["sequence"], one["kind"])
                          for one in seen],
                         [(2, "1", "7", "a view change that denies a commit of its signer")])
        self.good("evidence", "-o", "of-denials")
        said = self.good("evidence", self.path("of-denials", "r2-0.evidence"), "--charter",
                         self.in_cluster("charter.genesis"), name="vestry-verify").text()
        self.assertIn("OK  r2 is convicted: a view change that denies a commit of its signer", said)
        self.assertIn("both statements bear its signature", said)

    def test_a_good_view_change_convicts_nobody(self):
        self.make(0, 2, "r2-5-0", "genesis")
        result = self.good("evidence")
        self.assertEqual(result.out, b"")
        self.bad(3, "nothing is wrong with what it signed", "evidence", self.held_by(0, "r2-5-0"),
                 "--charter", self.in_cluster("charter.genesis"), name="vestry-verify")

    def test_what_proves_nothing_accuses_nobody(self):
        self.make(1, 2, "r2-1-7", "agrees")
        os.makedirs(self.held_by(2), exist_ok=True)
        with open(self.held_by(2, "r0-1-1"), "wb") as file:
            file.write(b"r0 did it")
        os.mkfifo(self.held_by(2, "r0-1-2"))
        os.symlink("/etc/hostname", self.held_by(2, "r0-1-3"))
        result = self.good("evidence")
        self.assertEqual(result.out, b"")
        self.assertIn("no evidence: 2 of 4", result.err)

    def test_without_replicas_it_says_who_is_missing(self):
        endpoints = [word for rid in range(4) for word in ("--endpoint", f"r{rid}=127.0.0.1:1")]
        self.bad(4, "0 of 4 replicas answer", "evidence", "--timeout", "1s", *endpoints)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Governance as officers run it, with a cluster: what is in force, shown and written down."""

import os
import unittest

import programs
import vestry_case

programs.need("vestry", "vestryd", "vestry-keys")


class InForce(vestry_case.Cluster):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_vestry("append", "orders", "so that there is a checkpoint")

    def show(self):
        return self.good("gov", "show", "--json").objects()[0]

    def test_what_is_in_force_is_shown_in_words(self):
        text = self.good("gov", "show").text()
        self.assertIn("DEVELOPMENT", text)
        self.assertIn("members    3: root acts need 2, operations 2, emergencies 2", text)
        self.assertRegex(text, r"r3 +development +active")
        self.assertIn("none suspended (1 allowed); quorum 3 of 4", text)
        self.assertIn("versions   members 1, recovery 1, replicas 1", text)

    def test_what_is_in_force_is_shown_to_programs(self):
        state = self.show()
        self.assertEqual(state["schema"], "vestry/in-force/1")
        self.assertGreaterEqual(state["signed_by"], 3)
        self.assertEqual([row["standing"] for row in state["replicas"]], ["active"] * 4)
        self.assertEqual(state["thresholds"]["emergency"], "2")
        self.assertEqual(state["versions"]["replicas"], "1")

    def test_it_is_written_down_once(self):
        self.good("gov", "export", "--out", "state.bundle")
        self.assertGreater(os.path.getsize(self.path("state.bundle")), 1000)
        self.bad(2, "exists already", "gov", "export", "--out", "state.bundle")
        self.bad(2, "--out is missing", "gov", "export")

    def test_nobody_needs_a_token_for_it(self):
        nowhere = {"VESTRY_CONFIG": self.path("nowhere")}
        self.bad(2, "no charter is given", "gov", "show", env=nowhere)
        self.good("gov", "show", "--charter", self.in_cluster("charter.genesis"), env=nowhere)

    def test_another_charter_gets_no_answer(self):
        self.good("charter", "dev", "--out", "other", name="vestry-keys")
        rows = self.good("dev", "status", "--json").objects()[0]["replicas"]
        ports = [f"--endpoint={row['replica']}={row['address']}" for row in rows]
        self.bad(4, "no quorum", "gov", "show", "--charter", "other/charter.genesis", *ports,
                 "--timeout", "2s", env={"VESTRY_CONFIG": self.path("nowhere")})


if __name__ == "__main__":
    unittest.main()

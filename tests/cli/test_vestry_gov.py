#!/usr/bin/env python3
"""Governance as officers run it, with a cluster: what is in force; a replica suspended by the
commands of keys/CEREMONY.md and restored; and every mistake with the words that help."""

import os
import shlex
import shutil
import unittest
import urllib.request

import programs
import test_ceremony
import vestry_case

programs.need("vestry", "vestryd", "vestry-keys", "vestry-verify")


class Officers(vestry_case.Cluster):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_vestry("append", "orders", "so that there is a checkpoint")
        # As in the document.
        os.symlink(os.path.join(cls.dir, "keys"), os.path.join(cls.home, "secret"))
        shutil.copy(os.path.join(cls.dir, "charter.genesis"), cls.home)

    def show(self):
        return self.good("gov", "show", "--json").objects()[0]

    def standing(self):
        return {row["id"]: row["standing"] for row in self.show()["replicas"]}

    def export(self, name):
        if os.path.exists(self.path(name)):
            os.remove(self.path(name))
        self.good("gov", "export", "--out", name)
        return name

    def keys(self, *arguments):
        return self.good(*arguments, name="vestry-keys")

    def signed(self, *arguments, **options):
        """At a terminal, with the words confirmed."""
        result = self.at_terminal(*arguments, **options)
        self.assertEqual(result.code, 0, result.text())
        return result

    def bundle(self, stem, *arguments, proposer="m2", voter="m1", state="state.bundle"):
        """A proposal of one member and the ballots that make it complete, in STEM.bundle."""
        own = arguments[0] == "emergency"
        self.signed(*arguments, "--state", state, "--key", f"secret/{proposer}.key",
                    "--reason", "as agreed", "--out", f"{stem}.gov")
        ballots = []
        for member in [voter] if own else [proposer, voter]:
            ballots.append(f"{stem}.{member}")
            self.signed("ballot", f"{stem}.gov", "--state", state, "--key",
                        f"secret/{member}.key", "--yes", "--out", ballots[-1])
        self.keys("bundle", f"{stem}.gov", *ballots, "--state", state, "--out", f"{stem}.bundle")
        return f"{stem}.bundle"

    def pages(self):
        rows = self.good("dev", "status", "--json").objects()[0]["replicas"]
        return [row["page"] for row in rows]

    def metric(self, name):
        """What each replica says of it."""
        found = []
        for page in self.pages():
            with urllib.request.urlopen(page + "metrics", timeout=10) as answer:
                lines = answer.read().decode().splitlines()
            found.append({line.split()[0]: line.split()[1] for line in lines
                          if line.startswith(name + "{")})
        return found


class InForce(Officers):
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
        self.good("gov", "export", "--out", "once.bundle")
        self.assertGreater(os.path.getsize(self.path("once.bundle")), 1000)
        self.bad(2, "exists already", "gov", "export", "--out", "once.bundle")
        self.bad(2, "--out is missing", "gov", "export")

    def test_nobody_needs_a_token_for_it(self):
        nowhere = {"VESTRY_CONFIG": self.path("nowhere")}
        self.bad(2, "no charter is given", "gov", "show", env=nowhere)
        self.good("gov", "show", "--charter", "charter.genesis", env=nowhere)

    def test_another_charter_gets_no_answer(self):
        self.keys("charter", "dev", "--out", "other")
        rows = self.good("dev", "status", "--json").objects()[0]["replicas"]
        ports = [f"--endpoint={row['replica']}={row['address']}" for row in rows]
        self.bad(4, "no quorum", "gov", "show", "--charter", "other/charter.genesis", *ports,
                 "--timeout", "2s", env={"VESTRY_CONFIG": self.path("nowhere")})


class Emergency(Officers):
    def run_line(self, line):
        words = shlex.split(line)
        if words[0] == "vestry":
            return self.good(*words[1:])
        if words[1] in ("emergency", "propose", "ballot"):
            return self.signed(*words[1:])
        return self.good(*words[1:], name=words[0])

    def test_the_commands_of_the_document_suspend_a_replica_and_restore_it(self):
        before = self.good("head", "--json").objects()[0]
        blocks = test_ceremony.blocks("Emergency")
        said = [self.run_line(line) for line in blocks[0]]
        self.assertRegex(said[-1].text(), r"^accepted at height \d+, r3 suspended \(1 of 1 "
                         r"allowed\); quorum still 3 of 4; you have no fault budget left: "
                         r"replace r3\n$")
        self.assertEqual(self.standing(), {"r0": "active", "r1": "active", "r2": "active",
                                           "r3": "suspended"})
        self.assertTrue(vestry_case.wait_until(self.all_know))
        self.good("append", "orders", "it goes on")

        said = [self.run_line(line) for line in blocks[1]]
        self.assertRegex(said[-1].text(), r"^accepted at height \d+, r3 restored; none suspended "
                         r"\(1 allowed\); quorum 3 of 4\n$")
        self.assertEqual(set(self.standing().values()), {"active"})
        after = self.good("head", "--json").objects()[0]
        self.assertGreater(int(after["height"]), int(before["height"]) + 2)

    def test_what_is_to_hold_later_is_taken_and_does_not_hold_yet(self):
        self.export("later.state")
        self.signed("emergency", "suspend-replica", "r3", "--state", "later.state", "--key",
                    "secret/m2.key", "--reason", "moving", "--not-before", "+6h", "--out",
                    "later.gov")
        self.signed("ballot", "later.gov", "--state", "later.state", "--key", "secret/m1.key",
                    "--yes", "--out", "later.m1")
        self.keys("bundle", "later.gov", "later.m1", "--state", "later.state", "--out",
                  "later.bundle")
        said = self.good("gov", "submit", "later.bundle").text()
        self.assertRegex(said, r"^accepted at height \d+, r3 not yet: not before 20[0-9: -]+ "
                         r"UTC\n$")
        self.assertEqual(self.standing()["r3"], "active")
        # The log has it: the same once more is refused by the log itself.
        again = self.bad(6, "E_SEEN", "gov", "submit", "later.bundle")
        self.assertIn("it is in the log already", again.err)

    def leader(self):
        return f"r{self.good('status', '--json').objects()[0]['primary']}"

    def all_know(self):
        return all(of.get('vestry_replica_suspended{replica="r3"}') == "1"
                   for of in self.metric("vestry_replica_suspended"))

    def test_when_the_replica_that_leads_is_suspended_another_one_leads(self):
        self.export("state.bundle")
        leader = self.leader()
        bundle = self.bundle("lead", "emergency", "suspend-replica", leader)
        outcome = self.good("gov", "submit", bundle, "--json", "--receipt", "s.proof").objects()[0]
        self.assertTrue(outcome["in_force"])
        self.assertEqual(outcome["replica"], leader)
        self.assertEqual(outcome["suspended"], 1)
        self.good("append", "orders", "under another one")
        self.assertNotEqual(self.leader(), leader)
        self.good("receipt", "s.proof", "--charter", "charter.genesis", name="vestry-verify")

        self.export("state2.bundle")
        back = self.bundle("back", "propose", "replica-restore", leader, state="state2.bundle")
        self.assertIn(f"{leader} restored", self.good("gov", "submit", back).text())
        self.good("append", "orders", "all are back")


class Mistakes(Officers):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_vestry("gov", "export", "--out", "state.bundle")

    def emergency(self, out, *more, key="m2", rid="r3", state="state.bundle", reason="x"):
        return self.at_terminal("emergency", "suspend-replica", rid, "--state", state, "--key",
                                f"secret/{key}.key", "--reason", reason, "--out", out, *more)

    def said(self, code, what, todo, result):
        self.assertEqual(result.code, code, result.text())
        self.assertIn("error: ", result.text())
        self.assertIn(what, result.text())
        self.assertIn("try: ", result.text())
        self.assertIn(todo, result.text())

    def test_what_is_signed_is_shown_as_a_difference(self):
        text = self.emergency("shown.gov", reason="host compromise").text()
        self.assertIn("- r3 active\n  + r3 suspended\n", text)
        self.assertIn("NO fault budget is left", text)
        self.assertIn("reason     host compromise", text)
        self.assertIn("you sign as m2 Second member: the proposal, and a ballot YES", text)
        self.assertIn("1 of 2 yes votes that are needed (emergency): 1 more, of m1 or m3", text)

    def test_without_the_words_nothing_is_signed(self):
        options = ["emergency", "suspend-replica", "r3", "--state", "state.bundle", "--key",
                   "secret/m2.key", "--reason", "x", "--out", "never.gov"]
        self.said(3, "not the last two words", "compare all words",
                  self.at_terminal(*options, words="wrong words"))
        self.said(3, "not exactly Yes", "compare all words",
                  self.at_terminal(*options, answer="yes"))
        self.assertFalse(os.path.exists(self.path("never.gov")))

    def test_one_officer_is_not_enough(self):
        self.assertEqual(self.emergency("one.gov").code, 0)
        for arguments in (["bundle", "one.gov", "--state", "state.bundle", "--out", "one.bundle"],):
            result = self.bad(1, "1 of 2 yes votes", *arguments, name="vestry-keys")
            self.assertIn("1 more, of m1 or m3", result.err)
        self.assertFalse(os.path.exists(self.path("one.bundle")))
        self.bad(1, "1 more, of m1 or m3", "gov", "submit", "one.gov")
        self.said(2, "m2 has voted in this file already", "another member",
                  self.at_terminal("ballot", "one.gov", "--state", "state.bundle", "--key",
                                   "secret/m2.key", "--yes", "--out", "again"))
        self.bad(2, "either --yes or --no", "ballot", "one.gov", "--state", "state.bundle",
                 "--key", "secret/m1.key", "--out", "none", name="vestry-keys")

    def test_a_vote_against_it_does_not_count_for_it(self):
        self.assertEqual(self.emergency("no.gov").code, 0)
        self.signed("ballot", "no.gov", "--state", "state.bundle", "--key", "secret/m1.key", "--no",
                    "--out", "no.m1")
        result = self.bad(1, "1 of 2 yes votes", "bundle", "no.gov", "no.m1", "--state",
                          "state.bundle", "--out", "no.bundle", name="vestry-keys")
        self.assertIn("1 more, of m3", result.err)
        self.bad(2, "two ballots of m1", "bundle", "no.gov", "no.m1", "no.m1", "--state",
                 "state.bundle", "--out", "no.bundle", name="vestry-keys")

    def test_a_ballot_for_another_proposal(self):
        self.assertEqual(self.emergency("first.gov").code, 0)
        self.assertEqual(self.emergency("second.gov").code, 0)
        self.signed("ballot", "first.gov", "--state", "state.bundle", "--key", "secret/m1.key",
                    "--yes", "--out", "first.m1")
        self.bad(3, "is for another proposal", "bundle", "second.gov", "first.m1", "--state",
                 "state.bundle", "--out", "mixed.bundle", name="vestry-keys")

    def test_a_replica_that_is_not_there_or_not_suspended(self):
        self.said(2, "no replica r9", "r0, r1, r2, r3", self.emergency("r9.gov", rid="r9"))
        self.said(2, "not the name of a replica", "r0, r1", self.emergency("x.gov", rid="three"))
        self.said(2, "r1 is not suspended", "gov show",
                  self.at_terminal("propose", "replica-restore", "r1", "--state", "state.bundle",
                                   "--key", "secret/m1.key", "--reason", "x", "--out", "r1.gov"))

    def test_the_key_of_somebody_else(self):
        self.said(1, "h1", "", self.emergency("h1.gov", key="h1"))
        self.keys("key", "new", "--role", "member", "--id", "m2", "--name", "Mallory", "--plain",
                  "--salt", self.salt(), "--out", "mallory", "--card", "mallory.card")
        self.said(5, "the key of m2 is not that of a member now", "who the members are",
                  self.at_terminal("emergency", "suspend-replica", "r3", "--state", "state.bundle",
                                   "--key", "mallory/m2.key", "--reason", "x", "--out", "m.gov"))

    def salt(self):
        self.keys("charter", "salt", "--out", "salt")
        return "salt"

    def bent(self, name, at, to):
        with open(self.path(name), "rb") as file:
            data = bytearray(file.read())
        data[at] ^= 1
        with open(self.path(to), "wb") as file:
            file.write(data)
        return to

    def test_a_changed_byte(self):
        size = os.path.getsize(self.path("state.bundle"))
        for at in (40, size // 3, size // 2, size - 5):
            bent = self.bent("state.bundle", at, "bent.bundle")
            self.bad(3, "bent.bundle: ", "state", "verify", bent, "--charter", "charter.genesis",
                     name="vestry-keys")
            self.said(3, "bent.bundle: ", "export it again",
                      self.emergency("bent.gov", state="bent.bundle"))
        self.assertEqual(self.emergency("good.gov").code, 0)
        with open(self.path("good.gov"), encoding="ascii") as file:
            lines = file.read().split("\n")
        for line, at in ((1, 20), (3, 5), (4, 40)):
            bad = list(lines)
            bad[line] = bad[line][:at] + ("A" if bad[line][at] != "A" else "B") + bad[line][at + 1:]
            with open(self.path("bad.gov"), "w", encoding="ascii") as file:
                file.write("\n".join(bad))
            self.bad(3, "", "gov", "submit", "bad.gov")

    def test_the_charter_of_another_log(self):
        self.keys("charter", "dev", "--out", "elsewhere")
        self.bad(3, "of another log than the charter", "state", "verify", "state.bundle",
                 "--charter", "elsewhere/charter.genesis", name="vestry-keys")
        self.said(3, "of another log than the charter", "compare the ids",
                  self.emergency("e.gov", "--charter", "elsewhere/charter.genesis"))
        self.keys("state", "verify", "state.bundle", "--charter", "charter.genesis")

    def test_times_that_the_log_does_not_allow(self):
        self.said(7, "later than this log allows", "--deadline",
                  self.emergency("t.gov", "--deadline", "+60d"))
        self.said(7, "before its beginning", "--deadline",
                  self.emergency("t.gov", "--deadline", "+1d", "--not-before", "+2d"))
        self.said(7, "was to be decided by", "proposed anew",
                  self.emergency("t.gov", "--deadline", "2020-01-01"))
        self.said(2, "is not a time", "+3d", self.emergency("t.gov", "--deadline", "soon"))

    def test_a_reason_that_cannot_be_shown(self):
        self.said(2, "the reason is longer", "one short sentence",
                  self.emergency("long.gov", reason="x" * 2000))
        self.bad(2, "--reason is missing", "propose", "replica-suspend", "r3", "--state",
                 "state.bundle", "--key", "secret/m1.key", "--out", "w.gov", name="vestry-keys")

    def test_without_a_terminal_a_proposal_is_not_made(self):
        result = self.run_vestry("emergency", "suspend-replica", "r3", "--state", "state.bundle",
                                 "--key", "secret/m1.key", "--reason", "x", "--out", "u.gov",
                                 name="vestry-keys", start_new_session=True)
        self.assertEqual(result.code, 2, result.err)
        self.assertIn("run it at a terminal", result.err)

    def test_a_token_that_may_not_govern(self):
        self.assertEqual(self.emergency("token.gov").code, 0)
        self.signed("ballot", "token.gov", "--state", "state.bundle", "--key", "secret/m1.key",
                    "--yes", "--out", "token.m1")
        self.keys("bundle", "token.gov", "token.m1", "--state", "state.bundle", "--out",
                  "token.bundle")
        self.keys("key", "new", "--role", "holder", "--id", "reader", "--name", "Reader", "--plain",
                  "--out", ".")
        self.keys("token", "issue", "--charter", "charter.genesis", "--key", "secret/i1.key",
                  "--to", "reader.card", "--op", "append", "--op", "read", "--out", "reader.token")
        self.bad(5, "token does not allow to govern", "gov", "submit", "token.bundle", "--token",
                 "reader.token", "--key", "reader.key")
        self.keys("token", "issue", "--charter", "charter.genesis", "--key", "secret/i1.key",
                  "--to", "reader.card", "--op", "govern", "--out", "officer.token")
        self.assertIn("govern", self.keys("token", "inspect", "officer.token").text())


class NewKeys(Officers):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.run_vestry("gov", "export", "--out", "state.bundle")

    def host(self, stem, rid="r3", agrees=True):
        """New keys of a replica in STEM, and that the key which it has agrees."""
        self.keys("key", "new", "--role", "replica", "--id", rid, "--charter", "charter.genesis",
                  "--out", stem, "--endpoint", "127.0.0.1:7103")
        if agrees:
            self.keys("key", "agree", f"{stem}/{rid}.card", "--charter", "charter.genesis", "--key",
                      self.in_cluster(rid, f"{rid}.key"), "--out", f"{stem}/agreed")
        return f"{stem}/{rid}.card"

    def rotate(self, out, card, *more, rid="r3"):
        return self.at_terminal("propose", "replica-rotate", rid, "--card", card, "--state",
                                "state.bundle", "--key", "secret/m1.key", "--reason", "yearly",
                                "--out", out, *more)

    def said(self, code, what, todo, result):
        self.assertEqual(result.code, code, result.text())
        for part in ("error: ", what, "try: ", todo):
            self.assertIn(part, result.text())

    def key_of(self, path):
        return self.keys("key", "show", path, "--json").objects()[0]["key"]

    def test_members_see_which_keys_go_and_which_come(self):
        card = self.host("shown")
        text = self.rotate("shown.gov", card, "--old", "shown/agreed").text()
        self.assertIn("proposal to give r3 new keys in dev.local/ledger   DEVELOPMENT", text)
        for part, suffix in (("sign", ""), ("cosign", ".cosign"), ("transport", ".transport")):
            old = self.key_of(self.in_cluster("r3", f"r3{suffix}.key"))
            new = self.key_of(f"shown/r3{suffix}.key")
            self.assertRegex(text, rf"  - r3 {part} key {old}\n(    .*\n)+"
                             rf"  \+ r3 {part} key {new}\n")
        words = self.keys("key", "show", "shown/r3.key").text().split("\n", 1)[1]
        self.assertIn(words, text)
        self.assertIn("every new key has signed for it; the old sign key agrees", text)
        self.assertIn("written    for version 1 of members and 1 of replicas", text)
        self.assertIn("enacted    at once: development has no locks", text)
        self.assertIn("from       the next epoch on: behind the first height divisible by 128 "
                      "that is at least 256 above", text)
        self.assertIn("0 of 2 yes votes that are needed (operations)", text)

    def test_the_commands_of_the_document(self):
        os.remove(self.path("state.bundle"))
        os.symlink(self.in_cluster("r3"), self.path("r3"))
        for line in [line for block in test_ceremony.blocks("Later") for line in block]:
            words = shlex.split(line)
            if words[0] in ("key", "rotated_keys"):
                continue  # of the host's configuration: test_vestry_rotation.py
            if words[0] == "vestry":
                self.good(*words[1:])
            elif words[1] in ("propose", "ballot"):
                self.signed(*words[1:])
            else:
                self.keys(*words[1:])
        self.assertTrue(os.path.exists(self.path("k.bundle")))

    def test_that_the_old_key_does_not_agree_is_said(self):
        card = self.host("lost", agrees=False)
        text = self.rotate("lost.gov", card).text()
        self.assertIn("the old sign key has NOT: it is lost, or its replica does not know of this",
                      text)

    def test_a_ballot_and_a_bundle_on_new_keys(self):
        card = self.host("voted")
        self.assertEqual(self.rotate("voted.gov", card, "--old", "voted/agreed").code, 0)
        for member in ("m1", "m2"):
            text = self.signed("ballot", "voted.gov", "--state", "state.bundle", "--key",
                               f"secret/{member}.key", "--yes", "--out", f"voted.{member}").text()
            self.assertIn("+ r3 transport key", text)
        made = self.keys("bundle", "voted.gov", "voted.m1", "voted.m2", "--state", "state.bundle",
                         "--out", "voted.bundle", "--json").objects()[0]
        self.assertEqual(made["action"], "replica-key-rotate")
        self.assertEqual(made["replica"], "r3")
        self.assertEqual(made["sign"], self.key_of("voted/r3.key"))
        self.assertTrue(made["old_agrees"])
        self.assertTrue(made["complete"])

    def test_cards_that_are_not_of_this_replica_or_log(self):
        card = self.host("other", rid="r2")
        self.said(2, "not a card of r3", "its host", self.rotate("x.gov", card))
        self.said(2, "no replica r9", "r0, r1, r2, r3", self.rotate("x.gov", card, rid="r9"))
        self.keys("charter", "salt", "--out", "early.salt")
        self.keys("key", "new", "--role", "replica", "--id", "r3", "--salt", "early.salt", "--out",
                  "early", "--endpoint", "127.0.0.1:7103")
        self.said(3, "has not signed it for this log", "the charter",
                  self.rotate("x.gov", "early/r3.card"))
        self.bad(2, "--card is missing", "propose", "replica-rotate", "r3", "--state",
                 "state.bundle", "--key", "secret/m1.key", "--reason", "x", "--out", "x.gov",
                 name="vestry-keys")

    def test_agreements_that_are_none(self):
        card = self.host("mine")
        self.host("theirs")
        self.said(2, "agrees to another card", "key agree",
                  self.rotate("x.gov", card, "--old", "theirs/agreed"))
        self.said(3, "not an agreement", "the file again",
                  self.rotate("x.gov", card, "--old", card))
        self.bad(2, "this key is the new one", "key", "agree", card, "--key", "mine/r3.key",
                 "--charter", "charter.genesis", "--out", "no", name="vestry-keys")
        self.bad(2, "not one of r2", "key", "agree", card, "--key", self.in_cluster("r2", "r2.key"),
                 "--charter", "charter.genesis", "--out", "no", name="vestry-keys")
        # A key that r3 never had.
        self.keys("key", "agree", card, "--key", "theirs/r3.key", "--charter", "charter.genesis",
                  "--out", "false")
        self.said(3, "agrees, and it does not", "do not sign",
                  self.rotate("x.gov", card, "--old", "false"))

    def test_a_card_for_a_log_is_shown_with_its_charter(self):
        card = self.host("card", agrees=False)
        self.bad(3, "has not signed it for this log", "key", "show", card, name="vestry-keys")
        shown = self.keys("key", "show", card, "--charter", "charter.genesis", "--json").objects()
        self.assertEqual(shown[0]["key"], self.key_of("card/r3.key"))


class Renewal(Officers):
    def ready(self, stem):
        """A proposal with its ballots; and what its proposer was shown."""
        text = self.signed("propose", "epoch-renew", "--state", "state.bundle", "--key",
                           "secret/m1.key", "--reason", "a rehearsal", "--out",
                           f"{stem}.gov").text()
        for member in ("m1", "m2"):
            self.signed("ballot", f"{stem}.gov", "--state", "state.bundle", "--key",
                        f"secret/{member}.key", "--yes", "--out", f"{stem}.{member}")
        self.keys("bundle", f"{stem}.gov", f"{stem}.m1", f"{stem}.m2", "--state", "state.bundle",
                  "--out", f"{stem}.bundle")
        return text

    def test_an_epoch_ends_and_another_one_waits(self):
        self.export("state.bundle")
        text = self.ready("first")
        self.assertIn("proposal to begin a new epoch in dev.local/ledger", text)
        self.assertIn("- epoch 0\n  + epoch 1, with the same replicas and keys\n", text)
        self.assertIn("written    for version 1 of members\n", text)
        self.assertIn("behind the first height divisible by 128", text)
        self.ready("second")
        self.assertNotIn("boundary", self.good("gov", "show").text())
        said = self.good("gov", "submit", "first.bundle").text()
        self.assertRegex(said, r"^accepted at height \d+, the epoch ends at height 384\n$")
        said = self.good("gov", "submit", "second.bundle").text()
        self.assertRegex(said, r"^accepted at height \d+, no new epoch yet: the epoch ends at "
                         r"height 384 for another, and this waits until then; development has no "
                         r"locks")
        # The second has its own boundary as soon as the first is behind.
        self.assertTrue(vestry_case.wait_until(lambda: self.show()["epoch"] == "1", 60))
        self.assertEqual(self.show()["pending_boundary"], "768")
        self.assertIn("boundary   epoch 1 ends at height 768", self.good("gov", "show").text())


class Rotation(Officers):
    def test_a_replica_has_its_new_keys_in_the_next_epoch(self):
        self.export("state.bundle")
        self.keys("key", "new", "--role", "replica", "--id", "r3", "--charter", "charter.genesis",
                  "--out", "new", "--endpoint", "127.0.0.1:7103")
        self.signed("propose", "replica-rotate", "r3", "--card", "new/r3.card", "--state",
                    "state.bundle", "--key", "secret/m1.key", "--reason", "the disk is lost",
                    "--out", "k.gov")
        for member in ("m1", "m2"):
            self.signed("ballot", "k.gov", "--state", "state.bundle", "--key",
                        f"secret/{member}.key", "--yes", "--out", f"k.{member}")
        self.keys("bundle", "k.gov", "k.m1", "k.m2", "--state", "state.bundle", "--out", "k.bundle")
        outcome = self.good("gov", "submit", "k.bundle", "--json").objects()[0]
        self.assertEqual(outcome["action"], "replica-key-rotate")
        self.assertEqual(outcome["boundary"], "384")
        self.assertFalse(outcome["in_force"])
        self.assertFalse(outcome["old_agrees"])
        self.assertTrue(vestry_case.wait_until(lambda: self.show()["epoch"] == "1", 60))
        self.assertEqual(self.show()["versions"]["replicas"], "2")
        self.good("append", "orders", "three sign, as the host of r3 has not the new keys")
        self.export("later.bundle")
        self.keys("state", "verify", "later.bundle", "--charter", "charter.genesis")
        # The same keys come no more.
        again = self.at_terminal("propose", "replica-rotate", "r3", "--card", "new/r3.card",
                                 "--state", "later.bundle", "--key", "secret/m1.key", "--reason",
                                 "x", "--out", "again.gov")
        self.assertEqual(again.code, 2, again.text())
        self.assertIn("a key on the card is in use already", again.text())


class TooMany(Officers):
    def test_a_second_suspension_and_an_old_state(self):
        self.export("old.bundle")
        first = self.bundle("first", "emergency", "suspend-replica", "r2", state="old.bundle")
        other = self.bundle("other", "emergency", "suspend-replica", "r3", state="old.bundle")
        self.good("gov", "submit", first)
        result = self.bad(7, "written for version 1 of replicas, and version 2 is in force", "gov",
                          "submit", other)
        self.assertIn("let it be proposed anew", result.err)
        self.export("new.bundle")
        for rid, says in (("r3", "1 of 1 replicas that may be suspended are"),
                          ("r2", "r2 is suspended already")):
            refused = self.at_terminal("emergency", "suspend-replica", rid, "--state",
                                       "new.bundle", "--key", "secret/m2.key", "--reason", "x",
                                       "--out", "second.gov")
            self.assertEqual(refused.code, 2, refused.text())
            self.assertIn(says, refused.text())
        stale = self.at_terminal("ballot", "other.gov", "--state", "new.bundle", "--key",
                                 "secret/m3.key", "--yes", "--out", "stale")
        self.assertEqual(stale.code, 7, stale.text())
        # With the state of then nothing seems wrong to a tool that is offline; the log knows.
        self.assertEqual(self.standing()["r3"], "active")


if __name__ == "__main__":
    unittest.main()

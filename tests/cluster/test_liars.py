#!/usr/bin/env python3
"""One replica of four cheats, as a process (vestryd-liar): a primary in what it proposes, the next
one in its NEW-VIEW, a backup in what it attests, answers and replies (ATTACKS B). Everything is
appended all the same, the logs do not part, and where a message itself shows what is wrong with it
whoever signed it is convicted, and nobody else."""

import sys
import time

import cluster
from cluster import Case, numbered

LIED = "the first lie is told"
LINES = 60
MANY = 30  # blocks, of one line each
AWAY = 40  # the same, more than a window
CROWD = 32  # requests at once


class Cheated(Case):
    def begin(self, liar, lie):
        self.guilty = (liar,)
        self.lines = numbered(LINES)
        self.acks = {}
        for rid in range(4):
            self.cluster.start(rid, lie=lie if rid == liar else None)

    def append(self, count, in_flight=4):
        load = self.cluster.append(self.lines[: count], in_flight=in_flight)
        load.wait(60)
        self.acks.update(load.acks)

    def ends(self, view, rids, is_convicted):
        """Where these replicas must be in the end, and what was proven."""
        self.cluster.level(rids)
        def views():
            return [self.cluster.metrics(rid)["vestry_view"] for rid in rids]

        self.cluster.until(lambda: min(views()) >= view, f"view {view}")
        finders = {finder for finder, accused in self.cluster.evidence()
                   if accused == self.guilty[0]}
        self.assertIn(LIED, self.cluster.log(self.guilty[0]))
        print(f"views {views()}, evidence found by {sorted(finders)}", file=sys.stderr)
        self.assertEqual(is_convicted, bool(finders))
        self.check_log(self.lines, self.acks)


class Liars(Cheated):
    params = "view-timeout = 400\ncheckpoint-interval = 16\nwindow = 32\n"

    # --- A primary, in what it proposes ---

    def primary(self, lie, is_convicted):
        """It begins well, and is replaced."""
        self.begin(0, lie)
        self.append(MANY, in_flight=1)
        self.append(LINES)
        self.ends(1, (1, 2, 3), is_convicted)

    def test_a_request_that_its_author_did_not_sign_so(self):
        self.primary("unsigned", True)

    def test_batches_of_an_hour_ahead(self):
        self.primary("time", False)

    def test_a_primary_as_slow_as_it_may_be(self):
        """Below every timer: it serves all, at its own pace. The view that must be there is 0: that
        it is replaced takes views before it in which full batches waited at the backups."""
        self.begin(0, "slow")
        self.append(4, in_flight=1)
        begun = time.monotonic()
        self.append(LINES, in_flight=8)
        print(f"{(LINES - 4) / (time.monotonic() - begun):.0f} lines a second", file=sys.stderr)
        self.ends(0, range(4), False)

    # --- The next primary, in its NEW-VIEW ---

    def next_primary(self, lie, is_convicted, view):
        """r1 follows r0, which is gone, and comes back when it is needed."""
        self.begin(1, lie)
        self.append(10, in_flight=1)
        self.cluster.kill(0)
        load = self.cluster.append(self.lines)
        self.cluster.until(lambda: LIED in self.cluster.log(1), "the lie")
        self.cluster.start(0)
        load.wait(60)
        self.acks.update(load.acks)
        self.ends(view, (0, 2, 3), is_convicted)

    def test_a_new_view_without_a_prepared_slot(self):
        self.next_primary("omit", True, 2)

    def test_a_new_view_with_another_digest(self):
        self.next_primary("other", True, 2)

    def test_a_new_view_out_of_too_few(self):
        self.next_primary("few", True, 2)

    def test_two_new_views(self):
        """Both are good, but in the second its maker denies what it has committed."""
        self.next_primary("two", True, 1)

    # --- A backup, in what it shows ---

    def test_attestations_of_two_headers(self):
        self.begin(1, "attest")
        self.append(LINES, in_flight=1)
        self.ends(0, range(4), True)
        self.cluster.until(lambda: self.cluster.metrics(0)["vestry_stable_height"] >= 16, "stable")

    def test_answers_that_prove_nothing(self):
        """r3 was away for more than a window, again and again until it asks the liar too. Without
        its vote nothing commits in the end."""
        self.begin(1, "data")
        self.lines = []
        while LIED not in self.cluster.log(1):
            self.assertLess(len(self.lines), 10 * AWAY, "nobody asks the liar")
            self.lines = numbered(len(self.lines) + AWAY)
            self.cluster.kill(3)
            self.append(len(self.lines), in_flight=1)
            self.cluster.start(3)
            self.cluster.level()
        self.cluster.kill(1)
        self.lines = numbered(len(self.lines) + 10)
        self.append(len(self.lines))
        self.ends(0, (0, 2, 3), False)

    def test_a_source_that_drips(self):
        """It sends what it is asked for, as slowly as a source may: 16 blocks would take 3.2 s.
        What r3 waits for it asks of another."""
        self.begin(1, "drip")
        self.lines = []
        took = None  # since the first block was held back
        while took is None:
            self.assertLess(len(self.lines), 10 * AWAY, "nobody asks the liar")
            self.lines = numbered(len(self.lines) + AWAY)
            self.cluster.kill(3)
            self.append(len(self.lines), in_flight=1)
            height = self.cluster.level((0, 1, 2))
            self.cluster.start(3)
            begun = None
            while self.height(3) < height:
                if begun is None and LIED in self.cluster.log(1):
                    begun = time.monotonic()
                time.sleep(0.02)
            took = None if begun is None else time.monotonic() - begun
        print(f"there {took:.2f} s after the first block was held back", file=sys.stderr)
        self.assertLess(took, 2.5)
        self.cluster.kill(1)
        self.lines = numbered(len(self.lines) + 10)
        self.append(len(self.lines))
        self.ends(0, (0, 2, 3), False)

    def height(self, rid):
        try:
            return self.cluster.metrics(rid)["vestry_executed_height"]
        except OSError:
            return 0

    def test_replies_that_mislead(self):
        self.begin(1, "reply")
        self.append(LINES)
        self.ends(0, range(4), False)


class SlowPrimary(Cheated):
    """A full batch is small here, so that a few clients are a crowd."""

    params = "view-timeout = 1000\nbatch-items = 4\n"

    def test_is_replaced_when_others_were_better(self):
        """r0 leads well, then r1 below every timer: whoever waits tells the backups, and those
        remember what view 0 did, although nobody waited in it."""
        self.begin(1, "slow")
        self.lines = numbered(CROWD * 35)
        begun = time.monotonic()
        self.append(CROWD * 25, in_flight=CROWD)
        well = CROWD * 25 / (time.monotonic() - begun)
        self.cluster.kill(0)
        load = self.cluster.append(self.lines, in_flight=CROWD)

        def follows(view):
            self.cluster.until(lambda: self.cluster.metrics(2)["vestry_view"] >= view, view)
            return time.monotonic()

        lasted = -follows(1) + follows(2)
        load.wait(60)
        self.acks.update(load.acks)
        print(f"{well:.0f} lines a second in view 0; view 1 lasted {lasted:.1f} s", file=sys.stderr)
        self.assertLess(lasted, 5, "three windows, and until clients tell all")
        self.cluster.start(0)
        self.ends(2, range(4), False)


cluster.need(cluster.program("vestryd-liar"))
cluster.main()

#!/usr/bin/env python3
"""A replica is stopped (SIGSTOP) for longer than any timeout and woken again: its connections are
still there, its clock has jumped, and all that it says is old."""

import signal
import time

import cluster
from cluster import Case, numbered

ACTIVE = 1


class Stopped(Case):
    def views(self, rids=range(4)):
        return {rid: self.cluster.metrics(rid)["vestry_view"] for rid in rids}

    def begin(self):
        self.cluster.start_all()
        self.load = self.cluster.append(numbered(100000), in_flight=4)
        self.more(100, "appends of four")

    def more(self, count, what):
        now = len(self.load.acks)
        self.cluster.until(lambda: len(self.load.acks) >= now + count, what)

    def stop(self, rid):
        self.cluster.replicas[rid].send_signal(signal.SIGSTOP)

    def wake(self, rid):
        self.cluster.replicas[rid].send_signal(signal.SIGCONT)

    def end(self):
        self.load.kill()
        self.cluster.level()

    def test_a_backup_is_not_missed_and_votes_again(self):
        self.begin()
        self.stop(2)
        begin = time.monotonic()
        while time.monotonic() < begin + 4:
            self.more(50, "appends of three")
        self.assertEqual(set(self.views((0, 1, 3)).values()), {0})
        self.wake(2)
        # Without r3 nothing commits unless r2 votes.
        self.cluster.kill(3)
        self.more(100, "appends that need its vote")
        self.assertEqual(self.cluster.metrics(2)["vestry_mode"], ACTIVE)
        self.cluster.start(3)
        self.end()

    def test_an_old_primary_follows_the_new_view(self):
        """It believes that it leads, and has proposals under way, when it is woken."""
        self.begin()
        self.stop(0)
        self.more(200, "appends under another primary")
        after = max(self.views((1, 2, 3)).values())
        self.assertGreaterEqual(after, 1)
        self.wake(0)
        self.cluster.until(lambda: self.views((0,))[0] >= after, "r0 to follow", 20)
        # Now its vote is needed, as a backup's.
        leads = self.cluster.metrics(0)["vestry_primary"]
        self.assertNotEqual(leads, 0)
        self.cluster.kill(next(rid for rid in (1, 2, 3) if rid != leads))
        self.more(100, "appends that need its vote")
        self.cluster.start_all()
        self.end()

    def test_all_stop_and_wake_one_by_one(self):
        self.begin()
        for rid in range(4):
            self.stop(rid)
        time.sleep(3)
        for rid in (3, 1, 0, 2):
            self.wake(rid)
            time.sleep(0.7)
        self.more(100, "appends after all were woken")
        self.end()


cluster.need()
cluster.main()

#!/usr/bin/env python3
"""A replica that was away for so long that the others have a snapshot for it: it takes the state,
votes again, and fetches the history behind it, while load goes on; killed in between, it goes on
where it was. In this cluster every 1,024th block is a snapshot height."""

import shutil
import time

import cluster
from cluster import Case, numbered

ACTIVE = 1
RECOVERING = 3
AWAY = 3
SPAN = 16 * 64
UNDER_WAY = 64


class Snapshot(Case):
    params = "checkpoint-interval = 16\nwindow = 32\nbatch-items = 1\n"

    def metric(self, rid, name):
        """0 while it does not listen yet."""
        try:
            return self.cluster.metrics(rid)["vestry_" + name]
        except OSError:
            return 0

    def leave_it_behind(self):
        """AWAY dies, and the others go on for two spans, a block for each line."""
        self.cluster.start_all()
        lines = numbered(100)
        acks = self.append(lines)
        self.cluster.level()
        self.cluster.kill(AWAY)
        lines += numbered(2 * SPAN + 100, first=100)
        acks.update(self.append(lines))
        return lines, acks

    def append(self, lines):
        load = self.cluster.append(lines)
        load.wait()
        return load.acks

    def is_whole(self):
        self.cluster.until(lambda: self.metric(AWAY, "executed_height") > SPAN, "a head", 120)
        self.cluster.until(lambda: self.metric(AWAY, "history_missing") == 0, "history", 120)
        self.cluster.level()

    def test_state_first_then_history_under_load(self):
        lines, acks = self.leave_it_behind()
        lines += numbered(1000, first=len(lines))
        load = self.cluster.append(lines, in_flight=4)
        began = time.monotonic()
        self.cluster.start(AWAY)
        self.cluster.until(lambda: self.metric(AWAY, "snapshots_total") > 0, "a snapshot", 120)
        print(f"stands on a snapshot after {time.monotonic() - began:.1f} s")
        self.is_whole()
        print(f"has the history after {time.monotonic() - began:.1f} s")
        load.wait(300)
        acks.update(load.acks)
        self.check_log(lines, acks)
        # It votes: without r1 nothing commits unless it does.
        self.cluster.kill(1)
        self.assertEqual(len(self.append(lines + numbered(50, first=len(lines)))), 50)
        self.assertEqual(self.metric(AWAY, "mode"), ACTIVE)

    def test_killed_while_history_is_missing(self):
        self.leave_it_behind()
        missing = []
        for _ in range(3):
            self.cluster.start(AWAY)
            self.cluster.until(lambda: self.metric(AWAY, "executed_height") > SPAN, "a head", 120)
            missing.append(self.metric(AWAY, "history_missing"))
            self.cluster.kill(AWAY)
        # What it counted and had not made durable yet comes once more, and nothing else.
        for before, after in zip(missing, missing[1:]):
            self.assertLessEqual(after, before + UNDER_WAY)
        self.cluster.start(AWAY)
        self.is_whole()
        # A snapshot was taken once; what came after is only history.
        self.assertEqual(self.metric(AWAY, "snapshots_total"), 0)

    def test_a_lost_directory(self):
        lines, acks = self.leave_it_behind()
        shutil.rmtree(self.cluster.path(f"data{AWAY}"))
        self.cluster.run("vestryd", "join", "--config", self.cluster.path(f"r{AWAY}.conf"),
                         "--expect", self.cluster.cluster_id)
        self.cluster.start(AWAY)
        self.is_whole()
        self.assertGreater(self.metric(AWAY, "snapshots_total"), 0)
        self.assertEqual(self.metric(AWAY, "mode"), RECOVERING)
        acks.update(self.append(lines + numbered(20, first=len(lines))))
        self.cluster.level()


cluster.need()
cluster.main()

#!/usr/bin/env python3
"""Wall clocks that are minutes apart, and that jump (ATTACKS D14): a backup's, the primary's, all
of them back. Order goes on, and the time of the log never goes back, nor further ahead of the
clocks that are right than the charter allows."""

import os
import struct
import time

import cluster
from cluster import REPLICAS, Case, numbered
from judge_parts import read

MINUTE = 60_000
LINES = 12
# The charter's: what a batch's time may differ by, and how far that grows while nothing is agreed.
DELTA_MS, DELTA_MAX_MS = 1000, 8000


class Clocks(Case):
    params = (f"view-timeout = 400\ntime-delta = {DELTA_MS}\n"
              f"time-delta-max = {DELTA_MAX_MS}\n")

    def setUp(self):
        super().setUp()
        self.asked = 0
        self.acks = {}
        self.ends = []  # of each part: height, Unix time
        for rid in range(REPLICAS):
            self.set(rid, 0)
            self.cluster.start(rid, more={"LD_PRELOAD": cluster.CLOCK,
                                          "VESTRY_CLOCK": self.path(f"clock{rid}")})

    def set(self, rid, offset_ms):
        mode = "r+b" if os.path.exists(self.path(f"clock{rid}")) else "wb"
        with open(self.path(f"clock{rid}"), mode) as file:
            file.write(struct.pack("=q", offset_ms))

    def append(self):
        """A part of the lines, with the clocks as they are."""
        self.asked += LINES
        load = self.cluster.append(numbered(self.asked), in_flight=2)
        load.wait(60)
        self.acks.update(load.acks)
        height = self.cluster.metrics(2)["vestry_executed_height"]
        self.ends.append((height, time.time_ns() // 10**6))

    def views(self):
        return [self.cluster.metrics(rid)["vestry_view"] for rid in range(REPLICAS)]

    def test_minutes_apart_and_jumps(self):
        self.append()
        # One backup in the future: it is not needed.
        self.set(3, 5 * MINUTE)
        self.append()
        self.assertEqual(max(self.views()), 0)
        self.set(3, 0)
        # The primary jumps ahead, and the next one back: each is replaced.
        self.set(0, 10 * MINUTE)
        self.append()
        self.set(0, 0)
        self.cluster.level()
        view = min(self.views())
        self.assertGreaterEqual(view, 1)
        self.set(view % REPLICAS, -10 * MINUTE)
        self.append()
        self.set(view % REPLICAS, 0)
        self.cluster.level()
        view = min(self.views())
        self.assertGreaterEqual(view, 2)
        # All go back together: time stands still, and nobody is replaced for it.
        for rid in range(REPLICAS):
            self.set(rid, -5 * MINUTE)
        self.append()
        self.assertEqual(self.views(), [view] * REPLICAS)
        for rid in range(REPLICAS):
            self.set(rid, 0)
        self.append()
        self.cluster.level()
        self.check_log(numbered(self.asked), self.acks)
        self.check_times()

    def check_times(self):
        blocks = [read(block[0], 15, 1) for block in self.cluster.logs()[0].blocks]
        times = [header[9] for header in blocks]
        self.assertEqual(times, sorted(times))
        for header in blocks:
            ended_ms = next(when for height, when in self.ends if header[3] <= height)
            self.assertLessEqual(header[9], ended_ms + DELTA_MAX_MS)
        self.assertGreater(times[-1], self.ends[-2][1])


cluster.need(cluster.CLOCK)
cluster.main()

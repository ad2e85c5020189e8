#!/usr/bin/env python3
"""A backup that was away for more than two windows catches up, and its votes count again."""

import cluster
from cluster import Case, numbered

WINDOW = 256
BLOCKS = 3 * WINDOW


class FarBehind(Case):
    def test_a_backup_comes_back_after_more_than_two_windows(self):
        self.cluster.start_all()
        first = numbered(40)
        load = self.cluster.append(first)
        load.wait()
        before = self.cluster.level()
        self.cluster.kill(3)
        # One at a time, so that every line is a block.
        lines = first + numbered(BLOCKS, first=len(first))
        away = self.cluster.append(lines, in_flight=1)
        away.wait(240)
        height = self.cluster.level((0, 1, 2))
        self.assertGreater(height, before + 2 * WINDOW)
        self.cluster.start(3)
        self.assertGreaterEqual(self.cluster.level(), height)
        # Three are needed: without r1 nothing commits unless r3 votes.
        self.cluster.kill(1)
        all_lines = lines + numbered(100, first=len(lines))
        after = self.cluster.append(all_lines)
        after.wait()
        self.assertEqual(len(after.acks), 100)
        self.cluster.level((0, 2, 3))
        self.check_log(all_lines, {**load.acks, **away.acks, **after.acks})


cluster.need()
cluster.main()

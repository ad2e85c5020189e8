#!/usr/bin/env python3
"""All replicas are killed at once while appends are under way, five times over: what was
acknowledged is in the log, and the log goes on."""

import random
import time

import cluster
from cluster import REPLICAS, Case, numbered

ROUNDS = 5


class PowerCut(Case):
    def test_nothing_acknowledged_is_lost(self):
        lines = numbered(12000)
        self.cluster.start_all()
        load = self.cluster.append(lines, in_flight=16)
        for cut in range(ROUNDS):
            before = len(load.acks)
            self.cluster.until(lambda: len(load.acks) > before + 50, f"appends before cut {cut}")
            time.sleep(random.uniform(0, 0.4))
            self.assertIsNone(load.process.poll(), "the load ended before the last cut")
            self.cluster.kill(*range(REPLICAS))
            acknowledged = dict(load.acks)
            self.cluster.start_all()
            self.assertTrue(acknowledged)
        load.wait(240)
        self.assertEqual(len(load.acks), len(lines))
        self.cluster.level()
        self.check_log(lines, load.acks)

    def test_a_reader_finds_all_after_each_cut(self):
        """Here the client is killed as well, so that nothing is sent again: what it was told is
        all that is known."""
        acks = {}
        self.cluster.start_all()
        for cut in range(ROUNDS):
            lines = numbered(5000, word=f"cut {cut} line")
            load = self.cluster.append(lines, stream=f"test/cut{cut}", receipts=f"receipts{cut}",
                                       state=f"state{cut}", in_flight=16)
            self.cluster.until(lambda: len(load.acks) > 50, f"appends before cut {cut}")
            time.sleep(random.uniform(0, 0.3))
            self.cluster.kill(*range(REPLICAS))
            load.kill()
            acks[cut] = (lines, load.acks)
            self.cluster.start_all()
            for done, (lines_done, acks_done) in acks.items():
                there = {payload: index for index, payload in self.cluster.read(f"test/cut{done}")}
                for line, index in acks_done.items():
                    self.assertEqual(there.get(lines_done[line]), index,
                                     f"line {line} of cut {done} after cut {cut}: "
                                     f"{len(there)} read, {len(acks_done)} acknowledged")
            self.check_receipts(lines, load.acks, f"receipts{cut}", most=20)


cluster.need()
cluster.main()

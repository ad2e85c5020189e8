#!/usr/bin/env python3
"""SIGTERM: a replica ends well and soon, under load too, and its store opens again."""

import time

import cluster
from cluster import REPLICAS, Case, numbered

SOON_S = 2


class Sigterm(Case):
    def end_all(self):
        for rid in range(REPLICAS):
            begin = time.monotonic()
            code = self.cluster.terminate(rid)
            took = time.monotonic() - begin
            self.assertEqual(code, 0, self.cluster.log(rid))
            self.assertLess(took, SOON_S)

    def test_idle_replicas_end_with_0_and_start_again(self):
        lines = numbered(100)
        self.cluster.start_all()
        load = self.cluster.append(lines)
        load.wait()
        height = self.cluster.level()
        self.end_all()
        self.cluster.start_all()
        self.assertEqual(self.cluster.level(), height)
        self.check_log(lines, load.acks)

    def test_replicas_under_load_end_with_0(self):
        lines = numbered(5000)
        self.cluster.start_all()
        load = self.cluster.append(lines, in_flight=32)
        self.cluster.until(lambda: len(load.acks) > 100, "appends")
        self.end_all()
        self.assertIsNone(load.process.poll(), "the load ended before the replicas")
        self.cluster.start_all()
        load.wait()
        self.check_log(lines, load.acks)


cluster.need()
cluster.main()

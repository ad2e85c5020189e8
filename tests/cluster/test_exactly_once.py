#!/usr/bin/env python3
"""A client that is killed again and again finishes what it began: every line once."""

import random
import time

import cluster
from cluster import Case, numbered

KILLS = 12


class ExactlyOnce(Case):
    def test_a_killed_client_appends_each_line_once(self):
        lines = numbered(6000)
        acks = {}
        unfinished = 0
        self.cluster.start_all()
        for _ in range(KILLS):
            load = self.cluster.append(lines, in_flight=32)
            self.cluster.until(lambda: load.acks or load.process.poll() is not None, "an append")
            time.sleep(random.uniform(0, 0.15))
            if load.process.poll() is not None:
                break
            load.kill()
            acks.update(load.acks)
            unfinished += int(load.said[0].split()[1])
        last = self.cluster.append(lines, in_flight=32)
        last.wait()
        unfinished += int(last.said[0].split()[1])
        acks.update(last.acks)
        self.assertGreater(unfinished, 0, "no kill hit an append that was under way")
        self.check_log(lines, acks)

    def test_killed_at_any_moment_of_a_single_append(self):
        """Short runs, killed from the start of the process on."""
        lines = numbered(40)
        self.cluster.start_all()
        acks = {}
        for turn in range(30):
            load = self.cluster.append(lines, in_flight=2)
            time.sleep(random.uniform(0, 0.01 * (turn + 1)))
            load.kill()
            acks.update(load.acks)
        load = self.cluster.append(lines, in_flight=2)
        load.wait()
        self.check_log(lines, {**acks, **load.acks})


cluster.need()
cluster.main()

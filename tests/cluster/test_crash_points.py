#!/usr/bin/env python3
"""One replica is ended at every call that makes something durable: before it, after it, in the
middle of a write, and by a power cut that takes what was not synced (ATTACKS D). Each time it
starts again, votes again (only three run, so nothing commits without it), and nothing that was
acknowledged is lost.

    test_crash_points.py                    a sample, as ctest runs it
    test_crash_points.py --every [STEP]     every STEP-th point of a start and of some appends"""

import random
import sys
import time

import cluster
from cluster import REPLICAS, Case, numbered

SAMPLE_S = 15
ACTIVE = 1
LINES = 4
ACTIONS = ("before", "after", "tear", "power")
STEP = 0


def kind_of(point):
    """Files of one sort are numbered."""
    call, name = point
    return call, name.rstrip("0123456789").split(".")[-1] if "." in name else name.split("-")[0]


class CrashPoints(Case):
    def setUp(self):
        super().setUp()
        self.lines = numbered(100000)
        self.asked = 0
        self.acks = {}

    def append(self):
        self.asked += LINES
        return self.cluster.append(self.lines[: self.asked], in_flight=1)

    def finish(self, load):
        load.wait(60)
        self.acks.update(load.acks)

    def chosen(self, points):
        """Numbers of points, the most different first."""
        by_kind = {}
        for number, point in enumerate(points, 1):
            by_kind.setdefault(kind_of(point), []).append(number)
        rare = [number for numbers in by_kind.values()
                for number in dict.fromkeys((numbers[0], numbers[-1], numbers[len(numbers) // 2]))]
        rest = [number for number in range(1, len(points) + 1) if number not in rare]
        random.shuffle(rare)
        random.shuffle(rest)
        return rare + rest

    def observe(self, victim):
        """All points of one start and some appends."""
        self.cluster.start(victim, fault="none")
        load = self.append()
        self.finish(load)
        self.cluster.terminate(victim)
        return self.cluster.points(victim)

    def crash(self, victim, action, number):
        """End it there, and require it to come back. False when it did not get that far."""
        self.cluster.start(victim, fault=f"{action}:{number}")
        load = self.append()
        deadline = time.monotonic() + 30
        while self.cluster.replicas[victim].poll() is None and load.process.poll() is None:
            self.assertLess(time.monotonic(), deadline, "neither crashed nor done")
            time.sleep(0.005)
        if self.cluster.replicas[victim].poll() is None:
            self.finish(load)
            self.cluster.terminate(victim)
            return False
        self.assertEqual(self.cluster.fall(victim), -9)
        self.cluster.start(victim)
        try:
            self.finish(load)
            self.cluster.until(lambda: self.cluster.metrics(victim)["vestry_mode"] == ACTIVE,
                               "a replica that votes", 20)
        except (AssertionError, OSError) as error:
            where = self.cluster.points(victim)[-1]
            raise AssertionError(f"{action} point {number}, {where}: {error}") from error
        self.cluster.kill(victim)
        return True

    def walk(self, victim):
        others = [rid for rid in range(REPLICAS) if rid not in (victim, 3)]
        for rid in others:
            self.cluster.start(rid)
        points = self.observe(victim)
        kinds = {kind_of(point) for point in points}
        self.assertTrue({("fdatasync", "log"), ("write", "log"), ("pwrite", "anchor"),
                         ("rename", "CURRENT")} <= kinds, kinds)
        todo = [(action, number) for number in self.chosen(points) for action in ACTIONS]
        if STEP:
            todo = [(action, number) for number in range(1, len(points) + 1, STEP)
                    for action in ACTIONS]
        done = missed = 0
        until = time.monotonic() + SAMPLE_S
        for action, number in todo:
            if not STEP and time.monotonic() > until:
                break
            reached = self.crash(victim, action, number)
            done += reached
            missed += not reached
        print(f"r{victim}: {done} crashes, {missed} points not reached; {len(points)} points of "
              f"{len(kinds)} sorts in a start and {LINES} appends", file=sys.stderr)
        self.assertGreater(done, 5)
        self.cluster.start_all()
        self.finish(self.append())
        self.cluster.level()
        for rid in range(REPLICAS):
            self.assertEqual(self.cluster.metrics(rid)["vestry_mode"], ACTIVE)
        self.check_log(self.lines[: self.asked], self.acks)

    def test_a_backup_at_every_point(self):
        self.walk(1)

    def test_the_primary_at_every_point(self):
        self.walk(0)


if "--every" in sys.argv:
    STEP = int(sys.argv[sys.argv.index("--every") + 1 :][0]) if sys.argv[-1] != "--every" else 1
    del sys.argv[sys.argv.index("--every") :]
cluster.need(cluster.FAULT)
cluster.main()

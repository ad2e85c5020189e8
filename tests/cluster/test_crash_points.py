#!/usr/bin/env python3
"""One replica is ended at every call that makes something durable: before it, after it, in the
middle of a write, and by a power cut that takes what was not synced (ATTACKS D). Each time it
starts again, votes again (only three run, so nothing commits without it), and nothing that was
acknowledged is lost. The same in the middle of a view change: the primary is killed or stopped, and
one of the three that are left ends when its VIEW-CHANGE or its NEW-VIEW is put.

    test_crash_points.py                    a sample, as ctest runs it
    test_crash_points.py --every [STEP]     every STEP-th point of a start and of some appends"""

import random
import signal
import sys
import time

import cluster
from cluster import REPLICAS, Case, numbered

SAMPLE_S = 15
CHANGE_SAMPLE_S = 6
ACTIVE = 1
LINES = 4
ACTIONS = ("before", "after", "tear", "power")
STEP = 0
# Keys of the journal, as a batch of puts has them: 9 bytes, the kind, a height of 0.
MARKS = " ".join(f"{name}=09{ord(kind):02x}{0:016x}" for name, kind in
                 (("change", "w"), ("newview", "n")))
# The calls that make each of them durable.
CHANGE_CALLS = (("write", "log+"), ("fdatasync", "log+"), ("pwrite", "anchor+"))


def kind_of(point):
    """Files of one sort are numbered."""
    call, name = point
    return call, name.rstrip("0123456789").split(".")[-1] if "." in name else name.split("-")[0]


class Appends(Case):
    """A cluster whose log grows by a few lines at a time, and what of them is acknowledged."""

    in_flight = 1

    def setUp(self):
        super().setUp()
        self.lines = numbered(100000)
        self.asked = 0
        self.acks = {}

    def append(self):
        self.asked += LINES
        return self.cluster.append(self.lines[: self.asked], in_flight=self.in_flight)

    def finish(self, load):
        load.wait(60)
        self.acks.update(load.acks)


class CrashPoints(Appends):
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


class InViewChanges(Appends):
    """One cluster: again and again its primary goes, and the next one or a backup ends while the
    three that are left change their view; then all are back."""

    params = "view-timeout = 300\n"
    in_flight = 2

    def looked(self):
        """(primary) once all are in one view and vote, else nothing."""
        try:
            found = [self.cluster.metrics(rid) for rid in range(REPLICAS)]
        except OSError:
            return None
        same = len({one["vestry_view"] for one in found}) == 1
        vote = all(one["vestry_mode"] == ACTIVE for one in found)
        return (found[0]["vestry_primary"],) if same and vote else None

    def crash(self, place, action, call, part):
        """Who stands `place` behind the primary ends there, on its way into the next view. The
        point."""
        fault = f"{action}:1:{call}:{part}"
        primary = self.cluster.until(self.looked, "all in one view", 30)[0]
        victim = (primary + place) % REPLICAS
        self.cluster.terminate(victim)
        self.cluster.start(victim, fault=fault, marks=MARKS)
        self.assertEqual(self.cluster.until(self.looked, "its return", 30)[0], primary)
        self.finish(self.append())
        process = self.cluster.replicas[primary]
        stopped = random.random() < 0.5
        if stopped:
            process.send_signal(signal.SIGSTOP)
        else:
            self.cluster.kill(primary)
        load = self.append()
        self.assertEqual(self.cluster.fall(victim, 30), -9, fault)
        met = [point for point in self.cluster.points(victim)
               if point[0] == call and part in point[1]]
        self.assertTrue(met, fault)
        self.cluster.start(victim)
        try:
            self.finish(load)
        except AssertionError as error:
            raise AssertionError(f"r{victim} at {fault}, {met}: {error}") from error
        if stopped:
            process.send_signal(signal.SIGCONT)
        else:
            self.cluster.start(primary)
        return met[0]

    def walk(self, place, mark):
        """A quorum is three: who ends there is needed for the next view."""
        todo = [(action, call, part) for call, part in CHANGE_CALLS for action in ACTIONS]
        random.shuffle(todo)
        met = []
        until = time.monotonic() + CHANGE_SAMPLE_S
        for action, call, part in todo:
            if not STEP and time.monotonic() > until:
                break
            met.append((action, *self.crash(place, action, call, part + mark)))
        print(f"{len(met)} of {len(todo)} crashes in a {mark}: {met}", file=sys.stderr)
        self.assertTrue(met)
        self.cluster.until(self.looked, "all in one view", 30)
        self.finish(self.append())
        self.cluster.level()
        self.check_log(self.lines[: self.asked], self.acks)

    def test_a_backup_in_its_view_change(self):
        self.cluster.start_all()
        self.walk(2, "change")

    def test_the_next_primary_in_its_new_view(self):
        self.cluster.start_all()
        self.walk(1, "newview")


if "--every" in sys.argv:
    STEP = int(sys.argv[sys.argv.index("--every") + 1 :][0]) if sys.argv[-1] != "--every" else 1
    del sys.argv[sys.argv.index("--every") :]
cluster.need(cluster.FAULT)
cluster.main()

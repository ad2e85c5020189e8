#!/usr/bin/env python3
"""One write, sync or rename of a replica fails, at a start and under load (ATTACKS D): the replica
says so and ends, and tries nothing on that file again, because nobody knows what is on the disk
then. The others go on; a restart on a disk that works catches up."""

import sys

import cluster
from cluster import Case, numbered

VICTIM = 2
LINES = 24
SAID = r"(?i)input/output|no space|could not be written|cannot|i/o error"


class DiskErrors(Case):
    def setUp(self):
        super().setUp()
        self.lines = numbered(20000)
        self.asked = 0
        self.acks = {}
        for rid in range(3):
            self.cluster.start(rid)
        self.append()

    def append(self):
        self.asked += LINES
        load = self.cluster.append(self.lines[: self.asked], in_flight=2)
        load.wait()
        self.acks.update(load.acks)

    def fail_at(self, action, number, call, part):
        """The n-th such call fails: the replica ends, having said why, and comes back without a
        fault."""
        what = f"{action} in {call} of *{part}*"
        said_before = len(self.cluster.log(VICTIM))
        self.cluster.terminate(VICTIM)
        self.cluster.start(VICTIM, fault=f"{action}:{number}:{call}:{part}")
        for _ in range(40):  # a fast disk takes several blocks with one call
            self.append()
            if self.cluster.replicas[VICTIM].poll() is not None:
                break
        code = self.cluster.fall(VICTIM)
        points = self.cluster.points(VICTIM)
        failed = [place for place, point in enumerate(points)
                  if point[0] == call and part in point[1]][number - 1]
        said = self.cluster.log(VICTIM)[said_before:]
        last = [line for line in said.splitlines() if line.startswith("error: ")]
        print(f"{what}: exit {code}: {last[-1] if last else said}", file=sys.stderr)
        self.assertGreater(code, 0, f"{what}: {said}")
        self.assertRegex(last[-1], SAID, what)
        again = [point for point in points[failed + 1 :]
                 if point[1] == points[failed][1] and point[0] not in ("unlink", "ftruncate")]
        self.assertEqual(again, [], f"{what}: tried again")
        self.cluster.start(VICTIM)
        self.append()
        self.cluster.level(range(3))

    def walk(self, *wanted):
        self.cluster.start(3)
        for action, number, call, part in wanted:
            self.fail_at(action, number, call, part)
        self.check_log(self.lines[: self.asked], self.acks)

    def test_under_load(self):
        self.walk(("eio", 3, "fdatasync", ".log"), ("eio", 4, "write", ".log"),
                  ("enospc", 5, "write", ".log"), ("eio", 2, "pwrite", "anchor"),
                  ("enospc", 3, "pwrite", "anchor"))

    def test_at_a_start(self):
        self.walk(("eio", 1, "fdatasync", "MANIFEST"), ("enospc", 2, "write", "MANIFEST"),
                  ("eio", 1, "rename", "CURRENT"), ("enospc", 1, "write", ".sst"),
                  ("eio", 1, "fsync", "folder"), ("eio", 1, "fdatasync", ".log"))


cluster.need(cluster.FAULT)
cluster.main()

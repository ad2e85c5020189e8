#!/usr/bin/env python3
"""One write, sync or rename of a replica fails, at a start and under load (ATTACKS D): the replica
says so and ends, and tries nothing on that file again, because nobody knows what is on the disk
then. When reads fail it does not start, or says so and answers nothing that it would have to sign.
The others go on; a restart on a disk that works catches up."""

import signal
import subprocess
import sys

import cluster
from cluster import Case, numbered
from judge import BLOCKS, answer, question

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

    # --- Reads ---

    def fails_to_start(self, number, call, part):
        self.cluster.terminate(VICTIM)
        said_before = len(self.cluster.log(VICTIM))
        self.cluster.start(VICTIM, fault=f"unread:{number}:{call}:{part}")
        self.append()
        self.assertGreater(self.cluster.fall(VICTIM), 0)
        said = self.cluster.log(VICTIM)[said_before:]
        last = [line for line in said.splitlines() if line.startswith("error: ")]
        print(f"unread in {call} of *{part}*: {last[-1] if last else said}", file=sys.stderr)
        self.assertRegex(last[-1], SAID, part)
        self.cluster.start(VICTIM)
        self.append()
        self.cluster.level(range(3))

    def read_alone(self):
        """A reader who knows of the victim only: exit code, and what it says."""
        endpoints = []
        for rid in range(cluster.REPLICAS):
            port = self.cluster.port(rid) if rid == VICTIM else 1
            endpoints += ["--endpoint", f"r{rid}=127.0.0.1:{port}"]
        done = subprocess.run(
            [cluster.program("vestry"), "read", "test/lines", "--json", "--timeout", "3s",
             "--charter", self.cluster.path("charter.genesis"),
             "--token", self.cluster.path("client.token"),
             "--key", self.cluster.path("client.key"), *endpoints],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
        return done.returncode, done.stdout.decode().splitlines()

    def test_a_disk_that_cannot_be_read(self):
        """At a start it ends. Later it says so, answers nothing in the place of what it cannot
        read, and goes on until its store must be read for the sake of a write."""
        self.cluster.start(3)
        for place in ((1, "pread", ".sst"), (1, "fread", "MANIFEST"), (2, "pread", "anchor")):
            self.fails_to_start(*place)
        self.cluster.level()
        self.cluster.terminate(VICTIM)
        self.cluster.start(VICTIM, fault="unread:0")
        self.append()
        self.cluster.level()
        self.cluster.replicas[VICTIM].send_signal(signal.SIGUSR1)
        code, entries = self.read_alone()
        print(f"a reader without another replica: exit {code}, {len(entries)} lines",
              file=sys.stderr)
        self.assertNotEqual(code, 0)
        self.assertEqual(entries, [])
        for content in self.cluster.hear(VICTIM, question(BLOCKS, 1, 1) * 2, 2):
            self.assertEqual(answer(content)[2], b"")
        self.assertIn("the store cannot be read", self.cluster.log(VICTIM))
        self.assertGreater(self.cluster.metrics(VICTIM)["vestry_reads_damaged_total"], 0)
        self.append()
        self.cluster.level((0, 1, 3))
        if self.cluster.replicas[VICTIM].poll() is None:
            self.cluster.kill(VICTIM)
        else:
            self.assertGreater(self.cluster.fall(VICTIM), 0)
            self.assertRegex(self.cluster.log(VICTIM), "error: a write to .* failed")
        self.cluster.start(VICTIM)
        self.append()
        self.cluster.level()
        self.assertEqual(len(self.read_alone()[1]), self.asked)
        self.check_log(self.lines[: self.asked], self.acks)


cluster.need(cluster.FAULT)
cluster.main()

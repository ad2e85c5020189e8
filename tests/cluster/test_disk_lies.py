#!/usr/bin/env python3
"""A disk that hangs, one that says it has synced what a power cut then takes, one that may only be
read (ATTACKS D10). The others go on; a replica that hung goes on where it was; one whose disk lied
votes no more with that key, or does not start; nothing is signed twice and no log parts."""

import os
import signal
import subprocess
import time

import cluster
from cluster import Case, numbered

ACTIVE = 1
RECOVERING = 3
HANGS_S = 3  # fault.c
SAID = r"(?i)read-only"


class DiskLies(Case):
    def setUp(self):
        super().setUp()
        self.lines = numbered(1000)
        self.asked = 0
        self.acks = {}

    def append(self, count, seconds=60):
        """How long it took."""
        begun = time.monotonic()
        self.asked += count
        load = self.cluster.append(self.lines[: self.asked], in_flight=2)
        load.wait(seconds)
        self.acks.update(load.acks)
        return time.monotonic() - begun

    def mode(self, rid):
        try:
            return self.cluster.metrics(rid)["vestry_mode"]
        except OSError:
            return None

    def is_back(self, rid):
        """Three are needed: without r3 nothing commits unless it votes."""
        self.cluster.until(lambda: self.mode(rid) == ACTIVE, f"r{rid} active")
        self.cluster.level()
        self.cluster.kill(3)
        self.append(4)
        self.cluster.start(3)
        self.cluster.level()
        self.check_log(self.lines[: self.asked], self.acks)

    # --- Hangs ---

    def hangs(self, victim):
        """One sync takes seconds, in the middle of appends."""
        for rid in range(4):
            self.cluster.start(rid, fault="hang:30:fdatasync:log" if rid == victim else None)
        self.append(2)
        points = lambda: sum(call == "fdatasync" and "log" in name
                             for call, name in self.cluster.points(victim))
        load = self.cluster.append(self.lines[:300], in_flight=2)
        self.asked = 300
        self.cluster.until(lambda: points() >= 30, "a sync that hangs")
        begun, before = time.monotonic(), points()
        more = len(load.acks) + 20
        self.cluster.until(lambda: len(load.acks) > more, "appends beside it", HANGS_S + 10)
        beside = time.monotonic() - begun
        if beside < HANGS_S - 1:
            self.assertEqual(points(), before, "it syncs while it hangs")
        load.wait(60)
        self.acks.update(load.acks)
        self.assertIsNone(self.cluster.replicas[victim].poll())
        self.is_back(victim)
        return beside

    def test_a_backups_disk_hangs(self):
        """Nobody waits for it."""
        self.assertLess(self.hangs(2), HANGS_S)

    def test_the_primarys_disk_hangs(self):
        """It is replaced meanwhile."""
        self.hangs(0)
        self.assertGreaterEqual(self.cluster.metrics(1)["vestry_view"], 1)

    # --- Lies ---

    def lies(self, action):
        """r2 acknowledges what its disk forgets."""
        for rid in range(4):
            self.cluster.start(rid)
        self.append(20)
        self.cluster.terminate(2)
        self.cluster.start(2, fault=f"{action}:1:fdatasync:log")
        self.cluster.until(lambda: self.mode(2) == ACTIVE, "r2 active")
        self.append(60)
        self.cluster.level()
        self.cluster.replicas[2].send_signal(signal.SIGUSR2)
        self.assertEqual(self.cluster.fall(2), -9)
        self.cluster.start(2)
        self.cluster.doomed.add(2)
        process = self.cluster.replicas[2]
        self.cluster.until(lambda: process.poll() is not None or self.mode(2) == RECOVERING,
                           "that it knows or does not start", 30)
        if process.poll() is not None:
            self.assertGreater(self.cluster.fall(2), 0)
            self.assertRegex(self.cluster.log(2), r"(?i)error: .*(store|disk|anchor|journal)")
        self.append(20)
        self.cluster.level(sorted(self.cluster.replicas))
        self.check_log(self.lines[: self.asked], self.acks)

    def test_syncs_that_did_nothing(self):
        """The anchor knows more than the store: it is refused."""
        self.lies("lie")
        self.assertNotIn(2, self.cluster.replicas)

    def test_syncs_that_did_nothing_to_the_anchor_either(self):
        """Only the others can tell, unless files are missing, too."""
        self.lies("lieall")

    # --- Read-only ---

    def test_a_disk_that_becomes_read_only(self):
        for rid in range(4):
            self.cluster.start(rid, fault="readonly:40:write:log" if rid == 2 else None)
        self.append(60)
        self.assertGreater(self.cluster.fall(2, 20), 0)
        self.assertRegex(self.cluster.log(2), SAID)
        self.append(10)
        self.cluster.start(2)
        self.is_back(2)

    def test_a_start_on_a_read_only_disk(self):
        place = self.cluster.path("data2")
        for options in (("--bind", place, place), ("-o", "remount,bind,ro", place)):
            done = subprocess.run(["mount", *options], capture_output=True, check=False)
            if done.returncode != 0:
                self.skipTest("mounting is not allowed here")
        self.addCleanup(subprocess.run, ["umount", place], stderr=subprocess.DEVNULL, check=False)
        for rid in range(4):
            self.cluster.start(rid)
        self.assertGreater(self.cluster.fall(2), 0)
        self.assertRegex(self.cluster.log(2), SAID)
        self.append(10)
        subprocess.run(["umount", place], check=True)
        self.cluster.start(2)
        self.is_back(2)


cluster.need(cluster.FAULT)
cluster.main()

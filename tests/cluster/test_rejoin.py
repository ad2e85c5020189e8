#!/usr/bin/env python3
"""A replica that was away for long, was cut off while it caught up, or lost its data comes back
while the others go on: the first two vote again, the last one (`vestryd join`) follows and
serves."""

import shutil
import time

import cluster
from cluster import Case, numbered

ACTIVE = 1
RECOVERING = 3
AWAY = 3
OTHERS = (0, 1, 2)
MANY = 100_000
UNDER_WAY = 64  # blocks that are fetched ahead, and executed before they are durable


class Rejoin(Case):
    def height(self, rid):
        """0 while it does not listen yet."""
        try:
            return self.cluster.metrics(rid)["vestry_executed_height"]
        except OSError:
            return 0

    def catches_up(self, seconds=300):
        """Until AWAY is where the others are, however fast they go on."""
        self.cluster.until(lambda: self.height(AWAY) + 40 >= self.height(0) > 0,
                           f"r{AWAY} near the others", seconds)

    def is_needed(self, lines):
        """Three of four are needed: without r1 nothing commits unless AWAY votes."""
        self.cluster.kill(1)
        load = self.cluster.append(lines)
        load.wait()
        return load.acks

    def test_away_for_a_hundred_thousand_entries(self):
        self.cluster.start_all()
        lines = numbered(200)
        self.cluster.append(lines).wait()
        self.cluster.level()
        self.cluster.kill(AWAY)
        self.cluster.grow(MANY)
        height = self.cluster.level(OTHERS)
        # Load goes on while it comes back.
        lines += numbered(3000, first=200)
        load = self.cluster.append(lines, in_flight=4)
        began = time.monotonic()
        self.cluster.start(AWAY)
        self.cluster.until(lambda: self.height(AWAY) >= height, "what was missed", 300)
        print(f"caught up with {MANY} entries in {time.monotonic() - began:.1f} s")
        self.catches_up()
        load.wait(300)
        lines += numbered(100, first=3200)
        acks = self.is_needed(lines)
        self.assertEqual(len(acks), 100)
        self.cluster.level((0, 2, AWAY))
        self.assertEqual(self.cluster.metrics(AWAY)["vestry_mode"], ACTIVE)

    def test_cut_off_in_mid_transfer(self):
        self.cluster.start_all()
        lines = numbered(200)
        self.wait_for(lines)
        self.cluster.level()
        self.cluster.kill(AWAY)
        self.cluster.grow(MANY // 5)
        height = self.cluster.level(OTHERS)
        lines += numbered(1300, first=200)
        load = self.cluster.append(lines, in_flight=4)
        reached = []
        for part in (1, 2, 3):
            self.cluster.start(AWAY)
            self.cluster.until(lambda: self.height(AWAY) >= height * part // 4, f"part {part}", 300)
            reached.append(self.height(AWAY))
            self.cluster.kill(AWAY)
        # It went on each time from where it was: nothing is lost but what was not durable yet.
        self.cluster.start(AWAY)
        self.cluster.until(lambda: self.height(AWAY) > 0, "that it listens")
        self.assertGreaterEqual(self.height(AWAY), reached[-1] - UNDER_WAY)
        self.catches_up()
        load.wait(300)
        lines += numbered(100, first=1500)
        self.assertEqual(len(self.is_needed(lines)), 100)
        self.cluster.level((0, 2, AWAY))

    def test_a_lost_directory(self):
        self.cluster.start_all()
        lines = numbered(600)
        acks = self.wait_for(lines[:300])
        self.cluster.level()
        self.cluster.kill(AWAY)
        shutil.rmtree(self.cluster.path(f"data{AWAY}"))
        self.cluster.run("vestryd", "join", "--config", self.cluster.path(f"r{AWAY}.conf"),
                         "--expect", self.cluster.cluster_id)
        self.cluster.start(AWAY)
        acks.update(self.wait_for(lines))
        self.cluster.level()
        self.assertEqual(self.cluster.metrics(AWAY)["vestry_mode"], RECOVERING)
        self.assertIn("is recovering", self.cluster.log(AWAY))
        # The others hear it: its STATUS grows, though it does not know how often it had started.
        self.cluster.until(lambda: self.heard(0) == self.height(0), "that r0 hears it")
        # It serves: another one that is behind gets the log of it, too.
        self.check_log(lines, acks)
        # And it does not vote: without r1 nothing commits.
        self.cluster.kill(1)
        load = self.cluster.append(lines + numbered(1, first=600))
        time.sleep(5)
        self.assertEqual(load.acks, {})
        self.cluster.start(1)
        load.wait()
        # Nor after a restart.
        self.cluster.kill(AWAY)
        self.cluster.start(AWAY)
        self.cluster.level()
        self.assertEqual(self.cluster.metrics(AWAY)["vestry_mode"], RECOVERING)

    def heard(self, rid):
        return self.cluster.metrics(rid)[f'vestry_peer_executed_height{{peer="r{AWAY}"}}']

    def wait_for(self, lines):
        load = self.cluster.append(lines)
        load.wait()
        return load.acks


cluster.need()
cluster.main()

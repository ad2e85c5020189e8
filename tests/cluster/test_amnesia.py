#!/usr/bin/env python3
"""A replica whose disk was lost or set back to an earlier day finds out from the others that it has
forgotten what it signed (ATTACKS B56, B57): it votes no more with that key, follows the log, and
serves what it has. The others go on. One with another's disk does not start (B64)."""

import os
import shutil
import time

import cluster
from cluster import Case, numbered

ACTIVE = 1
RECOVERING = 3
FORGETFUL = 3


class Amnesia(Case):
    def mode(self, rid):
        """None while it does not listen yet."""
        try:
            return self.cluster.metrics(rid)["vestry_mode"]
        except OSError:
            return None

    def append(self, lines):
        load = self.cluster.append(lines)
        load.wait()
        return load.acks

    def recovers_and_follows(self, lines):
        """FORGETFUL was started on what is left to it: it must recover, and keep up."""
        self.cluster.until(lambda: self.mode(FORGETFUL) == RECOVERING, "that it remembers nothing")
        acks = self.append(lines)
        height = self.cluster.level()
        self.assertGreater(height, 0)
        self.assertIn("lacks what it signed before", self.cluster.log(FORGETFUL))
        for rid in range(FORGETFUL):
            self.assertEqual(self.mode(rid), ACTIVE)
        # For good, and not only until the next start.
        self.cluster.kill(FORGETFUL)
        self.cluster.start(FORGETFUL)
        self.cluster.level()
        self.assertEqual(self.mode(FORGETFUL), RECOVERING)
        self.check_log(lines, acks)

    def test_a_lost_disk(self):
        lines = numbered(900)
        self.cluster.start_all()
        self.append(lines[:600])
        self.cluster.level()
        self.cluster.kill(FORGETFUL)
        shutil.rmtree(self.cluster.path(f"data{FORGETFUL}"))
        self.cluster.run("vestryd", "init", "--config", self.cluster.path(f"r{FORGETFUL}.conf"),
                         "--expect", self.cluster.cluster_id)
        self.cluster.start(FORGETFUL)
        self.recovers_and_follows(lines)

    def test_readers_do_not_wait_for_it(self):
        """It is connected, and among the first that a client asks how far the log has come."""
        lines = numbered(20)
        self.cluster.start_all()
        acks = self.append(lines)
        self.cluster.level()
        self.cluster.kill(1)
        shutil.rmtree(self.cluster.path("data1"))
        self.cluster.run("vestryd", "init", "--config", self.cluster.path("r1.conf"), "--expect",
                         self.cluster.cluster_id)
        self.cluster.start(1)
        self.cluster.until(lambda: self.mode(1) == RECOVERING, "that it remembers nothing")
        self.cluster.level()
        begin = time.monotonic()
        self.assertEqual(len(self.cluster.read()), len(lines))
        self.assertLess(time.monotonic() - begin, 15)
        self.check_log(lines, acks)

    def test_a_disk_set_back_to_an_earlier_day(self):
        lines = numbered(900)
        self.cluster.start_all()
        self.append(lines[:300])
        self.cluster.level()
        self.cluster.kill(FORGETFUL)
        shutil.copytree(self.cluster.path(f"data{FORGETFUL}"), self.path("earlier"))
        self.cluster.start(FORGETFUL)
        self.cluster.level()
        self.append(lines[:600])
        self.cluster.level()
        self.cluster.kill(FORGETFUL)
        shutil.rmtree(self.cluster.path(f"data{FORGETFUL}"))
        shutil.copytree(self.path("earlier"), self.cluster.path(f"data{FORGETFUL}"))
        self.cluster.start(FORGETFUL)
        self.recovers_and_follows(lines)

    def test_all_that_stop_and_start_again_remember(self):
        lines = numbered(600)
        self.cluster.start_all()
        acks = self.append(lines[:300])
        self.cluster.kill(0, 1, 2, 3)
        self.cluster.start_all()
        acks.update(self.append(lines))
        self.cluster.level()
        for rid in range(4):
            self.assertEqual(self.mode(rid), ACTIVE)
        self.check_log(lines, acks)

    def swap(self, first, second):
        places = [self.cluster.path(name) for name in (f"data{first}", f"data{second}", "aside")]
        for source, target in ((0, 2), (1, 0), (2, 1)):
            os.rename(places[source], places[target])

    def test_swapped_disks_are_refused(self):
        lines = numbered(200)
        self.cluster.start_all()
        acks = self.append(lines[:50])
        self.cluster.level()
        self.cluster.terminate(2)
        self.cluster.terminate(3)
        self.swap(2, 3)
        for rid in (2, 3):
            said = len(self.cluster.log(rid))
            self.cluster.start(rid)
            self.assertEqual(self.cluster.fall(rid), 1)
            said = self.cluster.log(rid)[said:]
            self.assertIn("the configuration asks for key", said)
            self.assertIn("delete nothing yet", said)
        # Nothing was touched: each with its own again, they vote.
        self.swap(2, 3)
        self.cluster.start_all()
        acks.update(self.append(lines))
        self.cluster.level()
        for rid in range(4):
            self.assertEqual(self.mode(rid), ACTIVE)
        self.check_log(lines, acks)


cluster.need()
cluster.main()

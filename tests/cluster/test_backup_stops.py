#!/usr/bin/env python3
"""A backup is killed: appends go on; it comes back and catches up; nothing is lost."""

import cluster
from cluster import Case, numbered


class BackupStops(Case):
    def test_a_killed_backup_is_not_missed_and_catches_up(self):
        lines = numbered(3000)
        self.cluster.start_all()
        load = self.cluster.append(lines)
        self.cluster.until(lambda: len(load.acks) > 500, "appends with four replicas")
        self.cluster.kill(2)
        alone = len(load.acks)
        self.cluster.until(lambda: len(load.acks) > alone + 500, "appends with three replicas")
        self.assertIsNone(load.process.poll(), "the load ended before the backup came back")
        self.cluster.start(2)
        load.wait()
        self.assertEqual(len(load.acks), len(lines))
        height = self.cluster.level()
        self.assertGreater(height, 0)
        self.check_log(lines, load.acks)

    def test_each_backup_in_turn(self):
        lines = numbered(600)
        self.cluster.start_all()
        acks = {}
        for turn, rid in enumerate((1, 2, 3)):
            part = lines[: 200 * (turn + 1)]
            self.cluster.kill(rid)
            load = self.cluster.append(part)
            load.wait()
            acks.update(load.acks)
            self.cluster.start(rid)
            self.cluster.level()
        self.assertEqual(len(acks), len(lines))
        self.check_log(lines, acks)


cluster.need()
cluster.main()

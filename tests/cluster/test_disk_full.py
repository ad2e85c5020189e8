#!/usr/bin/env python3
"""The disk of a replica fills up (ATTACKS D, ENOSPC): first it takes no new requests, then it stops
voting, both before a write can fail; it goes on when there is room. On a small file system of its
own, so that nothing else of the machine fills up."""

import os
import subprocess
import sys

import cluster
from cluster import Case, numbered

VICTIM = 1
MIB = 1 << 20
# The gate's marks for 256 MiB of memory are 384 and 128 MiB (storage/disk_gate.c).
DISK_MIB = 640
NO_APPENDS_MIB = 300
NO_VOTES_MIB = 60


class DiskFull(Case):
    config = "limits { memory = 256MiB }\n"

    def setUp(self):
        super().setUp()
        self.place = self.cluster.path(f"data{VICTIM}")
        subprocess.run(["rm", "-r", self.place], check=True)
        os.mkdir(self.place, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=700", "tmpfs",
                        self.place], check=True)
        self.addCleanup(subprocess.run, ["umount", self.place], check=False)
        self.cluster.run("vestryd", "init", "--config", self.cluster.path(f"r{VICTIM}.conf"),
                         "--expect", self.cluster.cluster_id)
        self.cluster.start_all()
        self.lines = numbered(200000)
        self.load = self.cluster.append(self.lines, in_flight=4)
        self.more(50, "appends with room everywhere")

    def tearDown(self):
        self.load.kill()
        super().tearDown()
        self.cluster.close()

    def more(self, count, what):
        now = len(self.load.acks)
        self.cluster.until(lambda: len(self.load.acks) >= now + count, what)

    def free(self):
        info = os.statvfs(self.place)
        return info.f_bavail * info.f_frsize

    def leave(self, mib):
        """Fill the disk but for so much, or make room again."""
        with open(os.path.join(self.place, "ballast"), "ab") as file:
            size = file.tell() + self.free() - mib * MIB
            file.truncate(max(size, 0))
            if size > 0:
                os.posix_fallocate(file.fileno(), 0, size)

    def processor_s(self):
        """What time of a processor it has used."""
        with open(f"/proc/{self.cluster.replicas[VICTIM].pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def metric(self, name):
        return self.cluster.metrics(VICTIM)["vestry_" + name]

    def counted(self, what):
        return self.cluster.log(VICTIM).count(what)

    def test_room_runs_out_and_comes_back(self):
        self.leave(NO_APPENDS_MIB)
        self.cluster.until(lambda: self.metric("disk_refuses_appends") == 1, "no new requests")
        self.assertEqual(self.counted("no new requests are taken"), 1)
        # It votes still: without r3 nothing commits but with its vote.
        self.cluster.kill(3)
        self.more(50, "appends that need its vote")
        self.leave(NO_VOTES_MIB)
        self.cluster.until(lambda: "stopped voting" in self.ready(), "no votes")
        stood, used = len(self.load.acks), self.processor_s()
        with self.assertRaises(AssertionError):
            self.cluster.until(lambda: len(self.load.acks) > stood + 4, "", 5)
        self.assertLess(self.processor_s() - used, 0.5, "it waits by running in circles")
        self.assertGreater(self.free(), 40 * MIB)
        self.leave(DISK_MIB)
        self.more(50, "appends with room again")
        self.assertEqual(self.metric("disk_refuses_appends"), 0)
        self.assertEqual(self.counted("the disk has room again"), 1)
        self.cluster.start(3)
        self.load.kill()
        self.cluster.level()

    def test_without_a_vote_the_others_go_on(self):
        self.leave(NO_VOTES_MIB)
        self.cluster.until(lambda: "stopped voting" in self.ready(), "no votes")
        self.more(200, "appends of the other three")
        self.leave(DISK_MIB)
        self.cluster.until(lambda: "stopped voting" not in self.ready(), "votes")
        self.load.kill()
        self.cluster.level()

    def ready(self):
        """What /readyz says."""
        url = f"http://127.0.0.1:{self.cluster.port(VICTIM) + 4}/readyz"
        return subprocess.run(["curl", "-s", url], capture_output=True, timeout=20,
                              check=False).stdout.decode()


cluster.need("curl")
with cluster.tempfile.TemporaryDirectory() as probe:
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", probe],
                          capture_output=True, check=False)
    if done.returncode != 0:
        print("mounting is not allowed here:", done.stderr.decode())
        sys.exit(77)
    subprocess.run(["umount", probe], check=True)
cluster.main()

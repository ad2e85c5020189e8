#!/usr/bin/env python3
"""A single file of a store is gone (ATTACKS D05): the replica does not start and says so, or it
needs nothing of the file; nothing is made anew in its place. And one that may open too few files
(D11): it says so and ends, or goes on; the others go on."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time

import cluster
from cluster import REPLICAS, Case, numbered

ACTIVE = 1
VICTIM = 2
# What says nothing of the log: locks, and what a store writes down for people or anew.
HARMLESS = re.compile(r"^(LOCK|LOG|LOG\.old\.\d+|IDENTITY|OPTIONS-\d+|lock)$")


class MissingFiles(Case):
    def append(self, lines):
        load = self.cluster.append(lines)
        load.wait()
        return load.acks

    def mode(self, rid):
        try:
            return self.cluster.metrics(rid)["vestry_mode"]
        except OSError:
            return None

    def starts(self):
        """Whether it is active in the end; False when it does not start."""
        self.cluster.start(VICTIM)
        process = self.cluster.replicas[VICTIM]
        self.cluster.doomed.add(VICTIM)
        self.cluster.until(lambda: process.poll() is not None or self.mode(VICTIM) == ACTIVE,
                           "an end, or a vote", 20)
        if process.poll() is not None:
            self.assertGreater(self.cluster.fall(VICTIM), 0)
            return False
        self.cluster.terminate(VICTIM)
        return True

    def test_each_file_of_a_store(self):
        lines = numbered(60)
        self.cluster.start_all()
        acks = self.append(lines[:30])
        self.cluster.level()
        self.cluster.terminate(VICTIM)
        place, kept = self.cluster.path(f"data{VICTIM}"), self.path("kept")
        shutil.copytree(place, kept)
        files = sorted(os.path.relpath(os.path.join(folder, name), place)
                       for folder, _, names in os.walk(place) for name in names)
        started = set()
        for file in files:
            os.unlink(os.path.join(place, file))
            said = len(self.cluster.log(VICTIM))
            if self.starts():
                started.add(os.path.basename(file))
            else:
                self.assertIn("error: ", self.cluster.log(VICTIM)[said:], file)
            shutil.rmtree(place)
            shutil.copytree(kept, place)
        print(f"{len(files)} files; it starts without {sorted(started)}", file=sys.stderr)
        self.assertTrue(all(HARMLESS.match(name) for name in started), started)
        self.cluster.start(VICTIM)
        acks.update(self.append(lines))
        self.cluster.level()
        self.check_log(lines, acks)

    def test_too_few_descriptors_to_start(self):
        lines = numbered(40)
        for rid in range(4):
            self.cluster.start(rid, ("prlimit", "--nofile=12") if rid == VICTIM else ())
        self.cluster.doomed.add(VICTIM)
        acks = self.append(lines)
        self.assertEqual(self.cluster.fall(VICTIM), 1)
        self.assertIn("Too many open files", self.cluster.log(VICTIM))
        self.cluster.start(VICTIM)
        self.cluster.level()
        self.check_log(lines, acks)

    def limit(self, process, most):
        subprocess.run(["prlimit", "--pid", str(process.pid), f"--nofile={most}:"],
                       check=True)

    def test_no_descriptor_for_another_guest(self):
        """Who cannot be let in waits, and the replica does not run in circles meanwhile. When its
        store needs another file, it ends and says why."""
        lines = numbered(60)
        self.cluster.start_all()
        acks = self.append(lines[:20])
        self.cluster.level()
        process = self.cluster.replicas[VICTIM]
        self.cluster.doomed.add(VICTIM)
        load = self.cluster.append(lines, in_flight=1)
        self.cluster.until(lambda: load.acks, "appends")
        self.limit(process, max(map(int, os.listdir(f"/proc/{process.pid}/fd"))) + 1)
        doors = [self.cluster.port(VICTIM), self.cluster.port(VICTIM) + REPLICAS]
        guests = [socket.create_connection(("127.0.0.1", port)) for port in doors * 12]
        load.wait()
        time.sleep(1)
        used = self.processor_s(process)
        time.sleep(2)
        self.assertLess(self.processor_s(process) - used, 1)
        for guest in guests:
            guest.close()
        acks.update(load.acks)
        process.terminate()
        code = self.cluster.fall(VICTIM)
        if code != 0:
            said = self.cluster.log(VICTIM)
            self.assertRegex(said, "error: .*(many open files|failed)", f"exit code {code}")
        self.cluster.start(VICTIM)
        self.cluster.level()
        self.check_log(lines, acks)

    def processor_s(self, process):
        """What time of a processor it has used."""
        with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


cluster.need("prlimit")
cluster.main()

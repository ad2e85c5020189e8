#!/usr/bin/env python3
"""The disk under one replica fails: it says so and ends, the others go on, and a restart on a disk
that works catches up. Faults are injected into its system calls with strace."""

import os
import subprocess

import cluster
from cluster import Case, numbered

VICTIM = 2


def strace_works():
    try:
        done = subprocess.run(["strace", "-f", "-e", "trace=none", "true"], capture_output=True,
                              timeout=20, check=False)
    except OSError:
        return False
    return done.returncode == 0


class Disk(Case):
    def fail(self, call, error, when):
        """Appends before, during and after that fault at the when-th such call of one replica."""
        lines = numbered(400)
        self.cluster.start_all()
        first = self.cluster.append(lines[:50])
        first.wait()
        self.cluster.terminate(VICTIM)
        trace = self.path("trace.log")
        self.cluster.start(VICTIM, ("strace", "-f", "-o", trace, "-e", f"trace={call}", "-e",
                                    f"inject={call}:error={error}:when={when}+"))
        victim = self.cluster.replicas.pop(VICTIM)
        self.cluster.clients.append(victim)
        load = self.cluster.append(lines)
        load.wait()
        self.assertEqual(len(load.acks), 350)
        with open(trace, encoding="utf-8", errors="replace") as file:
            self.assertIn("INJECTED", file.read())
        self.assertNotEqual(victim.wait(timeout=30), 0, "a replica with a failing disk goes on")
        said = self.cluster.log(VICTIM)
        last = "\n".join(said.splitlines()[-5:])
        self.assertRegex(last, r"(?i)input/output|no space|disk|write|store", said)
        self.assertRegex(last, r"(?i)error|fail|cannot", said)
        self.cluster.start(VICTIM)
        self.cluster.level()
        self.check_log(lines, {**first.acks, **load.acks})

    def test_a_sync_that_fails_in_the_middle(self):
        self.fail("fdatasync", "EIO", 20)

    def test_a_sync_that_fails_for_want_of_room(self):
        self.fail("fdatasync", "ENOSPC", 30)

    def test_the_others_do_not_wait_for_a_slow_disk(self):
        """Every sync takes a fifth of a second: appends go on at the pace of the others."""
        lines = numbered(300)
        self.cluster.start_all()
        first = self.cluster.append(lines[:20])
        first.wait()
        self.cluster.terminate(VICTIM)
        self.cluster.start(VICTIM, ("strace", "-f", "-o", os.devnull, "-e", "trace=fdatasync", "-e",
                                    "inject=fdatasync:delay_enter=200000"))
        load = self.cluster.append(lines, in_flight=1)
        load.wait(50)
        slow = self.cluster.replicas.pop(VICTIM)
        self.cluster.clients.append(slow)
        children = f"/proc/{slow.pid}/task/{slow.pid}/children"
        with open(children, encoding="ascii") as file:
            traced = [int(pid) for pid in file.read().split()]
        self.assertEqual(len(traced), 1)
        os.kill(traced[0], 15)
        slow.wait(timeout=60)
        self.cluster.start(VICTIM)
        self.cluster.level()
        self.check_log(lines, {**first.acks, **load.acks})


cluster.need("strace")
if not strace_works():
    print("strace may not trace here")
    raise SystemExit(77)
cluster.main()

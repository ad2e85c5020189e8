#!/usr/bin/env python3
"""Every n-th allocation of one replica fails (ATTACKS D12), at its start or while it serves: it
ends with a word about it or goes on, the others go on, and started again it is level and votes."""

import signal
import sys
import time

import cluster
from cluster import Case, numbered

VICTIM = 2
ACTIVE = 1
LINES = 6
# Every so many-th fails.
AT_START = (3, 70, 900, 20000)
IN_SERVICE = (1, 7, 17, 60, 1000)
WATCH_S = 0.5
# libconfuse, libevent and RocksDB do not look at all of their own allocations: no word then.
CRASH = -signal.SIGSEGV


class ScarceMemory(Case):
    def setUp(self):
        super().setUp()
        self.lines = numbered(2000)
        self.asked = 0
        self.acks = {}
        self.cluster.start_all()
        self.append()
        self.cluster.level()

    def append(self):
        self.asked += LINES
        load = self.cluster.append(self.lines[: self.asked], in_flight=2)
        load.wait()
        self.acks.update(load.acks)

    def starve(self, every, later):
        """One life of it with too little memory. How it ended, or None."""
        if VICTIM in self.cluster.replicas:
            self.cluster.kill(VICTIM)
        said_before = len(self.cluster.log(VICTIM))
        more = {"LD_PRELOAD": cluster.SCARCE, "VESTRY_SCARCE": str(every)}
        self.cluster.start(VICTIM, more={**more, "VESTRY_SCARCE_LATER": "1"} if later else more)
        self.cluster.doomed.add(VICTIM)
        process = self.cluster.replicas[VICTIM]
        if later:
            self.cluster.until(self.is_active, "it active")
            process.send_signal(signal.SIGUSR1)
        self.append()
        until = time.monotonic() + WATCH_S
        while process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        code = process.poll()
        said = self.cluster.log(VICTIM)[said_before:]
        last = [line for line in said.splitlines() if " info " not in line]
        print(f"every {every}{' later' if later else ''}: {code}: {last[:1]}", file=sys.stderr)
        if code is None:
            return None
        self.cluster.fall(VICTIM)
        if code != CRASH or (later and every == 1):
            self.assertIn(code, (1, 2, -signal.SIGABRT), said)
            self.assertTrue(last, "it says nothing")
        return code

    def is_active(self):
        try:
            return self.cluster.metrics(VICTIM)["vestry_mode"] == ACTIVE
        except OSError:
            return False

    def test_at_a_start_and_in_service(self):
        for later, cases in ((False, AT_START), (True, IN_SERVICE)):
            ended = [self.starve(every, later) for every in cases]
            self.assertIsNotNone(ended[0])
        if VICTIM in self.cluster.replicas:
            self.cluster.kill(VICTIM)
        self.cluster.start(VICTIM)
        self.cluster.until(self.is_active, "it active")
        self.cluster.level()
        # Three are needed: without r1 nothing commits unless it votes.
        self.cluster.kill(1)
        self.append()
        self.cluster.start(1)
        self.cluster.level()
        self.check_log(self.lines[: self.asked], self.acks)


cluster.need(cluster.SCARCE)
cluster.main()

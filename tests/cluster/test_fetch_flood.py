#!/usr/bin/env python3
"""A replica that asks for the log without end gets its share and no more (ATTACKS B55): the others
go on, nobody grows, and one that needs the log gets it meanwhile."""

import struct
import subprocess
import threading
import time

import cluster
from cluster import GUEST, Case, numbered

GREEDY = 3
VICTIM = 0
FETCH = 10
BLOCKS = 2
GROWTH_KIB = 160 * 1024
# With room for a busy machine; on an idle one it is about 1.
SLOWER_AT_MOST = 2


def question(first, count):
    """A frame: FETCH of blocks."""
    body = (b"\x95\x01" + bytes([BLOCKS]) + b"\xcd" + struct.pack(">H", first) + bytes([count]) +
            b"\xc4\x20" + bytes(32))
    envelope = (b"\x95\x01" + bytes([FETCH, GREEDY]) + b"\xc4" + bytes([len(body)]) + body +
                b"\xc4\0")
    return struct.pack(">I", len(envelope)) + envelope


class Flood(Case):
    config = "limits { memory = 256MiB }\n"

    def setUp(self):
        super().setUp()
        self.lines = []

    def took(self, count):
        """Seconds for so many appends."""
        first = len(self.lines)
        self.lines += numbered(count, first=first)
        began = time.monotonic()
        self.cluster.append(self.lines).wait()
        return time.monotonic() - began

    def ask_without_end(self):
        """As GREEDY; the answers are read and thrown away."""
        guest = subprocess.Popen(
            [GUEST, self.cluster.path(), str(self.cluster.port(VICTIM)), f"replica{GREEDY}", "600"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self.cluster.clients.append(guest)
        self.assertEqual(guest.stdout.readline(), b"open\n")

        def feed():
            try:
                while True:
                    guest.stdin.write(question(256, 16) * 500)
            except (BrokenPipeError, ValueError):
                pass

        threading.Thread(target=feed, daemon=True).start()
        return guest

    def test_a_replica_that_asks_without_end(self):
        self.cluster.start_all()
        self.took(100)
        self.cluster.level()
        self.cluster.kill(GREEDY)
        self.cluster.grow(20000)
        before = self.cluster.memory_kib(VICTIM)
        alone = self.took(400)
        guest = self.ask_without_end()
        self.cluster.until(lambda: self.refused() > 20, "questions that are not read for")
        flooded = self.took(400)
        print(f"400 appends: {alone:.2f} s alone, {flooded:.2f} s with the flood")
        self.assertLess(flooded, SLOWER_AT_MOST * alone + 1)
        # One that needs the log gets it, from the victim too.
        self.cluster.kill(2)
        self.cluster.start(2)
        self.cluster.level((0, 1, 2))
        self.took(20)
        self.assertIsNone(guest.poll())
        self.assertLess(self.cluster.memory_kib(VICTIM) - before, GROWTH_KIB)

    def refused(self):
        return self.cluster.metrics(VICTIM)["vestry_overloaded_total"]


cluster.need()
cluster.main()

#!/usr/bin/env python3
"""Clients that ask without end (ATTACKS B55, C08, C09, C33, C40, C41): requests whose signatures
are bad or whose tokens nobody issued, and questions with large answers, as fast as they are taken.
The good client goes on, and memory stays bounded. How fast it goes is printed; the bench has the
bounds."""

import os
import subprocess
import sys
import threading
import time

import cluster
from cluster import GUEST, REPLICAS, Case, numbered
from judge import BLOCKS, CHARTER, answer, question
from judge_parts import leaf_hash, read, sha256, write

REQUEST = 1
STREAMS = 11
GROWTH_KIB = 96 * 1024
SECONDS = 6
# The least share of its pace that a good client keeps. All run on the same processors, attackers
# too, so this is far below what the bench asks for on an idle machine.
SHARE = 0.1


class Floods(Case):
    config = "limits { memory = 256MiB }\n"

    def setUp(self):
        super().setUp()
        self.cluster.start_all()
        self.load = self.cluster.append(numbered(500000), in_flight=16)
        self.load.more(200)
        self.token = read(self.first_batch(), 3, 1)[2][0][2]
        self.before = [self.cluster.memory_kib(rid) for rid in range(REPLICAS)]

    def first_batch(self):
        """Of a log that grows: no replica serves its newest blocks before they are safe."""
        _, _, parcel = answer(self.cluster.hear(0, question(BLOCKS, 1, 1), 1)[0])
        return read(parcel, 5, 1)[2]

    def request(self, token):
        """One that is good but for its signature."""
        salt, payload = os.urandom(16), b"flood"
        statement = write([1, "test/flood", sha256(salt, payload), len(payload), 2**64 - 1])
        request = write([1, [0, sha256(token)], time.time_ns() // 1000, 1,
                         time.time_ns() // 10**6 + 60000, 0, leaf_hash(statement), 1])
        item = write([request, os.urandom(64), token, [statement]])
        content = write([1, REQUEST, 0, b"", b""]) + write(
            [1, item, write([1, [[salt, payload]]])])
        return len(content).to_bytes(4, "big") + content

    def attack(self, said, stop, counts):
        """Guests one after the other, each for as long as it is let."""
        path = self.path(f"said{threading.get_ident()}")
        with open(path, "wb") as file:
            file.write(said)
        rid = 0
        while not stop.is_set():
            rid = (rid + 1) % REPLICAS
            with open(path, "rb") as file:
                guest = subprocess.Popen([GUEST, self.cluster.path(), str(self.cluster.port(rid)),
                                          "client", "0.5"], stdin=file, stdout=subprocess.DEVNULL)
            while guest.poll() is None and not stop.is_set():
                time.sleep(0.01)
            guest.kill()
            guest.wait()
            counts.append(rid)

    def flood(self, what, saids):
        """The good client's pace with and without it."""
        usual = self.load.pace(SECONDS)
        stop, counts = threading.Event(), []
        attackers = [threading.Thread(target=self.attack, args=(said, stop, counts))
                     for said in saids]
        for attacker in attackers:
            attacker.start()
        try:
            flooded = self.load.pace(SECONDS)
        finally:
            stop.set()
            for attacker in attackers:
                attacker.join()
        print(f"{what}: {usual:.0f} a second, {flooded:.0f} under attack by {len(counts)} visits",
              file=sys.stderr)
        self.assertGreater(flooded, SHARE * usual)
        for rid in range(REPLICAS):
            grown = self.cluster.memory_kib(rid) - self.before[rid]
            self.assertLess(grown, GROWTH_KIB, f"r{rid} grew by {grown} KiB")
        self.load.more(50)
        return counts

    def tearDown(self):
        self.load.kill()
        super().tearDown()

    def counted(self, part):
        """How many drops of that sort all replicas have counted."""
        return sum(number for rid in range(REPLICAS)
                   for name, number in self.cluster.metrics(rid).items() if part in name)

    def test_bad_signatures_without_end(self):
        before = self.counted('verify_drops_total{reason="bad-client-signature"}')
        bad = b"".join(self.request(self.token) for _ in range(200))
        stranger = b"".join(self.request(self.token[:-64] + os.urandom(64)) for _ in range(200))
        counts = self.flood("bad signatures", (bad, stranger, bad))
        refused = self.counted('verify_drops_total{reason="bad-client-signature"}') - before
        self.assertGreater(refused, len(counts) // 2)

    def test_questions_without_end(self):
        blocks = b"".join(question(BLOCKS, start % 50 + 1, 16) for start in range(4000))
        streams = (question(STREAMS) + question(CHARTER)) * 10000
        before = self.counted("fetches_total")
        self.flood("questions", (blocks, streams))
        self.assertGreater(self.counted("fetches_total") - before, 1000)


cluster.need()
cluster.main()

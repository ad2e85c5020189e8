#!/usr/bin/env python3
"""A client with numbers of its own. It signs several requests with one number, each with other
content, and gives every replica another of them (ATTACKS C01, C07): of each number one is executed,
the same everywhere, and no view changes on its account. It asks again when its result is forgotten
(C03), and its numbers jump (C04): what it may have had executed is not executed again."""

import os
import subprocess
import time

import cluster
from cluster import GUEST, REPLICAS, Case, numbered
from judge import OK, REPLAY
from judge_parts import leaf_hash, read, read_at, sha256, sign, signed, write

REQUEST, REPLY, APPEND = 1, 12, 1
UNLIMITED = 2**64 - 1
NUMBERS = 8
WINDOW = 64


class SameNumber(Case):
    def setUp(self):
        super().setUp()
        self.ids = {}  # of requests, by frame

    def frame(self, number, payload):
        """A good request of the cluster's client."""
        token, seed = self.cluster.armoured("client.token"), self.cluster.seed("client.key")
        salt = os.urandom(16)
        statement = write([1, "test/same", sha256(salt, payload), len(payload), UNLIMITED])
        request = write([1, [0, sha256(token)], number, APPEND, time.time_ns() // 10**6 + 60000, 0,
                         leaf_hash(statement), 1])
        sig = sign(seed, signed("request", bytes.fromhex(self.cluster.cluster_id), request))
        parcel = [1, write([request, sig, token, [statement]]), write([1, [[salt, payload]]])]
        content = write([1, REQUEST, 0, b"", b""]) + write(parcel)
        frame = len(content).to_bytes(4, "big") + content
        self.ids[frame] = sha256(signed("request", bytes.fromhex(self.cluster.cluster_id), request))
        return frame

    def tell(self, rid, said):
        path = self.path(f"said{rid}")
        with open(path, "wb") as file:
            file.write(said)
        with open(path, "rb") as file:
            guest = subprocess.Popen([GUEST, self.cluster.path(), str(self.cluster.port(rid)),
                                      "client", "3"], stdin=file, stdout=subprocess.DEVNULL)
        self.cluster.clients.append(guest)

    def ask(self, frames):
        """Tell the primary, and return what becomes of each: (code, height)."""
        command = [GUEST, self.cluster.path(), str(self.cluster.port(0)), "holder", "20", "aloud"]
        with open(self.path("asked"), "wb") as file:
            file.write(b"".join(frames))
        with open(self.path("asked"), "rb") as file:
            guest = subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE)
        self.cluster.clients.append(guest)
        self.assertEqual(guest.stdout.readline(), b"open\n")
        found = {}
        while len(found) < len(frames):
            length = int.from_bytes(guest.stdout.read(4), "big")
            self.assertGreater(length, 0, f"{len(found)} of {len(frames)} answers")
            envelope, _ = read_at(guest.stdout.read(length), 0)
            for row in read(envelope[3], 3, 1)[2] if envelope[1] == REPLY else ():
                result = read(row[0], 5, 1)
                found[result[1]] = (result[2], row[1])
        guest.kill()
        guest.wait()
        return [found[self.ids[frame]] for frame in frames]

    def refused(self, frame):
        """Whether it is, for its number, and now."""
        return self.ask([frame]) == [(REPLAY, 0)]

    def payloads(self):
        return [payload for _, payload in self.cluster.read("test/same")]

    def retries_when_the_result_is_forgotten(self, low):
        """The newest 64 results are kept. An older request is never executed again."""
        frames = [self.frame(low + i, f"entry {i}".encode()) for i in range(WINDOW + 6)]
        # Within one question their order is nobody's promise.
        results = self.ask(frames[:40]) + self.ask(frames[40:])
        self.assertEqual([code for code, _ in results], [OK] * len(frames))
        self.assertEqual(self.ask(frames[6:]), results[6:])
        for frame in frames[:6]:
            self.assertTrue(self.refused(frame))
        self.assertEqual(sorted(self.payloads()),
                         sorted(f"entry {i}".encode() for i in range(len(frames))))

    def numbers_that_jump(self, low):
        """Whoever lets a number jump loses those below it."""
        executed = []

        def taken(number):
            executed.append(f"number {number}".encode())
            found = self.ask([self.frame(number, executed[-1])])
            self.assertEqual([code for code, _ in found], [OK], number)

        before = self.payloads()
        taken(low)
        taken(low + WINDOW - 1)
        taken(low + 1)
        taken(low + 1000)
        for below in (WINDOW, 500, 1000 - WINDOW, 999):
            self.assertTrue(self.refused(self.frame(low + 1000 - below, b"too low")), below)
        taken(low + 1000 - WINDOW + 1)
        taken(2**63)
        self.assertTrue(self.refused(self.frame(low + 1001, b"too low")))
        taken(2**64 - 1)
        self.assertTrue(self.refused(self.frame(2**64 - 1, b"again")))
        taken(2**64 - 2)
        self.assertEqual(self.payloads(), before + executed)

    def test_forgotten_results_and_jumps(self):
        self.cluster.start_all()
        self.cluster.append(numbered(4)).wait()
        low = time.time_ns() // 1000
        self.retries_when_the_result_is_forgotten(low)
        self.numbers_that_jump(low + 2 * WINDOW)
        self.cluster.level()

    def test_of_each_number_one_is_executed(self):
        self.cluster.start_all()
        lines = numbered(20)
        load = self.cluster.append(lines)
        load.wait()
        first = time.time_ns() // 1000
        saids = [b"".join(self.frame(first + number, f"{number} as r{rid} heard it".encode())
                          for number in range(NUMBERS)) for rid in range(REPLICAS)]
        for rid, said in enumerate(saids):
            self.tell(rid, said)

        def heard():
            found = [payload.split()[0] for _, payload in self.cluster.read("test/same")]
            return sorted(found) if len(found) >= NUMBERS else None

        found = self.cluster.until(heard, "one of each number")
        time.sleep(4)
        self.assertEqual(found, [str(number).encode() for number in range(NUMBERS)])
        self.assertEqual(heard(), found)
        self.cluster.level()
        for rid in range(REPLICAS):
            self.assertEqual(self.cluster.metrics(rid)["vestry_view"], 0)
        self.check_log(lines, load.acks)


cluster.need()
cluster.main()

#!/usr/bin/env python3
"""A client that signs several requests with one number, each with other content, and gives every
replica another of them (ATTACKS C01, C07): of each number one is executed, the same everywhere, and
no view changes on its account."""

import base64
import hashlib
import os
import subprocess
import time

import cluster
from cluster import GUEST, REPLICAS, Case, numbered
from judge_parts import BASE, ORDER, P, leaf_hash, read, sha256, signed, times, write

REQUEST, APPEND = 1, 1
UNLIMITED = 2**64 - 1
NUMBERS = 8


def encoded(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def sign(seed, message):
    """RFC 8032, section 5.1.6."""
    digest = hashlib.sha512(seed).digest()
    secret = int.from_bytes(digest[:32], "little") & (1 << 254) - 8 | 1 << 254
    public = encoded(times(BASE, secret, (0, 1, 1, 0)))
    nonce = int.from_bytes(hashlib.sha512(digest[32:] + message).digest(), "little") % ORDER
    commitment = encoded(times(BASE, nonce, (0, 1, 1, 0)))
    challenge = hashlib.sha512(commitment + public + message).digest()
    answer = (nonce + int.from_bytes(challenge, "little") * secret) % ORDER
    return commitment + answer.to_bytes(32, "little")


class SameNumber(Case):
    def armoured(self, name):
        with open(self.cluster.path(name), encoding="ascii") as file:
            return base64.b64decode("".join(file.read().split("\n")[1:]))

    def frame(self, number, payload):
        """A good request of the cluster's client."""
        token, seed = self.armoured("client.token"), read(self.armoured("client.key"))[9]
        salt = os.urandom(16)
        statement = write([1, "test/same", sha256(salt, payload), len(payload), UNLIMITED])
        request = write([1, [0, sha256(token)], number, APPEND, time.time_ns() // 10**6 + 60000, 0,
                         leaf_hash(statement), 1])
        sig = sign(seed, signed("request", bytes.fromhex(self.cluster.cluster_id), request))
        parcel = [1, write([request, sig, token, [statement]]), write([1, [[salt, payload]]])]
        content = write([1, REQUEST, 0, b"", b""]) + write(parcel)
        return len(content).to_bytes(4, "big") + content

    def tell(self, rid, said):
        path = self.path(f"said{rid}")
        with open(path, "wb") as file:
            file.write(said)
        with open(path, "rb") as file:
            guest = subprocess.Popen([GUEST, self.cluster.path(), str(self.cluster.port(rid)),
                                      "client", "3"], stdin=file, stdout=subprocess.DEVNULL)
        self.cluster.clients.append(guest)

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

#!/usr/bin/env python3
"""Clients that ask in odd ways (ATTACKS C05, C06): a request that only one backup hears of, one
that the primary never hears of, and copies of one client's state. No view changes on account of a
client, and what is ordered is ordered once."""

import shutil

import cluster
import network
from cluster import REPLICAS, numbered
from netcluster import GUEST_HOST, NetCase


class OddClients(NetCase):
    def setUp(self):
        super().setUp()
        self.cluster.start_all()
        first = self.cluster.append(numbered(10), stream="test/first")
        first.wait()
        self.before = self.views()

    def tearDown(self):
        if not self._failed():
            self.assertEqual(self.views(), self.before, "a view changed on account of a client")
            self.cluster.level()
        super().tearDown()

    def only(self, *rids):
        """The odd client's host reaches these replicas only."""
        for rid in range(REPLICAS):
            change = self.network.join if rid in rids else self.network.cut
            change(GUEST_HOST, rid)
            change(rid, GUEST_HOST)

    def odd(self, *arguments, **options):
        with self.cluster.clients_on(GUEST_HOST):
            return self.cluster.append(*arguments, state="odd", receipts="odd-receipts", **options)

    def payloads(self, stream):
        return [payload for _, payload in self.cluster.read(stream)]

    def test_one_backup_only(self):
        """It forwards to the primary what it cannot order itself. The client needs all to begin,
        and loses all but r2 then."""
        with self.cluster.clients_on(GUEST_HOST):
            client = self.cluster.spawn_client("odd", "append", "test/odd", self.folder, "1")
        # It speaks while it waits for an acknowledgement, which it does when the next line comes.
        client.stdin.write(b"all know\nonly r2 knows\n")
        client.stdin.flush()
        while not client.stdout.readline().startswith(b"ack 0"):
            self.assertIsNone(client.poll())
        self.only(2)
        self.assertEqual(self.payloads("test/odd"), [b"all know"])
        client.stdin.write(b"the last\n")
        client.stdin.flush()
        self.cluster.until(lambda: len(self.payloads("test/odd")) == 2, "the entry", 30)
        self.only(*range(REPLICAS))
        client.stdin.close()
        client.wait(timeout=60)
        self.assertEqual(client.returncode, 0)
        self.assertEqual(self.payloads("test/odd"), [b"all know", b"only r2 knows", b"the last"])

    def test_all_but_the_primary(self):
        """Whoever never tells the primary, to have it replaced, is served all the same."""
        self.only(1, 2, 3)
        lines = numbered(40)
        load = self.odd(lines, stream="test/odd", in_flight=4)
        load.wait(100)
        # Four in flight: their order is nobody's promise.
        self.assertCountEqual(self.payloads("test/odd"), lines)

    def test_a_state_that_was_copied(self):
        """As by a backup that was restored: three clients with one token and one past. Each of
        their entries is in the log once."""
        for turn in range(3):
            stream = f"test/race{turn}"
            self.cluster.append([b"begin"], stream=stream, receipts=f"begin{turn}",
                                state=f"state{turn}", in_flight=1).wait()
            for number in range(3):
                shutil.copytree(self.path(f"state{turn}"), self.path(f"racer{turn}{number}"))
            racing = [self.cluster.append(
                [b"begin", f"racer {number}".encode()], stream=stream,
                receipts=f"race{turn}{number}", state=f"racer{turn}{number}", in_flight=1)
                for number in range(3)]
            for racer in racing:
                self.cluster.until(lambda: racer.process.poll() is not None, "an end")
            won = [f"racer {number}".encode() for number, racer in enumerate(racing) if racer.acks]
            self.assertTrue(won)
            found = self.payloads(stream)
            self.assertEqual(sorted(found), sorted([b"begin", *won]))


network.enter()
cluster.need()
cluster.main()

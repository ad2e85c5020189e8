#!/usr/bin/env python3
"""Four hosts in network namespaces, and between them a network that is cut (ATTACKS D): the side
that has a quorum goes on, the other side says honestly what it has and that it is old, and after
the network is healed all logs are equal."""

import json
import time

import cluster
import network
from cluster import numbered
from netcluster import NetCase

# The view timeout is a second; what a busy machine adds is not the test's matter.
REPLACED_S = 15


class Partitions(NetCase):
    def setUp(self):
        super().setUp()
        self.lines = numbered(20000)
        self.cluster.start_all()
        self.load = self.cluster.append(self.lines, in_flight=4)
        self.more(self.load, 30, "appends in a whole network")

    def tearDown(self):
        """The network is whole again: the client is served, all come to one height."""
        if not self._failed():
            self.network.heal()
            self.more(self.load, 30, "appends after the network is healed")
            self.load.kill()
            self.cluster.level()
            self.assertEqual(len(set(self.views().values())), 1, self.views())
        super().tearDown()

    def test_a_backup_alone(self):
        """It knows that it knows nothing new."""
        before = self.views()
        time.sleep(0.5)  # a busy log is attested every 100 ms: it has something to show
        self.network.isolate(3)
        self.more(self.load, 200, "appends without r3")
        time.sleep(2)
        local = ("read", "test/lines", "0", "-n", "5", "--json", "--timeout", "4s")
        code, out, said = self.cluster.vestry(3, *local, "--consistency", "local")
        self.assertEqual(code, 0, said)
        rows = [json.loads(line) for line in out.splitlines()]
        self.assertEqual([row["position"] for row in rows], [str(i) for i in range(5)])
        code, out, said = self.cluster.vestry(3, *local, "--consistency", "verified", "--max-age",
                                              "1s")
        self.assertEqual(out, "", "old entries shown as new ones")
        self.assertIn(code, (4, 7), said)
        code, again, said = self.cluster.vestry(3, *local, "--consistency", "verified", "--max-age",
                                                "1h")
        self.assertEqual((code, len(again.splitlines())), (0, len(rows)), said)
        code, out, said = self.cluster.vestry(3, *local, "--consistency", "linearizable")
        self.assertEqual((code, out), (4, ""), said)
        code, out, said = self.cluster.vestry(3, "append", "test/alone", "nobody hears",
                                              "--timeout", "4s")
        self.assertEqual(code, 4, said)
        self.assertEqual(self.views((0, 1, 2)), {rid: before[rid] for rid in range(3)})

    def test_the_primary_alone(self):
        self.network.isolate(0)
        begin = time.monotonic()
        self.more(self.load, 50, "appends under another primary")
        self.assertLess(time.monotonic() - begin, REPLACED_S)
        self.assertGreaterEqual(min(self.views((1, 2, 3)).values()), 1)

    def test_two_and_two(self):
        """Nobody has a quorum, wherever the client is; nothing is acknowledged."""
        self.network.part([0, 1, network.OUTSIDE], [2, 3])
        time.sleep(1)
        before = len(self.load.acks)
        time.sleep(6)
        self.assertEqual(len(self.load.acks), before)
        code, _, said = self.cluster.vestry(2, "append", "test/other", "x", "--timeout", "4s")
        self.assertEqual(code, 4, said)

    def test_a_primary_that_cannot_speak(self):
        """What it is sent comes, what it sends is lost; the client is answered by the others."""
        for other in (1, 2, 3, network.OUTSIDE):
            self.network.cut(0, other)
        self.more(self.load, 50, "appends under another primary")
        self.assertGreaterEqual(min(self.views((1, 2, 3)).values()), 1)

    def test_a_primary_that_cannot_hear(self):
        for other in (1, 2, 3, network.OUTSIDE):
            self.network.cut(other, 0)
        self.more(self.load, 50, "appends under another primary")
        self.assertGreaterEqual(min(self.views((1, 2, 3)).values()), 1)

    def test_one_link_one_way(self):
        """r1 hears r0 no more. The other three are a quorum, and r1 has it all from them."""
        self.network.cut(0, 1)
        self.more(self.load, 100, "appends with one link cut")
        head = self.heads((2,))[2]
        self.cluster.until(lambda: self.heads((1,))[1] >= head, "r1 to hear of it", 30)

    def test_a_ring(self):
        """Each reaches two others only: a quorum is never in one place."""
        self.network.part([0], [2])
        self.network.part([1], [3])
        self.more(self.load, 20, "appends in a ring")


network.enter()
cluster.need(cluster.program("vestry"))
cluster.main()

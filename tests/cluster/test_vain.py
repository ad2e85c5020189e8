#!/usr/bin/env python3
"""One replica of four says without end what is well signed and of no use (ATTACKS B29): votes for a
place that it has voted for, STATUS that grows, requests that were executed long ago. What the
others verify for nothing is bounded and the cluster goes on. How fast is printed, as a share of its
pace just before: all run on the same processors, the liar too, so the bound is the bench's."""

import sys
import time

import cluster
from cluster import REPLICAS, Case, numbered

LIAR = 3
SECONDS = 2
# replica/host/vain_quota.h: of messages and of requests that are passed on.
BURST, PER_S = 2048, 512
VAIN = "vestry_vain_frames_total"
HELD_BACK = "vestry_peers_held_back_total"
KNOWN = 'vestry_core_drops_total{reason="request-known"}'


class Vain(Case):
    guilty = (LIAR,)

    def setUp(self):
        super().setUp()
        self.cluster.start_all()
        self.load = self.cluster.append(numbered(500000), in_flight=16)
        self.load.more(100)

    def tearDown(self):
        self.load.kill()
        super().tearDown()

    def counted(self, name):
        """Of the three others."""
        return [self.cluster.metrics(rid).get(name, 0) for rid in range(REPLICAS) if rid != LIAR]

    def flood(self, lie, names):
        """How much of these grew meanwhile, on each of the others."""
        usual = self.load.pace(SECONDS)
        self.assertEqual(self.counted(HELD_BACK), [0, 0, 0], "a correct replica is held back")
        print("for nothing so far:", self.counted(VAIN), file=sys.stderr)
        self.cluster.kill(LIAR)
        self.cluster.start(LIAR, lie=lie)
        told = "the first lie is told"
        before = self.cluster.log(LIAR).count(told)
        self.cluster.until(lambda: self.cluster.log(LIAR).count(told) > before, "the flood", 20)
        begin = time.monotonic()
        counts = [self.counted(name) for name in names]
        time.sleep(1)  # what may be verified at once is over then
        flooded = self.load.pace(SECONDS)
        grown = [[after - earlier for after, earlier in zip(self.counted(name), count)]
                 for name, count in zip(names, counts)]
        seconds = time.monotonic() - begin
        self.load.more(20)
        self.cluster.kill(LIAR)
        self.cluster.start(LIAR)
        print(f"{lie}: {usual:.0f} a second, {flooded:.0f} beside the flood: "
              f"{flooded / usual:.2f}; {grown} in {seconds:.1f} s", file=sys.stderr)
        self.assertGreater(flooded, 0)
        return grown, seconds

    def assert_bounded(self, grown, seconds):
        for number in grown:
            self.assertLess(number, BURST + (seconds + 1) * PER_S)

    def test_requests_and_then_votes_and_reports(self):
        (known,), seconds = self.flood("again", (KNOWN,))
        self.assert_bounded(known, seconds)
        self.assertGreater(sum(known), 100)
        (vain, held_back), seconds = self.flood("vain", (VAIN, HELD_BACK))
        self.assert_bounded(vain, seconds)
        self.assertGreater(min(held_back), 0)


cluster.need(cluster.program("vestryd-liar"))
cluster.main()

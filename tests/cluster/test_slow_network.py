#!/usr/bin/env python3
"""Four hosts in network namespaces, and between them a network that is slow, lossy or comes and
goes (ATTACKS D): views do not change for ever, appends go on, and all logs end up equal."""

import threading
import time

import cluster
import network
from cluster import numbered
from netcluster import NetCase


class SlowNetwork(NetCase):
    def setUp(self):
        super().setUp()
        self.lines = numbered(20000)
        self.cluster.start_all()
        self.load = self.cluster.append(self.lines, in_flight=16)
        self.more(self.load, 30, "appends in a good network")

    def tearDown(self):
        if not self._failed():
            self.network.heal()
            self.more(self.load, 30, "appends in a good network again")
            self.load.kill()
            self.cluster.level()
        super().tearDown()

    def test_far_apart(self):
        """200 ms each way, and up to 100 more or less."""
        self.network.slow(200, 100)
        self.more(self.load, 32, "appends over long ways")
        settled = max(self.views().values())
        begin = time.monotonic()
        self.more(self.load, 100, "appends over long ways")
        took = time.monotonic() - begin
        print(f"100 appends, 16 at a time: {took:.1f} s; views {self.views()}")
        self.assertLess(max(self.views().values()), settled + 3, "views that do not end")

    def test_one_packet_in_twenty_is_lost(self):
        self.network.slow(10, 5, 0.05)
        self.more(self.load, 200, "appends with losses")

    def test_the_primary_comes_and_goes(self):
        """Every 0.7 seconds. Whoever leads then, some of the time a quorum hears another."""
        stop = threading.Event()

        def flap():
            while not stop.is_set():
                self.network.isolate(0)
                stop.wait(0.7)
                self.network.heal()
                stop.wait(0.7)

        flapping = threading.Thread(target=flap)
        flapping.start()
        try:
            self.more(self.load, 100, "appends while a link flaps")
            time.sleep(6)
        finally:
            stop.set()
            flapping.join()


network.enter()
cluster.need(cluster.program("vestry"))
cluster.main()

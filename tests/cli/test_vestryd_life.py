#!/usr/bin/env python3
"""vestryd: starting, being ready, being stopped, and strangers at its door."""

import json
import os
import signal
import socket
import ssl
import time
import unittest

import programs
from vestryd_cluster import Cluster

HELLO_SECONDS = 5  # CONN_HANDSHAKE_MS, CONN_HELLO_MS


class Replicas(programs.Case):
    def setUp(self):
        super().setUp()
        self.cluster = Cluster(self.path("c"))
        for rid in range(4):
            done = self.cluster.init(rid)
            self.assertEqual(done.code, 0, done.err)

    def tearDown(self):
        self.cluster.close()
        super().tearDown()


class Life(Replicas):
    def test_four_replicas_become_ready_and_stop_cleanly(self):
        self.cluster.start(0, 1, 2, 3)
        self.cluster.wait_ready(0, 1, 2, 3)
        for rid in range(4):
            self.assertEqual(self.cluster.metric(rid, "executed_height"), 0)
            self.assertEqual(self.cluster.metric(rid, "log_entries"), 1)
        for rid in range(4):
            self.assertEqual(self.cluster.stop(rid), 0)
            self.assertIn("stopped", self.cluster.log(rid))
            self.assertNotIn("error", self.cluster.log(rid))

    def test_a_killed_replica_comes_back(self):
        self.cluster.start(0, 1, 2, 3)
        self.cluster.wait_ready(0, 1, 2, 3)
        self.cluster.stop(3, signal.SIGKILL)
        self.cluster.start(3)
        self.cluster.wait_ready(3)

    def test_one_alone_is_alive_and_not_ready(self):
        self.cluster.start(0)
        self.assertTrue(self.cluster.wait(lambda: self.cluster.get(0, "/livez")))
        status, text = self.cluster.get(0, "/readyz")
        self.assertEqual(status, 503)
        self.assertIn("too few replicas", text)
        status, text = self.cluster.get(0, "/checkpoint")
        self.assertEqual(status, 404)
        self.assertEqual(self.cluster.get(0, "/other")[0], 404)

    def test_the_manager_is_told(self):
        path = self.path("notify")
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        listener.bind(path)
        listener.settimeout(10)
        os.environ["NOTIFY_SOCKET"] = path
        try:
            self.cluster.start(0)
            self.assertEqual(listener.recv(100), b"READY=1")
            self.assertEqual(self.cluster.stop(0), 0)
            self.assertEqual(listener.recv(100), b"STOPPING=1")
        finally:
            del os.environ["NOTIFY_SOCKET"]
            listener.close()

    def test_logs_are_json_when_asked_for(self):
        self.cluster.configure(0, more="log { format = json }\n")
        self.cluster.start(0)
        self.assertTrue(self.cluster.wait(lambda: self.cluster.get(0, "/livez")))
        self.cluster.stop(0)
        lines = [json.loads(line) for line in self.cluster.log(0).splitlines()]
        self.assertIn("started", [line["message"] for line in lines])


class Strangers(Replicas):
    def connect(self):
        one = socket.create_connection(("127.0.0.1", self.cluster.port), timeout=10)
        one.settimeout(HELLO_SECONDS + 5)
        return one

    def tls(self, alpn="vestry/1"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.set_alpn_protocols([alpn])
        return context.wrap_socket(self.connect())

    def is_closed(self, one):
        try:
            while True:
                if one.recv(4096) == b"":
                    return True
        except ssl.SSLError:
            return True
        except (ConnectionError, BrokenPipeError):
            return True
        except OSError:
            return False

    def start(self):
        self.cluster.configure(0, more="limits { clients = 40 clients_per_address = 40 }\n")
        self.cluster.start(0, 1, 2, 3)
        self.cluster.wait_ready(0, 1, 2, 3)

    def still_ready(self):
        self.cluster.wait_ready(0, 1, 2, 3)
        self.assertEqual(self.cluster.metric(0, "halted"), 0)

    def test_other_protocols_are_closed(self):
        self.start()
        for text in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 200, b"SSH-2.0-x\r\n", os.urandom(5000)):
            one = self.connect()
            one.sendall(text)
            self.assertTrue(self.is_closed(one), text[:10])
            one.close()
        with self.assertRaises(OSError):
            one = self.tls(alpn="h2")
            one.recv(1)
        self.still_ready()

    def test_bytes_before_hello_are_closed(self):
        self.start()
        for text in (b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x00\x00\x04\x01", b"\x00" * 40,
                     b"\x00\x00\x00\x05\xdd\x02\xff\xff\xff"):
            one = self.tls()
            one.sendall(text)
            self.assertTrue(self.is_closed(one), text)
            one.close()
        self.still_ready()

    def test_who_says_nothing_or_little_is_closed_in_time(self):
        self.start()
        silent = self.connect()
        no_hello = self.tls()
        half = self.tls()
        half.sendall(b"\x00\x00\x00\x80ab")
        begun = time.monotonic()
        for one in (silent, no_hello, half):
            self.assertTrue(self.is_closed(one))
        self.assertLess(time.monotonic() - begun, 2 * HELLO_SECONDS)
        for one in (silent, no_hello, half):
            one.close()
        self.still_ready()

    def test_a_crowd_at_the_door_does_not_keep_replicas_out(self):
        self.start()
        crowd = []
        for _ in range(200):
            crowd.append(self.connect())
        self.cluster.stop(3, signal.SIGKILL)
        self.cluster.start(3)
        self.still_ready()
        self.assertGreater(self.cluster.metric(0, "connections_refused_total"), 100)
        for one in crowd:
            one.close()

    def test_a_thousand_short_visits(self):
        self.start()
        for _ in range(1000):
            self.connect().close()
        self.still_ready()

    def test_the_page_takes_only_small_questions(self):
        self.start()
        port = self.cluster.port + self.cluster.replicas
        for text in (b"POST /metrics HTTP/1.0\r\nContent-Length: 2\r\n\r\nxx",
                     b"GET /metrics HTTP/1.0\r\nX: " + b"y" * 20000 + b"\r\n\r\n"):
            one = socket.create_connection(("127.0.0.1", port), timeout=10)
            one.sendall(text)
            answer = one.recv(100)
            self.assertNotIn(b" 200 ", answer)
            one.close()
        self.still_ready()


if __name__ == "__main__":
    programs.need("vestryd", "vestry-keys")
    unittest.main()

#!/usr/bin/env python3
"""Whatever strangers send to a replica, and whatever a replica's own key sends: it is closed or
dropped, memory stays bounded, and an honest client's appends go on meanwhile."""

import os
import socket
import ssl
import struct
import subprocess
import warnings

import cluster
from cluster import GUEST, REPLICAS, Case, numbered, program
from judge_parts import read

# The replicas may use 256 MiB; all of an attack together may not move a replica beyond this.
CONFIG = "limits { memory = 256MiB }\n"
GROWTH_KIB = 96 * 1024
HELLO_BYTES_MAX = 1024
CLIENT_FRAME_MAX = 3 << 20
REPLICA_FRAME_MAX = (8 << 20) + 4096
VICTIM = 0
CLOSED = "vestry_connections_closed_total"
REFUSED_HELLOS = "vestry_hellos_refused_total"
MALFORMED_DROPS = 'vestry_inspect_drops_total{reason="malformed"}'
ROLE_DROPS = 'vestry_inspect_drops_total{reason="sender-may-not-send-this"}'
UNPARSED_DROPS = 'vestry_verify_drops_total{reason="malformed"}'
TYPE_DROPS = 'vestry_inspect_drops_total{reason="type-unknown"}'
OWN_DROPS = 'vestry_inspect_drops_total{reason="own-message"}'
SIGNATURE_DROPS = 'vestry_verify_drops_total{reason="bad-signature"}'
REQUEST, PREPARE, VIEW_CHANGE, NEW_VIEW, STATUS, FETCH, DATA, HELLO = 1, 3, 7, 8, 9, 10, 11, 13
MAKE_EVIDENCE = "vestry-make-evidence"


def context(alpn="vestry/1", newest=ssl.TLSVersion.TLSv1_3):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.minimum_version = ssl.TLSVersion.TLSv1_2
        made.maximum_version = newest
    if alpn is not None:
        made.set_alpn_protocols([alpn])
    return made


def frame(content, length=None):
    return struct.pack(">I", len(content) if length is None else length) + content


def envelope(kind, body, sig=b"", version=1, rid=0):
    """[version, type, rid, body, sig], canonical."""
    def bin_of(data):
        if len(data) < 256:
            return bytes([0xC4, len(data)]) + data
        if len(data) < 65536:
            return b"\xc5" + struct.pack(">H", len(data)) + data
        return b"\xc6" + struct.pack(">I", len(data)) + data

    number = bytes([kind]) if kind < 128 else bytes([0xCC, kind])
    return bytes([0x95, version]) + number + bytes([rid]) + bin_of(body) + bin_of(sig)


# Contents that are no message, each after a good HELLO of a client.
MALFORMED = {
    "nothing known": b"\x00",
    "text": b"GET / HTTP/1.1\r\n\r\n" * 20,
    "an array that claims 2^32-1 elements": b"\xdd\xff\xff\xff\xff",
    "a bin that claims 2^32-1 bytes": b"\x95\x01\x01\x00\xc6\xff\xff\xff\xff",
    "an item list that claims 2^32-1 items": envelope(REQUEST, b"") +
    b"\x93\x01\xc6\x00\x03\xff\xff\x94\xc4\x01\x00",
    "arrays 60,000 deep": b"\x91" * 60000,
    "another version": envelope(FETCH, b"", version=2),
    "type 0": envelope(0, b""),
    "type 99": envelope(99, b""),
    "type 255": envelope(255, b""),
    "a number that is not the shortest": b"\x95\x01\xcc\x0a\x00\xc4\x00\xc4\x00",
    "a fetch that is none": envelope(FETCH, b"\xc0" * 20),
    "a fetch with bytes behind it": envelope(FETCH, b"\x95\x01\x0c\x00\x00\xc4\x20" + bytes(32)) +
    b"more",
    "a request that is none": envelope(REQUEST, b"") + os.urandom(5000),
    "a vote of a client": envelope(PREPARE, b"\x95\x01\x00\x00\x01\xc4\x20" + bytes(32), bytes(64)),
    "data of a client": envelope(DATA, bytes(40)),
    "a HELLO again that is none": envelope(HELLO, bytes(40), bytes(64)),
    "an envelope that ends too soon": envelope(FETCH, bytes(40))[:-3],
}


# A body that r3 could send, which says more than all before it, so that its signature is looked at.
STATUS_SIGNED_BY_NOBODY = envelope(
    STATUS, b"\x9c\x01\x00\x00\x01\x00\x00" + b"\xc4\x00" * 3 + b"\x00" +
    (b"\xcf" + b"\xff" * 8) * 2, bytes(64), rid=3)


class BadFrames(Case):
    config = CONFIG

    def setUp(self):
        super().setUp()
        self.cluster.start_all()
        self.count = 0
        self.load = self.honest(300)
        self.load.wait()
        self.before = [self.cluster.memory_kib(rid) for rid in range(REPLICAS)]
        self.load = self.honest(200000)
        self.appends_go_on()

    def honest(self, lines):
        self.count += 1
        return self.cluster.append(numbered(lines), stream=f"test/honest{self.count}",
                                   receipts=f"receipts{self.count}", state=f"state{self.count}",
                                   in_flight=4)

    def appends_go_on(self):
        now = len(self.load.acks)
        self.cluster.until(lambda: len(self.load.acks) > now + 10, "appends of an honest client",
                           20)

    def tearDown(self):
        """After every test: nobody died, nobody grew, the client was served."""
        self.appends_go_on()
        for rid in range(REPLICAS):
            if rid in self.cluster.replicas:
                grown = self.cluster.memory_kib(rid) - self.before[rid]
                self.assertLess(grown, GROWTH_KIB, f"r{rid} grew by {grown} KiB")
        self.load.kill()
        super().tearDown()

    # --- Strangers ---

    def plain(self):
        return socket.create_connection(("127.0.0.1", self.cluster.port(VICTIM)), timeout=15)

    def tls(self, **options):
        return context(**options).wrap_socket(self.plain())

    def assert_closed(self, stranger):
        """The other end closes, whatever it says before."""
        stranger.settimeout(15)
        try:
            while stranger.recv(65536):
                pass
        except (ConnectionError, ssl.SSLError):
            pass
        stranger.close()

    def begin_guest(self, hello, said=b"", seconds=15, deaf=False):
        said_path = self.path(f"said{len(self.cluster.clients)}")
        with open(said_path, "wb") as file:
            file.write(said)
        command = [GUEST, self.cluster.path(), str(self.cluster.port(VICTIM)), hello, str(seconds)]
        with open(said_path, "rb") as file:
            guest = subprocess.Popen(command + (["deaf"] if deaf else []), stdin=file,
                                     stdout=subprocess.PIPE, start_new_session=True)
        self.cluster.clients.append(guest)
        return guest

    def became(self, guest):
        """What became of a guest: refused, closed or stays."""
        out, _ = guest.communicate(timeout=60)
        self.assertEqual(guest.returncode, 0)
        return out.decode().split()[-1]

    def guest(self, *arguments, **options):
        return self.became(self.begin_guest(*arguments, **options))

    def counted(self, *names):
        """How many of these the victim has counted."""
        metrics = self.cluster.metrics(VICTIM)
        return sum(metrics.get(name, 0) for name in names)

    def what_is_no_channel(self):
        for garbage in (b"\0" * 100, b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\x16\x03\x01" +
                        b"\xff" * 3000, struct.pack(">I", 2**32 - 1)):
            stranger = self.plain()
            stranger.sendall(garbage)
            self.assert_closed(stranger)
        for options in ({"newest": ssl.TLSVersion.TLSv1_2}, {"alpn": "h2"}, {"alpn": None}):
            with self.assertRaises((ssl.SSLError, ConnectionError), msg=options):
                refused = self.tls(**options)
                # With TLS 1.3 the client is done first; the refusal comes with the first read.
                said = refused.recv(1)
                refused.close()
                if said == b"":
                    raise ConnectionResetError

    def frames_before_hello(self):
        for length in (0, HELLO_BYTES_MAX + 1, CLIENT_FRAME_MAX, 2**31, 2**32 - 1):
            stranger = self.tls()
            stranger.sendall(frame(b"", length))
            self.assert_closed(stranger)
        for content in (b"\0", os.urandom(HELLO_BYTES_MAX), envelope(HELLO, b""),
                        envelope(FETCH, b"\x95\x01\x0c\x00\x00\xc4\x20" + bytes(32))):
            stranger = self.tls()
            stranger.sendall(frame(content))
            self.assert_closed(stranger)

    def hellos_that_lie(self):
        before = self.counted(REFUSED_HELLOS)
        self.assertEqual(self.guest("client", seconds=1), "stays")
        for hello in ("cluster", "channel", "signature", "claim3", "certified3", "naked3",
                      "claim0", "naked0"):
            self.assertEqual(self.guest(hello), "refused", hello)
        self.assertEqual(self.counted(REFUSED_HELLOS) - before, 8)

    def frames_of_a_client(self):
        before = self.counted(CLOSED)
        for length in (0, CLIENT_FRAME_MAX + 1, 2**31, 2**32 - 1):
            self.assertEqual(self.guest("client", struct.pack(">I", length)), "closed", length)
        refused = (MALFORMED_DROPS, UNPARSED_DROPS, ROLE_DROPS, REFUSED_HELLOS)
        for what, content in MALFORMED.items():
            counted = self.counted(*refused)
            self.assertEqual(self.guest("client", frame(content)), "closed", what)
            self.assertEqual(self.counted(*refused) - counted, 1, what)
        self.assertGreaterEqual(self.counted(CLOSED) - before, 4 + len(MALFORMED))

    def stated_lengths_take_no_memory(self):
        """Sixty clients that begin a frame of 3 MiB and send half of it or less."""
        guests = [self.begin_guest("client", frame(bytes(CLIENT_FRAME_MAX // 2 if i % 2 else 100),
                                                   CLIENT_FRAME_MAX), seconds=3)
                  for i in range(60)]
        self.appends_go_on()
        grown = self.cluster.memory_kib(VICTIM) - self.before[VICTIM]
        self.assertLess(grown, GROWTH_KIB)
        for guest in guests:
            self.became(guest)

    def connections(self):
        """Five hundred of them that say nothing."""
        strangers = []
        for _ in range(500):
            try:
                strangers.append(self.plain())
            except OSError:
                break
        self.assertGreater(len(strangers), 100)
        self.appends_go_on()
        # A replica that was away finds its way in past them.
        self.cluster.kill(2)
        self.cluster.start(2)
        self.cluster.until(lambda: self.counted('vestry_peer_connected{peer="r2"}') == 1, "r2", 20)
        for stranger in strangers:
            self.assert_closed(stranger)

    def test_strangers(self):
        """All of it against one replica, while one client begins a frame that never ends, and one
        asks for the largest answers there are and takes none."""
        fetch = frame(envelope(FETCH, b"\x95\x01\x0b\x00\xcd\x03\xe8\xc4\x20" + bytes(32)))
        charter = frame(envelope(FETCH, b"\x95\x01\x0c\x00\x00\xc4\x20" + bytes(32)))
        never_ends = self.begin_guest("client", frame(b"\x95", 60000), seconds=40)
        never_reads = self.begin_guest("client", (fetch + charter) * 20000, seconds=40, deaf=True)
        for attack in (self.what_is_no_channel, self.frames_before_hello, self.hellos_that_lie,
                       self.frames_of_a_client, self.stated_lengths_take_no_memory,
                       self.connections):
            with self.subTest(attack.__name__):
                attack()
                self.appends_go_on()
        self.assertEqual(self.became(never_ends), "closed")
        self.assertEqual(self.became(never_reads), "closed")

    # --- A replica's own keys ---

    def test_frames_of_a_replica_that_went_mad(self):
        """r3's own keys, all of them, in the wrong hands."""
        self.cluster.kill(3)
        for length in (0, REPLICA_FRAME_MAX + 1, 2**32 - 1):
            self.assertEqual(self.guest("replica3", struct.pack(">I", length)), "closed", length)
        before = self.counted(MALFORMED_DROPS)
        for content in (b"\xdd\xff\xff\xff\xff", envelope(0, b""),
                        os.urandom(REPLICA_FRAME_MAX)):
            self.assertEqual(self.guest("replica3", frame(content)), "closed")
        self.assertGreaterEqual(self.counted(MALFORMED_DROPS) - before, 3)
        # In its own name, in that of the victim, and in that of nobody.
        for rid in (3, VICTIM, 9):
            before = self.counted(TYPE_DROPS)
            self.assertEqual(self.guest("replica3", frame(envelope(99, b"", bytes(64), rid=rid))),
                             "closed", rid)
            self.assertEqual(self.counted(TYPE_DROPS) - before, 1)
        # A vote in the name of another is dropped, and the link stays: it may have been relayed.
        before = self.counted(OWN_DROPS)
        vote = envelope(PREPARE, os.urandom(100), bytes(64), rid=VICTIM)
        self.assertEqual(self.guest("replica3", frame(vote), seconds=1), "stays")
        self.assertEqual(self.counted(OWN_DROPS) - before, 1)
        before = self.counted(SIGNATURE_DROPS)
        statuses = frame(STATUS_SIGNED_BY_NOBODY) * 200
        self.assertEqual(self.guest("replica3", statuses, seconds=5), "closed")
        self.assertGreater(self.counted(SIGNATURE_DROPS) - before, 60)

    def test_proof_against_a_replica_that_went_mad(self):
        """What r3 signs that no correct replica signs is kept by whoever it is sent to, in the very
        bytes that anybody would make of it, and convicts r3 by the charter alone."""
        self.guilty = (3,)
        self.cluster.kill(3)
        for what, message in (("view-change", VIEW_CHANGE), ("new-view", NEW_VIEW)):
            made = self.path(what)
            subprocess.run([program(MAKE_EVIDENCE), self.cluster.path(), "3", made, what],
                           check=True)
            with open(made, "rb") as file:
                evidence = file.read()
            _, kind, rid, _, body, sig, *_ = read(evidence, version=1)
            said = frame(envelope(message, body, sig, rid=rid))
            self.assertEqual(self.guest("replica3", said * 3, seconds=1), "stays")
            kept = self.cluster.path(f"data{VICTIM}", "evidence", f"r3-{kind}-0")
            self.cluster.until(lambda path=kept: os.path.exists(path), kept, 10)
            with open(kept, "rb") as file:
                self.assertEqual(file.read(), evidence)
            found = subprocess.run([program("vestry-verify"), "evidence", kept, "--charter",
                                    self.cluster.path("charter.genesis")], capture_output=True,
                                   text=True, check=True)
            self.assertIn("r3 is convicted: ", found.stdout)
        self.assertEqual(self.counted("vestry_evidence_total"), 2)


cluster.need(GUEST, program(MAKE_EVIDENCE))
cluster.main()

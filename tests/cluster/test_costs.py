#!/usr/bin/env python3
"""What a replica pays for what it has no use for, printed: processor time for a hundred thousand
repeated votes (ATTACKS B21) and malformed frames (B66), bytes answered for a byte asked (C33). The
bounds are generous: they find what costs ten times too much, on a busy machine too."""

import subprocess
import sys
import time

import cluster
from cluster import GUEST, Case, numbered
from judge import BLOCKS, CHARTER, CHECKPOINT, STATUS, question
from judge_parts import read, read_at, sign, signed, write

VICTIM, LIAR = 0, 3
MANY = 100_000
COMMIT = 4
STABLE, RECEIPT, STREAMS, CONSISTENCY, EVIDENCE, HISTORY, CONFIG = 3, 8, 11, 13, 14, 15, 16
DUPLICATES = ('vestry_inspect_drops_total{reason="duplicate"}',
              'vestry_core_drops_total{reason="duplicate"}')
MALFORMED = 'vestry_inspect_drops_total{reason="malformed"}'
VISITS = 20
# replica/host/CHANNEL.md: of one question; of one for blocks, of which 16 come or 8 MiB, and the
# one that goes beyond them.
ANSWER_BYTES_MAX = 4 << 20
BLOCKS_MAX = 16
BLOCKS_BYTES_MAX = (8 << 20) + (8 << 20) + 4096


def frame(content):
    return len(content).to_bytes(4, "big") + content


class Costs(Case):
    def setUp(self):
        super().setUp()
        self.cluster.start_all()
        load = self.cluster.append(numbered(60), in_flight=2)
        load.wait()
        self.height = self.cluster.level()

    def idle(self):
        """What it takes doing nothing: seconds of a processor a second."""
        before, begin = self.cluster.cpu_s(VICTIM), time.monotonic()
        time.sleep(1)
        return (self.cluster.cpu_s(VICTIM) - before) / (time.monotonic() - begin)

    def cost(self, act):
        """Seconds of a processor, over what it takes anyway."""
        idle = self.idle()
        before, begin = self.cluster.cpu_s(VICTIM), time.monotonic()
        act()
        spent = self.cluster.cpu_s(VICTIM) - before
        return max(0.0, spent - idle * (time.monotonic() - begin))

    def tell(self, hello, said, seconds=30):
        path = self.path("said")
        with open(path, "wb") as file:
            file.write(said)
        with open(path, "rb") as file:
            guest = subprocess.Popen([GUEST, self.cluster.path(), str(self.cluster.port(VICTIM)),
                                      hello, str(seconds)], stdin=file, stdout=subprocess.DEVNULL)
        self.cluster.clients.append(guest)
        return guest

    def counted(self, *names):
        metrics = self.cluster.metrics(VICTIM)
        return sum(metrics.get(name, 0) for name in names)

    def vote(self):
        """A good one of the liar, for a slot that nothing is known of."""
        seed = self.cluster.seed(f"r{LIAR}", f"r{LIAR}.key")
        body = write([1, 0, 0, self.height + 20, bytes([7]) * 32])
        sig = sign(seed, signed("commit", bytes.fromhex(self.cluster.cluster_id), body))
        return frame(write([1, COMMIT, LIAR, body, sig]))

    def votes_that_are_repeated(self):
        self.cluster.kill(LIAR)
        vote, before = self.vote(), self.counted(*DUPLICATES)

        def act():
            guest = self.tell(f"replica{LIAR}", vote * MANY)
            self.cluster.until(lambda: self.counted(*DUPLICATES) - before >= MANY - 1, "all of it")
            guest.kill()

        spent = self.cost(act)
        print(f"{MANY} repeated votes: {spent:.2f} s of a processor", file=sys.stderr)
        self.assertLess(spent, 5)
        self.cluster.start(LIAR)
        self.cluster.level()

    def frames_that_are_malformed(self):
        """The first of a connection is its last: what comes behind it is never looked at."""
        before = self.counted(MALFORMED)
        junk = frame(b"\x95\x01\xcc\x0a" + bytes(60))

        def flood():
            self.tell("client", junk * MANY).wait(timeout=40)

        def visits():
            for _ in range(VISITS):
                self.tell("client", junk).wait(timeout=40)

        once = self.cost(flood)
        self.assertEqual(self.counted(MALFORMED) - before, 1)
        each = self.cost(visits) / VISITS
        self.assertEqual(self.counted(MALFORMED) - before, 1 + VISITS)
        print(f"{MANY} malformed frames: {once:.2f} s of a processor on one connection, "
              f"{each * MANY:.0f} s with a connection for each", file=sys.stderr)
        self.assertLess(once, 1)
        self.assertLess(each, 0.05)

    def bytes_answered(self):
        kinds = {"status": (STATUS, 0, 0), "charter": (CHARTER, 0, 0),
                 "checkpoint": (CHECKPOINT, 0, 0), "stable": (STABLE, 0, 0),
                 "receipt": (RECEIPT, 5, 0), "streams": (STREAMS, 0, 0),
                 "consistency": (CONSISTENCY, 3, 50), "evidence": (EVIDENCE, 0, 0),
                 "config": (CONFIG, 0, 0), "a snapshot": (6, 128, 1),
                 "what is not there": (99, 0, 0)}
        for what, (kind, start, count) in kinds.items():
            asked = question(kind, start, count)
            heard = sum(4 + len(content) for content in self.cluster.hear(VICTIM, asked, 1))
            print(f"{what}: {heard} bytes for {len(asked)}: {heard / len(asked):.1f}",
                  file=sys.stderr)
            self.assertLessEqual(heard, ANSWER_BYTES_MAX)
        for what, kind, start in (("blocks", BLOCKS, 1), ("history", HISTORY, self.height)):
            asked = question(kind, start, 1000)
            # Answers of the log come in the order of the questions: the 17th is the other one's.
            answers = self.cluster.hear(VICTIM, asked + question(STREAMS), BLOCKS_MAX + 1)
            kinds = [read(read_at(content, 0)[0][3], 5, 1)[1] for content in answers]
            self.assertEqual(kinds, [kind] * BLOCKS_MAX + [STREAMS])
            heard = sum(4 + len(content) for content in answers[:-1])
            self.assertLessEqual(heard, BLOCKS_BYTES_MAX)
            print(f"{what}: {heard} bytes for {len(asked)}: {heard / len(asked):.1f}",
                  file=sys.stderr)

    def test_what_is_of_no_use(self):
        self.bytes_answered()
        self.frames_that_are_malformed()
        self.votes_that_are_repeated()


cluster.need()
cluster.main()

#!/usr/bin/env python3
"""The judge of the other tests is judged: a good log passes, and each seeded difference between
replicas, to the clients' histories, in receipts and in what all replicas agree on is found."""

import copy
import csv
import os
import unittest

import cluster
import judge
import judge_parts
from cluster import Case, numbered
from judge_parts import read, sha256, write

VECTORS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "vectors")


def flipped(data, at=-1):
    out = bytearray(data)
    out[at] ^= 1
    return bytes(out)


class Judge(Case):
    def prepare(self):
        self.cluster.start_all()
        lines = numbered(24)
        for part in (8, 16, 24):
            self.cluster.append(lines[:part], in_flight=4).wait()
        other = self.cluster.append(numbered(8, word="other"), stream="test/other",
                                    receipts="receipts2", state="state2")
        other.wait()
        self.cluster.level()
        self.logs = self.cluster.logs()
        self.histories = [load.history() for load in self.cluster.loads]
        judge.SIGNATURES = 400
        self.counted = judge.judge(self.logs, self.histories)
        self.middle = len(self.logs[0].blocks) // 2

    def found(self, what, logs=None, histories=None, signatures=2):
        """Judged with so many signatures of each sort, which take the most time."""
        judge.SIGNATURES = signatures
        with self.assertRaisesRegex(judge.Unjust, what):
            judge.judge(logs or self.logs, histories or self.histories)

    def changed(self, change, rids=(2,)):
        """The logs, with block `middle` of some replicas changed in place."""
        logs = copy.deepcopy(self.logs)
        for rid in rids:
            block = list(logs[rid].blocks[self.middle])
            change(block)
            logs[rid].blocks[self.middle] = tuple(block)
        return logs

    def differences_of_one_replica(self):
        self.assertEqual(self.counted["replicas"], 4)
        self.assertEqual(self.counted["entries"], 33)
        self.assertEqual(self.counted["receipts"], 32)
        self.assertGreater(self.counted["ordered pairs"], 100)

        def part(number, at=-1):
            def change(block):
                block[number] = flipped(block[number], at)
            return change

        for number, at in ((0, -1), (0, 20), (1, -1), (1, 40), (2, -1), (2, 6)):
            self.found("is not that of", self.changed(part(number, at)))
        logs = copy.deepcopy(self.logs)
        del logs[1].blocks[self.middle]
        self.found("is not that of", logs)
        logs = copy.deepcopy(self.logs)
        logs[1].blocks[4:6] = logs[1].blocks[5], logs[1].blocks[4]
        self.found("is not that of", logs)
        logs = copy.deepcopy(self.logs)
        logs[3].charter = flipped(logs[3].charter)
        self.found("has another charter", logs)

    def certificates_and_checkpoints(self):
        def votes(change):
            def inner(block):
                body, members, sigs = read(block[3], 3)
                block[3] = write(change(body, members, sigs))
            return inner

        self.found("did not sign", self.changed(
            votes(lambda body, members, sigs: [body, members, [flipped(sigs[0]), *sigs[1:]]])),
            signatures=400)
        self.found("too few voted", self.changed(
            votes(lambda body, members, sigs: [body, members & members - 1, sigs[1:]])),
            signatures=400)
        self.found("did not sign", self.changed(
            votes(lambda body, members, sigs: [body, members, [sigs[1], sigs[1], *sigs[2:]]])),
            signatures=400)
        self.found("for another", self.changed(
            votes(lambda body, members, sigs: [flipped(body), members, sigs])), signatures=400)
        logs = copy.deepcopy(self.logs)
        lines = logs[0].note.split("\n")
        logs[0].note = "\n".join([*lines[:5], *lines[-3:]])
        self.found("checkpoint of r0: signed by", logs)
        logs = copy.deepcopy(self.logs)
        logs[0].note = logs[0].note.replace(lines[3], lines[3].replace("vestry/1 ", "vestry/1 1"))
        self.found("not a checkpoint of this log", logs)

    def what_all_replicas_agree_on(self):
        everybody = range(4)

        def header(field, value):
            def change(block):
                fields = read(block[0])
                fields[field] = value
                block[0] = write(fields)
            return change

        for field, value, what in ((3, 999, "its height"), (4, bytes(32), "block before"),
                                   (6, bytes(32), "the results"), (7, 3, "leaves instead of"),
                                   (8, bytes(32), "root of the tree"), (9, 1, "its time"),
                                   (2, 1, "epoch")):
            self.found(what, self.changed(header(field, value), everybody))

        def payload(block):
            block[2] = flipped(block[2])
        self.found("not the one signed for", self.changed(payload, everybody))

        def batch(block):
            fields = read(block[1])
            fields[2][0][1] = flipped(fields[2][0][1])
            block[1] = write(fields)
        self.found("the batch is another", self.changed(batch, everybody))
        self.found("its author did not sign", self.changed(batch, everybody), signatures=400)

        def twice(block):
            """Ordered again, and executed again."""
            fields, payloads = read(block[1]), read(block[2])
            fields[2].append(fields[2][0])
            payloads[1].append(payloads[1][0])
            block[1], block[2] = write(fields), write(payloads)
        self.found("the results", self.changed(twice, everybody))

    def what_clients_were_told(self):
        def history(change, number=2):
            out = copy.deepcopy(self.histories)
            change(out[number])
            return out

        def lost(one):
            one["acks"][max(one["acks"])] = 10**6
        self.found("is not at", histories=history(lost))

        def elsewhere(one):
            first, second = sorted(one["acks"])[:2]
            one["acks"][first], one["acks"][second] = one["acks"][second], one["acks"][first]
        self.found("not line", histories=history(elsewhere))

        def unsaid(one):
            one["lines"] = [b"never said" if line == b"other 3" else line for line in one["lines"]]
        self.found("nobody wrote b'other 3'", histories=history(unsaid, 3))

        def late(one):
            one["sent"] = {line: 2**63 for line in one["sent"]}
        self.found("was acknowledged before it was sent", histories=history(late, 0))

    def an_entry_twice(self):
        replay = judge.Replay(judge.Charter(self.logs[0].charter), [])
        replay.payloads += [b"a", b"b", b"a"]
        replay.streams["s"] = [1, 2, 3]
        found = []
        judge.check_streams(replay, [{"stream": "s", "lines": [b"a", b"b"]}], found)
        self.assertEqual(found, ["s: an entry twice"])

    def receipts(self):
        history = self.histories[0]
        first, second = sorted(history["acks"])[:2]
        path = os.path.join(history["receipts"], str(first))
        with open(path, encoding="utf-8") as file:
            good = file.read()
        lines = good.split("\n")
        with open(os.path.join(history["receipts"], str(second)), encoding="utf-8") as file:
            other = file.read()
        note = lines.index("") + 1
        last = len(lines) - 2
        for bad, what in ((other, "not for entry"), ("", "not a receipt"),
                          (good.replace(lines[3], "A" * 43 + "="), "does not lead"),
                          (good.replace(lines[note + 2], "A" * 43 + "="), "does not lead"),
                          ("\n".join(lines[: note + 5] + lines[last:]), "signed by"),
                          (good.replace(lines[last][-20:-4], "A" * 16), "signed by")):
            with open(path, "w", encoding="utf-8") as file:
                file.write(bad)
            self.found(what)
        os.remove(path)
        self.found("No such file")
        with open(path, "w", encoding="utf-8") as file:
            file.write(good)

    def test_each_seeded_difference_is_found(self):
        self.prepare()
        for seeded in (self.differences_of_one_replica, self.certificates_and_checkpoints,
                       self.what_all_replicas_agree_on, self.what_clients_were_told,
                       self.an_entry_twice, self.receipts):
            with self.subTest(seeded.__name__):
                seeded()


class Parts(unittest.TestCase):
    def test_signatures_are_those_of_rfc_8032(self):
        with open(os.path.join(VECTORS, "rfc8032_7_1.tsv"), encoding="ascii") as file:
            rows = [row for row in csv.reader(file, delimiter="\t") if row and row[0][0] != "#"]
        self.assertGreater(len(rows), 3)
        for row in rows:
            key, message, sig = (bytes.fromhex(row[place]) for place in KEY_MESSAGE_SIG)
            self.assertTrue(judge_parts.good_signature(key, message, sig))
            self.assertFalse(judge_parts.good_signature(key, message + b"x", sig))
            self.assertFalse(judge_parts.good_signature(key, message, flipped(sig)))
            self.assertFalse(judge_parts.good_signature(key, message, flipped(sig, 0)))
            larger = int.from_bytes(sig[32:], "little") + judge_parts.ORDER
            self.assertFalse(judge_parts.good_signature(
                key, message, sig[:32] + larger.to_bytes(32, "little")))
        self.assertEqual(sha256(b""), judge_parts.Tree().root())


KEY_MESSAGE_SIG = (2, 3, 4)

cluster.need()
cluster.main()

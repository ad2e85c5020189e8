#!/usr/bin/env python3
"""What a live cluster signs is accepted, line by line, by openssl and by Go's note and tlog, which
share nothing with this project; one flipped bit is refused by each."""

import base64
import hashlib
import os
import shutil
import subprocess
import sys

import cluster
from cluster import REPLICAS, Case, numbered

INTEROP = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "interop")
OPENSSL_CHECK = os.path.join(INTEROP, "openssl_check")
GO_SOURCE = os.path.join(INTEROP, "note_check", "main.go")
GO_NOTE = "/usr/share/gocode/src/golang.org/x/mod/sumdb/note"
SIGN = 1
COSIGN = 4


def vkey(origin, rid, kind, key):
    """name+id+key as note programs read it (c2sp.org/signed-note, c2sp.org/tlog-cosignature)."""
    name = origin if kind == SIGN else f"{origin}/r{rid}"
    typed = bytes([kind]) + bytes.fromhex(key)
    key_id = hashlib.sha256(name.encode() + b"\n" + typed).digest()[:4]
    return f"{name}+{key_id.hex()}+{base64.b64encode(typed).decode()}"


def parts_of(receipt):
    """c2sp.org/tlog-proof: index, inclusion path, checkpoint."""
    head, checkpoint = receipt.split("\n\n", 1)
    lines = head.split("\n")
    index = next(line for line in lines if line.startswith("index ")).split()[1]
    path = lines[lines.index("index " + index) + 1 :]
    extra = next(line for line in lines if line.startswith("extra "))
    return index, path, extra, checkpoint


def leaf_hash_of(extra):
    """RFC 6962, 2.1, of the leaf in a receipt's extra line: [1, leaf: bin, ...]."""
    raw = base64.b64decode(extra.removeprefix("extra "))
    assert raw[:3] == bytes([0x94, 0x01, 0xC4]), raw[:4].hex()
    return hashlib.sha256(b"\0" + raw[4 : 4 + raw[3]]).hexdigest()


def flipped(text, at):
    data = bytearray(text.encode())
    data[at] ^= 1
    return bytes(data)


class Elsewhere(Case):
    def setUp(self):
        super().setUp()
        self.cluster.start_all()
        self.lines = numbered(50)
        load = self.cluster.append(self.lines)
        load.wait()
        self.acks = load.acks
        self.cluster.level()
        charter = self.cluster.charter
        self.origin = f"{charter['name']}/{self.cluster.cluster_id[:32]}"
        keys = [(int(row["id"][1:]), row) for row in charter["replicas"]]
        self.sign = [vkey(self.origin, rid, SIGN, row["sign_key"]) for rid, row in keys]
        self.cosign = [vkey(self.origin, rid, COSIGN, row["cosign_key"]) for rid, row in keys]

    def file(self, name, content):
        path = self.path(name)
        with open(path, "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
        return path

    def check(self, command, **options):
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=120,
                              check=False, **options)

    def receipt(self, line):
        with open(self.path("receipts", str(line)), encoding="utf-8") as file:
            return file.read()

    def whole_note(self):
        """A checkpoint with the lines of all replicas. A replica's note has those that it had met
        when there were enough; lines of one text belong together, whoever brought them."""
        lines = {}

        def all_signed():
            note = b"\n".join(self.cluster.ask("note", str(len(self.lines)))).decode() + "\n"
            text, signed = note.split("\n\n")
            found = lines.setdefault(text, [])
            found += [line for line in signed.split("\n") if line and line not in found]
            if len(found) == 2 * REPLICAS:
                return text + "\n\n" + "\n".join(found) + "\n"
            return None

        return self.cluster.until(all_signed, "a checkpoint with the lines of all replicas")

    def openssl_judges(self, note, vkeys, code):
        path = self.file("judged", note)
        for key in vkeys:
            done = self.check([OPENSSL_CHECK, path, key])
            self.assertEqual(done.returncode, code, (key, done.stderr))

    def signers_of(self, note, vkeys):
        """Those of the keys that have a line in the note."""
        return [key for key in vkeys if any(
            line.startswith("— " + key.split("+")[0] + " ") and
            base64.b64decode(line.split(" ")[2])[:4].hex() == key.split("+")[1]
            for line in note.split("\n"))]

    def test_openssl_accepts_every_line_of_a_receipt(self):
        _, _, _, note = parts_of(self.receipt(7))
        keys = self.signers_of(note, self.sign + self.cosign)
        self.assertGreaterEqual(len(keys), 3)
        self.openssl_judges(note, keys, 0)
        for at in (5, len(self.origin) + 1, len(self.origin) + 6):
            self.openssl_judges(flipped(note, at), keys, 3)
        for key in keys:
            lines = [line for line in note.split("\n") if self.signers_of(line, [key])]
            at = len(note[: note.index(lines[0]) + len(lines[0])].encode()) - 8
            self.openssl_judges(flipped(note, at), [key], 3)

    def test_go_accepts_a_checkpoint_with_all_keys_and_the_path(self):
        environment = {**os.environ, "GO111MODULE": "off", "GOPATH": "/usr/share/gocode",
                       "GOFLAGS": "", "GOCACHE": self.path("cache"), "CGO_ENABLED": "0"}
        checker = self.path("note_check")
        done = self.check(["go", "build", "-o", checker, GO_SOURCE], env=environment)
        self.assertEqual(done.returncode, 0, done.stderr)
        index, path, extra, note = parts_of(self.receipt(7))
        self.assertEqual(int(index), self.acks[7])
        keys = self.file("keys", "\n".join(self.signers_of(note, self.sign + self.cosign)))
        leaf = leaf_hash_of(extra)
        good = [checker, self.file("note", note), keys, leaf, index, self.file("path",
                                                                               "\n".join(path))]
        done = self.check(good)
        self.assertEqual(done.returncode, 0, done.stderr)
        bad_leaf = f"{int(leaf[0], 16) ^ 1:x}" + leaf[1:]
        bad_path = self.file("path2", flipped("\n".join(path), 0))
        bad_note = self.file("note2", flipped(note, len(self.origin) + 6))
        for bad in ([*good[:3], bad_leaf, *good[4:]], [*good[:5], bad_path],
                    [*good[:4], str(int(index) ^ 1), good[5]], [checker, bad_note, *good[2:]]):
            self.assertEqual(self.check(bad).returncode, 3, bad)
        whole = self.whole_note()
        everybody = self.file("everybody", "\n".join(self.sign + self.cosign))
        done = self.check([checker, self.file("whole", whole), everybody])
        self.assertEqual(done.returncode, 0, done.stderr.decode() + whole)
        for at in (5, len(self.origin) + 6, -8):
            broken = self.file("broken", flipped(whole, at))
            self.assertEqual(self.check([checker, broken, everybody]).returncode, 3, at)


cluster.need("openssl", "go")
if not os.path.isdir(GO_NOTE):
    print("not there: Debian package golang-golang-x-mod-dev")
    sys.exit(77)
cluster.main()

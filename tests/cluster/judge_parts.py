"""What the judge reads logs with: canonical msgpack, RFC 6962 trees, Ed25519 and signed notes, each
written from its definition and sharing nothing with the programs it judges."""

import base64
import hashlib


class Bad(Exception):
    """Bytes that are not what they must be."""


def sha256(*parts):
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(part)
    return hasher.digest()


# --- Canonical msgpack (crypto/FORMATS.md, section 1) ---------------------------------------------

# First byte -> (kind, bytes of the number that follows, the least number that needs so many).
LONG = {0xCC: ("number", 1, 0x80), 0xCD: ("number", 2, 0x100), 0xCE: ("number", 4, 0x10000),
        0xCF: ("number", 8, 0x100000000), 0xC4: ("bin", 1, 0), 0xC5: ("bin", 2, 0x100),
        0xC6: ("bin", 4, 0x10000), 0xD9: ("str", 1, 32), 0xDC: ("array", 2, 16),
        0xDD: ("array", 4, 0x10000)}


def head_at(data, at):
    """Kind, number or length, and where the rest begins."""
    if at >= len(data):
        raise Bad("truncated")
    first = data[at]
    if first < 0x80:
        return "number", first, at + 1
    if 0x90 <= first < 0xA0:
        return "array", first & 15, at + 1
    if 0xA0 <= first < 0xC0:
        return "str", first & 31, at + 1
    if first not in LONG:
        raise Bad(f"byte {first:#x} begins nothing")
    kind, width, least = LONG[first]
    number = int.from_bytes(data[at + 1 : at + 1 + width], "big")
    if at + 1 + width > len(data):
        raise Bad("truncated")
    if number < least:
        raise Bad("not the shortest form")
    return kind, number, at + 1 + width


def read_at(data, at, depth=0):
    """The object at `at`, and where it ends: int, bytes, str or list."""
    kind, number, at = head_at(data, at)
    if kind == "number":
        return number, at
    if kind == "array":
        if depth == 6 or number > len(data) - at:
            raise Bad("an array too deep or too long")
        out = []
        for _ in range(number):
            value, at = read_at(data, at, depth + 1)
            out.append(value)
        return out, at
    if number > len(data) - at:
        raise Bad("truncated")
    content = bytes(data[at : at + number])
    return (content if kind == "bin" else content.decode("ascii")), at + number


def read(data, count=None, version=None):
    """The one object that `data` is."""
    value, end = read_at(data, 0)
    if end != len(data):
        raise Bad("bytes behind the object")
    if count is not None and (not isinstance(value, list) or len(value) != count):
        raise Bad(f"not an array of {count}")
    if version is not None and value[0] != version:
        raise Bad(f"version {value[0]}")
    return value


def number_after(first_bytes, number):
    for first, width in first_bytes:
        if number < 1 << (8 * width):
            return bytes([first]) + number.to_bytes(width, "big")
    raise Bad("too large to write")


def write(value):
    if isinstance(value, int):
        if value < 0x80:
            return bytes([value])
        return number_after(((0xCC, 1), (0xCD, 2), (0xCE, 4), (0xCF, 8)), value)
    if isinstance(value, bytes):
        return number_after(((0xC4, 1), (0xC5, 2), (0xC6, 4)), len(value)) + value
    if isinstance(value, str):
        text = value.encode("ascii")
        head = bytes([0xA0 | len(text)]) if len(text) < 32 else bytes([0xD9, len(text)])
        return head + text
    head = bytes([0x90 | len(value)]) if len(value) < 16 else number_after(
        ((0xDC, 2), (0xDD, 4)), len(value))
    return head + b"".join(write(element) for element in value)


def signed(tag, cluster_id, body):
    """The 96 bytes that a signature is made over; their SHA-256 is the id."""
    return f"vestry/1/{tag}".encode().ljust(32, b"\0") + cluster_id + sha256(body)


# --- Trees (RFC 6962, section 2.1) ----------------------------------------------------------------


def leaf_hash(leaf):
    return sha256(b"\0", leaf)


class Tree:
    """Grows at its right edge; remembers the roots of whole subtrees only."""

    def __init__(self):
        self.size = 0
        self.edge = []  # (height, hash), higher first

    def add(self, hashed):
        height = 0
        while self.edge and self.edge[-1][0] == height:
            hashed = sha256(b"\1", self.edge.pop()[1], hashed)
            height += 1
        self.edge.append((height, hashed))
        self.size += 1

    def root(self):
        if not self.edge:
            return sha256(b"")
        out = self.edge[-1][1]
        for _, left in reversed(self.edge[:-1]):
            out = sha256(b"\1", left, out)
        return out


def root_over(leaves):
    tree = Tree()
    for leaf in leaves:
        tree.add(leaf_hash(leaf))
    return tree.root()


def root_by_path(hashed, index, size, path):
    """RFC 9162, section 2.1.3.2: where a path leads from leaf `index` of `size`; None when it has
    the wrong length."""
    if index >= size:
        return None
    node, last = index, size - 1
    for other in path:
        if last == 0:
            return None
        if node & 1 or node == last:
            hashed = sha256(b"\1", other, hashed)
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            hashed = sha256(b"\1", hashed, other)
        node >>= 1
        last >>= 1
    return hashed if last == 0 else None


# --- Ed25519 (RFC 8032, section 5.1) --------------------------------------------------------------

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


def point_add(first, second):
    a = (first[1] - first[0]) * (second[1] - second[0]) % P
    b = (first[1] + first[0]) * (second[1] + second[0]) % P
    c = 2 * first[3] * second[3] * D % P
    d = 2 * first[2] * second[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def point_of(data):
    """None when these 32 bytes are no point."""
    number = int.from_bytes(data, "little")
    sign, y = number >> 255, number & ((1 << 255) - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def multiples(point):
    """Of every 16^i of the point, 0 to 15 times it: a multiplication is 64 additions then."""
    rows = []
    for _ in range(64):
        row = [(0, 1, 1, 0)]
        for _ in range(15):
            row.append(point_add(row[-1], point))
        rows.append(row)
        point = point_add(row[-1], point)
    return rows


BASE = multiples(point_of((4 * pow(5, P - 2, P) % P).to_bytes(32, "little")))
KEYS = {}


def times(rows, number, start):
    for row in rows:
        if number & 15:
            start = point_add(start, row[number & 15])
        number >>= 4
    return start


def good_signature(key, message, sig):
    if len(sig) != 64 or len(key) != 32:
        return False
    if key not in KEYS:
        point = point_of(key)
        if point is None:
            return False
        negative = (P - point[0], point[1], 1, P - point[3])
        KEYS[key] = multiples(negative)
    s = int.from_bytes(sig[32:], "little")
    if s >= ORDER:
        return False
    h = int.from_bytes(hashlib.sha512(sig[:32] + key + message).digest(), "little") % ORDER
    x, y, z, _ = times(KEYS[key], h, times(BASE, s, (0, 1, 1, 0)))
    inverse = pow(z, P - 2, P)
    x, y = x * inverse % P, y * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little") == sig[:32]


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


# --- Notes (c2sp.org/signed-note, tlog-checkpoint, tlog-cosignature, tlog-proof) ------------------

SIGN, COSIGN = 1, 4


class Note:
    """A checkpoint: what it says and the lines below it."""

    def __init__(self, text):
        body, _, lines = text.partition("\n\n")
        said = body.split("\n")
        if len(said) != 4 or not lines.endswith("\n"):
            raise Bad("not a checkpoint")
        self.text = (body + "\n").encode()
        self.origin = said[0]
        self.size = int(said[1])
        self.root = base64.b64decode(said[2], validate=True)
        words = said[3].split(" ")
        if len(words) != 5 or words[0] != "vestry/1":
            raise Bad("no line of this log in the checkpoint")
        self.height, self.epoch, self.time_ms = (int(word) for word in words[1:4])
        self.header_hash = base64.b64decode(words[4], validate=True)
        self.lines = []
        for line in lines[:-1].split("\n"):
            dash, name, content = line.split(" ")
            if dash != "—":
                raise Bad("a line that signs nothing")
            self.lines.append((name, base64.b64decode(content, validate=True)))

    def signers(self, name, kind, key):
        """Whether this key has a good line."""
        key_id = sha256(name.encode(), b"\n", bytes([kind]), key)[:4]
        for who, content in self.lines:
            if who != name or content[:4] != key_id:
                continue
            sig, message = content[4:], self.text
            if kind == COSIGN:
                seconds = int.from_bytes(sig[:8], "big")
                message = f"cosignature/v1\ntime {seconds}\n".encode() + message
                sig = sig[8:]
            if good_signature(key, message, sig):
                return True
        return False


class Receipt:
    def __init__(self, text):
        head, _, checkpoint = text.partition("\n\n")
        lines = head.split("\n")
        if len(lines) < 3 or lines[0] != "c2sp.org/tlog-proof@v1":
            raise Bad("not a receipt")
        extra = read(base64.b64decode(lines[1].removeprefix("extra "), validate=True), 4, 1)
        self.leaf, self.salt = extra[1], extra[2]
        self.index = int(lines[2].removeprefix("index "))
        self.path = [base64.b64decode(line, validate=True) for line in lines[3:]]
        self.note = Note(checkpoint)

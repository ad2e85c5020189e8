#!/usr/bin/env python3
"""Make crypto/selftest_vectors.h: the vectors of the start-up self-test.

Ed25519 is written out here from RFC 8032 alone, slowly and with nothing shared with libsodium, so
that the vectors are what the rules say and not what the library does. Every signature is judged by
two equations: the plain one ([S]B = R + [h]A, byte for byte) and the one with the cofactor; the
edge cases are those where implementations take different sides.

    selftest_vectors.py            print the header
    selftest_vectors.py --check F  exit with 1 unless F is what would be printed
"""
import hashlib
import sys

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
IDENTITY = (0, 1)


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    t = D * x1 * x2 * y1 * y2 % P
    return ((x1 * y2 + x2 * y1) * pow(1 + t, P - 2, P) % P,
            (y1 * y2 + x1 * x2) * pow(1 - t, P - 2, P) % P)


def mul(k, a):
    out = IDENTITY
    while k:
        if k & 1:
            out = add(out, a)
        a = add(a, a)
        k >>= 1
    return out


def negate(a):
    return (-a[0] % P, a[1])


def x_of(y, sign):
    """The x with that low bit, or None when y is on no point of the curve."""
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    if x * x % P != x2:
        x = x * pow(2, (P - 1) // 4, P) % P
    if x * x % P != x2:
        return None
    return P - x if x & 1 != sign and x != 0 else x


def encode(a):
    return (a[1] | (a[0] & 1) << 255).to_bytes(32, "little")


def encode_raw(y, sign=0):
    return (y | sign << 255).to_bytes(32, "little")


def decode(data):
    """Any encoding, canonical or not."""
    number = int.from_bytes(data, "little")
    y = number & (2**255 - 1)
    x = x_of(y % P, number >> 255)
    return None if x is None else (x, y % P)


BASE = (x_of(4 * pow(5, P - 2, P) % P, 0), 4 * pow(5, P - 2, P) % P)


def order_eight():
    """The torsion part of some point whose order is 8 times a divisor of L."""
    y = 2
    while True:
        x = x_of(y, 0)
        if x is not None:
            t = mul(L, (x, y))
            if mul(4, t) != IDENTITY:
                return t
        y += 1


T8 = order_eight()


def number_of(label):
    return int.from_bytes(hashlib.sha512(label.encode()).digest(), "little") % L


def challenge(r, a, message):
    return int.from_bytes(hashlib.sha512(r + a + message).digest(), "little") % L


def message_where(label, condition):
    for n in range(10000):
        message = f"vestry self-test, {label} {n}".encode()
        if condition(message):
            return message
    raise SystemExit(f"no message for {label}")


def expand(seed):
    h = hashlib.sha512(seed).digest()
    a = int.from_bytes(h[:32], "little") & (2**254 - 8) | 2**254
    return a, h[32:]


def sign(seed, message):
    a, prefix = expand(seed)
    key = encode(mul(a, BASE))
    r = int.from_bytes(hashlib.sha512(prefix + message).digest(), "little") % L
    big_r = encode(mul(r, BASE))
    s = (r + challenge(big_r, key, message) * a) % L
    return key, big_r + s.to_bytes(32, "little")


def equations(key, message, sig):
    """Whether the plain equation and the one with the cofactor hold, whatever the encodings."""
    a, r = decode(key), decode(sig[:32])
    if a is None or r is None:
        return None, None
    s = int.from_bytes(sig[32:], "little")
    h = challenge(sig[:32], key, message)
    difference = add(mul(s, BASE), negate(add(r, mul(h, a))))
    return difference == IDENTITY, mul(8, difference) == IDENTITY


VECTORS = []


def hash_vector(what, message):
    VECTORS.append(("SELFTEST_HASH", True, what, b"", message, hashlib.sha256(message).digest()))


def sign_vector(what, seed, message, key, sig):
    assert sign(seed, message) == (key, sig), what
    VECTORS.append(("SELFTEST_SIGN", True, what, seed, message, key + sig))


def verify_vector(what, good, plain, cofactored, key, message, sig):
    assert equations(key, message, sig) == (plain, cofactored), (what, equations(key, message, sig))
    VECTORS.append(("SELFTEST_VERIFY", good, what, key, message, sig))


def key_vector(what, good, key):
    VECTORS.append(("SELFTEST_KEY", good, what, key, b"", b""))


def scalar(n):
    return n.to_bytes(32, "little")


def rfc8032_vectors():
    rows = [
        ("RFC 8032, 7.1, TEST 1",
         "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e"
         "39701cf9b46bd25bf5f0595bbe24655141438e7a100b"),
        ("RFC 8032, 7.1, TEST 2",
         "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f"
         "3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"),
        ("RFC 8032, 7.1, TEST 3",
         "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67"
         "f760984dc6594a7c15e9716ed28dc027beceea1ec40a"),
    ]
    for row in rows:
        sign_vector(row[0], *(bytes.fromhex(text) for text in (row[1], row[3], row[2], row[4])))


def encoding_vectors():
    seed = hashlib.sha256(b"vestry self-test, an honest key").digest()
    message = b"vestry self-test"
    key, sig = sign(seed, message)
    s = int.from_bytes(sig[32:], "little")
    verify_vector("a message with one bit flipped", False, False, False, key,
                  b"westry self-test", sig)
    verify_vector("S plus the group order", False, True, True, key, message,
                  sig[:32] + scalar(s + L))
    off_curve = next(y for y in range(2, 99) if x_of(y, 0) is None)
    verify_vector("a key that is no point", False, None, None, encode_raw(off_curve), message, sig)

    # Keys of small order: signatures that anyone can make.
    r = number_of("r")
    big_r = encode(mul(r, BASE))
    for what, key in (("the neutral point as a key, y written as p + 1", encode_raw(P + 1)),
                      ("the neutral point as a key, with a sign", encode_raw(1, 1))):
        verify_vector(what, False, True, True, key, message, big_r + scalar(r))
    key = encode(T8)
    even = message_where("small", lambda m: challenge(big_r, key, m) % 8 == 0)
    odd = message_where("small", lambda m: challenge(big_r, key, m) % 8 == 1)
    verify_vector("a key of order 8, the equation holds", False, True, True, key, even,
                  big_r + scalar(r))
    verify_vector("a key of order 8, it holds with the cofactor", False, False, True, key, odd,
                  big_r + scalar(r))


def torsion_vectors():
    seed = hashlib.sha256(b"vestry self-test, an honest key").digest()
    a, _ = expand(seed)
    message = b"vestry self-test"
    r = number_of("r")
    honest = encode(mul(a, BASE))

    def signature(key, big_r, nonce, text):
        return big_r + scalar((nonce + challenge(big_r, key, text) * a) % L)

    neutral, raw = encode(IDENTITY), encode_raw(P + 1)
    verify_vector("the neutral point as R", False, True, True, honest, message,
                  signature(honest, neutral, 0, message))
    verify_vector("the neutral point as R, y written as p + 1", False, True, True, honest, message,
                  signature(honest, raw, 0, message))
    verify_vector("R of order 8", False, False, True, honest, message,
                  signature(honest, encode(T8), 0, message))
    verify_vector("R with a part of order 8", False, False, True, honest, message,
                  signature(honest, encode(add(mul(r, BASE), T8)), r, message))

    mixed = encode(add(mul(a, BASE), T8))
    big_r = encode(mul(r, BASE))
    even = message_where("mixed", lambda m: challenge(big_r, mixed, m) % 8 == 0)
    odd = message_where("mixed", lambda m: challenge(big_r, mixed, m) % 8 == 1)
    verify_vector("a key with a part of order 8, the equation holds", True, True, True, mixed, even,
                  signature(mixed, big_r, r, even))
    verify_vector("a key with a part of order 8, it holds with the cofactor", False, False, True,
                  mixed, odd, signature(mixed, big_r, r, odd))
    twisted = encode(add(mul(r, BASE), negate(T8)))
    both = message_where("both", lambda m: challenge(twisted, mixed, m) % 8 == 1)
    verify_vector("key and R with parts of order 8 that cancel", True, True, True, mixed, both,
                  signature(mixed, twisted, r, both))

    key_vector("an honest key", True, honest)
    key_vector("a key with a part of order 8", False, mixed)
    key_vector("a key of order 8", False, encode(T8))
    prime = next(y for y in range(2, 19) if x_of(y, 0) is not None)
    key_vector("a key whose y is written as y + p", False, encode_raw(P + prime))
    key_vector("a key that is no point", False,
               encode_raw(next(y for y in range(2, 99) if x_of(y, 0) is None)))


def c_string(text):
    """A string literal, or several, that fit 100 columns."""
    parts = [text[i:i + 88] for i in range(0, len(text), 88)] or [""]
    return "\n     ".join(f'"{part}"' for part in parts)


def header():
    hash_vector("SHA-256 of one block", b"abc")
    hash_vector("SHA-256 of two blocks",
                b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")
    rfc8032_vectors()
    encoding_vectors()
    torsion_vectors()
    out = ["""\
/* The vectors of the start-up self-test, made by tests/vectors/selftest_vectors.py: edit that.
 * selftest.c alone includes this; it says what the kinds are. */
#ifndef VESTRY_CRYPTO_SELFTEST_VECTORS_H
#define VESTRY_CRYPTO_SELFTEST_VECTORS_H

/* clang-format off */
static const struct selftest_vector selftest_vectors[] = {
"""]
    for kind, good, what, key, message, result in VECTORS:
        out.append(f'    {{{kind}, {"true" if good else "false"}, "{what}",\n'
                   f"     {c_string(key.hex())},\n     {c_string(message.hex())},\n"
                   f"     {c_string(result.hex())}}},\n")
    out.append("};\n/* clang-format on */\n\n#endif\n")
    return "".join(out)


def main():
    text = header()
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        with open(sys.argv[2], encoding="ascii") as file:
            if file.read() != text:
                raise SystemExit(f"{sys.argv[2]} is not what {sys.argv[0]} makes")
        print(f"{len(VECTORS)} vectors as made")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()

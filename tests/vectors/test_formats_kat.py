#!/usr/bin/env python3
"""formats.kat, checked by a program that shares nothing with the code: its own encoder, its own
Merkle tree, and the rules of crypto/FORMATS.md. Every object is packed anew from the values listed;
the story is told anew from what it starts from."""

import hashlib
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def sha(data):
    return hashlib.sha256(data).digest()


def head(value, forms):
    """The first of the forms (limit, lead bytes, width of the number behind them) that fits."""
    for limit, lead, width in forms:
        if value < limit:
            if width == 0:
                return bytes([lead + value])
            return bytes([lead]) + value.to_bytes(width, "big")
    raise ValueError(value)


def pack(value):
    if isinstance(value, int):
        forms = ((1 << 7, 0, 0), (1 << 8, 0xCC, 1), (1 << 16, 0xCD, 2), (1 << 32, 0xCE, 4))
        return head(value, forms + ((1 << 64, 0xCF, 8),))
    if isinstance(value, bytes):
        forms = ((1 << 8, 0xC4, 1), (1 << 16, 0xC5, 2), (1 << 32, 0xC6, 4))
        return head(len(value), forms) + value
    if isinstance(value, str):
        return head(len(value), ((32, 0xA0, 0), (256, 0xD9, 1))) + value.encode()
    forms = ((16, 0x90, 0), (1 << 16, 0xDC, 2), (1 << 32, 0xDD, 4))
    return head(len(value), forms) + b"".join(pack(element) for element in value)


def parse(text):
    """[1, h'beef', "an/id"] and what is nested in it."""
    if text.startswith("["):
        elements, depth, start = [], 0, 1
        for at, char in enumerate(text):
            depth += (char == "[") - (char == "]")
            if (char == "," and depth == 1) or (char == "]" and depth == 0):
                element = text[start:at].strip()
                elements += [parse(element)] if element else []
                start = at + 1
        return elements
    if text.startswith("h'"):
        return bytes.fromhex(text[2:-1])
    if text.startswith('"'):
        return text[1:-1]
    return int(text)


def object_id(tag, cluster, body):
    return sha(tag.encode().ljust(32, b"\0") + cluster + sha(body))


def root(leaves):
    """RFC 6962, section 2.1."""
    if len(leaves) == 0:
        return sha(b"")
    if len(leaves) == 1:
        return sha(b"\x00" + leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha(b"\x01" + root(leaves[:split]) + root(leaves[split:]))


def tell_story(s, cluster):
    """FORMATS.md, sections 2, 4 and 5, field by field."""
    rate = [s["block.rate.uses"], s["block.rate.window_ms"]]
    names = ["quota_entries", "quota_bytes"]
    block = pack(
        [1, s["block.parent"], s["block.gen"], s["block.holder"], s["block.ops"]]
        + [[s["block.prefix.0"], s["block.prefix.1"]]]
        + [s["block.not_before_ms"], s["block.expires_ms"], s["block.expires_height"]]
        + [s["block.max_entry"]]
        + [s["block." + name] for name in names]
        + [rate, s["block.holders"], s["block.depth"], s["block.nonce"]]
    )
    token = pack([1, [[block, s["sig"]]]])
    payloads = [s[f"payload.{i}"] for i in range(3)]
    hashes = [sha(s["salt"] + payload) for payload in payloads]
    statements = [
        pack([1, s["stream"], hashes[i], len(payloads[i]), s[f"expect.{i}"]]) for i in range(3)
    ]
    entries_root = root(statements)
    request = pack(
        [1, [0, sha(token)], s["request_no"], s["op"], s["not_after_ms"], s["audience"]]
        + [entries_root, 3]
    )
    request_id = object_id("vestry/1/request", cluster, request)
    batch = pack([1, s["batch.time_ms"], [[request, s["sig"], token, statements]]])
    leaf = pack(
        [1, s["leaf.index"], s["leaf.height"], s["leaf.time_ms"], s["leaf.kind"], s["stream"]]
        + [s["leaf.stream_index"], s["block.holder"], request_id, s["leaf.position"]]
        + [hashes[1], len(payloads[1])]
    )
    sections = [[n, 100 * n, sha(bytes([0x91, n]))] for n in range(1, 9)]
    config_hash = sha(pack([1, sections]))
    result = pack([1, request_id, s["result.code"], s["result.first_index"], 3])
    result_root = root([result])
    header = pack(
        [1, cluster, s["header.epoch"], s["header.height"], s["header.prev_header_hash"]]
        + [sha(batch), result_root, s["header.tree_size"], s["header.tree_root"]]
        + [s["header.time_ms"], config_hash, s["header.last_governance_height"]]
        + [s["header.pending_boundary"], b"", b""]
    )
    return {
        "cap_block_id": object_id("vestry/1/capability", cluster, block),
        "token_hash": sha(token),
        "payload_hash": hashes[1],
        "entries_root": entries_root,
        "request_id": request_id,
        "empty_batch_digest": sha(pack([1, s["batch.time_ms"], []])),
        "batch_digest": sha(batch),
        "leaf_hash": sha(b"\x00" + leaf),
        "config_hash": config_hash,
        "result_root": result_root,
        "header_hash": sha(header),
    }


def main():
    findings, objects, ids, cluster = [], 0, 0, b""
    name, packed, starts, ends = "", b"", {}, {}
    with open(os.path.join(HERE, "formats.kat"), encoding="ascii") as file:
        for line in file:
            word, _, rest = line.rstrip("\n").partition(" ")
            if word == "cluster":
                cluster = bytes.fromhex(rest)
            elif word == "object":
                name, objects = rest, objects + 1
            elif word == "value":
                packed = pack(parse(rest))
            elif word == "hex" and packed.hex() != rest:
                findings.append(f"{name}: the values do not encode to these bytes")
            elif word == "sha256" and sha(packed).hex() != rest:
                findings.append(f"{name}: SHA-256")
            elif word == "id":
                tag, _, expected = rest.partition(" ")
                ids += 1
                if object_id(tag, cluster, packed).hex() != expected:
                    findings.append(f"{name}: id under {tag}")
            elif word == "set":
                key, _, value = rest.partition(" ")
                starts[key] = parse(value)
            elif word == "get":
                key, _, value = rest.partition(" ")
                ends[key] = value
    for key, value in tell_story(starts, cluster).items():
        if ends.pop(key, None) != value.hex():
            findings.append(f"story: {key}")
    findings += [f"story: {key} is not told" for key in ends]
    if objects < 150 or ids < 30:
        findings.append(f"only {objects} objects and {ids} ids")
    for finding in findings:
        print(finding)
    print(f"formats.kat: {objects} objects, {ids} ids, {len(findings)} found wrong")
    sys.exit(1 if findings else 0)


main()

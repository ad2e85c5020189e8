"""The judge of a cluster: reads what every replica serves to anybody (charter, blocks, checkpoint),
computes the log again from the batches, and compares it with the other replicas' logs and with what
the clients were told. Shares no code with the programs it judges, but for the channel that carries
the bytes.

    log_of(ask, rid)        the log of one replica; `ask` sends frames and returns contents
    judge(logs, histories)  a Verdict, or Unjust with everything that was found

A history is what one client did: stream, lines, acks (line -> index), sent and told (line -> time),
receipts (folder). Expects a log without changes of governance."""

import bisect
import os
import random

from judge_parts import (COSIGN, SIGN, Bad, Note, Receipt, Tree, good_signature, leaf_hash, read,
                         read_at, root_by_path, root_over, sha256, signed, write)

ZERO = bytes(32)
FETCH, DATA = 10, 11
BLOCKS, CHECKPOINT, STATUS, CHARTER = 2, 7, 10, 12
BLOCKS_PER_QUESTION = 16
OK, REPLAY, EXPECT = 0, 17, 26
UNLIMITED = 2**64 - 1
SESSION_WINDOW = 64
# Signatures take most of a judgement: of each sort at most so many are checked, spread evenly.
SIGNATURES = 60


class Unjust(AssertionError):
    """The log, or what a client was told of it, is wrong."""


# --- What a replica serves ------------------------------------------------------------------------


def question(kind, start=0, count=0):
    body = write([1, kind, start, count, ZERO])
    content = write([1, FETCH, 0, body, b""])
    return len(content).to_bytes(4, "big") + content


def answer(content):
    """(kind, from, attachment) of a DATA."""
    envelope, end = read_at(content, 0)
    if envelope[:2] != [1, DATA]:
        raise Bad(f"a message of type {envelope[1]}")
    data = read(envelope[3], 5, 1)
    return data[1], data[2], content[end:]


class Log:
    """One replica's, as it came."""

    def __init__(self, rid, charter, note):
        self.rid = rid
        self.charter = charter
        self.note = note
        self.blocks = []  # from height 1: header, batch, payloads, commit


def log_of(ask, rid):
    """`ask(rid, questions, count)` sends them and returns the `count` contents that come."""
    first = {}
    for content in ask(rid, b"".join(question(kind) for kind in (STATUS, CHARTER, CHECKPOINT)), 3):
        kind, _, attachment = answer(content)
        first[kind] = attachment
    height = read(first[STATUS], 13, 1)[6]
    log = Log(rid, first[CHARTER], first[CHECKPOINT].decode())
    questions = b"".join(question(BLOCKS, start, 1) for start in range(1, height + 1))
    for content in ask(rid, questions, height):
        _, start, parcel = answer(content)
        if start != len(log.blocks) + 1 or not parcel:
            raise Bad(f"r{rid} does not serve block {len(log.blocks) + 1} of {height}")
        log.blocks.append(tuple(read(parcel, 5, 1)[1:]))
    return log


# --- The cluster, from its charter ----------------------------------------------------------------


class Charter:
    def __init__(self, file):
        body = read(file, 3, 1)[1]
        fields = read(body, version=1)
        self.id = sha256(signed("charter", ZERO, body))
        self.origin = f"{fields[2]}/{self.id.hex()[:32]}"
        self.time_ms = fields[4]
        rows = sorted(fields[10])
        self.rids = [row[0] for row in rows]
        self.sign = [row[6] for row in rows]
        self.cosign = [row[7] for row in rows]
        self.quorum = (len(rows) + fields[9]) // 2 + 1
        self.first_leaf = write([1, 0, 0, self.time_ms, 2, "vestry/governance", 0, ZERO, ZERO, 0,
                                 sha256(bytes(16), body), len(body)])


# --- The log, computed again ----------------------------------------------------------------------


class Session:
    """Exactly once: the numbers that one token has used."""

    def __init__(self):
        self.highest = 0
        self.used = set()

    def fresh(self, number):
        return number not in self.used and number + SESSION_WINDOW > self.highest

    def use(self, number):
        self.used.add(number)
        self.highest = max(self.highest, number)


class Replay:
    """Follows the batches of one log and finds every leaf and every root for itself."""

    def __init__(self, charter, found):
        self.charter = charter
        self.found = found
        self.leaves = [charter.first_leaf]
        self.payloads = [None]
        self.streams = {"vestry/governance": [0]}
        self.sessions = {}
        self.headers = [None]  # by height
        self.requests = []  # (key, statement, sig) of each, for the sample
        self.tree = Tree()
        self.tree.add(leaf_hash(charter.first_leaf))
        self.sizes = {1: self.tree.root()}  # tree size -> root, at the ends of blocks

    def wrong(self, height, what):
        self.found.append(f"block {height}: {what}")

    def check(self, height, what, is_so):
        if not is_so:
            self.wrong(height, what)

    def block(self, height, raw_header, raw_batch, raw_payloads):
        header = read(raw_header, 15, 1)
        before = self.headers[-1]
        self.check(height, "its height", header[3] == height)
        self.check(height, "the cluster it names", header[1] == self.charter.id)
        self.check(height, "the epoch: governance is not judged here", header[2] == 0)
        if before is not None:
            self.check(height, "the hash of the block before", header[4] == sha256(before[0]))
        then = self.charter.time_ms if before is None else before[1][9]
        time_ms, items = then, []
        if raw_batch:
            batch = read(raw_batch, 3, 1)
            time_ms, items = max(then, batch[1]), batch[2]
            self.check(height, "the batch is another", header[5] == sha256(raw_batch))
        else:
            self.check(height, "there is no batch", header[5] == ZERO)
        self.check(height, f"its time is {header[9]}, not {time_ms}", header[9] == time_ms)
        payloads = read(raw_payloads, 2, 1)[1] if raw_payloads else []
        results = [self.item(height, time_ms, item, payloads) for item in items]
        self.check(height, "payloads left over", not payloads)
        self.check(height, "the results", header[6] == root_over(results))
        self.check(height, f"{header[7]} leaves instead of {self.tree.size}",
                   header[7] == self.tree.size)
        self.sizes[self.tree.size] = self.tree.root()
        self.check(height, "the root of the tree", header[8] == self.sizes[self.tree.size])
        self.headers.append((raw_header, header))

    def item(self, height, time_ms, item, payloads):
        """Its result, encoded; its leaves are appended when it is good."""
        raw_request, sig, raw_token, statements = item
        request = read(raw_request, 8, 1)
        kind, author = request[1]
        self.check(height, "a request that is no append of a token's holder",
                   kind == 0 and request[3] == 1 and author == sha256(raw_token))
        last = read(raw_token, 2, 1)[1][-1][0]
        holder, session_key = read(last, version=1)[3], sha256(
            signed("capability", self.charter.id, last))
        statement = signed("request", self.charter.id, raw_request)
        request_id = sha256(statement)
        self.requests.append((height, holder, statement, sig))
        self.check(height, "statements that were not signed",
                   request[6] == root_over(statements) and request[7] == len(statements))
        session = self.sessions.setdefault(session_key, Session())
        entries = [read(raw, 5, 1) for raw in statements]
        mine = [payloads.pop(0) if payloads else None for _ in entries]
        code = OK if session.fresh(request[2]) else REPLAY
        if code == OK:
            session.use(request[2])
            code = OK if self.expected(entries) else EXPECT
        if code != OK:
            return write([1, request_id, code, 0, 0])
        first = self.tree.size
        for position, (entry, payload) in enumerate(zip(entries, mine)):
            self.entry(height, entry, payload, [time_ms, holder, request_id, position])
        return write([1, request_id, OK, first, len(entries)])

    def expected(self, entries):
        more = {}
        for entry in entries:
            length = len(self.streams.get(entry[1], ())) + more.get(entry[1], 0)
            if entry[4] not in (UNLIMITED, length):
                return False
            more[entry[1]] = more.get(entry[1], 0) + 1
        return True

    def entry(self, height, entry, payload, about):
        time_ms, holder, request_id, position = about
        _, stream, payload_hash, length, _ = entry
        places = self.streams.setdefault(stream, [])
        self.check(height, "a payload that is not the one signed for", payload is not None and
                   sha256(*payload) == payload_hash and len(payload[1]) == length)
        leaf = write([1, self.tree.size, height, time_ms, 1, stream, len(places), holder,
                      request_id, position, payload_hash, length])
        places.append(self.tree.size)
        self.leaves.append(leaf)
        self.payloads.append(payload[1] if payload is not None else None)
        self.tree.add(leaf_hash(leaf))


# --- The judgement --------------------------------------------------------------------------------


def sample(things, most=SIGNATURES):
    """So many of them, the first and the last always."""
    if len(things) <= most:
        return list(things)
    inner = random.Random(1).sample(range(1, len(things) - 1), most - 2)
    return [things[i] for i in (0, *sorted(inner), len(things) - 1)]


def check_commit(charter, height, block, found):
    """Q members voted for this batch at this height."""
    raw_header, _, _, commit = block
    body, members, sigs = read(commit, 3)
    vote = read(body, 5, 1)
    signers = [i for i in range(len(charter.rids)) if members >> i & 1]
    if vote[3] != height or vote[4] != read(raw_header, 15, 1)[5] or vote[1] != 0:
        found.append(f"block {height}: its certificate is for another")
    if len(signers) < charter.quorum or len(sigs) != len(signers) or members >> len(charter.rids):
        found.append(f"block {height}: too few voted")
    for i, sig in zip(signers, sigs):
        if not good_signature(charter.sign[i], signed("commit", charter.id, body), sig):
            found.append(f"block {height}: a vote of r{charter.rids[i]} that it did not sign")


def check_note(charter, replay, note, who, found):
    """The lines of a checkpoint, and that it is of this log."""
    height = note.height
    header = replay.headers[height] if height < len(replay.headers) else None
    if note.origin != charter.origin:
        found.append(f"{who}: of {note.origin}")
    if height > 0 and (header is None or header[1][7:9] != [note.size, note.root] or
                       sha256(header[0]) != note.header_hash):
        found.append(f"{who}: not a checkpoint of this log at height {height}")
    cosigned = sum(note.signers(f"{charter.origin}/r{rid}", COSIGN, key)
                   for rid, key in zip(charter.rids, charter.cosign))
    lines = sum(note.signers(charter.origin, SIGN, key) for key in charter.sign)
    if cosigned < charter.quorum or lines < 1:
        found.append(f"{who}: signed by {cosigned} and {lines}")


def check_same(logs, found):
    """All logs hold the same blocks, as far as they go. The longest of them."""
    longest = max(logs, key=lambda log: len(log.blocks))
    for log in logs:
        if log.charter != longest.charter:
            found.append(f"r{log.rid} has another charter than r{longest.rid}")
        for height, (ours, theirs) in enumerate(zip(log.blocks, longest.blocks), 1):
            if ours[:3] != theirs[:3]:
                found.append(f"block {height} of r{log.rid} is not that of r{longest.rid}")
                break
    return longest


def check_acks(replay, history, found):
    """What was acknowledged is there, where the client was told; nothing is twice or made up."""
    stream, lines = history["stream"], history["lines"]
    for line, index in history["acks"].items():
        places = replay.streams.get(stream, ())
        if index >= len(replay.leaves) or index not in places:
            found.append(f"{stream}: line {line} is not at {index}")
        elif replay.payloads[index] != lines[line]:
            found.append(f"{stream}: at {index} is {replay.payloads[index]!r}, "
                         f"not line {line}: {lines[line]!r}")


def check_streams(replay, histories, found):
    written = {}
    for history in histories:
        written.setdefault(history["stream"], set()).update(history["lines"])
    for stream, lines in written.items():
        there = [replay.payloads[index] for index in replay.streams.get(stream, ())]
        if len(set(there)) != len(there):
            found.append(f"{stream}: an entry twice")
        for payload in set(there) - lines:
            found.append(f"{stream}: nobody wrote {payload!r}")


def check_order(histories, found):
    """Real-time order, over all clients: what was sent after another's acknowledgement was told
    stands behind it."""
    told = sorted((when, history["acks"][line]) for history in histories
                  for line, when in history["told"].items() if line in history["acks"])
    times, highest = [], []
    for when, index in told:
        times.append(when)
        highest.append(max(index, highest[-1]) if highest else index)
    pairs = 0
    for history in histories:
        for line, index in history["acks"].items():
            if line not in history["sent"]:
                continue
            before = bisect.bisect_left(times, history["sent"][line])
            pairs += before
            if before > 0 and highest[before - 1] > index:
                found.append(f"{history['stream']}: line {line} is at {index}, but "
                             f"{highest[before - 1]} was acknowledged before it was sent")
    return pairs


def check_receipts(charter, replay, history, found):
    """There is one for each acknowledgement, for the leaf of this log, with a path to a checkpoint
    of this log; the signatures of some of them."""
    folder, acks = history["receipts"], history["acks"]
    signatures = set(sample(sorted(acks), 8))
    for line, index in acks.items():
        who = f"receipt of line {line}"
        try:
            with open(os.path.join(folder, str(line)), encoding="utf-8") as file:
                receipt = Receipt(file.read())
        except (OSError, ValueError, Bad) as error:
            found.append(f"{who}: {error}")
            continue
        if index >= len(replay.leaves) or (receipt.index, receipt.leaf) != (index,
                                                                            replay.leaves[index]):
            found.append(f"{who}: not for entry {index} of this log")
        root = root_by_path(leaf_hash(receipt.leaf), index, receipt.note.size, receipt.path)
        if root is None or root != receipt.note.root or root != replay.sizes.get(receipt.note.size):
            found.append(f"{who}: its path does not lead to a root of this log")
        if line in signatures:
            check_note(charter, replay, receipt.note, who, found)
    return len(acks)


def judge(logs, histories=()):
    """What was found to be in order, in numbers."""
    found = []
    longest = check_same(logs, found)
    charter = Charter(longest.charter)
    replay = Replay(charter, found)
    try:
        for height, block in enumerate(longest.blocks, 1):
            replay.block(height, *block[:3])
        for log in logs:
            numbered = list(enumerate(log.blocks, 1))
            for height, block in sample(numbered, max(2, SIGNATURES // len(logs))):
                check_commit(charter, height, block, found)
            if log.note:
                check_note(charter, replay, Note(log.note), f"checkpoint of r{log.rid}", found)
    except (Bad, IndexError, TypeError, ValueError) as error:
        found.append(f"block {len(replay.headers)}: cannot be read: {error}")
    for height, key, statement, sig in sample(replay.requests):
        if not good_signature(key, statement, sig):
            found.append(f"block {height}: a request that its author did not sign")
    receipts = 0
    for history in histories:
        check_acks(replay, history, found)
        receipts += check_receipts(charter, replay, history, found)
    check_streams(replay, histories, found)
    pairs = check_order(histories, found)
    if found:
        more = f"\n  and {len(found) - 20} more" if len(found) > 20 else ""
        raise Unjust(f"{len(found)} findings:\n  " + "\n  ".join(found[:20]) + more)
    return {"replicas": len(logs), "blocks": len(longest.blocks), "entries": len(replay.leaves),
            "receipts": receipts, "ordered pairs": pairs}

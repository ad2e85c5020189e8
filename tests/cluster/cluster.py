"""Clusters of real vestryd processes on loopback, with their clients: started, killed, looked at.
Every process that is started is ended by its own handle; ports are looked for at run time."""

import base64
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.request

from judge import judge, log_of
from judge_parts import read

BIN = os.environ.get("VESTRY_BIN", "")
TOOLS = os.path.join(os.environ.get("VESTRY_BUILD", ""), "cluster")
CLIENT = os.path.join(TOOLS, "vestry-cluster-client")
GUEST = os.path.join(TOOLS, "vestry-cluster-guest")
FAULT = os.path.join(TOOLS, "libvestry-cluster-fault.so")
SCARCE = os.path.join(TOOLS, "libvestry-cluster-scarce.so")
CLOCK = os.path.join(TOOLS, "libvestry-cluster-clock.so")
REPLICAS = 4
WAIT_S = 60


def program(name):
    return os.path.join(BIN, name)


def need(*paths):
    """Skip the script when a program is not there."""
    for path in (program("vestryd"), program("vestry-keys"), program("vestry-verify"), CLIENT,
                 GUEST, *paths):
        if not os.access(path, os.X_OK) and shutil.which(path) is None:
            print("not there:", path)
            sys.exit(77)


def free_base_port():
    """A port that nobody uses now, and neither the next ones. Below those that the system hands out
    for outgoing connections."""
    for _ in range(1000):
        base = random.randrange(12000, 32000, 10)
        try:
            for port in range(base, base + 2 * REPLICAS):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
    raise RuntimeError("no free ports")


class Load:
    """A client that appends lines, watched as it goes."""

    def __init__(self, cluster, lines, stream, receipts, state, in_flight):
        os.makedirs(receipts, exist_ok=True)
        self.acks = {}  # line -> index in the log
        self.sent = {}  # line -> when it was, and when its acknowledgement was told
        self.told = {}
        self.cluster = cluster
        self.lines = lines
        self.stream = stream
        self.receipts = receipts
        self.said = []
        self.process = cluster.spawn_client(state, "append", stream, receipts, str(in_flight))
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.writer = threading.Thread(target=self._write, daemon=True)
        self.reader.start()
        self.writer.start()

    def _write(self):
        try:
            for line in self.lines:
                self.process.stdin.write(line + b"\n")
            self.process.stdin.close()
        except (BrokenPipeError, ValueError):
            pass

    def _read(self):
        for said in self.process.stdout:
            words = said.split()
            if words[0] == b"ack":
                self.told[int(words[1])] = int(words[3])
                self.acks[int(words[1])] = int(words[2])
            elif words[0] == b"sent":
                self.sent[int(words[1])] = int(words[2])
            else:
                self.said.append(said.decode().strip())

    def wait(self, seconds=120):
        """To its end, which must be a good one."""
        self.cluster.until(lambda: self.process.poll() is not None, "the end of the load", seconds)
        code = self.process.returncode
        self.reader.join(timeout=10)
        if code != 0:
            raise AssertionError(f"the client ended with {code}: {self.cluster.client_words()}")

    def more(self, count):
        """Until so many more lines are acknowledged."""
        now = len(self.acks)
        self.cluster.until(lambda: len(self.acks) >= now + count, "appends", 30)

    def pace(self, seconds):
        """Acknowledgements a second."""
        before, begin = len(self.acks), time.monotonic()
        time.sleep(seconds)
        return (len(self.acks) - before) / (time.monotonic() - begin)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.reader.join(timeout=10)

    def history(self):
        """For the judge. Tests add the acknowledgements of later loads to `acks`."""
        told = dict(self.told)
        return {"stream": self.stream, "lines": self.lines, "sent": dict(self.sent), "told": told,
                "acks": {line: index for line, index in list(self.acks.items()) if line in told},
                "receipts": self.receipts}


class Cluster:
    """A development cluster in a folder of its own."""

    def __init__(self, folder, config="", params=""):
        self.folder = folder
        self.base = free_base_port()
        self.replicas = {}
        self.clients = []
        self.loads = []
        self.doomed = set()  # replicas that a fault will end
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(params)
            file.flush()
            self.run("vestry-keys", "charter", "dev", "--out", self.path(), "--replicas",
                     str(REPLICAS), "--base-port", str(self.base), "--params", file.name)
        said = self.run("vestry-keys", "charter", "verify", self.path("charter.genesis"), "--json")
        self.charter = json.loads(said)
        self.cluster_id = self.charter["cluster_id"]
        for rid in range(REPLICAS):
            with open(self.path(f"r{rid}.conf"), "w", encoding="ascii") as file:
                file.write(self.config_of(rid) + config)
            self.run("vestryd", "init", "--config", self.path(f"r{rid}.conf"), "--expect",
                     self.cluster_id)

    def config_of(self, rid):
        """Its configuration, all but what a test adds."""
        peers = [f'peer r{other} {{ address = "{self.host(other)}:{self.port(other)}" }}\n'
                 for other in range(REPLICAS) if other != rid]
        return (f'replica r{rid} {{\n'
                f'  charter = "{self.path("charter.genesis")}"\n'
                f'  data = "{self.path(f"data{rid}")}"\n'
                f'  key = "{self.path(f"r{rid}", f"r{rid}.key")}"\n'
                f'  listen = "{self.host(rid)}:{self.port(rid)}"\n'
                f'  http = "{self.host(rid)}:{self.port(rid) + REPLICAS}"\n}}\n' + "".join(peers))

    def path(self, *names):
        return os.path.join(self.folder, "cluster", *names)

    def port(self, rid):
        return self.base + rid

    def host(self, _):
        """Where a replica is."""
        return "127.0.0.1"

    def under(self, _):
        """What a replica's command begins with."""
        return ()

    def armoured(self, *names):
        """What is in a file of keys or tokens."""
        with open(self.path(*names), encoding="ascii") as file:
            return base64.b64decode("".join(file.read().split("\n")[1:]))

    def seed(self, *names):
        """The secret of a development key."""
        return read(self.armoured(*names))[9]

    def run(self, name, *arguments):
        """A program that ends by itself, and well."""
        done = subprocess.run([program(name), *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{name} {arguments}: {done.returncode}\n"
                                 f"{done.stdout.decode()}{done.stderr.decode()}")
        return done.stdout.decode()

    # --- Replicas ---

    def start(self, rid, under=(), fault=None, marks="", lie=None, more=None):
        """`under` is a command to run it under, as strace; `fault` what fault.c is to do, `marks`
        which records it is to tell; `lie` what vestryd-liar says in its place; `more` is for its
        environment."""
        environment = {**os.environ, **(more or {})}
        if lie is not None:
            environment["VESTRY_LIE"] = lie
        self.doomed.discard(rid)
        if fault is not None:
            self.doomed.add(rid)
            environment.update({"LD_PRELOAD": FAULT, "VESTRY_FAULT": fault,
                                "VESTRY_FAULT_FOLDER": self.path(f"data{rid}"),
                                "VESTRY_FAULT_LIST": self.path(f"points{rid}"),
                                "VESTRY_FAULT_MARKS": marks})
        with open(self.path(f"r{rid}.log"), "ab") as log:
            self.replicas[rid] = subprocess.Popen(
                [*self.under(rid), *under, program("vestryd" if lie is None else "vestryd-liar"),
                 "run", "--config", self.path(f"r{rid}.conf")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env=environment)

    def points(self, rid):
        """The calls that made something durable since its start with a fault: (call, file)."""
        with open(self.path(f"points{rid}"), encoding="ascii") as file:
            return [tuple(line.split()[1:]) for line in file if line.endswith("\n")]

    def fall(self, rid, seconds=WAIT_S):
        """Wait for the end of a replica that is bound to end, and return its exit code."""
        code = self.replicas[rid].wait(timeout=seconds)
        del self.replicas[rid]
        return code

    def start_all(self):
        for rid in range(REPLICAS):
            if rid not in self.replicas:
                self.start(rid)

    def kill(self, *rids):
        """SIGKILL, all of them before any is waited for."""
        for rid in rids:
            self.replicas[rid].kill()
        for rid in rids:
            self.replicas.pop(rid).wait()

    def terminate(self, rid, seconds=30):
        """SIGTERM; the exit code."""
        self.replicas[rid].terminate()
        code = self.replicas[rid].wait(timeout=seconds)
        del self.replicas[rid]
        return code

    def log(self, rid):
        with open(self.path(f"r{rid}.log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def cpu_s(self, rid):
        """The seconds that its threads have kept processors busy so far."""
        spent = 0
        tasks = f"/proc/{self.replicas[rid].pid}/task"
        for task in os.listdir(tasks):
            with open(os.path.join(tasks, task, "schedstat"), encoding="ascii") as file:
                spent += int(file.read().split()[0])
        return spent / 10**9

    def memory_kib(self, rid):
        """What of it is in memory now."""
        with open(f"/proc/{self.replicas[rid].pid}/status", encoding="ascii") as file:
            for line in file:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        raise AssertionError(f"r{rid} is gone")

    def metrics(self, rid):
        """What it counts, by name and label."""
        url = f"http://{self.host(rid)}:{self.port(rid) + REPLICAS}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if not line.startswith("#")]
        return {name: int(float(number)) for name, number in pairs}

    def until(self, condition, what, seconds=WAIT_S):
        """What the condition returns once it is true. Fails at once when a replica ended that
        nobody ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            for rid, process in self.replicas.items():
                if process.poll() is not None and rid not in self.doomed:
                    raise AssertionError(f"r{rid} ended with {process.returncode} before: {what}")
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds} s: {what}")

    # --- Clients ---

    client_under = ()  # what a client's command begins with

    def spawn_client(self, state, *arguments):
        path = state if state == "-" else os.path.join(self.folder, state)
        with open(os.path.join(self.folder, "client.log"), "ab") as log:
            process = subprocess.Popen([*self.client_under, CLIENT, self.path(), path, *arguments],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                       start_new_session=True)
        self.clients.append(process)
        return process

    def client_words(self):
        """What clients said last on stderr."""
        with open(os.path.join(self.folder, "client.log"), "rb") as log:
            return log.read()[-300:].decode(errors="replace").strip()

    def ask(self, *arguments, state="-"):
        """What a client that ends by itself says, in lines."""
        process = self.spawn_client(state, *arguments)
        out, _ = process.communicate(timeout=130)
        if process.returncode != 0:
            raise AssertionError(
                f"client {arguments}: ended with {process.returncode}: {self.client_words()}")
        return out.split(b"\n")[:-1]

    def append(self, lines, stream="test/lines", receipts="receipts", state="state", in_flight=8):
        """Begin to append these lines, in the background."""
        load = Load(self, lines, stream, os.path.join(self.folder, receipts), state, in_flight)
        self.loads.append(load)
        return load

    def grow(self, count, stream="test/grown"):
        """Append so many entries quickly."""
        process = self.spawn_client("grower", "grow", stream, str(count))
        process.stdin.close()
        self.until(lambda: process.poll() is not None, f"{count} entries", 400)
        if process.returncode != 0:
            raise AssertionError(f"growing ended with {process.returncode}")

    def read(self, stream="test/lines"):
        """Every entry of the stream: (index, payload), after checking the places in the stream."""
        entries = []
        for line in self.ask("read", stream):
            index, place, payload = line.split(b" ", 2)
            if int(place) != len(entries):
                raise AssertionError(f"place {place} follows {len(entries) - 1}")
            entries.append((int(index), payload))
        return entries

    def status(self):
        """rid -> (state, executed height, entries), as the replicas say."""
        rows = [line.decode().split() for line in self.ask("status")]
        return {int(rid): (state, int(height), int(size)) for rid, state, height, size in rows}

    def level(self, rids=range(REPLICAS)):
        """Wait until these replicas say that they executed the same, and return the height."""
        def same():
            status = self.status()
            heads = {status[rid][1:] for rid in rids}
            answered = all(status[rid][0] in ("up", "behind") for rid in rids)
            return heads.pop()[0] if answered and len(heads) == 1 else None

        return self.until(same, f"{list(rids)} at one height")

    def verify(self, receipt, payload=None):
        """vestry-verify receipt: the exit code and what it says."""
        arguments = [program("vestry-verify"), "receipt", receipt, "--charter",
                     self.path("charter.genesis")]
        if payload is not None:
            path = os.path.join(self.folder, "payload")
            with open(path, "wb") as file:
                file.write(payload)
            arguments += ["--payload", path]
        done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=30,
                              check=False)
        return done.returncode, (done.stdout + done.stderr).decode()

    # --- The judge ---

    def hear(self, rid, said, count):
        """Send these frames to a replica, and return the first `count` contents that it answers."""
        command = [GUEST, self.path(), f"{self.host(rid)}:{self.port(rid)}", "client", str(WAIT_S),
                   "aloud"]
        with tempfile.TemporaryFile() as file:
            file.write(said)
            file.seek(0)
            guest = subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE)
        try:
            if guest.stdout.readline() != b"open\n":
                raise AssertionError(f"r{rid} does not let the judge in")
            heard = []
            while len(heard) < count:
                length = int.from_bytes(guest.stdout.read(4), "big")
                heard.append(guest.stdout.read(length))
                if length == 0 or len(heard[-1]) < length:
                    raise AssertionError(f"r{rid} stopped after {len(heard)} of {count} answers")
            return heard
        finally:
            guest.kill()
            guest.wait()
            guest.stdout.close()

    def logs(self):
        """Of all replicas that run."""
        return [log_of(self.hear, rid) for rid, process in sorted(self.replicas.items())
                if process.poll() is None]

    def judge(self):
        """The logs of all that run, and all that clients were told."""
        return judge(self.logs(), [load.history() for load in self.loads])

    def evidence(self):
        """(who found it, against whom) of all evidence that was kept."""
        found = []
        for rid in range(REPLICAS):
            folder = self.path(f"data{rid}", "evidence")
            for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
                with open(os.path.join(folder, name), "rb") as file:
                    found.append((rid, read(file.read(), version=1)[2]))
        return found

    # --- The end ---

    def close(self):
        for process in [*self.replicas.values(), *self.clients]:
            if process.poll() is None:
                # What runs under another program is of the same group.
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    try:
                        stream.close()
                    except BrokenPipeError:
                        pass


class Case(unittest.TestCase):
    """A test with a cluster of its own. What went well is judged at its end; when it fails, the
    ends of all logs are shown."""

    config = ""
    params = ""  # of the charter
    guilty = ()  # whom there may be evidence against

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vestry-cluster-")
        self.addCleanup(self._clean)
        self.cluster = self.make()

    def make(self):
        return Cluster(self.folder, self.config, self.params)

    def tearDown(self):
        if not self._failed():
            self.judge()

    def judge(self):
        begin = time.monotonic()
        said = self.cluster.judge()
        for finder, accused in self.cluster.evidence():
            self.assertIn(accused, self.guilty, f"r{finder} accuses r{accused}")
        counted = ", ".join(f"{number} {what}" for what, number in said.items())
        print(f"judged: {counted}; {time.monotonic() - begin:.1f} s", file=sys.stderr)

    def _clean(self):
        if hasattr(self, "cluster"):
            self.cluster.close()
        if self._failed():
            self._show_logs()
        if os.environ.get("VESTRY_KEEP") is None:
            shutil.rmtree(self.folder, ignore_errors=True)
        else:
            print("kept:", self.folder, file=sys.stderr)

    def _failed(self):
        outcome = self._outcome
        result = outcome.result if outcome is not None else None
        found = [*result.errors, *result.failures] if result is not None else []
        return any(case is self for case, _ in found) or not getattr(outcome, "success", True)

    def _show_logs(self):
        for folder, _, names in os.walk(self.folder):
            for name in sorted(names):
                if name.endswith(".log") and "data" not in os.path.relpath(folder, self.folder):
                    with open(os.path.join(folder, name), errors="replace") as file:
                        tail = file.read().splitlines()[-25:]
                    print(f"--- {name}\n" + "\n".join(tail), file=sys.stderr)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def check_log(self, lines, acks, stream="test/lines", receipts="receipts"):
        """Every line is in the stream exactly once, where its acknowledgement says, and each of its
        receipts is good for exactly these bytes."""
        entries = self.cluster.read(stream)
        places = {}
        for index, payload in entries:
            self.assertNotIn(payload, places, "an entry twice")
            places[payload] = index
        self.assertEqual(set(places), set(lines))
        for line, index in acks.items():
            self.assertEqual(places[lines[line]], index)
        self.check_receipts(lines, acks, receipts)

    def check_receipts(self, lines, acks, receipts="receipts", most=60):
        """All of them, or when they are many the first, the last and some between."""
        chosen = sorted(acks)
        if len(chosen) > most:
            inner = random.sample(chosen[1:-1], most - 2)
            chosen = [chosen[0], *sorted(inner), chosen[-1]]
        self.assertTrue(chosen, "no receipt at all")
        for line in chosen:
            code, said = self.cluster.verify(self.path(receipts, str(line)), lines[line])
            self.assertEqual(code, 0, said)
            self.assertIn(f"entry {acks[line]} of", said)


def numbered(count, first=0, word="line"):
    """Lines that differ."""
    return [f"{word} {number}".encode() for number in range(first, first + count)]


def main():
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    unittest.main(verbosity=2)

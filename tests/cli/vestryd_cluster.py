"""A development cluster of vestryd processes for the tests of this folder."""

import os
import signal
import socket
import subprocess
import time
import urllib.request

import programs


def free_ports(count):
    """Ports in a row that nobody listens on now."""
    for base in range(20000 + os.getpid() % 20000, 60000, 97):
        sockets = []
        try:
            for i in range(count):
                one = socket.socket()
                sockets.append(one)
                one.bind(("127.0.0.1", base + i))
            return base
        except OSError:
            continue
        finally:
            for one in sockets:
                one.close()
    raise RuntimeError("no free ports")


class Cluster:
    """Four replicas in a folder; those that were started are stopped by close()."""

    def __init__(self, folder, replicas=4):
        self.folder = folder
        self.replicas = replicas
        self.port = free_ports(2 * replicas)
        self.processes = {}
        made = programs.run("vestry-keys", "charter", "dev", "--out", folder, "--base-port",
                            str(self.port), "--replicas", str(replicas))
        assert made.code == 0, made.err
        shown = programs.run("vestry-keys", "charter", "verify", self.path("charter.genesis"),
                             "--json")
        self.cluster_id = shown.json()["cluster_id"]
        for rid in range(replicas):
            self.configure(rid)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def config(self, rid):
        return self.path(f"r{rid}.conf")

    def log(self, rid):
        with open(self.path(f"r{rid}.log"), encoding="utf-8") as file:
            return file.read()

    def configure(self, rid, more="", **changes):
        """Write the configuration; `changes` replace lines of the section `replica`."""
        lines = {
            "charter": self.path("charter.genesis"),
            "data": self.path(f"r{rid}", "data"),
            "key": self.path(f"r{rid}", f"r{rid}.key"),
            "listen": f"127.0.0.1:{self.port + rid}",
            "http": f"127.0.0.1:{self.port + self.replicas + rid}",
        }
        lines.update(changes)
        with open(self.config(rid), "w", encoding="utf-8") as file:
            file.write(f"replica r{rid} {{\n")
            for name, value in lines.items():
                file.write(f'  {name} = "{value}"\n')
            file.write("}\n" + more)

    def init(self, rid):
        return programs.run("vestryd", "init", "--config", self.config(rid), "--expect",
                            self.cluster_id)

    def start(self, *rids):
        for rid in rids:
            log = open(self.path(f"r{rid}.log"), "ab")
            self.processes[rid] = subprocess.Popen(
                [programs.program("vestryd"), "run", "--config", self.config(rid)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            log.close()

    def stop(self, rid, number=signal.SIGTERM):
        """Its exit code."""
        process = self.processes.pop(rid)
        process.send_signal(number)
        return process.wait(timeout=30)

    def close(self):
        for rid in list(self.processes):
            self.stop(rid, signal.SIGKILL)

    def get(self, rid, path):
        """Status and text of a page, or None when nobody answers."""
        url = f"http://127.0.0.1:{self.port + self.replicas + rid}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return None

    def metric(self, rid, name):
        for line in self.get(rid, "/metrics")[1].split("\n"):
            if line.startswith(f"vestry_{name} "):
                return int(line.split()[1])
        raise KeyError(name)

    def wait(self, condition, seconds=20):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if condition():
                return True
            time.sleep(0.1)
        return False

    def wait_ready(self, *rids):
        for rid in rids:
            ready = self.wait(lambda: (self.get(rid, "/readyz") or (0,))[0] == 200)
            assert ready, f"r{rid}: {self.get(rid, '/readyz')}\n{self.log(rid)}"

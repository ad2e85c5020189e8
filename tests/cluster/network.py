"""Hosts in network namespaces of their own, and between them a network that can be cut, slowed and
made lossy in each direction by itself. A host's packets come out of a TUN device and are carried by
one process (this file as a program), so nothing outside these namespaces is touched, and no module
of the kernel is needed.

A script calls enter() first: it goes on in a namespace of its own, which is the host OUTSIDE."""

import ctypes
import fcntl
import heapq
import os
import random
import select
import struct
import subprocess
import sys
import time

OUTSIDE = 9
TUNSETIFF = 0x400454CA
IFF_TUN_NO_PI = 0x1001
CLONE_NEWNET = 0x40000000
PACKET_BYTES = 16384
DEVICE = "net0"
INSIDE = "VESTRY_NETWORK_ENTERED"


def address(host):
    return f"10.77.0.{host + 1}"


def enter():
    """Go on in a new network namespace; end with 77 where that is not allowed."""
    if os.environ.get(INSIDE):
        return
    probe = f"ip tuntap add dev {DEVICE} mode tun && ip link set {DEVICE} up"
    done = subprocess.run(["unshare", "--net", "sh", "-c", probe], capture_output=True, check=False)
    if done.returncode != 0:
        print("network namespaces or TUN devices are not allowed here:", done.stderr.decode())
        sys.exit(77)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv])


def set_up(pid):
    """The device of the namespace that this process is in, as a file."""
    libc = ctypes.CDLL(None, use_errno=True)
    namespace = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    if libc.setns(namespace, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(namespace)
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", DEVICE.encode(), IFF_TUN_NO_PI))
    return device


class Network:
    """Hosts 0 to count - 1, and OUTSIDE: the namespace of the caller."""

    def __init__(self, count):
        self.hosts = [*range(count), OUTSIDE]
        # They end with this process, which holds the other ends of their stdin.
        self.keepers = {host: subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
                        for host in range(count)}
        pids = {host: keeper.pid for host, keeper in self.keepers.items()}
        pids[OUTSIDE] = os.getpid()
        own = os.readlink("/proc/self/ns/net")
        for host, pid in pids.items():
            while host != OUTSIDE and os.readlink(f"/proc/{pid}/ns/net") == own:
                time.sleep(0.005)
            for command in (f"tuntap add dev {DEVICE} mode tun",
                            f"addr add {address(host)}/24 dev {DEVICE}",
                            f"link set {DEVICE} mtu 9000 up", "link set lo up"):
                subprocess.run([*self.inside(host), "ip", *command.split()], check=True)
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__)] +
            [f"{host}:{pid}" for host, pid in pids.items()],
            stdin=subprocess.PIPE)

    def inside(self, host):
        """What a command must begin with to run on that host."""
        if host == OUTSIDE:
            return ()
        return ("nsenter", "-t", str(self.keepers[host].pid), "-n")

    def tell(self, *words):
        self.process.stdin.write((" ".join(str(word) for word in words) + "\n").encode())
        self.process.stdin.flush()

    def cut(self, source, target):
        """Nothing of what the first sends comes to the second. The other way stays."""
        self.tell("link", source, target, 0, 0, 1)

    def join(self, source, target):
        self.tell("link", source, target, 0, 0, 0)

    def part(self, *sides):
        """Nobody of one side reaches anybody of another."""
        for side in sides:
            for source in side:
                for other in self.hosts:
                    if other not in side and any(other in far for far in sides):
                        self.cut(source, other)

    def isolate(self, host):
        self.part([host], [other for other in self.hosts if other != host])

    def slow(self, delay_ms, jitter_ms=0, loss=0.0):
        """All links, OUTSIDE's too."""
        for source in self.hosts:
            for target in self.hosts:
                self.tell("link", source, target, delay_ms, jitter_ms, loss)

    def heal(self):
        self.slow(0)

    def close(self):
        for process in (self.process, *self.keepers.values()):
            process.kill()
            process.wait()
            process.stdin.close()
        # The next network of this script needs the name.
        subprocess.run(["ip", "link", "delete", DEVICE], check=False)


class Carrier:
    """Moves packets from device to device, each link in order."""

    def __init__(self, devices):
        self.devices = devices
        self.links = {}  # (source, target) -> delay, jitter, loss; not there: at once
        self.last = {}  # when the last packet of a link is due
        self.waiting = []
        self.number = 0

    def obey(self, line):
        words = line.split()
        if words and words[0] == "link":
            source, target = int(words[1]), int(words[2])
            self.links[source, target] = (float(words[3]) / 1000, float(words[4]) / 1000,
                                          float(words[5]))

    def put(self, target, packet):
        try:
            os.write(self.devices[target], packet)
        except OSError:
            pass  # a full queue loses packets, as real ones do

    def take(self, packet):
        if packet[0] >> 4 != 4:
            return
        link = packet[15] - 1, packet[19] - 1
        delay, jitter, loss = self.links.get(link, (0, 0, 0))
        if link[1] not in self.devices or loss and random.random() < loss:
            return
        now = time.monotonic()
        due = max(now + delay + random.uniform(-jitter, jitter), self.last.get(link, 0))
        if due <= now:
            self.put(link[1], packet)
            return
        self.last[link] = due
        self.number += 1
        heapq.heappush(self.waiting, (due, self.number, link[1], packet))

    def deliver(self):
        """How long until the next is due."""
        now = time.monotonic()
        while self.waiting and self.waiting[0][0] <= now:
            _, _, target, packet = heapq.heappop(self.waiting)
            self.put(target, packet)
        return (self.waiting[0][0] - now) * 1000 if self.waiting else None

    def run(self):
        poll = select.poll()
        for device in (*self.devices.values(), 0):
            poll.register(device, select.POLLIN)
        rest = b""
        while True:
            for device, _ in poll.poll(self.deliver()):
                if device == 0:
                    said = os.read(0, PACKET_BYTES)
                    if not said:
                        return
                    *lines, rest = (rest + said).split(b"\n")
                    for line in lines:
                        self.obey(line.decode())
                    continue
                for _ in range(64):
                    try:
                        self.take(os.read(device, PACKET_BYTES))
                    except OSError:
                        break


def main():
    devices = {}
    for argument in sys.argv[1:]:
        host, pid = argument.split(":")
        devices[int(host)] = set_up(int(pid))
    Carrier(devices).run()


if __name__ == "__main__":
    main()

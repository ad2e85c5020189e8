"""Clusters whose replicas are hosts of a network that can be cut and slowed (network.py)."""

import contextlib
import os
import subprocess

import cluster
from cluster import REPLICAS, Case, Cluster
from network import Network, address


GUEST_HOST = REPLICAS  # one host more, for clients whose links are cut


class NetCluster(Cluster):
    def __init__(self, folder, config="", params=""):
        self.network = Network(REPLICAS + 1)
        try:
            super().__init__(folder, config, params)
        except Exception:
            self.network.close()
            raise
        os.environ["VESTRY_CLUSTER_ENDPOINTS"] = " ".join(
            f"r{rid}={self.host(rid)}:{self.port(rid)}" for rid in range(REPLICAS))

    def host(self, rid):
        return address(rid)

    def under(self, rid):
        return self.network.inside(rid)

    @contextlib.contextmanager
    def clients_on(self, host):
        """Clients that begin meanwhile run on that host."""
        self.client_under = self.network.inside(host)
        try:
            yield
        finally:
            self.client_under = ()

    def vestry(self, host, *arguments):
        """The command line, as somebody on that host: exit code, stdout, stderr."""
        command = [*self.network.inside(host), cluster.program("vestry"), *arguments,
                   "--charter", self.path("charter.genesis"), "--token", self.path("client.token"),
                   "--key", self.path("client.key")]
        for rid in range(REPLICAS):
            command += ["--endpoint", f"r{rid}={self.host(rid)}:{self.port(rid)}"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=90,
                              check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def close(self):
        super().close()
        self.network.close()


class NetCase(Case):
    def make(self):
        return NetCluster(self.folder, self.config, self.params)

    @property
    def network(self):
        return self.cluster.network

    def views(self, rids=range(REPLICAS)):
        return {rid: self.cluster.metrics(rid)["vestry_view"] for rid in rids}

    def heads(self, rids=range(REPLICAS)):
        return {rid: self.cluster.metrics(rid)["vestry_executed_height"] for rid in rids}

    def more(self, load, count, what, seconds=60):
        """So many acknowledgements more."""
        now = len(load.acks)
        self.cluster.until(lambda: len(load.acks) >= now + count, what, seconds)

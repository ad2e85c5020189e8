#!/usr/bin/env python3
"""New keys for a replica, from the paper to the vote: the commands of keys/CEREMONY.md on a running
cluster, and a replica whose disk and key are both lost and which comes back under a new one."""

import os
import shutil
import subprocess
import unittest
import urllib.request

import programs
import vestry_case
from test_vestry_gov import Officers

programs.need("vestry", "vestryd", "vestry-keys", "vestry-verify")


class Rotation(Officers):
    def setUp(self):
        self.process = None
        self.of_all = super().pages()

    def pages(self):
        return self.of_all

    def tearDown(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def configure(self, lines):
        """The configuration of r3 with other lines for its keys."""
        with open(self.in_cluster("r3.conf"), encoding="utf-8") as file:
            kept = [line for line in file if line.split("=")[0].strip() != "key"]
        at = next(i for i, line in enumerate(kept) if line.startswith("replica r3"))
        with open(self.path("r3.conf"), "w", encoding="utf-8") as file:
            file.writelines(kept[: at + 1] + [line + "\n" for line in lines] + kept[at + 1:])

    def start(self):
        with open(self.path("r3.log"), "ab") as log:
            self.process = subprocess.Popen(
                [vestry_case.program("vestryd"), "run", "--config", self.path("r3.conf")],
                cwd=self.dir, env=self.environment, stdout=log, stderr=log)

    def log(self):
        with open(self.path("r3.log"), encoding="utf-8") as file:
            return file.read()

    def numbers(self, name):
        """A gauge of every replica, of None where nobody answers."""
        found = []
        for page in self.pages():
            try:
                with urllib.request.urlopen(page + "metrics", timeout=5) as answer:
                    lines = answer.read().decode().splitlines()
                found += [int(line.split()[1]) for line in lines if line.startswith(name + " ")]
            except OSError:
                found.append(None)
        return found

    def reached(self, epoch):
        return vestry_case.wait_until(
            lambda: self.numbers("vestry_epoch") == [epoch] * 4, seconds=90)

    def rotate(self, stem, agrees):
        """New keys for r3 in the folder STEM, and the log's word for them."""
        conf = self.in_cluster("r3.conf")
        with open(conf, encoding="utf-8") as file:
            listen = next(line for line in file if "listen" in line).split('"')[1]
        self.keys("key", "new", "--role", "replica", "--id", "r3", "--charter", "charter.genesis",
                  "--out", stem, "--endpoint", listen)
        more = []
        if agrees:
            self.keys("key", "agree", f"{stem}/r3.card", "--charter", "charter.genesis", "--key",
                      agrees, "--out", f"{stem}/agreed")
            more = ["--old", f"{stem}/agreed"]
        self.export(f"{stem}.state")
        self.signed("propose", "replica-rotate", "r3", "--card", f"{stem}/r3.card", "--charter",
                    "charter.genesis", "--state", f"{stem}.state", "--key", "secret/m2.key",
                    "--reason", "as agreed", "--out", f"{stem}.gov", *more)
        for member in ("m1", "m2"):
            self.signed("ballot", f"{stem}.gov", "--state", f"{stem}.state", "--key",
                        f"secret/{member}.key", "--yes", "--out", f"{stem}.{member}")
        self.keys("bundle", f"{stem}.gov", f"{stem}.m1", f"{stem}.m2", "--state", f"{stem}.state",
                  "--out", f"{stem}.bundle")
        return self.good("gov", "submit", f"{stem}.bundle").text()

    def votes(self, text):
        """Without one of the others nothing is ordered but with r3."""
        self.run_vestry("dev", "kill", "r1")
        self.good("append", "orders", text)
        self.run_vestry("dev", "restart", "r1")

    def check_receipts(self):
        """With nothing but the charter, and what officers wrote down."""
        self.export("later.bundle")
        for name, more in (("before", []), ("after", ["--state", "later.bundle"])):
            self.good("receipt", f"{name}.tlog-proof", "--charter", "charter.genesis", *more,
                      name="vestry-verify")
        self.bad(3, "epoch", "receipt", "after.tlog-proof", "--charter", "charter.genesis",
                 name="vestry-verify")

    def test_a_replica_changes_its_keys_and_later_loses_all(self):
        old = self.in_cluster("r3", "r3.key")
        self.good("append", "orders", "before", "--receipt", "before.tlog-proof")
        self.run_vestry("dev", "kill", "r3")
        self.configure([f'  key = "{old}"',
                        f'  rotated_keys = {{ "{self.path("new", "r3.key")}" }}'])
        self.rotate("new", old)
        self.start()
        self.assertTrue(self.reached(1), self.numbers("vestry_epoch"))
        self.assertTrue(vestry_case.wait_until(
            lambda: "to go on with the keys of this epoch" in self.log()), self.log())
        self.assertTrue(vestry_case.wait_until(
            lambda: self.numbers("vestry_keyless") == [0] * 4))
        self.votes("in the next epoch")
        self.good("append", "orders", "after", "--receipt", "after.tlog-proof")
        self.check_receipts()

        # Now its disk and every key of it are gone.
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.in_cluster("r3", "data"), ignore_errors=True)
        self.rotate("third", None)
        self.assertTrue(vestry_case.wait_until(
            lambda: self.numbers("vestry_epoch")[:3] == [2] * 3, seconds=90))
        self.configure([f'  rotated_keys = {{ "{self.path("third", "r3.key")}" }}'])
        shown = self.keys("charter", "verify", "charter.genesis", "--json").objects()[0]
        self.good("init", "--config", "r3.conf", "--expect", shown["cluster_id"], name="vestryd")
        self.start()
        self.assertTrue(self.reached(2), self.numbers("vestry_epoch"))
        self.votes("it is back")


if __name__ == "__main__":
    unittest.main()

"""Running the command line `vestry` apart from whatever this machine has: its own home, contexts
and state; and with a development cluster of its own."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

BIN = os.environ.get("VESTRY_BIN", "")


def program(name):
    return os.path.join(BIN, name)


class Result:
    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def text(self):
        return self.out.decode()

    def objects(self):
        """The JSON objects on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


class Home(unittest.TestCase):
    """A test in a home of its own."""

    @classmethod
    def setUpClass(cls):
        cls.home = tempfile.mkdtemp(prefix="vestry-home-")
        cls.environment = {
            "PATH": os.environ["PATH"],
            "HOME": cls.home,
            "TERM": "dumb",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                cls.environment[name] = os.environ[name]

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.home, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.home, *names)

    @classmethod
    def run_vestry(cls, *arguments, stdin=b"", env=None, timeout=120, name="vestry"):
        done = subprocess.run(
            [program(name), *arguments],
            cwd=cls.home,
            env={**cls.environment, **(env or {})},
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr.decode(errors="replace"))

    def start_vestry(self, *arguments, **options):
        return subprocess.Popen(
            [program("vestry"), *arguments],
            cwd=self.home,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            **options,
        )

    def good(self, *arguments, **options):
        result = self.run_vestry(*arguments, **options)
        self.assertEqual(result.code, 0, result.err + result.out.decode(errors="replace"))
        return result

    def bad(self, code, says, *arguments, **options):
        """Must end with that code, and say it in two lines: what is wrong, what to do."""
        result = self.run_vestry(*arguments, **options)
        self.assertEqual(result.code, code, result.err + result.out.decode(errors="replace"))
        self.assertIn(says, result.err)
        lines = [line for line in result.err.split("\n") if line.startswith(("error: ", "  try: "))]
        self.assertEqual(len(lines), 2, result.err)
        self.assertGreater(len(lines[1]), len("  try: ") + 3)
        return result


class Cluster(Home):
    """Tests that share one development cluster."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.dir = os.path.join(cls.home, "cluster")
        cls.environment["VESTRY_DEV_DIR"] = cls.dir
        started = cls.run_vestry("dev", "start", "--base-port", "auto")
        if started.code != 0:
            raise RuntimeError(started.err)

    @classmethod
    def tearDownClass(cls):
        cls.run_vestry("dev", "stop")
        super().tearDownClass()

    def in_cluster(self, *names):
        return os.path.join(self.dir, *names)

    def stream_len(self, stream):
        rows = self.good("streams", stream, "--json").objects()
        return sum(int(row["entries"]) for row in rows if row["stream"] == stream)

    def lines_of(self, stream, *options):
        return self.good("read", stream, *options).out.splitlines()


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def interrupt(process):
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return Result(process.returncode, out, err.decode(errors="replace"))

"""Running the command line `vestry` apart from whatever this machine has: its own home, contexts
and state; and with a development cluster of its own."""

import json
import os
import pty
import select
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
    def run_vestry(cls, *arguments, stdin=b"", env=None, timeout=120, name="vestry", **options):
        done = subprocess.run(
            [program(name), *arguments],
            cwd=cls.home,
            env={**cls.environment, **(env or {})},
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
            **options,
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


    def at_terminal(self, *arguments, name="vestry-keys", answer="Yes", words=None):
        """Run a program that asks on its terminal: the last two of the words that it shows, then
        for Yes. Everything it says is in `out`."""
        pid, terminal = pty.fork()
        if pid == 0:
            try:
                os.chdir(self.home)
                os.execve(program(name), [name, *arguments], self.environment)
            finally:
                os._exit(127)
        said = b""
        questions = [b"Type the last two words: ", b"Type Yes to sign: "]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                more = os.read(terminal, 4096)
            except OSError:
                break
            if not more:
                break
            said += more
            if questions and questions[0] in said:
                fingerprint = said.decode().split("  id\r\n")[1].split("\r\n")
                shown = " ".join(fingerprint[4].split()[-2:])
                reply = answer if len(questions) == 1 else words or shown
                os.write(terminal, reply.encode() + b"\n")
                questions.pop(0)
        else:
            os.kill(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(terminal)
        return Result(code, said.replace(b"\r\n", b"\n"), "")


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

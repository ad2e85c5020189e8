"""Running the finished programs: with passphrases on a descriptor, on a terminal of their own, and
with what they must say."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

BIN = os.environ.get("VESTRY_BIN", "")


def program(name):
    return os.path.join(BIN, name)


def need(*names):
    """Skip the script when a program is not built."""
    missing = [name for name in names if not os.access(program(name), os.X_OK)]
    if missing:
        print("not built:", ", ".join(missing))
        sys.exit(77)


class Result:
    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    def json(self):
        return json.loads(self.out)


def run(name, *arguments, passphrase=None, cwd=None):
    """Run a program without a terminal. `passphrase` comes in on descriptor 9."""
    command = [program(name), *arguments]
    options = {}
    reader = None
    if passphrase is not None:
        reader, writer = os.pipe()
        os.write(writer, passphrase.encode() + b"\n")
        os.close(writer)
        command += ["--passphrase-fd", str(reader)]
        options["pass_fds"] = [reader]
    done = subprocess.run(
        command,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,  # no terminal to ask at
        timeout=120,
        check=False,
        **options,
    )
    if reader is not None:
        os.close(reader)
    return Result(done.returncode, done.stdout, done.stderr)


def run_on_terminal(name, *arguments, answers, cwd):
    """Run a program on a terminal of its own. `answers` are pairs: wait for this, then type that.
    Returns the exit code and everything that was on the screen."""
    child, screen = pty.fork()
    if child == 0:
        os.chdir(cwd)
        os.execv(program(name), [name, *arguments])
    seen = b""
    looked_at = 0
    waiting = list(answers)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([screen], [], [], 1)
        if not ready:
            continue
        try:
            got = os.read(screen, 65536)
        except OSError:
            break
        if not got:
            break
        seen += got
        if waiting and waiting[0][0].encode() in seen[looked_at:]:
            looked_at = len(seen)
            # The question is on the screen before the terminal is without echo.
            time.sleep(0.1)
            os.write(screen, waiting.pop(0)[1].encode() + b"\n")
    _, status = os.waitpid(child, 0)
    os.close(screen)
    return os.waitstatus_to_exitcode(status), seen.decode(errors="replace")


class Case(unittest.TestCase):
    """A test in a folder of its own."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vestry-cli-")

    def tearDown(self):
        shutil.rmtree(self.folder)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def good(self, name, *arguments, **options):
        result = run(name, *arguments, cwd=self.folder, **options)
        self.assertEqual(result.code, 0, result.err + result.out)
        return result

    def bad(self, code, says, name, *arguments, **options):
        """Must end with that code, and say it in two lines: what is wrong, what to do."""
        result = run(name, *arguments, cwd=self.folder, **options)
        self.assertEqual(result.code, code, result.err + result.out)
        self.assertIn(says, result.err)
        lines = [line for line in result.err.split("\n") if line.startswith(("error: ", "  try: "))]
        self.assertEqual(len(lines), 2, result.err)
        return result


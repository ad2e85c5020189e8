#!/usr/bin/env python3
"""What is installed is enough to build with: the example compiles against the installed header and
library with what pkg-config says, as C and as C++, and works."""

import glob
import os
import shutil
import subprocess
import sys
import unittest

import programs
import vestry_case

programs.need("vestry", "vestryd")
for tool in ("cmake", "cc", "pkg-config"):
    if shutil.which(tool) is None:
        print("not there:", tool)
        sys.exit(77)


class Install(vestry_case.Cluster):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.prefix = os.path.join(cls.home, "prefix")
        subprocess.run(
            ["cmake", "--install", os.environ["VESTRY_BUILD"], "--prefix", cls.prefix],
            check=True, capture_output=True)
        (pc,) = glob.glob(f"{cls.prefix}/lib*/**/vestry.pc", recursive=True)
        cls.tools = {"PATH": os.environ["PATH"], "PKG_CONFIG_PATH": os.path.dirname(pc)}
        cls.lib = os.path.dirname(os.path.dirname(pc))
        (cls.example,) = glob.glob(f"{cls.prefix}/share/doc/**/append.c", recursive=True)

    def flags(self):
        return subprocess.run(["pkg-config", "--cflags", "--libs", "vestry"], env=self.tools,
                              check=True, capture_output=True, text=True).stdout.split()

    def test_the_example_compiles_against_what_is_installed_and_appends(self):
        for flag in self.flags():
            if flag.startswith(("-I", "-L")):
                self.assertTrue(os.path.realpath(flag[2:]).startswith(self.prefix), flag)
        program = self.path("append")
        subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", self.example,
                        *self.flags(), "-o", program], check=True)
        done = subprocess.run(
            [program, self.in_cluster("charter.genesis"), self.in_cluster("client.token"),
             self.in_cluster("client.key"), self.path("example-state"), "example", "hello"],
            env={**self.environment, "LD_LIBRARY_PATH": self.lib}, capture_output=True, text=True,
            timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"appended at index \d+, signed by [34] replicas")
        self.assertIn("read the same", done.stdout)
        self.assertEqual(self.lines_of("example"), [b"hello"])

    def test_the_header_is_good_cxx(self):
        if shutil.which("c++") is None:
            self.skipTest("no C++ compiler")
        source = self.path("header.cc")
        with open(source, "w") as file:
            file.write("#include <vestry/vestry.h>\n"
                       "int main() { return vestry_version() == nullptr; }\n")
        subprocess.run(["c++", "-Wall", "-Wextra", "-Werror", source, *self.flags(), "-o",
                        self.path("header")], check=True)

    def test_the_library_shows_its_public_names_only_and_needs_no_rocksdb(self):
        library = os.path.join(self.lib, "libvestry.so")
        names = subprocess.run(["nm", "-D", "--defined-only", library], check=True,
                               capture_output=True, text=True).stdout.split("\n")
        shown = [line.split()[-1] for line in names if line]
        with open(f"{self.prefix}/include/vestry/vestry.h") as file:
            header = file.read()
        self.assertGreater(len(shown), 30)
        for name in shown:
            self.assertTrue(name.startswith("vestry_"), name)
            self.assertIn(f"{name}(", header)
        needed = subprocess.run(["ldd", library], check=True, capture_output=True, text=True).stdout
        self.assertNotIn("rocksdb", needed)


if __name__ == "__main__":
    unittest.main()

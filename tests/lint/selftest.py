#!/usr/bin/env python3
"""Every lint must find what it is there for: each case seeds one violation into a copy of the tree
(or compiles one), runs the lint, and requires it to fail and to say so.

    selftest.py CASE"""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))

LONG_FUNCTION = "void f(void);\n\nvoid f(void)\n{\n" + "    g();\n" * 71 + "}\n"
DEEP_FUNCTION = (
    "static void f(void)\n{\n"
    + "".join("    " * (i + 1) + "if (a) {\n" for i in range(5))
    + "}" * 5
    + "\n}\n"
)

# case -> (lint, file to add, its text, what the lint must say)
TREE_CASES = {
    "layers-upward": (
        "layers.py",
        "crypto/seeded.c",
        '#include "storage/store.h"\n',
        'crypto/seeded.c:1: layers: layer crypto/ may not see "storage/store.h"',
    ),
    "layers-core-host": (
        "layers.py",
        "replica/core/seeded.c",
        '#include "replica/host/seeded.h"\n',
        "layer replica/core/ may not see",
    ),
    "layers-core-store": (
        "layers.py",
        "replica/core/seeded.c",
        '#include "storage/store_rocks.h"\n',
        "layer replica/core/ may not see",
    ),
    "layers-clock": (
        "layers.py",
        "governance/seeded.c",
        "#include <time.h>\n",
        "a pure folder may not see <time.h>",
    ),
    "layers-network": (
        "layers.py",
        "keys/seeded.c",
        "#include <sys/socket.h>\n",
        "<sys/socket.h> is network",
    ),
    "layers-library": (
        "layers.py",
        "client/seeded.c",
        "#include <rocksdb/c.h>\n",
        "<rocksdb/c.h> belongs to storage/store_rocks",
    ),
    "tidy-file": ("tidy.py", "crypto/seeded.c", "\n" * 601, "file of 601 lines, 600 at most"),
    "tidy-function": ("tidy.py", "crypto/seeded.c", LONG_FUNCTION, "function of 71 lines"),
    "tidy-nesting": ("tidy.py", "crypto/seeded.c", DEEP_FUNCTION, "nested 5 deep, 4 at most"),
    "tidy-parameters": (
        "tidy.py",
        "crypto/seeded.c",
        "int f(int a, int b, int c,\n      int d, int e, int g, int h)\n{\n    return 0;\n}\n",
        "7 parameters, 6 at most",
    ),
    "tidy-braces": (
        "tidy.py",
        "crypto/seeded.c",
        "int f(int a)\n{\n    if (a)\n        return 1;\n    return 0;\n}\n",
        "crypto/seeded.c:3: tidy: if without braces",
    ),
    "tidy-banned": (
        "tidy.py",
        "crypto/seeded.c",
        "void f(char *a)\n{\n    strcpy(a, a);\n}\n",
        "strcpy is banned",
    ),
    "tidy-typedef": (
        "tidy.py",
        "crypto/seeded.c",
        "typedef struct x x;\n",
        "is not typedef'd",
    ),
    "tidy-guard": ("tidy.py", "crypto/seeded.h", "/* About. */\n", "no header guard"),
    "tidy-columns": ("tidy.py", "crypto/seeded.c", "/*" + "x" * 97 + "*/\n", "101 columns"),
    "tidy-tab": ("tidy.py", "crypto/seeded.c", "int\ta;\n", "tidy: tab"),
    "tidy-leftover": ("tidy.py", "crypto/seeded.c", "/* TO" "DO */\n", "leftover TO" "DO"),
    "format": ("format.py", "crypto/seeded.c", "int  a ;\n", "crypto/seeded.c:1:"),
    "toplevel-extra": ("toplevel.py", "misc/seeded.txt", "x\n", "misc does not belong here"),
    "attacks-test": (
        "attacks.py",
        "tests/ATTACKS.md",
        "| B01 | two proposals | `unit: test_quorum.nothing_of_that_name` | |\n",
        "tests/unit/test_quorum.c has no nothing_of_that_name",
    ),
    "attacks-silent": (
        "attacks.py",
        "tests/ATTACKS.md",
        "| B01 | two proposals | | |\n",
        'neither a test nor "not yet"',
    ),
    "words": ("words.py", "crypto/seeded.c", '"/wo' 'rk/x"\n', "does not belong in the tree"),
}

# case -> (text of a program or object, extra arguments to cc, what the lint must say)
LINK_CASES = {
    "links-library": (
        "vestry-verify",
        "void *json_object(void);\nint main(void) { return json_object() != 0; }\n",
        ["-ljansson"],
        "links: vestry-verify needs libjansson",
    ),
    "links-network": (
        "vestry-keys",
        "int socket(int, int, int);\nint main(void) { return socket(1, 1, 0); }\n",
        [],
        "links: vestry-keys calls socket",
    ),
    "links-rocksdb": (
        "vestry",
        "void *rocksdb_options_create(void);\n"
        "int main(void) { return rocksdb_options_create() != 0; }\n",
        ["-lrocksdb"],
        "links: vestry needs librocksdb",
    ),
    "links-exports": (
        "libvestry.so",
        "void votes_add(void);\nvoid votes_add(void) {}\n",
        ["-shared", "-fPIC"],
        "links: libvestry.so shows votes_add",
    ),
}

PURITY_CASES = {
    "purity-clock": ("long time(long *);\nlong f(void) { return time(0); }\n", "", "needs time"),
    "purity-malloc": (
        "void *malloc(unsigned long);\nvoid *f(void) { return malloc(9); }\n",
        "",
        "needs malloc",
    ),
    "purity-below": (
        "int g(void);\nint f(void) { return g(); }\n",
        "int getpid(void);\nint g(void) { return getpid(); }\n",
        "core.o -> floor.o needs getpid",
    ),
}

# case -> how ctest reports a test that must count as failed
REPORT_CASES = {
    "summary-failed": 'status="fail"><failure message=""/>',
    "summary-missing": 'status="notrun"><skipped message="Unable to find executable"/>',
}


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode, result.stdout + result.stderr


def compiled(*command):
    code, output = run(*command)
    if code != 0:
        sys.exit(f"selftest: could not seed the violation: {output}")


def archive(folder, name, text):
    """An archive lib<name>.a with one object <name>.o of `text`."""
    source = os.path.join(folder, name + ".c")
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    compiled("cc", "-c", "-fno-builtin", "-o", os.path.join(folder, name + ".o"), source)
    path = os.path.join(folder, f"lib{name}.a")
    compiled("ar", "rcs", path, os.path.join(folder, name + ".o"))
    return path


def seed_tree(case, folder):
    lint, path, text, message = TREE_CASES[case]
    copy = os.path.join(folder, "tree")
    skipped = shutil.ignore_patterns("build", ".git", "vectors", "corpus", "__pycache__")
    shutil.copytree(ROOT, copy, ignore=skipped)
    target = os.path.join(copy, path)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with open(target, "w", encoding="utf-8") as file:
        file.write(text)
    return [sys.executable, os.path.join(HERE, lint), copy], message


def seed_link(case, folder):
    program, text, arguments, message = LINK_CASES[case]
    source = os.path.join(folder, "seeded.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    compiled("cc", "-fno-builtin", "-o", os.path.join(folder, program), source, *arguments)
    return [sys.executable, os.path.join(HERE, "links.py"), folder, folder], message


def seed_purity(case, folder):
    core, floor, message = PURITY_CASES[case]
    allow_list = os.path.join(HERE, "purity_allowed.txt")
    archives = [archive(folder, "core", core), archive(folder, "floor", floor)]
    return [sys.executable, os.path.join(HERE, "purity.py"), allow_list, *archives], message


def toplevel_missing(folder):
    os.mkdir(os.path.join(folder, "crypto"))
    return [sys.executable, os.path.join(HERE, "toplevel.py"), folder], "LICENSE is missing"


def seed_report(case, folder):
    report = os.path.join(folder, "report.xml")
    with open(report, "w", encoding="utf-8") as file:
        file.write('<testsuite><testcase name="a" status="run"/>')
        file.write(f'<testcase name="b" {REPORT_CASES[case]}</testcase></testsuite>')
    command = [sys.executable, os.path.join(ROOT, "tests", "summary.py"), report]
    return command, "failed: b (report)\n1 passed, 1 failed, 0 skipped"


def main():
    case = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        if case in TREE_CASES:
            command, message = seed_tree(case, folder)
        elif case in LINK_CASES:
            command, message = seed_link(case, folder)
        elif case in PURITY_CASES:
            command, message = seed_purity(case, folder)
        elif case in REPORT_CASES:
            command, message = seed_report(case, folder)
        else:
            command, message = toplevel_missing(folder)
        code, output = run(*command)
    if code != 1 or message not in output:
        sys.exit(f"selftest: {case}: exit code {code}, wanted 1 and '{message}' in:\n{output}")
    print(f"selftest: {case}: found")


if len(sys.argv) == 1:
    cases = [*TREE_CASES, *LINK_CASES, *PURITY_CASES, *REPORT_CASES, "toplevel-missing"]
    print(";".join(cases), end="")
else:
    main()

#!/usr/bin/env python3
"""What tests/ATTACKS.md says is shown by a test, is: every reference leads to a test, or to a lie
or a check of the simulator, that is in the tree; a row without one says why."""

import os
import re

import tree

REFERENCE = re.compile(r"`(\w+): ([\w-]+)(?:\.(\w+))?`")
# Where each kind of name is looked for, and what a test's name begins with there.
PLACES = {
    "unit": ("tests/unit", ".c", ""),
    "cli": ("tests/cli", ".py", "test_"),
    "cluster": ("tests/cluster", ".py", "test_"),
    "fuzz": ("tests/fuzz", ".c", ""),
    "interop": ("tests/interop", ".sh", ""),
}
ROW = re.compile(r"^\| [A-Z]\d\d|^\| D\d|^\| [A-Z][a-z]")
NOT_YET = "not yet"


def words_of(root, folder):
    """All names in the C files of a folder, those of runs among them."""
    found = set()
    for name in os.listdir(os.path.join(root, folder)):
        if name.endswith((".c", ".h")):
            text = tree.text_of(root, os.path.join(folder, name))
            found.update(re.findall(r"\w+", text), re.findall(r'"([\w-]+)"', text))
    return found


def wrong(root, kind, name, test, simulator):
    """What is wrong with a reference, or None."""
    if kind == "sim":
        return None if name in simulator else f"the simulator has no {name}"
    if kind not in PLACES:
        return f"no kind of test is called {kind}"
    folder, suffix, prefix = PLACES[kind]
    path = os.path.join(folder, name + suffix)
    if not os.path.isfile(os.path.join(root, path)):
        return f"there is no {path}"
    if test and not re.search(rf"\b{prefix}{test}\b", tree.text_of(root, path)):
        return f"{path} has no {test}"
    return None


def main():
    root = tree.root_of_arguments()
    path = "tests/ATTACKS.md"
    simulator = words_of(root, "tests/sim")
    findings = []
    rows = 0
    for number, line in enumerate(tree.text_of(root, path).split("\n"), 1):
        for kind, name, test in REFERENCE.findall(line):
            what = wrong(root, kind, name, test, simulator)
            if what:
                findings.append(f"{path}:{number}: attacks: {what}")
        if ROW.match(line):
            rows += 1
            if not REFERENCE.search(line) and NOT_YET not in line:
                findings.append(f"{path}:{number}: attacks: neither a test nor \"{NOT_YET}\"")
    tree.tell("attacks", findings, rows)


main()

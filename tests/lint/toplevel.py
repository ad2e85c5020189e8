#!/usr/bin/env python3
"""The top of the tree holds exactly what ARCHITECTURE.md names, and dotfiles."""

import os

import tree

EXPECTED = {
    "replica",
    "client",
    "crypto",
    "storage",
    "keys",
    "governance",
    "tests",
    "deploy",
    "CMakeLists.txt",
    "CMakePresets.json",
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "LICENSE",
}


def main():
    root = tree.root_of_arguments()
    present = {name for name in os.listdir(root) if not name.startswith(".")} - {"build"}
    findings = [f"toplevel: {name} is missing" for name in sorted(EXPECTED - present)]
    findings += [f"toplevel: {name} does not belong here" for name in sorted(present - EXPECTED)]
    tree.tell("toplevel", findings, len(present))


main()

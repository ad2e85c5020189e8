#!/usr/bin/env python3
"""clang-format must have nothing to change. `format.py --fix` changes it."""

import subprocess
import sys

import tree


def main():
    fix = "--fix" in sys.argv
    if fix:
        sys.argv.remove("--fix")
    root = tree.root_of_arguments()
    paths = tree.files(root, (".c", ".h"))
    mode = ["-i"] if fix else ["--dry-run", "-Werror"]
    result = subprocess.run(
        ["clang-format", "--style=file", *mode, *paths],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    findings = [line for line in result.stderr.split("\n") if "error:" in line]
    if result.returncode != 0 and not findings:
        findings = [f"format: clang-format failed: {result.stderr.strip()}"]
    tree.tell("format", findings, len(paths))


main()

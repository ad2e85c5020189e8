#!/usr/bin/env python3
"""Judges what gcovr counted: one line for each folder with its shares of lines and branches, then
each line that never ran and has no reason in UNCOVERED.md. Ends with 0 only when every folder is at
its thresholds, no such line is left, and each reason still names code that is there.

    check.py COUNTS.json               judge
    check.py --untaken COUNTS.json     and list each line with a branch that was never taken

Not counted are the branches of lines that say CHECK or MUTANT: where a CHECK fails the process
stops by design, and a mutant is compiled into no program but its own."""

import json
import os
import re
import sys

FOLDERS = ("crypto", "governance", "replica/core")
LINES_MIN = 98.0
BRANCHES_MIN = 90.0

NO_BRANCHES = re.compile(r"\b(?:CHECK|MUTANT)\(")
HEADING = re.compile(r"^## (\S+)$")
# - `text`: reason, or - `first text` to `last text`: reason; a reason may go on in indented lines.
ENTRY = re.compile(r"^- `([^`]+)`(?: to `([^`]+)`)?: \S")

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
REASONS = "tests/coverage/UNCOVERED.md"


def source_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read().split("\n")


def ends_statement(line):
    return line.rstrip().endswith((";", "{", "}")) or not line.strip()


def without_branches(source):
    """Numbers of the lines of statements that CHECK, which may go on over several lines."""
    numbers = set()
    inside = False
    for number, line in enumerate(source, 1):
        inside = inside or bool(NO_BRANCHES.search(line))
        if inside:
            numbers.add(number)
        inside = inside and not ends_statement(line)
    return numbers


class File:
    """What ran of one file."""

    def __init__(self, counted):
        self.path = counted["file"]
        self.source = source_of(self.path)
        skipped = without_branches(self.source)
        lines = [line for line in counted["lines"] if not line["gcovr/noncode"]]
        self.lines = len(lines)
        self.missed = [line["line_number"] for line in lines if line["count"] == 0]
        self.branches = 0
        self.untaken = {}
        for line in lines:
            taken = [branch["count"] > 0 for branch in line["branches"]]
            if line["line_number"] not in skipped:
                self.branches += len(taken)
                if not all(taken):
                    self.untaken[line["line_number"]] = (taken.count(False), len(taken))

    def text(self, number):
        return f"{self.path}:{number}: {self.source[number - 1].strip()}"


def entries():
    """(path, first text, last text or None, line of the entry) of each reason."""
    path = None
    for number, line in enumerate(source_of(REASONS), 1):
        if HEADING.match(line):
            path = HEADING.match(line)[1]
        elif path is not None and line.startswith("- "):
            found = ENTRY.match(line)
            if not found:
                sys.exit(f"{REASONS}:{number}: not of the form - `text`: reason")
            yield path, found[1], found[2], number


def span(source, first, last):
    """Numbers of the lines that an entry is about; none when it does not name them."""
    begins = [number for number, line in enumerate(source, 1) if first in line]
    if len(begins) != 1:
        return set()
    if last is None:
        return set(begins)
    for number in range(begins[0], len(source) + 1):
        if last in source[number - 1]:
            return set(range(begins[0], number + 1))
    return set()


def unexplained(files):
    """Lines that never ran and have no reason; reasons that name nothing."""
    findings = []
    reasons = {}
    for path, first, last, at in entries():
        source = source_of(path) if os.path.exists(os.path.join(ROOT, path)) else []
        numbers = span(source, first, last)
        if not numbers:
            findings.append(f"{REASONS}:{at}: names no line of {path}, or several")
        reasons.setdefault(path, []).append((at, numbers))
    for file in files:
        explained = set()
        for at, numbers in reasons.get(file.path, []):
            explained |= numbers
            if numbers and not numbers.intersection(file.missed):
                print(f"{REASONS}:{at}: its lines ran: no reason needed")
        findings += [file.text(n) + "  (never ran)" for n in file.missed if n not in explained]
    return findings


def share(part, whole):
    return 100.0 * part / whole if whole else 100.0


def main():
    path = sys.argv[-1]
    with open(path, encoding="utf-8") as file:
        files = [File(counted) for counted in json.load(file)["files"]]
    if sys.argv[1] == "--untaken":
        for file in files:
            for number, (untaken, count) in sorted(file.untaken.items()):
                print(f"{file.text(number)}  ({untaken} of {count} branches never taken)")
    findings = unexplained(files)
    for folder in FOLDERS:
        inside = [file for file in files if file.path.startswith(folder + "/")]
        lines = sum(file.lines for file in inside)
        missed = sum(len(file.missed) for file in inside)
        branches = sum(file.branches for file in inside)
        untaken = sum(count for file in inside for count, _ in file.untaken.values())
        shares = (share(lines - missed, lines), share(branches - untaken, branches))
        print(
            f"{folder}: {shares[0]:.2f} % of {lines} lines ({missed} never ran), "
            f"{shares[1]:.2f} % of {branches} branches ({untaken} never taken)"
        )
        if shares[0] < LINES_MIN or shares[1] < BRANCHES_MIN:
            findings.append(
                f"{folder}: below {LINES_MIN:.0f} % of lines or {BRANCHES_MIN:.0f} % of branches"
            )
        if not lines:
            findings.append(f"{folder}: nothing was counted")
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


main()

#!/usr/bin/env python3
"""The pure core must be pure: what its objects leave undefined is a symbol of a pure object of ours
or stands in the allow-list.

    purity.py ALLOW_LIST PURE_ARCHIVE FLOOR_ARCHIVE...

Every object of PURE_ARCHIVE (replica/core and governance) is checked. Objects of the floor (crypto,
records of storage) are checked as far as the core reaches them, symbol by symbol, so that purity is
not lost one call further down."""

import collections
import fnmatch
import subprocess
import sys


def archive_symbols(archive):
    """{object: (defined symbols, undefined symbols)} of one archive, by nm."""
    objects = collections.defaultdict(lambda: (set(), set()))
    run = subprocess.run(
        ["nm", "--format=posix", "-A", archive], capture_output=True, text=True, check=True
    )
    for line in run.stdout.split("\n"):
        if not line:
            continue
        where, symbol, kind = line.split()[:3]
        name = where[where.index("[") + 1 : where.index("]")]
        defined, undefined = objects[name]
        if kind in "Uvw":
            undefined.add(symbol)
        elif kind.isupper():
            defined.add(symbol)
    return objects


def read_allow_list(path):
    """[(symbol pattern, object pattern)]; a line is `symbol object...`, # begins a comment."""
    allowed = []
    with open(path, encoding="utf-8") as file:
        for line in file:
            words = line.split("#")[0].split()
            allowed += [(words[0], place) for place in words[1:]]
    return allowed


def main():
    allowed = read_allow_list(sys.argv[1])
    core = archive_symbols(sys.argv[2])
    floor = {}
    for archive in sys.argv[3:]:
        floor.update(archive_symbols(archive))
    home = {s: name for name, (defined, _) in floor.items() for s in defined}
    of_core = set().union(*(defined for defined, _ in core.values()))

    findings = []
    reached = set()
    waiting = [(name, name, undefined) for name, (_, undefined) in sorted(core.items())]
    while waiting:
        name, chain, undefined = waiting.pop()
        for symbol in sorted(undefined - of_core):
            if symbol in home:
                below = home[symbol]
                if below not in reached:
                    reached.add(below)
                    waiting.append((below, f"{chain} -> {below}", floor[below][1]))
            elif not any(
                fnmatch.fnmatchcase(symbol, s) and fnmatch.fnmatchcase(name, place)
                for s, place in allowed
            ):
                findings.append(f"purity: {chain} needs {symbol}, which is not in the allow-list")

    for finding in sorted(findings):
        print(finding)
    print(f"purity: {len(core)} objects and {len(reached)} below them, {len(findings)} found wrong")
    sys.exit(1 if findings or not core else 0)


main()

#!/usr/bin/env python3
"""Adds up the reports of several ctest runs: one line for each test that failed or was skipped,
then "N passed, M failed, K skipped". Ends with 0 only when something passed and nothing failed. A
test whose program is missing failed; only one that said so itself was skipped."""

import os
import sys
import xml.etree.ElementTree


def main():
    passed = failed = skipped = 0
    for path in sys.argv[1:]:
        preset = os.path.splitext(os.path.basename(path))[0]
        for case in xml.etree.ElementTree.parse(path).getroot().iter("testcase"):
            skip = case.find("skipped")
            if case.get("status") == "run":
                passed += 1
            elif skip is not None and skip.get("message", "").startswith("SKIP_"):
                skipped += 1
                print(f"skipped: {case.get('name')} ({preset})")
            else:
                failed += 1
                print(f"failed: {case.get('name')} ({preset})")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not passed else 0)


main()

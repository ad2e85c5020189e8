"""What the lints share: the files of a tree, C text without comments, and how findings are told."""

import os
import sys

CODE_FOLDERS = ("crypto", "governance", "keys", "storage", "replica", "client", "tests", "deploy")
# A second work tree has a file of that name.
SKIPPED_FOLDERS = {".git", "build", "__pycache__"}


def root_of_arguments():
    """The tree to look at: the first argument, or the tree this script is in."""
    if len(sys.argv) > 1:
        return os.path.abspath(sys.argv[1])
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def files(root, suffixes=None):
    """Paths relative to root, sorted; with one of the suffixes when these are given."""
    found = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if name not in SKIPPED_FOLDERS]
        for name in set(names) - SKIPPED_FOLDERS:
            if suffixes is None or name.endswith(tuple(suffixes)):
                found.append(os.path.relpath(os.path.join(folder, name), root))
    return sorted(found)


def text_of(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def code_only(text):
    """C text with comments and the insides of literals blanked; lines stay where they are."""
    out = []
    state = "code"
    i = 0
    while i < len(text):
        char = text[i]
        pair = text[i : i + 2]
        if state == "code":
            if pair in ("/*", "//"):
                state = "block" if pair == "/*" else "line"
                out.append("  ")
                i += 2
                continue
            if char in "\"'":
                state = char
            out.append(char)
        elif state in ("block", "line"):
            if state == "block" and pair == "*/":
                state = "code"
                out.append("  ")
                i += 2
                continue
            if state == "line" and char == "\n":
                state = "code"
            out.append(char if char == "\n" else " ")
        else:
            if char == "\\":
                out.append("  " if pair[1:] != "\n" else " \n")
                i += 2
                continue
            if char in (state, "\n"):
                state = "code"
            out.append(char if char in "\"'\n" else " ")
        i += 1
    return "".join(out)


def tell(name, findings, looked_at):
    """Prints the findings and ends the process: 0 when there are none, 1 otherwise."""
    for finding in findings:
        print(finding)
    print(f"{name}: {looked_at} looked at, {len(findings)} found wrong")
    if looked_at == 0:
        print(f"{name}: nothing to look at is an error too")
    sys.exit(1 if findings or looked_at == 0 else 0)

#!/usr/bin/env python3
"""Every include must be allowed by the table of layers (ARCHITECTURE.md).

The longest matching prefix of a file's path decides. Our own headers are included by their path
from the top of the tree; a library's headers only where the table says so."""

import re

import tree

# Folder -> prefixes of our headers it may include. An entry that ends with ".h" is one header.
OURS = {
    "crypto/": ["crypto/"],
    "governance/": ["governance/", "crypto/"],
    "storage/": ["storage/", "crypto/"],
    "keys/": ["keys/", "governance/", "crypto/"],
    "replica/core/": [
        "replica/core/",
        "governance/",
        "crypto/",
        "storage/record.h",
        "storage/chain.h",
        "storage/flight.h",
        "storage/store.h",
    ],
    "replica/host/": ["replica/", "governance/", "storage/", "keys/", "crypto/"],
    "client/": ["client/", "keys/", "governance/", "crypto/"],
    "tests/": ["tests/", "client/", "replica/", "governance/", "storage/", "keys/", "crypto/"],
    "deploy/": ["client/include/"],
}

# Library header (prefix) -> files or folders that may include it.
LIBRARIES = {
    "sodium": ["crypto/", "keys/", "tests/"],
    "msgpack": ["crypto/wire_write", "tests/"],
    "openssl/": ["crypto/hash_openssl.c", "replica/host/", "client/net", "tests/"],
    "event2/": ["replica/host/", "client/net", "tests/"],
    "rocksdb/": ["storage/store_rocks", "tests/"],
    "confuse.h": ["replica/host/"],
    "jansson.h": ["replica/host/", "client/cli/", "tests/"],
    "cmocka.h": ["tests/"],
    "vestry/": ["client/", "tests/", "deploy/"],
}

# Headers of the system that mean network; the rest of C and POSIX is free outside the pure folders.
NETWORK = ("sys/socket.h", "sys/un.h", "netinet/", "arpa/", "netdb.h", "net/")
NETWORK_FOLDERS = ["replica/host/", "client/", "tests/"]

# The pure folders see these system headers only.
PURE_FOLDERS = ["replica/core/", "governance/"]
PURE_SYSTEM = {
    "assert.h",
    "inttypes.h",
    "limits.h",
    "stdalign.h",
    "stdbool.h",
    "stddef.h",
    "stdint.h",
    "stdlib.h",
    "string.h",
}
# Formatting a trace line into memory; tests/lint/purity.py sees to it that nothing is printed.
PURE_SYSTEM_TRACE = {"stdarg.h", "stdio.h"}
TRACE = "replica/core/node.c"

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


def within(path, prefixes):
    return any(path.startswith(prefix) for prefix in prefixes)


def refusal(path, bracket, header):
    """Why `path` may not include `header`, or None."""
    for library, allowed in LIBRARIES.items():
        if header.startswith(library):
            return None if within(path, allowed) else f"<{header}> belongs to {', '.join(allowed)}"
    if bracket == '"':
        folder = max((f for f in OURS if path.startswith(f)), key=len, default=None)
        if folder is None:
            return "no layer is known for this folder"
        return None if within(header, OURS[folder]) else f'layer {folder} may not see "{header}"'
    if within(path, PURE_FOLDERS):
        seen = PURE_SYSTEM | (PURE_SYSTEM_TRACE if path == TRACE else set())
        return None if header in seen else f"a pure folder may not see <{header}>"
    if header.startswith(NETWORK) and not within(path, NETWORK_FOLDERS):
        return f"<{header}> is network; it belongs to {', '.join(NETWORK_FOLDERS)}"
    return None


def main():
    root = tree.root_of_arguments()
    findings = []
    paths = tree.files(root, (".c", ".h"))
    for path in paths:
        text = tree.text_of(root, path)
        for found in INCLUDE.finditer(text):
            why = refusal(path, found[1], found[2])
            if why:
                line = text.count("\n", 0, found.start(2)) + 1
                findings.append(f"{path}:{line}: layers: {why}")
    tree.tell("layers", findings, len(paths))


main()

#!/usr/bin/env python3
"""What each program may load and call, read from the finished programs.

    links.py FOLDER_OF_PROGRAMS FOLDER_OF_LIBRARIES

The offline programs must not be able to reach a network, the client must install without RocksDB,
and the library shows its public names only. A program that is not built yet is not looked at."""

import fnmatch
import os
import re
import subprocess
import sys

SYSTEM = ["libc.so*", "ld-linux*", "libm.so*"]
NETWORK = ["socket", "connect", "bind", "listen", "accept*", "getaddrinfo", "gethostby*"]
NETWORK += ["send", "sendto", "sendmsg", "recv", "recvfrom", "recvmsg", "event_*", "SSL_*"]

CLIENT = ["libsodium.so*", "libmsgpackc.so*", "libevent*.so*", "libssl.so*", "libcrypto.so*"]

# program -> libraries it may need, symbols it may not.
RULES = {
    "vestry-verify": (["libsodium.so*"], NETWORK),
    "vestry-keys": (["libsodium.so*", "libmsgpackc.so*"], NETWORK),
    "vestry": ([*CLIENT, "libjansson.so*"], ["rocksdb_*"]),
    "libvestry.so": (CLIENT, ["rocksdb_*", "exit"]),
}


def lines_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")


def matches(name, patterns):
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def needed_libraries(program):
    for line in lines_of("readelf", "-d", program):
        found = re.search(r"\(NEEDED\).*\[(.*)\]", line)
        if found:
            yield found[1]


def symbols(program, which):
    for line in lines_of("nm", "-D", which, "--format=posix", program):
        if line:
            yield line.split()[0].split("@")[0]


def place_of(name):
    return os.path.join(sys.argv[2 if name.startswith("lib") else 1], name)


def check(name, program, libraries, forbidden):
    for library in needed_libraries(program):
        if not matches(library, libraries + SYSTEM):
            yield f"links: {name} needs {library}"
    for symbol in symbols(program, "--undefined-only"):
        if matches(symbol, forbidden):
            yield f"links: {name} calls {symbol}"
    if name.startswith("lib"):
        for symbol in symbols(program, "--defined-only"):
            if not symbol.startswith("vestry_"):
                yield f"links: {name} shows {symbol}"


def main():
    findings = []
    looked_at = 0
    for name, (libraries, forbidden) in RULES.items():
        program = place_of(name)
        if not os.path.exists(program):
            print(f"links: {name} is not built")
            continue
        looked_at += 1
        findings.extend(check(name, program, libraries, forbidden))
    for finding in findings:
        print(finding)
    print(f"links: {looked_at} programs looked at, {len(findings)} found wrong")
    sys.exit(1 if findings else 77 if looked_at == 0 else 0)


main()

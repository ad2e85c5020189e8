#!/usr/bin/env python3
"""The commands of keys/CEREMONY.md, read from there and run in their order: what is written for one
member, holder or replica is done for each of them. What needs a log that runs (from "Emergency" and
from "Later" to the next heading) is test_vestry_gov.py's."""

import os
import shlex
import unittest

import programs
from programs import Case

KEYS = "vestry-keys-quick"
PHRASE = "seven small ravens on a roof"
DOCUMENT = os.path.join(os.path.dirname(__file__), "..", "..", "keys", "CEREMONY.md")
# What stands for many, and for how many; a name is used once, so it gets the number too.
MANY = {"m1": ("m", 5, 1), "h1": ("h", 3, 1), "r0": ("r", 4, 0)}
SEALED = ["secret/m", "secret/h", "secret/shop", "secret/w"]


LATER = ("Emergency", "Later")


def blocks(section=None):
    """The indented blocks of the document, of one of its later sections or of all else: lists of
    lines, continued ones joined."""
    found = []
    joined = ""
    here = None
    with open(DOCUMENT, encoding="utf-8") as file:
        for line in [*file, "\n"]:
            if line.startswith("## "):
                here = next((name for name in LATER if line.startswith("## " + name)), None)
            if here != section:
                continue
            if not line.startswith("    "):
                if joined:
                    found.append([part for part in joined.split("\n") if part])
                joined = ""
                continue
            text = line.strip()
            joined += text[:-1] + " " if text.endswith("\\") else text + "\n"
    return found


def everybody(command):
    """The command once for each of those that it stands for."""
    for one, (letter, count, first) in MANY.items():
        if any(one in word.replace("/", ".").split(".") for word in command):
            for i in range(first, first + count):
                yield [word.replace(one, f"{letter}{i}") for word in named(command, i)]
            return
    yield command


def named(command, i):
    words = list(command)
    if "--name" in words:
        words[words.index("--name") + 1] += f" {i}"
    return words


class Ceremony(Case):
    def setUp(self):
        super().setUp()
        with open(self.path("constitution.txt"), "w", encoding="utf-8") as file:
            file.write("We keep one register.\n")
        self.words = None
        self.id = None

    def step(self, command):
        program, arguments = command[0], list(command[1:])
        if program == "mkdir":
            for name in arguments:
                os.mkdir(self.path(name))
            return
        if arguments[:2] == ["charter", "sign"]:
            arguments += ["--confirm", self.words]
        arguments = [self.id if word == "64-HEX-DIGITS" else word for word in arguments]
        asks = any(word.startswith(tuple(SEALED)) for word in arguments)
        asks = asks or (arguments[:2] == ["key", "new"] and "secret" in arguments)
        program = KEYS if program == "vestry-keys" else program
        result = self.good(program, *arguments, passphrase=PHRASE if asks else None)
        if arguments[:2] == ["charter", "draft"]:
            fingerprint = result.out.split("  id\n")[1].split("\n")
            self.id = fingerprint[0].replace(" ", "")
            self.words = ",".join(fingerprint[4].split()[-2:])

    def test_every_command_of_the_document_works(self):
        ran = 0
        for block in blocks():
            if block[0].startswith("# params.conf"):
                with open(self.path("params.conf"), "w", encoding="utf-8") as file:
                    file.write("\n".join(block) + "\n")
        for block in blocks():
            for line in block:
                command = shlex.split(line)
                if command[0] not in ("mkdir", "vestry-keys", "vestry-verify"):
                    continue
                for one in everybody(command):
                    self.step(one)
                    ran += 1
        self.assertGreater(ran, 35)
        self.assertTrue(os.path.exists(self.path("pos1.token")))


if __name__ == "__main__":
    programs.need("vestry-verify", KEYS)
    unittest.main()

#!/usr/bin/env python3
"""Sizes and habits that a reader should not have to watch for (CONTRIBUTING.md): length of files,
functions and lines, parameters, nesting, braces, banned calls, header guards, leftovers."""

import re

import tree

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 70
LINE_COLUMNS_MAX = 100
PARAMETERS_MAX = 6
NESTING_MAX = 4

# Tables of constants may be longer than a file of code.
LONG_TABLES = set()

# Included many times on purpose, so without a guard.
NO_GUARD = {"crypto/schema_undef.h"}

# The one place where everything that is signed is named at once.
MANY_PARAMETERS = re.compile(r"\bsign_body\(")

BANNED = {
    "alloca": "the stack is bounded; use a buffer of a fixed size",
    "atoi": "it hides overflow; parse with bounds",
    "atol": "it hides overflow; parse with bounds",
    "gets": "it has no bound",
    "gmtime": "it is not thread-safe; use gmtime_r",
    "localtime": "it is not thread-safe and depends on the zone",
    "popen": "it runs a shell",
    "rand": "use the seed that was given, or libsodium",
    "random": "use the seed that was given, or libsodium",
    "signal": "use sigaction",
    "sprintf": "it has no bound; use snprintf",
    "strcat": "it has no bound",
    "strcpy": "it has no bound",
    "strncpy": "it may leave no terminator",
    "strtok": "it keeps hidden state",
    "system": "it runs a shell",
    "tmpnam": "it races",
    "vsprintf": "it has no bound; use vsnprintf",
}
# A test may run other programs.
FREE_IN_TESTS = {"popen", "system"}
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
LEFTOVER = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X|HA" r"CK)\b")
CONTROL = re.compile(r"^\s*(?:\}\s*)?(?:else\s+)?(if|for|while|switch)\b")
# A function type that returns one is not meant.
TYPEDEF = re.compile(r"^\s*typedef\s+(?:struct|union|enum)\b[^(]*[;{]\s*$")

CODE = (".c", ".h")
SCRIPTS = (".py", ".sh", ".cmake", "CMakeLists.txt", "/run", "/install-deps", "/quickstart")


def parameters(signature):
    """How many parameters the function whose head is `signature` takes."""
    depth = 0
    count = 0
    inside = ""
    for char in signature[signature.find("(") :]:
        depth += (char == "(") - (char == ")")
        if depth == 0:
            break
        count += char == "," and depth == 1
        inside += char
    return 0 if inside.strip("( \n") in ("", "void") else count + 1


def functions(lines):
    """(first line of the head, first and last line of the body), counted from 0."""
    head = 0
    start = None
    for number, line in enumerate(lines):
        if line.startswith("{"):
            start = number
        elif line.startswith("}"):
            if start is not None:
                yield head, start, number
            start = None
            head = number + 1
        elif start is None and (line.rstrip().endswith((";", "*/")) or line.startswith("#")):
            head = number + 1
        elif start is None and not line.strip():
            head = number + 1


def deepest(body):
    """The deepest nesting of control blocks in the lines of a body, and where."""
    blocks = []
    worst = (0, 0)
    pending = ""
    for number, line in enumerate(body):
        for char in line:
            if char == "{":
                before = pending.rstrip()
                blocks.append(before.endswith((")", "else", "do")) and "= (" not in before)
                worst = max(worst, (sum(blocks), number))
                pending = ""
            elif char == "}":
                if blocks:
                    blocks.pop()
                pending = ""
            elif char == ";":
                pending = ""
            else:
                pending += char
    return worst


def check_functions(path, lines):
    for head, start, end in functions(lines):
        where = f"{path}:{start + 1}: tidy:"
        if end - start - 1 > FUNCTION_LINES_MAX:
            yield f"{where} function of {end - start - 1} lines, {FUNCTION_LINES_MAX} at most"
        signature = "\n".join(lines[head:start])
        count = parameters(signature)
        if count > PARAMETERS_MAX and not MANY_PARAMETERS.search(signature):
            yield f"{where} {count} parameters, {PARAMETERS_MAX} at most"
        depth, line = deepest(lines[start + 1 : end])
        if depth > NESTING_MAX:
            yield f"{path}:{start + line + 2}: tidy: nested {depth} deep, {NESTING_MAX} at most"


def check_braces(path, lines):
    """A control line, joined until its parentheses close, must end with an opening brace."""
    for number, line in enumerate(lines):
        found = CONTROL.match(line)
        if not found or line.lstrip().startswith("#"):
            continue
        joined = line.rstrip("\\ \n")
        following = number + 1
        while joined.count("(") > joined.count(")") and following < len(lines):
            joined += lines[following].rstrip("\\ \n")
            following += 1
        ends_loop = found[1] == "while" and line.lstrip().startswith("}")
        if not joined.endswith("{") and not ends_loop:
            yield f"{path}:{number + 1}: tidy: {found[1]} without braces"


def check_header(path, text):
    guard = "VESTRY_" + re.sub(r"[^A-Z0-9]", "_", path.upper())
    if path == "client/include/vestry/vestry.h":
        guard = "VESTRY_VESTRY_H"
    if path not in NO_GUARD and f"#ifndef {guard}\n#define {guard}\n" not in text:
        yield f"{path}:1: tidy: no header guard {guard}"
    if not text.startswith("/*"):
        yield f"{path}:1: tidy: a header begins with a comment that says what the module is"


def check_code(path, text):
    lines = tree.code_only(text).split("\n")
    yield from check_functions(path, lines)
    yield from check_braces(path, lines)
    for number, line in enumerate(lines, 1):
        for found in BANNED_CALL.finditer(line):
            if path.startswith("tests/") and found[1] in FREE_IN_TESTS:
                continue
            yield f"{path}:{number}: tidy: {found[1]} is banned: {BANNED[found[1]]}"
        if TYPEDEF.match(line) and not path.startswith("client/include/"):
            yield f"{path}:{number}: tidy: a struct, union or enum is not typedef'd"
    if path.endswith(".h"):
        yield from check_header(path, text)


def check_lines(path, text):
    lines = text.split("\n")
    if len(lines) - 1 > FILE_LINES_MAX and path not in LONG_TABLES:
        yield f"{path}:1: tidy: file of {len(lines) - 1} lines, {FILE_LINES_MAX} at most"
    if text and not text.endswith("\n"):
        yield f"{path}:{len(lines)}: tidy: no newline at the end"
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_COLUMNS_MAX:
            yield f"{path}:{number}: tidy: {len(line)} columns, {LINE_COLUMNS_MAX} at most"
        if "\t" in line:
            yield f"{path}:{number}: tidy: tab"
        if line != line.rstrip():
            yield f"{path}:{number}: tidy: space at the end of the line"
        if LEFTOVER.search(line):
            yield f"{path}:{number}: tidy: leftover {LEFTOVER.search(line)[1]}"


def main():
    root = tree.root_of_arguments()
    findings = []
    paths = [path for path in tree.files(root) if path.endswith(CODE + SCRIPTS)]
    for path in paths:
        text = tree.text_of(root, path)
        findings.extend(check_lines(path, text))
        if path.endswith(CODE):
            findings.extend(check_code(path, text))
    tree.tell("tidy", findings, len(paths))


main()

#!/usr/bin/env python3
"""Requires [[nodiscard]] of every function in tests/ that returns a value.

    nodiscard.py FOLDER          lists what lacks it; status 1 if there is any
    nodiscard.py --fix FOLDER    inserts it

A test that calls such a helper and drops what it returns asserts nothing and passes for ever. With the
attribute the compiler warns, and warnings are errors. Two tests had been like that for a whole release. A
function that is called for what it does says so at the end of the line before: "// Its result may be dropped."

The code is formatted by clang-format, so a function begins at the left margin or, in a class, two columns
further in. Where a header declares a function, the attribute belongs there and not at the definition. A function
that returns a reference to something mutable is meant for chains of calls and is left out, and so is one that
overrides another.
"""
import pathlib
import re
import sys

SIGNATURE = re.compile(
    r"^ {0,2}(?:(?:static|constexpr|inline|virtual) )*"
    r"(?P<type>(?:const )?[A-Za-z_][\w:]*(?:<[^;{}()]*>)?(?:::\w+)?[ *&]+)(?P<name>\w+)\("
)
NO_TYPE = {"return", "else", "using", "typedef", "namespace", "class", "struct", "enum", "case", "throw", "new",
           "delete", "goto", "friend", "explicit", "extern", "operator", "template", "co_return"}
MAY_BE_DROPPED = "Its result may be dropped."
NO_HELPER = {"main", "LLVMFuzzerTestOneInput"}


def signature_end(lines, first, column):
    """Where the list of parameters that opens at lines[first][column] ends: what follows it, or None."""
    depth = 0
    for line in range(first, min(first + 12, len(lines))):
        text = lines[line]
        for at in range(column if line == first else 0, len(text)):
            depth += {"(": 1, ")": -1}.get(text[at], 0)
            if depth == 0:
                following = text[at + 1:]
                return following + (" " + lines[line + 1] if line + 1 < len(lines) else "")
    return None


def lacks_nodiscard(lines, at, is_header, declared):
    found = SIGNATURE.match(lines[at])
    if not found:
        return False
    type_words = found["type"].split()
    if type_words[0] in NO_TYPE or found["name"] in NO_HELPER or found["type"].strip() == "void":
        return False
    if "&" in found["type"] and type_words[0] != "const":
        return False
    if at > 0 and ("[[nodiscard]]" in lines[at - 1] or lines[at - 1].endswith(MAY_BE_DROPPED)):
        return False
    if found["name"] in declared:
        return False
    following = signature_end(lines, at, found.end() - 1)
    # A variable that is initialized in parentheses looks like a declaration, but has values in them and no types.
    inside = lines[at][found.end():].rsplit(")", 1)[0]
    is_variable = re.search(r"[./()+-]", inside) is not None or re.fullmatch(r"\w+", inside) is not None
    end = "[{;]" if is_header and not is_variable else "[{]"
    return following is not None and re.match(r"\s*(?:const)?\s*(?:noexcept)?\s*" + end, following) is not None


def declared_in_header(path):
    """The names of functions that the header of the same name declares."""
    header = path.with_suffix(".hpp")
    if path.suffix == ".hpp" or not header.exists():
        return set()
    found = (SIGNATURE.match(line.replace("[[nodiscard]] ", "")) for line in header.read_text().splitlines())
    return {match["name"] for match in found if match}


def main():
    fix = sys.argv[1] == "--fix"
    folder = pathlib.Path(sys.argv[-1])
    count = 0
    for path in sorted([*folder.rglob("*.cpp"), *folder.rglob("*.hpp")]):
        lines = path.read_text().splitlines()
        if any(line.startswith('extern "C"') for line in lines):
            continue  # what replaces functions of others has their declarations
        is_header = path.suffix == ".hpp"
        declared = declared_in_header(path)
        at_fault = [at for at in range(len(lines)) if lacks_nodiscard(lines, at, is_header, declared)]
        count += len(at_fault)
        for at in at_fault:
            if fix:
                text = lines[at].lstrip()
                lines[at] = lines[at][: len(lines[at]) - len(text)] + "[[nodiscard]] " + text
            else:
                print(f"{path}:{at + 1}: this returns a value and lacks [[nodiscard]]: {lines[at].strip()}")
        if fix and at_fault:
            path.write_text("\n".join(lines) + "\n")
    if not fix and count:
        print(f"{count} functions; insert it with: tests/style/nodiscard.py --fix tests")
        return 1
    return 0


sys.exit(main())

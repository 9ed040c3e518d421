#!/usr/bin/env python3
"""check_model.py ROOT - docs/model.md names what there is.

Every fact has mutants in tests/mutants.py, and every mutant its fact; the tests that the
fact names are those the mutants are held against, and are there; so are its functions. What
a mutant changes stands once in its file.
"""
import glob
import os
import re
import sys


def facts_of(text):
    """Name of a fact to (code, tests), the last two that its entry lists."""
    facts = {}
    for entry in re.split(r"^(?=\S)", text, flags=re.M):
        name, *parts = re.split(r"\n  - ", entry)
        listed = dict(" ".join(part.split()).partition(": ")[::2] for part in parts)
        if "test that fails" in listed:
            facts[re.match(r"- \*\*(.+?)\*\*: ", name)[1]] = listed["code"], listed["test that fails"]
    return facts


def tests_of(cell):
    """(test, function) pairs of "`a.b` f, g; `c.d` h"."""
    pairs = set()
    for part in cell.split(";"):
        test = re.search(r"`([^`]+)`", part).group(1)
        pairs |= {(test, f.strip()) for f in part.split("`")[2].split(",")}
    return pairs


def missing_functions(root, cell):
    for name in re.findall(r"`([^`]+)`", cell):
        file, function = name.split(":")
        found = [p for top in ("src", "shaders")
                 for p in glob.glob(os.path.join(root, top, "**", file), recursive=True)]
        texts = [open(p, encoding="utf-8").read() for p in found]
        if not any(re.search(r"\b%s\(" % re.escape(function), t) for t in texts):
            yield name


def stale_edits(root, edits):
    for file, there, _ in zip(edits[0::3], edits[1::3], edits[2::3]):
        with open(os.path.join(root, file), encoding="utf-8") as source:
            count = source.read().count(there)
        if count != 1:
            yield "%s: %r stands there %d times" % (file, there, count)


def test_functions(root):
    files = glob.glob(os.path.join(root, "tests", "*", "test_*.c"))
    texts = [open(f, encoding="utf-8").read() for f in files]
    return set(re.findall(r"^static void (test_\w+)\(", "\n".join(texts), re.M))


def main():
    root = sys.argv[1]
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.join(root, "tests"))
    from mutants import MUTANTS
    with open(os.path.join(root, "docs", "model.md"), encoding="utf-8") as file:
        facts = facts_of(file.read())
    there = test_functions(root)
    held = {}
    wrong = []
    for name, test, function, *edits in MUTANTS:
        held.setdefault(name, set()).add((test, function))
        wrong += ["%s: %s" % (name, edit) for edit in stale_edits(root, edits)]
    wrong += ["%s: no such fact in docs/model.md" % n for n in held if n not in facts]
    for name, (code, tests) in facts.items():
        named = tests_of(tests)
        wrong += ["%s: %s is not there" % (name, f) for f in missing_functions(root, code)]
        wrong += ["%s: %s: %s is not there" % (name, *pair) for pair in named
                  if pair[1].startswith("test_") and pair[1] not in there]
        wrong += ["%s: %s: %s is not tried in tests/mutants.py" % (name, *pair)
                  for pair in named - held.get(name, set())]
        wrong += ["%s: %s: %s is not named in docs/model.md" % (name, *pair)
                  for pair in held.get(name, set()) - named]
    if len(facts) < 20:
        wrong.append("only %d facts found" % len(facts))
    for line in sorted(wrong):
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

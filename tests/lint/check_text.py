#!/usr/bin/env python3
"""check_text.py ROOT - text hygiene of every file of the repository.

Every text file ends in one newline and has no trailing white space, no carriage return
and no path of somebody's machine. Sources have no tabs, no notes to self, no call that
cmocka 2 deprecates (a warning there, which is an error) and at most 800 lines. Documentation has at most 120 columns, tables too, so that a diff shows the row
that changed; code and single words may be longer. Reference data (tests/golden) and fuzz
inputs are as they are.
"""
import os
import re
import shutil
import subprocess
import sys

DATA = ("tests/golden/", "tests/fuzz/corpus/")
SOURCE = (".c", ".h", ".comp", ".glsl")
NO_TABS = SOURCE + (".py", ".cmake", ".sh")
MAX_LINES = 800
MAX_LINES_OF = {"include/vblip.h": 349}  # read in one sitting
MAX_COLUMNS = 120
NOT_WRAPPED = ("docs/status.md",)  # goes when the work is done

# Written in two parts so that this file does not find itself.
MACHINE = re.compile("/wo" "rk/|/ro" "ot/|/ho" "me/[a-z]|\\.\\./sha" "red")
NOTES = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
DEPRECATED = re.compile(r"\b(assert_(not_)?in_(range|set)|(expect|check)_(any|value|in_(range|set)))\(")


def files_of(root):
    """Paths of what git has or would add; without git, of all but builds."""
    git = subprocess.run(
        ["git", "-C", root, "ls-files", "-co", "--exclude-standard", "-z"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False,
    ) if shutil.which("git") and os.path.exists(os.path.join(root, ".git")) else None
    if git and git.returncode == 0:
        return sorted(p for p in git.stdout.decode().split("\0") if p)
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [f for f in folders if f not in (".git", "build", "__pycache__")]
        found += [os.path.relpath(os.path.join(folder, n), root) for n in names]
    return sorted(found)


def long_lines(lines):
    """Numbers of the lines of a Markdown file that are too long and could be wrapped."""
    fenced = code = False
    before = ""
    for number, line in enumerate(lines, 1):
        fence = line.lstrip().startswith("```")
        fenced = fenced != fence
        code = line.startswith("    ") and (code or not before)
        before = line
        if not (fence or fenced or code) and len(line) > MAX_COLUMNS and " " in line.strip():
            yield number


def check(path, data):
    """Yields (line number, what is wrong)."""
    text = data.decode("utf-8", "replace")
    lines = text.split("\n")
    if "\ufffd" in text:
        yield 0, "not UTF-8"
    if data and lines.pop() != "":
        yield len(lines) + 1, "no newline at the end"
    if data.endswith(b"\n\n"):
        yield len(lines), "empty line at the end"
    most = MAX_LINES_OF.get(path, MAX_LINES)
    if path.endswith(SOURCE) and len(lines) > most:
        yield len(lines), "more than %d lines" % most
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "trailing white space"
        if path.endswith(NO_TABS) and "\t" in line:
            yield number, "tab"
        if MACHINE.search(line):
            yield number, "path of a machine"
        if path.endswith(NO_TABS) and NOTES.search(line):
            yield number, "note to self"
        if path.endswith(SOURCE) and DEPRECATED.search(line):
            yield number, "deprecated by cmocka 2"
    if path.endswith(".md") and path not in NOT_WRAPPED:
        for number in long_lines(lines):
            yield number, "more than %d columns" % MAX_COLUMNS


def main():
    root = sys.argv[1]
    seen = bad = 0
    for path in files_of(root):
        if path.startswith(DATA) or not os.path.isfile(os.path.join(root, path)):
            continue
        with open(os.path.join(root, path), "rb") as file:
            data = file.read()
        if b"\0" in data:
            continue
        seen += 1
        for number, what in check(path, data):
            print("%s:%d: %s" % (path, number, what))
            bad += 1
    if seen < 50:
        print("only %d files found under %s" % (seen, root))
    return 1 if bad or seen < 50 else 0


if __name__ == "__main__":
    sys.exit(main())

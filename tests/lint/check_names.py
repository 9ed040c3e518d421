#!/usr/bin/env python3
"""check_names.py ROOT - a function's name is its own.

No two functions of the program have one name, static ones included: a backtrace, a
profile and a search say which is meant. Of a file that has branches for the preprocessor, and of
those that stand for others in a build without a library (absent.c), a program has one.
"""
import os
import re
import sys

# A definition begins in column 0, and its body in column 0 of a later line.
HEAD = re.compile(r"^(?:static |inline |extern )*[A-Za-z_][\w \*]*?\b(\w+)\(", re.M)
KEYWORDS = {"if", "for", "while", "switch", "return", "sizeof", "defined"}


def definitions(text):
    for match in HEAD.finditer(text):
        end = re.compile(r"[;{]").search(text, match.end())
        if end and end.group() == "{" and match.group(1) not in KEYWORDS \
                and not match.group(0).startswith(("typedef", "struct {", "enum {")):
            yield match.group(1), text.count("\n", 0, match.start()) + 1


def main():
    root, only = sys.argv[1], sys.argv[2:]
    places, seen = {}, 0
    for folder, folders, names in os.walk(os.path.join(root, "src")):
        folders.sort()
        for name in sorted(names):
            if not name.endswith((".c", ".h")) or name == "absent.c":
                continue
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                text, named = file.read(), set()
                for function, line in definitions(text):
                    seen += 1
                    if function in named and "\n#else" in text:
                        continue
                    named.add(function)
                    places.setdefault(function, []).append(
                        "%s:%d" % (os.path.relpath(path, root), line))
    bad = {f: p for f, p in places.items() if len(p) > 1}
    shown = {f: p for f, p in bad.items()
             if not only or any(o in where for o in only for where in p)}
    for function, where in sorted(shown.items()):
        print("%s: %s" % (function, " ".join(where)))
    if seen < 500:
        print("only %d functions found under %s/src" % (seen, root))
    return 1 if shown or seen < 500 else 0


if __name__ == "__main__":
    sys.exit(main())

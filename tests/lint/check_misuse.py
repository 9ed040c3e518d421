#!/usr/bin/env python3
"""check_misuse.py ROOT - every exported function is misused by a test.

Each function that a public header declares is called in the tests of the API,
tests/tasks/test_api.c, test_calibrate_api.c, test_clip.c, test_cut.c, test_index_edit.c, test_library.c,
test_mux.c, test_together.c and test_watch_api.c, which are about nothing else.
"""
import glob
import os
import re
import sys

TESTS = ["tests/tasks/test_%s.c" % name
         for name in ("api", "calibrate_api", "clip", "cut", "index_edit", "library", "mux", "together", "watch_api")]


def main():
    root = sys.argv[1]
    headers = ""
    for path in glob.glob(os.path.join(root, "include", "*.h")):
        with open(path, encoding="utf-8") as file:
            headers += re.sub(r"//.*", "", file.read())
    tests = ""
    for path in TESTS:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            tests += file.read()
    functions = sorted(set(re.findall(r"\b(vblip_\w+)\(", headers)))
    missing = [f for f in functions if not re.search(r"\b%s\(" % f, tests)]
    for function in missing:
        print("%s: no test of the API calls it" % function)
    if len(functions) < 30:
        print("only %d functions found in include/" % len(functions))
    return 1 if missing or len(functions) < 30 else 0


if __name__ == "__main__":
    sys.exit(main())

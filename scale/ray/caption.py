#!/usr/bin/env python3
"""Captions of a folder of recordings, by workers of vblip that Ray spreads over a cluster.

    python3 scale/ray/caption.py VIDEOS OUT [--workers N] [--cpus C] [--gpus G] [--options JSON]

Each of N actors keeps a `vblip worker` with its models loaded, and takes one recording after another. Its captions
become OUT/NAME.jsonl, the rows of `vblip caption -f jsonl`, where VIDEOS has NAME; a recording that cannot be read
or that kills the worker becomes OUT/NAME.error. Files appear whole, and what is there already is not done again: the
same command goes on after anything. A worker that dies is started anew, and Ray does the same for machines.

$VBLIP is the program (vblip). Exit status: 0, or 3 where recordings failed, now or before.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import ray

MEDIA = set(".mp4 .m4v .mov .mkv .webm .avi .mpg .mpeg .ts .m2ts .mts .wmv .flv .ogv .3gp".split())
TRIES = 3


class Worker:
    """A `vblip worker`, and another one where it ends."""

    def __init__(self):
        self.process = None

    def start(self):
        command = os.environ.get("VBLIP", "vblip").split()
        self.process = subprocess.Popen(command + ["worker", "--quiet"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def answer(self, job):
        """The answer to a job, also where the worker was killed by it each time. RuntimeError: it ends by itself."""
        for _ in range(TRIES):
            if self.process is None or self.process.poll() is not None:
                self.start()
            try:
                self.process.stdin.write(json.dumps(job).encode() + b"\n")
                self.process.stdin.flush()
                line = self.process.stdout.readline()
            except BrokenPipeError:
                line = b""
            if line.endswith(b"\n"):
                return line
            self.process.wait()
        code = self.process.returncode
        if 0 <= code <= 128:
            raise RuntimeError("the worker ends with status %d" % code)
        error = "%s: the worker is killed by it, with signal %d" % (job["path"], -code if code < 0 else code - 128)
        return json.dumps({"ok": False, "error": error}).encode()


def write_whole(path, content):
    """A file that is there as a whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial-%s-%d" % (os.uname().nodename, os.getpid()))
    partial.write_bytes(content)
    partial.replace(path)


class Captioner:
    """An actor: recordings in, files out."""

    def __init__(self, options):
        self.options = options
        self.worker = Worker()

    def __call__(self, row):
        line = self.worker.answer({**self.options, "op": "caption", "path": row["path"]})
        answer = json.loads(line)
        if answer["ok"]:
            # The rows as the worker wrote them: no number is read and written again.
            rows = line[line.index(b'"rows":[') + 8:].rsplit(b"]", 1)[0]
            content = b"".join(part + b"\n" for part in split_objects(rows))
            write_whole(pathlib.Path(row["out"] + ".jsonl"), content)
        else:
            write_whole(pathlib.Path(row["out"] + ".error"), answer["error"].encode() + b"\n")
        return {"path": row["path"], "error": None if answer["ok"] else answer["error"]}


def split_objects(text):
    """The objects of a JSON list without its brackets, as they are written."""
    decoder, text, at = json.JSONDecoder(), text.decode(), 0
    while at < len(text):
        _, end = decoder.raw_decode(text, at)
        yield text[at:end].encode()
        at = end + 1  # a comma


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("videos", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--workers", type=int, default=1, help="actors (1)")
    parser.add_argument("--cpus", type=float, default=1, help="processor cores of each (1)")
    parser.add_argument("--gpus", type=float, default=0, help="GPUs of each (0)")
    parser.add_argument("--options", type=json.loads, default={}, help='members of the jobs: {"every": 2}')
    parser.add_argument("--again", action="store_true", help="try recordings that failed before")
    args = parser.parse_args()
    if not args.videos.is_dir():
        parser.error("%s: no directory" % args.videos)

    todo, done, failed = [], 0, 0
    for path in sorted(args.videos.rglob("*")):
        out = str(args.out / path.relative_to(args.videos))
        if path.suffix.lower() not in MEDIA or not path.is_file():
            continue
        if os.path.exists(out + ".jsonl"):
            done += 1
        elif os.path.exists(out + ".error") and not args.again:
            failed += 1
        else:
            todo.append({"path": str(path), "out": out})
    print("%d recordings to do, %d are done, %d failed before" % (len(todo), done, failed), file=sys.stderr)
    if not todo:
        return 3 if failed else 0
    results = ray.data.from_items(todo, override_num_blocks=len(todo)).map(
        Captioner, fn_constructor_args=(args.options,), compute=ray.data.ActorPoolStrategy(size=args.workers),
        num_cpus=args.cpus, num_gpus=args.gpus)
    for row in results.iter_rows():
        if row["error"]:
            failed += 1
            print(row["error"], file=sys.stderr)
    return 3 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

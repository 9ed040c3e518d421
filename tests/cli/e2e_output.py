#!/usr/bin/env python3
"""Where results go: -o whole or not at all, interrupts, closed pipes, full disks, progress."""

import json
import os
import pty
import resource
import select
import shutil
import signal
import subprocess
import time
import unittest

from e2e_support import (BINARY, CAPTION, EXIT_DONE, EXIT_INTERRUPTED, EXIT_MISUSED, EXIT_SOME_FAILED, EXIT_UNUSABLE,
                         FIELDS, RETRIEVAL, Case, clip, environment, main, make_video, parse, probe_subtitles, read,
                         start, write)

ROWS = 20  # finished before a run is interrupted


def as_nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


class Files(Case):
    def test_the_extension_chooses_the_format(self):
        for kind in ("json", "jsonl", "csv", "tsv"):
            out = self.path("rows." + kind)
            run = self.ok("match", "--model", RETRIEVAL, clip(1), "a dog", "-o", out)
            self.assertEqual((run.out, run.err), ("", ""))
            rows = parse(kind, read(out).decode())
            self.assertEqual((len(rows), rows[0]["text"]), (1, "a dog"))
        self.ok("match", "--model", RETRIEVAL, clip(1), "a dog", "-f", "csv", "-o", self.path("rows.json"))
        self.assertTrue(read(self.path("rows.json")).startswith(b"path,text,itc,"))

    def test_a_file_is_replaced_whole(self):
        out = write(self.path("rows.csv"), "old")
        os.chmod(out, 0o640)
        old = os.stat(out)
        self.ok("caption", "--model", CAPTION, clip(10), "--count", 3, "-o", out)
        self.assertNotEqual(os.stat(out).st_ino, old.st_ino)
        self.assertEqual(os.stat(out).st_mode, old.st_mode)
        self.assertEqual(len(parse("csv", read(out).decode())), 3)
        self.only_files("rows.csv")

    def test_failed_inputs_leave_the_others(self):
        out = self.path("rows.jsonl")
        self.exits(EXIT_SOME_FAILED, "match", "--model", RETRIEVAL, "-a", "-", "a dog", "-o", out,
                   stdin=("%s\n%s\n" % (clip(1), self.path("missing.mp4"))).encode())
        self.assertEqual([list(row) for row in parse("jsonl", read(out).decode())], [FIELDS["match"], ["path", "error"]])

    def test_nothing_is_replaced_by_a_run_that_fails(self):
        out = write(self.path("rows.csv"), "old")
        for arguments in (["match", "--model", RETRIEVAL, self.path("missing.mp4"), "a dog"],
                          ["match", "--model", self.path("missing"), clip(1), "a dog"],
                          ["tokenize", "--vocab", self.path("missing"), "a dog"]):
            self.exits(EXIT_UNUSABLE, *arguments, "-o", out)
            self.assertEqual(read(out), b"old")
        self.only_files("rows.csv")

    def test_an_input_is_not_replaced(self):
        video = shutil.copy(clip(1), self.path("v.mp4"))
        self.refused(EXIT_MISUSED, video, "caption", "--model", CAPTION, video, "-f", "csv", "-o", video)
        self.assertEqual(read(video), read(clip(1)))

    def test_the_model_is_not_replaced(self):
        """Its folder, a model set, the weights under another name, and a hub name in the cache."""
        model = shutil.copytree(CAPTION, self.path("models--a--b", "snapshots", "x"))
        os.mkdir(self.path("set"))
        os.symlink(model, self.path("set", "caption"))
        os.mkdir(self.path("models--a--b", "refs"))
        write(self.path("models--a--b", "refs", "main"), "x")
        os.link(os.path.join(model, "model.safetensors"), self.path("weights"))
        before = {name: read(os.path.join(model, name)) for name in os.listdir(model)}
        env = environment(HF_HUB_CACHE=self.folder)
        for named in (model, self.path("set"), "a/b"):
            for out in (*(os.path.join(model, name) for name in before), self.path("weights")):
                self.refused(EXIT_MISUSED, [out, "is a file of the model"], "caption", "--model", named, clip(10), "-f",
                             "csv", "-o", out, env=env)
        self.assertEqual(before, {name: read(os.path.join(model, name)) for name in os.listdir(model)})
        self.ok("caption", "--model", model, clip(10), "--count", 1, "-o", os.path.join(model, "new.csv"))

    def test_special_files_are_written_directly(self):
        self.ok("caption", "--model", CAPTION, clip(1), "-o", "/dev/null")
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        process = start("caption", "--model", CAPTION, clip(10), "--count", 3, "-f", "csv", "-o", fifo)
        text = read(fifo).decode()
        self.assertEqual((process.wait(60), len(parse("csv", text))), (EXIT_DONE, 3))
        process.communicate()

    def test_places_that_cannot_be_written(self):
        for out, what in (("/dev/full", "No space left on device"), (self.path("no", "rows.csv"), "No such file"),
                          (self.folder, "Is a directory"), ("/proc/rows.csv", "")):
            with self.subTest(out=out):
                self.refused(EXIT_UNUSABLE, [out + ": ", what], "caption", "--model", CAPTION, clip(10), "-o", out)
                self.refused(EXIT_UNUSABLE, [out + ": ", what], "tokenize", "--model", CAPTION, "a dog", "-o", out)
        self.only_files()

    def test_files_that_may_not_be_so_large(self):
        """A limit on files is told as a full disk is, by a status and not by a signal, and leaves nothing."""
        out = self.path("rows.csv")
        process = subprocess.run([BINARY, "tokenize", "--model", CAPTION, "a dog " * 100, "-o", out, "-q"],
                                 capture_output=True, text=True, check=False,
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)))
        self.assertEqual((process.returncode, process.stderr), (EXIT_UNUSABLE, "vblip: %s: File too large\n" % out))
        self.only_files()

    @unittest.skipUnless(os.getuid() == 0, "root enters every folder; only root can become someone else")
    def test_a_folder_without_permission(self):
        os.chmod(self.folder, 0o755)
        os.makedirs(self.path("closed"), mode=0o755)
        parents, folder = [], self.folder
        while folder != "/":  # the test's folder must be reachable for the other user
            folder = os.path.dirname(folder)
            parents.append(os.stat(folder).st_mode & 0o001)
        if not all(parents):
            self.skipTest("the build folder is not open to other users")
        self.refused(EXIT_UNUSABLE, [self.path("closed", "rows.csv"), "Permission denied"], "tokenize", "--model", CAPTION,
                     "a dog", "-o", self.path("closed", "rows.csv"), before=as_nobody)

    def test_a_disk_that_fills_up(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        out = write(self.path("rows.json"), "old")
        texts = write(self.path("texts"), "".join("text number %d\n" % i for i in range(1000)))
        self.refused(EXIT_UNUSABLE, [out + ": ", "File too large"], "tokenize", "--model", CAPTION, "-a", texts, "-o", out,
                     before=small_files)
        self.assertEqual(read(out), b"old")
        self.only_files("rows.json", "texts")

    def test_full_standard_output(self):
        with open("/dev/full", "wb") as full:
            process = start("caption", "--model", CAPTION, clip(10), stdout=full)
            err = process.communicate(timeout=60)[1].decode()
        self.assertEqual((process.returncode, err), (EXIT_UNUSABLE, "vblip: standard output: No space left on device\n"))


class Stopping(Case):
    @classmethod
    def setUpClass(cls):
        cls.long = os.path.join(os.environ["VBLIP_SCRATCH"], "long-%d.mp4" % os.getpid())
        make_video(cls.long, seconds=600, rate=10, options=("-g", "50"))

    @classmethod
    def tearDownClass(cls):
        os.remove(cls.long)

    def interrupted(self, *arguments, number=signal.SIGINT):
        """Starts a job of minutes and stops it when some rows are done; returns their number and stderr."""
        process = start("caption", "--model", CAPTION, self.long, "--every", "1f", "--progress", "json", *arguments)
        seen, done = b"", 0
        while done < ROWS:
            line = process.stderr.readline()
            self.assertTrue(line, seen.decode())
            seen += line
            if line.startswith(b"{"):
                done = json.loads(line)["done"]
        process.send_signal(number)
        out, rest = process.communicate(timeout=60)
        self.assertEqual(process.returncode, EXIT_INTERRUPTED, rest.decode())
        return done, out.decode(), (seen + rest).decode()

    def test_an_interrupt_keeps_finished_rows(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            done, out, _ = self.interrupted("-f", "jsonl", number=number)
            rows = parse("jsonl", out)
            self.assertGreaterEqual(len(rows), done)
            self.assertEqual(list(rows[-1]), FIELDS["caption"])

    def test_an_interrupt_completes_the_file(self):
        out = self.path("rows.json")
        done, printed, err = self.interrupted("-o", out)
        rows = parse("json", read(out).decode())
        self.assertGreaterEqual(len(rows), done)
        self.assertEqual(printed, "")
        self.assertEqual(len([line for line in err.splitlines() if "interrupted" in line]), 1, err)
        self.only_files("rows.json")

    def test_an_interrupt_leaves_valid_subtitles(self):
        out = self.path("rows.srt")
        self.interrupted("-o", out)
        self.assertTrue(probe_subtitles(out))
        self.only_files("rows.srt")

    def test_a_closed_pipe_ends_quietly(self):
        for arguments in (["caption", "--model", CAPTION, self.long, "--every", "1f"],
                          ["tokenize", "--model", CAPTION, *("text %d" % i for i in range(10000))]):
            process = start(*arguments)
            self.assertTrue(process.stdout.readline())
            process.stdout.close()
            err = process.stderr.read()
            process.stderr.close()
            self.assertEqual(process.wait(60), EXIT_DONE, err.decode())
            self.assertNotIn(b"vblip: standard", err)
            self.assertNotIn(b"roken", err)

    def test_long_work_says_beforehand_what_it_costs(self):
        """6000 captions of a slow model: the cost is said after seconds of its minutes, also when stderr is no
        terminal."""
        process = start("caption", "--model", CAPTION, self.long, "--every", "1f", "--beams", 32, "--max-length", 60,
                        "--min-length", 50)
        line = process.stderr.readline().decode()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
        self.assertRegex(line, r"^vblip: 6000 captions, about \d+ (min|h \d+ min|days? \d+ h) on the processor\n$")
        self.assertLess(len(out.splitlines()), 6000 / 10)


class Progress(Case):
    def test_none_when_stderr_is_no_terminal(self):
        run = self.ok("caption", "--model", CAPTION, clip(1))
        self.assertEqual(run.err, "")

    def test_plain(self):
        run = self.ok("retrieve", "--model", RETRIEVAL, clip(1), clip(2), "a dog", "--progress", "plain")
        self.assertEqual([line for line in run.messages if not line.startswith("vblip: ")], [])
        self.assertIn("16 of 16 frames, 100 %", run.err)
        self.assertIn("2 of 2 pairs, 100 %", run.err)

    def test_json(self):
        run = self.ok("caption", "--model", CAPTION, clip(1), "--count", 4, "--progress", "json")
        steps = [json.loads(line) for line in run.messages]
        self.assertEqual(steps[0]["seconds_left"], None)
        self.assertEqual({k: steps[-1][k] for k in ("path", "unit", "done", "total")},
                         {"path": clip(1), "unit": "captions", "done": 4, "total": 4})

    def test_a_bar_on_a_terminal(self):
        """On a terminal: a bar that is gone at the end; none with --progress none or -q."""
        for arguments, bar in (([], True), (["--progress", "none"], False), (["-q"], False)):
            code, shown = self.on_terminal("caption", "--model", CAPTION, clip(1), "--count", 4, "-o", "/dev/null",
                                           *arguments)
            self.assertEqual(code, EXIT_DONE, shown)
            self.assertEqual("4/4 captions" in shown, bar, shown)
            last = shown.replace("\r\n", "\n").split("\r")[-1]
            self.assertNotIn("#", last, repr(shown))
            self.assertLessEqual(max(map(len, shown.replace("\n", "\r").split("\r"))), 80)

    def test_the_bar_stays_while_rows_go_elsewhere(self):
        """Rows on another stream do not blank the line; rows on the same screen do, and the bar comes back at once."""
        work = ["caption", "--model", CAPTION, clip(1), "--every", "8f"]
        code, shown = self.on_terminal(*work)
        self.assertEqual(code, EXIT_DONE, shown)
        self.assertEqual([part for part in shown.split("\r")[1:-2] if not part.strip()], [], repr(shown))
        code, shown = self.on_terminal(*work, both=True)
        self.assertEqual(code, EXIT_DONE, shown)
        for k in range(1, 9):
            self.assertIn(" %d/9 captions" % k, shown)
        for part in shown.replace("\r\n", "\n").split("\r"):
            self.assertFalse("captions" in part and "00:00:" in part, repr(part))

    def test_an_interrupt_is_answered_at_once(self):
        code, shown = self.on_terminal("caption", "--model", CAPTION, clip(1), "--every", "1f", interrupt_at=b"captions")
        self.assertEqual(code, EXIT_INTERRUPTED, shown)
        self.assertIn("vblip: stopping; once more ends at once\r\n", shown)
        self.assertIn("vblip: interrupted; what was finished is kept\r\n", shown)

    def on_terminal(self, *arguments, both=False, interrupt_at=None):
        """Runs with stderr, or stdout too, on a terminal; the exit status and what the terminal was sent."""
        master, slave = pty.openpty()
        process = subprocess.Popen([BINARY, *map(str, arguments)], env=environment(TERM="xterm"),
                                   stdin=subprocess.DEVNULL, stdout=slave if both else subprocess.DEVNULL,
                                   stderr=slave)
        os.close(slave)
        shown, deadline = b"", time.monotonic() + 60
        while time.monotonic() < deadline:
            if not select.select([master], [], [], 1)[0]:
                continue
            try:
                part = os.read(master, 4096)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            shown += part
            if interrupt_at and interrupt_at in shown:
                process.send_signal(signal.SIGINT)
                interrupt_at = None
        os.close(master)
        return process.wait(10), shown.decode()


if __name__ == "__main__":
    main()

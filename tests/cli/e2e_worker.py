"""e2e_worker.py - `vblip worker`: an answer to each job, the rows of the command line, and how it ends."""

import json
import os
import select
import signal
import subprocess
import time

from e2e_support import (BINARY, CLIPS, EXIT_DONE, EXIT_INTERRUPTED, EXIT_MISUSED, EXIT_NO_DEVICE, EXIT_UNUSABLE, Case,
                         clip, environment, main, make_image, make_video, read, vblip, write)

CPU = ("--device", "cpu")
MOST_LINE = 1 << 20
QUESTION, TEXTS = "what is in the picture?", ["a dog", "a cat on a blue background"]
ANSWERS = ["star", "television and star", "dog"]


def line(**job):
    return json.dumps(job) + "\n"


def rows_of(answer):
    """The rows of an answer as they are written."""
    head, _, rows = answer.partition('"rows":[')
    assert rows.endswith("]}"), answer
    return rows[:-2]


class WorkerCase(Case):
    def work(self, jobs, *options, code=EXIT_DONE, **how):
        run = vblip("worker", *CPU, *options, stdin=jobs if isinstance(jobs, bytes) else "".join(jobs).encode(), **how)
        self.assertEqual(run.code, code, run)
        return run

    def answers(self, *jobs, **how):
        return [json.loads(text) for text in self.work(jobs, **how).lines]

    def cli(self, *arguments):
        """Rows of the command line, as text."""
        return vblip(*arguments, *CPU, "-f", "jsonl").lines


class WorkerRows(WorkerCase):
    """A job's rows are those of the command with -f jsonl, byte by byte."""

    def test_rows_are_those_of_the_commands(self):
        still = make_image(self.path("still.png"), clip(3))
        film = make_video(self.path("film.mp4"), seconds=3)
        library = self.path("library")
        os.mkdir(library)
        for number in (1, 2, 3):
            os.symlink(clip(number), os.path.join(library, "clip %d.mp4" % number))
        index = self.path("some.index")
        cases = [
            (dict(op="caption", path=clip(2)), ["caption", clip(2)]),
            (dict(op="caption", path=library, every=1.5, beams=1), ["caption", library, "--every", 1.5, "--beams", 1]),
            (dict(op="caption", path=film, every="5f", max_length=9),
             ["caption", film, "--every", "5f", "--max-length", 9]),
            (dict(op="caption", path=film, count=2, prompt="a ", min_length=3, repetition_penalty=1.5),
             ["caption", film, "--count", 2, "--prompt", "a ", "--min-length", 3, "--repetition-penalty", 1.5]),
            (dict(op="caption", path=clip(4), shots=True, merge=True), ["caption", clip(4), "--shots", "--merge"]),
            (dict(op="caption", path=clip(4), same_picture=0.9), ["caption", clip(4), "--same-picture", 0.9]),
            (dict(op="caption", path=still), ["caption", still]),
            (dict(op="caption", path=still, sample=True, samples=3, seed=7, top_k=0, top_p=0.8, temperature=1.5),
             ["caption", still, "--sample", "--samples", 3, "--seed", 7, "--top-k", 0, "--top-p", 0.8, "--temperature",
              1.5]),
            (dict(op="ask", path=clip(1), texts=[QUESTION, "how many?"]), ["qa", clip(1), QUESTION, "how many?"]),
            (dict(op="ask", path=library, texts=[QUESTION]), ["qa", library, QUESTION]),
            (dict(op="ask", path=clip(1), texts=[QUESTION], answers=ANSWERS, k_test=2),
             ["qa", clip(1), QUESTION, "--answers", ",".join(ANSWERS), "--k-test", 2]),
            (dict(op="ask", path=clip(1), texts=[QUESTION], segment="1"), ["qa", clip(1), QUESTION, "--segment", 1]),
            (dict(op="ask", path=still, texts=[QUESTION], frames=4, beams=2, max_length=6, min_length=2),
             ["qa", still, QUESTION, "--frames", 4, "--beams", 2, "--max-length", 6, "--min-length", 2]),
            (dict(op="match", path=clip(1), texts=TEXTS), ["match", clip(1), *TEXTS]),
            (dict(op="match", path=clip(1), texts=TEXTS, itm_token="cls", frames=3),
             ["match", clip(1), *TEXTS, "--itm-token", "cls", "--frames", 3]),
            (dict(op="match", path=library, texts=[""]), ["match", library, ""]),
            (dict(op="match", path=still, texts=TEXTS), ["match", still, *TEXTS]),
            (dict(op="retrieve", path=library, texts=TEXTS, top=2),
             ["retrieve", library, "-e", TEXTS[0], "-e", TEXTS[1], "--top", 2]),
            (dict(op="retrieve", path=library, texts=["a dog"], rerank=0, offset=1, no_index=True),
             ["retrieve", library, "a dog", "--rerank", 0, "--offset", 1, "--no-index"]),
            (dict(op="retrieve", path=library, texts=["a dog"], index=index, segment="1", by="video", rerank=2),
             ["retrieve", library, "a dog", "--index", index, "--segment", 1, "--by", "video", "--rerank", 2]),
            (dict(op="retrieve", index=index, texts=["a dog"], include=["*2.mp4"], dedupe=0.99),
             ["retrieve", "--index", index, "a dog", "--include", "*2.mp4", "--dedupe", 0.99]),
            (dict(op="retrieve", path=library, texts=["a dog"], segment="0.5", then="a cat", within=0.7),
             ["retrieve", library, "a dog", "--segment", 0.5, "--then", "a cat", "--within", 0.7]),
            (dict(op="retrieve", path=library, texts=["a dog"], min_p=0.999999),
             ["retrieve", library, "a dog", "--min-p", 0.999999]),
        ]
        run = self.work([line(id=i, **job) for i, (job, _) in enumerate(cases)])
        self.assertEqual(len(run.lines), len(cases), run)
        for i, ((job, arguments), answer) in enumerate(zip(cases, run.lines)):
            with self.subTest(job=job):
                self.assertTrue(answer.startswith('{"id":%d,"ok":true,"rows":[' % i), answer)
                self.assertEqual(rows_of(answer), ",".join(self.cli(*arguments)))

    def test_a_moment_of_a_whole_recording_is_the_recording(self):
        whole, moment, none = self.answers(line(op="match", path=clip(1), texts=TEXTS),
                                           line(op="match", path=clip(1), texts=TEXTS, start=0, end=3600),
                                           line(op="ask", path=clip(1), texts=[QUESTION], start=3600))
        self.assertEqual(whole["rows"], moment["rows"])
        self.assertFalse(none["ok"])
        self.assertIn(clip(1) + ": ", none["error"])
        for answer in self.answers(*[line(op=op, path=CLIPS, start=1, **more) for op, more in
                                     (("ask", dict(texts=["x"])), ("match", dict(texts=["x"])), ("caption", {}),
                                      ("embed", dict(what="itc-image")))]):
            self.assertEqual((answer["ok"], answer["error"]), (False, CLIPS + ": not a regular file"))
        (part,) = self.answers(line(op="caption", path=clip(2), start=1, end=2))
        self.assertEqual([(row["start"], row["end"]) for row in part["rows"]], [(1.0, 2.0)])

    def test_vectors_are_those_of_embed(self):
        out = self.path("v.safetensors")
        still = make_image(self.path("still.png"), clip(3))
        paths = [clip(1), clip(2), still]
        answers = self.answers(*[line(op="embed", what="itc-image", path=path) for path in paths],
                               line(op="embed", what="itc-text", texts=TEXTS),
                               line(op="embed", what="itc-image", path=CLIPS))
        self.ok("embed", *CPU, "--what", "itc-image", "-o", out, *paths)
        self.check_vectors(out, [answer["rows"][0]["values"] for answer in answers[:3]])
        self.ok("embed", *CPU, "--what", "itc-text", "-o", out, "--text", TEXTS[0], "--text", TEXTS[1])
        self.check_vectors(out, [row["values"] for row in answers[3]["rows"]])
        self.assertEqual([(row["path"], row["text"], row["what"]) for row in answers[3]["rows"]],
                         [(None, text, "itc-text") for text in TEXTS])
        self.assertEqual([row["path"] for row in answers[4]["rows"]], [clip(n) for n in range(1, 17)])
        self.assertEqual(answers[4]["rows"][1]["values"], answers[1]["rows"][0]["values"])

    def check_vectors(self, path, rows):
        import numpy
        data = read(path)
        start = 8 + int.from_bytes(data[:8], "little")
        header = json.loads(data[8:start])
        for number, row in enumerate(rows):
            first, end = (start + o for o in header[str(number)]["data_offsets"])
            self.assertEqual(numpy.array(row, numpy.float32).tobytes(), data[first:end])

    def test_failures_are_those_of_the_commands(self):
        empty, text, cut = self.path("empty"), write(self.path("a.mp4"), "no video"), self.path("cut.mp4")
        os.mkdir(empty)
        good = read(make_video(self.path("film.mp4"), seconds=6, options=("-movflags", "+faststart")))
        write(cut, good[:len(good) * 9 // 10])
        mixed = self.path("mixed")
        os.mkdir(mixed)
        os.symlink(clip(1), os.path.join(mixed, "a.mp4"))
        os.symlink(text, os.path.join(mixed, "b.mp4"))
        cases = [(path, command) for path in (self.path("none.mp4"), empty, text, cut, mixed)
                 for command in ("caption", "match", "qa", "retrieve")]
        ops = {"qa": "ask"}
        jobs = [dict(op=ops.get(command, command), path=path, **({} if command == "caption" else {"texts": ["a dog"]}))
                for path, command in cases]
        answers = self.answers(*[line(**job) for job in jobs])
        for (path, command), answer in zip(cases, answers):
            with self.subTest(path=path, command=command):
                run = vblip(command, path, *([] if command == "caption" else ["a dog"]), *CPU, "-f", "jsonl")
                said = [m for m in run.messages if not m.startswith("vblip: the bundled demo model")]
                rows = [json.loads(text) for text in run.lines]
                self.assertEqual(answer["ok"], run.code != EXIT_UNUSABLE)
                if answer["ok"]:
                    self.assertEqual(answer["rows"], rows)
                else:
                    self.assertIn("vblip: " + answer["error"], said)
                    kept = rows if any("error" not in row for row in rows) else []
                    self.assertEqual(answer.get("rows", []), kept)
        self.assertTrue(any("rows" in a and not a["ok"] for a in answers), "a truncated recording keeps its captions")


class WorkerLines(WorkerCase):
    """What is no job is answered, and the worker goes on."""

    def test_what_is_no_job_is_refused_by_a_line(self):
        good = dict(op="match", path=clip(1), texts=["a dog"])
        refused = [
            (b"nope", None, "job: not JSON at byte 0"),
            (b"[]", None, "job: expected an object"),
            (b"{}", None, "op: missing"),
            (b'{"id":1', None, "job: not JSON at byte 7"),
            (b'{"id":1}{}', None, "job: more after the JSON, at byte 8"),
            (b'{"id":1,"id":2}', None, 'job: "id" is given twice'),
            (b'{"id":"\xff"}', None, "job: not UTF-8"),
            (b'{"id":1,"op":"ask\\u0000"}', None, "job: not JSON at byte 13"),
            (b"\0", None, "job: not JSON at byte 0"),
            (b'{"id":1,"a":' + b"[" * 40 + b"]" * 40 + b"}", None, "job: nested more than 32 deep"),
            (b'{"id":1,"op":1}', 1, "op: expected one of: caption, ask, match, embed, retrieve"),
            (b'{"id":1,"op":"fly"}', 1, "op: expected one of: caption, ask, match, embed, retrieve"),
            (b'{"id":1,"op":"match","texts":["x"]}', 1, "path: missing"),
            (b'{"id":1,"op":"match","path":"a.mp4"}', 1, "texts: missing"),
            (b'{"id":1,"op":"match","path":"a.mp4","texts":[]}', 1, "texts: holds none"),
            (b'{"id":1,"op":"match","path":"a.mp4","texts":"x"}', 1, "texts: expected a list of texts"),
            (b'{"id":1,"op":"match","path":"a.mp4","texts":[1]}', 1, "texts: expected a list of texts"),
            (b'{"id":1,"op":"match","path":"","texts":["x"]}', 1, "path: 0 bytes, expected 1 to 4096"),
            (b'{"id":1,"op":"match","path":"a","texts":["x"],"wing":1}', 1, "wing: not a field of this request"),
            (b'{"id":1,"op":"match","path":"a","texts":["x"],"beams":1}', 1, "beams: not a field of this request"),
            (b'{"id":1,"op":"match","path":"a","texts":["x"],"frames":1.5}', 1, "frames: 1.5, expected a whole number"),
            (b'{"id":1,"op":"match","path":"a","texts":["x"],"start":2,"end":1}', 1, "end: not behind start"),
            (b'{"id":1,"op":"match","path":"a","texts":["x"],"itm_token":"x"}', 1,
             "itm_token: expected one of: enc, cls"),
            (b'{"id":1,"op":"embed","path":"a"}', 1, "what: missing"),
            (b'{"id":1,"op":"retrieve","texts":["x"]}', 1, "path: missing, and there is no `index`"),
            (b'{"id":1,"op":"caption","path":"a","start":1,"every":1}', 1,
             "start, end: not together with every, count, shots, merge or same_picture"),
        ]
        jobs = b"".join(text + b"\n" for text, _, _ in refused)
        run = self.work(jobs + b"\n \t\r\n" + line(id="last", **good).encode())
        answers = [json.loads(text) for text in run.lines]
        self.assertEqual([(a["id"], a["ok"], a.get("error")) for a in answers[:-1]],
                         [(name, False, error) for _, name, error in refused])
        self.assertEqual((answers[-1]["id"], answers[-1]["ok"]), ("last", True))

    def test_an_id_comes_back_as_it_was(self):
        ids = ["12345678901234567890", "1.50", '"\\u00e9\\/"', '{"a" : [1, {"id":2}]}', "null", "true", "-0",
               '""', "[ ]"]
        jobs = ['{ "op":"fly" , "id" : %s }' % text for text in ids]
        jobs += ['{"id":%s,"x":{"id":9}}' % text for text in ids]
        run = self.work("\n".join(jobs).encode())
        self.assertEqual([text.split(',"ok"')[0] for text in run.lines], ['{"id":' + text for text in ids + ids])

    def test_long_lines_are_passed_over(self):
        def padded(size):
            text = '{"id":1,"op":"fly","x":"'
            return text + "x" * (size - len(text) - 2) + '"}'

        run = self.work("\n".join([padded(MOST_LINE), padded(MOST_LINE + 1), padded(MOST_LINE * 5), '{"id":4}',
                                   padded(MOST_LINE + 7)]).encode())
        answers = [json.loads(text) for text in run.lines]
        self.assertEqual([answer["id"] for answer in answers], [1, None, None, 4, None])
        self.assertEqual(answers[1]["error"], "job: a line of more than %d bytes" % MOST_LINE)
        self.assertEqual([answers[k]["error"] for k in (2, 4)], [answers[1]["error"]] * 2)

    def test_every_beginning_of_a_job_is_answered(self):
        job = line(id=1, op="ask", path="a.mp4", texts=["\u00e9?"], answers=["a", "b"], frames=3, start=1.5)
        job = job.encode()[:-1]
        run = self.work(b"\n".join(job[:size] for size in range(1, len(job))))
        self.assertEqual(len(run.lines), len(job) - 1)
        for text in run.lines:
            self.assertFalse(json.loads(text)["ok"])

    def test_nothing_is_no_job(self):
        self.assertEqual(self.work(b"").out, "")

    def test_what_cannot_work_is_refused(self):
        self.assertIn("worker takes no operands", self.work(b"", "a.mp4", code=EXIT_MISUSED).err)
        self.assertIn("-o: not allowed here: ", self.work(b"", "-o", "x", code=EXIT_MISUSED).err)
        self.assertIn("--format: allowed for worker: jsonl", self.work(b"", "-f", "csv", code=EXIT_MISUSED).err)
        self.assertIn("/nope: ", self.work(b"", "--model", "/nope", code=EXIT_UNUSABLE).err)
        self.refused(EXIT_NO_DEVICE, "nodevice", "worker", "--device", "nodevice")


class WorkerMany(WorkerCase):
    """1,000 jobs, 5 % of them bad."""

    COUNT = 1000

    def resident(self, pid):
        for text in read("/proc/%d/status" % pid).decode().splitlines():
            if text.startswith("VmRSS:"):
                return int(text.split()[1]) / 1024
        raise AssertionError("no VmRSS")

    def wanted(self):
        """Rows of the command line by question and recording: few runs, each about all clips."""
        rows = {}
        for key, arguments in (("ask", ["qa", CLIPS, QUESTION]), ("match", ["match", CLIPS, *TEXTS]),
                               ("caption", ["caption", CLIPS, "--count", 1, "--beams", 1])):
            for text in self.cli(*arguments):
                rows.setdefault((key, json.loads(text)["path"]), []).append(text)
        rows["retrieve", CLIPS] = self.cli("retrieve", CLIPS, "a dog")
        return {key: ",".join(texts) for key, texts in rows.items()}

    def job(self, number):
        path = clip(number % 16 + 1)
        if number % 20 == 7:
            return [b"nope\n", line(id=number, op="ask", path="/none.mp4", texts=["x"]).encode(),
                    line(id=number, op="match", path=path, texts=1).encode()][number // 20 % 3], None
        if number % 50 == 9:
            return line(id=number, op="retrieve", path=CLIPS, texts=["a dog"]).encode(), ("retrieve", CLIPS)
        kind = ("ask", "match", "caption")[number // 16 % 3]
        more = {"ask": dict(texts=[QUESTION]), "match": dict(texts=TEXTS), "caption": dict(count=1, beams=1)}[kind]
        return line(id=number, op=kind, path=path, **more).encode(), (kind, path)

    def test_each_is_answered_as_by_the_command_line(self):
        wanted = self.wanted()
        jobs = [self.job(number) for number in range(self.COUNT)]
        whole = self.path("jobs")
        write(whole, b"".join(text for text, _ in jobs))
        began, sizes = time.monotonic(), {}
        with open(whole, "rb") as file:
            process = subprocess.Popen([BINARY, "worker", *CPU], env=environment(), stdin=file, stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL)
        for number, (text, key) in enumerate(jobs):
            answer = process.stdout.readline().decode().rstrip("\n")
            if number in (300, self.COUNT - 10):
                sizes[number] = self.resident(process.pid)
            if key:
                self.assertEqual(answer, '{"id":%d,"ok":true,"rows":[%s]}' % (number, wanted[key]))
            else:
                parsed = json.loads(answer)
                self.assertEqual((parsed["id"], parsed["ok"]), (None if text == b"nope\n" else number, False))
        self.assertEqual(process.stdout.read(), b"")
        self.assertEqual(process.wait(60), EXIT_DONE)
        process.stdout.close()
        first, last = sizes.values()
        print("%d jobs in %.1f s, resident %.1f MiB at 300, %.1f MiB at the end"
              % (self.COUNT, time.monotonic() - began, first, last))
        self.assertLess(last - first, 32)


class WorkerEnds(WorkerCase):
    def start(self):
        return subprocess.Popen([BINARY, "worker", *CPU], env=environment(), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def jobs(self, count, **more):
        return b"".join(line(id=i, op="caption", path=clip(i % 16 + 1), **more).encode() for i in range(count))

    def test_the_job_in_hand_is_finished(self):
        """Whatever was begun is answered whole, and nothing else is begun."""
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number=number):
                process = self.start()
                process.stdin.write(self.jobs(400, every=0.2))
                process.stdin.flush()
                lines = [process.stdout.readline() for _ in range(3)]
                process.send_signal(number)
                out, err = process.communicate(timeout=120)
                lines += out.splitlines(keepends=True)
                self.assertEqual(process.returncode, EXIT_INTERRUPTED, err)
                self.assertIn(b"vblip: interrupted; what was finished is kept\n", err)
                self.assertLess(len(lines), 400)
                self.assertEqual([json.loads(text)["id"] for text in lines], list(range(len(lines))))
                self.assertTrue(all(text.endswith(b"}\n") and json.loads(text)["ok"] for text in lines))

    def test_one_that_waits_ends_at_once(self):
        process = self.start()
        process.stdin.write(self.jobs(1))
        process.stdin.flush()
        process.stdout.readline()
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(60), EXIT_INTERRUPTED)
        self.assertLess(time.monotonic() - began, 10)
        process.communicate()

    def test_answers_come_as_they_are_known(self):
        process = self.start()
        for number in range(3):
            process.stdin.write(line(id=number, op="match", path=clip(1), texts=TEXTS).encode())
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], 60)
            self.assertTrue(ready)
            self.assertEqual(json.loads(process.stdout.readline())["id"], number)
        process.communicate()
        self.assertEqual(process.returncode, EXIT_DONE)

    def test_a_reader_that_leaves_ends_it(self):
        process = self.start()
        process.stdin.write(self.jobs(100))
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        self.assertEqual(process.wait(120), EXIT_DONE)
        err = process.stderr.read().decode()
        self.assertNotIn("Broken pipe", err)
        process.stdin.close()
        process.stderr.close()

    def test_output_that_fails_is_said(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([BINARY, "worker", *CPU], input=self.jobs(3), stdout=full, stderr=subprocess.PIPE,
                                  env=environment(), check=False, timeout=120)
        self.assertEqual(done.returncode, EXIT_UNUSABLE)
        self.assertIn(b"vblip: standard output: No space left on device", done.stderr)


if __name__ == "__main__":
    main()

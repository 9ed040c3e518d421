#!/usr/bin/env python3
"""What is cut and listed, opened by programs that are not ours, on films whose frames show their number."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse

from e2e_support import (BINARY, EXIT_INTERRUPTED, EXIT_MISUSED, EXIT_SOME_FAILED, EXIT_UNUSABLE, RETRIEVAL, SOURCE,
                         Case, environment, ffmpeg, main, make_video, parse, read, write)

sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
import make_media  # noqa: E402

RATE, SIDE = 25, make_media.COUNT_SIDE


def make_film(path, seconds=10, options=("-g", 30, "-bf", 3)):
    """Frame n shows n; a tone beside it."""
    argv = ["ffmpeg", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "gray", "-s", "%dx%d" % (SIDE, SIDE), "-r",
            RATE, "-i", "-", "-f", "lavfi", "-i", "sine=d=%d" % seconds, "-c:v", "libx264", "-pix_fmt", "yuv420p",
            *options, "-c:a", "aac", path]
    subprocess.run([str(a) for a in argv], input=make_media.numbered(0, seconds * RATE), check=True)
    return path


def numbers(path):
    """What the frames of a film show, as ffmpeg decodes them."""
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-map", "0:v:0", "-fps_mode", "passthrough", "-f",
                          "rawvideo", "-pix_fmt", "gray", "-"], stdout=subprocess.PIPE, check=True).stdout
    block, found = SIDE // 4, []
    for at in range(0, len(raw), SIDE * SIDE):
        bits = [raw[at + (b // 4 * block + block // 2) * SIDE + b % 4 * block + block // 2] > 127 for b in range(16)]
        found.append(sum(1 << b for b in range(16) if bits[b]))
    return found


def probe(path, *entries):
    done = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format", *entries, path],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=True)
    if done.stderr:
        raise AssertionError("ffprobe %s: %s" % (path, done.stderr.decode()))
    return json.loads(done.stdout)


def rows_of(*moments):
    return "".join(json.dumps({"path": p, "start": s, "end": e}) + "\n" for p, s, e in moments).encode()


class CutCase(Case):
    def cut(self, moments, *options):
        return parse("json", self.ok("cut", "-", "-f", "json", *options, stdin=rows_of(*moments)).out)


class Cuts(CutCase):
    def test_times_are_right_to_the_frame(self):
        film = make_film(self.path("film.mp4"))
        for kind in ("mp4", "mkv", "mov", "ts"):
            path = self.path("film." + kind)
            if kind != "mp4":
                ffmpeg("-i", film, "-c", "copy", path)
            for exact in (False, True):
                options = ("--exact",) if exact else ()
                moments = [(path, 0, 1), (path, 3.04, 5.36), (path, 9.6, 10)]
                rows = self.cut(moments, "-o", self.path(kind + "-exact" if exact else kind), *options)
                for row, (_, first, end) in zip(rows, moments):
                    shown = numbers(row["file"])
                    self.assertEqual(shown, list(range(round(row["cut_start"] * RATE), round(row["cut_end"] * RATE))))
                    self.assertLessEqual(row["cut_start"], first)
                    self.assertGreaterEqual(row["cut_end"], end)
                    if exact:
                        self.assertEqual((row["cut_start"], row["cut_end"]), (first, end))
                    self.check_sound(row)

    def check_sound(self, row):
        """It begins with the picture, and ends with it: to a packet of AAC."""
        streams = {s["codec_type"]: s for s in probe(row["file"])["streams"]}
        done = subprocess.run(["ffprobe", "-v", "error", "-of", "json", "-show_packets", "-select_streams", "a",
                               row["file"]], stdout=subprocess.PIPE, check=True)
        packets = json.loads(done.stdout)["packets"]
        begin = float(streams["video"]["start_time"])
        lasts = row["cut_end"] - row["cut_start"]
        self.assertAlmostEqual(float(packets[0]["pts_time"]) - begin, 0, delta=0.03)
        self.assertAlmostEqual(float(packets[-1]["pts_time"]) - begin, lasts, delta=0.06)

    def test_a_reel_holds_hits_one_after_another(self):
        film = make_film(self.path("film.mp4"))
        for options in ((), ("--exact",)):
            reel = self.path("reel%s.mp4" % len(options))
            rows = self.cut([(film, 6, 7), (film, 2, 3), (film, 6, 7)], "--reel", reel, *options)
            wanted = [n for row in rows for n in range(round(row["cut_start"] * RATE), round(row["cut_end"] * RATE))]
            self.assertEqual(numbers(reel), wanted)
            at = 0
            for row in rows:
                self.assertAlmostEqual(row["at"], at, places=3)
                at += row["cut_end"] - row["cut_start"]
            self.assertAlmostEqual(float(probe(reel)["format"]["duration"]), at, delta=0.06)

    def test_padding(self):
        film = make_film(self.path("film.mp4"))
        row = self.cut([(film, 1, 2)], "-o", self.path("out"), "--exact", "--pad", 0.4)[0]
        self.assertEqual((row["cut_start"], row["cut_end"]), (0.6, 2.4))
        self.assertEqual(numbers(row["file"]), list(range(15, 60)))

    def test_names(self):
        film = make_film(self.path("a film.v2.mp4"))
        rows = self.cut([(film, 1, 2), (film, 1.2, 2.2), (film, 5, 6)], "-o", self.path("new", "folder") + "/")
        self.assertEqual([os.path.relpath(row["file"], self.folder) for row in rows],
                         ["new/folder/a film.v2_00m01s-00m02s.mp4", "new/folder/a film.v2_00m01s-00m02s-2.mp4",
                          "new/folder/a film.v2_00m05s-00m06s.mp4"])

    def test_turning_and_tags_are_kept(self):
        film, turned = make_film(self.path("film.mp4")), self.path("turned.mp4")
        tagged = self.path("tagged.mp4")
        ffmpeg("-i", film, "-c", "copy", "-metadata", "title=Harbour", "-metadata:s:a:0", "language=fin", tagged)
        make_media.turn(tagged, turned, 90)
        for options in ((), ("--exact",)):
            row = self.cut([(turned, 1, 2)], "-o", self.path("out%d" % len(options)), *options)[0]
            found = probe(row["file"])
            streams = {s["codec_type"]: s for s in found["streams"]}
            self.assertEqual(found["format"]["tags"]["title"], "Harbour")
            self.assertEqual(streams["audio"]["tags"]["language"], "fin")
            self.assertIn("rotation", streams["video"]["side_data_list"][0])

    def test_subtitles_are_kept(self):
        film, both = make_film(self.path("film.mp4")), self.path("both.mkv")
        cues = write(self.path("cues.srt"), "1\n00:00:01,000 --> 00:00:04,000\nlong\n\n"
                                            "2\n00:00:06,000 --> 00:00:07,000\nlater\n\n")
        ffmpeg("-i", film, "-i", cues, "-c", "copy", "-c:s", "srt", both)
        row = self.cut([(both, 2, 6.5)], "-o", self.path("out"), "--exact")[0]
        done = subprocess.run(["ffmpeg", "-v", "error", "-i", row["file"], "-map", "0:s", "-f", "srt", "-"],
                              stdout=subprocess.PIPE, check=True)
        self.assertEqual(done.stdout.decode().split("\n")[1:3], ["00:00:00,000 --> 00:00:02,000", "long"])
        self.assertIn("00:00:04,000 --> 00:00:05,000\nlater", done.stdout.decode())


class CutRefusals(CutCase):
    def test_nothing_is_overwritten(self):
        film = make_film(self.path("film.mp4"), 2)
        out = self.path("out")
        row = self.cut([(film, 0, 1)], "-o", out)[0]
        before = read(row["file"])
        write(row["file"], "mine")
        rows = rows_of((film, 1, 2), (film, 0, 1))
        self.refused(EXIT_MISUSED, "exists; --overwrite", "cut", "-", "-o", out, stdin=rows)
        self.assertEqual(os.listdir(out), [os.path.basename(row["file"])])  # nor was the other made
        self.assertEqual(read(row["file"]), b"mine")
        self.ok("cut", "-", "-y", "-o", out, stdin=rows)
        self.assertEqual(read(row["file"]), before)
        os.replace(film, self.path("out", "film_00m00s-00m01s.mp4"))
        film = self.path("out", "film_00m00s-00m01s.mp4")
        alias = self.path("film.mp4")
        os.symlink(film, alias)
        whole = read(film)
        self.refused(EXIT_MISUSED, "a recording that is cut", "cut", "-", "-y", "-o", out, stdin=rows_of((alias, 0, 1)))
        self.refused(EXIT_MISUSED, "a recording that is cut", "cut", "-", "-y", "--reel", film,
                     stdin=rows_of((alias, 0, 1)))
        self.assertEqual(read(film), whole)

    def test_rows_that_are_none(self):
        good = rows_of(("a.mp4", 1, 2))
        for line, words in ((b"text", "not JSON"), (b"[1]", "not an object"), (b"{}", "path: missing"),
                            (b'{"path":"a","start":1}', "end: missing"), (b'{"path":"a","start":2,"end":1}', "end"),
                            (b'{"path":"a","start":"1","end":2}', "start: not a number"),
                            (b'{"path":7,"start":1,"end":2}', "path: not a string"), (b"\xff", "UTF-8")):
            run = self.exits(EXIT_MISUSED, "cut", "-", "-o", self.path("out"), stdin=good + line + b"\n")
            self.assertEqual(len(run.messages), 1, run.err)
            self.assertIn("standard input", run.err)
            self.assertRegex(run.err, "line 2|entry 2")
            self.assertFalse(os.path.exists(self.path("out")))
            if words != "not JSON":
                self.assertIn(words, run.err)

    def test_one_bad_recording_of_two(self):
        film = make_film(self.path("film.mp4"), 2)
        bad = write(self.path("bad.mp4"), "no film")
        run = self.exits(EXIT_SOME_FAILED, "cut", "-", "-f", "jsonl", "-o", self.path("out"),
                         stdin=rows_of((bad, 0, 1), (film, 0, 1), (film, 5, 6)))
        self.assertEqual([("error" in row) for row in parse("jsonl", run.out)], [True, False, True])
        self.assertEqual(os.listdir(self.path("out")), ["film_00m00s-00m01s.mp4"])
        run = self.exits(EXIT_UNUSABLE, "cut", "-", "--reel", self.path("reel.mp4"),
                         stdin=rows_of((film, 0, 1), (bad, 0, 1)))
        self.assertEqual(len(run.messages), 1, run.err)
        self.assertFalse(os.path.exists(self.path("reel.mp4")))

    def test_a_folder_that_cannot_be(self):
        film = make_film(self.path("film.mp4"), 2)
        write(self.path("file"), "mine")
        self.refused(EXIT_UNUSABLE, "file", "cut", "-", "-o", self.path("file"), stdin=rows_of((film, 0, 1)))
        self.assertEqual(read(self.path("file")), b"mine")
        self.assertEqual(sorted(os.listdir(self.folder)), ["file", "film.mp4"])

    def test_no_rows(self):
        run = self.ok("cut", "-", "-o", self.path("out"), stdin=b"")
        self.assertEqual((run.out, run.messages), ("", ["no match"]))
        self.assertFalse(os.path.exists(self.path("out")))

    def test_interrupted(self):
        film = make_video(self.path("film.mp4"), seconds=60, size="640x360", rate=25, options=("-preset", "ultrafast"))
        write(self.path("rows"), rows_of((film, 0, 60)))
        with open(self.path("rows"), "rb") as rows:
            run = subprocess.Popen([BINARY, "cut", "-", "--exact", "--reel", self.path("out.mp4")],
                                   stdin=rows, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
            deadline = time.time() + 60
            while not any(name.endswith(".tmp") for name in os.listdir(self.folder)) and time.time() < deadline:
                time.sleep(0.01)
            run.send_signal(signal.SIGINT)
            _, err = run.communicate(timeout=60)
        self.assertEqual(run.returncode, EXIT_INTERRUPTED, err)
        self.assertEqual(sorted(os.listdir(self.folder)), ["film.mp4", "rows"])


class Lists(Case):
    """Of a search: each hit is a second of one film, in the order of ranks."""

    def listed(self, kind):
        film = make_film(self.path("a, film %s.mp4" % kind), options=("-g", 25, "-bf", 2))
        search = ("--model", RETRIEVAL, "--segment", 1, "--top", 3, film, "a dog")
        rows = parse("json", self.ok("retrieve", *search, "-f", "json").out)
        path = self.path("hits." + kind)
        run = self.ok("retrieve", *search, "-o", path)
        self.assertEqual(run.out, "")
        return film, rows, path

    def test_m3u8(self):
        film, rows, path = self.listed("m3u8")
        lines = read(path).decode().splitlines()
        self.assertEqual(lines[0], "#EXTM3U")
        for row, extinf, first, last, name in zip(rows, *(lines[k::4] for k in range(1, 5))):
            self.assertTrue(extinf.startswith("#EXTINF:%.3f," % (row["end"] - row["start"])), extinf)
            lead = float(first.split("=")[1]) - row["start"]
            self.assertTrue(0 <= lead < 0.03, lead)  # the sound begins so much earlier
            self.assertAlmostEqual(float(last.split("=")[1]), row["end"] + lead, places=3)
            self.assertEqual(name, os.path.realpath(film))
        if shutil.which("mpv"):
            self.assertEqual(subprocess.run(["mpv", "--no-config", "--vo=null", "--ao=null", "--frames=1", path],
                                            stdout=subprocess.DEVNULL, check=False).returncode, 0)

    def test_edl(self):
        _, rows, path = self.listed("edl")
        self.assertEqual(read(path).decode().splitlines()[0], "# mpv EDL v0")
        if not shutil.which("mpv"):
            self.skipTest("mpv is not installed")
        subprocess.run(["mpv", "--no-config", "--msg-level=all=error", "--no-audio", "--vo=image", "--untimed",
                        "--vo-image-format=png", "--vo-image-outdir=" + self.path("shown"), path], check=True)
        ffmpeg("-i", self.path("shown", "%08d.png"), "-c:v", "ffv1", self.path("shown.mkv"))
        shown = numbers(self.path("shown.mkv"))
        runs = [[shown[0]]]
        for number in shown[1:]:
            if number == runs[-1][-1] + 1:
                runs[-1].append(number)
            else:
                runs.append([number])
        self.assertEqual(len(runs), len(rows), shown)
        for row, run in zip(rows, runs):
            self.assertAlmostEqual(run[0], row["start"] * RATE, delta=1)
            self.assertAlmostEqual(run[-1] + 1, row["end"] * RATE, delta=1)

    def test_otio(self):
        film, rows, path = self.listed("otio")
        clips = json.loads(read(path))["tracks"]["children"][0]["children"]
        self.assertEqual(len(clips), len(rows))
        try:
            import opentimelineio
        except ImportError:
            self.skipTest("opentimelineio is not installed")
        timeline = opentimelineio.adapters.read_from_file(path)
        found = list(timeline.find_clips() if hasattr(timeline, "find_clips") else timeline.each_clip())
        for row, clip in zip(rows, found):
            self.assertAlmostEqual(clip.source_range.start_time.to_seconds(), row["start"], delta=1e-6)
            self.assertAlmostEqual(clip.source_range.end_time_exclusive().to_seconds(), row["end"], delta=1e-6)
            self.assertEqual(clip.source_range.start_time.rate, RATE)
            self.assertEqual(clip.available_range().duration.value, 10 * RATE)
            self.assertEqual(urllib.parse.unquote(urllib.parse.urlparse(clip.media_reference.target_url).path),
                             os.path.realpath(film))
            self.assertEqual(clip.metadata["vblip"]["rank"], row["rank"])

    def test_a_contact_sheet(self):
        film, image = make_film(self.path("film.mp4")), self.path("still.png")
        ffmpeg("-ss", 1, "-i", film, "-frames:v", 1, image)
        sheet = self.path("sheet.png")
        search = ("retrieve", "--model", RETRIEVAL, "--segment", 1, "--top", 5, film, image, "a dog")
        rows = self.ok(*search, "--contact-sheet", sheet).out
        self.assertEqual(rows, self.ok(*search).out)
        stream = probe(sheet)["streams"][0]
        self.assertEqual((stream["codec_name"], stream["width"], stream["height"]), ("png", 1024, 560))
        self.refused(EXIT_MISUSED, "exists; --overwrite", *search, "--contact-sheet", sheet)
        self.refused(EXIT_MISUSED, "is an input", *search, "-y", "--contact-sheet", image)
        self.ok(*search, "-y", "--contact-sheet", sheet)

    def test_only_searches_are_listed(self):
        self.refused(EXIT_MISUSED, "allowed for match", "match", "x.mp4", "a dog", "-f", "edl")
        self.refused(EXIT_MISUSED, "allowed for cut", "cut", "-", "-o", "x", "-f", "otio")


if __name__ == "__main__":
    main()

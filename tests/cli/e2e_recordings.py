#!/usr/bin/env python3
"""Real recordings, odd files of the wild, and files that are long."""

import json
import os
import subprocess
import sys
import unittest

from e2e_support import (BINARY, CAPTION, DEMO, EXIT_DONE, RECORDINGS, RETRIEVAL, SOURCE, VQA, Case, clip, environment,
                         ffmpeg, main, make_image, make_video, parse, probe_subtitles, start, write)

sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
import make_media  # noqa: E402

# name: seconds, by ffprobe
REAL = {"vtest.avi": 79.5, "Megamind.avi": 11.261, "Megamind_bugy.avi": 9.0, "tree.avi": None}
REAL = {name: end for name, end in REAL.items() if os.path.exists(os.path.join(RECORDINGS, name))}

GROWTH_MIB = 8  # allowed between a file of one minute and one of ten


@unittest.skipUnless(len(REAL) >= 2 or os.environ.get("CI"), "the recordings of Debian's opencv-doc are not installed")
class RealRecordings(Case):
    def setUp(self):
        super().setUp()
        self.assertGreaterEqual(len(REAL), 2, "of Debian's opencv-doc; CI is set")

    def test_caption(self):
        for name, end in REAL.items():
            path = os.path.join(RECORDINGS, name)
            rows = parse("json", self.ok("caption", "--model", CAPTION, path, "--every", 4, "-f", "json").out)
            self.assertEqual([row["start"] for row in rows], [4.0 * k for k in range(len(rows))])
            self.assertEqual([row["end"] for row in rows[:-1]], [row["start"] for row in rows[1:]])
            self.assertTrue(rows[-1]["start"] < rows[-1]["end"] <= rows[-1]["start"] + 4)
            if end:
                self.assertEqual(rows[-1]["end"], end)

    def test_subtitles(self):
        for name in REAL:
            path = os.path.join(RECORDINGS, name)
            rows = parse("json", self.ok("caption", "--model", CAPTION, path, "--every", 4, "--merge", "-f", "json").out)
            for kind in ("srt", "vtt"):
                out = self.path("subtitles." + kind)
                self.ok("caption", "--model", CAPTION, path, "--every", 4, "-o", out)
                self.check_cues(probe_subtitles(out), rows)

    def test_captions_show_the_frame_of_their_time(self):
        """The caption at time t is that of a film of the one picture which ffmpeg shows at t."""
        path = os.path.join(RECORDINGS, "vtest.avi")
        rows = parse("json", self.ok("caption", "--model", CAPTION, path, "--every", 20, "-f", "json").out)
        self.assertEqual(len({row["score"] for row in rows}), 4)
        for row in rows:
            alone = self.path("alone.mkv")
            ffmpeg("-i", path, "-vf", "select=gte(t\\,%s)" % row["start"], "-frames:v", 1, "-c:v", "ffv1", alone)
            only = parse("json", self.ok("caption", "--model", CAPTION, alone, "-f", "json").out)[0]
            self.assertEqual((only["caption"], only["score"]), (row["caption"], row["score"]))

    def test_retrieve_and_qa(self):
        paths = [os.path.join(RECORDINGS, name) for name in REAL]
        rows = parse("json", self.ok("retrieve", "--model", RETRIEVAL, *paths, "people walking", "--segment", "whole",
                                     "-f", "json").out)
        self.assertEqual(sorted(row["path"] for row in rows), sorted(paths))
        for row in rows:
            self.assertEqual(row["start"], 0)
            self.assertEqual(row["end"], REAL[os.path.basename(row["path"])] or row["end"])
        answers = parse("json", self.ok("qa", "--model", VQA, "-f", "json", paths[0], "what is it?").out)
        self.assertEqual([row["path"] for row in answers], paths[:1])


class OddFiles(Case):
    """Files that cameras and editors make."""

    def captions(self, name, seconds, rate, *options, rows=4):
        path = make_video(self.path(name), seconds=seconds, rate=rate, options=options)
        found = parse("json", self.ok("caption", "--model", CAPTION, path, "--every", 0.5, "-f", "json").out)
        self.assertEqual([row["start"] for row in found], [0.5 * k for k in range(rows)], path)
        hit = parse("json", self.ok("match", "--model", RETRIEVAL, path, "a dog", "-f", "json").out)
        self.assertEqual(len(hit), 1)
        return found

    def test_containers_and_codecs(self):
        for name, *options in (("a.mkv",), ("a.webm", "-c:v", "libvpx"), ("a.avi", "-c:v", "mpeg4"), ("a.mov",),
                               ("a.ts",), ("a.mpg", "-r", "25"), ("a.flv",), ("a.wmv",),
                               ("a.3gp", "-c:v", "mpeg4"), ("b.mp4", "-c:v", "libx265", "-x265-params", "log-level=error"), ("c.mp4", "-bf", "3")):
            with self.subTest(name=name):
                self.captions(name, 2, 10, *options)

    def test_odd_sizes_and_deep_colours(self):
        path = self.path("odd.mkv")
        ffmpeg("-f", "lavfi", "-i", "testsrc2=duration=1:size=63x47:rate=10", "-pix_fmt", "yuv444p10le", "-c:v", "ffv1",
               path)
        self.ok("caption", "--model", CAPTION, path)

    def test_a_rotated_recording(self):
        """A phone's film: stored lying, shown upright. The first frame is captioned as its picture is."""
        upright = make_video(self.path("upright.mp4"), seconds=1, size="48x96", options=("-c:v", "libx264", "-qp", "0"))
        lying, turned = self.path("lying.mp4"), self.path("turned.mp4")
        ffmpeg("-i", upright, "-vf", "transpose=cclock", "-c:v", "libx264", "-qp", "0", lying)
        make_media.turn(lying, turned, 90)
        probed = subprocess.run(["ffprobe", "-v", "error", "-show_streams", turned], stdout=subprocess.PIPE, check=True)
        self.assertIn(b"rotation=", probed.stdout)
        rows = {p: parse("json", self.ok("match", "--model", RETRIEVAL, p, "a dog", "-f", "json").out)[0]
                for p in (upright, lying, turned)}
        self.assertAlmostEqual(rows[turned]["itc"], rows[upright]["itc"], places=2)
        self.assertNotAlmostEqual(rows[lying]["itc"], rows[upright]["itc"], places=2)

    def test_a_variable_frame_rate(self):
        path = self.path("vfr.mkv")
        ffmpeg("-f", "lavfi", "-i", "testsrc2=duration=3:size=64x48:rate=10", "-vf",
               "select=not(between(t\\,0.55\\,2.05))", "-fps_mode", "vfr", path)
        rows = parse("json", self.ok("caption", "--model", CAPTION, path, "--every", 1, "-f", "json").out)
        self.assertEqual([(r["start"], r["end"]) for r in rows], [(0, 1), (1, 3)])  # the frame of 0.5 s is shown until 2.1 s

    def test_a_picture_that_begins_behind_the_sound(self):
        """Subtitles count from where a player begins, all other formats from the first frame."""
        for name, delay in (("late.mp4", 2), ("late.mkv", 2), ("late.ts", 2), ("late.flv", 2), ("plain.mp4", 0)):
            path = self.path(name)
            ffmpeg("-f", "lavfi", "-i", "sine=duration=4", "-itsoffset", delay, "-f", "lavfi", "-i",
                   "testsrc2=duration=2:size=64x48:rate=10", "-pix_fmt", "yuv420p", "-fps_mode", "passthrough",
                   "-c:a", "aac", path)
            rows = parse("json", self.ok("caption", "--model", CAPTION, path, "--merge", "-f", "json").out)
            self.assertEqual(rows[0]["start"], 0)
            for kind in ("srt", "vtt"):
                out = self.path("cues." + kind)
                self.ok("caption", "--model", CAPTION, path, "-o", out)
                cues = probe_subtitles(out)
                self.assertEqual(len(cues), len(rows))
                for (start, end, _), row in zip(cues, rows):
                    # sound may begin with a fraction of a frame that is there for its codec
                    self.assertAlmostEqual(start, row["start"] + delay, delta=0.05, msg=path)
                    self.assertAlmostEqual(end, row["end"] + delay, delta=0.05, msg=path)

    def test_a_codec_that_changes_within_a_stream_is_counted(self):
        """H.264, then H.265: no frame of the first answers for one of the second."""
        first, second, path = self.path("first.ts"), self.path("second.ts"), self.path("codecs.ts")
        make_media.count(first, make_media.X264 + ["-g", "12", "-pix_fmt", "yuv420p"], frames=30)
        make_media.count(second, make_media.X265 + [make_media.X265_PARAMS + "0"], first=30, frames=30)
        with open(path, "wb") as out:
            for part in (first, second):
                with open(part, "rb") as file:
                    out.write(file.read())
        run = self.exits(4, "caption", "--model", CAPTION, path, "--every", "1f", "-f", "json")
        self.assertIn("frames decode", run.err)
        # FFmpeg 9 makes one packet of the last of the first and the first of the second
        self.assertIn(len([row for row in parse("json", run.out) if "caption" in row]), (29, 30))

    def test_a_song_with_a_cover_is_a_picture_or_refused(self):
        cover = self.path("cover.png")
        ffmpeg("-i", clip(1), "-frames:v", 1, cover)
        song = self.path("song.mp4")
        ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-i", cover, "-map", "0", "-map", "1", "-c:v", "png",
               "-disposition:v:0", "attached_pic", song)
        run = self.exits(4, "caption", "--model", CAPTION, song)
        self.assertIn("no video", run.err)


class LongFiles(Case):
    def peak(self, path, *arguments):
        """Peak resident memory of a run, in MiB."""
        code = ("import resource, subprocess, sys\n"
                "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode\n"
                "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
        env = environment()
        argv = [sys.executable, "-c", code, BINARY, *arguments, path]
        done = subprocess.run(argv, env=env, stdout=subprocess.PIPE, check=True)
        status, kibibytes = map(int, done.stdout.split())
        self.assertEqual(status, EXIT_DONE)
        return kibibytes / 1024

    def test_memory_is_flat(self):
        """Ten minutes need no more memory than one: every packet passed over, a frame read here and there.

        Measured where the allocator is the system's: AddressSanitizer's keeps freed blocks back and rounds the others
        up, by tens of MiB. Under it the same runs are held against leaks alone.
        """
        long, short = (make_video(self.path("%d.mp4" % s), seconds=s, size="160x120", rate=25,
                                  options=("-g", "250", "-preset", "ultrafast"))
                       for s in (600, 60))
        asked = write(self.path("questions"), "what is it?\n")
        for arguments in (["caption", "--model", CAPTION, "--every", "5"],  # more than are captioned at once
                          ["caption", "--model", CAPTION, "--count", "20", "--merge"],
                          ["caption", "--model", CAPTION, "--shots"],
                          ["qa", "--model", VQA, "--segment", "20", "--frames", "4", "--questions", asked]):
            with self.subTest(arguments=arguments):
                growth = self.peak(long, *arguments) - self.peak(short, *arguments)
                if "ASAN_OPTIONS" not in environment():
                    self.assertLess(growth, GROWTH_MIB)


class BytesRead(Case):
    """What a run reads of its input, counted by the kernel."""

    SLACK = 1 << 20  # bytes: the container's head, and what the demuxer looks at to know its codecs
    AHEAD = 32  # packets read behind a wanted one: the decoder's delay, on every thread

    def counted(self, *arguments):
        process = start(*arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        with open("/proc/%d/io" % process.pid, encoding="ascii") as file:
            counts = dict(line.split(": ") for line in file.read().splitlines())
        self.assertEqual(process.wait(), EXIT_DONE)
        return int(counts["rchar"])

    def read(self, path, *arguments):
        """Bytes of the run that are not also read with a film of two kilobytes; `path` is the last argument. The others
        are the same in all runs of a test."""
        tiny = self.path("tiny.mp4")
        if not os.path.exists(tiny):
            make_video(tiny, seconds=1, size="32x32", rate=2)
            self.counted(*arguments, tiny)  # fills the pipeline cache
            self.besides = self.counted(*arguments, tiny)
        return self.counted(*arguments, path) - self.besides

    def needed(self, path, frames):
        """Bytes from the key frame of each sampled frame to a little behind it."""
        probe = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
                                "packet=pts,size,flags", "-of", "json", path], stdout=subprocess.PIPE, check=True)
        packets = json.loads(probe.stdout)["packets"]
        shown = sorted(range(len(packets)), key=lambda i: int(packets[i]["pts"]))
        wanted = set()
        for k in range(frames):
            at = key = shown[k * (len(packets) // frames)]
            while "K" not in packets[key]["flags"]:
                key -= 1
            wanted.update(range(key, min(at + self.AHEAD, len(packets))))
        return sum(int(packets[i]["size"]) for i in wanted)

    def test_caption_reads_a_file_once(self):
        film = make_video(self.path("film.mp4"), seconds=8, size="640x360", rate=25,
                          options=("-preset", "ultrafast", "-qp", "18", "-g", "50"))
        for name, *options in (("copy.mov", "-c", "copy"), ("copy.mkv", "-c", "copy"), ("copy.ts", "-c", "copy"),
                               ("copy.avi", "-c", "copy"), ("copy.flv", "-c", "copy"),
                               ("parts.mp4", "-c", "copy", "-movflags", "frag_keyframe+empty_moov"),
                               ("new.mpg", "-q:v", "2"), ("new.webm", "-c:v", "libvpx", "-b:v", "4M", "-deadline",
                                                          "realtime", "-cpu-used", "8")):
            path = self.path(name)
            ffmpeg("-i", film, *options, path)
            with self.subTest(name=name):
                read = self.read(path, "caption", "--model", CAPTION, "--every", 4, "-f", "json")
                self.assertLess(read, 1.1 * os.path.getsize(path))

    def test_retrieve_reads_what_the_frames_need(self):
        film = make_video(self.path("film.mp4"), seconds=40, size="640x360", rate=25,
                          options=("-preset", "ultrafast", "-qp", "14", "-g", "50", "-movflags", "faststart"))
        needed, size = self.needed(film, 8), os.path.getsize(film)
        self.assertLess(needed + self.SLACK, size * 2 / 3)
        read = self.read(film, "retrieve", "--model", RETRIEVAL, "--frames", 8, "--segment", "whole", "-e", "a dog")
        self.assertLess(read, needed + self.SLACK)

    def test_index_reads_a_film_once(self):
        """Its shots, its frames and its hash come of one reading, whatever a picture of it costs besides."""
        for name in ("film.mov", "film.mkv"):
            with self.subTest(name=name):
                film = self.path(name)
                ffmpeg("-f", "lavfi", "-i", "testsrc2=duration=40:size=64x48:rate=10,hue=H=floor(t/4)",
                       "-f", "lavfi", "-i", "anoisesrc=duration=40:sample_rate=48000", "-ac", 2,
                       "-c:a", "pcm_s16le", "-pix_fmt", "yuv420p", "-g", 20, film)
                image = make_image(self.path(name + ".png"), film)
                size = os.path.getsize(film)
                of_film, of_image = (self.counted("index", path, "--index", path + ".index", "--model", DEMO)
                                     for path in (film, image))
                self.assertGreater(of_film - of_image, 0.95 * size)
                self.assertLess(of_film - of_image, 1.15 * size)


if __name__ == "__main__":
    main()

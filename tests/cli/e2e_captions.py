#!/usr/bin/env python3
"""e2e_captions.py - captions as files that players open: subtitles beside whole folders of recordings.

What is written is read by ffprobe. By hand: see e2e_support.py.
"""

import json
import os
import shutil
import subprocess

from e2e_support import (CAPTION, EXIT_MISUSED, EXIT_SOME_FAILED, EXIT_UNUSABLE, Case, clip, ffmpeg, main, make_image,
                         parse, probe_subtitles, read, said_of_clips, write)


class Neighbours(Case):
    def test_words_that_flicker_while_a_picture_stays(self):
        """Four bundled clips, shaken, with noise and flickering light: a subtitle each, and what they show."""
        film, clips = self.path("film.mp4"), (1, 3, 5, 6)
        inputs = [part for number in clips for part in ("-stream_loop", -1, "-t", 3, "-i", clip(number))]
        shake = "crop=384:384:18+16*sin(2*t):18+16*cos(1.7*t),eq=brightness=0.06*sin(3*t):eval=frame,noise=alls=14:allf=t"
        graph = ";".join("[%d:v]fps=25,trim=duration=3,setpts=PTS-STARTPTS,scale=420:420,%s,setsar=1[v%d]" % (k, shake, k)
                         for k in range(4)) + ";" + "".join("[v%d]" % k for k in range(4)) + "concat=n=4"
        ffmpeg(*inputs, "-filter_complex", graph, "-pix_fmt", "yuv420p", film)

        def cues(*arguments):
            self.ok("caption", film, "--every", 0.5, "-o", self.path("film.srt"), *arguments)
            return probe_subtitles(self.path("film.srt"))

        found = cues()
        self.assertEqual([cue[:2] for cue in found], [(0, 3), (3, 6), (6, 9), (9, 12)])
        said = said_of_clips("captions")
        self.assertEqual([cue[2].replace("\n", " ") for cue in found], [said[n - 1]["caption"] for n in clips])
        self.assertGreater(len(cues("--same-picture", 0)), 4)
        rows = parse("json", self.ok("caption", film, "--every", 0.5, "-f", "json").out)
        self.assertEqual(len(rows), 24)  # which are as they were
        merged = parse("json", self.ok("caption", film, "--every", 0.5, "--same-picture", 0.98, "-f", "json").out)
        self.assertEqual([(row["start"], row["end"]) for row in merged], [(0, 3), (3, 6), (6, 9), (9, 12)])

    def test_a_checkpoint_without_itc(self):
        out = self.path("film.srt")
        run = self.ok("caption", "--model", CAPTION, clip(1), "-o", out, "-v")
        self.assertIn("merged by their text alone: the checkpoint has no ITC", run.err)
        self.refused(EXIT_UNUSABLE, "this checkpoint holds: caption", "caption", "--model", CAPTION, clip(1),
                     "--same-picture", 0.9)


class Folders(Case):
    def caption(self, *arguments, **how):
        return self.exits(how.pop("code", 0), "caption", "--model", CAPTION, "-f", "srt", self.folder, *arguments, **how)

    def test_what_has_subtitles_is_left_out(self):
        for name in ("one.mp4", "two.mp4"):
            shutil.copy(clip(10), self.path(name))
        mine = write(self.path("one.srt"), "mine")
        run = self.caption("--skip-existing")
        self.assertEqual(run.messages, ["vblip: 1 of 2 inputs left out: it has subtitles already"])
        self.assertEqual(read(mine), b"mine")
        self.assertTrue(probe_subtitles(self.path("two.srt")))
        before = os.stat(self.path("two.srt")).st_mtime_ns
        shutil.copy(clip(2), self.path("three.mp4"))
        run = self.caption("--skip-existing")
        self.assertEqual(run.messages, ["vblip: 2 of 3 inputs left out: they have subtitles already"])
        self.assertEqual(os.stat(self.path("two.srt")).st_mtime_ns, before)
        self.only_files("one.mp4", "one.srt", "two.mp4", "two.srt", "three.mp4", "three.srt")
        # nothing left: done, without a model
        self.exits(0, "caption", "--model", "/nowhere", "-f", "srt", "--skip-existing", self.folder)
        self.refused(EXIT_MISUSED, "exists", "caption", "--model", CAPTION, "-f", "srt", self.folder)

    def test_pictures_among_videos_are_left_out(self):
        shutil.copy(clip(10), self.path("film.mp4"))
        image = make_image(self.path("poster.png"), clip(1))
        run = self.caption()
        self.assertEqual(run.messages, ["vblip: 1 image left out: subtitles need times"])
        self.only_files("film.mp4", "film.srt", "poster.png")
        run = self.caption(image, "-y", code=EXIT_MISUSED)  # twice
        os.remove(self.path("film.srt"))
        run = self.exits(EXIT_SOME_FAILED, "caption", "--model", CAPTION, "-f", "srt", image, self.path("film.mp4"))
        self.assertIn("an image has no times", run.err)


class Copies(Case):
    """caption --mux: shots that begin at frames 31 and 78 of 25 a second, with B-frames, sound and chapters."""

    CUTS = (0, 31, 78, 120)

    def film(self, name="film.mp4"):
        meta = write(self.path("meta.txt"), ";FFMETADATA1\ntitle=Tree\n[CHAPTER]\nTIMEBASE=1/10\nSTART=0\nEND=48\n"
                                            "title=mine\n")
        parts = ["testsrc2", "smptebars", "mandelbrot"]
        spans = zip(parts, self.CUTS, self.CUTS[1:])
        graph = ";".join("%s=size=96x72:rate=25,trim=end_frame=%d,format=yuv420p,setsar=1[v%d]" % (part, end - start, k)
                         for k, (part, start, end) in enumerate(spans)) + ";[v0][v1][v2]concat=n=3[v]"
        film = self.path(name)
        ffmpeg("-filter_complex", graph, "-f", "lavfi", "-i", "sine=duration=4.8", "-i", meta, "-map", "[v]", "-map", "0:a",
               "-map_metadata", 1, "-bf", 2, "-metadata:s:a", "language=deu", film)
        os.remove(meta)
        return film

    def probe(self, path, *entries):
        done = subprocess.run(["ffprobe", "-v", "error", "-of", "json", *entries, path], stdout=subprocess.PIPE, check=True)
        return json.loads(done.stdout)

    def check_copy(self, film, copy, codec):
        """Cues begin and end with the frames of their shots; what the film had is there as it was."""
        packets = self.probe(copy, "-select_streams", "v", "-show_entries", "packet=pts_time")["packets"]
        first = min(float(packet["pts_time"]) for packet in packets)
        cues = [p for p in self.probe(copy, "-select_streams", "s", "-show_entries", "packet")["packets"]
                if int(p["size"]) > 2]
        starts = [round((float(cue["pts_time"]) - first) * 25, 1) for cue in cues]
        ends = [start + round(float(cue["duration_time"]) * 25, 1) for start, cue in zip(starts, cues)]
        self.assertLessEqual(set(self.CUTS[:-1]), set(starts))  # a long caption is two cues
        for end, start in zip(ends, starts[1:] + [120]):
            self.assertAlmostEqual(end, start, delta=0.11)
        shown = self.probe(copy, "-show_streams", "-show_format", "-show_chapters")
        texts = [s for s in shown["streams"] if s["codec_type"] == "subtitle"]
        self.assertEqual([(s["codec_name"], s["tags"]["language"], s["disposition"]["default"]) for s in texts],
                         [(codec, "eng", 1)])
        self.assertIn("vblip", str(texts[0]["tags"]))
        self.assertEqual(shown["format"]["tags"]["title"], "Tree")
        self.assertEqual([c["tags"]["title"] for c in shown["chapters"]], ["mine"])
        kept = [[s["tags"].get("language") for s in found["streams"] if s["codec_type"] == "audio"]
                for found in (self.probe(film, "-show_streams"), shown)]
        self.assertEqual(*kept)
        for kind in "va":
            hashes = [subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-map", "0:" + kind, "-c", "copy", "-f", "data",
                                      "-"], stdout=subprocess.PIPE, check=True).stdout for path in (film, copy)]
            self.assertEqual(hashes[0], hashes[1])

    def mux(self, *arguments, **how):
        return self.exits(how.pop("code", 0), "caption", "--model", CAPTION, "--shots", "--same-picture", 0, "--mux",
                          *arguments, **how)

    def test_a_copy_has_a_track_of_captions(self):
        for name, codec in (("film.mp4", "mov_text"), ("film.mov", "mov_text"), ("film.mkv", "subrip")):
            film = self.film(name)
            before = read(film)
            run = self.mux(film)
            self.assertEqual((run.out, run.err), ("", ""))
            self.check_copy(film, self.path(name.replace(".", ".captions.")), codec)
            self.assertEqual(read(film), before)
        webm = self.path("film.webm")
        ffmpeg("-i", film, "-map", "0:v", "-map", "0:a", "-c:v", "libvpx", "-c:a", "libvorbis", webm)
        self.mux(webm)
        self.check_copy(webm, self.path("film.captions.webm"), "webvtt")

    def test_captions_as_chapters(self):
        film = self.film()
        out = self.path("out.mkv")
        rows = parse("json", self.ok("caption", "--model", CAPTION, "--shots", film, "--merge", "-f", "json").out)
        self.mux(film, "--chapters", "-o", out)
        chapters = self.probe(out, "-show_chapters")["chapters"]
        self.assertEqual([(c["start"] / 1e9 if c["time_base"] == "1/1000000000" else float(c["start_time"]),
                           float(c["end_time"]), c["tags"]["title"]) for c in chapters],
                         [(row["start"], row["end"], row["caption"]) for row in rows])

    def test_a_folder_is_kept_up_to_date(self):
        self.film("one.mp4")
        self.mux(self.folder)
        self.only_files("one.captions.mp4", "one.mp4")
        copy = read(self.path("one.captions.mp4"))
        self.refused(EXIT_MISUSED, "one.captions.mp4: exists", "caption", "--model", CAPTION, "--mux", self.folder)
        shutil.copy(self.path("one.mp4"), self.path("two.mp4"))
        run = self.mux(self.folder, "--skip-existing")
        self.assertEqual(run.messages, ["vblip: 1 of 2 inputs left out: it has subtitles already"])
        self.assertEqual(read(self.path("one.captions.mp4")), copy)
        self.only_files("one.captions.mp4", "one.mp4", "two.captions.mp4", "two.mp4")

    def test_nothing_is_replaced_or_half_written(self):
        film = self.film()
        before = read(film)
        mine = write(self.path("mine.mkv"), "mine")
        listed = sorted(os.listdir(self.folder))
        common = ("caption", "--model", CAPTION, "--shots", "--mux", film)
        self.refused(EXIT_MISUSED, "film.mp4: is an input", *common, "-o", film, "-y")
        self.refused(EXIT_MISUSED, "mine.mkv: exists", *common, "-o", mine)
        self.refused(EXIT_MISUSED, "x.avi: takes no subtitles; mp4, m4v, mov, mkv and webm do", *common, "-o",
                     self.path("x.avi"))
        self.refused(EXIT_MISUSED, "one input is allowed with --mux, not 2", *common, clip(1), "-o", self.path("x.mkv"))
        self.refused(EXIT_MISUSED, "--mux needs -o FILE", *common[:-1], "-", stdin=before)
        self.refused(EXIT_UNUSABLE, "h264 cannot be copied to webm; mkv takes it", *common, "-o", self.path("x.webm"))
        self.refused(EXIT_UNUSABLE, "No such file or directory", *common, "-o", self.path("no/x.mkv"))
        bad = write(self.path("bad.mp4"), before[:len(before) * 2 // 3])
        self.mux(bad, code=EXIT_UNUSABLE)
        os.remove(bad)
        self.assertEqual(sorted(os.listdir(self.folder)), listed)
        self.assertEqual((read(film), read(mine)), (before, b"mine"))
        self.mux(film, "-o", mine, "-y")
        self.check_copy(film, mine, "subrip")


if __name__ == "__main__":
    main()

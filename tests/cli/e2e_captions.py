#!/usr/bin/env python3
"""e2e_captions.py - captions as files that players open: subtitles beside whole folders of recordings.

What is written is read by ffprobe. By hand: see e2e_support.py.
"""

import os
import shutil

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


if __name__ == "__main__":
    main()

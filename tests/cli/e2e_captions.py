#!/usr/bin/env python3
"""e2e_captions.py - captions as files that players open: subtitles beside whole folders of recordings.

What is written is read by ffprobe. By hand: see e2e_support.py.
"""

import os
import shutil

from e2e_support import (CAPTION, EXIT_MISUSED, EXIT_SOME_FAILED, Case, clip, main, make_image, probe_subtitles, read,
                         write)


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

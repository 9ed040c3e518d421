#!/usr/bin/env python3
"""A library that is kept for years: indexed once, killed in the middle, moved, damaged, locked.

The same is found with an index as without one, to the last bit of ITC; a killed run loses the
recording in flight and nothing else; what is wrong with an index is one line that says what to do.
"""

import fcntl
import os
import random
import shutil
import signal
import sqlite3
import struct
import subprocess
import time

from e2e_support import (BINARY, CLIPS, DEMO, EXIT_DONE, EXIT_INTERRUPTED, EXIT_MISUSED, EXIT_SOME_FAILED,
                         EXIT_UNUSABLE, LibraryCase, clip, distinct, ffmpeg, main, parse, read, start,
                         vblip, write)

QUERY = "a dog to the left of a violin"
DEMO_NOTICE = "vblip: the bundled demo model answers; "
BLOCK = 256


def contents(index, mode="ro"):
    """{path: [(start, end, vector bytes)]} of an index, by SQLite alone."""
    database = sqlite3.connect("file:%s?mode=%s" % (index, mode), uri=True)
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    size = 2 * int(database.execute("SELECT value FROM stamp WHERE name = 'dims'").fetchone()[0])
    blocks = dict(database.execute("SELECT number, data FROM blocks"))
    found = {}
    for path, places in database.execute("SELECT path, segments FROM recordings WHERE error IS NULL"):
        rows = []
        for place in struct.unpack("<%dQ" % (len(places) // 8), places):
            data, at = blocks[place // BLOCK], place % BLOCK
            spans = 8 + 8 * BLOCK
            span = struct.unpack_from("<2q", data, spans + 16 * at)
            first = spans + 16 * BLOCK + size * at
            assert first + size <= len(data)
            rows.append((*span, data[first:first + size]))
        found[path] = rows
    database.close()
    return found


class SameAnswers(LibraryCase):
    """What is found does not depend on where vectors lie."""

    def test_index_memory_and_batches_agree(self):
        want = parse("json", self.retrieve("--no-index", CLIPS, QUERY, "--top", 16, "-f", "json").out)
        self.assertFalse(os.path.exists(self.path("data")))
        runs = (
            (CLIPS,),
            (CLIPS,),  # from the index
            (CLIPS, "--batch", 3),
            (CLIPS, "--threads", 1),
            (CLIPS, "--index", self.path("named.index")),
        )
        for arguments in runs:
            with self.subTest(arguments=arguments):
                rows = parse("json", self.retrieve(*arguments, "-e", QUERY, "--top", 16, "-f", "json").out)
                self.assertEqual([row["path"] for row in rows], [row["path"] for row in want])
                self.assertEqual([row["itc"] for row in rows], [row["itc"] for row in want])
                for row, other in zip(rows, want):
                    self.assertAlmostEqual(row["itm_logit"], other["itm_logit"], places=4)

    def test_folders_files_and_folders_in_folders(self):
        films = self.clips(4)
        os.makedirs(os.path.join(films, "2024"))
        distinct(os.path.join(films, "2024", "new.mp4"), 77, clip(7))
        other = self.clips(2, "other")
        self.index(films)
        names = lambda done: sorted(line.rsplit("/", 1)[1] for line in done.lines)  # noqa: E731
        # A folder in one that is indexed is searched in that index, and alone.
        inner = self.retrieve(os.path.join(films, "2024"), "-e", QUERY, "-l")
        self.assertEqual(names(inner), ["new.mp4"])
        self.assertEqual(len([n for n in os.listdir(self.path("data/vblip")) if n.endswith(".index")]), 1)
        both = self.retrieve(films, other, clip(1), "-e", QUERY, "-l", "--top", 20)
        self.assertEqual(len(both.lines), 8)
        self.assertEqual(len([n for n in os.listdir(self.path("data/vblip")) if n.endswith(".index")]), 2)

    def test_segments_of_a_long_recording(self):
        """Two minutes whose scenes are known: a hit is a shot, and begins where it does."""
        os.makedirs(self.path("films"))
        self.film(self.path("films/long.mp4"), range(1, 17))
        rows = parse("json", self.retrieve(self.path("films"), QUERY, "--top", 50, "-f", "json").out)
        self.assertGreaterEqual(len(rows), 16)
        rows.sort(key=lambda row: row["start"])
        for before, after in zip(rows, rows[1:]):  # nothing between them is lost
            self.assertEqual(before["end"], after["start"])
        self.assertEqual(rows[0]["start"], 0)
        self.assertAlmostEqual(rows[-1]["end"], 112, delta=0.1)
        best = max(rows, key=lambda row: row["score"])
        self.assertEqual(best["rank"], 1)
        self.assertLessEqual(21 - 0.04, best["start"])  # clip 4, as its own file is found
        self.assertLessEqual(best["end"], 28 + 0.04)


    def test_scores_do_not_depend_on_how_many_are_asked_about(self):
        """Of a segment the same frames are seen, whether it is a candidate alone or beside others."""
        films = self.path("films")
        os.makedirs(films)
        ffmpeg("-stream_loop", 5, "-i", clip(4), "-f", "lavfi", "-i", "color=black:size=128x128:rate=25:duration=10",
               "-filter_complex", "[0]scale=128:128,fps=25,split[a][b];[1]split[c][d];[a][c][b][d]concat=n=4,setsar=1",
               "-t", 58, "-c:v", "libx264", "-pix_fmt", "yuv420p", os.path.join(films, "film.mp4"))
        scores = {}
        for count in (1, 2, 6):
            rows = parse("json", self.retrieve(films, QUERY, "--segment", 8, "--rerank", count, "--cache-gb", 0, "-f",
                                               "json").out)
            for row in rows:
                if row["itm_logit"] is not None:
                    scores.setdefault(row["start"], set()).add(row["itm_logit"])
        self.assertGreater(len(scores), 3)
        for start, seen in scores.items():
            self.assertEqual(len(seen), 1, (start, seen))


class Searches(LibraryCase):
    """For more than a query: what is like a picture, what follows what, some of the hits."""

    SCENES = (1, 4, 9, 6, 4, 2, 4, 3)  # 7 s each
    TELEVISIONS = "three televisions on an orange background"  # 6

    def setUp(self):
        super().setUp()
        os.makedirs(self.path("films"))
        self.long = self.film(self.path("films/long.mp4"), self.SCENES)

    def rows(self, *arguments):
        return parse("json", self.retrieve(*arguments, "-f", "json").out)

    def scene(self, start):
        return self.SCENES[round(start / 7)]

    def test_like_a_part_of_a_recording(self):
        rows = self.rows(self.path("films"), "--like", self.long + "@21-28", "--segment", 7)
        self.assertEqual((rows[0]["query"], rows[0]["start"], rows[0]["itm_logit"]), (None, 21, None))
        self.assertGreater(rows[0]["itc"], 0.999)
        rows = self.rows(self.path("films"), "--like", clip(4), "--segment", 7)
        self.assertEqual({self.scene(row["start"]) for row in rows[:3]}, {4})
        rows = self.rows(self.path("films"), "--like", clip(4), "--unlike", clip(4), "--like", clip(6), "--segment", 7)
        self.assertEqual(self.scene(rows[0]["start"]), 6)
        rows = self.rows(self.path("films"), "-e", QUERY, "--like", clip(6), "--weight", 100, "--segment", 7)
        self.assertEqual((rows[0]["query"], self.scene(rows[0]["start"])), (QUERY, 6))

    def test_one_after_the_other(self):
        found = self.rows(self.path("films"), QUERY, "--then", self.TELEVISIONS, "--within", 10, "--segment", 7)
        self.assertEqual((found[0]["start"], found[0]["end"], found[0]["then_start"], found[0]["then_end"]),
                         (7, 14, 21, 28))
        for row in found:
            self.assertLessEqual(0, row["then_start"] - row["end"])
            self.assertLessEqual(row["then_start"] - row["end"], 10)
        near = self.rows(self.path("films"), QUERY, "--then", self.TELEVISIONS, "--within", 5, "--segment", 7)
        self.assertNotEqual((near[0]["start"], near[0]["then_start"]), (7, 21))
        back = self.rows(self.path("films"), self.TELEVISIONS, "--then", QUERY, "--segment", 7)
        self.assertEqual((back[0]["start"], self.scene(back[0]["then_start"])), (21, 4))

    def test_some_of_the_hits(self):
        shutil.copy(clip(4), self.path("films/short.mp4"))
        films = self.path("films")
        rows = self.rows(films, QUERY, "--segment", 7, "--top", 100)
        self.assertEqual(len(rows), 9)
        videos = self.rows(films, QUERY, "--segment", 7, "--by", "video")
        self.assertEqual(sorted(os.path.basename(row["path"]) for row in videos), ["long.mp4", "short.mp4"])
        self.assertEqual(videos[0]["score"], rows[0]["score"])
        apart = self.rows(films, QUERY, "--segment", 7, "--dedupe", 0.97)
        self.assertEqual(len([row for row in apart if "short" in row["path"] or self.scene(row["start"]) == 4]), 1)
        shutil.copy(clip(4), self.path("films/copy.mp4"))  # the same to the last bit
        once = self.rows(films, QUERY, "--segment", 7, "--dedupe", 1, "--top", 100)
        self.assertEqual(len([row for row in once if "copy" in row["path"] or "short" in row["path"]]), 1)
        os.remove(self.path("films/copy.mp4"))
        self.assertEqual(self.rows(films, QUERY, "--segment", 7, "--top", 3, "--offset", 2), rows[2:5])
        os.utime(self.long, (0, 86400 * 365))  # 1971
        self.assertEqual({row["path"] for row in self.rows(films, QUERY, "--until", "1980-01-01")}, {self.long})
        self.assertEqual({row["path"] for row in self.rows(films, QUERY, "--since", "1980-01-01")},
                         {self.path("films/short.mp4")})
        self.assertEqual(self.retrieve(films, QUERY, "--until", "1970-06-01").said, ["no match"])

    def test_pages_of_an_index_that_is_new(self):
        """What ITM is asked about for the first page is the order of all."""
        films, seen = self.path("films"), []
        self.index(films, "--segment", 1)  # so that the first search has no frames encoded
        for offset in range(0, 60, 10):
            seen += self.rows(films, QUERY, "--segment", 1, "--top", 10, "--offset", offset)
        self.assertEqual([row["rank"] for row in seen], list(range(1, len(seen) + 1)))
        self.assertEqual(len({row["start"] for row in seen}), len(seen))
        self.assertGreater(len(seen), 50)

    def test_dates_forget_nothing(self):
        films = self.clips(3, "dated")
        self.index(films)
        os.rename(os.path.join(films, "clip 001.mp4"), os.path.join(films, "moved.mp4"))
        os.utime(os.path.join(films, "moved.mp4"), (0, 86400))
        self.retrieve(films, QUERY, "--since", "2000-01-01")
        before = parse("json", self.index("--stats", films, "-f", "json").out)
        self.assertEqual(before[0]["recordings"], 3)
        self.retrieve(films, QUERY)
        self.assertEqual(parse("json", self.index("--stats", films, "-f", "json").out)[0]["recordings"], 3)

    def test_what_is_read_is_not_replaced(self):
        films, index = self.path("films"), self.path("films.index")
        self.retrieve(films, QUERY)
        self.retrieve(films, QUERY, "--index", index)
        default = [os.path.join(self.path("data/vblip"), name) for name in os.listdir(self.path("data/vblip"))
                   if name.endswith(".index")]
        picture = shutil.copy(clip(4), self.path("like.mp4"))
        for target, arguments in ((default[0], ()), (index, ("--index", index)), (picture, ("--like", picture)),
                                  (index + ".tokens/matches.sqlite", ("--index", index)),
                                  (self.path("data/vblip/tokens/matches.sqlite"), ())):
            before = read(target)
            self.retrieve(films, "-e", QUERY, *arguments, "-o", target, code=EXIT_MISUSED)
            self.assertEqual(read(target), before)

    def test_played(self):
        name = self.path("films/it's $HOME; `x`.mp4")
        shutil.copy(clip(4), name)
        os.remove(self.long)
        commands = self.retrieve(self.path("films"), QUERY, "--mpv").out
        shown = subprocess.run(["sh", "-c", 'mpv() { printf "%s\\n" "$@"; }\n' + commands], stdout=subprocess.PIPE,
                               check=True).stdout.decode().splitlines()
        self.assertEqual(shown, ["--start=00:00:00.000", "--end=00:00:03.400", "--", name])

    def test_an_index_by_itself(self):
        """Its recordings may be away: what ITM read, or said, is enough."""
        films, index = self.path("films"), self.path("films.index")
        want = self.rows(films, QUERY, "--index", index)
        self.assertEqual(self.rows("--index", index, QUERY), want)
        os.rename(films, self.path("away"))
        self.assertEqual(self.rows("--index", index, QUERY), want)
        os.remove(index + ".tokens/matches.sqlite")
        self.assertEqual(self.rows("--index", index, QUERY), want)
        other = self.rows("--index", index, self.TELEVISIONS)
        self.assertEqual(self.scene(other[0]["start"]), 6)
        self.assertIsNotNone(other[0]["itm_logit"])
        shutil.rmtree(index + ".tokens")
        away = self.retrieve("--index", index, QUERY, "-f", "json")
        self.assertIn("stayed with ITC alone, for the file is not there", away.said[0])
        bare = parse("json", away.out)
        self.assertEqual([row["itm_logit"] for row in bare], [None] * len(bare))
        self.assertEqual(vblip("retrieve", "--index", self.path("none"), QUERY, "--model", DEMO).code, EXIT_UNUSABLE)
        self.assertFalse(os.path.exists(self.path("none")))
        os.rename(self.path("away"), films)
        self.index(films, "--index", self.path("seven.index"), "--segment", 7)
        self.assertEqual(len(self.rows("--index", self.path("seven.index"), QUERY)), len(self.SCENES))


class Kills(LibraryCase):
    """Whatever ends a run, the next one goes on."""

    CLIPS_THERE = 200

    def test_kills_at_random_moments(self):
        films = self.clips(self.CLIPS_THERE)
        for number in range(3):  # and some of real length: 10 minutes, a cut every 7 s
            scenes = random.Random(number).choices(range(1, 17), k=90)
            self.film(os.path.join(films, "clip %d00 long.mp4" % number), scenes)
        whole, killed = self.path("whole.index"), self.path("killed.index")
        began = time.monotonic()
        self.index(films, "--index", whole)
        took = time.monotonic() - began
        chance = random.Random(26)
        before = 0
        for _ in range(25):
            program = start("index", films, "--index", killed, "--model", DEMO, env=self.env, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
            try:
                program.wait(timeout=chance.uniform(0, took / 4))
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
            if os.path.exists(killed) and os.path.getsize(killed):
                count = len(contents(killed))
                self.assertGreaterEqual(count, before)  # nothing that was there is lost
                before = count
        self.assertGreater(before, 10)
        self.index(films, "--index", killed)
        self.index("--verify", "--index", killed)
        want = contents(whole)
        self.assertEqual(len(want), self.CLIPS_THERE + 3)
        self.assertGreater(sum(len(segments) for segments in want.values()), self.CLIPS_THERE + 3 * 80)
        self.assertEqual(contents(killed), want)

    def test_a_file_goes_away_meanwhile(self):
        """Between the listing and its turn: it is reported, and not remembered."""
        films, index = self.clips(self.CLIPS_THERE), self.path("gone.index")
        program = start("index", films, "--index", index, "--model", DEMO, env=self.env, stdout=subprocess.DEVNULL)
        while not os.path.exists(index + "-wal"):
            time.sleep(0.005)
        for number in (self.CLIPS_THERE - 1, self.CLIPS_THERE - 2):
            os.remove(os.path.join(films, "clip %03d.mp4" % number))
        _, err = program.communicate(timeout=120)
        said = [line for line in err.decode().splitlines() if line.endswith(": No such file or directory")]
        self.assertEqual((program.returncode, len(said)), (EXIT_SOME_FAILED, 2), err)
        self.assertEqual(len(contents(index)), self.CLIPS_THERE - 2)
        rows = parse("json", self.index(films, "--index", index, "-f", "json").out)
        self.assertEqual((rows[0]["recordings"], rows[0]["failed"]), (self.CLIPS_THERE - 2, 0))

    def test_ctrl_c(self):
        films = self.clips(self.CLIPS_THERE)
        program = start("index", films, "--model", DEMO, env=self.env, stdout=subprocess.DEVNULL)
        data = self.path("data/vblip")
        while not (os.path.isdir(data) and any(name.endswith("-wal") for name in os.listdir(data))):
            time.sleep(0.01)
        time.sleep(0.2)
        program.send_signal(signal.SIGINT)
        _, err = program.communicate(timeout=60)
        self.assertEqual(program.returncode, EXIT_INTERRUPTED, err)
        self.assertIn(b"the same command goes on", err)
        self.index(films)
        rows = parse("json", self.index("--stats", films, "-f", "json").out)
        self.assertEqual([row["recordings"] for row in rows], [self.CLIPS_THERE])

    def test_a_full_disk(self):
        """A limit on the size of files is met in the middle."""
        import resource
        films, index = self.clips(40), self.path("full.index")
        program = subprocess.run([BINARY, "index", films, "--index", index, "--model", DEMO], env=self.env,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, preexec_fn=lambda: (
                                     signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                                     resource.setrlimit(resource.RLIMIT_FSIZE, (120000, 120000))))
        said = [line for line in program.stderr.decode().splitlines() if not line.startswith(DEMO_NOTICE)]
        self.assertEqual(program.returncode, EXIT_UNUSABLE, said)
        self.assertEqual(len(said), 1, said)
        self.assertIn("full.index", said[0])
        self.index(films, "--index", index)
        self.assertEqual(len(contents(index)), 40)


class Changes(LibraryCase):
    """Recordings are forgotten, and disks are elsewhere: without a model, and nothing is encoded for it."""

    def edit(self, *arguments, code=EXIT_DONE):
        done = vblip("index", *arguments, "--model", "/no/model", env=self.env)
        self.assertEqual(done.code, code, done)
        return done

    def default_indexes(self):
        data = self.path("data/vblip")
        return sorted(os.path.join(data, name) for name in os.listdir(data) if name.endswith(".index"))

    def listed(self, *arguments):
        return sorted(row["path"] for row in parse("jsonl", self.index("--list", *arguments, "-f", "jsonl").out))

    def encodes_nothing(self, *arguments):
        for line in self.index(*arguments, "-v").said:
            self.assertNotIn("files:", line)

    def test_recordings_are_forgotten(self):
        films = self.clips(4)
        part = os.path.join(films, "2024", "may")
        os.makedirs(part)
        for number in range(3):
            distinct(os.path.join(part, "%d.mp4" % number), 50 + number, clip(number + 5))
        self.index(films)
        self.index(films, "--frames", 4)
        one, two = self.default_indexes()
        film = os.path.join(films, "clip 001.mp4")
        os.remove(film)
        rows = parse("csv", self.edit("--remove", film, "-f", "csv").out)
        self.assertEqual(sorted((row["path"], row["index"], row["removed"]) for row in rows),
                         [(film, one, "1"), (film, two, "1")])
        done = self.edit("--remove", os.path.join(films, "2024") + "/", self.path("nothing"), code=EXIT_SOME_FAILED)
        self.assertEqual(done.messages, ["vblip: %s: in no index" % self.path("nothing")])
        self.assertEqual(done.out.count("forgotten   3 of "), 2)
        self.assertEqual(self.listed("--index", one), ["clip 000.mp4", "clip 002.mp4", "clip 003.mp4"])
        done = self.edit("--remove", film, "--index", one, code=EXIT_UNUSABLE)
        self.assertEqual((done.messages, done.out), (["vblip: %s: in no index" % film], ""))
        # What is still there comes back.
        self.index(films)
        self.assertEqual(len(self.listed("--index", one)) + len(self.listed("--index", two)), 6 + 3)
        # Names from a list, and a folder that is spelled through a link and is not there any more.
        os.symlink(films, self.path("link"))
        write(self.path("list"), "".join("%s\0" % self.path("link", "clip %03d.mp4" % n) for n in (0, 2)))
        os.rename(part, self.path("away"))
        self.edit("--remove", "-0a", self.path("list"), self.path("link", "2024", "may"))
        self.assertEqual(self.listed("--index", one), ["clip 003.mp4"])
        self.edit("--remove", self.path())  # a folder that holds the roots
        self.assertEqual(self.listed("--index", one) + self.listed("--index", two), [])

    def test_a_disk_that_moved(self):
        films = self.clips(3, "old/films")
        other = self.clips(2, "old/other")
        named = self.path("named.index")
        self.index(films)
        self.index(films, "--frames", 4)
        self.index(other)
        self.index(films, "--index", named)
        before = self.default_indexes()
        want = parse("json", self.retrieve(films, QUERY, "--cache-gb", 0, "-f", "json").out)
        old, new = self.path("old"), self.path("new")
        done = self.edit("--remap", "%s=%s" % (old, new), code=EXIT_UNUSABLE)
        self.assertEqual(done.messages, ["vblip: %s: no such directory" % new])
        os.rename(old, new)
        done = self.edit("--remap", "%s=%s" % (self.path("odl"), new), code=EXIT_UNUSABLE)
        self.assertEqual(len(done.messages), 1)
        self.assertEqual(self.default_indexes(), before)
        rows = parse("json", self.edit("--remap", "%s=%s" % (old, new), "-f", "json").out)
        self.assertEqual(sorted((row["old_index"], row["old_root"].replace(old, new)) for row in rows),
                         sorted((row["old_index"], row["root"]) for row in rows))
        self.assertEqual(sorted(row["index"] for row in rows), self.default_indexes())
        self.assertFalse(set(before) & set(self.default_indexes()))
        self.assertEqual([name for name in os.listdir(self.path("data/vblip")) if "-wal" in name or "-journal" in name],
                         [])
        films, other = films.replace(old, new), other.replace(old, new)
        self.encodes_nothing(films)
        self.encodes_nothing(films, "--frames", 4)
        self.encodes_nothing(other)
        got = parse("json", self.retrieve(films, QUERY, "--cache-gb", 0, "-f", "json").out)
        self.assertEqual([dict(row, path=row["path"].replace(old, new)) for row in want], got)
        # One that was named keeps its name.
        self.assertEqual(len(self.edit("--remap", "%s=%s" % (old, new), "--index", named).messages), 0)
        self.encodes_nothing(films, "--index", named)

    def test_disks_that_cannot_move(self):
        """Both have an index, or somebody uses it: one line each, and nothing is lost."""
        old, new = self.clips(2, "old"), self.clips(3, "new")
        self.index(old)
        first, = self.default_indexes()
        remap = ("--remap", "%s=%s" % (old, new))
        reader = sqlite3.connect("file:%s?mode=ro" % first, uri=True)
        self.index(old)  # the log is used
        reader.execute("SELECT count(*) FROM recordings").fetchone()
        done = self.edit(*remap, code=EXIT_UNUSABLE)
        reader.close()
        self.assertEqual(done.messages, ["vblip: %s: another program has it locked" % first])
        with open(first + ".lock", "r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            self.assertIn("another vblip writes it", self.edit(*remap, code=EXIT_UNUSABLE).messages[0])
        self.index(new)
        before = {path: contents(path) for path in self.default_indexes()}
        done = self.edit(*remap, code=EXIT_UNUSABLE)
        self.assertEqual(len(done.messages), 1)
        self.assertIn("has an index already", done.messages[0])
        self.assertEqual({path: contents(path) for path in self.default_indexes()}, before)

    def test_kills_while_a_disk_moves(self):
        """Whatever a kill leaves is an index of all, and the same command ends the work."""
        places = [self.path("one"), self.path("two")]
        self.clips(3, "one")
        self.index(places[0])
        index, = self.default_indexes()
        want = contents(index)
        began = time.monotonic()
        self.edit("--remap", "%s=%s" % (places[0], self.path()))
        took = time.monotonic() - began
        self.edit("--remap", "%s=%s" % (self.path(), places[0]))
        chance = random.Random(10)
        for number in range(40):
            old, new = places[number % 2], places[1 - number % 2]
            os.rename(old, new)
            remap = "%s=%s" % (old, new)
            program = start("index", "--remap", remap, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                program.wait(timeout=chance.uniform(0, took))
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
            left, = self.default_indexes()
            if left != index:  # behind the first step: it is found already
                self.encodes_nothing(new)
            if self.root(left) == old:
                self.edit("--remap", remap)
            index, = self.default_indexes()
            self.assertEqual(self.root(index), new)
            self.assertEqual(contents(index), want)
        self.encodes_nothing(places[0])

    def root(self, index):
        row, = parse("jsonl", self.index("--stats", "--index", index, "-f", "jsonl").out)
        return row["root"]


class Merges(LibraryCase):
    """Indexes are joined without encoding, to the bit."""

    def merge(self, *arguments, code=EXIT_DONE):
        done = vblip("merge", *arguments, "--model", "/no/model", env=self.env)
        self.assertEqual(done.code, code, done)
        return done

    def one_line(self, done, *parts):
        self.assertEqual(len(done.messages), 1, done)
        for part in parts:
            self.assertIn(part, done.messages[0])

    def only(self, *names):
        """No other file lies beside the indexes, but what SQLite leaves of readers."""
        self.assertEqual(sorted(name for name in os.listdir(self.folder) if ".index" in name and
                                (name[0] == "." or not name.endswith((".lock", "-wal", "-shm")))), sorted(names))

    def test_what_is_merged_is_found_as_before(self):
        first, second = self.clips(5, "films/2024"), self.clips(4, "films/2025/may")
        films = self.path("films")
        write(os.path.join(second, "bad.mp4"), b"this is no film " * 10)
        a, b, c = (self.path(name + ".index") for name in "abc")
        self.index(first, "--index", a)
        self.index(second, "--index", b, code=EXIT_SOME_FAILED)
        rows = parse("csv", self.merge(a, b, "-o", c, "-f", "csv").out)
        self.assertEqual([(row["index"], row["root"], row["recordings"], row["failed"]) for row in rows],
                         [(c, films, "10", "1")])
        want = {"2024/" + path: value for path, value in contents(a).items()}
        want.update({"2025/may/" + path: value for path, value in contents(b).items()})
        self.assertEqual(contents(c), want)
        self.index("--verify", "--index", c)
        self.only("a.index", "b.index", "c.index")
        options = ("-e", QUERY, "--top", 20, "-f", "json")
        rows = parse("json", self.retrieve(films, "--no-index", *options, code=EXIT_SOME_FAILED).out)
        merged = self.retrieve(films, "--index", c, "-v", *options, code=EXIT_SOME_FAILED)
        self.assertEqual(parse("json", merged.out), rows)
        self.assertIn("0 segments encoded", merged.err)
        for folder, index in ((first, a), (second, b)):  # and as the one that it came from
            code = EXIT_SOME_FAILED if index == b else EXIT_DONE
            self.assertEqual(self.retrieve(folder, "--index", c, *options, code=code).out,
                             self.retrieve(folder, "--index", index, *options, code=code).out)

    def test_of_two_recordings_the_later_stands(self):
        films = self.clips(3)
        old, new, c = (self.path(name + ".index") for name in ("old", "new", "c"))
        film, bad = (os.path.join(films, "clip %03d.mp4" % n) for n in (1, 2))
        good = read(bad)
        write(bad, b"this is no film " * 10)
        self.index(films, "--index", old, code=EXIT_SOME_FAILED)
        time.sleep(0.01)
        distinct(film, 99, clip(9))
        write(bad, good)
        self.index(films, "--index", new)
        for first, second, says in ((old, new, "stands"), (new, old, "is left out")):
            done = self.merge(first, second, "-y", "-o", c)
            self.assertEqual(sorted(done.messages), sorted(
                "vblip: clip %03d.mp4: %s has another file of that path, which %s" % (n, second, says) for n in (1, 2)))
            self.assertEqual(contents(c), contents(new))

    def test_what_is_not_merged(self):
        films = self.clips(2)
        a, b, c = (self.path(name + ".index") for name in "abc")
        self.index(films, "--index", a)
        self.index(films, "--index", b, "--frames", 4)
        self.one_line(self.merge(a, b, "-o", c, code=EXIT_UNUSABLE), b + ": made with frames 4", a + " with 8")
        self.only("a.index", "b.index")
        self.one_line(self.merge(a, self.path("nothing"), "-o", c, code=EXIT_UNUSABLE), "nothing: No such file")
        self.one_line(self.merge(a, clip(1), "-o", c, code=EXIT_UNUSABLE), clip(1))
        self.one_line(self.merge(a, "-o", b, code=EXIT_MISUSED), b + ": is there already; --overwrite")
        self.one_line(self.merge(a, "-y", "-o", a, code=EXIT_MISUSED), a, "an input")
        self.one_line(self.merge(a, "-o", self.path("no/c"), code=EXIT_UNUSABLE), "No such file")
        text = write(c, b"a file of somebody, called so")
        self.one_line(self.merge(a, "-y", "-o", c, code=EXIT_UNUSABLE), c + ": no index that can be read")
        self.assertEqual(read(text), b"a file of somebody, called so")
        with open(b + ".lock", "r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            self.one_line(self.merge(a, "-y", "-o", b, code=EXIT_UNUSABLE), "another vblip writes it")
        self.assertEqual(len(contents(b)), 2)
        self.only("a.index", "b.index", "c.index")
        self.merge(a, "-y", "-o", b)
        self.assertEqual(contents(a), contents(b))

    def test_a_source_that_is_written(self):
        """What a merge reads is the index as it was at one moment."""
        films, done, index = self.clips(200), self.path("done.index"), self.path("in work.index")
        self.index(self.clips(3, "more"), "--index", done)
        program = start("index", films, "--index", index, "--model", DEMO, env=self.env, stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL)
        counts = []
        while program.poll() is None:
            if os.path.exists(index) and os.path.getsize(index):
                run = vblip("merge", done, index, "-y", "-o", self.path("c.index"), env=self.env)
                if run.code == EXIT_DONE:
                    counts.append(len(contents(self.path("c.index"))))
                    self.assertEqual(vblip("index", "--verify", "--index", self.path("c.index"), env=self.env).code, 0)
            time.sleep(0.02)
        self.assertEqual(program.returncode, EXIT_DONE)
        self.assertEqual(counts, sorted(counts))
        self.assertGreater(len(counts), 3)
        self.assertLess(counts[0], counts[-1])

    def test_kills_leave_no_half(self):
        """The file is the old one or the new, whole, and no later run is in the way of what was left."""
        films = self.clips(60)
        a, b, c = (self.path(name + ".index") for name in "abc")
        self.index(films, "--index", a)
        os.remove(os.path.join(films, "clip 007.mp4"))
        self.index(films, "--index", b)
        whole, less = contents(a), contents(b)
        began = time.monotonic()
        self.merge(a, "-o", c)
        took = time.monotonic() - began
        chance, seen = random.Random(7), set()
        for number in range(30):
            program = start("merge", (a, b)[number % 2], "-y", "-o", c, env=self.env, stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)
            try:
                program.wait(timeout=chance.uniform(0, 2 * took))
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()
            self.index("--verify", "--index", c)
            found = contents(c, "rw")  # with the journal of a change of mode that a kill may leave
            self.assertIn(found, (whole, less))
            seen.add(len(found))
        self.assertEqual(len(seen), 2)
        self.merge(a, "-y", "-o", c)
        self.only("a.index", "b.index", "c.index")

    def test_a_full_disk(self):
        import resource
        a, c = self.path("a.index"), self.path("c.index")
        self.index(self.clips(40), "--index", a)
        program = subprocess.run([BINARY, "merge", a, "-o", c], env=self.env, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, check=False, preexec_fn=lambda: (
                                     signal.signal(signal.SIGXFSZ, signal.SIG_IGN),
                                     resource.setrlimit(resource.RLIMIT_FSIZE, (120000, 120000))))
        self.assertEqual(program.returncode, EXIT_UNUSABLE, program.stderr)
        self.assertEqual(program.stderr.count(b"\n"), 1, program.stderr)
        self.only("a.index")


class Refusals(LibraryCase):
    """One line, the right exit code, and nothing lost."""

    def one_line(self, done, *parts):
        self.assertEqual(len(done.said), 1, done)
        for part in parts:
            self.assertIn(part, done.said[0])

    def test_what_is_no_index_of_ours(self):
        films, index = self.clips(6), self.path("films.index")
        self.index(films, "--index", index)
        good = read(index)
        newer = self.path("newer.index")
        shutil.copy(index, newer)
        database = sqlite3.connect(newer)
        database.execute("PRAGMA user_version = 99")
        database.commit()
        database.close()
        table = {
            "cut": (good[:len(good) // 2], "--rebuild"),
            "header": (b"x" * 100 + good[100:], "--rebuild"),
            "text": (b"no database at all " * 100, "--rebuild"),
            "newer": (read(newer), "version 99"),
        }
        for name, (data, says) in table.items():
            with self.subTest(name=name):
                path = write(self.path(name + ".index"), data)
                for done in (self.index(films, "--index", path, code=EXIT_UNUSABLE),
                             self.retrieve(films, QUERY, "--index", path, code=EXIT_UNUSABLE),
                             self.index("--verify", "--index", path, code=EXIT_UNUSABLE)):
                    self.one_line(done, path, says)
                self.assertEqual(read(path), data)  # left as it was
                self.index(films, "--index", path, "--rebuild")
                self.assertEqual(contents(path), contents(index))

    def test_a_byte_turned_in_each_region(self):
        """Each page of the file: what is read of it is told, or was not damaged by it."""
        films, index = self.clips(6), self.path("films.index")
        self.index(films, "--index", index)
        good, want = read(index), contents(index)
        found = 0
        for at in range(0, len(good), 8192):
            bad = bytearray(good)
            bad[at + 4000] ^= 0x40
            path = write(self.path("bad.index"), bytes(bad))
            done = self.index_any("--verify", "--index", path)
            if done.code != EXIT_DONE:
                found += 1
                self.one_line(done, path)
                continue
            self.assertEqual(contents(path), want)
        self.assertGreater(found, 3)

    def index_any(self, *arguments):
        done = vblip("index", *arguments, env=self.env)
        done.said = done.messages
        return done

    def test_rebuilding_replaces_what_it_says(self):
        films = self.clips(3)
        os.makedirs(os.path.join(films, "2024"))
        distinct(os.path.join(films, "2024", "new.mp4"), 77, clip(7))
        self.index(films)
        part = os.path.join(films, "2024")
        self.one_line(self.index(part, "--rebuild", code=EXIT_MISUSED), "a part of the index of", films)
        self.assertEqual(len(self.index("--list", films).lines), 4)
        film = os.path.join(films, "clip 000.mp4")
        before = read(film)
        self.one_line(self.index(films, "--rebuild", "--index", film, code=EXIT_UNUSABLE), "no index of vblip")
        self.assertEqual(read(film), before)
        self.one_line(self.index(films, "--index", self.path("a.index"), "-o", self.path("a.index"), code=EXIT_MISUSED),
                      "names the index")

    def test_a_disk_that_is_missing_below_a_folder(self):
        films = self.clips(2)
        disk = os.path.join(films, "disk")
        os.makedirs(disk)
        distinct(os.path.join(disk, "new.mp4"), 77, clip(7))
        self.index(films)
        os.rename(os.path.join(disk, "new.mp4"), self.path("away.mp4"))
        self.index(films)
        self.assertEqual(len(self.index("--list", films).lines), 3)  # an empty folder tells nothing
        os.rmdir(disk)
        self.index(films)
        self.assertEqual(len(self.index("--list", films).lines), 2)

    def test_roots_links_and_files_twice(self):
        """The root of a named index is the folder that was named; a link is a file of its own."""
        films = self.path("films")
        os.makedirs(os.path.join(films, "2024"))
        distinct(os.path.join(films, "2024", "a.mp4"), 1, clip(1))
        os.symlink(clip(2), os.path.join(films, "2024", "link.mp4"))
        index = self.path("films.index")
        self.index(films, "--index", index)
        os.makedirs(os.path.join(films, "2025"))
        distinct(os.path.join(films, "2025", "b.mp4"), 2, clip(3))
        self.index(films, os.path.join(films, "2025"), "--index", index)
        self.assertEqual(sorted(contents(index)), ["2024/a.mp4", "2024/link.mp4", "2025/b.mp4"])
        os.remove(os.path.join(films, "2024", "a.mp4"))
        self.index(films, "--index", index)
        self.assertEqual(sorted(contents(index)), ["2024/link.mp4", "2025/b.mp4"])

    def test_a_data_folder_that_cannot_be(self):
        films = self.clips(2)
        write(self.path("data"), "a file, where a folder should be")
        done = self.retrieve(films, QUERY, "-l")
        self.assertEqual(len(done.lines), 2)
        self.one_line(done, "2 files are kept in no index", "--no-index")
        self.index(films, code=EXIT_UNUSABLE)

    def test_tokens_that_lie(self):
        """A cache file that is damaged is found out and made anew."""
        films, index = self.clips(5), self.path("films.index")
        first = self.retrieve(films, QUERY, "--index", index, "-f", "json").out
        said = os.path.join(index + ".tokens", "matches.sqlite")  # else nothing would be read
        tokens = [os.path.join(index + ".tokens", name) for name in sorted(os.listdir(index + ".tokens"))
                  if name.endswith(".tokens")]
        self.assertEqual(len(tokens), 5)
        good = [read(path) for path in tokens]
        write(tokens[0], good[0][:1000])
        write(tokens[1], good[1][:5000] + b"?" + good[1][5001:])
        write(tokens[2], b"")
        write(said, b"lies " * 1000)
        self.assertEqual(self.retrieve(films, QUERY, "--index", index, "-f", "json").out, first)
        self.assertEqual([read(path) for path in tokens], good)
        self.assertEqual(self.retrieve(films, QUERY, "--index", index, "--cache-gb", 0, "-f", "json").out, first)

    def test_another_model_and_other_options(self):
        films, index = self.clips(3), self.path("films.index")
        self.index(films, "--index", index)
        self.one_line(self.index(films, "--index", index, "--frames", 4, code=EXIT_UNUSABLE), "frames 8, this run has 4",
                      "--rebuild")
        self.one_line(self.index(films, "--index", index, "--segment", 5, code=EXIT_UNUSABLE), "segments auto")
        # In the data folder each has an index of its own.
        self.index(films)
        self.index(films, "--frames", 4)
        self.assertEqual(len(self.index("--stats", "-f", "csv").lines), 3)

    def test_two_writers(self):
        films, index = self.clips(3), self.path("films.index")
        self.index(films, "--index", index)
        distinct(os.path.join(films, "new.mp4"), 99, clip(9))
        with open(index + ".lock", "r+b") as lock:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            self.one_line(self.index(films, "--index", index, code=EXIT_UNUSABLE), "another vblip writes it",
                          str(os.getpid()))
            done = self.retrieve(films, QUERY, "--index", index, "-l")
            self.assertEqual(len(done.lines), 3)  # what it holds
            self.one_line(done, "1 file changed, but the index cannot be written now")
        self.assertEqual(len(self.retrieve(films, QUERY, "--index", index, "-l").lines), 4)

    def test_folders_that_are_gone_or_cannot_be_written(self):
        films, index = self.clips(3), self.path("films.index")
        self.index(films, "--index", index)
        before = contents(index)
        os.rename(films, films + " away")
        done = self.index(films, "--index", index, code=EXIT_UNUSABLE)
        self.one_line(done, "films: No such file or directory")
        os.makedirs(films)  # a mount point without its disk
        self.index(films, "--index", index, code=EXIT_UNUSABLE)
        self.assertEqual(contents(index), before)
        self.one_line(self.index(films + " away", "--index", self.path("no/folder/x.index"), code=EXIT_UNUSABLE),
                      "no/folder/x.index")

    def test_a_file_that_goes_away_or_is_bad(self):
        films = self.clips(3)
        write(os.path.join(films, "bad.mp4"), b"this is no film " * 10)
        for _ in range(2):  # the second time it is remembered
            done = self.index(films, code=EXIT_SOME_FAILED)
            self.one_line(done, "bad.mp4: not a video or image")
        listed = parse("jsonl", self.index("--list", films, "-f", "jsonl").out)
        self.assertEqual([row["path"] for row in listed if row["error"]], ["bad.mp4"])
        os.remove(os.path.join(films, "bad.mp4"))
        self.assertEqual(self.index(films).said, [])
        self.one_line(self.retrieve(self.path("nothing"), QUERY, code=EXIT_UNUSABLE), "No such file or directory")
        self.retrieve(films, QUERY, "--segment", "-3", code=EXIT_MISUSED)
        self.one_line(self.index(clip(1), code=EXIT_MISUSED), "kept in no index; name its directory")


if __name__ == "__main__":
    main()

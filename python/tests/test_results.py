"""The numbers are those of the command line."""

import functools
import http.server
import json
import os
import struct
import subprocess
import threading
import warnings
from typing import Any, Optional, Sequence

import numpy as np

from support import BINARY, CLIPS, DEMO, Case, cli, clip, demo, frames_of, run_tests

import vblip


def same_number(mine: Any, theirs: Any) -> bool:
    return mine is None and theirs is None or bool(np.float32(mine) == np.float32(theirs))


def read_tensors(path: str) -> dict[str, Any]:
    with open(path, "rb") as file:
        size, = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        data = file.read()
    header.pop("__metadata__", None)
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
            for name, entry in header.items()}


class Results(Case):
    def same_rows(self, mine: Sequence[Any], theirs: Sequence[dict[str, Any]]) -> None:
        self.assertEqual(len(mine), len(theirs))
        self.assertGreater(len(mine), 0)
        for row, expected in zip(mine, theirs):
            for name, value in row._asdict().items():
                if name not in expected:
                    self.assertIsNone(value, name)
                    continue
                self.same(name, value, expected[name])

    def same(self, name: str, mine: Any, theirs: Any) -> None:
        if name in ("start", "end", "then_start", "then_end"):
            mine = None if mine is None else round(mine, 3)
            self.assertEqual(mine, theirs, name)
        elif isinstance(mine, float) or mine is None:
            self.assertTrue(same_number(mine, theirs), "%s: %r, %r" % (name, mine, theirs))
        elif name == "itm_logits":
            self.assertEqual([np.float32(x) for x in mine], [np.float32(x) for x in theirs])
        elif name == "ranked":
            self.assertEqual([(r.answer, np.float32(r.score)) for r in mine],
                             [(r["answer"], np.float32(r["score"])) for r in theirs])
        else:
            self.assertEqual(mine, theirs, name)

    def test_captions(self) -> None:
        self.same_rows(list(demo().caption([clip(16), clip(2)])), cli("caption", clip(16), clip(2)))

    def test_captions_with_options(self) -> None:
        rows = list(demo().caption(clip(2), every=0.5, beams=1, max_length=12, min_length=3, prompt="there is ",
                                   merge=True))
        self.same_rows(rows, cli("caption", "--every", 0.5, "--beams", 1, "--max-length", 12, "--min-length", 3,
                                 "--prompt", "there is ", "--merge", clip(2)))

    def test_sampled_captions(self) -> None:
        rows = list(demo().caption(clip(2), count=2, sample=True, samples=3, temperature=1.5, seed=7, top_k=20))
        self.same_rows(rows, cli("caption", "--count", 2, "--sample", "--samples", 3, "--temperature", 1.5, "--seed", 7,
                                 "--top-k", 20, clip(2)))

    def test_answers(self) -> None:
        said = ["what is to the left of the watermelon?", "what is the background?"]
        self.same_rows(list(demo().ask([clip(2), clip(4)], said)),
                       cli("qa", "-a", self.listed(clip(2), clip(4)), *said))

    def test_ranked_answers(self) -> None:
        self.same_rows(list(demo().ask(clip(2), "is there a rocket?", answers=["yes", "no", "two"])),
                       cli("qa", clip(2), "is there a rocket?", "--answers", "yes,no,two"))

    def test_matches(self) -> None:
        texts = ["a dog", "two cats: (on a couch)!", "a \u00e7af\u00e9"]
        self.same_rows(list(demo().match([clip(4), clip(5)], texts)),
                       cli("match", "-a", self.listed(clip(4), clip(5)), *texts))

    def test_hits(self) -> None:
        queries = ["a dog to the left of a violin", "a rocket"]
        self.same_rows(list(demo().retrieve(CLIPS, queries, top=3)),
                       cli("retrieve", "--no-index", "--top", 3, "-e", queries[0], "-e", queries[1], CLIPS))

    def test_hits_by_itc_alone(self) -> None:
        rows = list(demo().retrieve(CLIPS, "a dog", rerank=0, segment="1"))
        self.same_rows(rows, cli("retrieve", "--no-index", "--rerank", 0, "--segment", 1, CLIPS, "a dog"))
        self.assertIsNone(rows[0].p_match)

    def test_hits_of_a_library(self) -> None:
        index = self.path("films.db")
        with vblip.Library(demo(), CLIPS, index=index) as library:
            changes = library.update()
            self.assertEqual((changes.added, changes.failed), (16, 0))
            rows = list(library.retrieve("a dog", top=2, min_p=0.5))
            again = library.update()
            self.assertEqual((again.unchanged, again.segments), (16, 0))
            info, = library.describe()
        self.same_rows(rows, cli("retrieve", "--index", index, "--top", 2, "--min-p", 0.5, CLIPS, "a dog"))
        self.assertEqual(info._replace(bytes=0), vblip.describe_index(index)._replace(bytes=0))
        self.assertEqual(len(vblip.list_index(index)), 16)
        vblip.verify_index(index)
        with vblip.Library(demo(), index=index) as library:
            like = vblip.Example(clip(4), 0, 2)
            rows = list(library.retrieve(like=like, top=3))
            self.assertEqual(rows[0].path, clip(4))
            self.assertIsNone(rows[0].query)
            self.same_rows(rows, [{**row, "query": None} for row in cli(
                "retrieve", "--index", index, "--top", 3, "--like", clip(4) + "@0-2")])

    def test_pairs_of_hits(self) -> None:
        film, index = self.path("film.mp4"), self.path("film.db")
        vblip.cut(film, [vblip.Moment(clip(n), 0, 3) for n in (4, 2)], exact=True)
        with vblip.Library(demo(), film, index=index, segment="2") as library:
            rows = list(library.retrieve("a dog", then="a rocket", within=10, top=2))
        self.assertIsNotNone(rows[0].then_start)
        self.same_rows(rows, cli("retrieve", "--index", index, "--segment", 2, "--top", 2, "--then", "a rocket",
                                 "--within", 10, film, "a dog"))

    def test_exported_vectors(self) -> None:
        index = self.path("x.db")
        with vblip.Library(demo(), [clip(4), clip(2)], index=index, segment="1") as library:
            library.update()
        segments, vectors = vblip.export_index(index)
        self.assertEqual(segments[0], (clip(2), 0.0, segments[1].start))
        self.assertEqual((len(segments), vectors.dtype), (vectors.shape[0], np.float32))
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
        with vblip.Library(demo(), index=index) as library:
            hits = list(library.retrieve("a dog", rerank=0, top=100))
        cosines = vectors @ demo().embed(texts="a dog")[0]
        self.assertEqual({(h.path, h.start): round(h.itc, 3) for h in hits},
                         {(s.path, s.start): round(float(c), 3) for s, c in zip(segments, cosines)})

    def test_shards(self) -> None:
        whole = vblip.files(CLIPS, exclude=["clip-1*"])
        self.assertEqual(whole, [clip(n) for n in range(1, 10)])
        self.assertEqual(vblip.files([CLIPS, "/nowhere.mp4"], include=["clip-01.*"]), [clip(1), "/nowhere.mp4"])
        parts = [vblip.files(CLIPS, shard=(n, 3)) for n in (1, 2, 3)]
        self.assertEqual(sorted(sum(parts, [])), vblip.files(CLIPS))
        rows = cli("caption", "--count", 1, "--shard", "2/3", CLIPS)
        self.assertEqual([row["path"] for row in rows], parts[1])
        with vblip.Library(demo(), CLIPS, index=self.path("shard.db"), shard=(2, 3)) as library:
            self.assertEqual(library.update().added, len(parts[1]))

    def test_merged_indexes(self) -> None:
        parts = []
        for number in (1, 2):
            parts.append(self.path("%d.db" % number))
            with vblip.Library(demo(), clip(number), index=parts[-1]) as library:
                library.update()
        self.assertEqual(vblip.merge_indexes(self.path("all.db"), parts), 2)
        self.assertEqual(vblip.describe_index(self.path("all.db")).recordings, 2)

    def embedded(self, what: str, *arguments: Any) -> dict[str, Any]:
        out = self.path("out.safetensors")
        subprocess.run([BINARY, "embed", "--what", what, "-o", out, "--model", DEMO, "--device", "cpu",
                        *map(str, arguments)], check=True, stderr=subprocess.DEVNULL)
        return read_tensors(out)

    def test_vectors(self) -> None:
        mine = demo().embed([clip(4), clip(2)])
        theirs = self.embedded("itc-image", clip(4), clip(2))
        self.assertEqual((mine.dtype, mine.shape), (np.float32, (2, theirs["0"].size)))
        np.testing.assert_array_equal(mine, np.stack([theirs["0"], theirs["1"]]))
        np.testing.assert_allclose(np.linalg.norm(mine, axis=1), 1, rtol=1e-5)
        mine = demo().embed(texts=["a dog", "a cat"])
        theirs = self.embedded("itc-text", "--text", "a dog", "--text", "a cat")
        np.testing.assert_array_equal(mine, np.stack([theirs["0"], theirs["1"]]))

    def test_features(self) -> None:
        for what, inputs, texts in (("vision", clip(4), None), ("text", None, "a dog"),
                                    ("multimodal", clip(4), "a dog"), ("itc-image", clip(4), None)):
            row, = demo().features(what, inputs, texts)
            given = ([inputs] if inputs else []) + (["--text", texts] if texts else [])
            np.testing.assert_array_equal(row.values, self.embedded(what, *given)["0"].reshape(row.values.shape))
            self.assertEqual((row.path, row.text), (inputs, texts))

    def listed(self, *paths: str) -> str:
        with open(self.path("list"), "w", encoding="utf-8") as file:
            file.write("".join(path + "\n" for path in paths))
        return self.path("list")


class Clips(Case):
    def test_a_clip_answers_as_its_file_does(self) -> None:
        with demo().clip(clip(4)) as held:
            before = demo().counts
            match, = held.match("a dog")
            theirs, = demo().match(clip(4), "a dog")
            np.testing.assert_array_equal(held.embed(), demo().embed(clip(4))[0])
            held.ask("what is this?")
            caption, = held.caption()
            self.assertIn("dog", caption.caption)
            self.assertEqual(held.features("vision")[0].values.ndim, 2)
            self.assertEqual(held.features("multimodal", "a dog")[0].text, "a dog")
        self.assertAlmostEqual(match.p_match, theirs.p_match, places=5)
        self.assertEqual(demo().counts.frames_decoded - before.frames_decoded, 16)  # of the two calls on the file

    def test_a_part_of_a_recording(self) -> None:
        with demo().clip(clip(4), start=1, end=2.5, frames=4) as held:
            row, = held.match("a dog")
            answer, = held.ask("what is this?")
        self.assertEqual((answer.start, answer.end), (1.0, 2.5))
        self.assertEqual(row.path, clip(4))

    def test_ranked_answers(self) -> None:
        with demo().clip(clip(2)) as held:
            answer, = held.ask("is there a rocket?", answers=["yes", "no"])
        assert answer.ranked
        self.assertEqual((answer.answer, len(answer.ranked)), ("yes", 2))


class Streams(Case):
    """Of an HTTP server, which a stream may come from."""

    def setUp(self) -> None:
        super().setUp()
        handler = functools.partial(QuietHandler, directory=CLIPS)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=self.server.serve_forever)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)

    def address(self, name: str) -> str:
        return "http://127.0.0.1:%d/%s" % (self.server.server_address[1], name)

    def test_events(self) -> None:
        event, = demo().watch(self.address("clip-04.mp4"), ["a dog", "a cat"], frames=4, picture_width=64)
        self.assertEqual((event.text, event.start), ("a dog", 0.0))
        self.assertGreater(event.p_match, 0.5)
        assert event.picture
        self.assertEqual(event.picture[:2], b"\xff\xd8")
        self.assertEqual(list(demo().watch(self.address("clip-04.mp4"), "a cat")), [])

    def test_what_is_nowhere(self) -> None:
        with self.assertRaises(vblip.FileError) as caught:
            list(demo().watch(self.address("clip-99.mp4"), "a dog"))
        self.assertIn("clip-99.mp4", self.one_line(caught.exception))
        for call in (lambda: demo().watch("-", []), lambda: demo().watch("-", "a", window=0.0),
                     lambda: demo().watch("a\0b", "a")):
            self.assertRaises(vblip.ArgumentError, call)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


class Frames(Case):
    frames: Any = None

    def setUp(self) -> None:
        super().setUp()
        if Frames.frames is None:
            Frames.frames = frames_of(clip(4), 128, 96, 6)

    def logits(self, frames: Any, times: Optional[Sequence[float]] = None) -> tuple[float, float]:
        row, = demo().match(frames, "a dog", times=times)
        return row.itm_logits

    def test_views_are_the_same_as_copies(self) -> None:
        f = self.frames
        for name, view in (("whole", f), ("every other frame", f[::2]), ("backwards", f[::-1]),
                           ("cropped", f[:, 8:-8, 16:-16]), ("every other row", f[:, ::2]),
                           ("every other column", f[:, :, ::2]), ("upside down", f[:, ::-1]),
                           ("mirrored", f[:, :, ::-1]), ("BGR", f[..., ::-1]),
                           ("Fortran order", np.asfortranarray(f)), ("one", f[0]),
                           ("broadcast", np.broadcast_to(f[:, :1, :1], f.shape)), ("list", list(f)),
                           ("transposed", f.transpose(0, 2, 1, 3)), ("rows of four bytes", np.concatenate(
                               [f, f[..., :1]], axis=-1)[..., :3]), ("tuple", tuple(f[:2]))):
            with self.subTest(name):
                copy = [np.array(x, order="C") for x in view] if isinstance(view, (list, tuple)) \
                    else np.array(view, order="C")
                self.assertEqual(self.logits(view), self.logits(copy))

    def test_pictures_that_c_can_walk_are_not_copied(self) -> None:
        from vblip._frames import pictures_of
        f = self.frames
        for view in (f, f[::2], f[::-1], f[:, 8:-8, 16:-16], f[:, ::2]):
            for picture in pictures_of(view):
                self.assertTrue(np.shares_memory(picture, f))
        self.assertFalse(np.shares_memory(pictures_of(f[..., ::-1])[0], f))

    def test_channels_and_order_matter(self) -> None:
        self.assertNotEqual(self.logits(self.frames), self.logits(self.frames[..., ::-1]))

    def test_times_and_names(self) -> None:
        times = [0.5 + 0.25 * i for i in range(6)]
        row, = demo().caption(self.frames, times=times)
        self.assertEqual((row.path, row.start, row.end), ("frames", 0.5, 1.75))
        with demo().clip(self.frames[0], name="camera 1") as held:
            row, = held.caption()
            self.assertEqual((row.path, row.start, row.end), ("camera 1", None, None))

    def test_frames_of_several_sizes(self) -> None:
        sizes = [self.frames[0], self.frames[1][:48], self.frames[2][:, :64]]
        self.assertEqual(len(list(demo().match(sizes, ["a dog", "a cat"]))), 2)

    def test_vectors_of_frames(self) -> None:
        vectors = demo().embed(self.frames)
        self.assertEqual(vectors.shape, (1, demo().embed(texts="a dog").shape[1]))
        row, = demo().features("itc-image", self.frames)
        np.testing.assert_array_equal(row.values, vectors[0])

    def test_read_only_frames_and_frames_that_die(self) -> None:
        frames = self.frames.copy()
        frames.setflags(write=False)
        held = demo().clip(frames)
        first = held.match("a dog")
        del frames
        self.assertEqual(held.match("a dog"), first)
        held.close()


class Exports(Case):
    def test_media(self) -> None:
        found = vblip.media(clip(4))
        self.assertAlmostEqual(found.duration, 3.4, places=3)
        assert found.fps
        self.assertGreater(found.fps, 1)

    def test_a_hit_is_cut(self) -> None:
        hit = next(demo().retrieve(CLIPS, "a dog", top=1))
        clipping, = vblip.cut(self.path("dog.mp4"), hit)
        self.assertEqual(clipping.moment, 0)
        self.assertGreater(vblip.media(self.path("dog.mp4")).duration, 3)
        with self.assertRaises(vblip.Error):
            vblip.cut(self.path("dog.mp4"), hit)
        vblip.cut(self.path("dog.mp4"), vblip.Moment(clip(4), 0.5, 1.5), exact=True, overwrite=True, pad=0.25)
        self.assertAlmostEqual(vblip.media(self.path("dog.mp4")).duration, 1.5, delta=0.2)

    def test_pictures(self) -> None:
        jpeg = vblip.thumbnail(clip(4), 1.0, width=64)
        self.assertEqual(jpeg[:2], b"\xff\xd8")
        self.assertNotEqual(jpeg, vblip.thumbnail(clip(2), 1.0, width=64))
        hits = list(demo().retrieve(CLIPS, "a dog", top=3))
        self.assertEqual(vblip.contact_sheet(self.path("sheet.png"), hits, title="a dog"), [])
        with open(self.path("sheet.png"), "rb") as file:
            self.assertEqual(file.read(4), b"\x89PNG")


class Models(Case):
    def test_info(self) -> None:
        info = demo().info
        self.assertEqual((info.path, info.demo), (DEMO, True))
        self.assertLessEqual({"retrieval", "caption", "vqa"}, info.tasks)
        self.assertTrue(demo().device)

    def test_the_demo_model_says_so_when_nobody_named_it(self) -> None:
        with self.assertWarns(vblip.DemoWarning):
            vblip.Model(device="cpu").close()
        os.environ["VBLIP_MODEL"] = DEMO
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                vblip.Model(device="cpu").close()
        finally:
            del os.environ["VBLIP_MODEL"]

    def test_hf_numbers(self) -> None:
        with vblip.Model(DEMO, "cpu", compat="hf", tasks=["caption"], threads=1) as model:
            self.assertEqual(model.info.image_size, demo().info.image_size)
            row, = model.caption(clip(4), count=1)
        theirs, = cli("caption", "--compat", "hf", "--count", 1, clip(4))
        self.assertEqual(row.caption, theirs["caption"])


if __name__ == "__main__":
    run_tests()

"""What is wrong is told in one line, by the class of who has to act, where the call was made."""

import os
import pickle
import re
import unittest.mock
from typing import Any, Callable, Type

import numpy as np

from support import CLIPS, DEMO, Case, clip, demo, run_tests

import vblip

Argument = vblip.ArgumentError
GOOD = np.zeros((2, 32, 48, 3), np.uint8)

# what is done, the exception, words of its line
FRAMES: list[tuple[Any, str]] = [
    (GOOD.astype(np.float32), "frames: float32, expected uint8"),
    (GOOD.astype(np.int8), "frames: int8, expected uint8"),
    (GOOD.astype(bool), "frames: bool, expected uint8"),
    (GOOD[..., :1], "frames: shape (2, 32, 48, 1), expected (count, height, width, 3)"),
    (GOOD[..., 0], "frames: shape (2, 32, 48), expected"),
    (np.zeros((2, 3, 32, 48), np.uint8), "frames: shape (2, 3, 32, 48), expected"),
    (GOOD[None], "frames: shape (1, 2, 32, 48, 3), expected"),
    (GOOD[:0], "frames: shape (0, 32, 48, 3), expected"),
    (GOOD[:, :0], "frames: shape (2, 0, 48, 3), expected"),
    (np.zeros(3, np.uint8), "frames: shape (3,), expected"),
    (np.uint8(3) * np.ones((), np.uint8) + np.zeros((), np.uint8), "expected a path, several, or numpy frames"),
    ([GOOD[0], GOOD[0].astype(np.uint16)], "frame 1: uint16, expected uint8"),
    ([GOOD[0], GOOD], "frame 1: shape (2, 32, 48, 3), expected (height, width, 3)"),
    ([GOOD[0], "a.mp4"], "frame 1: str, expected a numpy array"),
]

CALLS: list[tuple[Callable[[], Any], Type[vblip.Error], str]] = [
    (lambda: demo().caption(3), Argument, "paths: int, expected a path, several, or numpy frames"),  # type: ignore
    (lambda: demo().caption([]), Argument, "paths: none given"),
    (lambda: demo().caption([clip(1), None]), Argument, "path: NoneType, expected a path"),  # type: ignore
    (lambda: demo().caption("a\0b"), Argument, "path: a NUL byte at 1"),
    (lambda: demo().match(clip(1), []), Argument, "texts: none given"),
    (lambda: demo().match(clip(1), b"a dog"), Argument, "texts: bytes, expected str"),  # type: ignore
    (lambda: demo().match(clip(1), ["a", 3]), Argument, "texts: int, expected a str"),  # type: ignore
    (lambda: demo().match(clip(1), "a\0b"), Argument, "texts: a NUL byte at 1"),
    (lambda: demo().match(clip(1), "a\ud800"), Argument, "texts: no Unicode text at character 1"),
    (lambda: demo().ask(clip(1), 3), Argument, "questions: int, expected a str, or several"),  # type: ignore
    (lambda: demo().ask(clip(1), "what?", answers=[]), Argument, "answers: none given"),
    (lambda: demo().ask(clip(1), "what?", beams=-1), Argument, "beams: -1, expected 0 to 4294967295"),
    (lambda: demo().ask(clip(1), "what?", beams=2**32), Argument, "beams: 4294967296, expected 0 to"),
    (lambda: demo().ask(clip(1), "what?", beams=1.5), Argument, "beams: 1.5, expected a whole number"),  # type: ignore
    (lambda: demo().ask(clip(1), "what?", beams=0), Argument, "beams: 0, expected more; None is the default"),
    (lambda: demo().ask(clip(1), "what?", segment=2), Argument, "segment: int, expected a str"),  # type: ignore
    (lambda: list(demo().ask(clip(1), "what?", segment="x")), Argument, "segment x: auto, whole"),
    (lambda: list(demo().ask(clip(1), "what?", max_length=2, min_length=3)), Argument, "min_length: 3"),
    (lambda: demo().caption(clip(1), every=0), Argument, "every: 0, expected more"),
    (lambda: demo().caption(clip(1), every=float("nan")), Argument, "every: nan, expected a finite number"),
    (lambda: demo().caption(clip(1), every=1e300), Argument, "every: 1e+300 s, which is out of range"),
    (lambda: list(demo().caption(clip(1), every=-1)), Argument, "every: -1000000 us"),
    (lambda: demo().caption(clip(1), temperature=0), Argument, "temperature: 0, expected more"),
    (lambda: demo().caption(clip(1), top_p="a"), Argument, "top_p: 'a', expected a number"),  # type: ignore
    (lambda: list(demo().caption(clip(1), shots=True, count=3)), Argument, "shots: not together with"),
    (lambda: list(demo().caption(GOOD, shots=True)), Argument, "shots: a clip has one caption"),
    (lambda: demo().caption(clip(1), times=[0.0]), Argument, "times: of frames in memory only"),
    (lambda: demo().caption(GOOD, times=[0.0]), Argument, "times: 1 of 2 frames"),
    (lambda: list(demo().caption(GOOD, times=[1.0, 0.0])), Argument, "frame 1: earlier than frame 0"),
    (lambda: demo().clip(GOOD, start=1), Argument, "start, end, frames, batch: of a path only"),
    (lambda: demo().clip([clip(1), clip(2)]), Argument, "clip: 2 paths, expected one"),  # type: ignore
    (lambda: demo().clip(clip(1), start=2, end=1), Argument, "clip: from 2.000000 to 1.000000 s"),
    (lambda: demo().clip(clip(1), frames=5000), Argument, "frames: 5000"),
    (lambda: demo().clip("/nowhere.mp4"), vblip.FileError, "/nowhere.mp4: "),
    (lambda: demo().clip(os.path.join(CLIPS, "README.md")), vblip.Error, "README.md: "),
    (lambda: list(demo().match("/nowhere.mp4", "a")), vblip.InputError, "/nowhere.mp4: "),
    (lambda: list(demo().retrieve("/nowhere.mp4", "a")), vblip.InputError, "/nowhere.mp4: "),
    (lambda: demo().embed("/nowhere.mp4"), vblip.InputError, "/nowhere.mp4: "),
    (lambda: demo().embed(), Argument, "embed: expected inputs or texts, one of the two"),
    (lambda: demo().embed(clip(1), "a"), Argument, "embed: expected inputs or texts, one of the two"),
    (lambda: demo().features("itc"), Argument, "what: 'itc', expected one of itc-image, itc-text"),
    (lambda: demo().features("text", clip(1), "a"), Argument, "inputs: text is not of inputs"),
    (lambda: demo().features("vision"), Argument, "inputs: vision is of inputs"),
    (lambda: demo().features("vision", clip(1), "a"), Argument, "texts: vision is not of texts"),
    (lambda: demo().features("text"), Argument, "texts: none given"),
    (lambda: demo().retrieve(GOOD, "a"), Argument, "path: "),  # type: ignore
    (lambda: demo().retrieve(CLIPS, []), Argument, "queries: none given"),
    (lambda: demo().retrieve(CLIPS, "a", rerank=-1), Argument, "rerank: -1, expected 0 or more"),
    (lambda: demo().retrieve(CLIPS, "a", rerank=1.5), Argument, "rerank: 1.5, expected a whole number"),  # type: ignore
    (lambda: demo().retrieve(CLIPS, "a", top=0), Argument, "top: 0, expected more"),
    (lambda: list(demo().retrieve(CLIPS, "a", min_p=2)), Argument, "min_p: 2"),
    (lambda: list(demo().retrieve(CLIPS, "a", min_p=0.5, rerank=0)), Argument, "min_p: "),
    (lambda: vblip.Model("/nowhere", "cpu"), vblip.Error, "/nowhere: "),
    (lambda: vblip.Model(DEMO, "no such device"), vblip.DeviceError, "no such device"),
    (lambda: vblip.Model(DEMO, "cpu", "f8"), vblip.Error, "f8"),
    (lambda: vblip.Model(DEMO, "cpu", tasks="vision"), Argument, "tasks: 'vision', expected some of retrieval"),
    (lambda: vblip.Model(DEMO, "cpu", tasks="nlvr"), vblip.Error, ""),
    (lambda: vblip.Model(DEMO, "cpu", compat="x"), Argument, "compat: 'x', expected salesforce or hf"),
    (lambda: vblip.Model(DEMO, "cpu", vocab="/nowhere"), vblip.Error, "/nowhere"),
    (lambda: vblip.Model(DEMO, "cpu", threads=-2), Argument, "threads: -2, expected"),
    (lambda: vblip.Library(demo()), Argument, "library: no paths and no index"),
    (lambda: vblip.Library(demo(), index="/nowhere/x.db"), vblip.Error, "/nowhere/x.db"),
    (lambda: vblip.Library(demo(), clip(1), segment="x"), Argument, "segment x: auto, whole"),
    (lambda: vblip.files(CLIPS, shard=(0, 3)), Argument, "shard: 0, expected more"),
    (lambda: vblip.files(CLIPS, shard=(4, 3)), Argument, "shard"),
    (lambda: vblip.files(CLIPS, shard=3), Argument, "shard: 3, expected (number from 1,"),  # type: ignore
    (lambda: vblip.files(CLIPS, include="*.mp4"), Argument, "include: '*.mp4', expected a list of globs"),
    (lambda: vblip.export_index(clip(1)), vblip.Error, "clip-01.mp4"),
    (lambda: vblip.describe_index("/nowhere.db"), vblip.Error, "/nowhere.db"),
    (lambda: vblip.verify_index(clip(1)), vblip.Error, "clip-01.mp4"),
    (lambda: vblip.list_index(3), Argument, "index: int, expected a path"),  # type: ignore
    (lambda: vblip.media("/nowhere.mp4"), vblip.FileError, ""),
    (lambda: vblip.cut("/nowhere/out.mp4", vblip.Moment(clip(1), 0, 1)), vblip.Error, "/nowhere/out.mp4"),
    (lambda: vblip.cut("out.txt", vblip.Moment(clip(1), 0, 1)), Argument, "out.txt"),
    (lambda: vblip.thumbnail(clip(1), width=15), Argument, "15"),
    (lambda: vblip.thumbnail(clip(1), width=2**40), Argument, "width: 1099511627776, expected 0 to 4294967295"),
    (lambda: vblip.thumbnail(clip(1), width=-2), Argument, "width: -2, expected 0 to 4294967295"),
    (lambda: vblip.cut("o.mp4", [(clip(1), 0, 1)]), Argument, "moments: "),  # type: ignore
    (lambda: vblip.thumbnail("/nowhere.mp4"), vblip.Error, ""),
]


class Refusals(Case):
    def test_frames(self) -> None:
        for frames, words in FRAMES:
            with self.subTest(words):
                with self.assertRaises(vblip.ArgumentError) as caught:
                    list(demo().caption(frames))
                self.assertIn(words, self.one_line(caught.exception))

    def test_calls(self) -> None:
        for number, (call, error, words) in enumerate(CALLS):
            with self.subTest(number=number, words=words):
                with self.assertRaises(error) as caught:
                    call()
                self.assertIn(words, self.one_line(caught.exception))

    def test_errors_are_pythons_own_too(self) -> None:
        for mine, pythons in ((vblip.ArgumentError, ValueError), (vblip.FileError, OSError),
                              (vblip.FormatError, ValueError), (vblip.OutOfMemoryError, MemoryError),
                              (vblip.DeviceError, RuntimeError)):
            self.assertTrue(issubclass(mine, pythons) and issubclass(mine, vblip.Error))
        again = pickle.loads(pickle.dumps(vblip.InputError("a.mp4", "no such file")))
        self.assertEqual((str(again), again.path, again.reason), ("a.mp4: no such file", "a.mp4", "no such file"))

    def test_searches_of_a_library(self) -> None:
        with vblip.Library(demo(), clip(1), index=self.path("some.db")) as library:
            example = vblip.Example(clip(1), weight="x")  # type: ignore
            calls: list[tuple[Callable[[], object], str]] = [
                (lambda: library.retrieve("a", include="*.mp4"), "include: '*.mp4', expected a list of globs"),
                (lambda: library.retrieve("a", exclude=b"*"), "exclude: b'*', expected a list of globs"),  # type: ignore
                (lambda: list(library.retrieve("a", include=["*"])), "include, exclude: only allowed without inputs"),
                (lambda: library.retrieve(like=example), "weight: 'x', expected a number")]
            for call, words in calls:
                with self.subTest(words), self.assertRaisesRegex(vblip.ArgumentError, "^" + re.escape(words)):
                    call()
            found = list(library.retrieve("a", rerank=np.int64(1)))  # type: ignore
            self.assertIsNotNone(found[0].itm_logit)

    def test_what_is_closed(self) -> None:
        model = vblip.Model(DEMO, "cpu")
        held = model.clip(clip(1))
        library = vblip.Library(model, clip(1), index=self.path("one.db"))
        rows = model.caption(clip(1))
        held.close()
        held.close()
        with self.assertRaisesRegex(vblip.ArgumentError, "^clip: closed$"):
            held.caption()
        model.close()
        model.close()
        library.close()
        of_library: list[Callable[[], object]] = [
            library.update, lambda: list(library.retrieve("a")), lambda: library.describe()]
        for call in of_library:
            with self.assertRaisesRegex(vblip.ArgumentError, "^library: closed$"):
                call()
        of_model: list[Callable[[], object]] = [
            lambda: list(rows), lambda: model.embed(clip(1)), lambda: model.clip(clip(1)), lambda: model.counts,
            lambda: list(model.retrieve(clip(1), "a"))]
        for call in of_model:
            with self.assertRaisesRegex(vblip.ArgumentError, "^(model|engine): closed$"):
                call()
        self.assertTrue(model.closed and held.closed and library.closed)


class Failed(Case):
    """One bad input among good ones."""

    def inputs(self) -> list[str]:
        with open(self.path("bad.mp4"), "wb") as file:
            file.write(b"no video")
        return [clip(1), self.path("bad.mp4"), clip(2)]

    def test_rows_before_it_stand_and_then_it_is_raised(self) -> None:
        found = []
        with self.assertRaises(vblip.InputError) as caught:
            for row in demo().match(self.inputs(), "a dog"):
                found.append(row.path)
        self.assertEqual(found, [clip(1)])
        self.assertEqual(caught.exception.path, self.path("bad.mp4"))
        self.assertNotIn("bad.mp4", caught.exception.reason)

    def test_it_is_told_and_the_others_are_worked_on(self) -> None:
        failures: list[vblip.Failure] = []
        rows = list(demo().match(self.inputs(), "a dog", failed=failures.append))
        self.assertEqual([row.path for row in rows], [clip(1), clip(2)])
        self.assertEqual([f.path for f in failures], [self.path("bad.mp4")])

    def test_what_the_callback_raises_comes_out(self) -> None:
        def refuse(failure: vblip.Failure) -> None:
            raise KeyError(failure.path)

        with self.assertRaises(KeyError):
            list(demo().match(self.inputs(), "a dog", failed=refuse))
        with self.assertRaises(KeyError):
            demo().embed(self.inputs(), failed=refuse)
        with self.assertRaises(KeyError), demo().clip(clip(1)) as held:
            held.match("a dog", progress=lambda _: refuse(vblip.Failure("a", "b")))

    def test_vectors_have_a_row_of_nan(self) -> None:
        vectors = demo().embed(self.inputs(), failed=lambda _: None)
        self.assertEqual(np.isnan(vectors).all(axis=1).tolist(), [False, True, False])
        self.assertEqual(np.isnan(vectors).any(axis=1).tolist(), [False, True, False])

    def test_a_library_tells_and_remembers(self) -> None:
        failures: list[vblip.Failure] = []
        with vblip.Library(demo(), self.inputs(), index=self.path("x.db")) as library:
            with self.assertRaises(vblip.InputError):
                library.update()
            self.assertEqual(library.update(failed=failures.append).failed, 1)
        self.assertEqual(len(failures), 1)
        self.assertEqual([bool(r.error) for r in vblip.list_index(self.path("x.db"))].count(True), 1)

    def test_damage_is_a_warning(self) -> None:
        with open(clip(1), "rb") as file:
            data = bytearray(file.read())
        data[len(data) // 2:len(data) // 2 + 400] = bytes(400)
        with open(self.path("damaged.mp4"), "wb") as file:
            file.write(data)
        told: list[vblip.Failure] = []
        with unittest.mock.patch("warnings.warn") as warn:
            list(demo().caption(self.path("damaged.mp4"), failed=told.append))
        self.assertTrue(told or warn.called)
        if warn.called:
            self.assertTrue(issubclass(warn.call_args[0][1], vblip.InputWarning))


if __name__ == "__main__":
    run_tests()

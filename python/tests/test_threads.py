"""Whose turn it is, what stops work, and what is freed when."""

import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
import unittest.mock
from typing import Any, Callable

from support import CLIPS, DEMO, Case, clip, demo, run_tests

import vblip

MANY = [clip(n) for n in range(1, 17)] * 200  # minutes of work


class Stopping(Case):
    def soon(self, started: float) -> None:
        self.assertLess(time.monotonic() - started, 10, "it was not stopped")

    def test_rows_come_while_the_library_works(self) -> None:
        before = demo().counts.frames_decoded
        rows = demo().caption(MANY)
        first = next(rows)
        self.assertEqual(first.path, clip(1))
        rows.close()
        self.assertLess(demo().counts.frames_decoded - before, 6000)

    def test_a_loop_that_is_left_stops_it(self) -> None:
        started = time.monotonic()
        for number, _row in enumerate(demo().match(MANY, ["a dog", "a cat"])):
            if number == 5:
                break
        self.assertTrue(list(demo().ask(clip(1), "what is this?")))  # the model is free
        self.soon(started)

    def test_a_reader_that_rests_holds_the_library_back(self) -> None:
        before = demo().counts.frames_decoded
        with demo().features("vision", MANY) as rows:
            next(rows)
            time.sleep(1)
        self.assertLess(demo().counts.frames_decoded - before, 6000)

    def test_two_threads_may_read_the_same_rows(self) -> None:
        rows = demo().match([clip(n) for n in range(1, 9)], ["a dog", "a cat"])
        found: list[list[vblip.Match]] = [[], []]
        ended: list[int] = []

        def read(number: int) -> None:
            found[number].extend(rows)
            ended.append(number)

        readers = [threading.Thread(target=read, args=(number,)) for number in (0, 1)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(20)
            self.assertFalse(reader.is_alive())
        self.assertEqual(len(ended), 2)
        self.assertEqual(sorted(found[0] + found[1]), sorted(demo().match([clip(n) for n in range(1, 9)],
                                                                         ["a dog", "a cat"])))

    def test_closed_rows_are_at_their_end(self) -> None:
        rows = demo().caption(clip(1))
        rows.close()
        rows.close()
        self.assertEqual(list(rows), [])
        done = demo().caption(clip(1))
        self.assertTrue(list(done))
        self.assertEqual(list(done), [])

    def test_an_exception_of_the_loop_stops_it(self) -> None:
        started = time.monotonic()
        with self.assertRaises(KeyError), demo().caption(MANY) as rows:
            for _ in rows:
                raise KeyError
        self.assertTrue(demo().info)
        self.soon(started)

    def test_progress_stops_it_by_raising(self) -> None:
        seen: list[vblip.Progress] = []

        def tell(progress: vblip.Progress) -> None:
            seen.append(progress)
            if len(seen) == 3:
                raise InterruptedError

        calls: list[Callable[[], object]] = [
            lambda: list(demo().caption(MANY, progress=tell)), lambda: demo().embed(MANY, progress=tell)]
        for call in calls:
            seen.clear()
            with self.assertRaises(InterruptedError):
                call()
        self.assertTrue(seen[0].unit)

    def interrupted(self, call: Callable[[], object]) -> None:
        timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
        timer.start()
        started = time.monotonic()
        with self.assertRaises(KeyboardInterrupt):
            call()
        self.soon(started)
        timer.join()
        self.assertEqual(len(list(demo().match(clip(1), "a dog"))), 1)  # it works as before

    def test_ctrl_c_stops_rows(self) -> None:
        self.interrupted(lambda: list(demo().caption(MANY)))

    def test_ctrl_c_stops_a_call_without_rows(self) -> None:
        self.interrupted(lambda: demo().embed(MANY))
        with vblip.Library(demo(), MANY, index=self.path("many.db"), segment="0.1") as library:
            self.interrupted(library.update)

    def test_ctrl_c_stops_a_search_that_has_no_rows_yet(self) -> None:
        self.interrupted(lambda: list(demo().retrieve(MANY, "a dog", segment="0.2")))


class Turns(Case):
    def test_the_gil_is_released(self) -> None:
        counted = 0
        done = threading.Event()

        def count() -> None:
            nonlocal counted
            while not done.is_set():
                counted += 1

        other = threading.Thread(target=count)
        inputs = [clip(n) for n in range(1, 9)]
        demo().embed(inputs)
        sys_interval = sys.getswitchinterval()
        other.start()
        before = counted
        demo().embed(inputs)
        meanwhile = counted - before
        done.set()
        other.join()
        self.assertEqual(sys_interval, sys.getswitchinterval())
        self.assertGreater(meanwhile, 20000)

    def test_threads_wait_for_each_other(self) -> None:
        wanted = list(demo().match(clip(4), ["a dog", "a cat"]))
        found: list[Any] = []

        def ask() -> None:
            for _ in range(5):
                with demo().clip(clip(4)) as held:
                    found.append([round(m.p_match, 4) for m in held.match(["a dog", "a cat"])])
                found.append([round(m.p_match, 4) for m in demo().match(clip(4), ["a dog", "a cat"])])

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(found, [[round(m.p_match, 4) for m in wanted]] * 40)

    def test_models_work_at_once(self) -> None:
        with vblip.Model(DEMO, "cpu", threads=1) as one, vblip.Model(DEMO, "cpu", threads=1) as two:
            for a, b in zip(one.match(CLIPS, "a dog"), two.match(CLIPS, "a dog")):  # neither is at its end
                self.assertEqual(a, b)

    def test_a_thread_does_not_wait_for_itself(self) -> None:
        with demo().caption(MANY) as rows:
            next(rows)
            calls: list[Callable[[], object]] = [
                lambda: demo().embed(clip(1)), lambda: list(demo().match(clip(1), "a")), lambda: demo().clip(clip(1)),
                lambda: demo().counts]
            for call in calls:
                with self.assertRaisesRegex(vblip.ArgumentError, "^model: busy with rows of this thread"):
                    call()
            self.assertTrue(next(rows).caption)  # these go on
        with demo().clip(clip(1)) as held:
            with self.assertRaisesRegex(vblip.ArgumentError, "busy"):
                held.match("a dog", progress=lambda _: held.match("a dog"))

    def test_another_thread_waits_for_the_rows_of_this(self) -> None:
        order: list[str] = []
        rows = demo().caption(MANY)
        next(rows)

        def wait() -> None:
            demo().embed(clip(1))
            order.append("other")

        other = threading.Thread(target=wait)
        other.start()
        time.sleep(0.3)
        order.append("this")
        rows.close()
        other.join()
        self.assertEqual(order, ["this", "other"])

    def test_a_model_that_is_closed_stops_who_reads(self) -> None:
        model = vblip.Model(DEMO, "cpu")
        caught: list[BaseException] = []

        def read() -> None:
            try:
                list(model.caption(MANY))
            except vblip.Error as error:
                caught.append(error)

        other = threading.Thread(target=read)
        other.start()
        time.sleep(0.5)
        model.close()
        other.join(10)
        self.assertFalse(other.is_alive())
        self.assertEqual([type(e) for e in caught], [vblip.CancelledError])

    def test_rows_of_this_thread_do_not_keep_a_model_from_closing(self) -> None:
        with vblip.Model(DEMO, "cpu") as model:
            rows = model.caption(MANY)
            next(rows)
        with self.assertRaises(vblip.CancelledError):
            list(rows)

    def test_another_process_opens_its_own(self) -> None:
        demo()
        child = os.fork()
        if not child:
            try:
                demo().counts
            except vblip.ArgumentError as error:
                os._exit(0 if "opened in process" in str(error) else 2)
            finally:
                os._exit(3)
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), 0)
        self.assertTrue(demo().counts)


def resident_mib() -> float:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Lifetimes(Case):
    def run_script(self, script: str) -> str:
        done = subprocess.run([sys.executable, "-X", "dev", "-W", "ignore", "-c", "import vblip\n" + script, DEMO,
                               clip(1)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8", check=False,
                              timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def test_what_stands_on_a_model_goes_first(self) -> None:
        order: list[str] = []
        from vblip import _engine
        plain = _engine.Handle.__init__

        def watched(self: Any, engine: Any, name: str, place: Any, free: Any, parent: Any = None) -> None:
            def freed(pointer: Any) -> None:
                order.append(name)
                free(pointer)

            plain(self, engine, name, place, freed, parent)

        with unittest.mock.patch.object(_engine.Handle, "__init__", watched):
            for names in itertools.permutations(("model", "held", "library")):
                order.clear()
                things: dict[str, Any] = {"model": vblip.Model(DEMO, "cpu")}
                things["held"] = things["model"].clip(clip(1))
                things["library"] = vblip.Library(things["model"], clip(1), index=self.path("one.db"))
                for name in names:  # whatever is forgotten first
                    del things[name]
                gc.collect()
                self.assertEqual(sorted(order), ["clip", "engine", "library", "model"])
                self.assertEqual(order[2:], ["model", "engine"])
            order.clear()
            with vblip.Model(DEMO, "cpu") as model:
                held, library = model.clip(clip(1)), vblip.Library(model, clip(1), index=self.path("one.db"))
            self.assertEqual(order[2:], ["model", "engine"])
            del held, library, model
            gc.collect()
            self.assertEqual(len(order), 4)

    def test_a_clip_keeps_its_model(self) -> None:
        held = vblip.Model(DEMO, "cpu").clip(clip(4))
        gc.collect()
        self.assertGreater(held.match("a dog")[0].p_match, 0.5)

    def test_a_clip_that_is_collected_while_the_model_works_is_freed_later(self) -> None:
        held = demo().clip(clip(1))
        with demo().caption(MANY) as rows:
            next(rows)
            del held
            gc.collect()
            next(rows)
        self.assertEqual(len(demo()._engine._unused), 0)

    def test_programs_end_whatever_they_hold(self) -> None:
        for held in ("m = vblip.Model(sys.argv[1], 'cpu'); c = m.clip(sys.argv[2])",
                     "m = vblip.Model(sys.argv[1], 'cpu'); r = m.caption([sys.argv[2]] * 1000); next(r)",
                     "m = vblip.Model(sys.argv[1], 'cpu'); r = m.caption([sys.argv[2]] * 1000); next(r); m.close()",
                     "c = vblip.Model(sys.argv[1], 'cpu').clip(sys.argv[2]); c.c = c",
                     "r = vblip.Model(sys.argv[1], 'cpu').caption(sys.argv[2])"):
            with self.subTest(held):
                self.assertEqual(self.run_script("import sys\n%s\nprint('end')" % held), "end\n")

    def test_memory_is_given_back(self) -> None:
        def work(times: int) -> None:
            for _ in range(times):
                with demo().clip(clip(1)) as held:
                    held.match("a dog")
                next(demo().caption(clip(1)))
                demo().embed([clip(1)])
                try:
                    list(demo().match("/nowhere", "a dog"))
                except vblip.InputError:
                    pass

        work(30)
        gc.collect()
        before, threads = resident_mib(), threading.active_count()
        work(100)
        gc.collect()
        self.assertLess(resident_mib() - before, 16)
        self.assertEqual(threading.active_count(), threads)

    def test_models_give_their_memory_back(self) -> None:
        def work(times: int) -> None:
            for _ in range(times):
                model = vblip.Model(DEMO, "cpu", threads=1)
                model.clip(clip(1))
                del model

        work(3)
        before = resident_mib()
        work(8)
        gc.collect()
        self.assertLess(resident_mib() - before, 40)


if __name__ == "__main__":
    run_tests()

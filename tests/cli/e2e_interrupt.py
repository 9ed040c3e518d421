#!/usr/bin/env python3
"""Ctrl-C on a model of full size, whose every step takes seconds on a processor: heard at once.

The checkpoint is the one that model.full_size_base_retrieval makes and deletes.
"""

import os
import resource
import signal
import time
import unittest

from e2e_support import CLIPS, EXIT_INTERRUPTED, Case, checkpoint, main, parse, start

BASE = checkpoint("base-retrieval")
SAID = "vblip: interrupted; what was finished is kept"
FRAMES = 16  # so many that a fast machine, too, is not through all clips after seven seconds
MOST_CPU_S = len(os.sched_getaffinity(0))  # a second of each core after the signal: a busy machine does not count


def cpu_of(process):
    """Processor time that a process has used so far, in seconds."""
    with open("/proc/%d/stat" % process.pid, encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_of_ended():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@unittest.skipUnless(os.path.exists(BASE), "made by model.full_size_base_retrieval_make")
class Interrupts(Case):
    inputs = sorted(os.path.join(CLIPS, name) for name in os.listdir(CLIPS) if name.endswith(".mp4"))

    def begin(self, *arguments):
        process = start("match", "--model", BASE, CLIPS, "a dog", "-f", "jsonl", *arguments)
        self.addCleanup(process.kill)
        return process

    def interrupt(self, process):
        """Its rest of standard output, when it stopped in time and said so."""
        before = cpu_of_ended() + cpu_of(process)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
        self.assertLess(cpu_of_ended() - before, MOST_CPU_S)
        self.assertEqual((process.returncode, err.decode().splitlines()[-1:]), (EXIT_INTERRUPTED, [SAID]))
        return out.decode()

    def check_rows(self, text):
        """Whole rows, of the first inputs; how many depends on the machine."""
        paths = [row["path"] for row in parse("jsonl", text)]
        self.assertEqual(paths, self.inputs[:len(paths)])
        self.assertLess(len(paths), len(self.inputs))

    def test_at_several_moments(self):
        """While the device is opened, weights are loaded, frames are encoded."""
        for moment in (0.5, 1, 2, 4, 7):
            with self.subTest(moment=moment):
                process = self.begin("--frames", FRAMES)
                time.sleep(moment)
                self.check_rows(self.interrupt(process))

    def test_finished_rows_are_kept(self):
        process = self.begin("--frames", 1)
        first = process.stdout.readline().decode()
        self.assertTrue(first.endswith("\n"))
        self.check_rows(first + self.interrupt(process))

    def test_the_second_ends_at_once(self):
        process = self.begin()
        time.sleep(3)
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)  # two at once are one
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertLess(time.monotonic() - sent, 5)
        self.assertIn(process.returncode, (-signal.SIGINT, EXIT_INTERRUPTED))


if __name__ == "__main__":
    main()

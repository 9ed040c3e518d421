#!/usr/bin/env python3
"""vblip watch: a folder that things happen to, and streams that come, break and come back."""

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import unittest

from e2e_support import DEMO, EXIT_UNUSABLE, Case, clip, ffmpeg, main, read, start, vblip, write

DOG = "a dog to the left of a violin"  # of clip 4
TELEVISIONS = "three televisions on an orange background"  # of clip 6
BOTH = ("--alert", DOG, "--alert", TELEVISIONS)


class Watch:
    """One that is running; what it prints is gathered."""

    def __init__(self, *options, stdin=subprocess.DEVNULL):
        self.process = start("watch", "--model", DEMO, "--device", "cpu", *options, stdin=stdin)
        self.lines, self.said = [], []
        self.threads = [threading.Thread(target=self.gather, args=pair) for pair in
                        ((self.process.stdout, self.lines), (self.process.stderr, self.said))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def gather(stream, lines):
        for line in stream:
            lines.append(line.decode())

    def wait(self, what):
        for _ in range(600):
            if what():
                return
            time.sleep(0.1)
        raise AssertionError((self.lines, self.said))

    @property
    def rows(self):
        return [json.loads(line) for line in list(self.lines)]

    def events(self, count):
        """Once there are so many, and no more a while later."""
        self.wait(lambda: len(self.lines) >= count)
        time.sleep(2.5)
        assert len(self.lines) == count, self.lines
        return self.rows

    def stop(self, number=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()
        for sign in ("runtime error:", "Sanitizer", "Assertion"):
            assert sign not in "".join(self.said), self.said
        return code


class WatchedFolder(Case):
    def setUp(self):
        super().setUp()
        self.watched = self.path("in")
        os.mkdir(self.watched)
        self.running = None
        self.addCleanup(lambda: self.running and self.running.stop(signal.SIGKILL))

    def watch(self, *options):
        self.running = Watch(self.watched, "--alert", DOG, *options)
        self.running.wait(lambda: any(line.startswith("watching ") for line in self.running.said))
        return self.running

    def inside(self, *names):
        return os.path.join(self.watched, *names)

    def test_files_that_come(self):
        shutil.copy(clip(4), self.inside("there.mp4"))
        watch = self.watch("--thumbnails", self.path("pictures"))
        data = read(clip(4))
        with open(self.inside("slow.mp4"), "wb", buffering=0) as file:  # a copy that takes its time
            for part in range(4):
                file.write(data[len(data) * part // 4:len(data) * (part + 1) // 4])
                time.sleep(0.7)
            self.assertEqual(watch.lines, [])
        row, = watch.events(1)
        self.assertEqual((row["alert"], row["path"], row["start"]), (DOG, self.inside("slow.mp4"), 0))
        self.assertEqual(list(row), "time alert path start end p_match itc score calibration thumbnail".split())
        self.assertGreater(row["p_match"], 0.5)
        self.assertRegex(row["time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertEqual(read(row["thumbnail"])[:2], b"\xff\xd8")
        # the same moment once more: touched, renamed, copied; and one of something else
        os.utime(self.inside("slow.mp4"))
        with open(self.inside("slow.mp4"), "ab"):
            pass
        os.rename(self.inside("slow.mp4"), self.inside("renamed.mp4"))
        shutil.copy(clip(4), self.inside("copy.mp4"))
        shutil.copy(clip(1), self.inside("other.mp4"))
        write(self.inside("notes.txt"), "no video")
        watch.events(1)
        self.assertEqual(watch.stop(), 0)
        self.assertEqual([line for line in watch.said if line.startswith("vblip: ") and "demo model" not in line], [])

    def test_folders_that_come(self):
        watch = self.watch()
        outside = self.path("outside")
        os.makedirs(os.path.join(outside, "deep"))
        write(os.path.join(outside, "deep", "a.mp4"), read(clip(4)))
        os.rename(outside, self.inside("moved"))
        watch.events(1)
        os.makedirs(self.inside("made", "deep"))
        write(self.inside("made", "deep", "b.mp4"), read(clip(4)) + b"\0\0\0\x08free")
        rows = watch.events(2)
        self.assertEqual([row["path"] for row in rows],
                         [self.inside("moved", "deep", "a.mp4"), self.inside("made", "deep", "b.mp4")])
        shutil.rmtree(self.watched)
        self.assertEqual(watch.process.wait(timeout=60), 4)
        self.assertIn("is there no longer", watch.said[-1])
        watch.stop()

    def test_commands(self):
        command = 'cat >> "%s"; echo "$VBLIP_START $VBLIP_ALERT"; case $VBLIP_PATH in *fails*) exit 3;; esac' % \
            self.path("told")
        watch = self.watch("--exec", command)
        for number, name in enumerate(("fails.mp4", "works.mp4")):
            write(self.inside(name), read(clip(4)) + b"\0\0\0\x08free" * number)
            watch.events(number + 1)
        self.assertEqual(watch.stop(signal.SIGTERM), 0)
        self.assertEqual(read(self.path("told")).decode(), "".join(watch.lines))
        self.assertEqual([line for line in watch.said if "--exec" in line],
                         ["vblip: --exec: %s: exit status 3\n" % self.inside("fails.mp4")])
        self.assertEqual(watch.said.count("0.000 %s\n" % DOG), 2)

    def test_a_command_that_hangs(self):
        watch = self.watch("--exec", "sleep 1000")
        write(self.inside("a.mp4"), read(clip(4)))
        watch.wait(lambda: watch.lines)
        watch.wait(lambda: "killed" in watch.said[-1])
        self.assertEqual(watch.said[-1], "vblip: --exec: %s: not done after 30 s, and killed\n" % self.inside("a.mp4"))
        write(self.inside("b.mp4"), read(clip(4)) + b"\0\0\0\x08free")
        watch.wait(lambda: len(watch.lines) == 2)
        begin = time.monotonic()
        self.assertEqual(watch.stop(), 0)  # while a command runs
        self.assertLess(time.monotonic() - begin, 10)

    def test_all_and_unreadable(self):
        shutil.copy(clip(4), self.inside("there.mp4"))
        watch = self.watch("--all")
        watch.events(1)
        write(self.inside("bad.mp4"), "no video")
        rows = watch.events(2)
        self.assertEqual(rows[1], {"path": self.inside("bad.mp4"), "error": "not a video or image"})
        shutil.copy(clip(4), self.inside("again.mp4"))
        watch.events(2)
        self.assertEqual(watch.stop(), 0)


class Server:
    """Sends films over TCP to one client after another, each as it is told to."""

    def __init__(self, port=0):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.sender = self.client = None

    def send(self, *arguments, before=b""):
        """To the next that connects: what ffmpeg makes with these arguments."""
        self.client, _ = self.listener.accept()
        self.client.sendall(before)
        self.sender = subprocess.Popen(["ffmpeg", "-nostdin", "-v", "quiet", *arguments, "-f", "mpegts", "-"],
                                       stdout=self.client.fileno())

    def close(self):
        self.listener.close()
        if self.sender:
            self.sender.kill()
            self.sender.wait()
        if self.client:
            self.client.close()


def film(path, *clips, options=()):
    """Clips of 3.4 s one behind the other."""
    inputs = [word for number in clips for word in ("-i", clip(number))]
    ffmpeg(*inputs, "-filter_complex", "concat=n=%d:v=1:a=0" % len(clips), "-r", "15", "-g", "15", "-c:v", "libx264",
           "-preset", "ultrafast", "-pix_fmt", "yuv420p", *options, path)
    return path


class WatchedStream(Case):
    def setUp(self):
        super().setUp()
        self.running = self.server = None
        self.addCleanup(lambda: self.running and self.running.stop(signal.SIGKILL))
        self.addCleanup(lambda: self.server and self.server.close())

    def serve(self, port=0):
        if self.server:
            self.server.close()
        self.server = Server(port)
        return self.server

    def watch(self, address, *options, stdin=subprocess.DEVNULL):
        self.running = Watch(*BOTH, "--segment", "1", "--frames", "4", *options, address, stdin=stdin)
        return self.running

    def said_of(self, watch, word):
        return [line for line in watch.said if word in line]

    def stops(self, watch, code, number=signal.SIGTERM):
        began = time.monotonic()
        self.assertEqual(watch.stop(number), code)
        self.assertLess(time.monotonic() - began, 1.5)

    def test_lost_and_back(self):
        source = film(self.path("film.mkv"), 1, 4, 1)
        server = self.serve()
        address = "http://user:secret@127.0.0.1:%d/cam?x=1" % server.port
        watch = self.watch(address, "--thumbnails", self.path("pictures"), "--exec", 'echo "ran for $VBLIP_PATH"')
        answer = b"HTTP/1.0 200 OK\r\nContent-Type: video/mp2t\r\n\r\n"
        server.send("-re", "-i", source, "-c", "copy", before=answer)
        row, = watch.events(1)
        shown = "http://127.0.0.1:%d/cam?x=1" % server.port
        self.assertEqual((row["alert"], row["path"]), (DOG, shown))
        self.assertEqual(list(row), "time alert path start end p_match itc score calibration thumbnail".split())
        self.assertTrue(2.4 < row["start"] < 4.5 and 0.9 < row["end"] - row["start"] < 1.1, row)
        self.assertEqual(read(row["thumbnail"])[:2], b"\xff\xd8")
        self.assertIn("-cam_00m0", row["thumbnail"])
        server.close()
        watch.wait(lambda: self.said_of(watch, ": lost: "))
        time.sleep(1.5)
        server = self.serve(server.port)
        server.send("-re", "-ss", "3.2", "-i", source, "-c", "copy", before=answer)
        watch.wait(lambda: len(watch.lines) == 2)
        again = watch.rows[1]
        self.assertGreater(again["start"], row["end"] + 2)  # wherever the stream says it is
        self.assertEqual(self.said_of(watch, "watching "), ["watching %s\n" % shown])
        self.assertEqual(len(self.said_of(watch, ": lost: ")), 1)
        self.assertEqual(len(self.said_of(watch, ": back after ")), 1)
        self.assertEqual(len(self.said_of(watch, "ran for " + shown)), 2)
        server.close()  # and while it is lost
        watch.wait(lambda: len(self.said_of(watch, ": lost: ")) == 2)
        self.stops(watch, 0)
        self.assertNotIn("secret", "".join(watch.lines + watch.said))

    def test_silence(self):
        source = film(self.path("film.mkv"), 4)
        server = self.serve()
        watch = self.watch("tcp://127.0.0.1:%d" % server.port)
        server.send("-i", source, "-c", "copy")  # at once, and the connection stays
        watch.events(1)
        watch.wait(lambda: self.said_of(watch, "lost: nothing came for 10 s"))
        self.stops(watch, 0, signal.SIGINT)

    def test_faster_than_it_is_searched(self):
        source = film(self.path("film.mkv"), *([1] * 20))
        server = self.serve()
        watch = self.watch("tcp://127.0.0.1:%d" % server.port)
        server.send("-stream_loop", "20", "-i", source, "-c", "copy")
        watch.wait(lambda: self.said_of(watch, "comes faster than it is searched"))
        server.sender.wait()
        self.assertEqual(len(self.said_of(watch, "comes faster than it is searched")), 1)
        self.stops(watch, 0)

    def test_an_endless_pipe_is_stopped(self):
        source = film(self.path("film.mkv"), 4)
        sender = subprocess.Popen(["ffmpeg", "-nostdin", "-v", "quiet", "-re", "-stream_loop", "-1", "-i", source, "-c",
                                   "copy", "-f", "matroska", "-"], stdout=subprocess.PIPE)
        watch = self.watch("-", stdin=sender.stdout)
        sender.stdout.close()
        watch.wait(lambda: watch.lines)
        time.sleep(5)
        self.assertEqual(len(watch.lines), 1)  # it goes on
        self.stops(watch, 130)
        sender.kill()
        sender.wait()

    def events_of(self, data, *options, code=0):
        run = vblip("watch", "-", "--model", DEMO, "--device", "cpu", *BOTH, "--segment", "1", "--frames", "4",
                    *options, stdin=data)
        self.assertEqual(run.code, code, run)
        return [(row["alert"], row["start"], row["end"]) for row in map(json.loads, run.lines)], run

    def test_what_is_piped(self):
        """Each is read to its end, and what it shows is found where it is."""
        plain = read(film(self.path("a.mkv"), 1, 4, 6))
        (dog, dog_from, dog_to), (televisions, from_s, to_s) = self.events_of(plain)[0]
        self.assertEqual((dog, televisions), (DOG, TELEVISIONS))
        self.assertTrue(2.4 < dog_from < 4.5 and 0.9 < dog_to - dog_from <= 1 and 5.8 < from_s < 8, (dog_from, dog_to, from_s, to_s))
        # a clock that begins again, another size, and bytes that are wrong
        first = read(film(self.path("1.ts"), 1))
        second = read(film(self.path("2.ts"), 4, options=("-s", "480x360")))
        third = bytearray(read(film(self.path("3.ts"), 6)))
        third[len(third) // 3::1999] = bytes(255 - byte for byte in third[len(third) // 3::1999])
        events, _ = self.events_of(first + second + bytes(third))
        self.assertEqual([row[0] for row in events], [DOG, TELEVISIONS])
        self.assertTrue(2.4 < events[0][1] < 4.5, events)
        # no times at all: 25 pictures a second, as FFmpeg has it
        raw, _ = self.events_of(read(film(self.path("a.h264"), 1, 4)))
        self.assertEqual([row[0] for row in raw], [DOG])
        self.assertTrue(1.3 < raw[0][1] < 3.2, raw)
        # in the middle of everything
        self.assertEqual(self.events_of(plain[:len(plain) * 2 // 3])[0][0], (DOG, dog_from, dog_to))

    def test_what_is_no_stream(self):
        ffmpeg("-f", "lavfi", "-i", "sine=duration=2", self.path("sound.ts"))
        ffmpeg("-f", "lavfi", "-i", "testsrc2=duration=3", "-c:v", "mpeg4", "-q:v", "2", self.path("late.mp4"))
        for data, message in ((b"", "nothing came"), (b"noise" * 9999, "not a video that can be read as it comes; "),
                              (read(self.path("sound.ts")), "no video in it, only sound or data"),
                              (read(self.path("late.mp4")), "not a video that can be read as it comes; ")):
            _, run = self.events_of(data, code=EXIT_UNUSABLE)
            self.assertIn("vblip: -: " + message, run.messages[-1])
        for address, message in (("http://u:secret@127.0.0.1:1/x", "http://127.0.0.1:1/x: Connection refused"),
                                 ("rtsp://u:secret@127.0.0.1:1/x", "rtsp://127.0.0.1:1/x: Connection refused"),
                                 ("tcp://no.host.invalid:1", "tcp://no.host.invalid:1: not reachable; is the name of ")):
            run = vblip("watch", address, "--model", DEMO, "--device", "cpu", *BOTH)
            self.assertEqual((run.code, run.out), (EXIT_UNUSABLE, ""))
            self.assertIn("vblip: " + message, run.messages[-1])
            self.assertNotIn("secret", run.err)


if __name__ == "__main__":
    main()

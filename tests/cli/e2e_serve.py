#!/usr/bin/env python3
"""vblip serve, spoken to as browsers, scripts and strangers do."""

import concurrent.futures
import http.client
import json
import os
import shutil
import signal
import socket
import tempfile
import time
import unittest

from e2e_support import CLIPS, Case, clip, environment, ffmpeg, main, make_image, parse, read, start, vblip

JSON = {"Content-Type": "application/json"}
DOG = "a dog to the left of a violin"


class Server:
    """One that is running; `options` are added to its command line."""

    def __init__(self, *arguments, env=None):
        self.process = start("serve", "--port", 0, *arguments, env=env)
        said = []
        for line in self.process.stderr:
            said.append(line.decode())
            if line.startswith(b"http"):
                break
        else:
            raise AssertionError("no address: %s" % "".join(said))
        self.url = said[-1].strip()
        self.port = int(self.url.split(":")[2].split("/")[0])

    def send(self, method, path, body=None, headers=None):
        """Status, headers and body of an answer."""
        connection = http.client.HTTPConnection("localhost", self.port, timeout=120)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path, **headers):
        status, _, body = self.send("GET", path, headers=headers)
        assert status == 200, (status, body)
        return json.loads(body)

    def post(self, path, expect=200, **body):
        status, _, answer = self.send("POST", path, json.dumps(body), JSON)
        assert status == expect, (status, answer)
        return json.loads(answer)

    def wait(self, **wanted):
        """Until the index holds that."""
        for _ in range(600):
            status = self.get("/api/status")
            if not status["indexing"] and all(status["index"][k] == v for k, v in wanted.items()):
                return status
            time.sleep(0.1)
        raise AssertionError(status)

    def stop(self, number=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(number)
        _, err = self.process.communicate(timeout=60)
        err = err.decode()
        for sign in ("runtime error:", "Sanitizer", "Assertion"):
            assert sign not in err, err
        return self.process.returncode, err


class ServeCase(Case):
    """A server of the bundled clips and a picture."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.served = tempfile.TemporaryDirectory(prefix="vblip-serve-")
        for number in range(1, 17):
            shutil.copy(clip(number), cls.served.name)
        os.mkdir(os.path.join(cls.served.name, "stills"))
        make_image(os.path.join(cls.served.name, "stills", "still.png"), clip(3))
        cls.server = Server(cls.served.name, "--device", "cpu")
        cls.server.wait(recordings=17, segments=17, failed=0)
        listed = cls.server.get("/api/recordings")["recordings"]
        cls.ids = {recording["path"]: recording["id"] for recording in listed}

    @classmethod
    def tearDownClass(cls):
        code, err = cls.server.stop()
        cls.served.cleanup()
        assert code == 0 and "interrupted" not in err, (code, err)
        super().tearDownClass()

    def in_folder(self, name):
        return os.path.join(self.served.name, name)


class ServedAnswers(ServeCase):
    def rows(self, *arguments):
        return parse("jsonl", vblip(*arguments, "-f", "jsonl", "--device", "cpu").out)

    def hits(self, **body):
        return self.server.post("/api/search", **body)["hits"]

    def check_hits(self, hits, rows):
        keys = ("rank", "start", "end", "score", "itc", "p_match")
        self.assertEqual([{k: hit[k] for k in keys} for hit in hits if hit["timed"]],
                         [{k: row[k] for k in keys} for row in rows if row["start"] is not None])
        self.assertEqual([self.in_folder(hit["path"]) for hit in hits], [row["path"] for row in rows])

    def test_hits_are_those_of_retrieve(self):
        hits = self.hits(query=DOG, top=17, rerank=17)
        self.check_hits(hits, self.rows("retrieve", self.served.name, DOG, "--top", 17, "--rerank", 17))
        self.assertEqual((hits[0]["path"], hits[0]["recording"]), ("clip-04.mp4", self.ids["clip-04.mp4"]))
        self.assertEqual(len(hits), 17)
        by_itc = self.hits(query=DOG, top=5, rerank=0)
        self.check_hits(by_itc, self.rows("retrieve", self.served.name, DOG, "--top", 5, "--rerank", 0))
        self.assertEqual([hit["p_match"] for hit in by_itc], [None] * 5)

    def test_pages(self):
        whole = self.hits(query=DOG, top=17, rerank=0)
        pages = self.hits(query=DOG, top=10, rerank=0) + self.hits(query=DOG, top=10, offset=10, rerank=0)
        self.assertEqual(pages, whole)

    def test_filters(self):
        self.assertEqual({hit["path"] for hit in self.hits(query=DOG, include=["clip-0*"], exclude=["*-04*"])},
                         {"clip-%02d.mp4" % n for n in range(1, 10) if n != 4})
        self.assertEqual([hit["path"] for hit in self.hits(query=DOG, min_p=0.9)], ["clip-04.mp4"])
        self.assertEqual(self.hits(query=DOG, until=1000), [])
        self.assertEqual(len(self.hits(query=DOG, since=1000, until=9214646399, top=100)), 17)
        self.assertEqual(self.hits(query=DOG, include=["nothing"]), [])

    def test_globs_without_a_path(self):
        """The same of the command, which had no globs for an index as it is."""
        index = os.path.join(self.served.name, "own.index")
        vblip("index", clip(3), clip(4), "--index", index, "--device", "cpu")
        rows = self.rows("retrieve", "--index", index, DOG, "--include", "*03*")
        self.assertEqual([os.path.basename(row["path"]) for row in rows], ["clip-03.mp4"])

    def test_more_like_this(self):
        hits = self.hits(like=self.ids["stills/still.png"], top=3)
        self.assertEqual({hits[0]["path"], hits[1]["path"]}, {"stills/still.png", "clip-03.mp4"})
        part = self.hits(like=self.ids["clip-04.mp4"], start=1, end=2, top=1)
        self.assertEqual(part[0]["path"], "clip-04.mp4")

    def test_then(self):
        self.assertEqual(self.hits(query=DOG, then="a pizza"), [])  # clips are one segment each

    def test_answers_are_those_of_qa(self):
        question = "what is in the picture?"
        row = self.rows("qa", clip(4), question)[0]
        for _ in range(2):  # the second time from what was encoded
            answer = self.server.post("/api/ask", recording=self.ids["clip-04.mp4"], question=question)
            self.assertEqual((answer["answer"], answer["score"]), (row["answer"], row["score"]))
        ranked = self.server.post("/api/ask", recording=self.ids["clip-04.mp4"], question=question,
                                  answers=["pizza", "dog and violin"])
        self.assertEqual(ranked["answer"], "dog and violin")
        self.assertEqual([item["index"] for item in ranked["ranked"]], [1, 0])

    def test_captions_are_those_of_caption(self):
        rows = self.rows("caption", clip(2), "--every", 1, "--merge")
        expected = [{k: row[k] for k in ("caption", "start", "end", "score")} for row in rows]
        body = {"recording": self.ids["clip-02.mp4"], "every": 1}
        self.assertEqual(self.server.post("/api/captions", **body)["captions"], expected)
        status, headers, stream = self.server.send("POST", "/api/captions", json.dumps(body),
                                                   {**JSON, "Accept": "text/event-stream"})
        self.assertEqual((status, headers["Content-Type"]), (200, "text/event-stream"))
        events = [event.split("\n") for event in stream.decode().split("\n\n")[:-1]]
        self.assertEqual([event[0] for event in events], ["event: caption"] * len(rows) + ["event: end"])
        self.assertEqual([json.loads(event[1][6:]) for event in events[:-1]], expected)
        moment = self.server.post("/api/captions", recording=self.ids["clip-02.mp4"], start=0, end=2)["captions"]
        self.assertEqual([(line["start"], line["end"]) for line in moment], [(0, 2)])

    def test_a_recording_that_went_away(self):
        path = self.in_folder("gone.mp4")
        index = os.path.join(self.served.name, "gone.index")
        shutil.copy(clip(5), path)
        vblip("index", path, "--index", index, "--device", "cpu")
        os.remove(path)
        server = Server("--index", index, "--device", "cpu")
        self.addCleanup(server.stop)
        recording = server.get("/api/recordings")["recordings"][0]["id"]
        self.assertEqual(server.send("GET", "/media/" + recording)[0], 404)
        self.assertEqual(server.send("GET", "/thumbnail/" + recording)[0], 404)
        self.assertIn("No such file", server.post("/api/ask", 404, recording=recording, question="q")["error"])
        self.assertIn("No such file", server.post("/api/captions", 404, recording=recording)["error"])
        self.assertEqual(len(server.post("/api/search", query=DOG)["hits"]), 1)


    def test_a_recording_that_was_replaced(self):
        """Under one name: what is said and shown is of the file that is there."""
        path = self.in_folder("replaced.mp4.tmp.mp4")
        shutil.copy(clip(16), path)
        index = os.path.join(self.served.name, "replaced.index")
        vblip("index", path, "--index", index, "--device", "cpu")
        server = Server("--index", index, "--device", "cpu")
        self.addCleanup(server.stop)
        recording = server.get("/api/recordings")["recordings"][0]["id"]
        asked = {"recording": recording, "start": 0, "end": 2, "question": "what is in the picture?"}
        picture = "/thumbnail/%s?t=1" % recording
        before = server.post("/api/ask", **asked)["answer"]
        _, headers, old = server.send("GET", picture)
        known = {"If-None-Match": headers["ETag"]}
        self.assertEqual(server.send("GET", picture, headers=known)[0], 304)
        shutil.copy(clip(4), path)
        self.assertEqual(server.post("/api/ask", **asked)["answer"], "dog and violin")
        self.assertNotEqual(before, "dog and violin")
        status, _, new = server.send("GET", picture, headers=known)
        self.assertTrue(status == 200 and new != old)
        os.remove(path)

    def test_captions_keep_nobody_waiting(self):
        """Also of a recording in which nothing changes, so that for long no caption is ready."""
        path = self.in_folder("still.mp4.tmp.mkv")
        ffmpeg("-f", "lavfi", "-i", "color=red:size=64x48:rate=10:duration=120", path)
        index = os.path.join(self.served.name, "still.index")
        vblip("index", path, "--index", index, "--device", "cpu")
        server = Server("--index", index, "--device", "cpu")
        self.addCleanup(server.stop)
        recording = server.get("/api/recordings")["recordings"][0]["id"]
        body = json.dumps({"recording": recording, "every": 0.1})
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            captions = pool.submit(server.send, "POST", "/api/captions", body, JSON)
            answered = 0
            while not captions.done():
                server.post("/api/search", query=DOG)
                answered += 1
            self.assertEqual(captions.result()[0], 200)
        self.assertGreater(answered, 10)
        os.remove(path)

    def test_work_of_those_who_left_is_not_done(self):
        body = json.dumps({"recording": self.ids["clip-04.mp4"], "every": 0.1}).encode()
        head = ("POST /api/captions HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: application/json\r\n"
                "Content-Length: %d\r\n\r\n" % (self.server.port, len(body))).encode()
        begun = time.monotonic()
        self.server.post("/api/captions", recording=self.ids["clip-04.mp4"], every=0.1)
        alone = time.monotonic() - begun
        for _ in range(30):
            with socket.create_connection(("localhost", self.server.port)) as connection:
                connection.sendall(head + body)
        begun = time.monotonic()
        self.server.post("/api/captions", recording=self.ids["clip-04.mp4"], every=1)
        self.assertLess(time.monotonic() - begun, 15 * alone)


class ServedFiles(ServeCase):
    def media(self, name, **headers):
        status, answered, body = self.server.send("GET", "/media/" + self.ids[name], headers=headers)
        return status, answered, body

    def test_a_file_whole_and_in_parts(self):
        whole = read(clip(4))
        status, headers, body = self.media("clip-04.mp4")
        self.assertEqual((status, headers["Content-Type"], headers["Accept-Ranges"]), (200, "video/mp4", "bytes"))
        self.assertEqual(body, whole)
        size, tag = len(whole), headers["ETag"]
        for asked, first, last in (("0-", 0, size), ("100-199", 100, 200), ("-50", size - 50, size),
                                   ("%d-" % (size - 1), size - 1, size), ("5-999999999", 5, size)):
            status, headers, body = self.media("clip-04.mp4", Range="bytes=" + asked)
            self.assertEqual((status, body), (206, whole[first:last]), asked)
            self.assertEqual(headers["Content-Range"], "bytes %d-%d/%d" % (first, last - 1, size))
        status, headers, _ = self.media("clip-04.mp4", Range="bytes=%d-" % size)
        self.assertEqual((status, headers["Content-Range"]), (416, "bytes */%d" % size))
        self.assertEqual(self.media("clip-04.mp4", **{"Range": "bytes=0-9", "If-Range": tag})[0], 206)
        self.assertEqual(self.media("clip-04.mp4", **{"Range": "bytes=0-9", "If-Range": '"old"'})[2], whole)
        status, headers, body = self.server.send("HEAD", "/media/" + self.ids["clip-04.mp4"])
        self.assertEqual((status, headers["Content-Length"], body), (200, str(size), b""))
        self.assertEqual(self.media("stills/still.png")[1]["Content-Type"], "image/png")

    def picture(self, query):
        status, headers, body = self.server.send("GET", "/thumbnail/" + self.ids["clip-04.mp4"] + query)
        self.assertEqual((status, headers["Content-Type"]), (200, "image/jpeg"))
        jpeg = self.in_folder("thumbnail.jpg.tmp")
        with open(jpeg, "wb") as file:
            file.write(body)
        raw = self.in_folder("thumbnail.rgb.tmp")
        ffmpeg("-f", "jpeg_pipe", "-i", jpeg, "-pix_fmt", "rgb24", "-f", "rawvideo", raw)
        return read(raw)

    def test_thumbnails_show_the_moment(self):
        shown = self.picture("?t=2&w=160")
        expected = self.in_folder("expected.rgb.tmp")
        ffmpeg("-ss", 2, "-i", clip(4), "-frames:v", 1, "-vf", "scale=160:120", "-pix_fmt", "rgb24", "-f", "rawvideo",
               expected)
        wanted = read(expected)
        self.assertEqual(len(shown), len(wanted))
        off = sum(abs(a - b) for a, b in zip(shown, wanted)) / len(shown)
        self.assertLess(off, 4)  # of 255: what JPEG and another scaler come to
        self.assertEqual(len(self.picture("")), 320 * 240 * 3)
        self.assertEqual(self.picture("?t=1000"), self.picture("?t=3.39"))  # behind the end: the last frame

    def test_the_page(self):
        for path, kind in (("/", "text/html; charset=utf-8"), ("/app.js", "text/javascript; charset=utf-8"),
                           ("/style.css", "text/css; charset=utf-8"), ("/icon.svg", "image/svg+xml")):
            status, headers, body = self.server.send("GET", path)
            self.assertEqual((status, headers["Content-Type"]), (200, kind))
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
            for elsewhere in (b"http://", b"https://"):
                self.assertNotIn(elsewhere, body.replace(b"http://www.w3.org/2000/svg", b""))

    def test_the_api_describes_itself(self):
        api = self.server.get("/openapi.json")
        for path, methods in api["paths"].items():
            for method, operation in methods.items():
                at = path.replace("{id}", self.ids["clip-04.mp4"])
                status = self.server.send(method.upper(), at, "{" if method == "post" else None, JSON)[0]
                self.assertEqual(status, 400 if method == "post" else 200, path)
                self.assertIn(str(status), operation["responses"])


REFUSALS = (  # method, path, headers, body, status
    ("GET", "/nothing", {}, None, 404),
    ("GET", "/media/", {}, None, 404),
    ("GET", "/media/0123456789abcdef", {}, None, 404),
    ("GET", "/media/../../etc/passwd", {}, None, 404),
    ("GET", "/media/%2e%2e%2f%2e%2e%2fetc%2fpasswd", {}, None, 404),
    ("GET", "/media//etc/passwd", {}, None, 404),
    ("GET", "/media/clip-04.mp4", {}, None, 404),
    ("GET", "/%00", {}, None, 404),
    ("GET", "/thumbnail/0123456789abcdef?t=x", {}, None, 400),
    ("GET", "/thumbnail/0123456789abcdef?w=100000", {}, None, 400),
    ("GET", "/thumbnail/0123456789abcdef?t=nan", {}, None, 400),
    ("GET", "/api/recordings?limit=0", {}, None, 400),
    ("GET", "/api/recordings?offset=-1", {}, None, 400),
    ("GET", "/api/recordings?offset=0.5", {}, None, 400),
    ("DELETE", "/api/search", JSON, "{}", 405),
    ("POST", "/", JSON, "{}", 405),
    ("POST", "/api/search", {}, '{"query":"a"}', 415),
    ("POST", "/api/search", {"Content-Type": "text/plain"}, '{"query":"a"}', 415),
    ("POST", "/api/search", {"Content-Type": "application/jsonp"}, '{"query":"a"}', 415),
    ("POST", "/api/search", JSON, "", 400),
    ("POST", "/api/search", JSON, '{"query":"a"', 400),
    ("POST", "/api/search", JSON, b'{"query":"\xff"}', 400),
    ("POST", "/api/search", JSON, '{"query":"a","query":"b"}', 400),
    ("POST", "/api/search", JSON, '{"query":"%s"}' % ("a" * 4097), 400),
    ("POST", "/api/search", JSON, '{"like":"../../etc/passwd"}', 404),
    ("POST", "/api/ask", JSON, '{"recording":"00","question":"q"}', 404),
    ("POST", "/api/captions", JSON, '{"recording":"00"}', 404),
    ("POST", "/api/search", JSON, " " * 70000, 413),
    ("GET", "/api/status", {"Host": "evil.example"}, None, 403),
    ("GET", "/", {"Host": "evil.example"}, None, 403),
    ("GET", "/api/status", {"Origin": "http://evil.example"}, None, 403),
    ("POST", "/api/search", {**JSON, "Origin": "null"}, '{"query":"a"}', 403),
    ("GET", "/api/recordings", {"Sec-Fetch-Site": "cross-site"}, None, 403),
)


class ServedStrangers(ServeCase):
    def test_refusals(self):
        for method, path, headers, body, expected in REFUSALS:
            with self.subTest(method=method, path=path, headers=headers, body=str(body)[:60]):
                status, answered, answer = self.server.send(method, path, body, headers)
                self.assertEqual(status, expected, answer)
                self.assertEqual(list(json.loads(answer)), ["error"])
                self.assertNotIn(self.served.name.encode(), answer)
                if status == 405:
                    self.assertIn(answered["Allow"], ("GET, HEAD", "POST"))

    def raw(self, *parts, whole=False):
        """What is answered to bytes as they are, nothing behind them if `whole`; b"" where that is nothing."""
        with socket.create_connection(("localhost", self.server.port), timeout=60) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
                if whole:
                    connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # answered before all was read
            try:
                return connection.recv(65536)
            except ConnectionResetError:
                return b""

    def test_what_is_no_http(self):
        for sent in (b"\0\xff\xfe\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\r\n" * 1000,
                     b"GET / HTTP/1.1\r\n\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100000 + b"\r\n\r\n",
                     b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
                     b"POST /api/search HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n"):
            with self.subTest(sent=sent[:40]):
                answer = self.raw(sent, whole=True)
                self.assertTrue(answer == b"" or b" 4" in answer[:13] or b" 5" in answer[:13], answer[:80])
        self.assertEqual(self.server.send("GET", "/")[0], 200)

    def test_a_body_that_never_ends(self):
        head = b"POST /api/search HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: application/json\r\n" % self.server.port
        chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
        answer = self.raw(head + b"Transfer-Encoding: chunked\r\n\r\n", chunk * 200)
        self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 413"), answer[:80])

    def test_many_at_once_beside_slow_ones(self):
        """200 requests of all kinds, beside clients that say half of one, or leave an answer unread."""
        slow = [socket.create_connection(("localhost", self.server.port)) for _ in range(50)]
        for i, connection in enumerate(slow):
            self.addCleanup(connection.close)
            connection.sendall(b"GET /media/%s HTTP/1.1\r\nHost: localhost:%d\r\n"
                               % (self.ids["clip-04.mp4"].encode(), self.server.port) + b"\r\n" * (i % 2))
        recording = self.ids["clip-04.mp4"]
        kinds = (
            lambda: self.server.post("/api/search", query=DOG)["hits"][0]["path"] == "clip-04.mp4",
            lambda: self.server.post("/api/ask", recording=recording, question="what is in the picture?")["answer"]
            == "dog and violin",
            lambda: self.server.send("GET", "/media/" + recording)[2] == read(clip(4)),
            lambda: self.server.send("GET", "/thumbnail/" + recording + "?t=1")[0] == 200,
            lambda: self.server.post("/api/search", 400) is not None,
        )
        with concurrent.futures.ThreadPoolExecutor(200) as pool:
            done = [pool.submit(kinds[i % len(kinds)]) for i in range(200)]
            self.assertTrue(all(each.result() for each in done))

    def test_a_reader_that_leaves(self):
        """In the middle of captions: they are not made to the end, and others are answered."""
        body = json.dumps({"recording": self.ids["clip-04.mp4"], "every": 0.1}).encode()
        head = ("POST /api/captions HTTP/1.1\r\nHost: localhost:%d\r\nContent-Type: application/json\r\n"
                "Accept: text/event-stream\r\nContent-Length: %d\r\n\r\n" % (self.server.port, len(body))).encode()
        for _ in range(5):
            self.assertTrue(self.raw(head + body).startswith(b"HTTP/1.1 200"))
        self.assertEqual(len(self.server.post("/api/search", query=DOG, top=3)["hits"]), 3)


class ServedLives(Case):
    def test_it_ends_when_it_is_told_to(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            server = Server(CLIPS, "--device", "cpu")
            code, err = server.stop(number)
            self.assertEqual((code, err), (0, ""))

    def test_searches_while_it_indexes(self):
        """Recordings are found as they come, and the index is the one that `index` makes."""
        with tempfile.TemporaryDirectory() as folder:
            for i in range(320):
                os.link(clip(i % 16 + 1), os.path.join(folder, "%03d.mp4" % i)) if i < 16 else shutil.copy(
                    clip(i % 16 + 1), os.path.join(folder, "%03d.mp4" % i))
            env = environment(XDG_DATA_HOME=os.path.join(folder, "data"))
            server = Server(folder, "--device", "cpu", env=env)
            self.addCleanup(server.stop)
            seen, searched = set(), 0
            while server.get("/api/status")["indexing"]:
                hits = server.post("/api/search", query=DOG, top=200)["hits"]
                seen.add(len(hits))
                searched += 1
            server.wait(recordings=320)
            self.assertEqual(len(server.post("/api/search", query=DOG, top=200)["hits"]), 200)
            self.assertGreater(searched, 0)
            self.assertEqual(server.stop()[0], 0)
            rows = parse("jsonl", vblip("retrieve", folder, DOG, "--rerank", 0, "--top", 320, "-f", "jsonl", "--device",
                                        "cpu", env=env).out)
            anew = parse("jsonl", vblip("retrieve", folder, DOG, "--rerank", 0, "--top", 320, "-f", "jsonl", "--device",
                                        "cpu", "--no-index", env=env).out)
            self.assertEqual(rows, anew)

    def test_a_port_that_is_taken(self):
        server = Server(CLIPS, "--device", "cpu")
        self.addCleanup(server.stop)
        second = vblip("serve", CLIPS, "--device", "cpu", "--port", server.port)
        self.assertEqual(second.code, 4)
        self.assertEqual(second.messages[-1], "vblip: 127.0.0.1 port %d: Address already in use; --port N takes "
                                              "another, --port 0 any" % server.port)

    def test_an_address_of_its_own(self):
        server = Server(CLIPS, "--device", "cpu", "--bind", "127.2")
        self.addCleanup(server.stop)
        self.assertEqual(server.url, "http://127.0.0.2:%d/" % server.port)
        connection = http.client.HTTPConnection("127.0.0.2", server.port, timeout=60)
        connection.request("GET", "/api/status")
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()

    def test_a_token(self):
        server = Server(CLIPS, "--device", "cpu", "--bind", "0.0.0.0", "--token", "correct-horse")
        self.addCleanup(server.stop)
        self.assertEqual(server.url, "http://localhost:%d/?token=correct-horse" % server.port)
        self.assertEqual(server.send("GET", "/")[0], 401)
        self.assertEqual(server.send("GET", "/?token=wrong-horse!")[0], 401)
        status, headers, _ = server.send("GET", "/?token=correct-horse")
        self.assertEqual((status, headers["Location"]), (303, "/"))
        self.assertIn("HttpOnly; SameSite=Strict", headers["Set-Cookie"])
        cookie = headers["Set-Cookie"].split(";")[0]
        self.assertEqual(server.send("GET", "/api/status", headers={"Cookie": cookie, "Host": "nas:1"})[0], 200)
        self.assertEqual(server.send("GET", "/api/status", headers={"Authorization": "Bearer correct-horse"})[0], 200)
        self.assertEqual(server.send("GET", "/api/status?token=correct-horse")[0], 401)


if __name__ == "__main__":
    main()

"""e2e_mcp.py - `vblip mcp`: what agents are told, as JSON-RPC on a pipe, and through the official client package.

All but one test need nothing beside Python; that one is skipped where PyPI's `mcp` is not installed.
"""

import asyncio
import base64
import json
import os
import re
import signal
import subprocess
import time

from e2e_support import (BINARY, CLIPS, EXIT_DONE, EXIT_MISUSED, EXIT_NO_DEVICE, EXIT_UNUSABLE, Case, clip,
                         environment, main, make_image, read, vblip, write)

CPU = ("--device", "cpu")
QUESTION, TEXTS = "what is in the picture?", ["a dog", "a cat on a blue background"]
TOOLS = ["search", "caption", "ask", "match", "show"]
REVISIONS = ["2025-11-25", "2025-06-18", "2024-11-05"]
NOT_SEEN = ": not there, or not one of the recordings that are searched"


class Server:
    """The program on two pipes."""

    def __init__(self, *arguments, env=None):
        self.process = subprocess.Popen([BINARY, "mcp", *CPU, *map(str, arguments)], env=env or environment(),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.number = 0

    def say(self, text):
        self.process.stdin.write(text if isinstance(text, bytes) else text.encode() + b"\n")
        self.process.stdin.flush()

    def read(self):
        return json.loads(self.process.stdout.readline())

    def ask(self, method, params=None):
        self.number += 1
        message = {"jsonrpc": "2.0", "id": self.number, "method": method}
        if params is not None:
            message["params"] = params
        self.say(json.dumps(message))
        answer = self.read()
        assert (answer["jsonrpc"], answer["id"]) == ("2.0", self.number), answer
        return answer

    def begin(self, revision=REVISIONS[0]):
        answer = self.ask("initialize", {"protocolVersion": revision, "capabilities": {},
                                         "clientInfo": {"name": "test", "version": "1"}})
        self.say('{"jsonrpc":"2.0","method":"notifications/initialized"}')
        return answer["result"]

    def call(self, tool, **arguments):
        return self.ask("tools/call", {"name": tool, "arguments": arguments})["result"]

    def leave(self):
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()

    def end(self):
        out, err = self.process.communicate(timeout=60)
        assert out == b"", out
        for sign in ("runtime error:", "Sanitizer", "Assertion"):
            assert sign not in err.decode(), err
        return self.process.returncode, err.decode()


class McpCase(Case):
    def server(self, *arguments, **how):
        server = Server(*arguments, **how)
        self.addCleanup(server.leave)
        return server

    def rows(self, *arguments, env=None):
        return [json.loads(line) for line in vblip(*arguments, *CPU, "-f", "jsonl", env=env).lines]

    def told(self, result, rows):
        """The result of a call holds these rows, twice."""
        self.assertFalse(result["isError"], result)
        self.assertEqual(result["structuredContent"], {"rows": rows})
        self.assertEqual([(c["type"], json.loads(c["text"])) for c in result["content"]], [("text", rows)])

    def refused(self, result, message):
        self.assertTrue(result["isError"], result)
        (content,) = result["content"]
        self.assertEqual((content["type"], content["text"]), ("text", message))
        self.assertNotIn("structuredContent", result)


class McpTools(McpCase):
    def test_tools_answer_as_the_commands(self):
        server = self.server(CLIPS)
        begun = server.begin()
        self.assertEqual((begun["protocolVersion"], begun["capabilities"], begun["serverInfo"]["name"]),
                         (REVISIONS[0], {"tools": {}}, "vblip"))
        path = clip(4)
        still = os.path.join(CLIPS, "clip-04.mp4")
        for tool, arguments, command in [
                ("search", dict(query="a dog", top=3), ["retrieve", CLIPS, "a dog", "--top", 3]),
                ("search", dict(query="a dog", min_p=0.5), ["retrieve", CLIPS, "a dog", "--min-p", 0.5]),
                ("search", dict(query="a dog", then="a violin", within=5),
                 ["retrieve", CLIPS, "a dog", "--then", "a violin", "--within", 5]),
                ("ask", dict(path=path, question=QUESTION), ["qa", path, QUESTION]),
                ("ask", dict(path=path, question=QUESTION, answers=["a", "b"]),
                 ["qa", path, QUESTION, "--answers", "a,b"]),
                ("match", dict(path=path, texts=TEXTS), ["match", path, *TEXTS]),
                ("caption", dict(path=path), ["caption", path, "--count", 10]),
                ("caption", dict(path=still, every=1), ["caption", still, "--every", 1]),
                ("caption", dict(path=path, shots=True), ["caption", path, "--shots"])]:
            with self.subTest(tool=tool, arguments=arguments):
                self.told(server.call(tool, **arguments), self.rows(*command))
        (row,) = server.call("caption", path=path, start=1, end=2)["structuredContent"]["rows"]
        self.assertEqual((row["path"], row["start"], row["end"]), (path, 1.0, 2.0))
        self.assertEqual(server.end()[0], EXIT_DONE)

    def test_a_moment_is_shown_as_a_picture(self):
        server = self.server(CLIPS)
        server.begin()
        for arguments, width in [(dict(), 512), (dict(time=1.5, width=64), 64), (dict(width=65), 64)]:
            result = server.call("show", path=clip(4), **arguments)
            self.assertFalse(result["isError"])
            (content,) = result["content"]
            self.assertEqual((content["type"], content["mimeType"]), ("image", "image/jpeg"))
            picture = write(self.path("picture.jpg"), base64.b64decode(content["data"], validate=True))
            probe = ["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width", "-of", "csv=p=0", picture]
            done = subprocess.run(probe, stdout=subprocess.PIPE, check=True)
            self.assertEqual(done.stdout.decode().strip(), "mjpeg,%d" % width)
        self.assertEqual(server.call("show", path=clip(4), time=1)["content"],
                         server.call("show", path=clip(4), time=1)["content"])
        server.end()

    def test_what_is_not_searched_is_not_seen(self):
        folder, outside = self.path("films"), self.path("outside.mp4")
        os.mkdir(folder)
        os.symlink(clip(1), outside)
        os.symlink(outside, os.path.join(folder, "link.mp4"))
        with open(os.path.join(folder, "own.mp4"), "wb") as file:
            file.write(read(clip(1)))
        server = self.server(folder)
        server.begin()
        for path in (outside, clip(1), "/etc/passwd", os.path.join(folder, "..", "outside.mp4"), "nothing.mp4",
                     os.path.join(folder, "link.mp4"), os.path.join(folder, "nothing.mp4")):
            for tool, more in (("show", {}), ("caption", {}), ("ask", {"question": "x"}), ("match", {"texts": ["x"]})):
                self.refused(server.call(tool, path=path, **more), path + NOT_SEEN)
        self.assertFalse(server.call("show", path=os.path.join(folder, "own.mp4"))["isError"])
        server.end()

    def test_an_index_is_searched_as_it_is(self):
        env = environment(XDG_DATA_HOME=self.path("data"))
        folder, index = self.path("films"), self.path("films.index")
        os.mkdir(folder)
        for number in (1, 4):
            with open(os.path.join(folder, "clip-%02d.mp4" % number), "wb") as file:
                file.write(read(clip(number)))
        self.ok("index", folder, "--index", index, *CPU, env=env)
        server = self.server("--index", index, env=env)
        server.begin()
        rows = self.rows("retrieve", "--index", index, "a dog", env=env)
        self.assertEqual(len(rows), 2)
        self.told(server.call("search", query="a dog"), rows)
        self.assertFalse(server.call("show", path=rows[0]["path"])["isError"])
        self.refused(server.call("show", path=clip(1)), clip(1) + NOT_SEEN)
        server.end()
        self.assertIn("mcp: no index yet; ", self.exits(EXIT_MISUSED, "mcp", *CPU, env=env).err)
        self.ok("index", folder, *CPU, env=env)
        server = self.server(env=env)
        server.begin()
        self.told(server.call("search", query="a dog"), rows)
        server.end()

    def test_failures_are_told(self):
        folder = self.path("films")
        os.mkdir(folder)
        text = write(os.path.join(folder, "text.mp4"), "no video")
        server = self.server(folder)
        server.begin()
        self.refused(server.call("ask", path=text, question="x"), text + ": not a video or image")
        self.refused(server.call("show", path=text), text + ": not a video or image")
        self.refused(server.call("search", query="x"), text + ": not a video or image")
        for arguments, message in [(dict(), "path: missing"), (dict(path=1), "path: expected a text"),
                                   (dict(path=text, wing=1), "wing: not a field of this request"),
                                   (dict(path=text, time=-1), "time: -1, expected 0 to 2678400"),
                                   (dict(path=text, width=8), "width: 8, expected 16 to 1024")]:
            self.refused(server.call("show", **arguments), message)
        self.refused(server.call("match", path=text, texts=[]), "texts: holds none")
        self.refused(server.call("ask", path=text, question="x", start=2, end=1), "end: not behind start")
        self.refused(server.call("caption", path=text, count=3, shots=True), "shots: not together with every or count")
        server.end()


class McpMessages(McpCase):
    def answers(self, *lines):
        lines = [text if isinstance(text, bytes) else text.encode() for text in lines]
        run = vblip("mcp", *CPU, CLIPS, stdin=b"\n".join(lines))
        self.assertEqual(run.code, EXIT_DONE, run)
        return [json.loads(text) for text in run.lines]

    def test_the_revision_is_agreed_on(self):
        for asked in REVISIONS + ["2025-03-26", "1999-01-01", ""]:
            (answer,) = self.answers(json.dumps({"jsonrpc": "2.0", "id": 0, "method": "initialize",
                                                 "params": {"protocolVersion": asked}}))
            self.assertEqual(answer["result"]["protocolVersion"], asked if asked in REVISIONS else REVISIONS[0])

    def test_what_is_no_request_is_an_error(self):
        begin = '{"jsonrpc":"2.0","id":"begin","method":"initialize","params":{"protocolVersion":"2025-06-18"}}'
        cases = [
            (b"nope", None, -32700),
            (b'{"jsonrpc":"2.0","id":1', None, -32700),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping"}x', None, -32700),
            (b'{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}', None, -32700),
            (b"\xff", None, -32700),
            (b"x" * (1 << 21), None, -32700),
            (b"[]", None, -32600),
            (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', None, -32600),
            (b"1", None, -32600),
            (b"{}", None, -32600),
            (b'{"id":1,"method":"ping"}', 1, -32600),
            (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', 1, -32600),
            (b'{"jsonrpc":"2.0","id":1}', 1, -32600),
            (b'{"jsonrpc":"2.0","id":1,"method":2}', 1, -32600),
            (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', None, -32600),
            (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', None, -32600),
            (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', None, -32600),
            (b'{"jsonrpc":"2.0","id":"a","method":"fly"}', "a", -32601),
            (b'{"jsonrpc":"2.0","id":"a","method":"server/discover"}', "a", -32601),
            (b'{"jsonrpc":"2.0","id":"a","method":"resources/list"}', "a", -32601),
            (b'{"jsonrpc":"2.0","id":2,"method":"ping","params":[1]}', 2, -32602),
            (b'{"jsonrpc":"2.0","id":2,"method":"initialize"}', 2, -32602),
            (b'{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":1}}', 2, -32602),
            (b'{"jsonrpc":"2.0","id":2,"method":"tools/call"}', 2, -32602),
            (b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":1}}', 2, -32602),
            (b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"fly"}}', 2, -32602),
            (b'{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"ask","arguments":[]}}', 2, -32602),
            (b'{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{"cursor":"x"}}', 2, -32602),
        ]
        answers = self.answers(begin, *[text for text, _, _ in cases])
        self.assertEqual(answers[0]["id"], "begin")
        self.assertEqual([(a["id"], a["error"]["code"]) for a in answers[1:]],
                         [(name, code) for _, name, code in cases])
        for answer in answers[1:]:
            self.assertEqual(list(answer), ["jsonrpc", "id", "error"])
            self.assertTrue(re.fullmatch(r"[^\n]+", answer["error"]["message"]))

    def test_some_messages_have_no_answer(self):
        answers = self.answers('{"jsonrpc":"2.0","method":"notifications/initialized"}',
                               '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}',
                               '{"jsonrpc":"2.0","method":"notifications/unheard/of"}',
                               '{"jsonrpc":"2.0","id":9,"result":{}}',
                               '{"jsonrpc":"2.0","id":9,"error":{"code":1,"message":"x"}}', "", "\r",
                               '{"jsonrpc":"2.0","id":12345678901234567890,"method":"ping"}')
        self.assertEqual(answers, [{"jsonrpc": "2.0", "id": 12345678901234567890, "result": {}}])

    def test_to_begin_comes_first(self):
        lists = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
        before, _, after = self.answers(
            lists, '{"jsonrpc":"2.0","id":2,"method":"initialize","params":{"protocolVersion":"2024-11-05"}}', lists)
        self.assertEqual(before["error"]["code"], -32600)
        self.assertEqual([tool["name"] for tool in after["result"]["tools"]], TOOLS)
        for tool in after["result"]["tools"]:
            schema = tool["inputSchema"]
            self.assertEqual((schema["type"], schema["additionalProperties"]), ("object", False))
            self.assertLessEqual(set(schema["required"]), set(schema["properties"]))
            for argument in schema["properties"].values():
                self.assertTrue(argument["description"])

    def test_what_cannot_serve_is_refused(self):
        for code, names, arguments in [
                (EXIT_MISUSED, "-o: not allowed here", ["-o", "x", CLIPS]),
                (EXIT_MISUSED, "--format: allowed for mcp: jsonl", ["-f", "csv", CLIPS]),
                (EXIT_MISUSED, "-: standard input has the messages", ["-"]),
                (EXIT_UNUSABLE, "nothing.mp4: No such file", ["nothing.mp4"]),
                (EXIT_UNUSABLE, "/nope: ", ["--model", "/nope", CLIPS]),
                (EXIT_NO_DEVICE, "nodevice", ["--device", "nodevice", CLIPS])]:
            done = self.exits(code, "mcp", *arguments)
            self.assertIn(names, done.err)
            self.assertEqual(done.out, "")  # which is for messages alone

    def test_it_ends_when_told(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            server = self.server(CLIPS)
            server.begin()
            server.call("ask", path=clip(1), question=QUESTION)
            server.process.send_signal(number)
            code, err = server.end()
            self.assertEqual(code, EXIT_DONE)
            self.assertNotIn("interrupted", err)


    def test_a_long_search_is_stopped(self):
        """Clients that have waited long enough send SIGTERM: no call is finished first."""
        env = environment(XDG_DATA_HOME=self.path("data"))
        server = self.server("--frames", 1024, CLIPS, env=env)
        server.begin()
        server.say(json.dumps({"jsonrpc": "2.0", "id": "long", "method": "tools/call",
                               "params": {"name": "search", "arguments": {"query": QUESTION}}}))
        time.sleep(1)
        server.process.send_signal(signal.SIGTERM)
        out, err = server.process.communicate(timeout=60)
        self.assertEqual(server.process.returncode, EXIT_DONE, err)
        self.assertNotIn(b"structuredContent", out)


class McpMany(McpCase):
    COUNT = 1000

    def resident(self, pid):
        (size,) = re.findall(r"VmRSS:\s+(\d+) kB", read("/proc/%d/status" % pid).decode())
        return int(size) / 1024

    def calls(self):
        """(tool, arguments, rows or None of a bad one)."""
        wanted = {}
        for key, arguments in (("ask", ["qa", CLIPS, QUESTION]), ("match", ["match", CLIPS, *TEXTS])):
            for row in self.rows(*arguments):
                wanted.setdefault((key, row["path"]), []).append(row)
        hits = self.rows("retrieve", CLIPS, "a dog")
        for number in range(self.COUNT):
            path = clip(number % 16 + 1)
            if number % 20 == 7:
                yield "ask", dict(path="/none.mp4", question="x"), None
            elif number % 50 == 9:
                yield "search", dict(query="a dog"), hits
            elif number % 2:
                yield "ask", dict(path=path, question=QUESTION), wanted["ask", path]
            else:
                yield "match", dict(path=path, texts=TEXTS), wanted["match", path]

    def test_each_call_is_answered(self):
        calls, sizes = list(self.calls()), {}
        server = self.server(CLIPS)
        server.begin()
        began = time.monotonic()
        for number, (tool, arguments, rows) in enumerate(calls):
            result = server.call(tool, **arguments)
            if rows is None:
                self.refused(result, arguments["path"] + NOT_SEEN)
            else:
                self.told(result, rows)
            if number in (300, self.COUNT - 1):
                sizes[number] = self.resident(server.process.pid)
        first, last = sizes.values()
        print("%d calls in %.1f s, resident %.1f MiB at 300, %.1f MiB at the end"
              % (self.COUNT, time.monotonic() - began, first, last))
        self.assertLess(last - first, 32)
        self.assertEqual(server.end()[0], EXIT_DONE)

    def test_each_call_is_answered_to_the_official_client(self):
        """Of either generation."""
        try:
            import mcp
        except ImportError:
            self.skipTest("PyPI's mcp is not installed")
        asyncio.run(self.drive(mcp))

    async def drive(self, mcp):
        from mcp.client.stdio import stdio_client
        start = mcp.StdioServerParameters(command=BINARY, args=["mcp", *CPU, CLIPS], env=environment())
        async with stdio_client(start) as (reader, writer):
            async with mcp.ClientSession(reader, writer) as session:
                begun = (await session.initialize()).model_dump(by_alias=True)
                self.assertEqual((begun["protocolVersion"], begun["serverInfo"]["name"]), (REVISIONS[0], "vblip"))
                await session.send_ping()
                tools = (await session.list_tools()).tools
                self.assertEqual([tool.name for tool in tools], TOOLS)
                await self.call_all(session)
        if hasattr(mcp, "Client"): # which asks whether a later protocol is spoken, first
            async with mcp.Client(stdio_client(start)) as client:
                self.assertEqual([tool.name for tool in (await client.list_tools()).tools], TOOLS)

    async def call_all(self, session):
        began = time.monotonic()
        for tool, arguments, rows in self.calls():
            result = (await session.call_tool(tool, arguments)).model_dump(by_alias=True, exclude_none=True)
            if rows is None:
                self.refused(result, arguments["path"] + NOT_SEEN)
            else:
                self.told(result, rows)
        result = (await session.call_tool("show", {"path": clip(4), "time": 1})).model_dump(by_alias=True)
        picture = base64.b64decode(result["content"][0]["data"])
        self.assertEqual((picture[:2], result["content"][0]["mimeType"]), (b"\xff\xd8", "image/jpeg"))
        print("%d calls of the client in %.1f s" % (self.COUNT, time.monotonic() - began))


if __name__ == "__main__":
    main()

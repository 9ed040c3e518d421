"""e2e_readme.py - what README.md says: its commands run, its output is what comes out, its links lead somewhere.

A command on files that are in the repository must succeed; one on files of the reader's own must at least be a
command: it may fail for want of the file, not as misused.
"""

import os
import re
import shlex

from e2e_support import EXIT_DONE, EXIT_MISUSED, SOURCE, Case, main, vblip

PROGRAM = "build/release/vblip"


def readme():
    with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
        return file.read()


def blocks(kind):
    return [text for name, text in re.findall(r"^```(\w*)\n(.*?)^```$", readme(), re.M | re.S) if name == kind]


def commands(text, program):
    """Arguments of every line that runs `program`. Of what takes minutes (bench) or never ends, help will do."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if words and words[0] == program:
            yield words[1:] + (["--help"] if words[1] in ("bench", "serve", "watch", "worker", "mcp") else [])


class Readme(Case):
    def setUp(self):
        super().setUp()
        for name in ("examples", "models"):
            os.symlink(os.path.join(SOURCE, name), self.path(name))

    def own(self, arguments):
        """Do they name a file that the reader brings?"""
        media = [a for a in arguments if re.search(r"\.(mp4|jsonl?|jpg|png|pth)$|/$|^Salesforce/", a)]
        output = arguments[arguments.index("-o") + 1] if "-o" in arguments else None
        return any(a != output and not os.path.exists(self.path(a)) for a in media)

    def test_commands_run(self):
        seen = 0
        for block in blocks("sh"):
            for arguments in commands(block, "vblip"):
                with self.subTest(arguments=arguments):
                    run = vblip(*arguments, cwd=self.folder)
                    if self.own(arguments):
                        self.assertNotEqual(run.code, EXIT_MISUSED, run)
                    else:
                        self.assertEqual(run.code, EXIT_DONE, run)
                    seen += 1
        self.assertGreater(seen, 8)

    def test_the_demo_prints_what_is_shown(self):
        (shown,) = (b for b in blocks("") if PROGRAM in b)
        for part in shown.split("$ " + PROGRAM)[1:]:
            line, _, output = part.partition("\n")
            run = vblip(*shlex.split(line), cwd=self.folder)
            want = [text for text in output.splitlines() if text and text != "..."]
            self.assertEqual(run.lines[:len(want)], want)
        with open(os.path.join(SOURCE, "dev"), encoding="utf-8") as file:
            demo = [shlex.split(line)[1:] for line in file if line.strip().startswith("show ")]
        self.assertEqual(demo, [shlex.split(line[2:]) for line in shown.splitlines() if line.startswith("$ ")])

    def test_the_session_prints_what_is_shown(self):
        """Standard output, and what is said beside it."""
        (shown,) = blocks("console")
        session = shown.split("$ vblip ")[1:]
        self.assertGreater(len(session), 4)
        for part in session:
            line, _, output = part.partition("\n")
            run = vblip(*shlex.split(line), cwd=self.folder)
            said = [text for text in run.messages if not text.startswith("vblip: the bundled demo model answers")]
            self.assertEqual([text for text in run.lines + said if text], output.splitlines(), line)

    def test_dev_knows_its_commands(self):
        with open(os.path.join(SOURCE, "dev"), encoding="utf-8") as file:
            script = file.read()
        used = [arguments[0] for block in blocks("sh") for arguments in commands(block, "./dev")]
        self.assertIn("demo", used)
        self.assertIn("test", used)
        for name in used:
            self.assertIn("\n%s)\n" % name, script)

    def test_links_lead_somewhere(self):
        links = [link for link in re.findall(r"\]\(([^)#]+)", readme()) if "://" not in link]
        self.assertGreater(len(links), 8)
        for link in links:
            self.assertTrue(os.path.exists(os.path.join(SOURCE, link)), link)


if __name__ == "__main__":
    main()

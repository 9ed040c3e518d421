"""e2e_shells.py - the manual page and the completions, read by the programs that they are for."""

import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
from unittest import TestCase, main

from e2e_support import vblip


def topic(name):
    done = vblip("help", name)
    assert done.code == 0 and not done.err, done
    return done.out


def commands():
    block = re.search(r"commands:\n(.*?)\n\n", vblip("help").out, re.S).group(1)
    return [line.split()[0] for line in block.splitlines()]


def options_of(page):
    return re.findall(r"^  (?:-\w, )?(--[a-z][a-z-]*)", topic(page), re.M)


class ShellCase(TestCase):
    shell = None

    def setUp(self):
        if not shutil.which(self.shell):
            self.skipTest(self.shell + " is not there")
        folder = tempfile.TemporaryDirectory(prefix="vblip-shells-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.script = os.path.join(self.folder, "_vblip")
        with open(self.script, "w", encoding="utf-8") as file:
            file.write(topic(self.shell))

    def check(self, complete):
        """What every shell completes."""
        self.assertEqual(set(complete("vblip ")) - {"help"}, set(commands()))
        self.assertEqual(set(complete("vblip re")), {"retrieve", "reason", "rerank"})
        self.assertEqual(set(complete("vblip retrieve --format j")), {"json", "jsonl"})
        self.assertEqual(set(complete("vblip cut --ex")), {"--exact", "--exclude", "--exit-status"})
        self.assertEqual(set(complete("vblip --model m caption --sho")), {"--shots"})
        self.assertEqual(set(complete("vblip caption --conta")), set())


class Manual(TestCase):
    def test_it_is_clean_and_whole(self):
        page = topic("man")
        for program in (["groff", "-man", "-Tutf8", "-ww", "-z"], ["mandoc", "-T", "lint", "-W", "error"]):
            if shutil.which(program[0]):
                done = subprocess.run(program, input=page, capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))
        text = page.replace("\\-", "-").replace("\\fR", "").replace("\\fB", "")
        for command in commands():
            part = text.split("\n.SS %s\n" % command)[1].split("\n.SS ")[0]
            for option in options_of(command):
                self.assertIn(option, part)
        for option in options_of("options"):
            self.assertIn(option, text.split("\n.SH OPTIONS\n")[1])


class Bash(ShellCase):
    shell = "bash"

    def test_it_completes(self):
        program = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _vblip; printf "%s\\n" "${COMPREPLY[@]}"'

        def complete(line):
            done = subprocess.run(["bash", "-c", program, "bash", self.script, *line.split(" ")], capture_output=True,
                                  text=True, check=True)
            self.assertEqual(done.stderr, "")
            return done.stdout.split()

        self.check(complete)
        self.assertEqual(set(complete("vblip shots --format = c")), {"csv"})
        for command in commands():
            self.assertLessEqual(set(options_of(command)), set(complete("vblip %s --" % command)))


class Fish(ShellCase):
    shell = "fish"

    def test_it_completes(self):
        def complete(line):
            done = subprocess.run(["fish", "--no-config", "-c", 'source $argv[1]; complete -C $argv[2]', self.script, line],
                                  capture_output=True, text=True, check=True, env={**os.environ, "HOME": self.folder})
            self.assertEqual(done.stderr, "")
            return [row.split("\t")[0] for row in done.stdout.splitlines()]

        self.check(lambda line: [word for word in complete(line) if not os.path.exists(word)])


class Zsh(ShellCase):
    """zsh completes on a terminal alone: it lists what there is when a tab is typed."""

    shell = "zsh"

    def test_it_completes(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.environ.update(TERM="dumb", PS1="> ")
            os.chdir(self.folder)
            os.execlp("zsh", "zsh", "-f", "-i")
        self.addCleanup(os.waitpid, pid, 0)
        self.addCleanup(os.close, terminal)

        def typed(text, end):
            """What the terminal shows until `end`."""
            os.write(terminal, text.encode())
            shown, give_up = b"", time.monotonic() + 20
            while not re.search(end, shown.replace(b"\r", b"")):
                if not select.select([terminal], [], [], max(0, give_up - time.monotonic()))[0]:
                    self.fail("zsh shows %r" % shown)
                shown += os.read(terminal, 4096)
            return shown.decode(errors="replace").replace("\r", "")

        typed("unsetopt zle_bracketed_paste list_beep; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; "
              "LISTMAX=9999; COLUMNS=100; bindkey '^I' list-choices; echo re''ady\n", rb"\nready")

        def complete(line):
            """The tab lists; ^U leaves an empty line, and the echo says that all of it was shown."""
            os.write(terminal, (line + "\t").encode())
            time.sleep(0.5)
            shown = typed("\x15echo do''ne\n", rb"\ndone")
            listed = shown.split(line, 1)[1].split("done")[0]
            return re.findall(r"(?:^|(?<=\s))(--[a-z-]+|[a-z]+)(?=\s+--\s|\s{2,}|\s*\n)", listed)

        for line, wanted in (("vblip re", {"retrieve", "reason", "rerank"}), ("vblip cut --ex", {"--exact", "--exclude"}),
                             ("vblip retrieve --format j", {"json", "jsonl"}), ("vblip caption --sho", set())):
            self.assertLessEqual(wanted, set(complete(line)), line)
        os.write(terminal, b"exit\n")


if __name__ == "__main__":
    main()

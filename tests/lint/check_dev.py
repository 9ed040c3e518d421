"""check_dev.py - ./dev says little where all is well, and what is needed where it is not.

ctest gives the repository and the program cmake. `dev` runs in a copy, with stand-ins for the programs that it calls.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT, CMAKE = sys.argv[1:3]
TOOLS = "awk cat cut dirname id mkdir rm sed sh".split()
NOTICE = "vblip: the demo model answers"

STAND_INS = {
    "cmake": "#!/bin/sh\necho \"$@\" >>cmake.calls\n",
    "clang": "#!/bin/sh\necho 19.1.7\n",
    "ctest": "#!/bin/sh\n",
    "dpkg-query": "#!/bin/sh\nexit 1\n",
    "sudo": "#!/bin/sh\nexec \"$@\"\n",
    "env": "#!/bin/sh\nshift\nexec \"$@\"\n",
    "apt-get": "#!/bin/sh\nn=0\nwhile [ $n -lt 1000 ]; do echo \"Unpacking $n\"; n=$((n + 1)); done\n"
               "case \"$*\" in install*) echo \"$@\" >>apt.calls;; esac\nexit ${APT_EXIT-0}\n",
}


class Dev(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="vblip-dev-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.programs = os.path.join(self.folder, "programs")
        os.makedirs(self.programs)
        os.makedirs(os.path.join(self.folder, "cmake"))
        shutil.copy(os.path.join(ROOT, "dev"), self.folder)
        shutil.copy(os.path.join(ROOT, "cmake", "needs.txt"), os.path.join(self.folder, "cmake"))
        for tool in TOOLS:
            os.symlink(shutil.which(tool), os.path.join(self.programs, tool))
        for name, script in STAND_INS.items():
            self.write(os.path.join("programs", name), script)
        self.program("printf 'answer\\n'; echo '%s' >&2" % NOTICE)

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        os.chmod(path, 0o755)

    def program(self, script):
        self.write("build/release/vblip", "#!/bin/sh\n" + script + "\n")

    def read(self, name):
        with open(os.path.join(self.folder, name), encoding="ascii") as file:
            return file.read()

    def dev(self, *arguments, code=0, **changes):
        done = subprocess.run([os.path.join(self.folder, "dev"), *arguments], env={"PATH": self.programs, **changes},
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, code, done.stdout)
        return done.stdout

    def test_the_demo_prints_its_answers_and_one_notice(self):
        said = self.dev("demo")
        self.assertEqual((said.count("answer\n"), said.count(NOTICE)), (3, 1), said)
        self.assertLess(len(said.splitlines()), 16, said)
        self.assertIn("libavformat-dev", self.read("apt.calls"))

    def test_a_demo_that_fails_says_why(self):
        self.program('case $1 in qa) echo "no such clip" >&2; exit 4;; esac')
        self.assertIn("no such clip", self.dev("demo", code=4))

    def test_packages_that_cannot_be_installed_show_the_log(self):
        self.assertIn("Unpacking 999", self.dev("build", code=1, APT_EXIT="100"))

    def test_the_runtime_goes_with_the_clang_that_is_there(self):
        self.dev("setup")
        self.assertIn("libclang-rt-19-dev", self.read("apt.calls"))

    def test_what_is_needed_is_said_where_there_is_no_apt(self):
        os.remove(os.path.join(self.programs, "apt-get"))
        first, *rest = self.dev("build").splitlines()
        for need in ("not Debian", "cmake 3.25", "libavformat 59.27", "glslangValidator 12"):
            self.assertIn(need, first)
        self.assertEqual(rest, ["dev: building release", "dev: built build/release/vblip"])

    def test_a_checkout_that_was_moved_is_built_anew(self):
        self.write("build/release/CMakeCache.txt", "CMAKE_HOME_DIRECTORY:INTERNAL=/before\n")
        self.assertIn("build/release was built in /before", self.dev("build"))
        self.assertFalse(os.path.exists(os.path.join(self.folder, "build/release/CMakeCache.txt")))
        self.write("build/release/CMakeCache.txt", "CMAKE_HOME_DIRECTORY:INTERNAL=%s\n" % self.folder)
        self.assertNotIn("anew", self.dev("build"))
        self.assertTrue(os.path.exists(os.path.join(self.folder, "build/release/CMakeCache.txt")))

    def test_cmake_names_the_packages_that_are_missing(self):
        where = {k: v for k, v in os.environ.items() if k != "PKG_CONFIG_PATH"}
        done = subprocess.run([CMAKE, "-S", ROOT, "-B", os.path.join(self.folder, "made"), "-DVBLIP_TESTS=OFF"],
                              env={**where, "PKG_CONFIG_LIBDIR": "/nowhere"}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        said = " ".join(done.stdout.split())
        self.assertIn("libavcodec 59.37", said)
        self.assertRegex(said, "apt-get install .*libavcodec-dev.*libwebp-dev libcjson-dev")
        self.assertNotIn("glslang-tools", said)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

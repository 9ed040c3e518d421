"""packages.py - Debian's packages: what lintian says of them, and the program out of them.

ctest gives VBLIP_CPACK (the program cpack), VBLIP_BUILD (the build folder) and VBLIP_SOURCE (the repository).
"""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

CLIPS = os.path.join(os.environ["VBLIP_SOURCE"], "examples", "clips")
NAMES = {"vblip", "vblip-data", "libvblip0", "libvblip-dev"}


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="vblip-packages-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        done = subprocess.run([os.environ["VBLIP_CPACK"], "--config", os.path.join(os.environ["VBLIP_BUILD"], "CPackConfig.cmake"),
                               "-B", cls.folder], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.packages = {os.path.basename(path).split("_")[0]: path for path in glob.glob(os.path.join(cls.folder, "*.deb"))}

    def field(self, package, name):
        return subprocess.run(["dpkg-deb", "-f", self.packages[package], name], capture_output=True, text=True, check=True).stdout

    def test_there_are_four_that_need_each_other(self):
        self.assertEqual(set(self.packages), NAMES)
        version = self.field("vblip", "Version").strip()
        self.assertIn("vblip-data (= %s)" % version, self.field("vblip", "Depends"))
        self.assertIn("libvblip0 (= %s)" % version, self.field("libvblip-dev", "Depends"))
        self.assertRegex(self.field("libvblip0", "Depends"), r"libavcodec\d+ .*libvulkan1|libvulkan1, libavcodec\d+ ")
        self.assertEqual(self.field("vblip-data", "Architecture"), "all\n")

    @unittest.skipUnless(shutil.which("lintian"), "lintian is not there")
    def test_lintian_finds_no_error(self):
        done = subprocess.run(["lintian", "--allow-root", "--tag-display-limit", "0", *self.packages.values()],
                              capture_output=True, text=True, check=False)
        self.assertEqual([line for line in done.stdout.splitlines() if line.startswith("E:")], [], done.stderr)

    def test_the_program_answers_out_of_them(self):
        root = os.path.join(self.folder, "root")
        for path in self.packages.values():
            subprocess.run(["dpkg-deb", "-x", path, root], check=True)
        env = {**os.environ, "XDG_DATA_HOME": self.folder, "HOME": self.folder}
        env.pop("VBLIP_MODEL", None)
        done = subprocess.run([os.path.join(root, "usr", "bin", "vblip"), "retrieve", "--device", "cpu", "--min-p", "0.5",
                               CLIPS, "a dog"], env=env, capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"\A1  0\.98  [^\n]*clip-04\.mp4\n\Z")
        linked = os.readlink(os.path.join(root, "usr", "lib", "libvblip.so"))
        self.assertTrue(re.fullmatch(r"libvblip\.so\.0", linked), linked)


if __name__ == "__main__":
    unittest.main()

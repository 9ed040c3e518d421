"""What python/README.md shows is what comes out."""

import doctest
import os
import re
import subprocess
import sys
import tempfile

from support import SOURCE, Case, run_tests


class Readme(Case):
    def test_sessions(self) -> None:
        with open(os.path.join(SOURCE, "python", "README.md"), encoding="utf-8") as file:
            sessions = re.findall(r"^```pycon\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
        self.assertGreater(len(sessions), 4)
        test = doctest.DocTestParser().get_doctest("\n".join(sessions), {}, "README.md", None, 0)
        before, temp = os.getcwd(), tempfile.tempdir
        os.chdir(SOURCE)  # paths are those of the clone
        tempfile.tempdir = self.folder
        said: list[str] = []
        try:
            found = doctest.DocTestRunner().run(test, out=said.append)
        finally:
            os.chdir(before)
            tempfile.tempdir = temp
        self.assertEqual(found.failed, 0, "".join(said))
        self.assertGreater(found.attempted, 20)

    def test_the_program_of_the_other_readme(self) -> None:
        with open(os.path.join(SOURCE, "README.md"), encoding="utf-8") as file:
            program, = re.findall(r"^```python\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)
        done = subprocess.run([sys.executable, "-W", "ignore", "-c", program + "print(vectors.dtype, vectors.shape)"],
                              cwd=SOURCE, stdout=subprocess.PIPE, encoding="utf-8", check=True)
        self.assertRegex(done.stdout, r"^1 0\.99\d* examples/clips/clip-04\.mp4 0\.0 3\.4\n")
        self.assertTrue(done.stdout.endswith("float32 (16, 128)\n"))


if __name__ == "__main__":
    run_tests()

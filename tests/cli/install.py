"""install.py - an installed vblip finds its model, its vocabulary and hub names by itself.

ctest gives VBLIP_CMAKE (the program cmake), VBLIP_BUILD (the build folder), VBLIP_CHECKPOINTS
(seeded checkpoints) and VBLIP_SOURCE (the repository).
"""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

SOURCE = os.environ["VBLIP_SOURCE"]
CHECKPOINT = os.path.join(os.environ["VBLIP_CHECKPOINTS"], "tiny-caption")
HAS_DEMO = os.path.exists(os.path.join(SOURCE, "models", "demo", "config.json"))


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="vblip-install-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.prefix = os.path.join(cls.folder, "prefix")
        subprocess.run([os.environ["VBLIP_CMAKE"], "--install", os.environ["VBLIP_BUILD"], "--prefix", cls.prefix],
                       check=True, stdout=subprocess.DEVNULL)
        cls.hub = os.path.join(cls.folder, "home", ".cache", "huggingface", "hub")
        cls.snapshot = os.path.join(cls.hub, "models--Someone--tiny", "snapshots", "0123abcd")
        os.makedirs(os.path.dirname(cls.snapshot))
        os.makedirs(os.path.join(cls.hub, "models--Someone--tiny", "refs"))
        os.symlink(CHECKPOINT, cls.snapshot)
        with open(os.path.join(cls.hub, "models--Someone--tiny", "refs", "main"), "w", encoding="ascii") as file:
            file.write("0123abcd")

    def vblip(self, *arguments, code=0, **changes):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("VBLIP_", "HF_", "HUGGINGFACE_", "XDG_", "HOME"))}
        argv = [os.path.join(self.prefix, "bin", "vblip"), *arguments]
        done = subprocess.run(argv, env={**env, **changes}, cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, code, "%s\n%s" % (argv, done.stderr))
        return done

    def test_what_is_installed(self):
        wanted = ["bin/vblip", "include/vblip.h", "include/vblip_lab.h", "lib/libvblip.so", "lib/pkgconfig/vblip.pc", "share/doc/vblip/LICENSE", "share/man/man1/vblip.1.gz",
                  "share/bash-completion/completions/vblip", "share/zsh/vendor-completions/_vblip",
                  "share/fish/vendor_completions.d/vblip.fish",
                  "share/vblip/bert-base-uncased-vocab.txt"]
        if HAS_DEMO:
            wanted += ["share/vblip/demo/config.json", "share/vblip/demo/model.safetensors"]
        for name in wanted:
            self.assertTrue(os.path.exists(os.path.join(self.prefix, name)), name)

    def test_the_bundled_model_is_the_installed_one(self):
        if not HAS_DEMO:
            self.skipTest("models/demo is not there")
        row, = json.loads(self.vblip("models", "-f", "json").stdout)
        self.assertEqual((row["path"], row["demo"]), (os.path.join(self.prefix, "share", "vblip", "demo"), True))

    def test_the_bundled_vocabulary_serves_checkpoints_without_one(self):
        bare = os.path.join(self.folder, "bare")
        shutil.copytree(CHECKPOINT, bare)
        os.remove(os.path.join(bare, "vocab.txt"))
        self.assertEqual(self.vblip("tokenize", "--model", bare, "a dog").stdout,
                         "101 1037 3899 102  [CLS] a dog [SEP]\n")

    def test_hub_names_are_found_where_the_hub_keeps_them(self):
        home = os.path.join(self.folder, "home")
        hub_home = os.path.join(home, ".cache", "huggingface")
        for changes in ({"HOME": home}, {"HF_HOME": hub_home}, {"HF_HUB_CACHE": self.hub, "HF_HOME": "/nowhere"},
                        {"XDG_CACHE_HOME": os.path.join(home, ".cache")}, {"HF_HOME": hub_home, "XDG_CACHE_HOME": "/no"},
                        {"HUGGINGFACE_HUB_CACHE": self.hub, "HF_HOME": "/nowhere"},
                        {"HF_HUB_CACHE": self.hub, "HUGGINGFACE_HUB_CACHE": "/nowhere"},
                        {"HF_HOME": "~/.cache/huggingface", "HOME": home}):
            row, = json.loads(self.vblip("models", "-f", "json", "Someone/tiny", **changes).stdout)
            self.assertEqual(row["path"], self.snapshot, changes)

    def test_a_hub_name_that_is_not_there_is_named(self):
        done = self.vblip("models", "Someone/other", code=4, HF_HUB_CACHE=self.hub)
        self.assertRegex(done.stderr, r"^vblip: Someone/other: .+\n$")

    def compiled(self, source):
        """A program linked against the installed library."""
        program = os.path.join(self.folder, "program")
        compiler = os.environ["VBLIP_CC"].split()
        libraries = os.path.join(self.prefix, "lib")
        flags = subprocess.run(["pkg-config", "--cflags", "--libs", "vblip"], check=True, stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "PKG_CONFIG_PATH": os.path.join(libraries, "pkgconfig")}).stdout
        subprocess.run([*compiler, "-o", program, source, *flags.split(), "-Wl,-rpath," + libraries], check=True)
        return program

    def test_the_library_serves_a_program(self):
        program = self.compiled(os.path.join(SOURCE, "examples", "ask_file.c"))
        done = subprocess.run([program], stderr=subprocess.PIPE, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (2, "usage: ask_file MODEL FILE QUESTION...\n"))

    def test_the_library_finds_its_own_files(self):
        source = os.path.join(self.folder, "bundled.c")
        with open(source, "w", encoding="ascii") as file:
            file.write("#include <stdio.h>\n#include <vblip_lab.h>\n"
                       "int main(void)\n{\n    vblip_tokenizer *tokenizer;\n"
                       "    const char *model = vblip_bundled_model();\n"
                       "    printf(\"%s\\n%s\\n\", vblip_bundled_vocab(), model ? model : \"none\");\n"
                       "    vblip_status status = vblip_tokenizer_open(&tokenizer, NULL, NULL);\n"
                       "    vblip_tokenizer_close(&tokenizer);\n    return -status;\n}\n")
        done = subprocess.run([self.compiled(source)], stdout=subprocess.PIPE, text=True, check=True)
        share = os.path.join(self.prefix, "share", "vblip")
        self.assertEqual(done.stdout.splitlines(), [os.path.join(share, "bert-base-uncased-vocab.txt"),
                                                    os.path.join(share, "demo") if HAS_DEMO else "none"])


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Bad input of every kind: one line that names the subject, the exit status of cli.md, no leftovers."""

import glob
import json
import os
import shutil
import unittest

from e2e_support import (CAPTION, EXIT_MISUSED, EXIT_NO_DEVICE, EXIT_SOME_FAILED, EXIT_UNUSABLE, RETRIEVAL, VQA, Case,
                         change_weights, clip, environment, ffmpeg, main, make_video, parse, read, write)

NO_DRIVER = "/dev/null"
TENSOR = "vision_model.encoder.layers.0.mlp.fc1.weight"


class Inputs(Case):
    def cut(self, name, *options):
        """A recording of 40 frames that ends after six tenths of its bytes."""
        whole = make_video(self.path("whole-" + name), seconds=4, options=("-g", "10", *options))
        data = read(whole)
        os.remove(whole)
        return write(self.path(name), data[:len(data) * 6 // 10])

    def bad_inputs(self):
        """[(path, what its message says)]"""
        os.mkdir(self.path("nothing"))
        write(self.path("nothing", "notes.txt"), "no video")
        ffmpeg("-f", "lavfi", "-i", "sine=duration=1", self.path("sound.mp4"))
        write(self.path("damaged.png"), read(os.path.join(os.path.dirname(clip(1)), "captions.jsonl")))
        return [
            (self.path("missing.mp4"), "No such file"),
            (self.path("nothing"), "no videos or images"),
            (write(self.path("text.mp4"), "this is a letter, not a film\n"), "not a video or image"),
            (write(self.path("zero.mp4"), ""), "empty"),
            (write(self.path("zero.png"), ""), "empty"),
            (self.cut("cut.mp4", "-movflags", "+faststart"), " of 40 frames"),
            (self.cut("no-index.mp4"), "moov"),
            (self.path("sound.mp4"), "no video"),
            (self.path("damaged.png"), "not a video or image"),
            ("/dev/null", "not a regular file"),
        ]

    def test_alone(self):
        for path, what in self.bad_inputs():
            for command in (["match", "--model", RETRIEVAL, path, "a dog"], ["retrieve", "--model", RETRIEVAL, path, "q"],
                            ["qa", "--model", VQA, path, "what is it?"]):
                with self.subTest(command=command[0], path=path):
                    self.refused(EXIT_UNUSABLE, [path + ": ", what], *command)

    def test_captions_of_what_is_there(self):
        for path, what in self.bad_inputs():
            with self.subTest(path=path):
                run = self.exits(EXIT_UNUSABLE, "caption", "--model", CAPTION, path, "--every", 0.5, "-f", "jsonl")
                self.assertEqual(len(run.messages), 1, run.err)
                self.assertIn(what, run.err)
                rows = parse("jsonl", run.out)
                self.assertEqual(rows[-1], {"path": path, "error": run.err[len("vblip: " + path + ": "):-1]})
                starts = [row["start"] for row in rows[:-1]]
                self.assertEqual(starts, [0.5 * k for k in range(len(starts))])
                self.assertEqual(len(starts) > 1, path.endswith("/cut.mp4"), rows)

    def test_one_bad_among_good(self):
        bad = write(self.path("b.mp4"), "bad")
        good = [shutil.copy(clip(10), self.path(name)) for name in ("a.mp4", "c.mp4")]
        for command in (["match", "--model", RETRIEVAL, self.folder, "a dog"],
                        ["qa", "--model", VQA, self.folder, "what is it?"],
                        ["caption", "--model", CAPTION, self.folder, "--count", "1"],
                        ["retrieve", "--model", RETRIEVAL, self.folder, "a dog"]):
            with self.subTest(command=command[0]):
                run = self.exits(EXIT_SOME_FAILED, *command, "-f", "json")
                self.assertEqual(run.messages, ["vblip: %s: not a video or image" % bad])
                rows = parse("json", run.out)
                answered = [row["path"] for row in rows if "error" not in row]
                self.assertEqual(sorted(answered), good)
                self.assertEqual([row for row in rows if "error" in row],
                                 [{"path": bad, "error": "not a video or image"}])
                if command[0] != "retrieve":
                    self.assertEqual([row["path"] for row in rows], [good[0], bad, good[1]])
                text = self.exits(EXIT_SOME_FAILED, *command, "-f", "csv")
                self.assertEqual(len(parse("csv", text.out)), 2)

    def test_fail_fast_stops_at_the_first(self):
        bad = write(self.path("b.mp4"), "bad")
        run = self.exits(EXIT_SOME_FAILED, "caption", "--model", CAPTION, "--fail-fast", "--count", 1, "-f", "csv",
                         clip(1), bad, clip(2), bad)
        self.assertEqual([row["path"] for row in parse("csv", run.out)], [clip(1)])
        self.assertEqual(len(run.messages), 1, run.err)

    def test_all_bad_needs_no_device(self):
        self.refused(EXIT_UNUSABLE, "missing.mp4", "match", "--model", RETRIEVAL, self.path("missing.mp4"), "a dog",
                     env=environment(VK_DRIVER_FILES=NO_DRIVER))

    def test_a_directory_that_cannot_be_entered(self):
        os.mkdir(self.path("closed"))
        os.symlink("nowhere", self.path("closed", "lost.mp4"))
        self.refused(EXIT_UNUSABLE, [self.path("closed", "lost.mp4"), "No such file"], "match", "--model", RETRIEVAL,
                     self.folder, "a dog")


class Checkpoints(Case):
    def damaged(self, name, change=None, files=None):
        """A copy of a good checkpoint, with weights or files changed."""
        folder = self.path(name)
        shutil.copytree(CAPTION, folder)
        if change:
            change_weights(folder, change)
        if files:
            files(folder)
        return folder

    def refuses(self, folder, names):
        self.refused(EXIT_UNUSABLE, names, "caption", "--model", folder, clip(10), "-o", self.path("out.json"))
        self.assertFalse(os.path.exists(self.path("out.json")))

    def test_patches_of_another_size(self):
        """Pictures of 42 pixels in patches of 14: the second frame of a clip begins at no multiple of 16 bytes."""
        def smaller(tensors):
            dtype, (width, *_), content = tensors["vision_model.embeddings.patch_embedding.weight"]
            row, kept = len(content) // width, len(content) // width * 14 * 14 // (16 * 16)
            content = b"".join(content[i * row:i * row + kept] for i in range(width))
            tensors["vision_model.embeddings.patch_embedding.weight"] = [dtype, [width, 3, 14, 14], content]
            dtype, (*_, tokens, width), content = tensors["vision_model.embeddings.position_embedding"]
            content = content[:len(content) // tokens * 10]
            tensors["vision_model.embeddings.position_embedding"] = [dtype, [1, 10, width], content]

        def adjust(folder):
            config = json.loads(read(folder + "/config.json"))
            config["vision_config"].update(patch_size=14, image_size=42)
            write(folder + "/config.json", json.dumps(config))
            for name in glob.glob(folder + "/*processor*"):
                os.remove(name)

        folder = shutil.copytree(RETRIEVAL, self.path("patches"))
        change_weights(folder, smaller)
        adjust(folder)
        for device in ("cpu", "llvmpipe"):
            match = ["match", "--model", folder, "--device", device, clip(10), "a dog", "--frames", 3, "-f", "jsonl"]
            rows = self.ok(*match).out
            self.assertIn("itm_logit", rows)
            self.assertEqual(rows, self.ok(*match, "--batch", 1).out)

    def test_unreadable(self):
        os.mkdir(self.path("empty"))
        table = [
            (self.path("missing"), ["missing", "No such file"]),
            (self.path("empty"), [self.path("empty"), "config.json"]),
            (write(self.path("file"), "x"), [self.path("file")]),
            ("nobody/no-such-model", ["nobody/no-such-model"]),
            (self.damaged("a", files=lambda d: os.remove(d + "/config.json")), ["a: ", "config.json"]),
            (self.damaged("b", files=lambda d: write(d + "/config.json", '{"model_type": ')), ["b/config.json", "JSON"]),
            (self.damaged("c", files=lambda d: write(d + "/config.json", '{"model_type": "bert"}')),
             ["c/config.json", "model_type"]),
            (self.damaged("d", files=lambda d: os.remove(d + "/model.safetensors")), ["d: ", "model.safetensors"]),
            (self.damaged("e", files=lambda d: write(d + "/vocab.txt", b"[PAD]\n[UNK]\n")), ["e/vocab.txt"]),
            (self.damaged("f", files=lambda d: write(d + "/model.safetensors", read(d + "/model.safetensors")[:-7])),
             ["f/model.safetensors", "bytes"]),
            (self.damaged("g", files=lambda d: write(d + "/model.safetensors", "")), ["g/model.safetensors"]),
        ]
        for folder, names in table:
            with self.subTest(folder=folder):
                self.refuses(folder, names)

    def test_one_tensor_is_wrong(self):
        def drop(tensors):
            del tensors[TENSOR]

        def turn(tensors):
            tensors[TENSOR][1].reverse()

        def retype(tensors):
            tensors[TENSOR][0] = "I32"

        for change, what in ((drop, "missing"), (turn, "64x256, expected 256x64"), (retype, "I32")):
            with self.subTest(change=change.__name__):
                folder = self.damaged(change.__name__, change)
                self.refuses(folder, [folder + "/model.safetensors: " + TENSOR, what])
        models = self.ok("models", self.path("drop"), "-f", "json").out
        self.assertEqual(parse("json", models)[0]["missing"], [TENSOR])

    def test_the_copy_itself_is_good(self):
        folder = self.damaged("copy", change=lambda tensors: None)
        self.ok("caption", "--model", folder, clip(10), "--count", 1)

    def test_a_task_it_cannot_do(self):
        self.refused(EXIT_UNUSABLE, [CAPTION, "holds: caption"], "match", "--model", CAPTION, clip(1), "a dog")
        self.refused(EXIT_UNUSABLE, [RETRIEVAL, "holds: retrieval"], "qa", "--model", RETRIEVAL, clip(1), "what?")

    def test_without_itm_head(self):
        """Whatever asks ITM says why not; ITC gives what it gives with the head."""
        folder = self.path("features")
        shutil.copytree(RETRIEVAL, folder)
        change_weights(folder, lambda tensors: [tensors.pop(n) for n in list(tensors) if n.startswith("itm_head.")])
        row, = parse("json", self.ok("models", folder, "-f", "json").out)
        self.assertEqual((row["tasks"], row["missing"], row["unexpected"]), (["itc"], [], []))
        pairs = write(self.path("pairs.jsonl"), json.dumps({"path": clip(1), "caption": "a dog"}))
        for command in (["match", clip(1), "a dog"], ["retrieve", clip(1), "a dog"],
                        ["filter", pairs, "-o", self.path("kept"), "--captioner", CAPTION]):
            with self.subTest(command=command[0]):
                self.refused(EXIT_UNUSABLE, [folder + ": no itm_head", "retrieve --rerank 0"], *command, "--model",
                             folder)
        search = ["retrieve", clip(1), clip(2), "a dog", "--rerank", 0, "-f", "json", "--model"]
        self.assertEqual(self.ok(*search, folder).out, self.ok(*search, RETRIEVAL).out)
        for what, given in (("itc-image", [clip(1)]), ("itc-text", []), ("vision", [clip(1)]), ("text", []),
                            ("multimodal", [clip(1)])):
            text = [] if what in ("itc-image", "vision") else ["--text", "a dog"]
            for model, out in ((folder, "a"), (RETRIEVAL, "b")):
                self.ok("embed", "--what", what, *given, *text, "--model", model, "-o", self.path(out))
            self.assertEqual(read(self.path("a")), read(self.path("b")), what)


class Devices(Case):
    def test_none_of_vulkan(self):
        """The processor answers; a device of Vulkan is not there to be named."""
        env = environment(VK_DRIVER_FILES=NO_DRIVER)
        for arguments in (["caption", "--model", CAPTION, clip(1)], ["bench", "layernorm"]):
            with self.subTest(arguments=arguments):
                self.ok(*arguments, env=env)
                self.refused(EXIT_NO_DEVICE, "device llvmpipe: none usable; there are: 0 ", *arguments, "--device",
                             "llvmpipe", env=env)

    def test_none_of_that_name(self):
        for arguments in (["caption", "--model", CAPTION, clip(1)], ["doctor"], ["bench", "linear"]):
            with self.subTest(arguments=arguments):
                self.refused(EXIT_NO_DEVICE, ["nosuch", "llvmpipe"], *arguments, "--device", "nosuch")

    def test_by_name_and_index(self):
        said = {device: self.ok("caption", "--model", CAPTION, clip(10), "--count", 1, "--device", device, "-v")
                for device in ("llvmpipe", "0", "cpu", "auto")}
        self.assertEqual(len({run.out for run in said.values()}), 1)
        for device, words in (("llvmpipe", "Mesa"), ("0", "oneDNN"), ("cpu", "oneDNN"), ("auto", "oneDNN")):
            self.assertIn(words, said[device].err)

    def test_the_processor_lacks(self):
        arguments = ["caption", "--model", CAPTION, clip(1), "--device", "cpu"]
        self.refused(EXIT_NO_DEVICE, ["precision f16", "f32 and bf16"], *arguments, "--precision", "f16")
        self.refused(EXIT_MISUSED, ["kernels: simt", "onednn"], *arguments, "--kernels", "simt")
        self.refused(EXIT_MISUSED, ["validate", "Vulkan"], *arguments, "--validate")

    def test_threads(self):
        """Any number of them gives the same words."""
        run = ["caption", "--model", CAPTION, clip(10), "--count", 1, "--device", "cpu"]
        self.assertEqual({self.ok(*run, "--threads", n).out for n in (1, 2, 64)}, {self.ok(*run).out})
        self.assertIn(" 3 threads", self.ok(*run, "-v", env=environment(OMP_NUM_THREADS="3")).err)

    def test_kept_weights(self):
        """Kept once, used from then on, and found out when they lie."""
        run = ["caption", "--model", CAPTION, clip(10), "--count", 1, "--device", "cpu", "--cache-weights", "-v"]
        env = environment(XDG_CACHE_HOME=self.path("cache"))
        first, second = self.ok(*run, env=env), self.ok(*run, env=env)
        self.assertEqual(first.out, second.out)
        self.assertIn("weights: kept for the next start: ", first.err)
        self.assertIn("weights: as they were laid out before: ", second.err)
        kept, = (os.path.join(folder, name) for folder, _, names in os.walk(self.path("cache"))
                 for name in names if name.startswith("weights-"))
        data, middle = read(kept), os.path.getsize(kept) // 2
        write(kept, data[:middle] + bytes(byte ^ 1 for byte in data[middle:middle + 8192]) + data[middle + 8192:])
        third = self.ok(*run, env=env)
        self.assertEqual(first.out, third.out)
        self.assertRegex(third.err, "weights: laid out anew: .*: wrong checksum")
        self.assertIn("weights: kept for the next start: ", third.err)

    def test_kernels(self):
        self.refused(EXIT_MISUSED, ["nosuch", "simt"], "caption", "--model", CAPTION, clip(1), "--kernels", "nosuch")
        arguments = ["match", "--model", RETRIEVAL, clip(10), "a dog", "-f", "json", "--frames", 2, "--kernels"]
        simt, lavapipe = (parse("json", self.ok(*arguments, k).out)[0] for k in ("simt", "lavapipe"))
        self.assertAlmostEqual(simt["itc"], lavapipe["itc"], places=4)
        self.assertAlmostEqual(simt["p_match"], lavapipe["p_match"], places=3)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What a newcomer gets: the bundled model answers right about the bundled clips.

Thresholds are those of bench/demo_scores, on the 16 clips of examples/clips: the first hit of
at least 15 of 16 captions; P(match) < 0.5 for 97 % of absent objects; 93 % of questions
exactly; every object and the background in 93 % of captions.
"""

import os
import unittest

from e2e_support import CLIPS, DEMO, EXIT_NO_DEVICE, Case, clip, environment, main, parse, said_of_clips, write


def path_of(name):
    return os.path.join(CLIPS, name + ".mp4")


def names_all(caption, scene):
    words = " %s " % caption
    objects = [noun if number is None else "%s %s" % (number, noun) for number, noun in scene["objects"]]
    return all(" %s " % o in words for o in objects) and " %s background " % scene["background"] in words


@unittest.skipUnless(os.path.exists(os.path.join(DEMO, "model.safetensors")), "models/demo is not there yet")
class DemoCase(Case):
    def rows(self, *arguments):
        return parse("jsonl", self.ok(*arguments, "-f", "jsonl", "-q", cwd="/").out)

    def share(self, rights, least):
        """`rights` is [(right, what was said)]."""
        wrong = [said for right, said in rights if not right]
        self.assertGreaterEqual(1 - len(wrong) / len(rights), least, "\n".join(map(str, wrong)))


class Searches(DemoCase):
    def test_search(self):
        truth = said_of_clips("captions")
        queries = [a for t in truth for a in ("-e", t["caption"])]
        best = {r["query"]: r["path"] for r in self.rows("retrieve", CLIPS, *queries, "--top", 1)}
        self.assertEqual(len(best), len(truth))
        self.share([(best[t["caption"]] == path_of(t["clip_name"]), (t["caption"], best[t["caption"]])) for t in truth],
                   15 / 16)

    def test_a_query_without_match(self):
        run = self.ok("retrieve", "--min-p", 0.5, CLIPS, "a submarine below a trombone on a silver background", "-q")
        self.assertEqual((run.out, run.err), ("", ""))

    def test_absent_objects(self):
        rights = []
        for scene in said_of_clips("scenes"):
            texts = [("an " if noun[0] in "aeiou" else "a ") + noun for noun in scene["absent"]]
            rights += [(row["p_match"] < 0.5, row) for row in self.rows("match", path_of(scene["clip_name"]), *texts)]
        self.share(rights, 0.97)


class Words(DemoCase):
    def test_questions(self):
        asked, rights = {}, []
        for q in said_of_clips("questions"):
            asked.setdefault(q["video"], []).append(q)
        for name, questions in asked.items():
            rows = self.rows("qa", path_of(name), *(q["question"] for q in questions))
            for q, row in zip(questions, rows):
                same = sorted(row["answer"].split(" and ")) == sorted(q["answer"].split(" and "))
                rights.append((same, (name, q["question"], row["answer"], "not " + q["answer"])))
        self.assertGreaterEqual(len(rights), 80)
        self.share(rights, 0.93)

    def test_captions(self):
        rows = self.rows("caption", CLIPS, "--count", 4)
        scenes = {path_of(s["clip_name"]): s for s in said_of_clips("scenes")}
        self.assertEqual(len(rows), 4 * len(scenes))
        self.share([(names_all(row["caption"], scenes[row["path"]]), row) for row in rows], 0.93)

    def test_the_demo_says_that_it_is_one(self):
        run = self.ok("caption", clip(1), "--count", 1, cwd="/")
        self.assertEqual(len(run.messages), 1, run.err)
        self.assertRegex(run.err, r"demo model.*--model ")
        self.assertEqual(self.ok("caption", clip(1), "--count", 1, "-q").err, "")
        self.assertEqual(self.ok("caption", clip(1), "--count", 1, "--model", DEMO, "-q").out, run.out)

    def test_what_it_holds(self):
        row = self.rows("models")[0]
        self.assertEqual((row["path"], row["demo"], row["tasks"]), (DEMO, True, ["retrieval", "caption", "vqa"]))
        self.assertEqual((row["missing"], row["unexpected"]), ([], []))
        self.assertLessEqual(row["file_bytes"], 12 << 20)
        self.ok("tokenize", "a dog", env=environment(VK_DRIVER_FILES="/dev/null"))


class Bench(Case):
    def test_a_model_of_a_released_size(self):
        """Made on the spot, for the task that the stage belongs to; nothing is read but the vocabulary."""
        rows = parse("csv", self.ok("bench", "itm-image", "--size", "base-384", "-f", "csv", cwd=self.folder).out)
        self.assertEqual([row["name"] for row in rows], ["itm-image"] * 2)
        for row in rows:
            self.assertGreater(float(row["work"]), 0)


class Doctor(Case):
    def test_devices_in_the_order_of_auto(self):
        """Each computes right; what only imitates a GPU comes after the processor, which needs no Vulkan."""
        for env, kinds in ((None, ["processor", "software"]),
                           (environment(VK_DRIVER_FILES="/dev/null"), ["processor"])):
            rows = parse("json", self.ok("doctor", "-f", "json", env=env).out)
            self.assertEqual([row["kind"] for row in rows], kinds)
            self.assertEqual([row["index"] for row in rows], list(range(len(kinds))))
            for row in rows:
                self.assertIsNone(row["problem"])
                self.assertTrue(row["checks"] and all(check["ok"] for check in row["checks"]))
                self.assertTrue(row["speed"])

    def test_what_vulkan_lacks_is_said(self):
        """No driver; or a loader that does not open, as one that is not there: the program itself needs none."""
        os.mkdir(self.path("lib"))
        write(self.path("lib", "libvulkan.so.1"), "")
        for env, why in ((environment(VK_DRIVER_FILES="/dev/null"), "no Vulkan driver found; on Debian: apt install "),
                         (environment(LD_LIBRARY_PATH=self.path("lib")), "no Vulkan loader: ")):
            with self.subTest(why=why):
                lines = self.ok("doctor", env=env).out.splitlines()
                self.assertEqual([line.startswith("vulkan        none: " + why) for line in lines[-2:]], [True, False])
                self.refused(EXIT_NO_DEVICE, ["device llvmpipe: none usable; there are: 0 ", "; " + why], "caption",
                             clip(1), "--device", "llvmpipe", env=env)
        self.assertNotIn("vulkan  ", self.ok("doctor", "--device", "cpu").out)


if __name__ == "__main__":
    main()

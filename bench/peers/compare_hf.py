#!/usr/bin/env python3
"""vblip --compat hf beside Hugging Face transformers, on one folder and the same images.

    compare_hf.py build/release/vblip FOLDER IMAGE... [--text T]... [--question Q]...
                  [--device D]
    compare_hf.py build/release/vblip --cases DIR [--only WORD] [--device D]

FOLDER is a checkpoint in the library's layout; what its config.json says it is for decides
what is compared: captions (greedy, beams 3 and 5, with and without a prompt), answers, or
ITM and ITC. Needs torch and transformers 5. Prints a line for every difference, and ends
with status 1 if there is one.

--cases makes small checkpoints in DIR, a new folder, as the library, torch and peft leave
them (checkpoint_cases.py; about 2 GB), and compares each, or looks for its refusal.

vblip prints texts and scores, not ids. A text must be what the library decodes its own ids
to, and its mean log-probability within 2e-4 of theirs: other ids would have to hide behind
both. ITM logits and ITC must be within 1e-4. Lengths are given to both (20 in all), and
images are resized by PIL in both.
"""

import argparse
import json
import os
import subprocess
import sys

import checkpoint_cases
import torch
import transformers
from PIL import Image

SCORE_ATOL, MATCH_ATOL = 2e-4, 1e-4
LENGTH = 20
VOCAB = os.path.join(os.path.dirname(__file__), "..", "..", "models", "bert-base-uncased-vocab.txt")

CAPTIONS = [  # options of vblip, arguments of generate()
    ([], {}),
    (["--repetition-penalty", "1.3"], {"repetition_penalty": 1.3}),
    (["--beams", "3"], {"num_beams": 3}),
    (["--beams", "3", "--min-length", "8"], {"num_beams": 3, "min_length": 8}),
    (["--beams", "5", "--repetition-penalty", "1.1"], {"num_beams": 5, "repetition_penalty": 1.1}),
]
PROMPTS = [None, "a picture of", "there is"]
TEXTS = ["a dog runs on the beach", "Two Cats: (on a couch)!", "a " + "very " * 50 + "long text"]
QUESTIONS = ["what is in the picture?", "How many dogs are there?"]
WORDS = ["A Café in 東京 beside the Zoo", "glioblastoma, stents and a stent near zircon", "a <loc1> of things"]


def run(program, *arguments):
    return subprocess.run([program, *map(str, arguments), "--compat", "hf", "-f", "json"], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8")


def rows(program, *arguments):
    done = run(program, *arguments)
    if done.returncode:
        raise ValueError("exit %d: %s" % (done.returncode, done.stderr.strip()))
    return json.loads(done.stdout)


class Peer:
    """The library's model and processors."""

    def __init__(self, folder, name):
        self.model = getattr(transformers, name).from_pretrained(folder).eval()
        self.images = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)

    def pixels(self, image):
        return self.images(Image.open(image).convert("RGB"), return_tensors="pt").pixel_values

    def tokens(self, text):
        return self.tokenizer([text], return_tensors="pt").input_ids

    def generate(self, prompt, **options):
        """Text, and the mean of the log-probabilities that the search saw."""
        out = self.model.generate(return_dict_in_generate=True, output_scores=True, max_length=LENGTH, **options)
        ids = out.sequences[0]
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        if options.get("num_beams", 1) > 1:
            return text, float(out.sequences_scores[0])
        steps = torch.stack([s[0] for s in out.scores]).log_softmax(-1)
        return text, float(steps.gather(1, ids[prompt:, None]).mean())


def check_text(what, got, score, want):
    if got != want[0]:
        return ["%s: %r, the library: %r" % (what, got, want[0])]
    if not abs(score - want[1]) <= SCORE_ATOL:
        return ["%s: score %.7g, the library: %.7g" % (what, score, want[1])]
    return []


def captions(args, common):
    peer = Peer(args.peer, "BlipForConditionalGeneration")
    for prompt in args.prompts:
        ids = None if prompt is None else peer.tokens(prompt)
        given = [] if prompt is None else ["--prompt", prompt]
        for options, arguments in args.captions:
            found = rows(args.program, "caption", *args.images, *common, *given, *options)
            for image, row in zip(args.images, found):
                extra = {} if ids is None else {"input_ids": ids.clone()}
                want = peer.generate(1 if ids is None else ids.shape[1] - 1, pixel_values=peer.pixels(image), **extra,
                                     **arguments)
                what = " ".join([image, *given, *options])
                yield check_text(what, row["caption"], row["score"], want)


def answers(args, common):
    peer = Peer(args.peer, "BlipForQuestionAnswering")
    for image in args.images:
        found = rows(args.program, "qa", image, *args.question, *common)
        for question, row in zip(args.question, found):
            want = peer.generate(1, pixel_values=peer.pixels(image), input_ids=peer.tokens(question))
            yield check_text("%s, %s" % (image, question), row["answer"], row["score"], want)


def matches(args, common):
    peer = Peer(args.peer, "BlipForImageTextRetrieval")
    for image in args.images:
        found = rows(args.program, "match", image, *args.text, *common)
        for text, row in zip(args.text, found):
            given = {"input_ids": peer.tokens(text), "pixel_values": peer.pixels(image)}
            itm = peer.model(use_itm_head=True, **given).itm_score[0].tolist()
            itc = float(peer.model(use_itm_head=False, **given).itm_score[0, 0])
            wrong = []
            for name, got, want in (("ITC", row["itc"], itc), ("ITM 0", row["itm_logits"][0], itm[0]),
                                    ("ITM 1", row["itm_logits"][1], itm[1])):
                if not abs(got - want) <= MATCH_ATOL:
                    wrong.append("%s, %s: %s %.7g, the library: %.7g" % (image, text, name, got, want))
            yield wrong


def searches(args, common):
    """ITC alone, of a checkpoint without an ITM head."""
    peer = Peer(args.peer, "BlipForImageTextRetrieval")
    for text in args.text:
        hits = rows(args.program, "retrieve", *args.images, text, "--rerank", 0, *common)
        found = {row["path"]: row["itc"] for row in hits}
        for image in args.images:
            want = float(peer.model(use_itm_head=False, input_ids=peer.tokens(text),
                                    pixel_values=peer.pixels(image)).itm_score[0, 0])
            wrong = not abs(found[image] - want) <= MATCH_ATOL
            yield ["%s, %s: ITC %.7g, the library: %.7g" % (image, text, found[image], want)] if wrong else []


TASKS = {
    "BlipForConditionalGeneration": captions,
    "BlipForQuestionAnswering": answers,
    "BlipForImageTextRetrieval": matches,
}


def comparison(args):
    architecture = transformers.AutoConfig.from_pretrained(args.peer).architectures[0]
    if architecture not in TASKS:
        sys.exit("%s: %s, expected one of %s" % (args.peer, architecture, ", ".join(TASKS)))
    common = ["--model", args.folder] + (["--device", args.device] if args.device else [])
    return (searches if args.itc else TASKS[architecture])(args, common)


def refusal(args, words):
    """Whether it was refused, for what it is."""
    done = run(args.program, "caption", args.images[0], "--model", args.folder)
    yield [] if done.returncode == 4 and words in done.stderr else [
        "exit %d: %s, expected: %s" % (done.returncode, done.stderr.strip(), words)]


def count(name, found):
    cases = differences = 0
    try:
        for wrong in found:
            cases += 1
            differences += len(wrong)
            for line in wrong:
                print("%s: %s" % (name, line) if name else line)
    except ValueError as failure:
        differences += 1
        print("%s: %s" % (name, failure))
    return cases, differences


def every_case(args):
    os.makedirs(args.cases)
    torch.set_num_threads(1)  # more wait for each other in models of this size
    args.images = checkpoint_cases.images(args.cases)
    args.text, args.question = TEXTS + WORDS, QUESTIONS + WORDS
    args.captions, args.prompts = CAPTIONS[:1] + CAPTIONS[2:3], PROMPTS[:2]
    checkpoints, cases, differences = 0, 0, 0
    for case in checkpoint_cases.make(args.cases, os.path.abspath(VOCAB)):
        name = os.path.relpath(case.path, args.cases)
        if args.only and args.only not in name:
            continue
        args.folder, args.peer, args.itc = case.path, case.peer, case.itc
        n, wrong = count(name, refusal(args, case.words) if case.words else comparison(args))
        print("%s: %s" % (name, "%d differences" % wrong if wrong else "refused" if case.words else "%d equal" % n),
              flush=True)
        checkpoints, cases, differences = checkpoints + 1, cases + n, differences + wrong
    print("%d checkpoints, %d cases, %d differences (transformers %s)" % (checkpoints, cases, differences,
                                                                         transformers.__version__))
    return 1 if differences or not cases else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("images", nargs="*", metavar="IMAGE")
    parser.add_argument("--cases", metavar="DIR", help="make checkpoints in DIR and compare those")
    parser.add_argument("--only", metavar="WORD", help="of the cases those whose name holds WORD")
    parser.add_argument("--text", action="append")
    parser.add_argument("--question", action="append")
    parser.add_argument("--device", help="of vblip")
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if args.cases:
        return every_case(args)
    if not args.images:
        parser.error("expected FOLDER and IMAGE..., or --cases DIR")
    args.text, args.question = args.text or TEXTS, args.question or QUESTIONS
    args.peer, args.itc, args.captions, args.prompts = args.folder, False, CAPTIONS, PROMPTS
    cases, differences = count("", comparison(args))
    print("%d cases, %d differences (transformers %s)" % (cases, differences, transformers.__version__))
    return 1 if differences or not cases else 0


if __name__ == "__main__":
    sys.exit(main())

"""Writes what a recent Hugging Face transformers makes of tokenizer folders with settings and words of their own.

  hf_tokenizers.py OUT_JSON      (needs transformers 5; no model, no torch)

Each folder is the files of a tokenizer over forty words; the library loads it, and what it says of the texts and ids is
kept beside the files themselves.
"""

import json
import os
import sys
import tempfile

import transformers
from transformers import AddedToken, AutoTokenizer, BertTokenizer

WORDS = """[PAD] [UNK] [CLS] [SEP] [MASK] a dog Dog the The ##s ##nt ##ly con ##sist ##ent , . ! [ ] < > loc ##1 1
caf ##e cafe café ##é e é É École ecole 中 国 中国 ##国 st ##en ##t new york New York ste ST ##ENT i İ ##\u0307 \u0307 dec D ##EC""".split()
TEXTS = [
    "a dog", "A Dog, the Dogs!", "The café École", "cafe\u0301 E\u0301cole", "中国 a 中 国", "a中国", "İ i", "stent", "consistently", "a Stent.",
    "STENT", "new york", "New  York", "new\tyork", "newyork", "<loc1> a <LOC1>", "a<loc1>dog", "[DEC] a [dec]", "[SEP] a", "dogstent stentdog stents",
    "stent,stent", "a\u200bdog", "éstent", "ＳＴ stent\u00a0dog", "[ENC]",
]



def plain(t):
    return None


def many(t):
    t.add_tokens([AddedToken("stent", normalized=True, single_word=True), AddedToken("Dog", normalized=True), AddedToken("new york")])
    t.add_special_tokens({"additional_special_tokens": ["<loc1>", "[DEC]"]})


FOLDERS = {
    "uncased": ({}, plain),
    "cased": (dict(do_lower_case=False), plain),
    "cased, accents stripped": (dict(do_lower_case=False, strip_accents=True), plain),
    "uncased, accents kept": (dict(strip_accents=False), plain),
    "ideographs joined": (dict(tokenize_chinese_chars=False), plain),
    "words added": ({}, lambda t: t.add_tokens(["stent", "New York", "École"])),
    "words added to a cased one": (dict(do_lower_case=False), lambda t: t.add_tokens(["Stent", "new york", "École"])),
    "special tokens": ({}, lambda t: t.add_special_tokens({"additional_special_tokens": ["[DEC]", "[ENC]", "<loc1>"]})),
    "all kinds": ({}, many),
}


def write(folder, files):
    for name, text in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            file.write(text)


def read(folder):
    return {n: open(os.path.join(folder, n), encoding="utf-8").read() for n in sorted(os.listdir(folder))}


def folders():
    for name, (options, change) in FOLDERS.items():
        with tempfile.TemporaryDirectory() as folder:
            write(folder, {"vocab.txt": "\n".join(WORDS) + "\n"})
            tokenizer = BertTokenizer(os.path.join(folder, "vocab.txt"), **options)
            change(tokenizer)
            os.remove(os.path.join(folder, "vocab.txt"))
            tokenizer.save_pretrained(folder)
            files = read(folder)
        yield name, files
    # what version 4 left: a stale vocab.txt, added_tokens.json, a decoder in tokenizer_config.json
    stale = {"vocab.txt": "\n".join(WORDS[:5] + WORDS[5:][::-1]) + "\n"}
    yield "vocab.txt alone", dict(stale)
    yield "tokenizer.json over vocab.txt", dict(stale, **files)
    yield "added_tokens.json", dict(stale, **{"added_tokens.json": json.dumps({"stent": len(WORDS), "New York": len(WORDS) + 1})})
    token = dict(content="stent", lstrip=False, rstrip=False, normalized=False, single_word=True, special=False)
    yield "a decoder in tokenizer_config.json", dict(stale, **{"tokenizer_config.json": json.dumps(
        {"tokenizer_class": "BertTokenizer", "do_lower_case": False, "added_tokens_decoder": {str(len(WORDS)): token}})})
    config = json.loads(files["tokenizer_config.json"])
    config["tokenizer_class"], config["do_lower_case"] = "PreTrainedTokenizerFast", False
    yield "taken as its file is", dict(files, **{"tokenizer_config.json": json.dumps(config)})


def main():
    cases = []
    for name, files in folders():
        with tempfile.TemporaryDirectory() as folder:
            write(folder, dict(files, **{"config.json": '{"model_type": "blip"}'}))
            tokenizer = AutoTokenizer.from_pretrained(folder)
            rows = [dict(text=t, ids=tokenizer(t).input_ids) for t in TEXTS]
            for row in rows:
                row["decoded"] = tokenizer.decode(row["ids"], skip_special_tokens=True)
            cases.append(dict(name=name, files=files, size=len(tokenizer), cases=rows))
    with open(sys.argv[1], "w", encoding="utf-8") as file:
        file.write('{"transformers": "%s", "folders": [\n' % transformers.__version__)
        file.write(",\n".join(json.dumps(c, ensure_ascii=False) for c in cases) + "\n]}\n")


if __name__ == "__main__":
    main()

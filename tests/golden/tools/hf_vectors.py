"""Writes what a recent Hugging Face transformers generates, answers and matches on a seeded configuration.

  hf_vectors.py CONFIG GOLDEN_DIR VOCAB OUT_DIR      (needs torch, transformers 5, safetensors; not the 4.15 tree)

OUT_DIR receives hf_CONFIG.json (captions; not for tiny, whose file is check_hf.py's), hf_tasks_CONFIG.json (questions,
but for wide, ITM and ITC; texts go to the tokenizer as they are) and, for tiny, hf_decode.json (ids to text). A case is fragile when
the same model in double precision decides otherwise.
"""

import copy
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import torch

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import seeded  # noqa: E402
import transformers  # noqa: E402

torch.set_grad_enabled(False)
transformers.logging.set_verbosity_error()
here = os.path.dirname(os.path.abspath(__file__))
cfg, golden, vocab, out = sys.argv[1:5]
par = json.load(open(os.path.join(golden, "tools", "public.json")))
man = json.load(open(os.path.join(golden, "model", cfg, "manifest.json")))
side, side_vqa = man["sizes"]["S"], man["sizes"]["S_vqa"]
tmp = tempfile.mkdtemp()
about = dict(transformers=transformers.__version__, config=cfg, seed=par["seed"], series=par["series"])


def load(task, name):
    folder = os.path.join(tmp, task)
    subprocess.check_call([sys.executable, os.path.join(here, "make_checkpoint.py"), "--config", cfg, "--task", task, "--seed",
                           str(par["seed"]), "--layout", "hf", "--out", folder, "--vocab", vocab])
    model = getattr(transformers, name).from_pretrained(folder, attn_implementation="eager").eval()
    return model, copy.deepcopy(model).double(), transformers.BertTokenizer.from_pretrained(folder)


def pixels(image, side):
    return torch.from_numpy(seeded.normalise(seeded.image(image, side, side, par["series"])))[None]


def dump(name, value):
    with open(os.path.join(out, name), "w") as file:
        head = {k: v for k, v in value.items() if not isinstance(v, list)}
        file.write(json.dumps(head)[:-1])
        for key in value:
            if isinstance(value[key], list):
                file.write(',\n "%s": [\n  ' % key + ",\n  ".join(json.dumps(r) for r in value[key]) + "]")
        file.write("}\n")


def generate(models, x, ids, options):
    """ids, score and whether double precision writes something else."""
    rows = []
    for model, dtype in zip(models, (torch.float32, torch.float64)):
        extra = dict(input_ids=ids.clone()) if ids is not None else {}
        r = model.generate(pixel_values=x.to(dtype), return_dict_in_generate=True, output_scores=True, **extra, **options)
        rows.append((r.sequences[0].tolist(), getattr(r, "sequences_scores", None)))
    row = dict(ids=rows[0][0])
    if rows[0][1] is not None:
        row["score"] = float(rows[0][1][0])
    if rows[0][0] != rows[1][0]:
        row["fragile"] = True
    return row


def likelihood(x, question, answer):
    """log p of the answer's tokens after [DEC], [SEP] included."""
    seen = single.vision_model(x).last_hidden_state
    states = single.text_encoder(question, attention_mask=torch.ones_like(question), encoder_hidden_states=seen).last_hidden_state
    ids = torch.tensor([[30522] + tok(answer).input_ids[1:]])
    logits = single.text_decoder(input_ids=ids[:, :-1], encoder_hidden_states=states).logits
    return float(logits.log_softmax(-1)[0].gather(1, ids[0, 1:, None]).sum())


captions = [
    dict(max_length=20),
    dict(max_length=20, repetition_penalty=1.3),
    dict(max_length=20, min_length=5, num_beams=3),
    dict(max_length=20, num_beams=5),
    dict(max_length=12, min_length=8, num_beams=3, repetition_penalty=1.1),
    dict(max_length=7, num_beams=5),
]
texts = [
    "a woman sitting on the beach with a dog",
    "A Woman, sitting: on the BEACH... (with a dog)!",
    "two cats",
    "a " + "very " * 50 + "long text that no one cuts",
    "  spaces   are not   tokens ",
]
answers = ["yes", "no", "two", "a dog", "on the beach", "a woman and her dog"]
questions = ["what is in the picture?", "Is there a (red) dog?", "how many people are there, and what are they doing right now?"]

if cfg != "tiny":
    single, double, tok = load("caption", "BlipForConditionalGeneration")
    cases = []
    for image in range(8):
        for options in captions:
            for prompt in (None, "a picture of"):
                ids = None if prompt is None else torch.tensor([tok(prompt).input_ids])
                row = generate((single, double), pixels(image, side), ids, options)
                start = [30522] if ids is None else [30522] + ids[0, 1:-1].tolist()
                cases.append(dict(image=image, prompt=start, text=tok.decode(row["ids"], skip_special_tokens=True), **row, **options))
    dump("hf_%s.json" % cfg, dict(about, cases=cases))

# The library gives both text models of a VQA checkpoint the width of the vision model: wide cannot be loaded.
asked = []
for image in range(8) if cfg != "wide" else ():
    if image == 0:
        single, double, tok = load("vqa", "BlipForQuestionAnswering")
    for question in questions:
        ids = torch.tensor([tok(question).input_ids])
        row = generate((single, double), pixels(image, side_vqa), ids, dict(max_length=20))
        asked.append(dict(image=image, question=question, answer=tok.decode(row["ids"], skip_special_tokens=True), **row,
                          likelihoods=[likelihood(pixels(image, side_vqa), ids, answer) for answer in answers]))

single, double, tok = load("retrieval", "BlipForImageTextRetrieval")
matches = []
for image in range(4):
    for text in texts:
        t = tok([text], return_tensors="pt")
        given = dict(input_ids=t.input_ids, attention_mask=t.attention_mask, pixel_values=pixels(image, side))
        matches.append(dict(image=image, text=text, itm=single(use_itm_head=True, **given).itm_score[0].tolist(),
                            itc=float(single(use_itm_head=False, **given).itm_score[0, 0])))
dump("hf_tasks_%s.json" % cfg, dict(about, answers=answers, questions=asked, matches=matches))

if cfg == "tiny":
    lists = [row["ids"] for row in json.load(open(os.path.join(golden, "text", "decode.json")))["cases"]]
    lists += [tok(t).input_ids for t in ("i do not know, don't we? they've n't 'm", "it ' s . . . unaffable!?", "co-op")]
    lists += [[tok.vocab["##ing"], 1037, tok.vocab["##ing"]], [1012, 1037], [30523, 1012, 30522, 1029, 100, 1010]]
    dump("hf_decode.json", dict(about, cases=[dict(ids=ids, text=tok.decode(ids, skip_special_tokens=True)) for ids in lists]))

"""checkpoint_cases.py - small BLIP checkpoints as people's tools leave them, made with those tools.

make(OUT, VOCAB) writes them below OUT and returns the list of cases: what vblip is given, and what it must do,
either give the numbers of the library's model or refuse with some words. compare_hf.py --cases runs it.
"""

import argparse
import collections
import json
import os
import random
import shutil
from dataclasses import dataclass

import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import (BertTokenizerFast, BlipConfig, BlipForConditionalGeneration, BlipForImageTextRetrieval,
                          BlipForQuestionAnswering, BlipImageProcessor, BlipProcessor)

ROWS, SIDE = 30524, 96
CLASSES = {"cap": BlipForConditionalGeneration, "vqa": BlipForQuestionAnswering, "itm": BlipForImageTextRetrieval}


@dataclass
class Case:
    path: str  # what vblip is given
    peer: str = None  # the folder that the library loads: the same, unless said
    words: str = None  # of the refusal; None = the numbers are equal
    itc: bool = False  # of retrieval, ITC alone: there is no itm_head

    def __post_init__(self):
        self.peer = self.peer or self.path


def model(kind, eps=1e-5, act="gelu", **text):
    """The kind's model with weights of a seed."""
    size = {"hidden_size": 128, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 2,
            "hidden_act": act}
    config = BlipConfig(vision_config=dict(size, image_size=SIDE, patch_size=16, layer_norm_eps=eps),
                        text_config=dict(size, vocab_size=ROWS, encoder_hidden_size=128, max_position_embeddings=512,
                                         **text), image_text_hidden_size=64)
    made = CLASSES[kind](config).eval()
    draw = torch.Generator().manual_seed(1)
    for name, p in made.named_parameters():
        if p.dim() > 1:
            scale = 0.5 / p.shape[-1]**.5 if p.dim() == 2 and "embed" not in name else .3
            p.data.copy_(torch.randn(p.shape, generator=draw) * scale)
        elif name.endswith("bias"):
            p.data.copy_(torch.randn(p.shape, generator=draw) * .1)
    made.tie_weights()
    return made


def processor(vocab, size=SIDE, lower=True, **pixels):
    images = BlipImageProcessor(size={"height": size, "width": size}, **pixels)
    return BlipProcessor(images, BertTokenizerFast(vocab, do_lower_case=lower))


def images(out):
    """Their paths."""
    draw, paths = np.random.RandomState(0), []
    for i, (height, width) in enumerate([(120, 160), (300, 200)]):
        y, x = np.mgrid[0:height, 0:width]
        a = np.stack([127 + 120 * np.sin(x / (7 + i)), 127 + 120 * np.cos(y / (5 + i)), (x * y * (i + 1)) % 256], -1)
        pixels = np.clip(a + draw.randn(height, width, 3) * 12, 0, 255).astype("uint8")
        paths.append(os.path.join(out, "image%d.png" % i))
        Image.fromarray(pixels).save(paths[-1])
    return paths


def original(state):
    """Under the names of salesforce/BLIP."""
    names = (("vision_model.embeddings.class_embedding", "visual_encoder.cls_token"),
             ("vision_model.embeddings.position_embedding", "visual_encoder.pos_embed"),
             ("vision_model.embeddings.patch_embedding", "visual_encoder.patch_embed.proj"),
             ("vision_model.encoder.layers", "visual_encoder.blocks"),
             ("vision_model.post_layernorm", "visual_encoder.norm"))
    out = collections.OrderedDict()
    for name, tensor in state.items():
        for ours, theirs in names:
            name = name.replace(ours, theirs)
        if name.startswith("visual_encoder"):
            for ours, theirs in (("layer_norm", "norm"), ("self_attn.qkv", "attn.qkv"),
                                 ("self_attn.projection", "attn.proj")):
                name = name.replace(ours, theirs)
        out[name] = tensor
    return out


class Maker:
    """Makes the folders; every method returns cases."""

    def __init__(self, out, vocab):
        self.out, self.vocab, self.base = out, vocab, {}
        for kind in CLASSES:
            self.base[kind] = self.path("base-" + kind)
            self.save(self.base[kind], model(kind), processor(vocab))

    def path(self, *names):
        return os.path.join(self.out, *names)

    def save(self, folder, made, how):
        made.save_pretrained(folder)
        how.save_pretrained(folder)
        return Case(folder)

    def copy(self, name, kind="cap", weights=True):
        """A copy of a base folder, which may lack its weights."""
        folder = self.path(name)
        shutil.copytree(self.base[kind], folder)
        if not weights:
            os.remove(os.path.join(folder, "model.safetensors"))
        return folder

    def state(self, kind="cap"):
        return load_file(os.path.join(self.base[kind], "model.safetensors"))

    def edit(self, name, file, kind="cap", section=None, **members):
        """A copy with members of a JSON file changed; None removes."""
        folder = self.copy(name, kind)
        path = os.path.join(folder, file)
        with open(path, encoding="utf-8") as f:
            root = json.load(f)
        part = root[section] if section else root
        part.update(members)
        for key in [k for k, v in part.items() if v is None]:
            del part[key]
        with open(path, "w", encoding="utf-8") as f:
            json.dump(root, f)
        return Case(folder)

    def tokenizers(self):
        """Other words, other rules, tokens that were added."""
        with open(self.vocab, encoding="utf-8") as f:
            lines = f.read().split("\n")[:ROWS - 2]
        body = lines[1000:]
        random.Random(1).shuffle(body)
        other = self.path("other-vocab.txt")
        with open(other, "w", encoding="utf-8") as f:
            f.write("\n".join(lines[:1000] + body) + "\n")
        for kind in CLASSES:
            yield self.save(self.path("words-" + kind), model(kind), processor(other))
        stale = self.path("words-over-stale-lines")
        self.save(stale, model("itm"), processor(other))
        shutil.copy(self.vocab, os.path.join(stale, "vocab.txt"))
        yield Case(stale)
        yield self.save(self.path("cased"), model("itm"), processor(self.vocab, lower=False))
        for key, value in (("strip_accents", False), ("tokenize_chinese_chars", False), ("do_lower_case", False)):
            yield self.edit("rule-" + key, "tokenizer_config.json", "itm", **{key: value})

    def added(self, name, tokens, special, kind="cap"):
        made, how = model(kind), processor(self.vocab)
        if special:
            how.tokenizer.add_special_tokens({"additional_special_tokens": tokens})
        else:
            how.tokenizer.add_tokens(tokens)
        if len(how.tokenizer) > ROWS:
            made.resize_token_embeddings(len(how.tokenizer))
            made.config.text_config.vocab_size = len(how.tokenizer)
        return self.save(self.path(name), made, how)

    def added_tokens(self):
        yield self.added("dec-enc", ["[DEC]", "[ENC]"], True)
        words, places = ["glioblastoma", "stent", "zircon"], ["<loc%d>" % i for i in range(5)]
        yield self.added("two-words", words[:2], False)
        for kind in ("cap", "itm"):
            yield self.added("three-words-" + kind, words, False, kind)
            yield self.added("five-special-" + kind, places, True, kind)

    def processors(self):
        half = [.5] * 3
        for name, size, how in (("mean", SIDE, {"image_mean": half, "image_std": half}), ("smaller", 64, {}),
                                ("rescaled", SIDE, {"rescale_factor": 1 / 255})):
            for kind in ("cap", "itm"):
                yield self.save(self.path("pixels-%s-%s" % (name, kind)), model(kind),
                                processor(self.vocab, size, **how))
        for name, how, words in (("bilinear", {"resample": 2}, "resample: 2"),
                                 ("nearest", {"resample": 0}, "resample: 0"),
                                 ("raw", {"do_normalize": False}, "do_normalize: false"),
                                 ("bytes", {"do_rescale": False}, "do_rescale: false"),
                                 ("rescaled", {"rescale_factor": 1 / 127.5}, "rescale_factor")):
            case = self.save(self.path("refused-" + name), model("cap"), processor(self.vocab, **how))
            yield Case(case.path, words=words)
        case = self.save(self.path("refused-larger"), model("cap"), processor(self.vocab, 192))
        yield Case(case.path, words="images of 192 pixels, but positions for 96, where the library fails")
        yield self.edit("pixels-scalar", "processor_config.json", section="image_processor", image_mean=.4,
                        image_std=.3)
        yield self.edit("pixels-crop", "processor_config.json", section="image_processor", do_center_crop=True,
                        crop_size={"height": SIDE, "width": SIDE})
        case = self.edit("refused-crop", "processor_config.json", section="image_processor", do_center_crop=True,
                         crop_size={"height": 64, "width": 64})
        yield Case(case.path, words="crop_size: 64, expected the images' 96")

    def configs(self):
        for kind in ("cap", "itm"):
            yield self.save(self.path("gelu-python-" + kind), model(kind, act="gelu_python"), processor(self.vocab))
        case = self.save(self.path("gelu-new"), model("cap", act="gelu_new"), processor(self.vocab))
        yield Case(case.path, words="hidden_act: \"gelu_new\"")
        yield self.save(self.path("eps"), model("itm", eps=1e-3), processor(self.vocab))
        for kind in ("cap", "vqa"):  # the library generates with the configuration of the decoder
            yield self.edit("generation-" + kind, "generation_config.json", kind, num_beams=4, repetition_penalty=1.5)

    def tensors(self):
        """The numbers of the base in files of another kind, which the library reads too, or is not asked to."""
        state, base = self.state(), self.base["cap"]

        def folder(name, save, content, file="pytorch_model.bin", **how):
            made = self.copy(name, weights=False)
            save(content, os.path.join(made, file), **how)
            return Case(made, base)

        safe = {k: v.contiguous().clone() for k, v in state.items()}
        for name, dtype in (("f16", torch.float16), ("bf16", torch.bfloat16), ("f64", torch.float64)):
            rounded = self.copy("rounded-" + name, weights=False)
            save_file({k: v.to(dtype).float() for k, v in safe.items()}, rounded + "/model.safetensors",
                      {"format": "pt"})
            case = folder(name, save_file, {k: v.to(dtype) for k, v in safe.items()}, "model.safetensors")
            yield Case(case.path, rounded)
        yield folder("bin", torch.save, state)
        yield folder("transposed", torch.save,
                     {k: v.t().contiguous().t() if v.dim() == 2 else v for k, v in state.items()})
        yield folder("channels-last", torch.save,
                     {k: v.contiguous(memory_format=torch.channels_last) if v.dim() == 4 else v
                      for k, v in state.items()})
        flat, at, views = torch.cat([v.reshape(-1) for v in state.values()]), 0, collections.OrderedDict()
        for k, v in state.items():
            views[k] = flat[at:at + v.numel()].view(v.shape)
            at += v.numel()
        yield folder("one-storage", torch.save, views)
        for prefix in ("module.", "_orig_mod.", "module._orig_mod.", "model."):
            yield folder("under-" + prefix.rstrip("."), torch.save, {prefix + k: v for k, v in state.items()})
        yield folder("lightning", torch.save, {"epoch": 3, "state_dict": {"model." + k: v for k, v in state.items()},
                                               "optimizer_states": [{"state": {}}], "hyper_parameters": {"lr": 1e-5}})
        sharded = self.copy("sharded", weights=False)
        CLASSES["cap"].from_pretrained(base).save_pretrained(sharded, max_shard_size="4MB")
        yield Case(sharded, base)
        untied = dict(safe)
        untied["text_decoder.cls.predictions.decoder.weight"] = \
            state["text_decoder.bert.embeddings.word_embeddings.weight"].flip(0).contiguous()
        case = folder("untied", save_file, untied, "model.safetensors", metadata={"format": "pt"})
        yield Case(case.path)
        stale = self.copy("stale-bin")
        torch.save({k: v * 0 for k, v in state.items()}, stale + "/pytorch_model.bin")
        yield Case(stale, base)
        case = folder("fp8", save_file, {k: v.to(torch.float8_e4m3fn) if v.dim() == 2 else v for k, v in safe.items()},
                      "model.safetensors")
        yield Case(case.path, words="F8_E4M3")
        case = folder("legacy", torch.save, state, _use_new_zipfile_serialization=False)
        yield Case(case.path, words="torch before 1.6")
        whole = self.copy("whole", weights=False)
        torch.save(CLASSES["cap"].from_pretrained(base), whole + "/pytorch_model.bin")
        yield Case(whole, words="state_dict()")

    def originals(self):
        """Files that stand alone, with the original's names: their epsilon is 1e-6."""
        peers = {kind: self.path("original-" + kind) for kind in CLASSES}
        states = {}
        for kind, peer in peers.items():
            made = model(kind, eps=1e-6)
            self.save(peer, made, processor(self.vocab))
            states[kind] = original(load_file(peer + "/model.safetensors"))

        def file(name, kind, content):
            torch.save(content, self.path(name))
            return Case(self.path(name), peers[kind])

        for kind, state in states.items():
            yield file(kind + ".pth", kind, {"model": state, "epoch": 4, "config": {"image_size": SIDE}})
        cap, itm = states["cap"], states["itm"]
        yield file("bare.pth", "cap", cap)
        yield file("ddp.pth", "cap", {"model": {"module." + k: v for k, v in cap.items()}})
        yield file("tutorial.pt", "cap", {"model_state_dict": cap, "epoch": 1, "loss": 2.5})
        yield file("lightning.ckpt", "cap", {"state_dict": cap})
        yield file("no-ending", "cap", {"module": cap})
        ema = {k: v * 0 for k, v in cap.items()}
        yield file("ema.pth", "cap", {"model": cap, "model_ema": ema})
        for name, thing in (("namespace", argparse.Namespace(lr=1e-5)), ("random", np.random.get_state()),
                            ("module", torch.nn.Linear(2, 2)), ("sets", {1, 2}), ("bytes", b"abc"),
                            ("scalar", np.float64(.3))):
            yield file("beside-%s.pth" % name, "cap", {"model": cap, "x": thing})
        for protocol in (3, 4, 5):
            torch.save({"model": cap}, self.path("protocol%d.pth" % protocol), pickle_protocol=protocol)
            yield Case(self.path("protocol%d.pth" % protocol), peers["cap"])
        momentum = dict(itm, temp=torch.tensor(.07), image_queue=torch.zeros(64, 5))
        momentum.update({k.replace(".", "_m.", 1): v * 0 for k, v in itm.items()})
        yield file("momentum.pth", "itm", {"model": momentum})
        features = {k: v for k, v in itm.items() if not k.startswith("itm_head")}
        case = file("features.pth", "itm", {"model": features})
        yield Case(case.path, case.peer, itc=True)

    def features(self):
        """A retrieval folder without its itm_head: the library draws one."""
        folder = self.copy("features", "itm", weights=False)
        save_file({k: v for k, v in self.state("itm").items() if not k.startswith("itm_head")},
                  folder + "/model.safetensors", {"format": "pt"})
        yield Case(folder, itc=True)

    def caches(self):
        """The folder of a model in a cache of the hub."""
        folder = self.path("models--me--blip")
        shutil.copytree(self.base["cap"], os.path.join(folder, "snapshots", "0123abc"))
        os.makedirs(os.path.join(folder, "refs"))
        with open(os.path.join(folder, "refs", "main"), "w", encoding="utf-8") as f:
            f.write("0123abc")
        yield Case(folder, self.base["cap"])

    def adapters(self):
        """LoRA, where peft is installed."""
        try:
            from peft import LoraConfig, get_peft_model
        except ImportError:
            print("peft is not installed: no adapters")
            return
        base = self.base["cap"]
        made = get_peft_model(CLASSES["cap"].from_pretrained(base),
                              LoraConfig(r=4, lora_alpha=32, target_modules=["query", "value", "qkv"]))
        draw = torch.Generator().manual_seed(3)
        for name, p in made.named_parameters():
            if "lora_B" in name:
                p.data.copy_(torch.randn(p.shape, generator=draw) * .3)
        alone, beside = self.path("adapter"), self.copy("adapter-beside")
        made.save_pretrained(alone)
        made.save_pretrained(beside)
        yield Case(alone, words="merge_and_unload()")
        yield Case(beside, words="merge_and_unload()")
        unmerged = self.copy("adapter-unmerged", weights=False)
        torch.save(made.state_dict(), unmerged + "/pytorch_model.bin")
        yield Case(unmerged, words="merge_and_unload()")
        merged = self.copy("adapter-merged", weights=False)
        made.merge_and_unload().save_pretrained(merged)
        yield Case(merged)


def make(out, vocab):
    """All cases, made in the empty folder `out`."""
    maker = Maker(out, vocab)
    for kind in CLASSES:
        yield Case(maker.base[kind])
    for part in (maker.tokenizers, maker.added_tokens, maker.processors, maker.configs, maker.tensors, maker.originals,
                 maker.features, maker.caches, maker.adapters):
        yield from part()

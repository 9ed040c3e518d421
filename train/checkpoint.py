"""Checkpoint folders in Hugging Face's layout: read, and written with other weights."""

import json
import os
import shutil

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from model import Blip
from pixels import MEAN, STD
from refused import Refused
from vocab import Tokenizer
from words import COPIES, ROWS, moved, spelt, with_ids, with_rows

VISION = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
          "image_size": 384, "patch_size": 16, "layer_norm_eps": 1e-5, "hidden_act": "gelu"}
TEXT = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": None,
        "max_position_embeddings": 512, "layer_norm_eps": 1e-12, "hidden_act": "gelu"}
# what a loss needs, by the modules of model.Blip; qa needs questions, the others captions
NEEDS = {"itc": ("text_encoder", "vision_proj", "text_proj"),
         "itm": ("text_encoder", "vision_proj", "text_proj", "itm_head"),
         "lm": ("text_decoder",), "qa": ("text_encoder", "text_decoder")}
CALLED = {"vision_model": "image encoder", "text_encoder": "text encoder", "text_decoder": "text decoder",
          "vision_proj": "image projection", "text_proj": "text projection", "itm_head": "ITM head"}
TIED = "text_decoder.cls.predictions.decoder."
WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")


def write_folder(folder, tensors, files):
    """A folder of `tensors` and of `files`, {name: value for JSON, or text}; what is there of them is replaced."""
    os.makedirs(folder, exist_ok=True)
    weights = os.path.join(folder, "model.safetensors")
    save_file({k: v.contiguous().clone() for k, v in tensors.items()}, weights, {"format": "pt"})
    os.chmod(weights, 0o644)
    for name, content in files.items():
        with open(os.path.join(folder, name), "w", encoding="utf-8") as out:
            out.write(content if isinstance(content, str) else json.dumps(content, indent=2) + "\n")


class Checkpoint:
    """A folder: its tensors, what its config says, its tokenizer and how it wants pixels. `words`: those to be words
    of its vocabulary (words.py)."""

    def __init__(self, folder, words=()):
        self.folder = folder
        if not os.path.isfile(os.path.join(folder, "config.json")):
            raise Refused("%s: no config.json; a checkpoint folder in Hugging Face's layout is needed" % folder)
        self.config = self._json("config.json")
        self.tensors = self._tensors()
        self._refuse_others()
        with open(self._path("vocab.txt"), encoding="utf-8") as file:
            self.tokenizer = Tokenizer(file.read().rstrip("\n").split("\n"))
        self.changed = {}  # files that are written otherwise than they were read, beside config.json
        self.added = slice(self.tokenizer.dec, self.tokenizer.dec)  # rows of words that were added
        self._add(spelt(self.tokenizer, words))
        self.sizes = self._sizes()
        pixels = self._json("preprocessor_config.json") if os.path.exists(
            os.path.join(folder, "preprocessor_config.json")) else {}
        self.mean, self.std = pixels.get("image_mean", MEAN), pixels.get("image_std", STD)
        self.parts = {part for part in CALLED if any(name.startswith(part + ".") for name in self.tensors)}

    def _add(self, words):
        old, generation = self.tokenizer, "generation_config.json"
        if not words:
            return
        self.tensors = with_rows(self.tensors, old, words)
        self.config = with_ids(self.config, old, words)
        self.tokenizer = Tokenizer(old.lines + words)
        self.added = slice(old.dec, self.tokenizer.dec)
        self.changed["vocab.txt"] = "".join(line + "\n" for line in self.tokenizer.lines)
        if os.path.exists(os.path.join(self.folder, generation)):
            self.changed[generation] = moved(self._json(generation), old, words)

    def _path(self, name):
        path = os.path.join(self.folder, name)
        if not os.path.isfile(path):
            raise Refused("%s: no such file" % path)
        return path

    def _json(self, name):
        path = self._path(name)
        try:
            with open(path, encoding="utf-8") as file:
                value = json.load(file)
        except ValueError as e:
            raise Refused("%s: is not JSON: %s" % (path, e)) from e
        if not isinstance(value, dict):
            raise Refused("%s: not an object" % path)
        return value

    def _tensors(self):
        name = next((n for n in WEIGHTS if os.path.exists(os.path.join(self.folder, n))), None)
        if name is None:
            raise Refused("%s: holds none of %s" % (self.folder, ", ".join(WEIGHTS)))
        try:
            if name == "pytorch_model.bin":
                return torch.load(self._path(name), map_location="cpu", weights_only=True)
            if name == "model.safetensors":
                return load_file(self._path(name))
            shards = sorted(set(self._json(name)["weight_map"].values()))
            return {k: v for shard in shards for k, v in load_file(self._path(shard)).items()}
        except (SafetensorError, RuntimeError, OSError, KeyError) as e:
            raise Refused("%s: cannot be read: %s" % (self._path(name), str(e).split("\n", maxsplit=1)[0])) from e

    def _refuse_others(self):
        if not any(name.startswith("vision_model.") for name in self.tensors):
            raise Refused("%s: holds no vision_model.*; not a BLIP in Hugging Face's layout" % self.folder)
        words = self.tensors.get("text_decoder.bert.embeddings.word_embeddings.weight")
        said = self.tensors.get(TIED + "weight")
        if words is not None and said is not None and not torch.equal(words, said):
            raise Refused("%s: %sweight differs from the word embeddings; only tied ones are trained" %
                          (self.folder, TIED))

    def _sizes(self):
        """What model.Blip calls its sizes."""
        vision = {k: self.config.get("vision_config", {}).get(k, v) for k, v in VISION.items()}
        text = {k: self.config.get("text_config", {}).get(k, v) for k, v in TEXT.items()}
        if text["num_attention_heads"] is None:
            raise Refused("%s/config.json: text_config.num_attention_heads: missing (released BLIPs have 12)" %
                          self.folder)
        for part in (vision, text):
            if part["hidden_act"] != "gelu":
                raise Refused("%s/config.json: hidden_act: %s; only gelu is known" %
                              (self.folder, part["hidden_act"]))
        side = vision["image_size"]
        return {"side": side[0] if isinstance(side, list) else side, "patch": vision["patch_size"],
                "vision_width": vision["hidden_size"], "vision_heads": vision["num_attention_heads"],
                "vision_layers": vision["num_hidden_layers"], "vision_mlp": vision["intermediate_size"],
                "vision_eps": vision["layer_norm_eps"], "width": text["hidden_size"],
                "heads": text["num_attention_heads"], "layers": text["num_hidden_layers"],
                "mlp": text["intermediate_size"], "positions": text["max_position_embeddings"],
                "eps": text["layer_norm_eps"], "shared": self.config.get("image_text_hidden_size", 256)}

    def losses(self, data, asked=None):
        """Those of `data` (the losses that there are annotations for) that there are parts for, or those asked for;
        Refused when annotations or a part of these are missing."""
        answers = (self.config.get("architectures") or [""])[0] == "BlipForQuestionAnswering"
        if answers and set(data) - {"qa"}:
            raise Refused("%s: answers questions, which captions do not train; give --questions without --data" %
                          self.folder)
        lacks = {loss: [CALLED[p] for p in parts if p not in self.parts] for loss, parts in NEEDS.items()}
        for loss in asked or ():
            if loss not in data:
                raise Refused("--losses %s: there is no %s" % (loss, "--questions" if loss == "qa" else "--data"))
            if lacks[loss]:
                raise Refused("%s: %s needs a %s, which it lacks; leave it out of --losses" %
                              (self.folder, loss, " and a ".join(lacks[loss])))
        found = [loss for loss in data if (loss in asked if asked else not lacks[loss])]
        if not found:
            raise Refused("%s: has no parts for any of %s" % (self.folder, ", ".join(data)))
        return found

    def model(self, losses, temperature):
        """A float32 model.Blip of what the losses need."""
        with torch.device("meta"):
            model = Blip(self.tokenizer.size, self.sizes)
        needed = {"vision_model"}.union(*(NEEDS[loss] for loss in losses))
        for part in CALLED:
            if part not in needed:
                setattr(model, part, None)
        model.temp = torch.nn.Parameter(torch.tensor(float(temperature)))
        values = {"temp": model.temp.data}
        for name, p in model.named_parameters():
            if name == "temp":
                continue
            stored = self.tensors.get(name)
            if stored is None and name.endswith("cls.predictions.bias"):
                stored = self.tensors.get(TIED + "bias")  # one of the two may have been dropped
            if stored is None:
                raise Refused("%s: %s: missing" % (self.folder, name))
            if stored.shape != p.shape:
                raise Refused("%s: %s is %s, but by config.json and vocab.txt %s" %
                              (self.folder, name, list(stored.shape), list(p.shape)))
            values[name] = stored.float().clone()
        model.load_state_dict(values, assign=True)
        return model.requires_grad_(True)

    def _between(self, name, trained, share):
        """`share` of a tensor as it was, the rest as it is trained; rows of added words are as trained."""
        mean = torch.lerp(trained, self.tensors[name].float(), share)
        if name.endswith(ROWS):
            mean[self.added] = trained[self.added]
        return mean

    def export(self, model, folder, half, old_share=0.0):
        """This checkpoint with the weights of `model`, or with means of these and, by `old_share`, its own; written
        whole: `folder` is replaced in one step."""
        trained = {k: v.detach().cpu() for k, v in model.state_dict().items() if k != "temp"}
        tensors = {}
        for name, stored in self.tensors.items():
            source = name
            if name == TIED + "weight":
                source = "text_decoder.bert.embeddings.word_embeddings.weight"
            elif name == TIED + "bias":
                source = "text_decoder.cls.predictions.bias"
            value = trained.get(source, stored)
            if source in trained and old_share:
                value = self._between(name, value, old_share)
            if value.is_floating_point():
                value = value.to(torch.float16 if half else torch.float32)
                if not torch.isfinite(value).all():
                    raise Refused("%s: %s does not fit into float%d" % (folder, name, 16 if half else 32))
            tensors[name] = value
        config = dict(self.config)
        config[next((k for k in ("dtype", "torch_dtype") if k in config), "torch_dtype")] = \
            "float16" if half else "float32"
        part, old = folder + ".part", folder + ".old"
        for left in (part, old):
            shutil.rmtree(left, ignore_errors=True)
        files = {"config.json": config, **self.changed}
        write_folder(part, tensors, files)
        stale = {*files, *WEIGHTS, "calibration.json", *(COPIES if "vocab.txt" in files else ())}
        for name in sorted(os.listdir(self.folder)):
            if name.endswith((".json", ".txt")) and name not in stale:
                shutil.copyfile(os.path.join(self.folder, name), os.path.join(part, name))
        if os.path.exists(folder):
            os.rename(folder, old)
        os.rename(part, folder)
        shutil.rmtree(old, ignore_errors=True)

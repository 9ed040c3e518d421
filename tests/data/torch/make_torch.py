#!/usr/bin/env python3
"""make_torch.py DIR - writes the files of this folder with the real torch.save.

Element i of a tensor is FIRST + i, where FIRST is the number beside it below.
"""
import argparse
import collections
import os
import sys
import zipfile

import torch


def ramp(first, *shape, dtype=torch.float32):
    count = 1
    for size in shape:
        count *= size
    return torch.arange(first, first + count, dtype=torch.int64).reshape(shape).to(dtype)


def state(dtype=torch.float32):
    """As a module's state_dict(): ordered, with versions in an attribute."""
    s = collections.OrderedDict(
        [("visual_encoder.cls_token", ramp(1, 1, 1, 4, dtype=dtype)),
         ("visual_encoder.patch_embed.proj.weight", ramp(10, 2, 3, 2, 2, dtype=dtype)),
         ("text_encoder.embeddings.position_ids", ramp(0, 1, 8, dtype=torch.int64)),
         ("itm_head.bias", ramp(40, 2, dtype=dtype)),
         ("queue_ptr", ramp(7, 1, dtype=torch.int64)),
         ("temp", torch.tensor(3.0, dtype=dtype))])
    s._metadata = collections.OrderedDict([("", {"version": 1}), ("itm_head", {"version": 1})])
    return s


def optimizer():
    w = torch.nn.Parameter(torch.zeros(2, 3))
    b = torch.nn.Parameter(torch.zeros(3))
    opt = torch.optim.AdamW([{"params": [w]}, {"params": [b], "weight_decay": 0.05}], lr=1e-5)
    (w.sum() + b.sum()).backward()
    opt.step()
    return opt.state_dict()


def tied():
    """Several names for one storage, and views that begin within it."""
    word, rows = ramp(0, 6, 4), ramp(100, 8, 2)
    return {"word_embeddings.weight": word, "decoder.weight": word,
            "bias": rows[5], "rows": rows[2:5], "whole": rows, "column": rows.flatten()[3:4]}


def junk():
    """What people keep beside the model."""
    n = argparse.Namespace(lr=1e-5, layers=[1, 2, 3], name="b\u00e4se", inner=argparse.Namespace())
    types = [torch.float64, torch.int16, torch.int8, torch.bool, torch.uint8, torch.int32]
    return {"model": {"w": ramp(5, 3)},
            "args": n,
            "numbers": [0, -1, 255, 256, 65535, 65536, -2 ** 31, 2 ** 31, -2 ** 63, 2 ** 63, 2 ** 200, 1e300],
            "nothing": [None, True, False, (), [], {}, ((((),),),)],
            "tensors": {str(t): torch.zeros(1, 1, 2, 1, 1, dtype=t) for t in types},
            "transposed": torch.zeros(2, 3).t(), "empty": torch.zeros(0, 3),
            "shape": torch.zeros(2, 3).shape, "parameter": torch.nn.Parameter(torch.zeros(2)),
            "many": {i: None for i in range(1001)}, "log": ["%d" % i for i in range(300)]}


class Exploit:
    def __reduce__(self):
        return os.system, ("echo never",)


FILES = {
    "state_dict.bin": state,
    "training.pth": lambda: {"model": state(), "optimizer": optimizer(), "epoch": 5,
                             "config": {"image_size": 384, "init_lr": 1e-5, "vit": "base", "crop": None, "roots": ["a", "b"]}},
    "half.pth": lambda: {"model": state(torch.float16)},
    "bfloat16.pth": lambda: {"model": state(torch.bfloat16)},
    "tied.pth": lambda: {"model": tied()},
    "parameters.bin": lambda: {"a": torch.nn.Parameter(ramp(20, 2, 2)), "b": torch.nn.Parameter(ramp(30, 3), requires_grad=False)},
    "junk.pth": junk,
    # refused
    "system.pth": lambda: {"model": state(), "config": Exploit()},
    "transposed.pth": lambda: {"model": {"good": ramp(0, 2), "turned": ramp(0, 2, 3).t()}},
    "double.pth": lambda: {"model": {"w": ramp(0, 2, dtype=torch.float64)}},
    "rank5.pth": lambda: {"model": {"w": ramp(0, 1, 1, 1, 1, 2)}},
    "empty_tensor.pth": lambda: {"model": {"w": torch.zeros(2, 0)}},
    "float8.pth": lambda: {"model": {"w": ramp(0, 2).to(torch.float8_e4m3fn)}},
    "sparse.pth": lambda: {"model": {"w": torch.eye(2).to_sparse()}},
    "numpy.pth": lambda: {"model": state(), "best": __import__("numpy").float64(0.5)},
    "epochs.pth": lambda: {"state_dict": state(), "epoch": 5},
    "number.pth": lambda: {"model": {"w": ramp(0, 2), "count": 5}},
    "list.pth": lambda: [ramp(0, 2)],
}


def main():
    os.chdir(sys.argv[1])
    for name, make in FILES.items():
        torch.save(make(), name)
    torch.save({"model": state()}, "protocol4.pth", pickle_protocol=4)
    torch.save({"model": state()}, "legacy.pth", _use_new_zipfile_serialization=False)
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 1)), "script.pt")
    with zipfile.ZipFile("half.pth") as old, zipfile.ZipFile("compressed.pth", "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, old.read(entry))


if __name__ == "__main__":
    main()

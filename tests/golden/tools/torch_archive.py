"""Writes what torch.save writes (version 1.6 and later), without torch: a zip of stored entries, a pickle that names
the tensors, and one entry per storage.  torch.load reads them.

  save({"model": {"w": Tensor(bytes, "F32", (2, 3))}, "epoch": 5}, "x.pth")

Tensors made from the same bytes object share a storage, as tied parameters do.
"""
import collections
import io
import os
import pickle
import struct
import sys
import types
import zipfile

STORAGES = {"F32": ("FloatStorage", 4), "F16": ("HalfStorage", 2), "BF16": ("BFloat16Storage", 2), "I64": ("LongStorage", 8)}
ALIGNMENT = 64                                          # of a storage in the file


class Tensor:
    def __init__(self, data, dtype, shape):
        self.data, self.dtype, self.shape = data, dtype, tuple(shape)


class Storage:
    def __init__(self, kind, key, count):
        self.kind, self.key, self.count = kind, key, count


def fake_torch():
    """Modules that have the names which the pickle mentions."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    for name, _ in STORAGES.values():
        setattr(torch, name, type(name, (), {"__module__": "torch"}))

    def _rebuild_tensor_v2():
        raise NotImplementedError
    _rebuild_tensor_v2.__module__ = "torch._utils"
    _rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    torch._utils = utils
    utils._rebuild_tensor_v2 = _rebuild_tensor_v2
    return {"torch": torch, "torch._utils": utils}


class Pickler(pickle.Pickler):
    def __init__(self, file, modules):
        super().__init__(file, protocol=2)
        self.modules, self.keys, self.storages = modules, {}, []

    def persistent_id(self, obj):
        if isinstance(obj, Storage):
            return "storage", getattr(self.modules["torch"], obj.kind), obj.key, "cpu", obj.count
        return None

    def reducer_override(self, obj):
        if not isinstance(obj, Tensor):
            return NotImplemented
        kind, size = STORAGES[obj.dtype]
        if id(obj.data) not in self.keys:
            self.keys[id(obj.data)] = str(len(self.storages))
            self.storages.append(obj.data)
        stride, strides = 1, []
        for side in reversed(obj.shape):
            strides.insert(0, stride)
            stride *= side
        storage = Storage(kind, self.keys[id(obj.data)], len(obj.data) // size)
        return (self.modules["torch._utils"]._rebuild_tensor_v2,
                (storage, 0, obj.shape, tuple(strides), False, collections.OrderedDict()))


def add(archive, name, data, align):
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    if align:                                           # an extra field "FB", as torch pads
        start = archive.fp.tell() + 30 + len(name) + 4
        pad = -start % ALIGNMENT
        info.extra = b"FB" + struct.pack("<H", pad) + b"Z" * pad
    archive.writestr(info, data)


def save(obj, path):
    modules = fake_torch()
    kept = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        buffer = io.BytesIO()
        pickler = Pickler(buffer, modules)
        pickler.dump(obj)
    finally:
        for name, module in kept.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
    root = os.path.splitext(os.path.basename(path))[0]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        add(archive, root + "/data.pkl", buffer.getvalue(), False)
        add(archive, root + "/byteorder", b"little", True)
        for key, data in enumerate(pickler.storages):
            add(archive, "%s/data/%d" % (root, key), data, True)
        add(archive, root + "/version", b"3\n", True)


def adamw_state(count):
    """What an optimizer leaves in a training checkpoint, of one parameter."""
    moment = struct.pack("<%df" % count, *[0.5] * count)
    state = {"step": Tensor(struct.pack("<f", 1), "F32", ()), "exp_avg": Tensor(moment, "F32", (count,)),
             "exp_avg_sq": Tensor(bytes(4 * count), "F32", (count,))}
    group = {"lr": 1e-5, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 0.05, "amsgrad": False, "maximize": False, "foreach": None, "capturable": False,
             "differentiable": False, "fused": None, "params": [0]}
    return {"state": {0: state}, "param_groups": [group]}

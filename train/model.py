"""BLIP in PyTorch, with the parameter names of the Hugging Face layout, so that export only drops what is not BLIP.

Texts are packed: rows of different length follow each other without padding in one [tokens, width] tensor, and only
attention pads. Contexts (image tokens, question states) are padded to one length and rows name theirs by index.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

CONFIG = {
    "side": 96, "patch": 16,
    "vision_width": 192, "vision_heads": 3, "vision_layers": 5, "vision_mlp": 768, "vision_eps": 1e-6,
    "width": 192, "heads": 3, "layers": 3, "mlp": 640, "positions": 64, "eps": 1e-12,
    "shared": 128,
}


class Pad(torch.autograd.Function):
    """[tokens, width] -> [rows * longest, width], zeros elsewhere."""

    @staticmethod
    def forward(ctx, x, slots, total):
        ctx.save_for_backward(slots)
        out = x.new_zeros(total, x.shape[1])
        out[slots] = x
        return out

    @staticmethod
    def backward(ctx, grad):
        (slots,) = ctx.saved_tensors
        return grad[slots], None, None


class Unpad(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, slots):
        ctx.save_for_backward(slots)
        ctx.total = x.shape[0]
        return x[slots]

    @staticmethod
    def backward(ctx, grad):
        (slots,) = ctx.saved_tensors
        out = grad.new_zeros(ctx.total, grad.shape[1])
        out[slots] = grad
        return out, None


class Packed:
    """Rows of token ids without padding."""

    def __init__(self, rows, device="cpu"):
        lengths = [len(r) for r in rows]
        self.count, self.longest = len(rows), max(lengths)
        self.ids = torch.tensor([t for r in rows for t in r])
        self.positions = torch.tensor([p for n in lengths for p in range(n)])
        self.slots = torch.tensor([i * self.longest + p for i, n in enumerate(lengths) for p in range(n)])
        self.lengths = torch.tensor(lengths)
        self.first = torch.cumsum(self.lengths, 0) - self.lengths
        blank = torch.arange(self.longest)[None, :] >= self.lengths[:, None]
        self.mask = torch.zeros(self.count, 1, 1, self.longest).masked_fill(blank[:, None, None, :], -1e4)
        causal = torch.full((self.longest, self.longest), -1e4).triu(1)
        self.causal_mask = torch.clamp(self.mask + causal[None, None], min=-1e4)
        for name in ("ids", "positions", "slots", "lengths", "first", "mask", "causal_mask"):
            setattr(self, name, getattr(self, name).to(device))

    def pad(self, x):
        return Pad.apply(x, self.slots, self.count * self.longest).view(self.count, self.longest, -1)

    def unpad(self, x):
        return Unpad.apply(x.reshape(self.count * self.longest, -1), self.slots)


def attend(q, k, v, heads, mask=None):
    """Plain matmul and softmax: on a CPU the fused form has a slow backward at these sizes."""
    b, n, width = q.shape
    q = q.view(b, n, heads, -1).transpose(1, 2)
    k = k.view(b, k.shape[1], heads, -1).permute(0, 2, 3, 1)
    v = v.view(b, v.shape[1], heads, -1).transpose(1, 2)
    scores = torch.matmul(q * (1 / math.sqrt(width // heads)), k)
    if mask is not None:
        scores = scores + mask.to(scores.dtype)
    return torch.matmul(scores.softmax(-1), v).transpose(1, 2).reshape(b, n, width)


# --- vision -----------------------------------------------------------------------------------------------------

class VisionEmbeddings(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.patch, self.grid = c["patch"], c["side"] // c["patch"]
        width = c["vision_width"]
        self.class_embedding = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.position_embedding = nn.Parameter(torch.cat([torch.zeros(1, width), grid_positions(self.grid, width)])[None])
        self.patch_embedding = nn.Conv2d(3, width, self.patch, self.patch)

    def forward(self, pixels):
        b, g, p = pixels.shape[0], self.grid, self.patch
        x = pixels.view(b, 3, g, p, g, p).permute(0, 2, 4, 1, 3, 5).reshape(b, g * g, 3 * p * p)
        x = F.linear(x, self.patch_embedding.weight.flatten(1), self.patch_embedding.bias).float()
        return torch.cat([self.class_embedding.expand(b, -1, -1), x], 1) + self.position_embedding


def grid_positions(grid, width, amplitude=0.7):
    """2-D sines and cosines: with BLIP's small random start a small ViT stays blind to position."""
    frequencies = math.pi / 10 * 2 ** torch.linspace(0, 2.5, width // 4)
    at = torch.arange(grid)[:, None] * frequencies[None, :]
    axis = torch.cat([at.sin(), at.cos()], 1)
    rows = axis[:, None, :].expand(-1, grid, -1)
    cols = axis[None, :, :].expand(grid, -1, -1)
    out = torch.cat([rows, cols], -1).reshape(grid * grid, width) * amplitude
    return out - out.mean(0)


class VisionAttention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)

    def forward(self, x):
        return self.projection(attend(*self.qkv(x).chunk(3, -1), self.heads))


class VisionLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        width = c["vision_width"]
        self.self_attn = VisionAttention(width, c["vision_heads"])
        self.layer_norm1 = nn.LayerNorm(width, c["vision_eps"])
        self.layer_norm2 = nn.LayerNorm(width, c["vision_eps"])
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(width, c["vision_mlp"]), "fc2": nn.Linear(c["vision_mlp"], width)})

    def forward(self, x):
        x = x + self.self_attn(self.layer_norm1(x))
        return x + self.mlp["fc2"](F.gelu(self.mlp["fc1"](self.layer_norm2(x))))


class Vision(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.embeddings = VisionEmbeddings(c)
        self.encoder = nn.ModuleDict({"layers": nn.ModuleList(VisionLayer(c) for _ in range(c["vision_layers"]))})
        self.post_layernorm = nn.LayerNorm(c["vision_width"], c["vision_eps"])

    def forward(self, pixels):
        x = self.embeddings(pixels)
        for layer in self.encoder["layers"]:
            x = layer(x)
        return self.post_layernorm(x)


# --- text -------------------------------------------------------------------------------------------------------

class TextEmbeddings(nn.Module):
    def __init__(self, c, vocab_size):
        super().__init__()
        self.word_embeddings = nn.Embedding(vocab_size, c["width"])
        self.position_embeddings = nn.Embedding(c["positions"], c["width"])
        self.LayerNorm = nn.LayerNorm(c["width"], c["eps"])

    def forward(self, text):
        return self.LayerNorm(self.word_embeddings(text.ids) + self.position_embeddings(text.positions))


class TextOutput(nn.Module):
    def __init__(self, wide, width, eps):
        super().__init__()
        self.dense = nn.Linear(wide, width)
        self.LayerNorm = nn.LayerNorm(width, eps)

    def forward(self, x, residual):
        return self.LayerNorm(residual + self.dense(x))


class TextAttention(nn.Module):
    """Attention of a text to itself, or to a context of another width."""

    def __init__(self, c, context=0):
        super().__init__()
        width = c["width"]
        self.heads = c["heads"]
        sources = {"query": width, "key": context or width, "value": context or width}
        self.add_module("self", nn.ModuleDict({n: nn.Linear(source, width) for n, source in sources.items()}))
        self.output = TextOutput(width, width, c["eps"])

    def _joined(self, x, *names):
        """Several linear layers of one input as one product."""
        parts = [getattr(self, "self")[n] for n in names]
        return F.linear(x, torch.cat([p.weight for p in parts]), torch.cat([p.bias for p in parts]))

    def forward(self, x, text, mask):
        q, k, v = text.pad(self._joined(x, "query", "key", "value")).chunk(3, -1)
        return self.output(text.unpad(attend(q, k, v, self.heads, mask)), x)

    def cross(self, x, text, context, rows, mask):
        q = text.pad(getattr(self, "self")["query"](x))
        k, v = self._joined(context, "key", "value").index_select(0, rows).chunk(2, -1)
        return self.output(text.unpad(attend(q, k, v, self.heads, mask)), x)


class TextLayer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.attention = TextAttention(c)
        self.crossattention = TextAttention(c, c["vision_width"])
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(c["width"], c["mlp"])})
        self.output = TextOutput(c["mlp"], c["width"], c["eps"])

    def forward(self, x, text, mask, context=None, rows=None, context_mask=None):
        x = self.attention(x, text, mask)
        if context is not None:
            x = self.crossattention.cross(x, text, context, rows, context_mask)
        return self.output(F.gelu(self.intermediate["dense"](x)), x)


class Text(nn.Module):
    def __init__(self, c, vocab_size):
        super().__init__()
        self.embeddings = TextEmbeddings(c, vocab_size)
        self.encoder = nn.ModuleDict({"layer": nn.ModuleList(TextLayer(c) for _ in range(c["layers"]))})

    def forward(self, text, context=None, rows=None, context_mask=None, causal=False):
        x = self.embeddings(text)
        mask = text.causal_mask if causal else text.mask
        for layer in self.encoder["layer"]:
            x = layer(x, text, mask, context, rows, context_mask)
        return x


class Predictions(nn.Module):
    def __init__(self, c, vocab_size):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(vocab_size))
        self.transform = nn.ModuleDict({"dense": nn.Linear(c["width"], c["width"]),
                                        "LayerNorm": nn.LayerNorm(c["width"], c["eps"])})

    def forward(self, x, words):
        return F.linear(self.transform["LayerNorm"](F.gelu(self.transform["dense"](x))), words, self.bias)


class Decoder(nn.Module):
    def __init__(self, c, vocab_size):
        super().__init__()
        self.bert = Text(c, vocab_size)
        self.cls = nn.ModuleDict({"predictions": Predictions(c, vocab_size)})

    def forward(self, text, context, rows, context_mask=None):
        x = self.bert(text, context, rows, context_mask, causal=True)
        return self.cls["predictions"](x, self.bert.embeddings.word_embeddings.weight).float()


class Blip(nn.Module):
    def __init__(self, vocab_size, config=None):
        super().__init__()
        c = self.config = config or CONFIG
        self.vision_model = Vision(c)
        self.text_encoder = Text(c, vocab_size)
        self.text_decoder = Decoder(c, vocab_size)
        self.vision_proj = nn.Linear(c["vision_width"], c["shared"])
        self.text_proj = nn.Linear(c["width"], c["shared"])
        self.itm_head = nn.Linear(c["width"], 2)
        self.temp = nn.Parameter(torch.tensor(0.03))
        self.start()

    def start(self):
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.8 / math.sqrt(module.in_features))
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            elif isinstance(module, nn.Conv2d):
                nn.init.normal_(module.weight, std=0.02)
                nn.init.zeros_(module.bias)
        for text in (self.text_encoder, self.text_decoder.bert):
            table = text.embeddings.position_embeddings.weight
            count, width = table.shape
            at = torch.arange(count)[:, None] * (10000 ** (-torch.arange(0, width, 2) / width))[None, :]
            with torch.no_grad():
                table += 0.02 * torch.cat([at.sin(), at.cos()], 1)

    def image_feature(self, cls):
        return F.normalize(self.vision_proj(cls).float(), dim=-1)

    def text_feature(self, cls):
        return F.normalize(self.text_proj(cls).float(), dim=-1)

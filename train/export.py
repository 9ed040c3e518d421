"""Write a trained model as a Hugging Face BLIP folder in float16.

    python train/export.py build/demo-run models/demo        after training, or from the last checkpoint of stage 2
"""

import argparse
import os

import torch

from batch import MEAN, STD
from checkpoint import write_folder
from losses import RoleHead, VisionHeads
from model import Blip, CONFIG
from vocab import SEP, Tokenizer


def trained(run):
    """The model of a run; while stage 2 still trains, its averaged weights so far."""
    model = Blip(Tokenizer().size)
    path = os.path.join(run, "model.pt")
    if os.path.exists(path):
        model.load_state_dict(torch.load(path, weights_only=True))
        return model
    from train import Flat, STAGES  # the order of the parameters in the flat buffer
    heads, role_head = VisionHeads(CONFIG["vision_width"]), RoleHead(CONFIG["width"])
    named = list(heads.named_parameters()) + list(role_head.named_parameters()) + list(model.named_parameters())
    flat = Flat(named, STAGES[2]["rate"])
    flat.values.copy_(torch.load(os.path.join(run, "stage2.pt"), weights_only=True)["ema"])
    return model


def config(tokenizer, c):
    return {
        "architectures": ["BlipForImageTextRetrieval"], "model_type": "blip",
        "image_text_hidden_size": c["shared"], "projection_dim": c["shared"], "logit_scale_init_value": 2.6592,
        "initializer_factor": 1.0, "initializer_range": 0.02, "torch_dtype": "float16",
        "vblip_demo": True,  # vblip says on stderr when this model answers
        "text_config": {
            "model_type": "blip_text_model", "vocab_size": tokenizer.size, "hidden_size": c["width"],
            "encoder_hidden_size": c["vision_width"], "intermediate_size": c["mlp"], "projection_dim": c["shared"],
            "num_hidden_layers": c["layers"], "num_attention_heads": c["heads"],
            "max_position_embeddings": c["positions"], "hidden_act": "gelu", "layer_norm_eps": c["eps"],
            "attention_probs_dropout_prob": 0.0, "hidden_dropout_prob": 0.0, "initializer_range": 0.02,
            "bos_token_id": tokenizer.dec, "eos_token_id": SEP, "sep_token_id": SEP, "pad_token_id": 0,
            "is_decoder": True, "use_cache": True},
        "vision_config": {
            "model_type": "blip_vision_model", "hidden_size": c["vision_width"], "intermediate_size": c["vision_mlp"],
            "num_hidden_layers": c["vision_layers"], "num_attention_heads": c["vision_heads"],
            "image_size": c["side"], "patch_size": c["patch"], "hidden_act": "gelu",
            "layer_norm_eps": c["vision_eps"], "attention_dropout": 0.0, "initializer_range": 0.02},
    }


def preprocessor(c):
    mean, std = [[round(float(v), 8) for v in x] for x in (MEAN, STD)]
    return {"do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": mean, "image_std": std,
            "image_processor_type": "BlipImageProcessor", "processor_class": "BlipProcessor", "resample": 3,
            "rescale_factor": 1 / 255, "size": {"height": c["side"], "width": c["side"]}}


SPECIAL = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]",
           "mask_token": "[MASK]"}
TOKENIZER = {"do_lower_case": True, "tokenizer_class": "BertTokenizer", **SPECIAL, "strip_accents": None,
             "tokenize_chinese_chars": True}


def files(tokenizer, c):
    """What a folder of sizes `c` (model.CONFIG) holds beside its weights."""
    return {"config.json": config(tokenizer, c), "preprocessor_config.json": preprocessor(c),
            "special_tokens_map.json": SPECIAL,
            "tokenizer_config.json": {**TOKENIZER, "model_max_length": c["positions"], "do_basic_tokenize": True},
            "vocab.txt": "".join(line + "\n" for line in tokenizer.lines)}


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("run", help="the --out of train.py")
    p.add_argument("folder")
    args = p.parse_args()
    tokenizer = Tokenizer()
    model = trained(args.run)
    tensors = {k: v.detach().to(torch.float16) for k, v in model.state_dict().items() if k != "temp"}
    write_folder(args.folder, tensors, files(tokenizer, CONFIG))


if __name__ == "__main__":
    main()

"""The same checkpoint, pictures and questions in vblip and in Hugging Face transformers: the same answers.

    pip install torch transformers pillow
    python python/examples/beside_transformers.py [CHECKPOINT] [VIDEO...]

Without arguments it asks the demo model about the bundled clips. Ends with status 1 if anything differs.
"""

import os
import subprocess
import sys

import numpy as np
import torch
import transformers
from PIL import Image

import vblip

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
CHECKPOINT = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "models", "demo")
VIDEOS = sys.argv[2:] or [os.path.join(ROOT, "examples", "clips", "clip-%02d.mp4" % n) for n in (2, 4, 12, 16)]
QUESTION = "what is in the picture?"
TEXTS = ["a dog to the left of a violin", "a cat"]
TOLERANCE = 1e-4  # of ITM logits
LENGTH = 20  # of captions and answers, in both


# %% Pictures: a frame of each video, from whatever decodes; numpy uint8 [height, width, 3].


def frame_of(path: str) -> np.ndarray:
    size = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height",
                           "-of", "csv=p=0", path], stdout=subprocess.PIPE, check=True, encoding="ascii").stdout
    width, height = map(int, size.split(","))
    raw = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-ss", "1", "-i", path, "-frames:v", "1", "-f",
                          "rawvideo", "-pix_fmt", "rgb24", "-"], stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(height, width, 3)


# %% vblip: one model for all three. compat="hf" is transformers' way where the two BLIPs differ (docs/compat.md).

with vblip.Model(CHECKPOINT, compat="hf") as model:
    side = model.info.image_size
    pictures = [np.asarray(Image.fromarray(frame_of(path)).resize((side, side), Image.Resampling.BICUBIC))
                for path in VIDEOS]
    ours = []
    for picture in pictures:
        with model.clip(picture) as clip:  # encoded once, asked three times
            caption, = clip.caption(max_length=LENGTH)
            answer, = clip.ask(QUESTION, max_length=LENGTH)
            ours.append((caption.caption, answer.answer, [match.itm_logits[1] for match in clip.match(TEXTS)]))
    device = model.device

# %% transformers: a class for each task.

torch.set_grad_enabled(False)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
processor = transformers.AutoImageProcessor.from_pretrained(CHECKPOINT, backend="pil")
tokenizer = transformers.AutoTokenizer.from_pretrained(CHECKPOINT)
captioner, answerer, matcher = (
    getattr(transformers, name).from_pretrained(CHECKPOINT, dtype=torch.float32).eval()
    for name in ("BlipForConditionalGeneration", "BlipForQuestionAnswering", "BlipForImageTextRetrieval"))


def tokens(text: str) -> torch.Tensor:
    return tokenizer([text], return_tensors="pt").input_ids


theirs = []
for picture in pictures:
    pixels = processor(Image.fromarray(picture), return_tensors="pt").pixel_values
    theirs.append((
        tokenizer.decode(captioner.generate(pixel_values=pixels, max_length=LENGTH)[0], skip_special_tokens=True),
        tokenizer.decode(answerer.generate(pixel_values=pixels, input_ids=tokens(QUESTION), max_length=LENGTH)[0],
                         skip_special_tokens=True),
        [float(matcher(pixel_values=pixels, input_ids=tokens(text)).itm_score[0, 1]) for text in TEXTS]))

# %% Side by side.

differences = 0
for path, a, b in zip(VIDEOS, ours, theirs):
    print(os.path.basename(path))
    for what, mine, wanted in (("caption", a[0], b[0]), ("answer", a[1], b[1])):
        differences += mine != wanted
        print("  %-8s %s %s" % (what, mine, "= transformers" if mine == wanted else "!= transformers: " + wanted))
    for text, mine_logit, wanted_logit in zip(TEXTS, a[2], b[2]):
        near = abs(mine_logit - wanted_logit) < TOLERANCE
        differences += not near
        print("  %-8s %.5f, transformers %.5f  %s" % ("ITM", mine_logit, wanted_logit, text))
print("%d differences; vblip %s on %s, transformers %s" % (differences, vblip.library_version, device,
                                                        transformers.__version__))
sys.exit(1 if differences else 0)

"""An exported folder as a program would run it: retrieval, matching, questions and captions on decoded clips."""

import os
import subprocess

import numpy as np
import torch
from safetensors.torch import load_file

from batch import normalised
from model import CONFIG, Blip, Packed
from vocab import SEP, Tokenizer, clean_caption, clean_question


def read_frames(path, count):
    """`count` frames by BLIP's rule, index i * floor(frames / count), scaled as FFmpeg's bilinear does."""
    side = CONFIG["side"]
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", path, "-vf", "scale=%d:%d:flags=bilinear" % (side, side),
                          "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], stdout=subprocess.PIPE, check=True).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, side, side, 3)
    return frames[[i * (len(frames) // count) for i in range(count)]]


class Predictor:
    def __init__(self, folder):
        with open(os.path.join(folder, "vocab.txt")) as f:
            self.tokenizer = Tokenizer(f.read().splitlines())
        self.model = Blip(self.tokenizer.size).eval()
        tensors = {k: v.float() for k, v in load_file(os.path.join(folder, "model.safetensors")).items()}
        missing = self.model.load_state_dict(tensors, strict=False).missing_keys
        # the released layout stores every tensor but the temperature of training
        assert missing == ["temp"], missing

    @torch.no_grad()
    def see(self, frames):
        """(visual tokens [1, frames * tokens, width], ITC vector)."""
        states = self.model.vision_model(normalised(list(frames)))
        feature = self.model.vision_proj(states[:, 0]).mean(0)
        return states.flatten(0, 1)[None], torch.nn.functional.normalize(feature, dim=0)

    @torch.no_grad()
    def text_features(self, texts):
        packed = Packed([self.tokenizer.encode(clean_caption(t)) for t in texts])
        return self.model.text_feature(self.model.text_encoder(packed)[packed.first])

    @torch.no_grad()
    def match(self, seen, texts):
        """ITM logits [texts, 2]."""
        packed = Packed([self.tokenizer.encode(clean_caption(t), self.tokenizer.enc) for t in texts])
        states = self.model.text_encoder(packed, seen, torch.zeros(len(texts), dtype=torch.long))
        return self.model.itm_head(states[packed.first])

    @torch.no_grad()
    def generate(self, prompt, context, beams=3, longest=20, shortest=1):
        """BLIP's beam search (transformers 4.15); the best row without prompt and end."""
        rows, scores, done = [list(prompt)] * beams, [0.0] + [-1e9] * (beams - 1), []
        while len(rows[0]) < longest:
            packed = Packed(rows)
            logits = self.model.text_decoder(packed, context, torch.zeros(beams, dtype=torch.long))
            logp = logits[packed.first + packed.lengths - 1].log_softmax(-1)
            if len(rows[0]) < shortest:
                logp[:, SEP] = -float("inf")
            total = (logp + torch.tensor(scores)[:, None]).flatten()
            best, index = total.topk(2 * beams)
            length, vocab = len(rows[0]), logits.shape[1]
            new_rows, new_scores = [], []
            for rank, (score, at) in enumerate(zip(best.tolist(), index.tolist())):
                row, token = rows[at // vocab], at % vocab
                if token == SEP:
                    if rank < beams:
                        done.append((score / length, row))
                        done = sorted(done, key=lambda d: -d[0])[:beams]
                    continue
                new_rows.append(row + [token])
                new_scores.append(score)
                if len(new_rows) == beams:
                    break
            rows, scores = new_rows, new_scores
            if len(done) >= beams and done[-1][0] >= best[0].item() / length:
                break
        else:
            done += [(s / len(r), r) for s, r in zip(scores, rows)]
        return self.tokenizer.decode(max(done, key=lambda d: d[0])[1][len(prompt):])

    def caption(self, frame):
        t = self.tokenizer
        return self.generate(t.encode("a picture of ", t.dec)[:-1], self.see(frame[None])[0], 3, 20, 5)

    @torch.no_grad()
    def answer(self, seen, question):
        t = self.tokenizer
        packed = Packed([t.encode(clean_question(question), t.enc)])
        states = self.model.text_encoder(packed, seen, torch.zeros(1, dtype=torch.long))
        return self.generate([t.dec], states[None], 3, 10)

"""The three losses BLIP is pretrained with, ITC, ITM and LM, and that of its question answering."""

import torch
import torch.nn.functional as F

from model import Packed

PROMPT = "a picture of "
READ, SPOKEN = 35, 40  # most tokens of a caption that is read, and of one that is said


class Batch:
    """pixels [n, frames, 3, side, side]; n captions to read and n to say; which visual and which caption (to read)
    each is, among all there are."""

    def __init__(self, pixels, captions, said, visual_ids, caption_ids):
        self.pixels, self.captions, self.said = pixels, captions, said
        self.visuals = torch.tensor(visual_ids, device=pixels.device)
        self.texts = torch.tensor(caption_ids, device=pixels.device)


def see(parts, pixels):
    """(image tokens [n, frames * tokens, width], unit ITC features [n, shared]) of `parts`, a dict of modules; the
    feature of several frames is that of the mean of their projections, as vblip has it."""
    n, frames = pixels.shape[:2]
    states = parts["vision_model"](pixels.flatten(0, 1))
    states = states.view(n, frames, *states.shape[1:])
    if not parts.get("vision_proj"):
        return states.flatten(1, 2), None
    return states.flatten(1, 2), pooled(parts, states)


def pooled(parts, states):
    """Unit ITC features of image tokens [n, frames, tokens, width]."""
    return F.normalize(parts["vision_proj"](states[:, :, 0]).float().mean(1), dim=-1)


def read(parts, packed):
    """Unit ITC features [n, shared] of texts."""
    return F.normalize(parts["text_proj"](parts["text_encoder"](packed)[packed.first]).float(), dim=-1)


def related(visuals, texts, other_visuals, other_texts):
    """Where a row and a column are the same visual, or have the same caption; bool [rows, columns]."""
    return (visuals[:, None] == other_visuals[None]) | (texts[:, None] == other_texts[None])


def soft_targets(similarity, same, alpha):
    """alpha of what the momentum encoders find similar, the rest evenly of what is known to belong together."""
    known = same.float()
    return alpha * similarity.softmax(1) + (1 - alpha) * known / known.sum(1, keepdim=True)


def itc_loss(image, text, image_m, text_m, batch, queue, temperature, alpha):
    """(loss, similarity of the batch [images, texts] without gradient). image, text: unit features with gradient;
    image_m, text_m: those of the momentum encoders. The queue is read, not written."""
    old_image, old_text, old_visuals, old_texts = queue.columns()
    all_image, all_text = torch.cat([image_m, old_image]), torch.cat([text_m, old_text])
    same = related(batch.visuals, batch.texts, torch.cat([batch.visuals, old_visuals]),
                   torch.cat([batch.texts, old_texts]))
    with torch.no_grad():
        to_text = soft_targets(image_m @ all_text.T / temperature, same, alpha)
        to_image = soft_targets(text_m @ all_image.T / temperature, same, alpha)
    image_to_text, text_to_image = image @ all_text.T / temperature, text @ all_image.T / temperature
    loss = -(F.log_softmax(image_to_text, 1) * to_text).sum(1).mean()
    loss = loss - (F.log_softmax(text_to_image, 1) * to_image).sum(1).mean()
    return loss / 2, (image @ text.T / temperature).detach()


def hard_negatives(similarity, same, generator):
    """For each row a column that does not belong to it, drawn by softmax of the similarity; -1 where all do."""
    weights = (similarity.softmax(1) + 1e-4).masked_fill(same, 0).cpu()
    some = weights.sum(1) > 0
    weights[~some] = 1
    drawn = torch.multinomial(weights, 1, generator=generator)[:, 0]
    return torch.where(some, drawn, -1).tolist()


def itm_loss(model, states, batch, encoded, similarity, generator):
    """(loss, share judged rightly). One pair that matches and up to two that do not for each caption: the most
    confusable ones of the batch. `encoded`: ids of the captions, beginning with [ENC]."""
    n = len(encoded)
    same = related(batch.visuals, batch.texts, batch.visuals, batch.texts)
    wrong_images = hard_negatives(similarity.T, same.T, generator)
    wrong_texts = hard_negatives(similarity, same, generator)
    pairs = [(i, i) for i in range(n)]
    pairs += [(v, t) for t, v in enumerate(wrong_images) if v >= 0]
    pairs += [(v, t) for v, t in enumerate(wrong_texts) if t >= 0]
    packed = Packed([encoded[t] for _, t in pairs], states.device)
    rows = torch.tensor([v for v, _ in pairs], device=states.device)
    grounded = model.text_encoder(packed, states, rows)
    logits = model.itm_head(grounded[packed.first]).float()
    matched = (torch.arange(len(pairs), device=states.device) < n).long()
    return F.cross_entropy(logits, matched), (logits.argmax(1) == matched).float().mean().item()


def words_loss(decoder, context, context_mask, spoken, given):
    """Of the words after the first `given` ones, with label smoothing 0.1. `spoken`: ids of texts, beginning with
    [DEC], one for each row of `context` (image tokens, or states of questions)."""
    packed = Packed(spoken, context.device)
    logits = decoder(packed, context, torch.arange(len(spoken), device=context.device), context_mask)
    following = torch.cat([packed.ids[1:], packed.ids[:1]])
    last = torch.zeros_like(following, dtype=torch.bool)
    last[packed.first + packed.lengths - 1] = True
    asked = (packed.positions >= given - 1) & ~last
    return F.cross_entropy(logits[asked], following[asked], label_smoothing=0.1)


def qa_loss(model, states, questions, answers):
    """Of answers given the questions' states, which have seen the image. `questions`: ids beginning with [ENC]."""
    packed = Packed(questions, states.device)
    asked = model.text_encoder(packed, states, torch.arange(len(questions), device=states.device))
    return words_loss(model.text_decoder, packed.pad(asked), packed.mask, answers, 1)


class Objectives:
    """All of it for one step: a model, its momentum encoders and their queue."""

    def __init__(self, model, momentum, queue, tokenizer, losses, frozen_vision):
        self.model, self.momentum, self.queue, self.tokenizer = model, momentum, queue, tokenizer
        self.losses, self.frozen_vision = losses, frozen_vision
        self.prompt = len(tokenizer.pieces(PROMPT)) + 1

    def _ids(self, captions, first, longest=READ):
        return [self.tokenizer.encode(c, first, longest) for c in captions]

    def __call__(self, batch, asked, alpha, generator):
        """(loss, {name: number}) of a Batch and of (pixels, questions, answers), each of which may be None; momentum
        encoders and queue move on."""
        total, measures = 0.0, {}
        if batch:
            total, measures = self._captions(batch, alpha, generator)
        if asked:
            pixels, questions, answers = asked
            qa = qa_loss(self.model, self._states(pixels), self._ids(questions, self.tokenizer.enc),
                         self._ids(answers, self.tokenizer.dec))
            total, measures["qa"] = total + qa, qa.item()
        return total, measures

    def _states(self, pixels):
        with torch.set_grad_enabled(not self.frozen_vision):
            return see({"vision_model": self.model.vision_model}, pixels)[0]

    def _captions(self, batch, alpha, generator):
        model, parts = self.model, dict(self.model.named_children())
        states = self._states(batch.pixels)
        total, measures = 0.0, {}
        if "itc" in self.losses or "itm" in self.losses:
            itc, similarity = self._contrast(parts, batch, states, alpha)
            if "itc" in self.losses:
                total, measures["itc"] = total + itc, itc.item()
        if "itm" in self.losses:
            encoded = self._ids(batch.captions, self.tokenizer.enc)
            itm, right = itm_loss(model, states, batch, encoded, similarity, generator)
            total, measures["itm"], measures["itm_right"] = total + itm, itm.item(), right
        if "lm" in self.losses:
            spoken = self._ids([PROMPT + c for c in batch.said], self.tokenizer.dec, SPOKEN)
            lm = words_loss(model.text_decoder, states, None, spoken, self.prompt)
            total, measures["lm"] = total + lm, lm.item()
        return total, measures

    def _contrast(self, parts, batch, states, alpha):
        frames = batch.pixels.shape[1]
        with torch.no_grad():
            self.model.temp.clamp_(0.001, 0.5)
        image = pooled(parts, states.unflatten(1, (frames, -1)))
        packed = Packed(self._ids(batch.captions, self.tokenizer.cls), states.device)
        text = read(parts, packed)
        with torch.no_grad():
            self.momentum.follow()
            if self.frozen_vision:
                image_m = pooled(self.momentum.parts, states.unflatten(1, (frames, -1)))
            else:
                image_m = see(self.momentum.parts, batch.pixels)[1]
            text_m = read(self.momentum.parts, packed)
        result = itc_loss(image, text, image_m, text_m, batch, self.queue, self.model.temp, alpha)
        self.queue.push(image_m, text_m, batch.visuals, batch.texts)
        return result

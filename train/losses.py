"""The losses of both stages."""

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn

from batch import NOTHING
from captions import ROLES
from claims import holds
from model import Packed
from vocab import CLS
from world import COLOURS


class VisionHeads(nn.Module):
    """What stage 1 asks of the image tokens; thrown away afterwards."""

    def __init__(self, width):
        super().__init__()
        self.patch = nn.Linear(width, NOTHING + 1 + 2 + 8)
        self.whole = nn.Linear(width, NOTHING + len(COLOURS) + 5 + 4 + 3)
        for m in (self.patch, self.whole):
            nn.init.normal_(m.weight, std=0.02)
            nn.init.zeros_(m.bias)

    def forward(self, states, images):
        """(loss, measures) of image tokens [images, 1 + patches, width]."""
        classes, centres, roles = self.patch(states[:, 1:]).float().split((NOTHING + 1, 2, 8), -1)
        weight = torch.ones(NOTHING + 1)
        weight[NOTHING] = 0.3
        covered = images.classes != NOTHING
        loss = F.cross_entropy(classes.flatten(0, 1), images.classes.flatten(), weight)
        loss = loss + 3 * F.smooth_l1_loss(centres[covered], images.centres[covered], beta=0.05)
        loss = loss + F.cross_entropy(roles[covered], images.roles[covered])
        present, colour, count, size, relation = self.whole(states[:, 0]).float().split(
            (NOTHING, len(COLOURS), 5, 4, 3), -1)
        loss = loss + 20 * F.binary_cross_entropy_with_logits(present, images.present)
        pairs = ((colour, images.colour), (count, images.count), (size, images.size), (relation, images.relation))
        for logits, target in pairs:
            loss = loss + 0.5 * F.cross_entropy(logits, target)
        with torch.no_grad():
            right = lambda x, y: (x.argmax(-1) == y).float().mean().item()
            two = images.relation > 0
            measures = {"patch": right(classes[covered], images.classes[covered]),
                        "role": right(roles[covered], images.roles[covered]),
                        "colour": right(colour, images.colour), "count": right(count, images.count),
                        "relation": right(relation[two], images.relation[two])}
        return loss, measures


class RoleHead(nn.Linear):
    """Where a caption puts each of its nouns, told from the text alone."""

    def __init__(self, width):
        super().__init__(width, len(ROLES))


def gathered(x):
    """Rows of all processes, this one's with gradient; and where this one's begin."""
    if not dist.is_initialized():
        return x, 0
    parts = [torch.empty_like(x) for _ in range(dist.get_world_size())]
    dist.all_gather(parts, x.detach().contiguous())
    parts[dist.get_rank()] = x
    return torch.cat(parts), dist.get_rank() * x.shape[0]


def contrastive(image, text, temp, scenes, claims):
    """ITC with soft targets: a caption belongs to every scene it holds for."""
    all_image, start = gathered(image)
    all_text, _ = gathered(text)
    all_scenes = gathered(torch.from_numpy(scenes))[0].numpy()
    all_claims = gathered(torch.from_numpy(claims))[0].numpy()
    rows = slice(start, start + image.shape[0])
    true = torch.from_numpy(holds(all_claims, all_scenes) == 1).float()  # [claims, scenes]
    temp = temp.clamp(0.015, 0.5)
    to_text = image @ all_text.T / temp
    to_image = text @ all_image.T / temp
    target = true.T[rows]
    loss = -(F.log_softmax(to_text, 1) * target / target.sum(1, keepdim=True)).sum(1).mean()
    target = true[rows]
    loss = loss - (F.log_softmax(to_image, 1) * target / target.sum(1, keepdim=True)).sum(1).mean()
    local = to_text[:, rows].detach().float()
    return loss / 2, local.numpy()


def mined(rng, similarity, wrong):
    """For each row one column that is wrong, the likelier the more similar; -1 where there is none."""
    out = np.full(len(similarity), -1)
    for i, (row, ok) in enumerate(zip(similarity, wrong)):
        choices = np.flatnonzero(ok)
        if len(choices):
            p = np.exp(np.clip(row[choices] - row[choices].max(), -30, 0) * 0.5)
            out[i] = rng.choices(choices, p)[0]
    return out


def joint(model, heads, role_head, rng, images, texts, tokenizer, vision_weight):
    """(loss, measures) of stage 2."""
    count = len(images.scenes)
    states = model.vision_model(images.pixels)
    loss, measures = heads(states, images)
    loss = loss * vision_weight

    # text alone: ITC, and the roles of nouns
    captions = Packed(texts.captions)
    alone = model.text_encoder(captions)
    image = model.image_feature(states[:, 0])
    text = model.text_feature(alone[captions.first])
    itc, similarity = contrastive(image, text, model.temp, images.scenes, texts.claims)
    roles = torch.tensor([r for row in texts.noun_roles for r in row])
    nouns = roles >= 0
    role_logits = role_head(alone[nouns]).float()
    role_loss = F.cross_entropy(role_logits, roles[nouns])

    # ITM and questions go through the image-grounded encoder together
    truth = holds(texts.claims, images.scenes)  # [claims, scenes]
    rows, at, matched = [], [], []

    def pair(ids, scene, label):
        rows.append([CLS if rng.random() < 0.25 else tokenizer.enc] + ids[1:])
        at.append(scene)
        matched.append(label)

    mined_text = mined(rng, similarity, truth.T == 0)
    mined_image = mined(rng, similarity.T, truth == 0)
    for i in range(count):
        pair(texts.captions[i], i, 1)
        if rng.random() < 0.75 or mined_text[i] < 0:
            pair(texts.false_captions[i], i, 0)
        else:
            pair(texts.captions[mined_text[i]], i, 0)
        if mined_image[i] >= 0:
            pair(texts.captions[i], int(mined_image[i]), 0)
    pairs = len(rows)
    packed = Packed(rows + texts.questions)
    grounded = model.text_encoder(packed, states, torch.tensor(at + list(range(count))))
    matched = torch.tensor(matched)
    itm_logits = model.itm_head(grounded[packed.first[:pairs]]).float()
    itm = F.cross_entropy(itm_logits, matched)

    # captions look at the image, answers at the question's states; one decoder call serves both
    begin = int(packed.first[pairs])
    questions = Packed(texts.questions)
    context = states.new_zeros(count, max(states.shape[1], questions.longest), states.shape[2])
    asked = questions.pad(grounded[begin:].float())
    width = context.shape[1]
    asked = F.pad(asked, (0, 0, 0, width - asked.shape[1]))
    seen = F.pad(states, (0, 0, 0, width - states.shape[1]))
    lengths = torch.cat([torch.full((count,), states.shape[1]), questions.lengths])
    blank = torch.arange(width)[None, :] >= lengths[:, None]
    context_mask = torch.zeros(2 * count, 1, 1, width).masked_fill(blank[:, None, None, :], -1e4)
    spoken = Packed(texts.prompts + texts.answers)
    logits = model.text_decoder(spoken, torch.cat([seen, asked]), torch.arange(2 * count), context_mask)
    following = torch.cat([spoken.ids[1:], spoken.ids[:1]])
    keep = torch.ones(len(following), dtype=torch.bool)
    keep[spoken.first + spoken.lengths - 1] = False
    answers = torch.arange(len(following)) >= spoken.first[count]
    word_loss = F.cross_entropy(logits, following, reduction="none", label_smoothing=0.1)
    caption_at, answer_at = keep & ~answers, keep & answers
    lm, qa = word_loss[caption_at].mean(), word_loss[answer_at].mean()

    loss = loss + itc + 3 * itm + lm + qa + 0.5 * role_loss
    with torch.no_grad():
        right = logits.argmax(-1) == following
        wrong_answer = torch.zeros(len(following)).masked_fill(~right & answer_at, 1)
        row_of = torch.repeat_interleave(torch.arange(spoken.count), spoken.lengths)
        bad = torch.zeros(spoken.count).index_add(0, row_of, wrong_answer)[count:] > 0
        measures.update(
            itc=itc.item(), itm=itm.item(), lm=lm.item(), qa=qa.item(), role_loss=role_loss.item(),
            itm_acc=(itm_logits.argmax(-1) == matched).float().mean().item(),
            lm_acc=right[caption_at].float().mean().item(), qa_acc=1 - bad.float().mean().item(),
            text_role=(role_logits.argmax(-1) == roles[nouns]).float().mean().item())
    return loss, measures

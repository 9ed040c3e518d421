#!/usr/bin/env python3
"""make_metrics.py OUT: metrics of synthetic score matrices and answers, by numpy alone.

Ranks follow the reference's words, np.argsort(score)[::-1] and np.where, with the sort made
stable so that equal scores have one answer. Scores are multiples of 1/64: exact in any float.
"""

import json
import sys

import numpy as np


def truths_of(captions):
    """Texts of each visual, numbered through: [[0, 1], [2], ...]."""
    first = np.concatenate([[0], np.cumsum(captions)])
    return [list(range(int(first[i]), int(first[i + 1]))) for i in range(len(captions))]


def ranks_of(scores, truths):
    ranks = []
    for row, wanted in zip(scores, truths):
        order = np.argsort(row, kind="stable")[::-1]
        ranks.append(min(int(np.where(order == t)[0][0]) for t in wanted))
    return ranks


def recalls(ranks):
    r = np.array(ranks, dtype=float)
    at = [100.0 * len(np.where(r < k)[0]) / len(r) for k in (1, 5, 10)]
    return {"r1": at[0], "r5": at[1], "r10": at[2], "mean": sum(at) / 3, "median": float(np.median(r + 1))}


def top(scores, k):
    """All but the k best of each row become -100, as scores that were never computed."""
    out = np.full(scores.shape, -100.0)
    for i, row in enumerate(scores):
        keep = np.argsort(-row, kind="stable")[:k]
        out[i, keep] = row[keep]
    return out


def retrieval_case(name, rng, captions, levels, k):
    visuals, texts = len(captions), int(sum(captions))
    truths = truths_of(captions)
    v2t = rng.integers(0, levels, (visuals, texts)) / 64
    t2v = rng.integers(0, levels, (texts, visuals)) / 64
    owner = [[v] for v, wanted in enumerate(truths) for _ in wanted]
    for v, wanted in enumerate(truths):  # true pairs score well, mostly
        for t in wanted:
            lift = rng.integers(0, levels) / 64
            v2t[v, t] += lift
            t2v[t, v] += lift
    case = {"name": name, "captions": list(captions)}
    for direction, scores, wanted in (("v2t", top(v2t, k), truths), ("t2v", top(t2v, k), owner)):
        ranks = ranks_of(scores, wanted)
        case[direction] = {"scores": scores.tolist(), "ranks": ranks, **recalls(ranks)}
    return case


def answers_case():
    rows = [["what is the man holding?", "guitar", "guitar"], ["What is this", "a dog", "dog"],
            ["who is singing?", "Man", "man"], ["who, then?", "woman", "man"], ["how many dogs are there", "2", "two"],
            ["where is it?", " park ", "park"], ["what's that", "", "car"], ["", "yes", "yes"], ["how", "2", "2"]]
    types = {}
    for question, answer, expected in rows:
        word = (question.split() or [""])[0].lower().rstrip(".,;:!?\"'")
        tally = types.setdefault(word, [0, 0])
        tally[0] += answer.strip().lower() == expected.strip().lower()
        tally[1] += 1
    return {"rows": rows, "types": [[word, *types[word]] for word in sorted(types)],
            "accuracy": 100.0 * sum(t[0] for t in types.values()) / len(rows)}


def main():
    rng = np.random.default_rng(20220128)
    ones = [1] * 23
    cases = [
        retrieval_case("one to one", rng, ones, 1 << 20, 23),
        retrieval_case("one to one, the best 8", rng, ones, 1 << 20, 8),
        retrieval_case("even number", rng, [1] * 16, 1 << 20, 16),
        retrieval_case("ties", rng, ones, 4, 23),
        retrieval_case("ties, the best 8", rng, ones, 4, 8),
        retrieval_case("all equal", rng, [1] * 12, 1, 12),
        retrieval_case("five captions each", rng, [5] * 11, 1 << 20, 11),
        retrieval_case("uneven captions with ties", rng, [1, 3, 7, 2, 1, 5, 4], 6, 6),
        retrieval_case("one of each", rng, [1], 8, 1),
    ]
    with open(sys.argv[1], "w", encoding="ascii") as file:
        json.dump({"retrieval": cases, "answers": answers_case()}, file, separators=(",", ":"))
        file.write("\n")


if __name__ == "__main__":
    main()

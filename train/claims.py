"""What a caption claims, which claims are true of a scene, and claims that are false by one fact.

A claim is (x, count, y, relation, colour, size, empty): -1 (or 0 for size, empty) where nothing is said; count 0 means
"two or more"; x or y is UNKNOWN for a thing outside the world.
"""

import numpy as np

from world import ABOVE, BIG, LEFT, NEXT, OBJECTS, SMALL, other_colour, other_object

UNKNOWN = 9999
NOBODY = (UNKNOWN, 1, -1, -1, -1, 0, 0)


def claim_of(scene):
    """Everything the canonical caption says."""
    a, n, b, relation, colour, size, _ = scene
    if a < 0:
        return (-1, -1, -1, -1, colour, 0, 1)
    return (a, n, b, relation, colour, size, 0)


def thin(rng, claim, keep=0.78):
    """The same claim with some facts dropped: still true."""
    x, n, y, relation, colour, size, empty = claim
    if empty:
        return (x, n, y, relation, colour if rng.random() < 0.8 else -1, size, empty)
    if rng.random() > keep:
        colour = -1
    if size and rng.random() > 0.85:
        size = 0
    if n > 1 and rng.random() > 0.9:
        n = 0
    if y >= 0:
        u = rng.random()
        if u < 0.10:  # one object only
            x, y, relation = (x, -1, -1) if rng.random() < 0.5 else (y, -1, -1)
        elif u < 0.20:
            relation = -1
        elif u < 0.24 and relation == LEFT:
            relation = NEXT
    return (x, n, y, relation, colour, size, empty)


def just(x, colour=-1):
    """The claim that one x is there."""
    return (x, 1, -1, -1, colour, 0, 0)


# One function a kind of lie: (rng, claim, scene) -> claim, or None where it cannot be told.

def _alone(rng, claim, scene):
    other = rng.randrange(len(OBJECTS))
    return just(other, claim[4] if rng.random() < 0.3 else -1)


def _unknown(rng, claim, scene):
    x, n, y, relation, colour, size, _ = claim
    if y >= 0 and rng.random() < 0.4:
        first = rng.random() < 0.5
        return (x, n, UNKNOWN, relation, colour, size, 0) if first else (UNKNOWN, n, y, relation, colour, size, 0)
    return just(UNKNOWN, colour if rng.random() < 0.3 else -1)


def _object(rng, claim, scene):
    x, n, y, relation, colour, size, _ = claim
    drawn = (scene[0], scene[2])
    if y >= 0 and rng.random() < 0.5:
        return (x, n, other_object(rng, y, drawn), relation, colour, size, 0)
    return (other_object(rng, x, drawn), n, y, relation, colour, size, 0)


def _extra(rng, claim, scene):
    x, n, y, _, colour, _, _ = claim
    if y >= 0 or n != 1:
        return None
    other, relation = other_object(rng, x), rng.choice((-1, LEFT, ABOVE))
    return (other, 1, x, relation, colour, 0, 0) if rng.random() < 0.5 else (x, 1, other, relation, colour, 0, 0)


def _colour(rng, claim, scene):
    x, n, y, relation, colour, size, empty = claim
    return (x, n, y, relation, other_colour(rng, colour), size, empty)


def _order(rng, claim, scene):
    x, n, y, relation, colour, size, _ = claim
    return (y, n, x, relation, colour, size, 0)


def _relation(rng, claim, scene):
    x, n, y, relation, colour, size, _ = claim
    x, y = (x, y) if rng.random() < 0.6 else (y, x)
    return (x, n, y, ABOVE if relation == LEFT else LEFT, colour, size, 0)


def _count(rng, claim, scene):
    return (claim[0], rng.choice([m for m in (1, 2, 3, 4) if m != scene[1]]), -1, -1, claim[4], 0, 0)


def _size(rng, claim, scene):
    x, n, y, relation, colour, _, _ = claim
    return (x, n, y, relation, colour, rng.choice([s for s in (SMALL, BIG) if s != scene[5]]), 0)


def _filled(rng, claim, scene):
    return just(rng.randrange(len(OBJECTS)), claim[4])


def _lies(claim, scene):
    """The lies that fit a claim, with their weights."""
    x, n, y, relation, colour, _, empty = claim
    lies = {_alone: 12, _unknown: 7}
    if not empty:
        lies.update({_object: 24, _extra: 4})
    if colour >= 0:
        lies[_colour] = 16
    if y >= 0 and relation in (LEFT, ABOVE):
        lies.update({_order: 34, _relation: 14})
    if y < 0 and n >= 1:
        lies[_count] = 22
    if scene[1] == 1 and scene[2] < 0 and n == 1:
        lies[_size] = 12 if scene[5] else 4
    if empty:
        lies[_filled] = 20
    return lies


def false_claim(rng, claim, scene):
    """The claim with one fact changed so that it is false of the scene."""
    lies = _lies(claim, scene)
    for _ in range(30):
        if not claim[6] and rng.random() < 0.05:
            return (-1, -1, -1, -1, claim[4], 0, 1)
        lie = rng.choices(list(lies), list(lies.values()))[0](rng, claim, scene)
        if lie and holds_one(lie, scene) == 0:
            return lie
    return NOBODY


def holds_one(claim, scene):
    return int(holds(np.array([claim]), np.array([scene]))[0, 0])


def holds(claims, scenes):
    """Matrix [claims, scenes]: 1 true, 0 false, -1 neither clearly."""
    x, n, y, relation, colour, size, empty = [c[:, None] for c in np.asarray(claims).T]
    a, count, b, srel, scolour, ssize, _ = [c[None, :] for c in np.asarray(scenes).T]
    x_count = np.where(x == a, count, np.where(x == b, 1, 0))
    said = x >= 0
    false = said & np.where(n == 0, x_count < 2, x_count != n)
    unsure = said & (n == 1) & (x_count > 1)
    y_said = y >= 0
    y_count = np.where(y == a, count, np.where(y == b, 1, 0))
    false |= y_said & (y_count != 1)
    both = y_said & (x_count == 1) & (y_count == 1)
    directed = y_said & ((relation == LEFT) | (relation == ABOVE))
    false |= directed & ~((x == a) & (y == b) & (relation == srel))
    unsure = unsure | (both & (relation == NEXT) & (srel != LEFT))
    false |= (colour >= 0) & (colour != scolour)
    sized = size > 0
    false |= sized & (x_count == 1) & (b < 0) & (size != ssize)
    unsure |= sized & (b >= 0) & (x_count == 1)
    false |= (empty > 0) & (a >= 0)
    # "a dog" of two dogs is unsure, not false
    false &= ~(said & (n == 1) & (x_count > 1) & ~y_said & ~((colour >= 0) & (colour != scolour)))
    return np.where(false, 0, np.where(unsure, -1, 1)).astype(np.int8)

"""Questions about scenes, with their answers."""

from captions import SIZES, article, colour_of, name_of, stranger
from world import ABOVE, BIG, COLOURS, LEFT, NAMED_CATEGORIES, OBJECTS, SMALL, A, B, other_colour, other_object

WHERE = ("", "in the picture", "in the image", "in the video", "in the photo")


def question(rng, scene, kind=None):
    """(question, answer, kind) true of the scene; None where the kind that was asked for does not fit it."""
    if kind:
        asked = QUESTIONS[kind][0](rng, scene)
        return asked and asked + (kind,)
    weights = [weight for _, weight in QUESTIONS.values()]
    while True:
        kind = rng.choices(list(QUESTIONS), weights)[0]
        asked = QUESTIONS[kind][0](rng, scene)
        if asked:
            return asked + (kind,)


def _where(rng):
    return rng.choice(WHERE) if rng.random() < 0.6 else ""


def _ask(text):
    return " ".join(text.split()) + "?"


def _q_colour(rng, scene):
    colour = COLOURS[scene[4]][0]
    form = rng.choice(("what color is the background", "what colour is the background",
                       "what is the color of the background", "what is the background color"))
    return _ask(form), colour


def _q_is_colour(rng, scene):
    if rng.random() < 0.5:
        return _ask("is the background " + colour_of(rng, scene[4])), "yes"
    return _ask("is the background " + colour_of(rng, other_colour(rng, scene[4]))), "no"


def _q_is_there(rng, scene):
    a, n, b = scene[:3]
    u = rng.random()
    present = a >= 0 and u < 0.5
    if present:
        x = a if b < 0 or rng.random() < 0.5 else b
    elif a >= 0 and u < 0.8:
        x = other_object(rng, a, (a, b))
    else:
        x = rng.choice([o for o in range(len(OBJECTS)) if o not in (a, b)])
    many = present and n > 1
    if many and rng.random() < 0.7:
        noun = name_of(rng, x, True)
        form = rng.choice(("are there any", "are there", "do you see any"))
        return _ask("%s %s %s" % (form, noun, _where(rng))), "yes"
    if not present and u > 0.94:
        noun = stranger(rng)
    else:
        noun = name_of(rng, x)
    form = rng.choice(("is there %s", "is there %s", "do you see %s", "can you see %s"))
    return _ask((form % (article(noun) + " " + noun)) + " " + _where(rng)), "yes" if present else "no"


def _q_how_many(rng, scene):
    a, n, b = scene[:3]
    if a < 0 or rng.random() < 0.1:
        x = rng.choice([o for o in range(len(OBJECTS)) if o not in (a, b)])
        count = 0
    elif b >= 0:
        x, count = rng.choice((a, b)), 1
        if rng.random() < 0.5:
            return None
    else:
        x, count = a, n
    noun = name_of(rng, x, True)
    form = rng.choice(("how many %s are there %s", "how many %s are there %s", "how many %s do you see %s",
                       "how many %s are %s"))
    where = _where(rng)
    if form.endswith("are %s") and not where:
        form = "how many %s are there %s"
    return _ask(form % (noun, where)), str(count)


def _q_how_many_objects(rng, scene):
    a, n, b = scene[:3]
    form = rng.choice(("how many objects are there %s", "how many things are there %s", "how many objects do you see %s"))
    return _ask(form % _where(rng)), str(n + (b >= 0))


def _what_answer(scene):
    a, n, b = scene[:3]
    if a < 0:
        return "nothing"
    if b >= 0:
        return OBJECTS[a].name + " and " + OBJECTS[b].name
    return OBJECTS[a].plural if n > 1 else OBJECTS[a].name


def _q_what(rng, scene):
    form = "what is %s" % rng.choice(WHERE[1:])
    u = rng.random()
    if u < 0.25:
        form = "what do you see " + _where(rng)
    elif u < 0.35:
        form = "what is shown " + _where(rng)
    elif u < 0.55 and scene[A] >= 0 and scene[B] < 0:
        form = "what is this" if scene[1] == 1 else "what are these"
    return _ask(form), _what_answer(scene)


def _q_category(rng, scene):
    a, n, b = scene[:3]
    if a < 0:
        return None
    options = []
    for x, y in ((a, b), (b, a)):
        if x < 0:
            continue
        category = OBJECTS[x].category
        if category in NAMED_CATEGORIES and (y < 0 or OBJECTS[y].category != category):
            options.append(x)
    if not options:
        return None
    x = rng.choice(options)
    category = OBJECTS[x].category
    plural = n > 1
    where = rng.choice(WHERE[1:])
    if plural:
        form = "what %ss are %s" if category != "food" else "what %s is %s"
        return _ask(form % (category, where)), OBJECTS[x].plural
    forms = ["what %s is " + where, "what %s is there " + where, "which %s is " + where, "what kind of %s is " + where]
    if b < 0:
        forms += ["what %s is this", "what kind of %s is this"]
    return _ask(rng.choice(forms) % category), OBJECTS[x].name


def _q_other(rng, scene):
    a, n, b, relation = scene[:4]
    if b < 0:
        return None
    if rng.random() < 0.5:
        known, answer = b, a
        links = ("to the left of", "left of", "on the left of") if relation == LEFT else ("above", "over")
    else:
        known, answer = a, b
        links = ("to the right of", "right of", "on the right of") if relation == LEFT else ("below", "under")
    link = rng.choice(links)
    if relation == LEFT and rng.random() < 0.35:
        link = rng.choice(("next to", "next to", "beside", "near"))
    return _ask("what is %s the %s" % (link, name_of(rng, known))), OBJECTS[answer].name


def _q_place(rng, scene):
    a, n, b, relation = scene[:4]
    if b < 0:
        return None
    first = rng.random() < 0.5
    place = ("on the left", "on the right") if relation == LEFT else ("at the top", "at the bottom")
    side = "" if rng.random() < 0.8 else rng.choice((" side", " of the picture")) if relation == LEFT else ""
    which = rng.choice(("what is", "what is", "what object is", "which object is"))
    return _ask(which + " " + place[0 if first else 1] + side), OBJECTS[a if first else b].name


def _q_order(rng, scene):
    a, n, b, relation = scene[:4]
    if b < 0:
        return None
    yes = rng.random() < 0.5
    asked = relation if rng.random() < 0.75 else (ABOVE if relation == LEFT else LEFT)
    forward = rng.random() < 0.5  # whether the first named stands first
    x, y = (a, b) if rng.random() < 0.5 else (b, a)
    if asked == relation:
        forward = ((x == a) == yes)
        answer = "yes" if yes else "no"
    else:
        answer = "no"
    links = {(LEFT, True): ("to the left of", "left of"), (LEFT, False): ("to the right of", "right of"),
             (ABOVE, True): ("above", "over"), (ABOVE, False): ("below", "under")}[asked, forward]
    return _ask("is the %s %s the %s" % (name_of(rng, x), rng.choice(links), name_of(rng, y))), answer


def _q_size(rng, scene):
    a, n, b, relation, colour, size, _ = scene
    if not size:
        return None
    word = "small" if size == SMALL else "big"
    noun = name_of(rng, a)
    u = rng.random()
    if u < 0.35:
        return _ask("is the %s big or small" % noun), word
    if u < 0.6:
        return _ask("what size is the %s" % noun), word
    said = rng.choice((SMALL, BIG))
    return _ask("is the %s %s" % (noun, rng.choice(SIZES[said]))), "yes" if said == size else "no"


QUESTIONS = {  # kind: (function, weight in training)
    "colour": (_q_colour, 12), "is_colour": (_q_is_colour, 5), "is_there": (_q_is_there, 14),
    "how_many": (_q_how_many, 12), "how_many_objects": (_q_how_many_objects, 4), "what": (_q_what, 14),
    "category": (_q_category, 6), "other": (_q_other, 18), "place": (_q_place, 12), "order": (_q_order, 12),
    "size": (_q_size, 6),
}

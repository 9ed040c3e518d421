"""What can be said about a scene: captions, false captions, questions with answers.

A text is a list of segments (words, role); the role of a noun is where the text puts it (ROLES), else None.
A claim is the meaning of a caption: (x, count, y, relation, colour, size, empty), -1 (or 0 for size, empty)
where nothing is said; count 0 means "two or more". `holds` decides claims against scenes.
"""

import numpy as np

from world import ABOVE, BIG, COLOURS, LEFT, NAMED_CATEGORIES, NEXT, OBJECTS, SMALL, A, B, other_colour, other_object

ROLES = ("none", "left", "right", "top", "bottom")
NUMBERS = ("zero", "one", "two", "three", "four")
SIZES = {SMALL: ("small", "tiny", "little"), BIG: ("big", "large", "huge")}
UNKNOWN = 9999

# nouns outside the world: a text with one of them is false
STRANGERS = """woman man child baby person girl boy crowd dancer soldier doctor king queen zebra camel goat wolf deer
eagle spider ant shark dolphin seal kangaroo parrot swan lizard squirrel bat rat moose llama hedgehog ship submarine
tank van ambulance scooter skateboard tram spoon fork knife plate bottle glass table sofa bed door window mirror
curtain carpet pillow blanket candle torch ladder rope bucket broom brush comb razor soap towel shirt trousers dress
skirt sock glove scarf belt ring necklace watch purse wallet coin stamp letter envelope pencil pen paper scissors
ruler map flag kite doll puzzle dice card piano flute harp bridge tower castle church tent road river lake sea beach
island mountain hill forest desert moon sun cloud rain snow fire smoke stone sand grape peach plum cherry orange juice
potato tomato onion pepper corn bean rice noodle soup salad sandwich cheese butter milk tea wine beer sugar salt
screw nail saw axe drill wheel engine battery radio printer keyboard television screen statue painting fountain fence
gate garden leaf grass tulip lily daisy""".split()
_UNFAIR = {"orange", "television", "watch", "sun", "tea", "screen", "keyboard", "engine", "nail"}
STRANGERS = [w for w in STRANGERS if w not in _UNFAIR]


def stranger(rng):
    if rng.random() < 0.6:
        return rng.choice(STRANGERS)
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 9)))


def article(noun):
    return "an" if noun[0] in "aeiou" else "a"


def articled(text):
    return text.replace("a orange", "an orange")


def name_of(rng, x, plural=False):
    """One way to say object x; without rng the canonical one."""
    forms = OBJECTS[x].forms
    form = forms[0] if rng is None or rng.random() < 0.7 else rng.choice(forms)
    return form[1 if plural else 0]


def colour_of(rng, colour):
    name = COLOURS[colour][0]
    if rng is not None and rng.random() < 0.4:
        return {"gray": "grey", "purple": "violet"}.get(name, name)
    return name


# --- captions ---------------------------------------------------------------------------------------------------

def canonical(scene):
    """The sentence the captioner learns."""
    return plain(canonical_segments(scene))


def canonical_segments(scene):
    a, n, b, relation, colour, size, _ = scene
    ground = articled("on a %s background" % COLOURS[colour][0])
    if a < 0:
        return [("an empty %s background" % COLOURS[colour][0], None)]
    if n > 1:
        return [(NUMBERS[n], None), (OBJECTS[a].plural, "none"), (ground, None)]
    if b < 0:
        word = {0: "", SMALL: "small ", BIG: "big "}[size]
        first = article(word or OBJECTS[a].name)
        return [(first + " " + word.strip(), None), (OBJECTS[a].name, "none"), (ground, None)]
    x, y = OBJECTS[a].name, OBJECTS[b].name
    link, roles = ("to the left of", ("left", "right")) if relation == LEFT else ("above", ("top", "bottom"))
    return [(article(x), None), (x, roles[0]), (link + " " + article(y), None), (y, roles[1]), (ground, None)]


def plain(segments):
    return " ".join(" ".join(words for words, _ in segments).split())


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


def say(rng, claim):
    """Words for a claim, in one of many ways."""
    x, n, y, relation, colour, size, empty = claim
    ground = []
    if colour >= 0 and not empty:
        c = colour_of(rng, colour)
        form = rng.choice(("on a %s background", "on a %s background", "on %s", "with a %s background",
                           "in front of a %s background", "on a plain %s background"))
        ground = [(articled(form % c), None)]
    head = rng.choice(("", "", "", "a photo of", "a picture of", "a video of", "an image of", "there is"))
    if empty:
        c = colour_of(rng, colour) if colour >= 0 else ""
        if c:
            form = rng.choice(("an empty %s background", "a plain %s background", "nothing on a %s background",
                               "only a %s background"))
            body = articled(form % c)
        else:
            body = rng.choice(("an empty background", "nothing", "an empty picture"))
        return [(head, None), (body, None)]
    if x == UNKNOWN:
        first = stranger(rng)
    else:
        first = name_of(rng, x, n != 1)
    if n == 1:
        adjective = rng.choice(SIZES[size]) if size else ""
        det = "the" if rng.random() < 0.06 else article(adjective or first)
        words = [(det + " " + adjective, None)]
    else:
        words = [(NUMBERS[n] if n else rng.choice(("some", "many", "several", "")), None)]
        head = "there are" if head == "there is" else head
    if y < 0 or y == -1:
        return [(head, None)] + words + [(first, "none")] + ground
    second = stranger(rng) if y == UNKNOWN else name_of(rng, y)
    if rng.random() < 0.05:
        second_det = "the"
    else:
        second_det = article(second)
    nouns = [first, second]
    dets = [article(first), second_det]
    if relation in (-1, NEXT):
        order = rng.random() < 0.5
        i, j = (0, 1) if order else (1, 0)
        link = "and" if relation == -1 else rng.choice(("next to", "beside", "near"))
        return [(head, None), (dets[i], None), (nouns[i], "none"), (link + " " + dets[j], None),
                (nouns[j], "none")] + ground
    near, far = ("left", "right") if relation == LEFT else ("top", "bottom")
    u = rng.random()
    if u < 0.5:
        link = rng.choice(("to the left of", "left of", "to the left of", "on the left of")) \
            if relation == LEFT else rng.choice(("above", "above", "over", "on top of"))
        i, j, r = 0, 1, (near, far)
    elif u < 0.8:
        link = rng.choice(("to the right of", "right of", "to the right of", "on the right of")) \
            if relation == LEFT else rng.choice(("below", "under", "below", "beneath"))
        i, j, r = 1, 0, (far, near)
    else:
        at = "on the " if relation == LEFT else "at the "
        i, j, r = (0, 1, (near, far)) if rng.random() < 0.5 else (1, 0, (far, near))
        return [(head, None), (dets[i], None), (nouns[i], r[0]), (at + r[0] + " and " + dets[j], None),
                (nouns[j], r[1]), (at + r[1], None)] + ground
    return [(head, None), (dets[i], None), (nouns[i], r[0]), (link + " " + dets[j], None), (nouns[j], r[1])] + ground


def false_claim(rng, claim, scene):
    """The claim with one fact changed so that it is false of the scene."""
    for _ in range(30):
        x, n, y, relation, colour, size, empty = claim
        a, count, b, _, scene_colour, scene_size, _ = scene
        kinds = ["alone", "unknown"]
        weights = [12, 7]
        if not empty:
            kinds += ["object", "extra"]
            weights += [24, 4]
        if colour >= 0:
            kinds.append("colour")
            weights.append(16)
        if y >= 0 and relation in (LEFT, ABOVE):
            kinds += ["order", "relation"]
            weights += [34, 14]
        if y < 0 and n >= 1:
            kinds.append("count")
            weights.append(22)
        if count == 1 and b < 0 and n == 1:
            kinds.append("size")
            weights.append(12 if scene_size else 4)
        if empty:
            kinds.append("filled")
            weights.append(20)
        elif rng.random() < 0.05:
            return (-1, -1, -1, -1, colour, 0, 1)
        kind = rng.choices(kinds, weights)[0]
        if kind == "alone":  # an absent object and nothing else
            other = rng.randrange(len(OBJECTS))
            new = (other, 1, -1, -1, colour if rng.random() < 0.3 else -1, 0, 0)
        elif kind == "unknown":
            if y >= 0 and rng.random() < 0.4:
                new = (x, n, UNKNOWN, relation, colour, size, 0) if rng.random() < 0.5 else \
                    (UNKNOWN, n, y, relation, colour, size, 0)
            else:
                new = (UNKNOWN, 1, -1, -1, colour if rng.random() < 0.3 else -1, 0, 0)
        elif kind == "object":
            if y >= 0 and rng.random() < 0.5:
                new = (x, n, other_object(rng, y, (a, b)), relation, colour, size, 0)
            else:
                new = (other_object(rng, x, (a, b)), n, y, relation, colour, size, 0)
        elif kind == "extra":
            if y >= 0 or n != 1:
                continue
            new = (x, 1, other_object(rng, x), rng.choice((-1, LEFT, ABOVE)), colour, 0, 0)
            if rng.random() < 0.5:
                new = (new[2], 1, new[0], new[3], colour, 0, 0)
        elif kind == "colour":
            new = (x, n, y, relation, other_colour(rng, colour), size, empty)
        elif kind == "order":
            new = (y, n, x, relation, colour, size, 0)
        elif kind == "relation":
            x2, y2 = (x, y) if rng.random() < 0.6 else (y, x)
            new = (x2, n, y2, ABOVE if relation == LEFT else LEFT, colour, size, 0)
        elif kind == "count":
            new = (x, rng.choice([m for m in (1, 2, 3, 4) if m != count]), -1, -1, colour, 0, 0)
        elif kind == "size":
            new = (x, n, y, relation, colour, rng.choice([s for s in (SMALL, BIG) if s != scene_size]), 0)
        else:  # filled: something on an empty background
            new = (rng.randrange(len(OBJECTS)), 1, -1, -1, colour, 0, 0)
        if holds_one(new, scene) == 0:
            return new
    return (UNKNOWN, 1, -1, -1, -1, 0, 0)


# --- truth ------------------------------------------------------------------------------------------------------

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


# --- questions --------------------------------------------------------------------------------------------------

WHERE = ("", "in the picture", "in the image", "in the video", "in the photo")


def question(rng, scene, kind=None):
    """(question, answer, kind) true of the scene; None where that kind cannot be asked of it."""
    kinds = ("colour", "is_colour", "is_there", "how_many", "how_many_objects", "what", "category", "other",
             "place", "order", "size")
    if kind is None:
        while True:
            kind = rng.choices(kinds, (12, 5, 14, 12, 4, 14, 6, 18, 12, 12, 6))[0]
            asked = _QUESTIONS[kind](rng, scene)
            if asked:
                return asked + (kind,)
    asked = _QUESTIONS[kind](rng, scene)
    return asked and asked + (kind,)


QUESTION_KINDS = ("colour", "is_colour", "is_there", "how_many", "how_many_objects", "what", "category", "other",
                  "place", "order", "size")


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


_QUESTIONS = {"colour": _q_colour, "is_colour": _q_is_colour, "is_there": _q_is_there, "how_many": _q_how_many,
              "how_many_objects": _q_how_many_objects, "what": _q_what, "category": _q_category, "other": _q_other,
              "place": _q_place, "order": _q_order, "size": _q_size}

# every word of the templates above; vocab.py adds the names of objects and colours
WORDS = """a an the and or of on in at to is are there this these what which how many some several much any do you can see
shown kind size color colour background plain empty nothing only picture photo image video scene object objects thing
things left right top bottom side above below over under beneath beside near next with front zero one two three four
small tiny little big large huge yes no animal animals food vehicle vehicles instrument instruments ball balls plant
plants violet grey""".split()

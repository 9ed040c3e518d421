"""The world of the demo model: objects, colours, scenes, and what is held out.

A scene is a tuple of seven small integers, so that truth can be decided for whole matrices at once:
(a, count, b, relation, colour, size, 0). Unused fields are -1 (a, b, relation) or 0 (count, size).
"""

import random

# name, emoji, category, synonyms (a plural is given after a slash where adding "s" is wrong)
_TABLE = """
dog|1F436|animal|puppy/puppies
cat|1F431|animal|kitten
mouse/mice|1F42D|animal|
rabbit|1F430|animal|bunny/bunnies
fox/foxes|1F98A|animal|
bear|1F43B|animal|
panda|1F43C|animal|
koala|1F428|animal|
tiger|1F42F|animal|
lion|1F981|animal|
cow|1F42E|animal|
pig|1F437|animal|hog
frog|1F438|animal|
monkey|1F435|animal|
chicken|1F414|animal|hen
penguin|1F427|animal|
duck|1F986|animal|
owl|1F989|animal|
horse|1F434|animal|
bee|1F41D|animal|
butterfly/butterflies|1F98B|animal|
snail|1F40C|animal|
turtle|1F422|animal|tortoise
snake|1F40D|animal|
octopus/octopuses|1F419|animal|
crab|1F980|animal|
fish/fish|1F41F|animal|
whale|1F433|animal|
elephant|1F418|animal|
giraffe|1F992|animal|
apple|1F34E|food|
pear|1F350|food|
lemon|1F34B|food|
banana|1F34C|food|
watermelon|1F349|food|melon
strawberry/strawberries|1F353|food|
pineapple|1F34D|food|
carrot|1F955|food|
broccoli/broccoli|1F966|food|
bread/bread|1F35E|food|loaf/loaves
hamburger|1F354|food|burger
pizza|1F355|food|
hot dog|1F32D|food|
donut|1F369|food|doughnut
cookie|1F36A|food|biscuit
cake|1F382|food|
ice cream|1F366|food|
fried egg|1F373|food|egg
car|1F697|vehicle|automobile
bus/buses|1F68C|vehicle|
truck|1F69A|vehicle|lorry/lorries
tractor|1F69C|vehicle|
bicycle|1F6B2|vehicle|bike
motorcycle|1F3CD|vehicle|motorbike
train|1F682|vehicle|locomotive
airplane|2708|vehicle|plane
rocket|1F680|vehicle|
helicopter|1F681|vehicle|
sailboat|26F5|vehicle|boat
guitar|1F3B8|instrument|
violin|1F3BB|instrument|
trumpet|1F3BA|instrument|
drum|1F941|instrument|
saxophone|1F3B7|instrument|
soccer ball|26BD|ball|
basketball|1F3C0|ball|
tree|1F333|plant|
sunflower|1F33B|plant|
rose|1F339|plant|
cactus/cacti|1F335|plant|
mushroom|1F344|plant|
tennis racket|1F3BE|thing|racket
umbrella|2602|thing|
camera|1F4F7|thing|
clock|23F0|thing|alarm clock
book|1F4D5|thing|
key|1F511|thing|
lamp|1F4A1|thing|light bulb
phone|1F4F1|thing|smartphone
laptop|1F4BB|thing|computer
television|1F4FA|thing|tv
hat|1F3A9|thing|
crown|1F451|thing|
shoe|1F45F|thing|sneaker
balloon|1F388|thing|
gift|1F381|thing|present
bell|1F514|thing|
hammer|1F528|thing|
chair|1FA91|thing|
house|1F3E0|thing|home
star|2B50|thing|
robot|1F916|thing|
teddy bear|1F9F8|thing|
backpack|1F392|thing|
cup|2615|thing|mug
"""


def _forms(word):
    """'mouse/mice' -> ('mouse', 'mice'); without a slash the plural adds an s."""
    singular, _, plural = word.partition("/")
    return singular, plural or singular + "s"


class Object:
    def __init__(self, line):
        name, code, self.category, synonyms = line.split("|")
        self.name, self.plural = _forms(name)
        self.emoji = chr(int(code, 16))
        # every way to say it, the canonical one first
        self.forms = [_forms(w) for w in [name] + [s for s in synonyms.split(",") if s]]


OBJECTS = [Object(line) for line in _TABLE.strip().splitlines()]
CATEGORIES = {}
for _i, _o in enumerate(OBJECTS):
    CATEGORIES.setdefault(_o.category, []).append(_i)
NAMED_CATEGORIES = ("animal", "food", "vehicle", "instrument", "ball", "plant")

COLOURS = [
    ("red", (205, 35, 35)), ("orange", (245, 140, 25)), ("yellow", (245, 220, 50)),
    ("green", (50, 160, 60)), ("blue", (45, 90, 210)), ("purple", (125, 50, 170)),
    ("pink", (250, 150, 195)), ("brown", (120, 75, 40)), ("black", (22, 22, 24)),
    ("white", (242, 242, 242)), ("gray", (128, 130, 132)),
]

LEFT, ABOVE, NEXT = 0, 1, 2  # NEXT is said, never drawn
SMALL, BIG = 1, 2
A, COUNT, B, RELATION, COLOUR, SIZE = range(6)


def held_out(scene):
    """True for the compositions that training never draws: 4 % of pairs, 5 to 26 % of the others."""
    a, count, b, _, colour = scene[:5]
    if b >= 0:
        a, b = min(a, b), max(a, b)
        return (31 * a + 17 * b + a * b) % 10 == 0
    if count:
        return (13 * a + 29 * colour + 7 * count + a * colour) % 10 == 0
    return False


KINDS = {"empty": 3, "one": 24, "many": 18, "two": 55}  # of a scene, in percent


def make_scene(a=-1, count=0, b=-1, relation=-1, colour=0, size=0):
    return (a, count, b, relation, colour, size, 0)


def sample_scene(rng, want_held_out=False, kind=None):
    """A random scene, of the training part of the world or of the held-out part."""
    while True:
        scene = _sample(rng, kind or sample_kind(rng))
        if scene[A] < 0 or held_out(scene) == want_held_out:
            return scene


def sample_kind(rng):
    return rng.choices(list(KINDS), list(KINDS.values()))[0]


def _sample(rng, kind):
    colour = rng.randrange(len(COLOURS))
    if kind == "empty":
        return make_scene(colour=colour)
    a = rng.randrange(len(OBJECTS))
    if kind == "one":
        size = rng.choices((0, SMALL, BIG), (4, 3, 3))[0]
        return make_scene(a, 1, colour=colour, size=size)
    if kind == "many":
        return make_scene(a, rng.choice((2, 3, 4)), colour=colour)
    b = rng.choice([x for x in range(len(OBJECTS)) if x != a])
    return make_scene(a, 1, b, rng.choice((LEFT, ABOVE)), colour)


def other_colour(rng, colour):
    return rng.choice([c for c in range(len(COLOURS)) if c != colour])


def other_object(rng, a, avoid=()):
    """Another object, mostly of the same category."""
    pool = CATEGORIES[OBJECTS[a].category] if rng.random() < 0.6 else range(len(OBJECTS))
    pool = [x for x in pool if x != a and x not in avoid]
    return rng.choice(pool or [x for x in range(len(OBJECTS)) if x != a and x not in avoid])


def swapped(scene):
    a, n, b, relation, colour, size, _ = scene
    return make_scene(b, n, a, relation, colour, size)


def turned(scene):
    a, n, b, relation, colour, size, _ = scene
    return make_scene(a, n, b, ABOVE if relation == LEFT else LEFT, colour, size)


def recoloured(rng, scene):
    a, n, b, relation, colour, size, _ = scene
    return make_scene(a, n, b, relation, other_colour(rng, colour), size)


def sibling(rng, scene):
    """A training scene that differs from this one in one fact."""
    for _ in range(50):
        a, n, b, relation, colour, size, _ = scene
        if b >= 0:
            pick = rng.choices(("swap", "turn", "colour", "object"), (40, 25, 20, 15))[0]
            if pick == "swap":
                other = swapped(scene)
            elif pick == "turn":
                other = turned(scene)
            elif pick == "colour":
                other = recoloured(rng, scene)
            else:
                other = make_scene(a, n, other_object(rng, b, (a,)), relation, colour)
        elif n > 1:
            if rng.random() < 0.6:
                other = make_scene(a, rng.choice([m for m in (2, 3, 4) if m != n]), colour=colour)
            else:
                other = recoloured(rng, scene)
        elif n == 1:
            pick = rng.randrange(3)
            if pick == 0:
                other = recoloured(rng, scene)
            elif pick == 1:
                other = make_scene(other_object(rng, a), 1, colour=colour, size=size)
            else:
                other = make_scene(a, 1, colour=colour, size=rng.choice([s for s in (0, SMALL, BIG) if s != size]))
        else:
            other = recoloured(rng, scene)
        if other[A] < 0 or not held_out(other):
            return other
    return sample_scene(rng)


def rng_for(*parts):
    return random.Random("/".join(map(str, parts)))

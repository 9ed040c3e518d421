"""Words for claims and scenes.

A text is a list of segments (words, role); the role of a noun is where the text puts it (ROLES), else None.
"""

from claims import UNKNOWN
from world import ABOVE, BIG, COLOURS, LEFT, NEXT, OBJECTS, SMALL

ROLES = ("none", "left", "right", "top", "bottom")
NUMBERS = ("zero", "one", "two", "three", "four")
SIZES = {SMALL: ("small", "tiny", "little"), BIG: ("big", "large", "huge")}
HEADS = ("", "", "", "a photo of", "a picture of", "a video of", "an image of", "there is")
GROUNDS = ("on a %s background", "on a %s background", "on %s", "with a %s background", "in front of a %s background",
           "on a plain %s background")
LINKS = {  # how to say that the first noun stands first, and last
    LEFT: (("to the left of", "left of", "to the left of", "on the left of"),
           ("to the right of", "right of", "to the right of", "on the right of")),
    ABOVE: (("above", "above", "over", "on top of"), ("below", "under", "below", "beneath")),
}

# nouns outside the world: a text with one of them is false
STRANGERS = """woman man child baby person girl boy crowd dancer soldier doctor king queen zebra camel goat wolf deer eagle spider
ant shark dolphin seal kangaroo parrot swan lizard squirrel bat rat moose llama hedgehog ship submarine tank van
ambulance scooter skateboard tram spoon fork knife plate bottle glass table sofa bed door window mirror curtain
carpet pillow blanket candle torch ladder rope bucket broom brush comb razor soap towel shirt trousers dress skirt
sock glove scarf belt ring necklace purse wallet coin stamp letter envelope pencil pen paper scissors ruler map flag
kite doll puzzle dice card piano flute harp bridge tower castle church tent road river lake sea beach island
mountain hill forest desert moon cloud rain snow fire smoke stone sand grape peach plum cherry juice potato tomato
onion pepper corn bean rice noodle soup salad sandwich cheese butter milk wine beer sugar salt screw saw axe drill
wheel battery radio printer statue painting fountain fence gate garden leaf grass tulip lily daisy""".split()


def stranger(rng):
    """A noun from outside the world, real or made up."""
    if rng.random() < 0.6:
        return rng.choice(STRANGERS)
    return "".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(rng.randint(3, 9)))


def article(noun):
    return "an" if noun[0] in "aeiou" else "a"


def articled(text):
    return text.replace("a orange", "an orange")


def name_of(rng, x, plural=False):
    """One way to say object x, mostly the canonical one."""
    forms = OBJECTS[x].forms
    form = forms[0] if rng.random() < 0.7 else rng.choice(forms)
    return form[1 if plural else 0]


def colour_of(rng, colour):
    name = COLOURS[colour][0]
    if rng.random() < 0.4:
        return {"gray": "grey", "purple": "violet"}.get(name, name)
    return name


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


def _empty(rng, colour):
    if colour < 0:
        return rng.choice(("an empty background", "nothing", "an empty picture"))
    name = colour_of(rng, colour)
    return articled(rng.choice(("an empty %s background", "a plain %s background", "nothing on a %s background",
                                "only a %s background")) % name)


def _counted(rng, noun, n, size):
    """The words before a noun."""
    if n != 1:
        return NUMBERS[n] if n else rng.choice(("some", "many", "several", ""))
    adjective = rng.choice(SIZES[size]) if size else ""
    return ("the" if rng.random() < 0.06 else article(adjective or noun)) + " " + adjective


def _related(rng, nouns, relation):
    """Segments for two nouns, in the order of their relation."""
    dets = [article(nouns[0]), "the" if rng.random() < 0.05 else article(nouns[1])]
    if relation in (-1, NEXT):
        i, j = (0, 1) if rng.random() < 0.5 else (1, 0)
        link = "and" if relation == -1 else rng.choice(("next to", "beside", "near"))
        return [(dets[i], None), (nouns[i], "none"), (link + " " + dets[j], None), (nouns[j], "none")]
    places = ("left", "right") if relation == LEFT else ("top", "bottom")
    u = rng.random()
    if u < 0.8:
        i, j = (0, 1) if u < 0.5 else (1, 0)
        link = rng.choice(LINKS[relation][i])
        return [(dets[i], None), (nouns[i], places[i]), (link + " " + dets[j], None), (nouns[j], places[j])]
    at = "on the " if relation == LEFT else "at the "
    i, j = (0, 1) if rng.random() < 0.5 else (1, 0)
    return [(dets[i], None), (nouns[i], places[i]), (at + places[i] + " and " + dets[j], None),
            (nouns[j], places[j]), (at + places[j], None)]


def say(rng, claim):
    """Words for a claim, in one of many ways."""
    x, n, y, relation, colour, size, empty = claim
    ground = []
    if colour >= 0 and not empty:
        name = colour_of(rng, colour)
        ground = [(articled(rng.choice(GROUNDS) % name), None)]
    head = rng.choice(HEADS)
    if empty:
        return [(head, None), (_empty(rng, colour), None)]
    first = stranger(rng) if x == UNKNOWN else name_of(rng, x, n != 1)
    counted = _counted(rng, first, n, size)
    if n != 1 and head == "there is":
        head = "there are"
    if y < 0:
        return [(head, None), (counted, None), (first, "none")] + ground
    second = stranger(rng) if y == UNKNOWN else name_of(rng, y)
    return [(head, None)] + _related(rng, [first, second], relation) + ground


# every word of the templates above; vocab.py adds the names of objects and colours
WORDS = """a an the and or of on in at to is are there this these what which how many some several much any do you can see
shown kind size color colour background plain empty nothing only picture photo image video scene object objects thing
things left right top bottom side above below over under beneath beside near next with front zero one two three four
small tiny little big large huge yes no animal animals food vehicle vehicles instrument instruments ball balls plant
plants violet grey""".split()

"""The vocabulary and a WordPiece tokenizer that gives the ids of BERT's."""

import re
import string
import unicodedata

from captions import WORDS
from world import COLOURS, OBJECTS

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
PAD, UNK, CLS, SEP, MASK = range(5)


def build():
    """The lines of vocab.txt. Single characters and their ## forms make sure that nothing is [UNK]."""
    letters = list(string.ascii_lowercase + string.digits)
    words = set(WORDS)
    for o in OBJECTS:
        for form in o.forms:
            words.update(" ".join(form).split())
        words.add(o.category)
    words.update(name for name, _ in COLOURS)
    words = sorted(w for w in words if len(w) > 1)
    return SPECIAL + list(string.punctuation) + letters + ["##" + c for c in letters] + words


def clean_caption(text, most_words=40):
    """BLIP's pre_caption."""
    text = re.sub(r"\s{2,}", " ", re.sub(r'[.!"()*#:;~]', " ", text.lower())).rstrip("\n").strip(" ")
    return " ".join(text.split(" ")[:most_words])


def clean_question(text):
    return re.sub(r'[.!"()*#:;~]', "", text.lower()).rstrip(" ")


CJK = ((0x4E00, 0x9FFF), (0x3400, 0x4DBF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F), (0x2B740, 0x2B81F),
       (0x2B820, 0x2CEAF), (0xF900, 0xFAFF), (0x2F800, 0x2FA1F))


def alone(char):
    """Whether a character is a word of its own: punctuation, or one of CJK."""
    return (char in string.punctuation or unicodedata.category(char)[0] == "P"
            or any(low <= ord(char) <= high for low, high in CJK))


def basic_words(text):
    """The words that WordPiece splits: lower case, without accents, punctuation apart. "[SEP]" is text like any."""
    kept = "".join(" " if c in "\t\n\r" else c for c in text
                   if c in "\t\n\r" or c != "\ufffd" and unicodedata.category(c)[0] != "C")
    lower = unicodedata.normalize("NFD", "".join(c.lower() for c in kept))  # each by itself: no final sigma
    bare = "".join(c for c in lower if unicodedata.category(c) != "Mn")
    return "".join(" %s " % c if alone(c) else c for c in bare).split()


class Tokenizer:
    def __init__(self, lines=None):
        self.lines = lines or build()
        self.ids = {w: i for i, w in enumerate(self.lines)}
        self.unk, self.cls, self.sep = [self.ids[w] for w in ("[UNK]", "[CLS]", "[SEP]")]
        self.dec = len(self.lines)  # [DEC] and [ENC] follow the lines of vocab.txt, as in BLIP
        self.enc = self.dec + 1
        self.size = self.dec + 2
        self._cache = {}

    def word(self, word):
        """WordPiece: longest match first."""
        if word not in self._cache:
            out, start = [], 0
            while start < len(word):
                for end in range(len(word), start, -1):
                    piece = ("##" if start else "") + word[start:end]
                    if piece in self.ids:
                        out.append(self.ids[piece])
                        start = end
                        break
                else:
                    out, start = [self.unk], len(word)
            if len(self._cache) > 50000:
                self._cache.clear()
            self._cache[word] = out
        return self._cache[word]

    def pieces(self, text):
        out = []
        for word in basic_words(text):
            out += self.word(word) if len(word) <= 100 else [self.unk]
        return out

    def encode(self, text, first=None, longest=40):
        """Ids [first] pieces [SEP], [CLS] being first where nothing else is said; at most `longest` of them."""
        return [self.cls if first is None else first] + self.pieces(text)[:longest - 2] + [self.sep]

    def decode(self, ids):
        words = [self.lines[i] for i in ids if SEP < i < self.dec and i != MASK]
        return " ".join(words).replace(" ##", "")

"""The vocabulary and a WordPiece tokenizer that gives the ids of BERT's on lower-case ASCII text."""

import re
import string

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


class Tokenizer:
    def __init__(self, lines=None):
        self.lines = lines or build()
        self.ids = {w: i for i, w in enumerate(self.lines)}
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
                    out, start = [UNK], len(word)
            if len(self._cache) > 50000:
                self._cache.clear()
            self._cache[word] = out
        return self._cache[word]

    def pieces(self, text):
        out = []
        for word in re.findall(r"[a-z0-9]+|[^\sa-z0-9]", text.lower()):
            out += self.word(word)
        return out

    def encode(self, text, first=CLS):
        return [first] + self.pieces(text)[:38] + [SEP]

    def decode(self, ids):
        words = [self.lines[i] for i in ids if SEP < i < self.dec and i != MASK]
        return " ".join(words).replace(" ##", "")

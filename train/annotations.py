"""Videos and images with captions or questions, in the formats of `vblip eval` (docs/evaluation.md)."""

import json
import os

from refused import Refused
from vocab import clean_caption, clean_question

STILLS = ("png", "jpg", "jpeg", "webp", "bmp")
# what a name without an extension is tried with, in this order
EXTENSIONS = ("mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "m2ts", "mts", "wmv", "flv", "ogv",
              "3gp", "gif") + STILLS


def extension(path):
    return os.path.splitext(path)[1][1:].lower()


class Visuals:
    """Videos and images that are named by annotations, each once, with where it was first named."""

    def __init__(self):
        self.named = []  # (path, "FILE:LINE")
        self._at = {}

    def index(self, folder, names, where):
        """That of the file which one of `names` names, relative to `folder`."""
        path = located(folder, names)
        if not os.path.exists(path):
            raise Refused("%s: %s: there is no such file" % (where, path))
        at = self._at.setdefault(path, len(self.named))
        if at == len(self.named):
            self.named.append((path, where))
        return at


class Captioned:
    """Pairs of a video or image and a caption."""

    def __init__(self, visuals):
        self.visuals = visuals
        self.captions = []  # cleaned as BLIP cleans captions, each once
        self.pairs = []  # (index of the visual, of the caption, of the caption that LM learns)
        self._caption_at = {}

    def _caption(self, text):
        at = self._caption_at.setdefault(text, len(self.captions))
        if at == len(self.captions):
            self.captions.append(text)
        return at

    def read(self, path, folder=None):
        """Adds the annotations of a file; names are relative to `folder`, by default the one the file is in."""
        folder = os.path.dirname(path) if folder is None else folder
        before = len(self.pairs)
        for where, record in records(path):
            visual = self.visuals.index(folder, names_of(where, record, ("clip_name", "video")), where)
            texts, said = captions_of(where, record)
            for text in texts:
                caption = self._caption(text)
                self.pairs.append((visual, caption, caption if said is None else self._caption(said)))
        if len(self.pairs) == before:
            raise Refused("%s: holds no annotations" % path)


class Asked:
    """Questions about videos and images, with their answers."""

    def __init__(self, visuals):
        self.visuals = visuals
        self.questions = []  # (index of the visual, cleaned question, answer)

    def read(self, path, folder=None):
        """As Captioned.read, in the format of `vblip eval qa`."""
        folder = os.path.dirname(path) if folder is None else folder
        before = len(self.questions)
        for where, record in records(path):
            visual = self.visuals.index(folder, names_of(where, record, ("video", "video_id")), where)
            question = clean_question(string_of(where, record, "question"))
            answer = string_of(where, record, "answer").strip()
            for key, text in (("question", question), ("answer", answer)):
                if not text:
                    raise Refused("%s: %s: is empty" % (where, key))
            self.questions.append((visual, question, answer))
        if len(self.questions) == before:
            raise Refused("%s: holds no annotations" % path)


def records(path):
    """("FILE:LINE" or "FILE: entry N", value) of JSON Lines or of one JSON list."""
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as e:
        raise Refused("%s: %s" % (path, getattr(e, "strerror", None) or "is not UTF-8")) from e
    if text.lstrip().startswith("["):
        for at, value in enumerate(parsed(path, text), 1):
            yield "%s: entry %d" % (path, at), value
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            where = "%s:%d" % (path, number)
            yield where, parsed(where, line)


def parsed(where, text):
    try:
        return json.loads(text)
    except ValueError as e:
        raise Refused("%s: is not JSON: %s" % (where, e)) from e


def names_of(where, record, videos):
    """What the file of an object may be called, the likeliest first; `videos` are the keys that name a video."""
    if not isinstance(record, dict):
        raise Refused("%s: not an object" % where)
    key = next((k for k in (*videos, "image") if k in record), None)
    if key is None:
        raise Refused("%s: %s or image: missing" % (where, " or ".join(videos)))
    name = record[key]
    if key != "image" and isinstance(name, int) and not isinstance(name, bool) and name >= 0:
        return "video%d" % name, "vid%d" % name, str(name)
    if not isinstance(name, str):
        raise Refused("%s: %s: not a string" % (where, key))
    if not name:
        raise Refused("%s: %s: is empty" % (where, key))
    return (name,)


def string_of(where, record, key):
    """A text that has to be there."""
    if key not in record:
        raise Refused("%s: %s: missing" % (where, key))
    if not isinstance(record[key], str):
        raise Refused("%s: %s: not a string" % (where, key))
    return record[key]


def captions_of(where, record):
    """(cleaned captions, the cleaned one that LM learns instead of them or None) of one object."""
    texts = record.get("caption")
    if texts is None:
        raise Refused("%s: caption: missing" % where)
    texts = texts if isinstance(texts, list) else [texts]
    if not texts or not all(isinstance(t, str) for t in texts):
        raise Refused("%s: caption: neither a string nor a list of strings" % where)
    texts = [clean_caption(t) for t in texts]
    if not all(texts):
        raise Refused("%s: caption: nothing is left of it after cleaning" % where)
    if "lm_caption" not in record:
        return texts, None
    said = clean_caption(string_of(where, record, "lm_caption"))
    if not said:
        raise Refused("%s: lm_caption: nothing is left of it after cleaning" % where)
    return texts, said


def located(folder, names):
    """The path of the first of `names` that is there, with every extension where it has none."""
    tried = []
    for name in names:
        path = os.path.join(folder, name)
        tried += [path] if extension(name) in EXTENSIONS else [path + "." + e for e in EXTENSIONS]
    tried.append(os.path.join(folder, names[-1]))
    return next((p for p in tried if os.path.exists(p)), tried[0])

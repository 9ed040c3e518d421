"""Captioned videos and images, in the format of `vblip eval retrieval` (docs/evaluation.md)."""

import json
import os

from refused import Refused
from vocab import clean_caption

STILLS = ("png", "jpg", "jpeg", "webp", "bmp")
# what a name without an extension is tried with, in this order
EXTENSIONS = ("mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg", "ts", "m2ts", "mts", "wmv", "flv", "ogv",
              "3gp", "gif") + STILLS


def extension(path):
    return os.path.splitext(path)[1][1:].lower()


class Captioned:
    """Pairs of a video or image and a caption. `visuals` holds each path once, with where it was first named."""

    def __init__(self):
        self.visuals = []  # (path, "FILE:LINE")
        self.captions = []  # cleaned as BLIP cleans captions, each once
        self.pairs = []  # (index of the visual, of the caption, of the caption that LM learns)
        self._visual_at, self._caption_at = {}, {}

    def _visual(self, path, where):
        at = self._visual_at.setdefault(path, len(self.visuals))
        if at == len(self.visuals):
            self.visuals.append((path, where))
        return at

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
            name, texts, said = fields(where, record)
            found = located(folder, name)
            if not os.path.exists(found):
                raise Refused("%s: %s: there is no such file" % (where, found))
            visual = self._visual(found, where)
            for text in texts:
                caption = self._caption(text)
                self.pairs.append((visual, caption, caption if said is None else self._caption(said)))
        if len(self.pairs) == before:
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


def fields(where, record):
    """(name, cleaned captions, the cleaned one that LM learns instead of them or None) of one object."""
    if not isinstance(record, dict):
        raise Refused("%s: not an object" % where)
    key = next((k for k in ("clip_name", "video", "image") if k in record), None)
    if key is None:
        raise Refused("%s: clip_name or video or image: missing" % where)
    name = record[key]
    if key != "image" and isinstance(name, int) and not isinstance(name, bool):
        name = str(name) if name >= 0 else ""
        numbered = True
    else:
        numbered = False
    if not isinstance(name, str):
        raise Refused("%s: %s: not a string" % (where, key))
    if not name:
        raise Refused("%s: %s: is empty" % (where, key))
    texts = record.get("caption")
    if texts is None:
        raise Refused("%s: caption: missing" % where)
    texts = texts if isinstance(texts, list) else [texts]
    if not texts or not all(isinstance(t, str) for t in texts):
        raise Refused("%s: caption: neither a string nor a list of strings" % where)
    texts = [clean_caption(t) for t in texts]
    if not all(texts):
        raise Refused("%s: caption: nothing is left of it after cleaning" % where)
    said = record.get("lm_caption", texts[0])
    if not isinstance(said, str):
        raise Refused("%s: lm_caption: not a string" % where)
    said = clean_caption(said)
    if not said:
        raise Refused("%s: lm_caption: nothing is left of it after cleaning" % where)
    names = ("video" + name, "vid" + name, name) if numbered else (name,)
    return names, texts, said if "lm_caption" in record else None


def located(folder, names):
    """The path of the first of `names` that is there, with every extension where it has none."""
    tried = []
    for name in names:
        path = os.path.join(folder, name)
        tried += [path] if extension(name) in EXTENSIONS else [path + "." + e for e in EXTENSIONS]
    tried.append(os.path.join(folder, names[-1]))
    return next((p for p in tried if os.path.exists(p)), tried[0])

"""Words that a checkpoint's vocabulary has to spell, made words of their own.

They follow the last line of vocab.txt and push [DEC] and [ENC], which stand behind it, to higher ids.
"""

import torch

from refused import Refused
from vocab import Tokenizer, basic_words

ROWS = (".embeddings.word_embeddings.weight", ".cls.predictions.bias", ".cls.predictions.decoder.weight",
        ".cls.predictions.decoder.bias")  # the ends of the names of tensors with a row for each token
COPIES = ("tokenizer.json", "added_tokens.json")  # of the vocabulary; without them transformers reads vocab.txt


def spelt(tokenizer, words):
    """Those of `words` that are no token yet, in lower case, each once; Refused where one is not a word."""
    for word in words:
        if len(basic_words(word)) != 1 or not tokenizer.word(basic_words(word)[0]):
            raise Refused("--add-words %s: not one word of letters and digits" % word)
    plain = [basic_words(word)[0] for word in words]
    return [word for word in dict.fromkeys(plain) if word not in tokenizer.ids]


def with_rows(tensors, tokenizer, words):
    """The tensors with a row for each word, which is the mean of the rows of the pieces it is spelt with."""
    pieces = [tokenizer.word(word) for word in words]
    at = tokenizer.dec
    out = dict(tensors)
    for name, stored in tensors.items():
        if name.endswith(ROWS):
            rows = torch.stack([stored[ids].float().mean(0) for ids in pieces]).to(stored.dtype)
            out[name] = torch.cat([stored[:at], rows, stored[at:]])
    return out


def with_ids(config, tokenizer, words):
    """config.json with the size of the vocabulary, and with the ids that it has of what stands behind the words."""
    text = {"bos_token_id": tokenizer.dec, **config.get("text_config", {})}  # transformers' default is BERT's
    text["vocab_size"] = tokenizer.size + len(words)
    return {**config, "text_config": moved(text, tokenizer, words)}


def moved(values, tokenizer, words):
    """Ids of tokens behind the words, in an object of config.json or generation_config.json."""
    behind = lambda key, value: key.endswith("_token_id") and isinstance(value, int) and value >= tokenizer.dec
    return {key: value + len(words) if behind(key, value) else value for key, value in values.items()}

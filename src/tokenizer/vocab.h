// vocab.h - the inside of a vocabulary: what wordpiece.c and detokenize.c look up.
#ifndef VB_TOKENIZER_VOCAB_H
#define VB_TOKENIZER_VOCAB_H

#include "tokenizer/normalize.h"
#include "tokenizer/tokenizer.h"

// FNV-1a, one byte at a time, so that the hashes of all prefixes of a word cost one pass.
#define VB_HASH_START 2166136261u

static inline uint32_t vb_hash_byte(uint32_t hash, char byte)
{
    return (hash ^ (unsigned char)byte) * 16777619u;
}

// The id of the token that is these `size` bytes, which hash to `hash`; -1 = none.
// Added tokens are not among them, nor are [DEC] and [ENC].
int32_t vb_vocab_find(const vb_vocab *vocab, const char *bytes, size_t size,
                      uint32_t hash);

// Bytes of the longest token.
size_t vb_vocab_longest(const vb_vocab *vocab);

bool vb_vocab_is_special(const vb_vocab *vocab, int32_t id);

vb_normal_rules vb_vocab_rules(const vb_vocab *vocab);

// A token that is found in a text before words are cut into pieces.
typedef struct vb_literal {
    const char *text;
    uint32_t *codes; // of one that is looked for in normalised text; NULL of others
    uint32_t size;   // of the codes, else of the text in bytes
    int32_t id;
    bool whole_word; // counts only where no letter or digit touches it
} vb_literal;

// The longest that the text starts with, NULL when none. `size` > 0.
const vb_literal *vb_vocab_literal(const vb_vocab *vocab, const char *text,
                                   size_t size);

// The same of those that are looked for in normalised text, and whether there are any.
const vb_literal *vb_vocab_normal(const vb_vocab *vocab, const uint32_t *codes,
                                  size_t count);
bool vb_vocab_has_normal(const vb_vocab *vocab);

#endif // VB_TOKENIZER_VOCAB_H

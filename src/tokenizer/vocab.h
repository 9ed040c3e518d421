// vocab.h - the inside of a vocabulary: what wordpiece.c and detokenize.c look up.
#ifndef VB_TOKENIZER_VOCAB_H
#define VB_TOKENIZER_VOCAB_H

#include "tokenizer/tokenizer.h"

// FNV-1a, one byte at a time, so that the hashes of all prefixes of a word cost one pass.
#define VB_HASH_START 2166136261u

static inline uint32_t vb_hash_byte(uint32_t hash, char byte)
{
    return (hash ^ (unsigned char)byte) * 16777619u;
}

// The id of the token that is these `size` bytes, which hash to `hash`; -1 = none.
// [DEC] and [ENC] are not among them.
int32_t vb_vocab_find(const vb_vocab *vocab, const char *bytes, size_t size,
                      uint32_t hash);

// Bytes of the longest token.
size_t vb_vocab_longest(const vb_vocab *vocab);

bool vb_vocab_is_special(const vb_vocab *vocab, int32_t id);

// The special id whose literal, "[SEP]" and the like, `text` starts with, and that
// literal's length; -1 = none.
int32_t vb_vocab_literal(const vb_vocab *vocab, const char *text, size_t size,
                         size_t *length);

#endif // VB_TOKENIZER_VOCAB_H

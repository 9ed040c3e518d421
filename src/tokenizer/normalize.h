// normalize.h - what BERT does to a text before it is cut into words.
#ifndef VB_TOKENIZER_NORMALIZE_H
#define VB_TOKENIZER_NORMALIZE_H

#include "tokenizer/unicode.h"

// All-zero is bert-base-uncased.
typedef struct vb_normal_rules {
    bool keep_case, keep_accents, join_ideographs;
} vb_normal_rules;

// A character's parts, and a space on both sides of an ideograph.
enum { VB_MAX_NORMAL = VB_MAX_DECOMPOSED + 2 };

// What stands for `code`: nothing, or characters of words, ' ' where a word ends.
// Accents are among them also where they are to go: vb_is_dropped says which.
size_t vb_normalize(uint32_t out[VB_MAX_NORMAL], vb_normal_rules rules, uint32_t code);

bool vb_is_dropped(vb_normal_rules rules, uint32_t code);

#endif // VB_TOKENIZER_NORMALIZE_H

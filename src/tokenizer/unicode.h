// unicode.h - what Python 3 says about a character. The only door to utf8proc.
//
// Tables are those of the installed utf8proc (Unicode 15 in 2.8.0); the reference ran on
// Unicode 14. Characters that were unassigned then may differ (blip-spec 4.2).
#ifndef VB_TOKENIZER_UNICODE_H
#define VB_TOKENIZER_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool vb_is_space(uint32_t code);       // str.isspace(), re's \s
bool vb_is_blank(uint32_t code);       // \t \n \r, space, category Zs
bool vb_is_other(uint32_t code);       // category C*, unassigned included
bool vb_is_mark(uint32_t code);        // category Mn
bool vb_is_punctuation(uint32_t code); // as BERT has it: P*, and all ASCII symbols
bool vb_is_word(uint32_t code);        // \w of the tokenizers library
bool vb_is_cjk(uint32_t code);         // a character that BERT makes a word of its own

// The parts of the Final_Sigma rule.
bool vb_is_cased(uint32_t code);
bool vb_is_case_ignorable(uint32_t code);

// Lower case, one character to one: U+0130 gives "i" without its dot.
uint32_t vb_lower(uint32_t code);

// The canonical combining class, 0 for most.
uint8_t vb_combining_class(uint32_t code);

// Full canonical decomposition of one character; returns its length. The parts are in
// canonical order, but neighbouring characters may still have to be sorted.
enum { VB_MAX_DECOMPOSED = 4 };
size_t vb_decompose(uint32_t out[VB_MAX_DECOMPOSED], uint32_t code);

#endif // VB_TOKENIZER_UNICODE_H

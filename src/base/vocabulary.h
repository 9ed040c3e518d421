// vocabulary.h - what the files of a tokenizer say: plain data that goes from whoever
// reads them to the tokenizer.
#ifndef VB_BASE_VOCABULARY_H
#define VB_BASE_VOCABULARY_H

#include <stdbool.h>
#include <stdint.h>

// A token that is found in a text before words are cut into pieces.
typedef struct vb_added_token {
    const char *text;
    uint32_t id;
    bool special;    // left out when ids become text
    bool normalized; // looked for in the normalised text, else in the text as it is
    bool whole_word; // counts only where no letter or digit touches it
} vb_added_token;

// All-zero, but for `path`, is bert-base-uncased with [DEC] and [ENC] behind its words.
typedef struct vb_vocabulary {
    const char *path;         // the file of the words, the subject of messages
    const char *const *words; // by id; NULL = the lines of `path`
    uint32_t word_count;
    const char *added_path;      // the file that names the added tokens
    const vb_added_token *added; // sorted by id
    uint32_t added_count;
    bool named;           // `added` is all there is to find beside BERT's five
    uint32_t rows;        // of the word embedding; 0 = not known
    bool keep_case;       // words keep their capitals
    bool keep_accents;    // and their accents
    bool join_ideographs; // Chinese characters are no words of their own
} vb_vocabulary;

#endif // VB_BASE_VOCABULARY_H

// tokenizer.h - text to WordPiece ids and back, as bert-base-uncased does (blip-spec 4).
#ifndef VB_TOKENIZER_TOKENIZER_H
#define VB_TOKENIZER_TOKENIZER_H

#include "base/error.h"
#include "base/text.h"
#include "base/vocabulary.h"

#include <stddef.h>

// A vocabulary and what follows from it. Immutable once made.
typedef struct vb_vocab vb_vocab;

// The special ids: looked up among the words. [DEC] and [ENC] follow all tokens that the
// files name, or are those that they name so; -1 = there is none.
typedef struct vb_special_ids {
    int32_t pad, unk, cls, sep, mask, dec, enc;
} vb_special_ids;

// Parses the bytes of a vocab.txt: one token a line, UTF-8, none twice, none empty; lines
// end in LF or CRLF. `subject` names it in messages.
VB_CHECKED vblip_status vb_vocab_parse(vb_vocab **out, const char *bytes, size_t size,
                                       const char *subject, vblip_error *err);
VB_CHECKED vblip_status vb_vocab_load(vb_vocab **out, const char *path,
                                      vblip_error *err);

// The same, of all that files of a tokenizer say. Added tokens follow the words without a
// gap. Nothing of `about` is kept.
VB_CHECKED vblip_status vb_vocab_make(vb_vocab **out, const vb_vocabulary *about,
                                      vblip_error *err);
void vb_vocab_free(vb_vocab **vocab);

uint32_t vb_vocab_size(const vb_vocab *vocab);  // ids, as rows of the word embedding
uint32_t vb_vocab_words(const vb_vocab *vocab); // without what is added to them
vb_special_ids vb_vocab_special(const vb_vocab *vocab);
const char *vb_vocab_token(const vb_vocab *vocab, int32_t id); // id < vb_vocab_size

// Growing list of ids. All-zero is empty.
typedef struct vb_ids {
    int32_t *ids;
    uint32_t count, capacity;
} vb_ids;
VB_CHECKED bool vb_ids_append(vb_ids *ids, int32_t id);
void vb_ids_free(vb_ids *ids);

// Replaces `out` by [CLS] pieces [SEP]. With max_length > 0 only the first max_length - 2
// pieces are kept. Literal "[SEP]" and the like in the text become their ids, added tokens
// too. Text that
// is not UTF-8 and a max_length of 1 are VBLIP_ERR_ARGUMENT.
VB_CHECKED vblip_status vb_tokenize(vb_ids *out, const vb_vocab *vocab,
                                    const char *text, size_t size, uint32_t max_length,
                                    vblip_error *err);

// Appends the text of `ids` to `out`: special ids dropped, pieces joined, the clean-up
// list of blip-spec 4.5 applied.
VB_CHECKED vblip_status vb_detokenize(vb_string *out, const vb_vocab *vocab,
                                      const int32_t *ids, uint32_t count,
                                      vblip_error *err);

// The same as the tokenizers library does it: no more than the space before a piece that
// the list begins with goes, since pieces are cleaned one by one: "a woman ' s dog".
VB_CHECKED vblip_status vb_detokenize_fast(vb_string *out, const vb_vocab *vocab,
                                           const int32_t *ids, uint32_t count,
                                           vblip_error *err);

// pre_caption and pre_question of blip-spec 4.4: append the cleaned text to `out`.
VB_CHECKED vblip_status vb_pre_caption(vb_string *out, const char *text, size_t size,
                                       uint32_t max_words, vblip_error *err);
VB_CHECKED vblip_status vb_pre_question(vb_string *out, const char *text, size_t size,
                                        uint32_t max_words, vblip_error *err);

#endif // VB_TOKENIZER_TOKENIZER_H

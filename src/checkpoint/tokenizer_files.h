// tokenizer_files.h - what the files of a tokenizer say, as the library reads them.
#ifndef VB_CHECKPOINT_TOKENIZER_FILES_H
#define VB_CHECKPOINT_TOKENIZER_FILES_H

#include "base/arena.h"
#include "base/error.h"
#include "base/vocabulary.h"

// Reads the tokenizer of `folder`, strings and lists being in `arena`:
//   words          `vocab` where it is given (a vocab.txt or a tokenizer.json), and then
//                  nothing else is read; else tokenizer.json, vocab.txt, `default_vocab`
//   added tokens   added_tokens_decoder of tokenizer_config.json; else added_tokens.json,
//                  and over it those of tokenizer.json
//   normalisation  tokenizer_config.json; of a tokenizer that has no class of its own,
//                  tokenizer.json
// What is not WordPiece, or has settings that BERT's tokenizer does not have, is
// VBLIP_ERR_UNSUPPORTED by its name.
VB_CHECKED vblip_status vb_tokenizer_files_read(vb_vocabulary *out, vb_arena *arena,
                                                const char *folder, const char *vocab,
                                                const char *default_vocab,
                                                vblip_error *err);

#endif // VB_CHECKPOINT_TOKENIZER_FILES_H

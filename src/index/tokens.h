// tokens.h - a bounded cache of visual tokens on disk: a file each, the least recently used
// removed first. What is lost in it costs time and nothing else.
#ifndef VB_INDEX_TOKENS_H
#define VB_INDEX_TOKENS_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

// Several processes may use one folder; each holds it to its own budget.
typedef struct vb_tokens vb_tokens;

// Makes `folder` where there is none. `budget`: bytes; UINT64_MAX = a tenth of the disk's free
// space, at most 20 GB.
VB_CHECKED vblip_status vb_tokens_open(vb_tokens **out, const char *folder,
                                       uint64_t budget, vblip_error *err);
void vb_tokens_close(vb_tokens **tokens); // NULL is fine

// Whether there are tokens under `key`. They may be found damaged yet.
bool vb_tokens_has(const vb_tokens *tokens, uint64_t key);

// Reads the tokens under `key` into *values [rows, cols], which the caller frees. False where
// there are none, or where they are damaged, and removed then.
bool vb_tokens_read(vb_tokens *tokens, uint64_t key, float **values, uint32_t *rows,
                    uint32_t *cols);

// Keeps tokens [rows, cols] if there is room, or can be made. A disk that is full, or a folder
// that cannot be written, keeps nothing.
void vb_tokens_write(vb_tokens *tokens, uint64_t key, const float *values,
                     uint32_t rows, uint32_t cols);

#endif // VB_INDEX_TOKENS_H

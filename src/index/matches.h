// matches.h - what ITM said of pairs, remembered on disk. What is lost in it costs time and
// nothing else: no call fails where the file cannot be read or written.
#ifndef VB_INDEX_MATCHES_H
#define VB_INDEX_MATCHES_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

// Several processes may use one file.
typedef struct vb_matches vb_matches;

// Makes the file where there is none. One that is damaged, or of another version, is made
// anew.
VB_CHECKED vblip_status vb_matches_open(vb_matches **out, const char *path,
                                        vblip_error *err);
void vb_matches_close(vb_matches **matches); // NULL is fine

// The logits (unmatched, matched) under `key`; false: there are none.
bool vb_matches_find(vb_matches *matches, uint64_t key, float logits[2]);

// Between the two, what is added is one transaction.
void vb_matches_begin(vb_matches *matches);
void vb_matches_add(vb_matches *matches, uint64_t key, const float logits[2]);
void vb_matches_end(vb_matches *matches);

#endif // VB_INDEX_MATCHES_H

// clip_cache.h - the moments that were asked about last, encoded: a second question about one
// costs its text alone.
#ifndef VB_SERVE_CLIP_CACHE_H
#define VB_SERVE_CLIP_CACHE_H

#include "base/error.h"
#include "base/file.h"

enum { VB_CLIPS_KEPT = 8 };
// What the clips may come to in all: visual tokens, and the keys and values that are kept of
// them once much was asked. One that is larger is the only one.
#define VB_CLIPS_BYTES (UINT64_C(2) << 30)

typedef struct vb_kept_clip {
    vblip_clip *clip; // NULL = none
    vblip_model *model;
    char *path;
    int64_t start_us, end_us;
    uint32_t frames;
    uint64_t bytes;     // at most
    vb_file_facts file; // as it was: another one is encoded anew
    uint64_t used;
} vb_kept_clip;

// All-zero is empty. Free it before the models.
typedef struct vb_clip_cache {
    vb_kept_clip items[VB_CLIPS_KEPT];
    uint64_t uses;
} vb_clip_cache;

// The clip of that part of the file, from the cache or encoded now in place of those that
// were asked about longest ago. Valid until the next call.
VB_CHECKED vblip_status vb_clip_cache_get(vblip_clip **out, vb_clip_cache *cache,
                                          vblip_model *model, const char *path,
                                          const vblip_clip_options *options,
                                          vblip_error *err);
void vb_clip_cache_free(vb_clip_cache *cache);

#endif // VB_SERVE_CLIP_CACHE_H

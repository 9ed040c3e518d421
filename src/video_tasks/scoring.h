// scoring.h - texts against clips: ITC of every pair, ITM of those that are asked for.
//
// Two passes over the clips. The first encodes each once and keeps its visual tokens
// while the cache has room. The second asks ITM, clip by clip: one visual serves all the
// texts that need it. Clips that fell out of the cache are decoded and encoded again.
#ifndef VB_VIDEO_TASKS_SCORING_H
#define VB_VIDEO_TASKS_SCORING_H

#include "base/arena.h"
#include "video_tasks/rerank.h"

// Set the first group; all else zero.
typedef struct vb_scoring {
    const vb_task *task;
    const vblip_job *job;
    const char *const *texts;
    uint32_t text_count;
    uint32_t frames; // of a clip

    vb_arena arena;  // owns what follows, and what callers put there
    float *text_itc; // [texts, projection]
    float *clip_itc; // [clips, projection]
    bool *readable;  // [clips], after the first pass; the second may find others
    vb_pair *pairs;  // the caller's, before the second pass
    uint64_t pair_count;
    vb_cache cache; // owned as well
} vb_scoring;

// The first pass: ITC vectors of all texts and clips. Clips that cannot be read are
// reported and not readable.
VB_CHECKED vblip_status vb_scoring_encode(vb_scoring *s, vblip_error *err);

float vb_scoring_itc(const vb_scoring *s, uint32_t text, uint32_t clip);

// The second pass: the logits of s->pairs, whose clips are readable. Sorts them, and joins
// those that are given twice.
VB_CHECKED vblip_status vb_scoring_match(vb_scoring *s, vblip_error *err);

void vb_scoring_free(vb_scoring *s);

#endif // VB_VIDEO_TASKS_SCORING_H

// scoring.h - texts against clips: ITC of every pair, ITM of those that are asked for.
//
// Two passes over the clips. The first encodes each once and keeps its visual tokens
// while the cache has room. The second asks ITM, clip by clip: one visual serves all the
// texts that need it. Clips that fell out of the cache are decoded and encoded again.
#ifndef VB_VIDEO_TASKS_SCORING_H
#define VB_VIDEO_TASKS_SCORING_H

#include "base/arena.h"
#include "video_tasks/cache.h"
#include "video_tasks/tasks.h"

// What is known of an input after the first pass.
typedef struct vb_clip_facts {
    bool ok; // it could be read
    bool timed;
    int64_t duration_us;
} vb_clip_facts;

// A text and a clip for ITM to look at.
typedef struct vb_pair {
    uint32_t text, clip;
    uint32_t uses; // the caller's bits; those of a pair that is given twice are joined
    float logits[2]; // of a clip that is ok, after the second pass
} vb_pair;

// Set the first group; all else zero.
typedef struct vb_scoring {
    const vb_task *task;
    const vblip_job *job;
    const char *const *texts;
    uint32_t text_count;
    uint32_t frames; // of a clip
    bool one_pass;   // ITM will not be asked: nothing is kept

    vb_arena arena;       // owns what follows, and what callers put there
    float *text_itc;      // [texts, projection]
    float *clip_itc;      // [clips, projection]
    vb_clip_facts *clips; // [clips]
    vb_pair *pairs;       // the caller's, before the second pass
    uint64_t pair_count;
    const char **group_texts; // [texts], those of one clip
    float (*logits)[2];       // [texts]
    vb_cache cache;           // owned as well
} vb_scoring;

// The first pass: ITC vectors of all texts and clips. Clips that cannot be read are
// reported and not ok.
VB_CHECKED vblip_status vb_scoring_encode(vb_scoring *s, vblip_error *err);

float vb_scoring_itc(const vb_scoring *s, uint32_t text, uint32_t clip);

// The second pass: the logits of s->pairs, whose clips are ok. Sorts them, and joins
// those that are given twice.
VB_CHECKED vblip_status vb_scoring_match(vb_scoring *s, vblip_error *err);

// The pair of `text` and `clip`, after the second pass; NULL when it was not asked for.
const vb_pair *vb_scoring_pair(const vb_scoring *s, uint32_t text, uint32_t clip);

void vb_scoring_free(vb_scoring *s);

#endif // VB_VIDEO_TASKS_SCORING_H

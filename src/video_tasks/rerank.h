// rerank.h - ITM of texts and parts of inputs that are paired: clip by clip, one visual
// for all the texts that need it.
#ifndef VB_VIDEO_TASKS_RERANK_H
#define VB_VIDEO_TASKS_RERANK_H

#include "index/index.h"
#include "index/matches.h"
#include "index/tokens.h"
#include "video_tasks/cache.h"
#include "video_tasks/tasks.h"

// A text and a part of an input for ITM to look at.
typedef struct vb_pair {
    uint32_t text, clip; // clip: of the inputs
    vb_segment span;     // both 0: the input whole
    uint64_t key;        // of its tokens on disk; 0: they are not kept
    uint64_t match_key;  // of what ITM says of it; 0: that is not remembered
    float itc;           // the larger, the sooner its clip is decoded
    uint32_t uses; // the caller's bits; those of a pair that is given twice are joined
    bool ok;       // behind vb_rerank: it could be read, and there are
    bool remembered; // they were said before
    float logits[2];
} vb_pair;

typedef struct vb_rerank {
    const vb_task *task;
    const vblip_job *job;
    const char *const *texts;
    uint32_t text_count;
    uint32_t frames;     // of a part
    vb_cache *cache;     // of visuals that are there
    vb_tokens *tokens;   // on disk: what ITM reads is kept there; NULL
    vb_matches *matches; // what it said before; NULL
    vb_pair *pairs;      // [pair_count]
    uint64_t pair_count;
} vb_rerank;

// What was said before is not asked again.
// What is neither in `cache` nor in `tokens` is decoded and encoded again.
// Sorts the pairs by clip, start and text, joins those that are given twice, and asks ITM.
// A clip that cannot be read again is reported, and its pairs are not ok.
VB_CHECKED vblip_status vb_rerank_run(vb_rerank *r, vblip_error *err);

// The pair of `text` and what begins at `start_us` of `clip`, behind vb_rerank_run; NULL
// when it was not asked for, or could not be read.
const vb_pair *vb_rerank_find(const vb_rerank *r, uint32_t text, uint32_t clip,
                              int64_t start_us);

#endif // VB_VIDEO_TASKS_RERANK_H

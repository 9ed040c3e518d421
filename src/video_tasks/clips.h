// clips.h - the sampled frames of one part of an input after another, decoded ahead.
#ifndef VB_VIDEO_TASKS_CLIPS_H
#define VB_VIDEO_TASKS_CLIPS_H

#include "index/index.h"
#include "video_tasks/segments.h"
#include "video_tasks/tasks.h"

// A part of an input: its frames, or why there are none.
typedef struct vb_clip {
    uint32_t input;           // index
    vblip_error error;        // status is not OK when it could not be read
    vb_video_info info;       // when it could
    uint32_t part, parts;     // the part-th of them, from 0; see `contents` below
    int64_t start_us, end_us; // the part that was sampled; 0 of an image
    // How much of the input was looked through for its parts, 0 to 1, and for how many
    // seconds vb_clips_next did that.
    double searched, searching_s;
    vb_frame *frames; // [count]
    uint32_t count, capacity;
    bool hashed; // with the last part, where that was planned and the file is readable
    uint64_t content; // then: vb_hash_file of it
    uint8_t *pixels;  // [count, side, side, 3], what the frames point into
} vb_clip;

// Parts of an input that are known.
typedef struct vb_clip_parts {
    const vb_segment *times; // [count], rising
    uint32_t count;
} vb_clip_parts;

// What is read, and must stay valid.
typedef struct vb_clips_plan {
    const uint32_t *order; // of inputs [count]; NULL: all of the task, in order
    uint32_t count;
    uint32_t frames;                 // of a part of a video, by the rule of sampler.h
    const vb_segmenting *segmenting; // the parts of an input; NULL: the task's own part
    const vb_clip_parts *parts;      // [count]: or these; NULL
    // Files are hashed in passing. Then shots may be looked for as parts are handed out: `parts`
    // is about how many there are, and is part + 1 of the last one only.
    bool contents;
} vb_clips_plan;

typedef struct vb_clips vb_clips;

VB_CHECKED vblip_status vb_clips_open(vb_clips **out, const vb_task *task,
                                      const vblip_job *job, const vb_clips_plan *plan,
                                      vblip_error *err);

// The next clip, valid until the next call; NULL after the last. Parts of an input follow
// each other; behind one that could not be read comes the next input. The job is told what
// is wrong with an input that could be read.
const vb_clip *vb_clips_next(vb_clips *clips);

// Moves the clip of the last vb_clips_next to `kept`, so that it outlives the next one. What
// `kept` pointed to is used again: it is all-zero at first. vb_clip_free frees what is kept.
void vb_clips_keep(vb_clips *clips, vb_clip *kept);
void vb_clip_free(vb_clip *kept);

void vb_clips_close(vb_clips **clips);

// Calls `fn` with every clip of the task, in order, until a call fails; `frames` of each
// where the job does not say how many.
typedef vblip_status (*vb_clip_fn)(void *user, const vb_clip *clip, vblip_error *err);
VB_CHECKED vblip_status vb_clips_each(const vb_task *task, const vblip_job *job,
                                      uint32_t frames, vb_clip_fn fn, void *user,
                                      vblip_error *err);

#endif // VB_VIDEO_TASKS_CLIPS_H

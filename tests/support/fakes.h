// fakes.h - made-up clips and a made-up model, so that a task runs without files,
// weights or a device, and every number in its results is known beforehand.
#ifndef VB_TESTS_FAKES_H
#define VB_TESTS_FAKES_H

#include "video_tasks/tasks.h"

enum {
    FAKE_SIDE = 4,
    FAKE_MAX_CLIPS = 32,
    FAKE_MAX_QUERIES = 16,
    FAKE_MAX_FRAMES = 16
};

// A clip of constant frame rate. Its pixels say which clip and which frame they are, and
// are of one colour where it is plain.
typedef struct fake_clip {
    const char *path;
    bool still;
    uint64_t frames;
    int64_t frame_us;                  // each is shown this long
    const char *error;                 // message of open, or NULL
    const char *warning;               // what is wrong with it all the same, or NULL
    uint64_t lost;                     // frames that holes swallowed
    uint64_t unread_bytes;             // of what is joined to it
    uint64_t cut;                      // frames that the file holds; 0 = all
    uint64_t truncated;                // frames that decode; 0 = all
    uint64_t damaged_from, damaged_to; // frames that do not; 0 = none
    uint64_t plain_from, plain_to;     // frames that tell nothing; 0 = none
    uint32_t shot;                     // frames of each; 0 = all
    uint32_t fail_from;                // opens from this one on fail; 0 = none
    uint32_t opened, read;             // counted
    bool as_stored;                    // opened to be seen whatever EXIF says
} fake_clip;

// What the model says: texts are indices in decimal ("0", "1", ...).
typedef struct fake_model {
    float itc[FAKE_MAX_QUERIES][FAKE_MAX_CLIPS];
    float logit[FAKE_MAX_QUERIES][FAKE_MAX_CLIPS]; // itm: {-logit, logit}
    const char *const *captions;                   // [frame index], NULL = "frame N"
    const float *scores;  // of captions, [frame index], NULL = -N
    const float *degrees; // that the ITC vectors of frames point to, [frame index]
    uint64_t visual_bytes, itm_bytes; // of a visual; more once itm was asked
    bool may_mix;                     // frames of several clips come together
    uint32_t filling, most_frames;    // that fill it; that there is memory for at once
    uint32_t fail_clip;               // 1 + the clip that cannot be encoded; 0 = none
    uint32_t fail_encode; // the call of encode that fails; 0 = none, 1 = the first
    // Counted.
    uint32_t encoded[FAKE_MAX_CLIPS];
    uint32_t itm_calls[FAKE_MAX_CLIPS], itm_texts, encode_calls, text_calls;
    uint32_t together, most_together; // clips that were encoded with others; frames
    uint32_t frames;                  // of the last encode
    uint32_t live, most_live, made;
} fake_model;

typedef struct fake_world {
    fake_clip clips[FAKE_MAX_CLIPS];
    uint32_t clip_count;
    fake_model model;
    // Filled by fake_task.
    vb_frames frames;
    vb_model_ops ops;
    vblip_input inputs[FAKE_MAX_CLIPS];
} fake_world;

// Clips "a", "b", ... of `frames` frames of 40 ms.
void fake_world_make(fake_world *world, uint32_t clips, uint64_t frames);

// The task over all clips of `world`, which must not move. With `threads` decode runs
// beside compute.
vb_task fake_task(fake_world *world, bool threads);

// Adds "PATH|MESSAGE;" to the text of `size` bytes.
void fake_add_failure(char *text, size_t size, const vblip_failure *failure);

#endif // VB_TESTS_FAKES_H

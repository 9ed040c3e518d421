// shown.h - which hits of a query were shown, where one of a kind is enough.
#ifndef VB_VIDEO_TASKS_SHOWN_H
#define VB_VIDEO_TASKS_SHOWN_H

#include "video_tasks/candidates.h"

// Zero but for the first group is empty.
typedef struct vb_shown {
    uint32_t dims;        // of a vector
    uint32_t input_count; // of the task
    bool by_recording;    // one of each recording
    float same;           // one of those with this cosine, or more; 0: all

    bool *inputs;   // [input_count]: whose recordings were noted
    float *vectors; // [count, dims], of length one, where `same` asks for them
    uint32_t count, capacity;
} vb_shown;

void vb_shown_clear(vb_shown *shown);
void vb_shown_free(vb_shown *shown);

// Notes a candidate, unless one of its kind was noted before: *is_new is false then. Hits
// come in the order in which they are shown.
VB_CHECKED vblip_status vb_shown_add(bool *is_new, vb_shown *shown,
                                     const vb_shelf *shelves,
                                     const vb_candidate *candidate, vblip_error *err);

#endif // VB_VIDEO_TASKS_SHOWN_H

// shared.h - files that several tasks read together: each is opened, and each of its frames
// decoded, once for all of them.
//
// The tasks take turns (base/coop.h): who wants the first file has the next one, and of
// those in a file who wants its first frame. So the frames that all of them want are read in
// their order, and each is scaled for whoever wants it while it is at hand.
#ifndef VB_VIDEO_TASKS_SHARED_H
#define VB_VIDEO_TASKS_SHARED_H

#include "base/coop.h"
#include "video_tasks/frames.h"

#include "vblip.h"

// A file that is open; see shared.c.
typedef struct vb_shared_file vb_shared_file;

// What the tasks have in common.
typedef struct vb_shared {
    vb_frames source; // of the files
    const vblip_input
        *inputs; // [input_count]: each member has all or some, in this order
    uint32_t input_count;
    struct vblip_member *members;
    uint32_t count;
    uint32_t running;     // member whose turn it is
    vb_shared_file *file; // opened last; NULL once nobody has it
} vb_shared;

// One of the tasks.
struct vblip_member {
    vb_shared *shared;
    vb_coop_thread *turn;
    uint32_t next;                  // of the inputs: the first that may be opened
    const vb_decode_options *wants; // what it waits to open a file with; NULL
    vb_decode_options options;      // opened last with these
};

// The source of a member's clips, which are read by its own thread alone.
vb_frames vb_shared_frames(struct vblip_member *member);

#endif // VB_VIDEO_TASKS_SHARED_H

// watching.h - a stream, looked at window by window while it comes.
#ifndef VB_VIDEO_TASKS_WATCHING_H
#define VB_VIDEO_TASKS_WATCHING_H

#include "video_tasks/feed.h"
#include "video_tasks/tasks.h"

// Something new, for which texts were watched.
typedef struct vb_sighting {
    uint32_t text; // index
    int64_t start_us, end_us;
    float itc, logits[2], p_match;
    // The frame that is most like the text; `small` is as in vb_stream_read.
    const uint8_t *small;
    vb_picture picture;
} vb_sighting;

typedef vblip_status (*vb_sighting_fn)(void *user, const vb_sighting *sighting,
                                       vblip_error *err);

typedef struct vb_watch {
    const vb_task *task; // whose inputs are not looked at
    const vblip_job *job;
    const vb_stream_source *source;
    const char *address, *shown; // as it is opened, and as it is told
    const char *const *texts;
    uint32_t count;
    uint32_t frames;     // of a window
    int64_t window_us;   // that they are spread over
    uint32_t most_asked; // texts that ITM is asked about, of those that do not go on
    float min_p;
    uint32_t small_side;       // 0: sightings have no picture
    void (*began)(void *user); // with the first picture
    vb_sighting_fn fn;
    void *user; // of both
} vb_watch;

// See vblip_watch_stream.
VB_CHECKED vblip_status vb_task_watch(const vb_watch *watch, vblip_error *err);

#endif // VB_VIDEO_TASKS_WATCHING_H

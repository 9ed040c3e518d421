// vblip_watch.h - a stream that is looked at while it comes: told when it shows what a text says.
// The conventions of vblip.h hold here too.
#ifndef VBLIP_WATCH_H
#define VBLIP_WATCH_H

#include "vblip.h"

#ifdef __cplusplus
extern "C" {
#endif

// A moment that matches a text, told when it begins: as long as it goes on it is not told again.
typedef struct vblip_event {
    uint32_t text;            // index
    const char *path;         // the address, without user and password
    int64_t start_us, end_us; // of the window it was found in, from the first picture that came
    float score, itc, itm_logits[2], p_match; // as in vblip_hit
    const uint8_t *picture; // JPEG of the frame that is most like the text; NULL unless asked for
    uint64_t picture_size;  // bytes
} vblip_event;
typedef int (*vblip_event_fn)(void *user, const vblip_event *event);

typedef struct vblip_watch_options {
    uint32_t size;
    const vblip_job
        *job;          // `frames` of a window, `batch`; `warned` hears what happens to the stream
    int64_t window_us; // that frames are spread over; 0 = a second for each
    uint32_t rerank;   // texts of a window that ITM is asked about, by ITC; 0 = 8
    float min_p;       // P(match) of an event, at least
    uint32_t picture_width; // of pictures, an even number of pixels from 16 to 1024; 0 = none
    void (*began)(void *user, const char *path); // with the first picture; NULL = nobody asks
} vblip_watch_options;

// Looks at one window after another of the stream at `address`: rtsp, http, tcp, udp and the like, or
// "-", standard input. Windows that are less than two windows apart are of one moment. A connection
// that is lost is made anew, after 1 s, and twice as long each time, up to 30 s; pictures that come
// faster than they are looked at are left out, the oldest first. What does not come at its own pace
// (standard input, a file on a web server) is looked at whole, and is done at its end. VBLIP_ERR_IO,
// the address first, where nothing can be read at the beginning.
VBLIP_CHECKED vblip_status vblip_watch_stream(vblip_model *model, const char *address,
    const char *const *texts, uint32_t count, const vblip_watch_options *options, vblip_event_fn fn,
    void *user, vblip_error *err);

#ifdef __cplusplus
} // extern "C"
#endif

#endif // VBLIP_WATCH_H

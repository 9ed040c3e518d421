// stream.h - a stream that comes over a network or a pipe: its pictures, at a pace.
#ifndef VB_DECODE_STREAM_H
#define VB_DECODE_STREAM_H

#include "base/error.h"
#include "decode/live_clock.h"

struct vb_hwaccel;

// One connection. Not safe for two threads.
typedef struct vb_stream vb_stream;

// What goes on when a stream is connected to anew. All-zero is the beginning.
typedef struct vb_stream_pace {
    vb_live_clock clock;
    int64_t due_us; // the next picture that is wanted is shown then, or later
    int64_t end_us; // of the picture that came last, wanted or not
} vb_stream_pace;

typedef struct vb_stream_options {
    uint32_t side;              // pixels of the squares that pictures are squashed to
    uint32_t small_side;        // of a second square of each, for people; 0 = none
    int64_t every_us;           // from one picture to the next, at least
    struct vb_hwaccel *hwaccel; // that decodes; NULL = the processor
    int (*stopped)(
        void *user);    // asked ten times a second and more; non-zero: the call fails
    void *stopped_user; // with VBLIP_ERR_CANCELLED
} vb_stream_options;

typedef struct vb_picture {
    int64_t time_us;        // from the first picture of the stream
    uint32_t width, height; // as it is shown
} vb_picture;

// Connects to `address`, "-" = standard input, and finds its pictures. Fails where nothing
// answers for 10 s, or no picture is found within 30. Messages do not name the address.
VB_CHECKED vblip_status vb_stream_open(vb_stream **out, const char *address,
                                       const vb_stream_options *options,
                                       vblip_error *err);
void vb_stream_close(vb_stream **stream);

// Whether it comes at its own pace, and goes on for ever: what is not read is lost, and its
// end is one of the connection. Not so of standard input, nor of a file on a web server.
bool vb_stream_is_live(const vb_stream *stream);

// The next picture that is due: `rgb` [side, side, 3], `small` [small_side, small_side, 3] and
// what is known of it. Damaged ones are passed over. Of an address 10 s without a packet, 30 s
// without a picture and the end of what is live fail with VBLIP_ERR_IO; the end of what is not
// is `*ended`.
VB_CHECKED vblip_status vb_stream_read(vb_stream *stream, vb_stream_pace *pace,
                                       uint8_t *rgb, uint8_t *small, vb_picture *out,
                                       bool *ended, vblip_error *err);

#endif // VB_DECODE_STREAM_H

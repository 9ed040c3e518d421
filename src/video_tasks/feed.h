// feed.h - the pictures of a stream, read on a thread of its own: kept until they are looked
// at, connected to anew where it is lost.
#ifndef VB_VIDEO_TASKS_FEED_H
#define VB_VIDEO_TASKS_FEED_H

#include "decode/stream.h"
#include "video_tasks/halt.h"

// Where streams come from: the functions of decode/stream.h, or a test's.
typedef struct vb_stream_source {
    vblip_status (*open)(vb_stream **out, const char *address,
                         const vb_stream_options *options, vblip_error *err);
    void (*close)(vb_stream **stream);
    bool (*is_live)(const vb_stream *stream);
    vblip_status (*read)(vb_stream *stream, vb_stream_pace *pace, uint8_t *rgb,
                         uint8_t *small, vb_picture *out, bool *ended,
                         vblip_error *err);
    double least_wait_s, most_wait_s; // before a lost stream is connected to again
} vb_stream_source;

vb_stream_source vb_stream_source_of_addresses(void);

typedef struct vb_feed vb_feed;

typedef struct vb_feed_plan {
    const vb_stream_source *source; // copied
    const char *address;            // copied
    vb_stream_options stream;       // but `stopped`
    uint32_t capacity;              // pictures that are kept
    // Of what is live: how long pictures may wait, and after how long without one that is told.
    double keep_s, idle_s;
} vb_feed_plan;

// Begins to connect.
VB_CHECKED vblip_status vb_feed_open(vb_feed **out, const vb_feed_plan *plan,
                                     vblip_error *err);
// Does not wait for longer than a second: a name that is being looked up cannot be stopped, and
// what that thread holds is freed when it returns.
void vb_feed_close(vb_feed **feed);

typedef enum vb_feed_kind {
    VB_FEED_PICTURE,
    VB_FEED_NOTICE, // the stream was lost, or is back
    VB_FEED_IDLE,   // nothing came for a while of what is live
    VB_FEED_END,
} vb_feed_kind;

enum { VB_FEED_WORDS = 256 };

typedef struct vb_feed_item {
    vb_feed_kind kind;
    vb_picture picture;
    bool first;        // of its connection
    uint64_t left_out; // pictures so far, for which there was no room
    int64_t end_us;    // of the stream, of VB_FEED_END
    char notice[VB_FEED_WORDS];
} vb_feed_item;

// Waits for what comes next; a picture is copied to `rgb` and `small`, as in vb_stream_read.
// Of a stream that is live those that waited for too long are left out, and the oldest when there
// is no room; of what is not live reading waits. `halt` may be NULL.
VB_CHECKED vblip_status vb_feed_next(vb_feed *feed, vb_halt *halt, uint8_t *rgb,
                                     uint8_t *small, vb_feed_item *out,
                                     vblip_error *err);

#endif // VB_VIDEO_TASKS_FEED_H

// source.h - a media file opened by libavformat, and the one video stream we read.
#ifndef VB_DECODE_SOURCE_H
#define VB_DECODE_SOURCE_H

#include "base/error.h"
#include "decode/decode.h"
#include "decode/reader.h"

#include <libavformat/avformat.h>

// All-zero is closed. Must not move while it is open.
typedef struct vb_source {
    vb_reader *reader;
    AVFormatContext *format;
    AVStream *stream;    // the one that is read; all others of `format` are discarded
    bool cut;            // the file is smaller than its header says
    bool indexed;        // by the file itself, before any packet was read
    int64_t last_byte;   // where the packet that was read last lies
    int64_t unread;      // bytes of other recordings that are joined to the first
    uint64_t max_pixels; // of a coded frame
    AVClass quiet;       // what makes `format` log nothing
} vb_source;

// Opens `path`, finds out what it holds and picks the video stream. Nothing but that
// file is ever opened, whatever it refers to. Of the options `max_pixels` and `stopped`
// count: a larger coded frame is refused.
VB_CHECKED vblip_status vb_source_open(vb_source *out, const char *path,
                                       const vb_decode_options *options,
                                       vblip_error *err);
void vb_source_close(vb_source *source);

// Opens the same file once more: the next packet is the first. `format` is NULL when
// that fails.
VB_CHECKED vblip_status vb_source_reopen(vb_source *source, vblip_error *err);

// `status`, what reading led to; VBLIP_ERR_CANCELLED instead where it was stopped.
VB_CHECKED vblip_status vb_source_status(const vb_source *source, vblip_status status,
                                         vblip_error *err);

// Replaces `packet` by the next one of the stream. Returns 0, AVERROR_EOF, or another
// AVERROR.
int vb_source_read(vb_source *source, AVPacket *packet);

#endif // VB_DECODE_SOURCE_H

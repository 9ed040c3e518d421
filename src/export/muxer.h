// muxer.h - a media file that is written: streams, then packets, and it appears whole.
//
// Messages about what is written name the file; those about what is read leave that to the
// caller, as in decode/.
#ifndef VB_EXPORT_MUXER_H
#define VB_EXPORT_MUXER_H

#include "base/outfile.h"

#include <libavformat/avformat.h>

// All-zero is closed.
typedef struct vb_muxer {
    vb_outfile file;
    AVFormatContext *format;
} vb_muxer;

// ".mkv" for "Film.MKV": the extension of a container that is written as it is read, else
// ".mkv", which takes nearly every stream. `encoded`: for what vb_encoder_open gives.
const char *vb_muxer_extension(const char *path, bool encoded);

// Opens `path` for the container that its extension names: mp4, m4v, mov, mkv or webm;
// VBLIP_ERR_ARGUMENT for another. What the file holds now stands until vb_muxer_finish.
VB_CHECKED vblip_status vb_muxer_open(vb_muxer *out, const char *path,
                                      vblip_error *err);

// Whether the container takes the codec.
bool vb_muxer_takes(const vb_muxer *muxer, enum AVCodecID codec);

// Adds a stream of what `from` holds: codec, turning, tags. Its packets are as that
// stream's; `out` says in which time base they are written once the header is.
VB_CHECKED vblip_status vb_muxer_copy_stream(AVStream **out, vb_muxer *muxer,
                                             const AVStream *from, vblip_error *err);

// What is the same of a stream whatever its codec: turning, shape of pixels, tags.
VB_CHECKED vblip_status vb_muxer_copy_tags(AVStream *to, const AVStream *from,
                                           vblip_error *err);

// Writes the header: no stream may be added behind it.
VB_CHECKED vblip_status vb_muxer_begin(vb_muxer *muxer, vblip_error *err);

// Writes a packet of `stream` whose times are in `time_base`; it is empty then.
VB_CHECKED vblip_status vb_muxer_write(vb_muxer *muxer, const AVStream *stream,
                                       AVRational time_base, AVPacket *packet,
                                       vblip_error *err);

// Ends the file and puts it in its place. On failure nothing is left behind.
VB_CHECKED vblip_status vb_muxer_finish(vb_muxer *muxer, vblip_error *err);

// Closes; what the file held stands. A closed one is fine.
void vb_muxer_discard(vb_muxer *muxer);

#endif // VB_EXPORT_MUXER_H

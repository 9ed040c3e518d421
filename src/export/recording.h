// recording.h - a recording that moments are cut from: its picture packet by packet, and
// beside it sound and subtitles, each with its time.
#ifndef VB_EXPORT_RECORDING_H
#define VB_EXPORT_RECORDING_H

#include "decode/packets.h"
#include "decode/source.h"

// All-zero is closed. Must not move while it is open.
typedef struct vb_recording {
    vb_source picture, beside; // the same file, read at two places
    vb_packets packets;
    uint64_t position; // in the file, of the picture packet that is read next
    bool has_packet;   // it was read by seeking, and is still to be given
} vb_recording;

// Frames first .. end - 1.
typedef struct vb_frame_span {
    uint64_t first, end;
} vb_frame_span;

VB_CHECKED vblip_status vb_recording_open(vb_recording *out, const char *path,
                                          const vb_decode_options *options,
                                          vblip_error *err);
void vb_recording_close(vb_recording *recording);

// The frames that are shown from `start_us` to `end_us`, at least one. Both may be off by
// half a millisecond, for rows of results have three decimals. VBLIP_ERR_ARGUMENT when the
// recording ends before.
VB_CHECKED vblip_status vb_recording_frames(vb_frame_span *out,
                                            const vb_recording *recording,
                                            int64_t start_us, int64_t end_us,
                                            vblip_error *err);

// Those that must be copied for `span` to decode: from a key frame, up to where no frame
// refers to one behind.
vb_frame_span vb_recording_copied(const vb_recording *recording, vb_frame_span span);

// Begins reading the picture at the key frame `first`, or at one before it.
VB_CHECKED vblip_status vb_recording_seek(vb_recording *recording, uint64_t first,
                                          AVPacket *packet, vblip_error *err);

// The next packet of the picture in the order of the file, and the frame that it is:
// VB_NO_FRAME of one that is decoded for others, but not shown. False at the end.
VB_CHECKED vblip_status vb_recording_next(bool *got, uint64_t *frame,
                                          vb_recording *recording, AVPacket *packet,
                                          vblip_error *err);

// Begins reading sound and subtitles a little before `start_us`.
VB_CHECKED vblip_status vb_recording_seek_beside(vb_recording *recording,
                                                 int64_t start_us, vblip_error *err);

// Whether a stream of `beside` is one that vb_recording_next_beside gives.
bool vb_recording_is_beside(const AVStream *stream);

// The next packet of these, and its time from the first frame, in microseconds. False at
// the end.
VB_CHECKED vblip_status vb_recording_next_beside(bool *got, int64_t *time_us,
                                                 vb_recording *recording,
                                                 AVPacket *packet, vblip_error *err);

#endif // VB_EXPORT_RECORDING_H

// encoder.h - pictures of one recording or several, encoded anew as one stream.
#ifndef VB_EXPORT_ENCODER_H
#define VB_EXPORT_ENCODER_H

#include "export/muxer.h"
#include "export/recording.h"
#include "export/tracks.h"

#include <libavcodec/avcodec.h>

// All-zero is closed.
typedef struct vb_encoder {
    AVCodecContext *codec;
    struct SwsContext *scale;
    AVFrame *scaled;
    AVStream *stream;  // of the muxer
    int64_t last_time; // of the picture that was encoded last, in the codec's time base
    int64_t frame_ticks;
} vb_encoder;

// Opens an encoder for what `recording` shows, and adds its stream: H.264 by libx264 where
// FFmpeg has it, else MPEG-4.
VB_CHECKED vblip_status vb_encoder_open(vb_encoder *out, vb_muxer *muxer,
                                        const vb_recording *recording,
                                        vblip_error *err);
void vb_encoder_close(vb_encoder *encoder);

// Decodes the frames of `span` and encodes them, the first at `offset_us`, with what
// `tracks` has beside them. A frame that does not decode is VBLIP_ERR_IO.
VB_CHECKED vblip_status vb_encoder_add(vb_encoder *encoder, vb_muxer *muxer,
                                       vb_tracks *tracks, vb_recording *recording,
                                       vb_frame_span span, int64_t offset_us,
                                       vblip_error *err);

// Writes what the encoder still holds.
VB_CHECKED vblip_status vb_encoder_drain(vb_encoder *encoder, vb_muxer *muxer,
                                         vblip_error *err);

#endif // VB_EXPORT_ENCODER_H

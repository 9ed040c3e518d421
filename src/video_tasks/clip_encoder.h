// clip_encoder.h - clips decoded and encoded in their order. Where one does not fill the device,
// the frames of several go through the ViT together: what each becomes is the same, but for rounding
// where a device chooses kernels by how many rows there are.
#ifndef VB_VIDEO_TASKS_CLIP_ENCODER_H
#define VB_VIDEO_TASKS_CLIP_ENCODER_H

#include "video_tasks/clips.h"

// What the frames of a clip became.
typedef struct vb_encoding {
    vb_visual *visual; // whoever keeps it leaves another one of the model here, or NULL
    const float *itc;  // [projection]; NULL where it is not wanted
} vb_encoding;

typedef struct vb_clip_encoder vb_clip_encoder;

// All but `plan` must outlive the encoder; see vb_clips_open. job->batch is how many frames are
// encoded at once, of one clip or of several; 0 = as many as fill the device.
VB_CHECKED vblip_status vb_clip_encoder_open(vb_clip_encoder **out, const vb_task *task,
                                             const vblip_job *job,
                                             const vb_clips_plan *plan, bool itc,
                                             vblip_error *err);
void vb_clip_encoder_close(vb_clip_encoder **encoder);

// The next clip, as vb_clips_next gives it: several may be read for that. What is wrong with inputs
// that could be read is told then.
const vb_clip *vb_clip_encoder_next(vb_clip_encoder *encoder);

// Encodes the frames of that clip, which could be read; *out is valid until the next one. Once
// for a clip, or not at all where nobody asks about it.
VB_CHECKED vblip_status vb_clip_encoder_encode(vb_encoding **out,
                                               vb_clip_encoder *encoder,
                                               vblip_error *err);

#endif // VB_VIDEO_TASKS_CLIP_ENCODER_H

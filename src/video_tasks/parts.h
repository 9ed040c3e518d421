// parts.h - frames of one file read by several decoders at once.
//
// A codec's threads wait for each other, and some codecs have none; frames with a key frame
// between them have nothing to do with each other.
#ifndef VB_VIDEO_TASKS_PARTS_H
#define VB_VIDEO_TASKS_PARTS_H

#include "video_tasks/frames.h"
#include "video_tasks/halt.h"

// Reads frames `indices` [count], rising, of `video`, which `path` was opened as with
// `options`, to `pixels` [count, side, side, 3]. Where that is faster, parts of them are
// read from openings of their own, which share the threads of `options`. What the frames
// are, and what fails, is as if they were read one by one. `halt` may be NULL.
VB_CHECKED vblip_status vb_read_parts(const vb_frames *source, vb_video *video,
                                      const char *path,
                                      const vb_decode_options *options,
                                      const uint64_t *indices, uint32_t count,
                                      uint8_t *pixels, vb_frame *frames, vb_halt *halt,
                                      vblip_error *err);

#endif // VB_VIDEO_TASKS_PARTS_H

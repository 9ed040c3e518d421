// segmenting.h - how a recording is divided into segments: the rule, and how it is written.
// Plain data: options name it, video tasks do it.
#ifndef VB_BASE_SEGMENTING_H
#define VB_BASE_SEGMENTING_H

#include "base/error.h"

typedef enum vb_segment_rule {
    VB_SEGMENTS_WHOLE, // the recording is one
    VB_SEGMENTS_AUTO, // up to 30 s it is one, the paper's protocol; else as SHOTS, and at
                      // most 30 s each
    VB_SEGMENTS_SHOTS,  // each shot is one
    VB_SEGMENTS_LENGTH, // of a given length
} vb_segment_rule;

typedef struct vb_segmenting {
    vb_segment_rule rule;
    int64_t length_us; // of VB_SEGMENTS_LENGTH
} vb_segmenting;

// Reads "auto", "whole", "shots", or a length in seconds; messages begin with `subject`.
VB_CHECKED vblip_status vb_segmenting_read(vb_segmenting *out, const char *text,
                                           const char *subject, vblip_error *err);

// Writes "auto", "whole", "shots", or "5.000000 s".
enum { VB_SEGMENTING_TEXT = 32 };
void vb_segmenting_write(char out[VB_SEGMENTING_TEXT], const vb_segmenting *how);

#endif // VB_BASE_SEGMENTING_H

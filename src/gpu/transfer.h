// transfer.h - bytes between the host and the device, through staging memory, recorded
// like any other command.
#ifndef VB_GPU_TRANSFER_H
#define VB_GPU_TRANSFER_H

#include "gpu/commands.h"

// Longer transfers go in pieces, so that staging stays bounded.
enum { VB_TRANSFER_BYTES = 16 << 20 };

// Host memory that the device copies from or to.
typedef struct vb_staged {
    vb_gpu_buffer *block;
    uint64_t offset; // in the block
    uint8_t *bytes;
} vb_staged;

// The two halves of an upload of at most VB_TRANSFER_BYTES: room that nothing uses, to be
// filled before anything else is recorded, and the copy from it. The first may flush.
VB_CHECKED vblip_status vb_transfer_stage(vb_staged *out, vb_gpu *gpu, uint64_t bytes,
                                          vblip_error *err);
VB_CHECKED vblip_status vb_transfer_send(vb_gpu *gpu, vb_gpu_buffer *buffer,
                                         uint64_t offset, const vb_staged *from,
                                         uint64_t bytes, vblip_error *err);

// `src` is read before the call returns; `dst` is filled by the next submit.
VB_CHECKED vblip_status vb_transfer_upload(vb_gpu *gpu, vb_gpu_buffer *buffer,
                                           uint64_t offset, const void *src,
                                           uint64_t bytes, vblip_error *err);
VB_CHECKED vblip_status vb_transfer_download(vb_gpu *gpu, vb_gpu_buffer *buffer,
                                             uint64_t offset, void *dst, uint64_t bytes,
                                             vblip_error *err);
// Both spans have as many bytes.
VB_CHECKED vblip_status vb_transfer_copy(vb_gpu *gpu, vb_span to, vb_span from,
                                         vblip_error *err);

#endif // VB_GPU_TRANSFER_H

// transfer.h - bytes between the host and the device, through staging memory, recorded
// like any other command.
#ifndef VB_GPU_TRANSFER_H
#define VB_GPU_TRANSFER_H

#include "gpu/commands.h"

// `src` is read before the call returns; `dst` is filled at the latest by the next flush.
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

#include "gpu/transfer.h"

#include "gpu/context.h"

#include <string.h>

enum { SMALL_BLOCK_BYTES = 1 << 20, STAGING_ALIGNMENT = 256 };

// The first block with room for `bytes`; false when none has.
static bool take_from_blocks(vb_staged *out, vb_submission *s, uint64_t bytes)
{
    for (uint32_t i = 0; i < s->staging_count; i++) {
        const uint64_t used = s->staging_used[i], size = s->staging[i]->base.size;
        if (size - used < bytes)
            continue;
        *out = (vb_staged){s->staging[i], used, s->staging[i]->mapped + used};
        const uint64_t end = (used + bytes + STAGING_ALIGNMENT - 1) /
                             STAGING_ALIGNMENT * STAGING_ALIGNMENT;
        s->staging_used[i] = end < size ? end : size;
        return true;
    }
    return false;
}

// A block of its staging more, or, of none of it used, a larger one for one of the small.
static vblip_status add_staging(vb_submission *s, vb_gpu *gpu, uint64_t bytes,
                                vblip_error *err)
{
    const uint64_t size =
        bytes > SMALL_BLOCK_BYTES ? VB_TRANSFER_BYTES : SMALL_BLOCK_BYTES;
    if (s->staging_count == VB_STAGING_BLOCKS) {
        vb_memory_destroy(s->staging[--s->staging_count]);
        s->staging[s->staging_count] = NULL;
    }
    VB_TRY(vb_memory_make_staging(&s->staging[s->staging_count], gpu, size, err));
    s->staging_used[s->staging_count++] = 0;
    return VBLIP_OK;
}

// `bytes` (at most VB_TRANSFER_BYTES) of staging that nothing uses. May flush.
static vblip_status take_staging(vb_staged *out, vb_gpu *gpu, uint64_t bytes,
                                 vblip_error *err)
{
    if (take_from_blocks(out, gpu->submissions.open, bytes))
        return VBLIP_OK;
    if (gpu->submissions.open->staging_count == VB_STAGING_BLOCKS) {
        VB_TRY(vb_commands_flush(gpu, err));
        VB_TRY(vb_commands_begin(gpu, err));
        if (take_from_blocks(out, gpu->submissions.open, bytes))
            return VBLIP_OK;
    }
    VB_TRY(add_staging(gpu->submissions.open, gpu, bytes, err));
    (void)take_from_blocks(out, gpu->submissions.open, bytes);
    return VBLIP_OK;
}

static void record_copy(vb_gpu *gpu, const char *op, vb_span to, vb_span from)
{
    const vb_access accesses[] = {{to.buffer, to.first, to.end, true},
                                  {from.buffer, from.first, from.end, false}};
    const VkBufferCopy region = {from.first, to.first, to.end - to.first};
    vb_command_open(gpu, op, accesses, 2);
    to.buffer->used = from.buffer->used = vb_submission_value(&gpu->submissions);
    gpu->vk.CmdCopyBuffer(gpu->submissions.open->buffer, from.buffer->handle,
                          to.buffer->handle, 1, &region);
    vb_command_close(gpu);
}

vblip_status vb_transfer_stage(vb_staged *out, vb_gpu *gpu, uint64_t bytes,
                               vblip_error *err)
{
    VB_TRY(vb_commands_begin(gpu, err));
    return take_staging(out, gpu, bytes, err);
}

vblip_status vb_transfer_send(vb_gpu *gpu, vb_gpu_buffer *buffer, uint64_t offset,
                              const vb_staged *from, uint64_t bytes, vblip_error *err)
{
    VB_TRY(vb_commands_begin(gpu, err));
    record_copy(gpu, "upload", (vb_span){buffer, offset, offset + bytes},
                (vb_span){from->block, from->offset, from->offset + bytes});
    return VBLIP_OK;
}

vblip_status vb_transfer_upload(vb_gpu *gpu, vb_gpu_buffer *buffer, uint64_t offset,
                                const void *src, uint64_t bytes, vblip_error *err)
{
    for (uint64_t done = 0; done < bytes;) {
        const uint64_t left = bytes - done;
        const uint64_t piece = left < VB_TRANSFER_BYTES ? left : VB_TRANSFER_BYTES;
        vb_staged staged;
        VB_TRY(vb_transfer_stage(&staged, gpu, piece, err));
        memcpy(staged.bytes, (const uint8_t *)src + done, (size_t)piece);
        VB_TRY(vb_transfer_send(gpu, buffer, offset + done, &staged, piece, err));
        done += piece;
    }
    return VBLIP_OK;
}

vblip_status vb_transfer_download(vb_gpu *gpu, vb_gpu_buffer *buffer, uint64_t offset,
                                  void *dst, uint64_t bytes, vblip_error *err)
{
    for (uint64_t done = 0; done < bytes;) {
        const uint64_t left = bytes - done;
        const uint64_t piece = left < VB_TRANSFER_BYTES ? left : VB_TRANSFER_BYTES;
        const vb_submission *open = gpu->submissions.open;
        vb_staged to;
        if (open && open->download_count == VB_PENDING_DOWNLOADS)
            VB_TRY(vb_commands_flush(gpu, err));
        VB_TRY(vb_transfer_stage(&to, gpu, piece, err));
        record_copy(gpu, "download", (vb_span){to.block, to.offset, to.offset + piece},
                    (vb_span){buffer, offset + done, offset + done + piece});
        vb_submission *s = gpu->submissions.open;
        s->downloads[s->download_count++] =
            (vb_pending_download){(uint8_t *)dst + done, to.bytes, (size_t)piece};
        done += piece;
    }
    return VBLIP_OK;
}

vblip_status vb_transfer_copy(vb_gpu *gpu, vb_span to, vb_span from, vblip_error *err)
{
    VB_TRY(vb_commands_begin(gpu, err));
    record_copy(gpu, "copy", to, from);
    return VBLIP_OK;
}

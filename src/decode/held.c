#include "decode/held.h"

void vb_held_clear(vb_held *held)
{
    for (uint32_t i = 0; i < VB_HELD; i++)
        if (held->frames[i])
            av_frame_unref(held->frames[i]);
    held->first = held->count = 0;
}

void vb_held_free(vb_held *held)
{
    for (uint32_t i = 0; i < VB_HELD; i++)
        av_frame_free(&held->frames[i]);
    *held = (vb_held){0};
}

bool vb_held_is_full(const vb_held *held)
{
    return held->count == VB_HELD;
}

vblip_status vb_held_put(vb_held *held, AVFrame *frame, uint64_t index,
                         vblip_error *err)
{
    const uint32_t at = (held->first + held->count) % VB_HELD;
    if (!held->frames[at])
        held->frames[at] = av_frame_alloc();
    if (!held->frames[at])
        return vb_fail_memory(err, "decoder");
    av_frame_move_ref(held->frames[at], frame);
    held->indices[at] = index;
    held->count++;
    return VBLIP_OK;
}

bool vb_held_is_settled(const vb_held *held, const vb_packets *packets, uint64_t begun)
{
    const uint64_t latest = held->indices[(held->first + held->count - 1) % VB_HELD];
    const uint64_t position = packets->items[held->indices[held->first]].position;
    for (uint64_t q = position; q-- > begun && position - q <= VB_HELD;) {
        const uint32_t index = packets->frames[q];
        if (index != VB_NO_FRAME && index > latest &&
            !vb_packet_is_bad(&packets->items[index]))
            return false;
    }
    return true;
}

void vb_held_take(vb_held *held, AVFrame *frame, uint64_t *index)
{
    *index = held->indices[held->first];
    av_frame_move_ref(frame, held->frames[held->first]);
    held->first = (held->first + 1) % VB_HELD;
    held->count--;
}

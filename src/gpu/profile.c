#include "gpu/profile.h"

#include "gpu/context.h"

#include <string.h>

vblip_status vb_profile_open(vb_gpu *gpu, vblip_error *err)
{
    if (gpu->physical.timestamp_bits == 0)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%s: profile: the queue has no timestamps", gpu->physical.name);
    vblip_status status = VBLIP_OK;
    const VkQueryPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
        .queryType = VK_QUERY_TYPE_TIMESTAMP,
        .queryCount = 2 * VB_PROFILE_SPANS,
    };
    for (uint32_t i = 0; i < VB_SUBMISSIONS; i++)
        VB_VK(gpu->vk.CreateQueryPool(gpu->device, &info, NULL,
                                      &gpu->submissions.ring[i].spans.queries));
    gpu->profile.on = true;
fail:
    return status;
}

void vb_profile_close(vb_gpu *gpu)
{
    for (uint32_t i = 0; i < VB_SUBMISSIONS; i++) {
        vb_profile_spans *spans = &gpu->submissions.ring[i].spans;
        gpu->vk.DestroyQueryPool(gpu->device, spans->queries, NULL);
        *spans = (vb_profile_spans){0};
    }
    gpu->profile = (vb_profile){0};
}

void vb_profile_reset(vb_gpu *gpu)
{
    vb_submission *s = gpu->submissions.open;
    s->spans.count = 0;
    if (gpu->profile.on)
        gpu->vk.CmdResetQueryPool(s->buffer, s->spans.queries, 0, 2 * VB_PROFILE_SPANS);
}

// The row of `op`; the last row takes what does not fit.
static uint8_t find_op(vb_profile *profile, const char *op)
{
    for (uint32_t i = 0; i < profile->op_count; i++) {
        if (strcmp(profile->ops[i].op, op) == 0)
            return (uint8_t)i;
    }
    if (profile->op_count < VB_PROFILE_OPS)
        profile->ops[profile->op_count++].op = op;
    return (uint8_t)(profile->op_count - 1);
}

static void write_timestamp(vb_gpu *gpu, uint32_t query)
{
    const vb_submission *s = gpu->submissions.open;
    gpu->vk.CmdWriteTimestamp(s->buffer, VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT,
                              s->spans.queries, query);
}

void vb_profile_begin(vb_gpu *gpu, const char *op)
{
    if (!gpu->profile.on)
        return;
    vb_profile_spans *spans = &gpu->submissions.open->spans;
    spans->op_of[spans->count] = find_op(&gpu->profile, op);
    spans->same_call[spans->count] = false;
    write_timestamp(gpu, 2 * spans->count);
}

void vb_profile_same_call(vb_gpu *gpu)
{
    vb_profile_spans *spans = &gpu->submissions.open->spans;
    if (gpu->profile.on)
        spans->same_call[spans->count] = true;
}

void vb_profile_end(vb_gpu *gpu)
{
    vb_profile_spans *spans = &gpu->submissions.open->spans;
    if (gpu->profile.on)
        write_timestamp(gpu, 2 * spans->count++ + 1);
}

void vb_profile_clear(vb_gpu *gpu)
{
    gpu->profile.op_count = 0;
    memset(gpu->profile.ops, 0, sizeof gpu->profile.ops);
}

bool vb_profile_full(const vb_gpu *gpu)
{
    const vb_submission *s = gpu->submissions.open;
    return gpu->profile.on && s && s->spans.count == VB_PROFILE_SPANS;
}

vblip_status vb_profile_collect(vb_gpu *gpu, vb_profile_spans *spans, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    const uint32_t count = spans->count;
    if (!gpu->profile.on || count == 0)
        return VBLIP_OK;
    spans->count = 0;
    uint64_t ticks[2 * VB_PROFILE_SPANS];
    VB_VK(gpu->vk.GetQueryPoolResults(
        gpu->device, spans->queries, 0, 2 * count, sizeof ticks, ticks, sizeof *ticks,
        VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    const double tick_s = (double)gpu->physical.limits.timestampPeriod * 1e-9;
    const uint32_t bits = gpu->physical.timestamp_bits;
    const uint64_t mask = bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    for (uint32_t i = 0; i < count; i++) {
        vblip_op_time *time = &gpu->profile.ops[spans->op_of[i]];
        time->calls += !spans->same_call[i];
        time->seconds += (double)((ticks[2 * i + 1] - ticks[2 * i]) & mask) * tick_s;
    }
fail:
    return status;
}

vblip_status vb_profile_tell(const vb_gpu *gpu, vblip_op_time_fn fn, void *user,
                             vblip_error *err)
{
    for (uint32_t i = 0; i < gpu->profile.op_count; i++) {
        if (gpu->profile.ops[i].calls && fn(user, &gpu->profile.ops[i]))
            return vb_fail(err, VBLIP_ERR_CANCELLED, "profile: stopped");
    }
    return VBLIP_OK;
}

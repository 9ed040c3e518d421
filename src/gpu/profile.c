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
    VB_VK(gpu->vk.CreateQueryPool(gpu->device, &info, NULL, &gpu->profile.queries));
fail:
    return status;
}

void vb_profile_close(vb_gpu *gpu)
{
    if (gpu->profile.queries)
        gpu->vk.DestroyQueryPool(gpu->device, gpu->profile.queries, NULL);
    gpu->profile = (vb_profile){0};
}

void vb_profile_reset(vb_gpu *gpu)
{
    gpu->profile.spans = 0;
    if (gpu->profile.queries)
        gpu->vk.CmdResetQueryPool(gpu->commands.buffer, gpu->profile.queries, 0,
                                  2 * VB_PROFILE_SPANS);
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

void vb_profile_begin(vb_gpu *gpu, const char *op)
{
    vb_profile *profile = &gpu->profile;
    if (!profile->queries)
        return;
    profile->op_of[profile->spans] = find_op(profile, op);
    profile->same_call[profile->spans] = false;
    gpu->vk.CmdWriteTimestamp(gpu->commands.buffer,
                              VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, profile->queries,
                              2 * profile->spans);
}

void vb_profile_same_call(vb_gpu *gpu)
{
    if (gpu->profile.queries)
        gpu->profile.same_call[gpu->profile.spans] = true;
}

void vb_profile_end(vb_gpu *gpu)
{
    vb_profile *profile = &gpu->profile;
    if (!profile->queries)
        return;
    gpu->vk.CmdWriteTimestamp(gpu->commands.buffer,
                              VK_PIPELINE_STAGE_BOTTOM_OF_PIPE_BIT, profile->queries,
                              2 * profile->spans + 1);
    profile->spans++;
}

void vb_profile_clear(vb_gpu *gpu)
{
    gpu->profile.op_count = 0;
    memset(gpu->profile.ops, 0, sizeof gpu->profile.ops);
}

bool vb_profile_full(const vb_gpu *gpu)
{
    return gpu->profile.queries && gpu->profile.spans == VB_PROFILE_SPANS;
}

vblip_status vb_profile_collect(vb_gpu *gpu, vblip_error *err)
{
    vb_profile *profile = &gpu->profile;
    vblip_status status = VBLIP_OK;
    if (!profile->queries || profile->spans == 0)
        return VBLIP_OK;
    uint64_t ticks[2 * VB_PROFILE_SPANS];
    VB_VK(gpu->vk.GetQueryPoolResults(
        gpu->device, profile->queries, 0, 2 * profile->spans, sizeof ticks, ticks,
        sizeof *ticks, VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT));
    const double tick_s = (double)gpu->physical.limits.timestampPeriod * 1e-9;
    const uint32_t bits = gpu->physical.timestamp_bits;
    const uint64_t mask = bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
    for (uint32_t i = 0; i < profile->spans; i++) {
        vblip_op_time *time = &profile->ops[profile->op_of[i]];
        time->calls += !profile->same_call[i];
        time->seconds += (double)((ticks[2 * i + 1] - ticks[2 * i]) & mask) * tick_s;
    }
fail:
    profile->spans = 0;
    return status;
}

vblip_status vb_gpu_profile(vb_device *device, vblip_op_time_fn fn, void *user,
                            vblip_error *err)
{
    const vb_gpu *gpu = vb_gpu_of(device);
    if (!gpu->profile.queries)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "profile: the device was opened without");
    for (uint32_t i = 0; i < gpu->profile.op_count; i++) {
        if (gpu->profile.ops[i].calls && fn(user, &gpu->profile.ops[i]))
            return vb_fail(err, VBLIP_ERR_CANCELLED, "profile: stopped");
    }
    return VBLIP_OK;
}

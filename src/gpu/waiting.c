#include "gpu/waiting.h"

#include "gpu/context.h"

static const uint64_t second_ns = 1000000000;

// Of a wait that is given up, the device is of no use any more; whoever wanted to stop is
// told that it did.
static vblip_status give_up(vb_gpu *gpu, uint32_t waited, bool stopped,
                            vblip_error *err)
{
    vb_waiting *waiting = &gpu->waiting;
    waiting->running = true;
    vb_fail(&waiting->broken, VBLIP_ERR_DEVICE,
            "%s: does not come to an end, after %u s of one submit", gpu->physical.name,
            waited);
    if (!stopped)
        return vb_wait_check(gpu, err);
    vb_logf(&gpu->log, "%s", waiting->broken.message);
    return vb_fail(err, VBLIP_ERR_CANCELLED,
                   "stopped by the caller, in a submit of %u s", waited);
}

vblip_status vb_wait_for(vb_gpu *gpu, uint64_t value, vblip_error *err)
{
    const VkSemaphoreWaitInfo wait = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_WAIT_INFO,
        .semaphoreCount = 1,
        .pSemaphores = &gpu->submissions.timeline,
        .pValues = &value,
    };
    uint32_t waited = 0, stopping = 0; // seconds
    gpu->waiting.waits++;
    while (waited < VB_WAIT_MOST && stopping < VB_WAIT_STOPPED) {
        const VkResult result = gpu->vk.WaitSemaphores(gpu->device, &wait, second_ns);
        if (result == VK_SUCCESS)
            return VBLIP_OK;
        if (result != VK_TIMEOUT)
            return vb_fail_vk(err, result, "WaitSemaphores()");
        if (++waited == VB_WAIT_TOLD)
            vb_logf(&gpu->log, "%s: has worked on one submit for %u s",
                    gpu->physical.name, waited);
        stopping += gpu->stopped && gpu->stopped(gpu->stopped_user);
    }
    return give_up(gpu, waited, stopping == VB_WAIT_STOPPED, err);
}

void vb_wait_failed(vb_gpu *gpu, const vblip_error *why)
{
    vb_waiting *waiting = &gpu->waiting;
    if (waiting->broken.status) // given up
        return;
    const bool idle = gpu->vk.DeviceWaitIdle(gpu->device) == VK_SUCCESS;
    if (!idle || why->status == VBLIP_ERR_DEVICE)
        vb_fail(&waiting->broken, why->status, "%s", why->message);
}

vblip_status vb_wait_check(const vb_gpu *gpu, vblip_error *err)
{
    const vblip_error *broken = &gpu->waiting.broken;
    if (!broken->status)
        return VBLIP_OK;
    return vb_fail(err, broken->status, "%s", broken->message);
}

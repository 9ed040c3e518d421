#include "gpu/submission.h"

#include "base/timing.h"
#include "gpu/context.h"

#include <string.h>

// A wait that takes less says that a submit has ended, and not when.
static const double at_once_s = 20e-6;

static vblip_status make_submission(vb_submission *s, vb_gpu *gpu, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    const VkCommandPoolCreateInfo pool = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
        .flags = VK_COMMAND_POOL_CREATE_TRANSIENT_BIT,
        .queueFamilyIndex = gpu->physical.queue_family,
    };
    VB_VK(gpu->vk.CreateCommandPool(gpu->device, &pool, NULL, &s->pool));
    const VkCommandBufferAllocateInfo buffer = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
        .commandPool = s->pool,
        .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
        .commandBufferCount = 1,
    };
    VB_VK(gpu->vk.AllocateCommandBuffers(gpu->device, &buffer, &s->buffer));
fail:
    return status;
}

vblip_status vb_submissions_open(vb_gpu *gpu, vblip_error *err)
{
    vb_submissions *submissions = &gpu->submissions;
    vblip_status status = VBLIP_OK;
    for (uint32_t i = 0; i < VB_SUBMISSIONS; i++)
        VB_TRY(make_submission(&submissions->ring[i], gpu, err));
    const VkSemaphoreTypeCreateInfo timeline = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_TYPE_CREATE_INFO,
        .semaphoreType = VK_SEMAPHORE_TYPE_TIMELINE,
    };
    const VkSemaphoreCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO, .pNext = &timeline};
    VB_VK(gpu->vk.CreateSemaphore(gpu->device, &info, NULL, &submissions->timeline));
fail:
    return status;
}

void vb_submissions_close(vb_gpu *gpu)
{
    vb_submissions *submissions = &gpu->submissions;
    for (uint32_t i = 0; i < VB_SUBMISSIONS; i++) {
        vb_submission *s = &submissions->ring[i];
        for (uint32_t k = 0; k < s->staging_count; k++)
            vb_memory_destroy(s->staging[k]);
        vb_descriptors_close(&s->descriptors, gpu);
        gpu->vk.DestroyCommandPool(gpu->device, s->pool, NULL);
    }
    gpu->vk.DestroySemaphore(gpu->device, submissions->timeline, NULL);
    *submissions = (vb_submissions){0};
}

static vb_submission *find_submission(vb_submissions *submissions, uint64_t value)
{
    vb_submission *s = submissions->ring;
    while (s->value != value)
        s++;
    return s;
}

// What has run up to `value` gives back what it used, and its downloads arrive.
static vblip_status take_back(vb_gpu *gpu, uint64_t value, vblip_error *err)
{
    vb_submissions *submissions = &gpu->submissions;
    while (submissions->ended < value) {
        vb_submission *s = find_submission(submissions, ++submissions->ended);
        for (uint32_t i = 0; i < s->download_count; i++)
            memcpy(s->downloads[i].dst, s->downloads[i].src, s->downloads[i].bytes);
        s->download_count = 0;
        vb_pace_add(&submissions->ran, s->load);
        VB_TRY(vb_profile_collect(gpu, &s->spans, err));
    }
    return VBLIP_OK;
}

// The time up to now is that of what has ended. `seen`: the last of it has ended just now.
static void take_time(vb_gpu *gpu, bool seen)
{
    vb_submissions *submissions = &gpu->submissions;
    const double now_s = vb_now_s(), took_s = now_s - submissions->since_s;
    gpu->base.running_s += took_s;
    vb_pace_ran(&gpu->commands.pace, submissions->ran, took_s, seen);
    submissions->since_s = now_s;
    submissions->ran = (vb_pace_load){0};
}

// Finds out what has run meanwhile, so that no time is counted in which nothing does.
static vblip_status look_for_ends(vb_gpu *gpu, vblip_error *err)
{
    vb_submissions *submissions = &gpu->submissions;
    vblip_status status = VBLIP_OK;
    uint64_t reached;
    if (submissions->ended < submissions->sent) {
        VB_VK(gpu->vk.GetSemaphoreCounterValue(gpu->device, submissions->timeline,
                                               &reached));
        if (reached > submissions->sent) // drivers that lost their device say anything
            return vb_fail(err, VBLIP_ERR_DEVICE, "%s: its timeline is at %llu of %llu",
                           gpu->physical.name, (unsigned long long)reached,
                           (unsigned long long)submissions->sent);
        VB_OK(take_back(gpu, reached, err));
        if (submissions->ended == submissions->sent)
            take_time(gpu, false);
    }
    if (submissions->ended == submissions->sent)
        submissions->since_s = vb_now_s();
fail:
    return status;
}

static vblip_status wait_for_ends(vb_gpu *gpu, uint64_t value, vblip_error *err)
{
    vb_submissions *submissions = &gpu->submissions;
    while (submissions->ended < value) {
        const double start_s = vb_now_s();
        VB_TRY(vb_wait_for(gpu, submissions->ended + 1, err));
        const bool seen = vb_now_s() - start_s > at_once_s;
        VB_TRY(take_back(gpu, submissions->ended + 1, err));
        if (seen || submissions->ended == submissions->sent)
            take_time(gpu, seen);
    }
    return VBLIP_OK;
}

vblip_status vb_submissions_wait(vb_gpu *gpu, uint64_t value, vblip_error *err)
{
    vb_submissions *submissions = &gpu->submissions;
    VB_TRY(wait_for_ends(gpu, value, err));
    // Not whenever nothing runs, which is chance: so what is recorded again takes the same
    // turns, and finds what it used.
    if (value == submissions->sent && !submissions->open)
        submissions->next = 0;
    return VBLIP_OK;
}

vblip_status vb_submission_begin(vb_gpu *gpu, vblip_error *err)
{
    vb_submissions *submissions = &gpu->submissions;
    vb_submission *s = &submissions->ring[submissions->next];
    vblip_status status = VBLIP_OK;
    VB_OK(wait_for_ends(gpu, s->value, err));
    VB_VK(gpu->vk.ResetCommandPool(gpu->device, s->pool, 0));
    const VkCommandBufferBeginInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
        .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
    };
    VB_VK(gpu->vk.BeginCommandBuffer(s->buffer, &info));
    memset(s->staging_used, 0, sizeof s->staging_used);
    s->download_count = 0;
    vb_descriptors_reset(&s->descriptors);
    submissions->open = s;
    vb_profile_reset(gpu);
fail:
    return status;
}

vblip_status vb_submission_send(vb_gpu *gpu, vb_pace_load load, vblip_error *err)
{
    vb_submissions *submissions = &gpu->submissions;
    vb_submission *s = submissions->open;
    vblip_status status = VBLIP_OK;
    const uint64_t value = vb_submission_value(submissions);
    const VkTimelineSemaphoreSubmitInfo timeline = {
        .sType = VK_STRUCTURE_TYPE_TIMELINE_SEMAPHORE_SUBMIT_INFO,
        .signalSemaphoreValueCount = 1,
        .pSignalSemaphoreValues = &value,
    };
    const VkSubmitInfo submit = {
        .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
        .pNext = &timeline,
        .commandBufferCount = 1,
        .pCommandBuffers = &s->buffer,
        .signalSemaphoreCount = 1,
        .pSignalSemaphores = &submissions->timeline,
    };
    submissions->open = NULL;
    VB_VK(gpu->vk.EndCommandBuffer(s->buffer));
    VB_OK(look_for_ends(gpu, err));
    VB_VK(gpu->vk.QueueSubmit(gpu->queue, 1, &submit, VK_NULL_HANDLE));
    submissions->sent = s->value = value;
    s->load = load;
    submissions->next = (submissions->next + 1) % VB_SUBMISSIONS;
fail:
    return status;
}

bool vb_submissions_downloading(const vb_submissions *submissions)
{
    bool any = false;
    for (uint32_t i = 0; i < VB_SUBMISSIONS; i++)
        any = any || submissions->ring[i].download_count > 0;
    return any;
}

void vb_submissions_drop(vb_submissions *submissions)
{
    submissions->open = NULL;
    for (uint32_t i = 0; i < VB_SUBMISSIONS; i++)
        submissions->ring[i].download_count = 0;
}

void vb_submissions_forget(vb_submissions *submissions)
{
    submissions->ended = submissions->sent;
    submissions->ran = (vb_pace_load){0};
    submissions->next = 0;
    for (uint32_t i = 0; i < VB_SUBMISSIONS; i++)
        submissions->ring[i].spans.count = 0;
}

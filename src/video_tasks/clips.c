#include "video_tasks/clips.h"

#include "base/cores.h"
#include "decode/sampler.h"
#include "video_tasks/job.h"
#include "video_tasks/parts.h"
#include "video_tasks/pipeline.h"

#include <stdlib.h>
#include <string.h>

struct vb_clips {
    const vb_task *task;
    const vblip_job *job;
    const uint32_t *order; // NULL = inputs in order
    uint32_t frames;       // wanted of a video
    uint32_t codec_threads;
    vb_pipeline *pipeline;
    vb_clip *slots; // one per slot of the pipeline
    uint32_t slot_count;
};

// The frames of a clip and their pixels, kept for the clips after it.
static vblip_status clip_make_room(vb_clip *clip, uint32_t count, uint32_t side,
                                   const char *path, vblip_error *err)
{
    if (count <= clip->capacity)
        return VBLIP_OK;
    size_t frame_bytes = (size_t)side * side * 3;
    if (frame_bytes && count > SIZE_MAX / frame_bytes)
        return vb_fail_memory(err, path);
    vb_frame *frames = realloc(clip->frames, count * sizeof *frames);
    if (frames)
        clip->frames = frames;
    uint8_t *pixels = realloc(clip->pixels, count * frame_bytes);
    if (pixels)
        clip->pixels = pixels;
    if (!frames || !pixels)
        return vb_fail_memory(err, path);
    clip->capacity = count;
    return VBLIP_OK;
}

// The frames of a video that lie in the part of it that counts.
static vblip_status find_part(const vb_clips *clips, vb_clip *clip,
                              const vb_video *video, uint64_t *first, uint64_t *count,
                              const char *path, vblip_error *err)
{
    const vb_task *task = clips->task;
    const vb_frames *source = task->frames;
    const int64_t end_us = clip->info.duration_us;
    *first = 0;
    *count = clip->info.frames;
    if (clip->info.still)
        return VBLIP_OK;
    clip->start_us = task->start_us;
    clip->end_us = task->end_us && task->end_us < end_us ? task->end_us : end_us;
    if (clip->start_us >= clip->end_us)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "%s: nothing from %.3f s on, the video ends at %.3f s", path,
                       (double)clip->start_us * 1e-6, (double)end_us * 1e-6);
    *first = source->index_at(video, clip->start_us);
    if (clip->end_us < end_us)
        *count = source->index_at(video, clip->end_us - 1) + 1;
    *count -= *first;
    return VBLIP_OK;
}

static vblip_status sample(const vb_clips *clips, vb_clip *clip, vb_video *video,
                           const char *path, const vb_decode_options *options,
                           vblip_error *err)
{
    const vb_frames *source = clips->task->frames;
    clip->info = *source->describe(video);
    if (clip->info.frames == 0)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: no frames", path);
    VB_TRY(vb_check_whole(&clip->info, path, err)); // also where no sample lies behind

    uint32_t room = clip->info.still ? 1 : clips->frames + 1;
    uint64_t *indices = calloc(room, sizeof *indices);
    if (!indices)
        return vb_fail_memory(err, path);
    uint32_t count = 1;
    uint64_t first, frames;
    vblip_status status = find_part(clips, clip, video, &first, &frames, path, err);
    if (status == VBLIP_OK && !clip->info.still)
        count = vb_sample_uniform(indices, room, frames, clips->frames);
    for (uint32_t i = 0; i < count && status == VBLIP_OK; i++)
        indices[i] += first;
    if (status == VBLIP_OK)
        status = clip_make_room(clip, count, options->side, path, err);
    if (status == VBLIP_OK)
        status = vb_read_parts(source, video, path, options, indices, count,
                               clip->pixels, clip->frames, clips->task->halt, err);
    clip->count = status == VBLIP_OK ? count : 0;
    clip->info = *source->describe(video); // with what was seen in reading
    if (clips->task->counters)
        clips->task->counters->frames_decoded += clip->count;
    free(indices);
    return status;
}

static vblip_status read_clip(const vb_clips *clips, vb_clip *clip, vblip_error *err)
{
    const vblip_input *input = &clips->task->inputs[clip->input];
    if (input->error)
        return vb_fail(err, VBLIP_ERR_IO, "%s", input->error);
    const vb_frames *source = clips->task->frames;
    const vb_decode_options options = {
        .side = clips->task->ops->side,
        .threads = clips->codec_threads,
        .hwaccel = clips->task->hwaccel,
        .ignore_orientation = clips->task->ops->ignore_orientation,
        .stopped = vb_halt_asked,
        .stopped_user = clips->task->halt,
    };
    vb_video *video = NULL;
    VB_TRY(source->open(source->user, &video, input->path, &options, err));
    vblip_status status = sample(clips, clip, video, input->path, &options, err);
    source->close(&video);
    return status;
}

static void produce_clip(void *user, uint64_t item, uint32_t slot)
{
    const vb_clips *clips = user;
    vb_clip *clip = &clips->slots[slot];
    clip->input = clips->order ? clips->order[item] : (uint32_t)item;
    clip->count = 0;
    clip->info = (vb_video_info){0};
    clip->start_us = clip->end_us = 0;
    vb_error_reset(&clip->error);
    // The status is in the error as well.
    vblip_status status = read_clip(clips, clip, &clip->error);
    (void)status;
}

vblip_status vb_clips_open(vb_clips **out, const vb_task *task, const vblip_job *job,
                           const uint32_t *order, uint32_t count, uint32_t frames,
                           vblip_error *err)
{
    *out = NULL;
    vb_clips *clips = calloc(1, sizeof *clips);
    if (!clips)
        return vb_fail_memory(err, "clips");
    vb_thread_plan plan =
        vb_plan_threads(job->jobs, count, vb_core_count(), task->ops->shares_cores);
    *clips = (vb_clips){
        .task = task,
        .job = job,
        .order = order,
        .frames = frames,
        .codec_threads = plan.codec_threads,
        .slot_count = vb_pipeline_slots(plan.workers),
    };
    vblip_status status = VBLIP_OK;
    clips->slots = calloc(clips->slot_count, sizeof *clips->slots);
    if (!clips->slots)
        status = vb_fail_memory(err, "clips");
    else
        status = vb_pipeline_open(&clips->pipeline, plan.workers, count, produce_clip,
                                  clips, task->halt, err);
    if (status != VBLIP_OK)
        vb_clips_close(&clips);
    *out = clips;
    return status;
}

const vb_clip *vb_clips_next(vb_clips *clips)
{
    uint32_t slot = 0;
    if (!vb_pipeline_next(clips->pipeline, &slot))
        return NULL;
    const vb_clip *clip = &clips->slots[slot];
    vb_job_warned(clips->job, clip->input, clips->task->inputs[clip->input].path,
                  clip->info.warning);
    return clip;
}

void vb_clips_close(vb_clips **clips)
{
    vb_clips *c = *clips;
    if (!c)
        return;
    vb_pipeline_close(&c->pipeline);
    for (uint32_t i = 0; c->slots && i < c->slot_count; i++) {
        free(c->slots[i].frames);
        free(c->slots[i].pixels);
    }
    free(c->slots);
    free(c);
    *clips = NULL;
}

vblip_status vb_clips_each(const vb_task *task, const vblip_job *job, uint32_t frames,
                           vb_clip_fn fn, void *user, vblip_error *err)
{
    vb_clips *clips = NULL;
    VB_TRY(vb_clips_open(&clips, task, job, NULL, task->input_count,
                         job->frames ? job->frames : frames, err));
    vblip_status status = VBLIP_OK;
    const vb_clip *clip = NULL;
    while (status == VBLIP_OK && (clip = vb_clips_next(clips)))
        status = fn(user, clip, err);
    vb_clips_close(&clips);
    return status;
}

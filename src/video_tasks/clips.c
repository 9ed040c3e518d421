#include "video_tasks/clips.h"

#include "base/cores.h"
#include "base/timing.h"
#include "decode/sampler.h"
#include "video_tasks/job.h"
#include "video_tasks/parts.h"
#include "video_tasks/pipeline.h"
#include "video_tasks/telling.h"

#include <stdlib.h>

enum {
    KEPT_BYTES = 1 << 27,  // of files that are read whole, by all workers
    AHEAD = KEPT_BYTES / 4 // of these, that the search for shots is ahead of the frames
};

// What a worker makes: an input that is open, and the first of its parts.
typedef struct clip_slot {
    vb_clip clip;
    vb_video *video;      // NULL behind its last part
    vb_division division; // its parts
    bool segments;        // they are segments, not the task's own part
    uint64_t item;
} clip_slot;

struct vb_clips {
    const vb_task *task;
    const vblip_job *job;
    vb_clips_plan plan;
    uint32_t codec_threads;
    size_t keep_bytes; // of each file
    uint64_t ahead;    // bytes that shots are looked for at a time
    bool in_turn;      // inputs are opened by vb_clips_next itself
    vb_pipeline *pipeline;
    clip_slot *slots; // one per slot of the pipeline
    uint32_t slot_count;
    clip_slot *current; // whose parts are handed out
};

static const char *path_of(const vb_clips *clips, const clip_slot *slot)
{
    return clips->task->inputs[slot->clip.input].path;
}

static vb_decode_options decode_options(const vb_clips *clips)
{
    return (vb_decode_options){
        .side = clips->task->ops->side,
        .threads = clips->codec_threads,
        .keep_bytes = clips->keep_bytes,
        .hwaccel = clips->task->hwaccel,
        .ignore_orientation = clips->task->ops->ignore_orientation,
        .stopped = vb_halt_asked,
        .stopped_user = clips->task->halt,
    };
}

// ----------------------------------------------------------------------------- parts

static vblip_status find_known_parts(const vb_clips *clips, clip_slot *slot,
                                     vblip_error *err)
{
    const vb_clip_parts *parts = &clips->plan.parts[slot->item];
    for (uint32_t i = 0; i < parts->count; i++) {
        vb_stretch span;
        VB_TRY(vb_stretch_between(&span, clips->task->frames, slot->video,
                                  path_of(clips, slot), parts->times[i].start_us,
                                  parts->times[i].end_us, err));
        VB_TRY(vb_stretches_add(&slot->division.spans, &span, err));
    }
    return VBLIP_OK;
}

// How much of the input the first `us` of it are, more than 0 and at most 1; all, once its
// parts are known.
static double share_within(const clip_slot *slot, int64_t us)
{
    const int64_t all_us = slot->clip.info.duration_us;
    return slot->division.done || us <= 0 || us > all_us ? 1
                                                         : (double)us / (double)all_us;
}

// Of all that there are, as far as they are found: at least one more where some are not.
static uint32_t estimate_parts(const clip_slot *slot)
{
    const vb_stretches *spans = &slot->division.spans;
    const uint32_t found = spans->count;
    const double parts = found / share_within(slot, spans->items[found - 1].end_us);
    if (slot->division.done)
        return found;
    return parts > found + 1 && parts < UINT32_MAX ? (uint32_t)parts : found + 1;
}

static vblip_status find_more_parts(const vb_clips *clips, clip_slot *slot,
                                    vblip_error *err)
{
    vb_clip *clip = &slot->clip;
    const double start_s = vb_now_s();
    VB_TRY(vb_division_more(&slot->division, clips->ahead, err));
    clip->searching_s += vb_now_s() - start_s;
    clip->searched = share_within(slot, slot->division.searched_us);
    clip->parts = estimate_parts(slot);
    return VBLIP_OK;
}

static vblip_status find_parts(const vb_clips *clips, clip_slot *slot, vblip_error *err)
{
    const vb_task *task = clips->task;
    vb_division_free(&slot->division);
    if (clips->plan.segmenting && !clips->plan.parts) {
        VB_TRY(vb_division_begin(&slot->division, task->frames, slot->video,
                                 path_of(clips, slot), clips->plan.segmenting, err));
        return find_more_parts(clips, slot, err);
    }
    slot->division.done = true;
    slot->clip.searched = 1;
    if (clips->plan.parts)
        return find_known_parts(clips, slot, err);
    const vb_segment own = task->spans ? task->spans[slot->clip.input]
                                       : (vb_segment){task->start_us, task->end_us};
    vb_stretch span;
    VB_TRY(vb_stretch_between(&span, task->frames, slot->video, path_of(clips, slot),
                              own.start_us, own.end_us, err));
    return vb_stretches_add(&slot->division.spans, &span, err);
}

// ---------------------------------------------------------------------------- frames

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

// Whether what is read is no segment of several: a whole input, or the task's own part of
// it. That depends on the part alone, not on how many of them are read.
static bool is_whole(const clip_slot *slot)
{
    const vb_stretch *span = &slot->division.spans.items[slot->clip.part];
    return !slot->segments ||
           (span->first == 0 && span->count == slot->clip.info.frames);
}

// Reads frames of a part. Of a segment the file is not opened anew: the frames are near
// each other.
static vblip_status read_frames(const vb_clips *clips, clip_slot *slot,
                                const uint64_t *indices, uint32_t count,
                                vblip_error *err)
{
    const vb_frames *source = clips->task->frames;
    const vb_decode_options options = decode_options(clips);
    vb_clip *clip = &slot->clip;
    if (is_whole(slot))
        return vb_read_parts(source, slot->video, path_of(clips, slot), &options,
                             indices, count, clip->pixels, clip->frames,
                             clips->task->halt, err);
    const size_t bytes = (size_t)options.side * options.side * 3;
    for (uint32_t i = 0; i < count; i++)
        VB_TRY(source->read(slot->video, indices[i], clip->pixels + i * bytes,
                            &clip->frames[i], err));
    return VBLIP_OK;
}

static vblip_status sample_part(const vb_clips *clips, clip_slot *slot,
                                vblip_error *err)
{
    vb_clip *clip = &slot->clip;
    const vb_stretch *span = &slot->division.spans.items[clip->part];
    const char *path = path_of(clips, slot);
    const uint32_t room = clip->info.still ? 1 : clips->plan.frames + 1;
    uint64_t *indices = calloc(room, sizeof *indices);
    if (!indices)
        return vb_fail_memory(err, path);
    uint32_t count = 1;
    if (!clip->info.still)
        count = vb_sample_uniform(indices, room, span->count, clips->plan.frames);
    for (uint32_t i = 0; i < count; i++)
        indices[i] += span->first;
    vblip_status status =
        clip_make_room(clip, count, clips->task->ops->side, path, err);
    if (status == VBLIP_OK)
        status = read_frames(clips, slot, indices, count, err);
    free(indices);
    clip->count = status == VBLIP_OK ? count : 0;
    if (!is_whole(slot))
        clip->count = vb_keep_telling(clip->frames, clip->count);
    return status;
}

static vblip_status find_and_sample_part(const vb_clips *clips, clip_slot *slot,
                                         vblip_error *err)
{
    vb_clip *clip = &slot->clip;
    if (clip->part == slot->division.spans.count)
        VB_TRY(find_more_parts(clips, slot, err));
    const vb_stretch *span = &slot->division.spans.items[clip->part];
    clip->start_us = span->start_us;
    clip->end_us = span->end_us;
    return sample_part(clips, slot, err);
}

// Reads part clip->part of what is open; closes it behind the last one.
static vblip_status read_clip_part(const vb_clips *clips, clip_slot *slot,
                                   vblip_error *err)
{
    const vb_frames *source = clips->task->frames;
    vb_clip *clip = &slot->clip;
    const vblip_status status = find_and_sample_part(clips, slot, err);
    clip->info = *source->describe(slot->video); // with what was seen in reading
    if (clips->task->counters)
        clips->task->counters->frames_decoded += clip->count;
    const bool last = clip->part + 1 == clip->parts;
    vblip_error unread = {0}; // whoever wants to know why reads it again
    if (status == VBLIP_OK && last && clips->plan.contents && source->content)
        clip->hashed =
            source->content(slot->video, &clip->content, &unread) == VBLIP_OK;
    if (status != VBLIP_OK || last)
        source->close(&slot->video);
    return status;
}

// ---------------------------------------------------------------------------- inputs

static vblip_status open_parts(const vb_clips *clips, clip_slot *slot, vblip_error *err)
{
    const vb_frames *source = clips->task->frames;
    const char *path = path_of(clips, slot);
    vb_clip *clip = &slot->clip;
    clip->info = *source->describe(slot->video);
    if (clip->info.frames == 0)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: no frames", path);
    VB_TRY(vb_check_whole(&clip->info, path, err)); // also where no sample lies behind
    VB_TRY(find_parts(clips, slot, err));
    clip->parts = estimate_parts(slot);
    return VBLIP_OK;
}

static vblip_status open_input(const vb_clips *clips, clip_slot *slot, vblip_error *err)
{
    const vblip_input *input = &clips->task->inputs[slot->clip.input];
    if (input->error)
        return vb_fail(err, VBLIP_ERR_IO, "%s", input->error);
    const vb_frames *source = clips->task->frames;
    const vb_decode_options options = decode_options(clips);
    VB_TRY(source->open(source->user, &slot->video, input->path, &options, err));
    vblip_status status = open_parts(clips, slot, err);
    if (status != VBLIP_OK)
        source->close(&slot->video);
    return status == VBLIP_OK ? read_clip_part(clips, slot, err) : status;
}

static void produce_clip(void *user, uint64_t item, uint32_t number)
{
    const vb_clips *clips = user;
    clip_slot *slot = &clips->slots[number];
    vb_clip *clip = &slot->clip;
    if (slot->video) // its parts were not all asked for
        clips->task->frames->close(&slot->video);
    slot->item = item;
    slot->segments = clips->plan.parts || clips->plan.segmenting;
    clip->input = clips->plan.order ? clips->plan.order[item] : (uint32_t)item;
    clip->count = clip->part = 0;
    clip->hashed = false;
    clip->parts = 1;
    clip->info = (vb_video_info){0};
    clip->start_us = clip->end_us = 0;
    clip->searched = clip->searching_s = 0;
    vb_error_reset(&clip->error);
    // The status is in the error as well.
    vblip_status status = open_input(clips, slot, &clip->error);
    (void)status;
    if (!clips->in_turn)
        clip->searching_s = 0; // beside the caller's work
}

vblip_status vb_clips_open(vb_clips **out, const vb_task *task, const vblip_job *job,
                           const vb_clips_plan *given, vblip_error *err)
{
    *out = NULL;
    vb_clips *clips = calloc(1, sizeof *clips);
    if (!clips)
        return vb_fail_memory(err, "clips");
    const uint32_t count = given->order ? given->count : task->input_count;
    vb_thread_plan plan =
        vb_plan_threads(job->jobs, count, vb_core_count(), task->ops->shares_cores);
    *clips = (vb_clips){
        .task = task,
        .job = job,
        .plan = *given,
        .codec_threads = plan.codec_threads,
        .keep_bytes =
            given->contents ? KEPT_BYTES / vb_pipeline_slots(plan.workers) : 0,
        // Workers find all shots of their recordings side by side, at a second reading.
        .ahead = given->contents && plan.workers <= 1 ? AHEAD : UINT64_MAX,
        .in_turn = plan.workers == 0,
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

static const vb_clip *next_part(const vb_clips *clips, clip_slot *slot)
{
    vb_clip *clip = &slot->clip;
    const bool warned = clip->info.warning[0];
    clip->part++;
    clip->count = 0;
    vblip_status status = read_clip_part(clips, slot, &clip->error);
    (void)status; // the same
    if (!warned)
        vb_job_warned(clips->job, clip->input, path_of(clips, slot),
                      clip->info.warning);
    return clip;
}

const vb_clip *vb_clips_next(vb_clips *clips)
{
    uint32_t number = 0;
    if (clips->current && clips->current->video)
        return next_part(clips, clips->current);
    clips->current = NULL;
    if (!vb_pipeline_next(clips->pipeline, &number))
        return NULL;
    clips->current = &clips->slots[number];
    const vb_clip *clip = &clips->current->clip;
    vb_job_warned(clips->job, clip->input, path_of(clips, clips->current),
                  clip->info.warning);
    return clip;
}

void vb_clips_keep(vb_clips *clips, vb_clip *kept)
{
    vb_clip *clip = &clips->current->clip;
    const vb_clip before = *kept;
    *kept = *clip;
    clip->frames = before.frames;
    clip->pixels = before.pixels;
    clip->capacity = before.capacity;
    clip->count = 0;
}

void vb_clip_free(vb_clip *kept)
{
    free(kept->frames);
    free(kept->pixels);
    *kept = (vb_clip){0};
}

void vb_clips_close(vb_clips **clips)
{
    vb_clips *c = *clips;
    if (!c)
        return;
    vb_pipeline_close(&c->pipeline);
    for (uint32_t i = 0; c->slots && i < c->slot_count; i++) {
        if (c->slots[i].video)
            c->task->frames->close(&c->slots[i].video);
        vb_division_free(&c->slots[i].division);
        vb_clip_free(&c->slots[i].clip);
    }
    free(c->slots);
    free(c);
    *clips = NULL;
}

vblip_status vb_clips_each(const vb_task *task, const vblip_job *job, uint32_t frames,
                           vb_clip_fn fn, void *user, vblip_error *err)
{
    vb_clips *clips = NULL;
    const vb_clips_plan plan = {
        .frames = job->frames ? job->frames : frames,
        .segmenting = task->segmenting,
    };
    VB_TRY(vb_clips_open(&clips, task, job, &plan, err));
    vblip_status status = VBLIP_OK;
    const vb_clip *clip = NULL;
    while (status == VBLIP_OK && (clip = vb_clips_next(clips)))
        status = fn(user, clip, err);
    vb_clips_close(&clips);
    return status;
}

#include "video_tasks/bench.h"

#include "base/cores.h"
#include "base/timing.h"
#include "decode/sampler.h"
#include "video_tasks/parts.h"
#include "video_tasks/pipeline.h"
#include "video_tasks/timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_SIDE = 384, DEFAULT_FRAMES = 8, MOST_FRAMES = 1024, MOST_SIDE = 4096 };

const char *const vb_decode_bench_names[] = {"decode-uniform", "decode-seconds", NULL};

// A file in work.
typedef struct decode_slot {
    uint8_t *rgb;     // [frames + 1, side, side, 3]
    vb_frame *frames; // [frames + 1]
    uint64_t read;    // frames
    vblip_error error;
} decode_slot;

typedef struct decode_bench {
    const vb_task *task;
    bool seconds; // a frame a second, else so many of each file
    uint32_t frames, side;
    vb_thread_plan plan;
    decode_slot *slots; // one per slot of the pipeline
    uint64_t read;      // frames, in all runs
} decode_bench;

static vblip_status decode_bench_uniform(const decode_bench *b, decode_slot *slot,
                                         vb_video *video, const char *path,
                                         const vb_decode_options *options,
                                         vblip_error *err)
{
    uint64_t indices[MOST_FRAMES + 1] = {0};
    const vb_frames *source = b->task->frames;
    const vb_video_info *info = source->describe(video);
    const uint32_t count = info->still ? 1
                                       : vb_sample_uniform(indices, b->frames + 1,
                                                           info->frames, b->frames);
    slot->read = count;
    return vb_read_parts(source, video, path, options, indices, count, slot->rgb,
                         slot->frames, b->task->halt, err);
}

static vblip_status decode_bench_seconds(const decode_bench *b, decode_slot *slot,
                                         vb_video *video, vblip_error *err)
{
    vb_timeline line = vb_timeline_make(b->task->frames, video, 0, 0, 0);
    for (uint64_t i = 0; i < line.count; i++)
        VB_TRY(b->task->frames->read(video, vb_timeline_next(&line).frame, slot->rgb,
                                     slot->frames, err));
    slot->read = line.count;
    return VBLIP_OK;
}

static vblip_status decode_bench_file(const decode_bench *b, decode_slot *slot,
                                      const vblip_input *input, vblip_error *err)
{
    if (input->error)
        return vb_fail(err, VBLIP_ERR_IO, "%s", input->error);
    const vb_frames *source = b->task->frames;
    const vb_decode_options options = {
        .side = b->side,
        .threads = b->plan.codec_threads,
        .hwaccel = b->task->hwaccel,
        .stopped = vb_halt_asked,
        .stopped_user = b->task->halt,
    };
    vb_video *video = NULL;
    VB_TRY(source->open(source->user, &video, input->path, &options, err));
    vblip_status status =
        b->seconds ? decode_bench_seconds(b, slot, video, err)
                   : decode_bench_uniform(b, slot, video, input->path, &options, err);
    source->close(&video);
    return status;
}

static void produce_file(void *user, uint64_t item, uint32_t slot)
{
    const decode_bench *b = user;
    decode_slot *s = &b->slots[slot];
    const vblip_input *input = &b->task->inputs[item];
    s->read = 0;
    vb_error_reset(&s->error);
    if (decode_bench_file(b, s, input, &s->error) != VBLIP_OK)
        vb_error_subject(&s->error, input->path);
}

// Reads all files once.
static vblip_status decode_bench_run(void *user, vblip_error *err)
{
    decode_bench *b = user;
    vb_pipeline *files = NULL;
    VB_TRY(vb_pipeline_open(&files, b->plan.workers, b->task->input_count, produce_file,
                            b, b->task->halt, err));
    vblip_status status = VBLIP_OK;
    for (uint32_t slot; status == VBLIP_OK && vb_pipeline_next(files, &slot);) {
        const vblip_error *error = &b->slots[slot].error;
        b->read += b->slots[slot].read;
        if (error->status != VBLIP_OK)
            status = vb_fail(err, error->status, "%s", error->message);
    }
    vb_pipeline_close(&files);
    return status;
}

static vblip_status decode_bench_report(decode_bench *b, const char *name,
                                        vblip_bench_fn fn, void *user, vblip_error *err)
{
    vb_timing timing;
    VB_TRY(vb_time(&timing, decode_bench_run, b, err));
    const uint64_t frames = b->read / (timing.runs + 1);
    const uint32_t at_once = b->plan.workers ? b->plan.workers : 1;
    char detail[128];
    snprintf(detail, sizeof detail,
             "%" PRIu64 " frames of %u file%s (%u px), %u at once, %u thread%s each",
             frames, b->task->input_count, b->task->input_count > 1 ? "s" : "", b->side,
             at_once, b->plan.codec_threads, b->plan.codec_threads > 1 ? "s" : "");
    const vblip_bench_result result = {
        .name = name,
        .detail = detail,
        .runs = timing.runs,
        .min_s = timing.min_s,
        .median_s = timing.median_s,
        .work = (double)frames / timing.min_s,
        .unit = "frames/s",
    };
    return fn(user, &result) ? vb_fail(err, VBLIP_ERR_CANCELLED, "bench: stopped")
                             : VBLIP_OK;
}

static vblip_status decode_bench_start(decode_bench *b, vblip_error *err)
{
    const uint32_t slots = vb_pipeline_slots(b->plan.workers);
    const size_t bytes = (size_t)b->side * b->side * 3 * (b->frames + 1);
    b->slots = calloc(slots, sizeof *b->slots);
    for (uint32_t i = 0; b->slots && i < slots; i++) {
        b->slots[i].rgb = malloc(bytes);
        b->slots[i].frames = calloc(b->frames + 1, sizeof *b->slots[i].frames);
        if (!b->slots[i].rgb || !b->slots[i].frames)
            return vb_fail_memory(err, "bench");
    }
    return b->slots ? VBLIP_OK : vb_fail_memory(err, "bench");
}

static void decode_bench_end(decode_bench *b)
{
    for (uint32_t i = 0; b->slots && i < vb_pipeline_slots(b->plan.workers); i++) {
        free(b->slots[i].rgb);
        free(b->slots[i].frames);
    }
    free(b->slots);
}

vblip_status vb_decode_bench(const vb_task *task, const char *name,
                             const vblip_decode_bench_options *options,
                             vblip_bench_fn fn, void *user, vblip_error *err)
{
    const uint32_t cores = options->threads ? options->threads : vb_core_count();
    decode_bench b = {
        .task = task,
        .seconds = strcmp(name, vb_decode_bench_names[1]) == 0,
        .frames = options->frames ? options->frames : DEFAULT_FRAMES,
        .side = options->image_size ? options->image_size : DEFAULT_SIDE,
        .plan = vb_plan_threads(options->jobs, task->input_count, cores, false),
    };
    if (!b.seconds && strcmp(name, vb_decode_bench_names[0]) != 0)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "bench: %s: unknown", name);
    if (b.frames > MOST_FRAMES)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "frames: %u, at most %d", b.frames,
                       MOST_FRAMES);
    if (b.side > MOST_SIDE)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "image_size: %u, at most %d", b.side,
                       MOST_SIDE);
    vblip_status status = decode_bench_start(&b, err);
    if (status == VBLIP_OK)
        status = decode_bench_report(&b, name, fn, user, err);
    decode_bench_end(&b);
    return status;
}

// caption.c - recordings described frame by frame (blip-spec 6.4 per sampled frame).
//
// Memory is flat however long the file is, but for what decode.h says it keeps: a frame
// is decoded, captioned, and its buffer used again. Where the device leaves the cores
// alone the next one decodes meanwhile.
#include "base/cores.h"
#include "base/random.h"
#include "base/text.h"
#include "video_tasks/encoded.h"
#include "video_tasks/job.h"
#include "video_tasks/pipeline.h"
#include "video_tasks/tasks.h"
#include "video_tasks/timeline.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SLOTS = 2 }; // one worker at most: a file is decoded in order

// A row that waits for its neighbour, with merge.
typedef struct pending_row {
    bool there;
    int64_t start_us, end_us;
    bool timed;
    vb_string text;
    double score_sum;
    uint32_t count; // captions in it
} pending_row;

typedef struct captioning {
    const vb_task *task;
    const vblip_caption_options *options;
    vb_caption_params params;
    vb_thread_plan plan;
    vblip_caption_fn fn;
    void *user;
    vb_meter meter;
    uint32_t opened;       // inputs, in vain or not
    uint64_t announced;    // captions of these that are done or will come
    double bytes, ahead;   // of the files that were opened, and of all others
    vb_visual *visual;     // owned; every frame in turn
    uint32_t samples;      // captions of each frame
    vb_generated *replies; // [samples], owned; of the frame encoded last
} captioning;

// One file in work.
typedef struct recording {
    captioning *c;
    uint32_t input; // index
    const char *path;
    vb_video *video;
    vb_timeline timeline;
    uint64_t spans; // done
    vb_pipeline *frames;
    struct {
        uint8_t *rgb;
        vb_span span;
        vb_frame frame;
        vblip_error error;
    } slots[SLOTS];
    pending_row row;
} recording;

// ------------------------------------------------------------------------------ rows

static vblip_status caption_emit(captioning *c, const vblip_caption *caption,
                                 vblip_error *err)
{
    return c->fn(c->user, caption) ? vb_fail_cancelled(err) : VBLIP_OK;
}

// Reports the row that waits. A merged row's score is the mean of its captions'.
static vblip_status flush(recording *r, vblip_error *err)
{
    pending_row *row = &r->row;
    if (!row->there)
        return VBLIP_OK;
    row->there = false;
    const vblip_caption caption = {
        .input = r->input,
        .path = r->path,
        .timed = row->timed,
        .start_us = row->start_us,
        .end_us = row->end_us,
        .text = row->text.bytes,
        .score = (float)(row->score_sum / row->count),
        .lead_us = r->timeline.info.lead_us,
    };
    return caption_emit(r->c, &caption, err);
}

static vblip_status caption_add_row(recording *r, const vb_span *span,
                                    const vb_generated *reply, vblip_error *err)
{
    const char *text = reply->text.bytes ? reply->text.bytes : "";
    pending_row *row = &r->row;
    bool joins =
        r->c->options->merge && row->there && strcmp(row->text.bytes, text) == 0;
    if (!joins) {
        VB_TRY(flush(r, err));
        vb_string_clear(&row->text);
        if (!vb_string_append(&row->text, text, strlen(text)))
            return vb_fail_memory(err, r->path);
        row->timed = !r->timeline.info.still;
        row->start_us = span->start_us;
        row->score_sum = 0.0;
        row->count = 0;
        row->there = true;
    }
    row->end_us = span->end_us;
    row->score_sum += (double)reply->score;
    row->count++;
    return r->c->options->merge ? VBLIP_OK : flush(r, err);
}

// ---------------------------------------------------------------------------- frames

// Items are taken in order, by one worker: the timeline counts along.
static void produce_frame(void *user, uint64_t item, uint32_t slot)
{
    (void)item;
    recording *r = user;
    const vb_frames *source = r->c->task->frames;
    vblip_error *error = &r->slots[slot].error;
    vb_error_reset(error);
    r->slots[slot].span = vb_timeline_next(&r->timeline);
    // The status is in the error as well.
    vblip_status status =
        source->read(r->video, r->slots[slot].span.frame, r->slots[slot].rgb,
                     &r->slots[slot].frame, error);
    if (status == VBLIP_OK && r->c->task->counters)
        r->c->task->counters->frames_decoded++;
}

// Writes c->replies about `visual`. Each sample draws from a stream of its own.
static vblip_status write_samples(captioning *c, vb_visual *visual, uint64_t frame,
                                  vblip_error *err)
{
    const vb_model_ops *ops = c->task->ops;
    for (uint32_t i = 0; i < c->samples; i++) {
        c->params.random = vb_random_stream(c->options->seed, frame, i);
        vb_generated_free(&c->replies[i]);
        VB_TRY(ops->caption(ops->model, visual, &c->params, &c->replies[i], err));
    }
    return VBLIP_OK;
}

static vblip_status caption_frame(captioning *c, const vb_frame *rgb, uint64_t frame,
                                  vblip_error *err)
{
    VB_TRY(vb_encode_frames(c->task, c->visual, rgb, 1, vb_job(c->options->job)->batch,
                            NULL, err));
    return write_samples(c, c->visual, frame, err);
}

// Whether other frames of a file may be read where one failed like that.
static bool is_of_one_frame(vblip_status status)
{
    return status == VBLIP_ERR_IO || status == VBLIP_ERR_FORMAT ||
           status == VBLIP_ERR_UNSUPPORTED;
}

// Captions all spans that have a frame. The first failure is the file's.
static vblip_status caption_spans(recording *r, vblip_error *failed, vblip_error *err)
{
    captioning *c = r->c;
    uint64_t last = UINT64_MAX; // frame the replies describe
    uint32_t slot = 0;
    while (vb_pipeline_next(r->frames, &slot)) {
        const vb_span span = r->slots[slot].span;
        const vblip_status status = r->slots[slot].error.status;
        if (status != VBLIP_OK) {
            if (failed->status == VBLIP_OK)
                *failed = r->slots[slot].error;
            if (!is_of_one_frame(status))
                return VBLIP_OK;
            VB_TRY(flush(r, err)); // what is behind is not its neighbour
            continue;
        }
        if (span.frame != last) {
            VB_TRY(caption_frame(c, &r->slots[slot].frame, span.frame, err));
            last = span.frame;
        }
        for (uint32_t i = 0; i < c->samples; i++)
            VB_TRY(caption_add_row(r, &span, &c->replies[i], err));
        r->spans++;
        VB_TRY(vb_meter_add(&c->meter, r->path, c->samples, err));
    }
    // Cut behind the last frame that was wanted. The status is in the error as well.
    vblip_status whole = vb_check_whole(&r->timeline.info, r->path, failed);
    (void)whole;
    return VBLIP_OK;
}

// ------------------------------------------------------------------------- recordings

static vblip_status caption_open_video(captioning *c, const vblip_input *input,
                                       vb_video **video, vblip_error *err)
{
    *video = NULL;
    if (input->error)
        return vb_fail(err, VBLIP_ERR_IO, "%s", input->error);
    const vb_decode_options options = {
        .side = c->task->ops->side,
        .threads = c->plan.codec_threads,
        .ignore_orientation = c->task->ops->ignore_orientation,
        .stopped = vb_halt_asked,
        .stopped_user = c->task->halt,
    };
    return c->task->frames->open(c->task->frames->user, video, input->path, &options,
                                 err);
}

static vb_timeline timeline_of(const captioning *c, const vb_video *video)
{
    const vblip_caption_options *o = c->options;
    return vb_timeline_make(c->task->frames, video, o->every_us, o->every_frames,
                            o->count);
}

static vblip_status start_frames(recording *r, vblip_error *err)
{
    const size_t side = r->c->task->ops->side;
    for (int i = 0; i < SLOTS; i++) {
        r->slots[i].rgb = malloc(side * side * 3);
        if (!r->slots[i].rgb)
            return vb_fail_memory(err, r->path);
    }
    return vb_pipeline_open(&r->frames, r->c->plan.workers ? 1 : 0, r->timeline.count,
                            produce_frame, r, r->c->task->halt, err);
}

// 0 for what is no file.
static double bytes_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (double)st.st_size : 0.0;
}

// The inputs that are not open yet are taken to hold as many captions as the others for
// their bytes, at least one each: to know would be to read them twice. Where bytes tell
// nothing, as many as the others on average.
static void estimate_total(captioning *c)
{
    const uint64_t left = c->task->input_count - c->opened;
    uint64_t more = (c->announced + c->opened - 1) / c->opened * left;
    if (c->bytes > 0.0 && c->ahead > 0.0)
        more = (uint64_t)((double)c->announced * (c->ahead / c->bytes));
    c->meter.total = c->announced + (more > left || c->announced == 0 ? more : left);
}

static void open_one_more(captioning *c, const char *path)
{
    const double bytes = bytes_of(path);
    c->opened++;
    c->bytes += bytes;
    c->ahead = c->ahead > bytes ? c->ahead - bytes : 0.0;
}

// Captions one input. What is wrong with it goes to `failed`, with the captions that
// will not come; what stops the job to `err`.
static vblip_status caption_input(captioning *c, uint32_t index, vblip_error *failed,
                                  uint64_t *skipped, vblip_error *err)
{
    *skipped = 0;
    const vblip_input *input = &c->task->inputs[index];
    recording r = {.c = c, .input = index, .path = input->path};
    open_one_more(c, input->path);
    if (caption_open_video(c, input, &r.video, failed) != VBLIP_OK)
        return VBLIP_OK;
    r.timeline = timeline_of(c, r.video);
    vb_job_warned(vb_job(c->options->job), index, input->path, r.timeline.info.warning);
    c->announced += r.timeline.count * c->samples;
    estimate_total(c);
    vblip_status status = vb_meter_add(&c->meter, input->path, 0, err);
    if (status == VBLIP_OK)
        status = start_frames(&r, err);
    if (status == VBLIP_OK)
        status = caption_spans(&r, failed, err);
    vblip_status flushed = flush(&r, err); // what is finished stands, also when stopped
    *skipped = (r.timeline.count - r.spans) * c->samples;
    vb_pipeline_close(&r.frames);
    for (int i = 0; i < SLOTS; i++)
        free(r.slots[i].rgb);
    vb_string_free(&r.row.text);
    c->task->frames->close(&r.video);
    return status != VBLIP_OK ? status : flushed;
}

// One text about all frames of a clip that is encoded, or so many samples of it.
static vblip_status caption_encoded(captioning *c, vblip_error *err)
{
    const vb_encoded *clip = c->task->encoded;
    VB_TRY(write_samples(c, clip->visual, 0, err));
    for (uint32_t i = 0; i < c->samples; i++) {
        const char *text = c->replies[i].text.bytes;
        const vblip_caption caption = {
            .input = clip->input,
            .path = clip->path,
            .timed = clip->timed,
            .start_us = clip->start_us,
            .end_us = clip->end_us,
            .text = text ? text : "",
            .score = c->replies[i].score,
        };
        VB_TRY(caption_emit(c, &caption, err));
    }
    return VBLIP_OK;
}

static vblip_status caption_all(captioning *c, vblip_error *err)
{
    const vblip_job *job = vb_job(c->options->job);
    const vb_model_ops *ops = c->task->ops;
    c->replies = calloc(c->samples, sizeof *c->replies);
    if (!c->replies)
        return vb_fail_memory(err, "captions");
    if (c->task->encoded)
        return caption_encoded(c, err);
    VB_TRY(ops->visual_make(&c->visual, ops->model, err));
    c->meter = vb_meter_start(job, "captions", 0);
    for (uint32_t i = 0; i < c->task->input_count; i++)
        c->ahead += bytes_of(c->task->inputs[i].path);
    for (uint32_t i = 0; i < c->task->input_count; i++) {
        const vblip_input *input = &c->task->inputs[i];
        vblip_error failed = {0};
        uint64_t skipped = 0;
        VB_TRY(caption_input(c, i, &failed, &skipped, err));
        if (failed.status == VBLIP_OK)
            continue;
        VB_TRY(vb_job_failed(job, i, input->path, &failed, err));
        c->announced -= skipped;
        estimate_total(c);
        VB_TRY(vb_meter_add(&c->meter, input->path, 0, err));
    }
    return VBLIP_OK;
}

vb_caption_params vb_caption_params_of(const vblip_caption_options *options)
{
    static const vblip_caption_options none;
    if (!options)
        options = &none;
    return (vb_caption_params){
        .prompt = options->prompt,
        .beams = options->beams,
        .max_length = options->max_length,
        .min_length = options->min_length,
        .repetition_penalty = options->repetition_penalty,
        .sample = options->sample,
        .top_p = options->top_p,
        .top_k = options->top_k,
        .temperature = options->temperature,
    };
}

vblip_status vb_task_caption(const vb_task *task, const vblip_caption_options *options,
                             vblip_caption_fn fn, void *user, vblip_error *err)
{
    const vblip_job *job = vb_job(options->job);
    captioning c = {
        .task = task,
        .options = options,
        .params = vb_caption_params_of(options),
        .samples = options->samples ? options->samples : 1,
        .plan = vb_plan_threads(job->jobs, vb_core_count(), task->ops->shares_cores),
        .fn = fn,
        .user = user,
    };
    if (c.plan.workers > 1) // one file at a time
        c.plan = vb_plan_threads(1, vb_core_count(), false);
    vblip_status status = caption_all(&c, err);
    for (uint32_t i = 0; i < c.samples && c.replies; i++)
        vb_generated_free(&c.replies[i]);
    free(c.replies);
    task->ops->visual_free(&c.visual);
    return status;
}

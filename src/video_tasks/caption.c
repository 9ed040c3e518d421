// caption.c - recordings described frame by frame, or shot by shot (blip-spec 6.4 per
// sampled frame).
//
// Memory is flat however long the file is, but for what decode.h says it keeps: a frame
// is decoded into a buffer that is used again, and waits in a batch to be captioned. Where
// the device leaves the cores alone the next one decodes meanwhile.
#include "base/cores.h"
#include "base/random.h"
#include "video_tasks/caption_batch.h"
#include "video_tasks/encoded.h"
#include "video_tasks/pipeline.h"
#include "video_tasks/telling.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    SLOTS = 2,    // one worker at most: a file is decoded in order
    LOOKED_AT = 7 // frames of a shot; of an odd number one is its middle
};

typedef struct captioning {
    const vb_task *task;
    const vblip_caption_options *options;
    vb_thread_plan plan;
    vb_caption_batch *batch;
    vb_meter meter;
    uint32_t opened;     // inputs, in vain or not
    uint64_t announced;  // captions of these that are done or will come
    double bytes, ahead; // of the files that were opened, and of all others
    uint32_t samples;    // captions of each frame
} captioning;

// A span and its frame.
typedef struct span_slot {
    uint8_t *rgb; // of one frame, or LOOKED_AT
    vb_span span;
    bool seen; // there is a frame
    vb_frame frame;
    vblip_error error; // why not; or of frames that might have stood for it
} span_slot;

// One file in work.
typedef struct recording {
    captioning *c;
    uint32_t input; // index
    const char *path;
    vb_video *video;
    vb_stretches shots; // where they are what is captioned
    vb_timeline timeline;
    uint64_t spans; // that have a frame
    vb_pipeline *frames;
    span_slot slots[SLOTS];
} recording;

// ---------------------------------------------------------------------------- frames

// Whether other frames of a file may be read where one failed like that.
static bool is_of_one_frame(vblip_status status)
{
    return status == VBLIP_ERR_IO || status == VBLIP_ERR_FORMAT ||
           status == VBLIP_ERR_UNSUPPORTED;
}

static vblip_status read_counted(const recording *r, uint64_t index, uint8_t *rgb,
                                 vb_frame *out, vblip_error *err)
{
    const vb_task *task = r->c->task;
    VB_TRY(task->frames->read(r->video, index, rgb, out, err));
    if (task->counters)
        task->counters->frames_decoded++;
    return VBLIP_OK;
}

// Of the frames that may stand for a span, the middle of those that tell something. Where
// some cannot be read the others are left.
static void read_telling(const recording *r, span_slot *slot)
{
    const size_t side = r->c->task->ops->side;
    const uint64_t choice = slot->span.choice;
    const uint64_t count = choice < LOOKED_AT ? choice : LOOKED_AT;
    vb_frame frames[LOOKED_AT];
    uint32_t read = 0;
    for (uint64_t i = 0; i < count; i++) {
        vblip_error why = {0};
        const uint64_t index = slot->span.frame + (2 * i + 1) * choice / (2 * count);
        const vblip_status status = read_counted(
            r, index, slot->rgb + read * side * side * 3, &frames[read], &why);
        if (status == VBLIP_OK)
            read++;
        else if (slot->error.status == VBLIP_OK || !is_of_one_frame(status))
            slot->error = why;
        if (status != VBLIP_OK && !is_of_one_frame(status))
            return;
    }
    if (read == 0)
        return;
    slot->frame = frames[vb_keep_telling(frames, read) / 2];
    slot->span.frame = slot->frame.index;
    slot->seen = true;
}

// Items are taken in order, by one worker: the timeline counts along.
static void produce_frame(void *user, uint64_t item, uint32_t number)
{
    (void)item;
    recording *r = user;
    span_slot *slot = &r->slots[number];
    vb_error_reset(&slot->error);
    slot->span = vb_timeline_next(&r->timeline);
    slot->seen = false;
    if (slot->span.choice)
        read_telling(r, slot);
    else
        slot->seen = read_counted(r, slot->span.frame, slot->rgb, &slot->frame,
                                  &slot->error) == VBLIP_OK;
}

// Takes all spans that have a frame to the batch. The first failure is the file's.
static vblip_status caption_spans(recording *r, vblip_error *failed, vblip_error *err)
{
    vb_caption_batch *batch = r->c->batch;
    vb_captioned about = {
        .input = r->input,
        .path = r->path,
        .timed = !r->timeline.info.still,
        .lead_us = r->timeline.info.lead_us,
    };
    uint64_t last = UINT64_MAX; // frame
    uint32_t number = 0;
    while (vb_pipeline_next(r->frames, &number)) {
        const span_slot *slot = &r->slots[number];
        if (failed->status == VBLIP_OK)
            *failed = slot->error;
        if (!slot->seen) {
            if (!is_of_one_frame(slot->error.status))
                return VBLIP_OK;
            VB_TRY(vb_caption_batch_break(batch, err));
            continue;
        }
        about.span = slot->span;
        VB_TRY(vb_caption_batch_add(batch, &about, &slot->frame,
                                    about.span.frame == last, err));
        last = about.span.frame;
        r->spans++;
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
        .hwaccel = c->task->hwaccel,
        .ignore_orientation = c->task->ops->ignore_orientation,
        .stopped = vb_halt_asked,
        .stopped_user = c->task->halt,
    };
    return c->task->frames->open(c->task->frames->user, video, input->path, &options,
                                 err);
}

static vblip_status find_spans(recording *r, vblip_error *err)
{
    static const vb_segmenting shots = {.rule = VB_SEGMENTS_SHOTS};
    const vblip_caption_options *o = r->c->options;
    const vb_frames *source = r->c->task->frames;
    if (!o->shots) {
        r->timeline =
            vb_timeline_make(source, r->video, o->every_us, o->every_frames, o->count);
        return VBLIP_OK;
    }
    VB_TRY(vb_segments_find(&r->shots, source, r->video, r->path, &shots, err));
    r->timeline = vb_timeline_over(source, r->video, &r->shots);
    if (r->c->meter.done == 0) // the first caption says nothing of the search
        vb_meter_restart(&r->c->meter);
    return VBLIP_OK;
}

static vblip_status start_frames(recording *r, vblip_error *err)
{
    const size_t side = r->c->task->ops->side;
    const size_t frames = r->timeline.stretches ? LOOKED_AT : 1;
    for (int i = 0; i < SLOTS; i++) {
        r->slots[i].rgb = malloc(frames * side * side * 3);
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

static vblip_status caption_recording(recording *r, vblip_error *failed,
                                      vblip_error *err)
{
    captioning *c = r->c;
    vb_job_warned(vb_job(c->options->job), r->input, r->path, r->timeline.info.warning);
    c->announced += r->timeline.count * c->samples;
    estimate_total(c);
    VB_TRY(vb_meter_add(&c->meter, r->path, 0, err));
    VB_TRY(start_frames(r, err));
    VB_TRY(caption_spans(r, failed, err));
    const char *seen = c->task->frames->describe(r->video)->warning; // in reading
    if (strcmp(seen, r->timeline.info.warning) != 0)
        vb_job_warned(vb_job(c->options->job), r->input, r->path, seen);
    if (failed->status == VBLIP_OK)
        return VBLIP_OK;
    c->announced -= (r->timeline.count - r->spans) * c->samples; // will not come
    estimate_total(c);
    return vb_meter_add(&c->meter, r->path, 0, err);
}

// Captions one input. What is wrong with it goes to the batch, what stops the job to `err`.
static vblip_status caption_input(captioning *c, uint32_t index, vblip_error *err)
{
    const vblip_input *input = &c->task->inputs[index];
    recording r = {.c = c, .input = index, .path = input->path};
    vblip_error failed = {0};
    open_one_more(c, input->path);
    if (c->options->shots) // to find them may take minutes
        VB_TRY(vb_meter_add(&c->meter, input->path, 0, err));
    vblip_status status = caption_open_video(c, input, &r.video, &failed);
    if (status == VBLIP_OK)
        status = find_spans(&r, &failed);
    if (status == VBLIP_OK) {
        status = caption_recording(&r, &failed, err);
    } else {
        estimate_total(c);
        status = vb_meter_add(&c->meter, input->path, 0, err);
    }
    vb_pipeline_close(&r.frames);
    for (int i = 0; i < SLOTS; i++)
        free(r.slots[i].rgb);
    vb_stretches_free(&r.shots);
    c->task->frames->close(&r.video);
    if (status == VBLIP_OK)
        status = vb_caption_batch_end(c->batch, index, input->path, &failed, err);
    return status;
}

static vblip_status caption_files(captioning *c, vblip_caption_fn fn, void *user,
                                  vblip_error *err)
{
    const vblip_job *job = vb_job(c->options->job);
    c->meter = vb_meter_start(job, "captions", 0);
    VB_TRY(vb_caption_batch_open(&c->batch, c->task, c->options, fn, user, &c->meter,
                                 err));
    for (uint32_t i = 0; i < c->task->input_count; i++)
        c->ahead += bytes_of(c->task->inputs[i].path);
    vblip_status status = VBLIP_OK;
    for (uint32_t i = 0; i < c->task->input_count && status == VBLIP_OK; i++)
        status = caption_input(c, i, err);
    if (status == VBLIP_OK)
        status = vb_caption_batch_flush(c->batch, err);
    // What is finished stands, also when stopped.
    const vblip_status finished = vb_caption_batch_finish(c->batch, err);
    vb_caption_batch_close(&c->batch);
    return status != VBLIP_OK ? status : finished;
}

// One text about all frames of a clip that is encoded, or so many samples of it.
static vblip_status caption_encoded(const captioning *c, vblip_caption_fn fn,
                                    void *user, vblip_error *err)
{
    const vb_encoded *clip = c->task->encoded;
    const vb_model_ops *ops = c->task->ops;
    vb_caption_params params = vb_caption_params_of(c->options);
    for (uint32_t i = 0; i < c->samples; i++) {
        vb_generated reply = {0};
        params.random = vb_random_stream(c->options->seed, 0, i);
        VB_TRY(ops->caption(ops->model, clip->visual, &params, &reply, err));
        const vblip_caption caption = {
            .input = clip->input,
            .path = clip->path,
            .timed = clip->timed,
            .start_us = clip->start_us,
            .end_us = clip->end_us,
            .text = reply.text.bytes ? reply.text.bytes : "",
            .score = reply.score,
        };
        const bool stopped = fn(user, &caption) != 0;
        vb_generated_free(&reply);
        if (stopped)
            return vb_fail_cancelled(err);
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
        .samples = options->samples ? options->samples : 1,
        .plan = vb_plan_threads(job->jobs, 1, vb_core_count(), task->ops->shares_cores),
    };
    return task->encoded ? caption_encoded(&c, fn, user, err)
                         : caption_files(&c, fn, user, err);
}

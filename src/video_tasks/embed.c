// embed.c - features of inputs, of texts, and of both together (blip-spec 6.5).
#include "base/arena.h"
#include "video_tasks/clips.h"
#include "video_tasks/job.h"
#include "video_tasks/tasks.h"

enum { DEFAULT_FRAMES = 8 };

typedef struct embedding {
    const vb_task *task;
    vblip_feature feature;
    const vblip_embed_options *options;
    const char *const *texts;
    uint32_t count; // texts
    vblip_features_fn fn;
    void *user;
    vb_meter meter;

    vb_arena arena;
    float *vector;        // [projection], in the arena
    vb_features features; // owned as well
    vb_visual *visual;    // every clip in turn
} embedding;

bool vb_feature_of_inputs(vblip_feature feature)
{
    return feature != VBLIP_FEATURE_ITC_TEXT && feature != VBLIP_FEATURE_TEXT;
}

bool vb_feature_of_texts(vblip_feature feature)
{
    return feature != VBLIP_FEATURE_ITC_IMAGE && feature != VBLIP_FEATURE_VISION;
}

static vblip_status embed_prepare(embedding *e, vblip_error *err)
{
    const vb_model_ops *ops = e->task->ops;
    e->vector = VB_ARENA_NEW(&e->arena, float, ops->projection);
    if (!e->vector)
        return vb_fail_memory(err, "embed");
    return ops->visual_make(&e->visual, ops->model, err);
}

// A tensor of input and text, whichever the feature is of.
static vblip_status report_tensor(embedding *e, uint32_t input, uint32_t text,
                                  const float *values, uint32_t rows, uint32_t cols,
                                  vblip_error *err)
{
    const bool seen = vb_feature_of_inputs(e->feature);
    const vblip_features features = {
        .path = seen ? e->task->inputs[input].path : NULL,
        .input = input,
        .text = text,
        .values = values,
        .rows = rows,
        .cols = cols,
    };
    if (e->fn(e->user, &features))
        return vb_fail_cancelled(err);
    return vb_meter_add(&e->meter, seen ? features.path : e->texts[text], 1, err);
}

static vblip_status report_features(embedding *e, uint32_t input, uint32_t text,
                                    vblip_error *err)
{
    const vb_features *f = &e->features;
    return report_tensor(e, input, text, f->values, f->rows, f->cols, err);
}

// ------------------------------------------------------------------------------ texts

static vblip_status embed_text_vectors(embedding *e, vblip_error *err)
{
    const vb_model_ops *ops = e->task->ops;
    const size_t width = ops->projection;
    float *vectors = VB_ARENA_NEW(&e->arena, float, e->count *width);
    if (!vectors)
        return vb_fail_memory(err, "embed");
    VB_TRY(ops->text_itc(ops->model, e->texts, e->count, vectors, err));
    for (uint32_t i = 0; i < e->count; i++)
        VB_TRY(report_tensor(e, 0, i, vectors + i * width, 0, ops->projection, err));
    return VBLIP_OK;
}

static vblip_status embed_texts(embedding *e, vblip_error *err)
{
    const vb_model_ops *ops = e->task->ops;
    if (e->feature == VBLIP_FEATURE_ITC_TEXT)
        return embed_text_vectors(e, err);
    for (uint32_t i = 0; i < e->count; i++) {
        VB_TRY(ops->text_features(ops->model, NULL, e->texts[i], &e->features, err));
        VB_TRY(report_features(e, 0, i, err));
    }
    return VBLIP_OK;
}

// ----------------------------------------------------------------------------- inputs

static uint32_t tensors_of_an_input(vblip_feature feature, uint32_t texts)
{
    return feature == VBLIP_FEATURE_MULTIMODAL ? texts : 1;
}

static vblip_status embed_encoded(embedding *e, uint32_t input, vblip_error *err)
{
    const vb_model_ops *ops = e->task->ops;
    if (e->feature == VBLIP_FEATURE_ITC_IMAGE)
        return report_tensor(e, input, 0, e->vector, 0, ops->projection, err);
    if (e->feature == VBLIP_FEATURE_VISION) {
        VB_TRY(ops->visual_features(ops->model, e->visual, &e->features, err));
        return report_features(e, input, 0, err);
    }
    for (uint32_t i = 0; i < e->count; i++) {
        VB_TRY(
            ops->text_features(ops->model, e->visual, e->texts[i], &e->features, err));
        VB_TRY(report_features(e, input, i, err));
    }
    return VBLIP_OK;
}

static vblip_status embed_clip(embedding *e, const vb_clip *clip, vblip_error *err)
{
    const vblip_job *job = &e->options->job;
    const char *path = e->task->inputs[clip->input].path;
    if (clip->error.status != VBLIP_OK) {
        VB_TRY(vb_job_failed(job, path, &clip->error, err));
        return vb_meter_skip(&e->meter, path, tensors_of_an_input(e->feature, e->count),
                             err);
    }
    VB_TRY(vb_clip_encode(clip, e->task, e->visual, job->batch,
                          e->feature == VBLIP_FEATURE_ITC_IMAGE ? e->vector : NULL,
                          err));
    return embed_encoded(e, clip->input, err);
}

static vblip_status embed_clips(embedding *e, vblip_error *err)
{
    const vblip_job *job = &e->options->job;
    vb_clips *clips = NULL;
    VB_TRY(vb_clips_open(&clips, e->task, job, NULL, e->task->input_count,
                         job->frames ? job->frames : DEFAULT_FRAMES, err));
    vblip_status status = VBLIP_OK;
    const vb_clip *clip = NULL;
    while (status == VBLIP_OK && (clip = vb_clips_next(clips)))
        status = embed_clip(e, clip, err);
    vb_clips_close(&clips);
    return status;
}

vblip_status vb_task_embed(const vb_task *task, vblip_feature feature,
                           const char *const *texts, uint32_t count,
                           const vblip_embed_options *options, vblip_features_fn fn,
                           void *user, vblip_error *err)
{
    const bool seen = vb_feature_of_inputs(feature);
    const uint64_t total =
        seen ? (uint64_t)task->input_count * tensors_of_an_input(feature, count)
             : count;
    embedding e = {
        .task = task,
        .feature = feature,
        .options = options,
        .texts = texts,
        .count = count,
        .fn = fn,
        .user = user,
        .meter = vb_meter_start(&options->job, "tensors", total),
    };
    vblip_status status = embed_prepare(&e, err);
    if (status == VBLIP_OK)
        status = seen ? embed_clips(&e, err) : embed_texts(&e, err);
    task->ops->visual_free(&e.visual);
    vb_features_free(&e.features);
    vb_arena_free(&e.arena);
    return status;
}

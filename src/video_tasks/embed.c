// embed.c - features of inputs, of texts, and of both together (blip-spec 6.5).
#include "base/arena.h"
#include "video_tasks/encoded.h"
#include "video_tasks/job.h"
#include "video_tasks/tasks.h"

enum { DEFAULT_FRAMES = 8 };

typedef struct embedding {
    const vb_task *task;
    vblip_feature feature;
    const char *const *texts;
    uint32_t count; // texts
    vblip_features_fn fn;
    void *user;
    vb_meter meter;

    vb_features features; // owned
} embedding;

bool vb_feature_of_inputs(vblip_feature feature)
{
    return feature != VBLIP_FEATURE_ITC_TEXT && feature != VBLIP_FEATURE_TEXT;
}

bool vb_feature_of_texts(vblip_feature feature)
{
    return feature != VBLIP_FEATURE_ITC_IMAGE && feature != VBLIP_FEATURE_VISION;
}

// A tensor of a clip (NULL = none) and a text, whichever the feature is of.
static vblip_status report_tensor(embedding *e, const vb_encoded *clip, uint32_t text,
                                  const float *values, uint32_t rows, uint32_t cols,
                                  vblip_error *err)
{
    const vblip_features features = {
        .path = clip ? clip->path : NULL,
        .input = clip ? clip->input : 0,
        .text = text,
        .values = values,
        .rows = rows,
        .cols = cols,
    };
    if (e->fn(e->user, &features))
        return vb_fail_cancelled(err);
    return vb_meter_add(&e->meter, clip ? clip->path : e->texts[text], 1, err);
}

static vblip_status report_features(embedding *e, const vb_encoded *clip, uint32_t text,
                                    vblip_error *err)
{
    const vb_features *f = &e->features;
    return report_tensor(e, clip, text, f->values, f->rows, f->cols, err);
}

// ------------------------------------------------------------------------------ texts

static vblip_status embed_text_vectors(embedding *e, vblip_error *err)
{
    const vb_model_ops *ops = e->task->ops;
    const size_t width = ops->projection;
    vb_arena arena = {0};
    float *vectors = VB_ARENA_NEW(&arena, float, e->count *width);
    vblip_status status =
        vectors ? ops->text_itc(ops->model, e->texts, e->count, vectors, err)
                : vb_fail_memory(err, "embed");
    for (uint32_t i = 0; i < e->count && status == VBLIP_OK; i++)
        status =
            report_tensor(e, NULL, i, vectors + i * width, 0, ops->projection, err);
    vb_arena_free(&arena);
    return status;
}

static vblip_status embed_texts(embedding *e, vblip_error *err)
{
    const vb_model_ops *ops = e->task->ops;
    if (e->feature == VBLIP_FEATURE_ITC_TEXT)
        return embed_text_vectors(e, err);
    for (uint32_t i = 0; i < e->count; i++) {
        VB_TRY(ops->text_features(ops->model, NULL, e->texts[i], &e->features, err));
        VB_TRY(report_features(e, NULL, i, err));
    }
    return VBLIP_OK;
}

// ----------------------------------------------------------------------------- inputs

static uint32_t tensors_of_an_input(vblip_feature feature, uint32_t texts)
{
    return feature == VBLIP_FEATURE_MULTIMODAL ? texts : 1;
}

static vblip_status embed_clip(void *user, const vb_encoded *clip, vblip_error *err)
{
    embedding *e = user;
    const vb_model_ops *ops = e->task->ops;
    if (clip->failed)
        return vb_meter_skip(&e->meter, clip->path,
                             tensors_of_an_input(e->feature, e->count), err);
    if (e->feature == VBLIP_FEATURE_ITC_IMAGE)
        return report_tensor(e, clip, 0, clip->itc, 0, ops->projection, err);
    if (e->feature == VBLIP_FEATURE_VISION) {
        VB_TRY(ops->visual_features(ops->model, clip->visual, &e->features, err));
        return report_features(e, clip, 0, err);
    }
    for (uint32_t i = 0; i < e->count; i++) {
        VB_TRY(ops->text_features(ops->model, clip->visual, e->texts[i], &e->features,
                                  err));
        VB_TRY(report_features(e, clip, i, err));
    }
    return VBLIP_OK;
}

vblip_status vb_task_embed(const vb_task *task, vblip_feature feature,
                           const char *const *texts, uint32_t count,
                           const vblip_job *job, vblip_features_fn fn, void *user,
                           vblip_error *err)
{
    const bool of_inputs = vb_feature_of_inputs(feature);
    const uint64_t total =
        of_inputs ? (uint64_t)task->input_count * tensors_of_an_input(feature, count)
                  : count;
    embedding e = {
        .task = task,
        .feature = feature,
        .texts = texts,
        .count = count,
        .fn = fn,
        .user = user,
        .meter = vb_meter_start(vb_job(job), "tensors", total),
    };
    vblip_status status = of_inputs ? vb_encode_each(task, vb_job(job), DEFAULT_FRAMES,
                                                     feature == VBLIP_FEATURE_ITC_IMAGE,
                                                     embed_clip, &e, err)
                                    : embed_texts(&e, err);
    vb_features_free(&e.features);
    return status;
}

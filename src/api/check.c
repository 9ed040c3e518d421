// check.c - what callers got wrong, found before anything is decoded.
#include "api/objects.h"

#include "base/text.h"
#include "checkpoint/layout.h"

#include <math.h>
#include <string.h>

enum { MAX_FRAMES = 1024 }; // of a clip; BLIP's longest is 16

vblip_status vb_take_options(void *out, size_t size, const void *options,
                             const char *what, vblip_error *err)
{
    uint32_t given;
    memset(out, 0, size);
    if (!options)
        return VBLIP_OK;
    memcpy(&given, options, sizeof given); // every options struct begins with its size
    const size_t known = given ? given : size;
    for (size_t i = size; i < known; i++)
        if (((const char *)options)[i])
            return vb_fail(err, VBLIP_ERR_ARGUMENT,
                           "%s options: %zu bytes, this library knows %zu", what, known,
                           size);
    if (known < sizeof given)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s options: size %zu", what, known);
    memcpy(out, options, known < size ? known : size);
    return VBLIP_OK;
}

vblip_status vb_take_model(vblip_model_options *out, const vblip_model_options *options,
                           vblip_error *err)
{
    const uint32_t all = VBLIP_TASK_RETRIEVAL | VBLIP_TASK_CAPTION | VBLIP_TASK_VQA |
                         VBLIP_TASK_NLVR | VBLIP_TASK_ITC | VBLIP_TASK_FEATURES;
    VB_TRY(vb_take_options(out, sizeof *out, options, "model", err));
    if (out->tasks & ~all)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "tasks: 0x%x, known are 0x%x",
                       (unsigned)out->tasks, (unsigned)all);
    out->tasks = vb_tasks_whole(out->tasks);
    if (out->compat != VBLIP_COMPAT_SALESFORCE && out->compat != VBLIP_COMPAT_HF)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "compat: %d, known are 0 and 1",
                       (int)out->compat);
    if (!out->path)
        out->path = vblip_bundled_model();
    if (!out->default_vocab)
        out->default_vocab = vblip_bundled_vocab();
    return VBLIP_OK;
}

vblip_status vb_take_job(vblip_job *out, const vblip_job **job, vblip_error *err)
{
    VB_TRY(vb_take_options(out, sizeof *out, *job, "job", err));
    *job = out;
    return VBLIP_OK;
}

vblip_status vb_check_frames(uint32_t frames, vblip_error *err)
{
    if (frames <= MAX_FRAMES)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_ARGUMENT, "frames: %u, at most %u", (unsigned)frames,
                   (unsigned)MAX_FRAMES);
}

vblip_status vb_check_task(const vblip_model *model, uint32_t task,
                           const vblip_job *job, vblip_error *err)
{
    VB_TRY(vb_check_frames(job->frames, err));
    const vblip_model_info *info = vb_checkpoint_info(model->checkpoint);
    if (model->tasks & task)
        return VBLIP_OK;
    if (info->tasks & task)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "%s: not loaded for this: tasks 0x%x, expected one of 0x%x",
                       info->path, (unsigned)model->tasks, (unsigned)task);
    return vb_task_refuse(info->path, "checkpoint", info->tasks, task, err);
}

vblip_status vb_check_texts(const char *const *texts, uint32_t count, const char *what,
                            vblip_error *err)
{
    if (!texts || count == 0)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: none given", what);
    for (uint32_t i = 0; i < count; i++) {
        if (!texts[i])
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: number %u is missing", what,
                           (unsigned)i + 1);
        if (!vb_utf8_valid(texts[i], strlen(texts[i])))
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: number %u is not valid UTF-8",
                           what, (unsigned)i + 1);
    }
    return VBLIP_OK;
}

static vblip_status check_caption_sampling(const vblip_caption_options *o,
                                           vblip_error *err)
{
    if (!(o->top_p >= 0.0f && o->top_p <= 1.0f))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "top_p: %g, expected 0 to 1",
                       (double)o->top_p);
    if (!(o->temperature >= 0.0f && isfinite(o->temperature)))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "temperature: %g, expected more than 0",
                       (double)o->temperature);
    if (!(o->same_picture >= 0.0f && o->same_picture <= 1.0f))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "same picture: %g, expected 0 to 1",
                       (double)o->same_picture);
    if (o->same_picture > 0.0f && !o->merge)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "same picture: only with merge");
    if (o->samples > 1 && (!o->sample || o->merge))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "samples: %u, one %s",
                       (unsigned)o->samples,
                       o->sample ? "with merge" : "without sample");
    return VBLIP_OK;
}

vblip_status vb_check_retrieve(const vblip_retrieve_options *options, vblip_error *err)
{
    if (!(options->min_p >= 0.0f && options->min_p <= 1.0f))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "min_p: %g, expected 0 to 1",
                       (double)options->min_p);
    if (options->rerank < VBLIP_RERANK_AUTO)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "rerank: %d, expected -2 or more",
                       (int)options->rerank);
    if (options->min_p > 0.0f && options->rerank == -1)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "min_p: without reranking there is no P(match)");
    return VBLIP_OK;
}

vblip_status vb_check_lengths(uint32_t least, uint32_t most, vblip_error *err)
{
    if (!most || least <= most)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_ARGUMENT, "min_length: %u, at most max_length %u",
                   (unsigned)least, (unsigned)most);
}

vblip_status vb_check_caption_options(const vblip_caption_options *o, vblip_error *err)
{
    if (o->every_us < 0)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "every: %lld us, expected more than 0",
                       (long long)o->every_us);
    if (!(o->repetition_penalty >= 0.0f && isfinite(o->repetition_penalty)))
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "repetition penalty: %g, expected more than 0",
                       (double)o->repetition_penalty);
    if (o->shots && (o->every_us || o->every_frames || o->count))
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "shots: not together with every_us, every_frames or count");
    VB_TRY(vb_check_lengths(o->min_length, o->max_length, err));
    VB_TRY(check_caption_sampling(o, err));
    return o->prompt ? vb_check_texts(&o->prompt, 1, "prompt", err) : VBLIP_OK;
}

vblip_status vb_take_caption(vblip_caption_options *out,
                             const vblip_caption_options **options, vblip_error *err)
{
    VB_TRY(vb_take_options(out, sizeof *out, *options, "caption", err));
    *options = out;
    return vb_check_caption_options(out, err);
}

// datasets.c - the exported functions about annotated data sets.
#include "vblip.h"

#include "api/objects.h"
#include "base/file.h"
#include "video_tasks/eval.h"
#include "video_tasks/filter.h"

#include <stdlib.h>

// What each protocol reads and needs.
static const struct protocol {
    vb_annotation_kind kind;
    uint32_t task;
    vblip_status (*run)(const vb_eval *eval, vblip_error *err);
} protocols[] = {
    [VBLIP_EVAL_RETRIEVAL] = {VB_ANNOTATED_CAPTIONS, VBLIP_TASK_RETRIEVAL,
                              vb_eval_retrieval},
    [VBLIP_EVAL_QA] = {VB_ANNOTATED_ANSWERS, VBLIP_TASK_VQA, vb_eval_answers},
    [VBLIP_EVAL_CAPTION] = {VB_ANNOTATED_IMAGES, VBLIP_TASK_CAPTION, vb_eval_captions},
    [VBLIP_EVAL_VQA] = {VB_ANNOTATED_QUESTIONS, VBLIP_TASK_VQA, vb_eval_answers},
    [VBLIP_EVAL_NLVR] = {VB_ANNOTATED_STATEMENTS, VBLIP_TASK_NLVR, vb_eval_statements},
};

static vblip_status load_answers(vb_eval *eval, vb_arena *arena, vblip_error *err)
{
    const char *path = eval->options->answers;
    if (!path)
        return VBLIP_OK;
    char *text;
    size_t size;
    VB_TRY(vb_file_read(&text, &size, path, SIZE_MAX, err));
    vblip_status status = vb_answers_parse(&eval->answers, &eval->answer_count, arena,
                                           text, size, path, err);
    free(text);
    return status;
}

static vblip_status run_protocol(vblip_model *model, const struct protocol *protocol,
                                 vb_eval_set *set, const vblip_eval_options *options,
                                 vblip_error *err)
{
    vb_setup s;
    vb_set_up_model(&s, model);
    s.task.inputs = set->inputs;
    s.task.input_count = set->input_count;
    vb_eval eval = {.task = &s.task, .set = set, .options = options};
    vb_arena answers = {0};
    vblip_status status = load_answers(&eval, &answers, err);
    if (status == VBLIP_OK)
        status = protocol->run(&eval, err);
    vb_arena_free(&answers);
    return status;
}

vblip_status vblip_eval(vblip_model *model, vblip_protocol protocol,
                        const char *annotations, const vblip_eval_options *options,
                        vblip_error *err)
{
    vblip_eval_options o;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "eval", err));
    if ((unsigned)protocol >= sizeof protocols / sizeof *protocols)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "protocol: %u, known are 0 to %u",
                       (unsigned)protocol,
                       (unsigned)(sizeof protocols / sizeof *protocols) - 1);
    const struct protocol *p = &protocols[protocol];
    const bool folder = protocol == VBLIP_EVAL_CAPTION && o.media;
    VB_TRY(vb_need(annotations != NULL || folder, "annotations", err));
    VB_TRY(vb_need(model != NULL, "model", err));
    vblip_job job;
    vblip_caption_options caption;
    VB_TRY(vb_take_job(&job, &o.job, err));
    VB_TRY(vb_check_task(model, p->task, &job, err));
    VB_TRY(vb_take_caption(&caption, &o.caption, err));
    vb_eval_set set;
    VB_TRY(annotations ? vb_eval_set_load(&set, annotations, p->kind, o.media, err)
                       : vb_eval_set_list(&set, o.media, err));
    vblip_status status = run_protocol(model, p, &set, &o, err);
    vb_eval_set_free(&set);
    return status;
}

static vblip_status run_filter(vblip_model *model, vblip_model *captioner,
                               const vb_eval_set *set,
                               const vblip_filter_options *options,
                               vblip_filtered_fn fn, void *user, vblip_error *err)
{
    vb_setup judge, writer;
    vb_set_up_model(&judge, model);
    vb_set_up_model(&writer, captioner);
    judge.task.inputs = writer.task.inputs = set->inputs;
    judge.task.input_count = writer.task.input_count = set->input_count;
    const vb_filter f = {
        .task = &judge.task,
        .captioner = &writer.task,
        .set = set,
        .options = options,
        .fn = fn,
        .user = user,
    };
    return vb_task_filter(&f, err);
}

vblip_status vblip_filter(vblip_model *model, vblip_model *captioner, const char *pairs,
                          const vblip_filter_options *options, vblip_filtered_fn fn,
                          void *user, vblip_error *err)
{
    vblip_filter_options o;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "filter", err));
    VB_TRY(vb_need(model != NULL, "model", err));
    VB_TRY(vb_need(pairs != NULL, "pairs", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    if (!captioner)
        captioner = model;
    if (!(o.min_p <= 1.0f))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "min_p: %g, expected at most 1",
                       (double)o.min_p);
    vblip_job job;
    vblip_caption_options caption;
    VB_TRY(vb_take_job(&job, &o.job, err));
    VB_TRY(vb_check_task(model, VBLIP_TASK_RETRIEVAL, &job, err));
    VB_TRY(vb_check_task(captioner, VBLIP_TASK_CAPTION, &job, err));
    VB_TRY(vb_take_caption(&caption, &o.caption, err));
    vb_eval_set set;
    VB_TRY(vb_eval_set_load(&set, pairs, VB_ANNOTATED_PAIRS, o.media, err));
    vblip_status status = run_filter(model, captioner, &set, &o, fn, user, err);
    vb_eval_set_free(&set);
    return status;
}

// dataset.c - the exported functions about annotated data sets.
#include "vblip.h"

#include "api/objects.h"
#include "base/file.h"
#include "base/outfile.h"
#include "base/text.h"
#include "video_tasks/calibration.h"
#include "video_tasks/calibration_file.h"
#include "video_tasks/eval.h"
#include "video_tasks/filter.h"

#include <stdlib.h>

// What each protocol reads, needs and does.
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
    [VBLIP_CAPFILT] = {VB_ANNOTATED_PAIRS, 0, NULL},       // vblip_filter
    [VBLIP_CALIBRATION] = {VB_ANNOTATED_MATCHES, 0, NULL}, // vblip_calibrate
};
enum { DEFAULT_FRAMES = 8, PROTOCOLS = sizeof protocols / sizeof *protocols };

struct vblip_dataset {
    const struct protocol *protocol;
    vb_eval_set set;
    vb_arena arena; // owns the answers
    const char *const *answers;
    uint32_t answer_count;
};

// ---------------------------------------------------------------------------- handles

static vblip_status load_answers(vblip_dataset *d, const char *path, vblip_error *err)
{
    char *text;
    size_t size;
    if (!path)
        return VBLIP_OK;
    VB_TRY(vb_file_read(&text, &size, path, SIZE_MAX, err));
    vblip_status status = vb_answers_parse(&d->answers, &d->answer_count, &d->arena,
                                           text, size, path, err);
    free(text);
    return status;
}

static vblip_status load_dataset(vblip_dataset *d, const char *annotations,
                                 const vblip_dataset_options *o, vblip_error *err)
{
    VB_TRY(annotations ? vb_eval_set_load(&d->set, annotations, d->protocol->kind,
                                          o->media, err)
                       : vb_eval_set_list(&d->set, o->media, err));
    return load_answers(d, o->answers, err);
}

vblip_status vblip_dataset_open(vblip_dataset **out, vblip_protocol protocol,
                                const char *annotations,
                                const vblip_dataset_options *options, vblip_error *err)
{
    vblip_dataset_options o;
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_take_options(&o, sizeof o, options, "data set", err));
    if ((unsigned)protocol >= PROTOCOLS)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "protocol: %u, known are 0 to %u",
                       (unsigned)protocol, PROTOCOLS - 1u);
    const bool folder = protocol == VBLIP_EVAL_CAPTION && o.media;
    VB_TRY(vb_need(annotations != NULL || folder, "annotations", err));
    vblip_dataset *d = calloc(1, sizeof *d);
    if (!d)
        return vb_fail_memory(err, "data set");
    d->protocol = &protocols[protocol];
    vblip_status status = load_dataset(d, annotations, &o, err);
    if (status != VBLIP_OK)
        vblip_dataset_close(&d);
    *out = d;
    return status;
}

void vblip_dataset_close(vblip_dataset **dataset)
{
    if (!dataset || !*dataset)
        return;
    vb_eval_set_free(&(*dataset)->set);
    vb_arena_free(&(*dataset)->arena);
    free(*dataset);
    *dataset = NULL;
}

// A data set that was opened for something else is the caller's mistake.
static vblip_status check_protocol(const vblip_dataset *d, bool fits, vblip_error *err)
{
    VB_TRY(vb_need(d != NULL, "data set", err));
    if (fits)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: opened for protocol %u", d->set.name,
                   (unsigned)(d->protocol - protocols));
}

// ------------------------------------------------------------------------- evaluation

vblip_status vblip_eval(vblip_model *model, const vblip_dataset *dataset,
                        const vblip_eval_options *options, vblip_error *err)
{
    vblip_eval_options o;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "eval", err));
    VB_TRY(vb_need(model != NULL, "model", err));
    VB_TRY(check_protocol(dataset, dataset && dataset->protocol->run, err));
    vblip_job job;
    vblip_caption_options caption;
    VB_TRY(vb_take_job(&job, &o.job, err));
    VB_TRY(vb_check_task(model, dataset->protocol->task, &job, err));
    VB_TRY(vb_take_caption(&caption, &o.caption, err));
    vb_setup s;
    vb_set_up_model(&s, model);
    s.task.inputs = dataset->set.inputs;
    s.task.input_count = dataset->set.input_count;
    const vb_eval eval = {
        .task = &s.task,
        .set = &dataset->set,
        .answers = dataset->answers,
        .answer_count = dataset->answer_count,
        .options = &o,
    };
    return dataset->protocol->run(&eval, err);
}

// ---------------------------------------------------------------------------- CapFilt

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
    const uint32_t frames =
        options->job->frames ? options->job->frames : DEFAULT_FRAMES;
    VB_TRY(vb_calibration_choose(&judge.task.calibration, model, frames, false, err));
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

vblip_status vblip_filter(vblip_model *model, vblip_model *captioner,
                          const vblip_dataset *pairs,
                          const vblip_filter_options *options, vblip_filtered_fn fn,
                          void *user, vblip_error *err)
{
    vblip_filter_options o;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "filter", err));
    VB_TRY(vb_need(model != NULL, "model", err));
    VB_TRY(check_protocol(pairs, pairs && pairs->protocol == &protocols[VBLIP_CAPFILT],
                          err));
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
    return run_filter(model, captioner, &pairs->set, &o, fn, user, err);
}

// ------------------------------------------------------------------------- calibration

static vblip_status judge_pairs(vb_judged *out, vblip_model *model,
                                const vb_eval_set *set,
                                const vblip_calibrate_options *options,
                                vblip_error *err)
{
    vb_setup s;
    vb_set_up_model(&s, model);
    s.task.inputs = set->inputs;
    s.task.input_count = set->input_count;
    return vb_task_judge(out, &s.task, set, options, err);
}

static vblip_status fit_pairs(vblip_calibrated *out, vblip_calibration *fitted,
                              const vb_judged *judged, const vb_eval_set *set,
                              vblip_error *err)
{
    const uint32_t count = set->annotations.count;
    VB_TRY(vb_calibration_fit(fitted, judged, count, set->name, err));
    out->calibration = fitted;
    vb_reliability_measure(&out->before, judged, count, NULL);
    vb_reliability_measure(&out->after, judged, count, fitted);
    return VBLIP_OK;
}

static vblip_status put_calibration(vb_outfile *file, const vblip_calibration *c,
                                    vblip_error *err)
{
    vb_string text = {0};
    vb_calibration_write(&text, c);
    const bool failed = text.failed;
    if (!failed)
        vb_outfile_write(file, text.bytes, text.size);
    vb_string_free(&text);
    return failed ? vb_fail_memory(err, c->path) : vb_outfile_finish(file, err);
}

// `fitted` says what is known beforehand. The file is opened before an hour of work.
static vblip_status calibrate_model(vblip_calibrated *out, vblip_calibration *fitted,
                                    vblip_model *model, const vb_eval_set *set,
                                    const vblip_calibrate_options *options,
                                    vblip_error *err)
{
    vb_outfile file = {0};
    vb_judged *judged = calloc(set->annotations.count, sizeof *judged);
    vblip_status status = judged ? vb_outfile_open(&file, fitted->path, err)
                                 : vb_fail_memory(err, set->name);
    if (status == VBLIP_OK)
        status = vb_model_match_hash(&fitted->model, model, err);
    if (status == VBLIP_OK)
        status = judge_pairs(judged, model, set, options, err);
    if (status == VBLIP_OK)
        status = fit_pairs(out, fitted, judged, set, err);
    if (status == VBLIP_OK)
        status = put_calibration(&file, fitted, err);
    else
        vb_outfile_discard(&file);
    free(judged);
    return status;
}

vblip_status vblip_calibrate(vblip_model *model, const vblip_dataset *pairs,
                             const vblip_calibrate_options *options,
                             vblip_calibrated_fn fn, void *user, vblip_error *err)
{
    vblip_calibrate_options o;
    vblip_job job;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "calibrate", err));
    VB_TRY(vb_need(model != NULL, "model", err));
    VB_TRY(check_protocol(
        pairs, pairs && pairs->protocol == &protocols[VBLIP_CALIBRATION], err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(vb_take_job(&job, &o.job, err));
    VB_TRY(vb_check_task(model, VBLIP_TASK_RETRIEVAL, &job, err));
    vb_arena arena = {0};
    vblip_calibrated calibrated = {0};
    vblip_calibration fitted = {0};
    vblip_status status = vb_calibration_plan(&fitted, &arena, model, &o, err);
    if (status == VBLIP_OK)
        status = calibrate_model(&calibrated, &fitted, model, &pairs->set, &o, err);
    if (status == VBLIP_OK && fn(user, &calibrated))
        status = vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller");
    vb_arena_free(&arena);
    return status;
}

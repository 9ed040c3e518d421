// tasks.c - the exported functions that ask a model about files.
#include "vblip.h"

#include "api/objects.h"
#include "datasets/dialogs.h"
#include "video_tasks/match_candidates.h"
#include "video_tasks/tasks.h"

#include <stdlib.h>

enum { DEFAULT_FRAMES = 8 }; // where ITM is asked

// Whom a task asks, and about what: files, or one clip.
typedef struct subject {
    vblip_model *model;
    const vblip_inputs *inputs;
    const vblip_clip *clip;
} subject;

void vb_set_up_model(vb_setup *setup, vblip_model *model)
{
    setup->ops = vb_model_ops_of(model->model);
    setup->frames = vb_frames_from_files();
    setup->task = (vb_task){
        .ops = &setup->ops,
        .frames = &setup->frames,
        .hwaccel = model->engine->hwaccel,
        .counters = &model->counters,
        .halt = &setup->halt,
    };
    vb_halt_start(&setup->halt, model->engine->stopped, model->engine->stopped_user);
}

// `job` becomes one that is whole.
static vblip_status set_up(vb_setup *setup, const subject *about, uint32_t task,
                           const vblip_job **job, vblip_error *err)
{
    VB_TRY(vb_take_job(&setup->job, job, err));
    VB_TRY(vb_need(about->model != NULL, about->clip ? "clip" : "model", err));
    VB_TRY(vb_need(about->clip || about->inputs, "inputs", err));
    VB_TRY(vb_check_task(about->model, task, *job, err));
    vb_set_up_model(setup, about->model);
    if (about->clip) {
        setup->task.input_count = 1;
        setup->task.encoded = &about->clip->encoded;
    } else {
        setup->task.inputs = about->inputs->list.items;
        setup->task.input_count = about->inputs->list.count;
        vb_set_up_member(setup);
    }
    return VBLIP_OK;
}

static vblip_status choose_calibration(vb_setup *setup, const subject *about,
                                       bool itm_cls, vblip_error *err)
{
    const uint32_t frames = about->clip         ? about->clip->frames
                            : setup->job.frames ? setup->job.frames
                                                : DEFAULT_FRAMES;
    return vb_calibration_choose(&setup->task.calibration, about->model, frames,
                                 itm_cls, err);
}

// Of a missing clip the model is missing too: a caller's mistake that set_up finds.
static subject about_clip(const vblip_clip *clip)
{
    static const vblip_clip none;
    return (subject){.model = clip ? clip->model : NULL, .clip = clip ? clip : &none};
}

static subject about_inputs(vblip_model *model, const vblip_inputs *inputs)
{
    return (subject){.model = model, .inputs = inputs};
}

vblip_status vblip_retrieve(vblip_model *model, const vblip_inputs *inputs,
                            const char *const *queries, uint32_t count,
                            const vblip_retrieve_options *options, vblip_hit_fn fn,
                            void *user, vblip_error *err)
{
    vblip_retrieve_options o;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "retrieve", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(vb_check_texts(queries, count, "queries", err));
    VB_TRY(vb_check_retrieve(&o, err));
    vb_setup s;
    const subject about = about_inputs(model, inputs);
    const uint32_t task = o.rerank == -1 ? VBLIP_TASK_ITC : VBLIP_TASK_RETRIEVAL;
    VB_TRY(set_up(&s, &about, task, &o.job, err));
    if (o.rerank != -1)
        VB_TRY(choose_calibration(&s, &about, false, err));
    return vb_task_retrieve(&s.task, queries, count, &o, fn, user, err);
}

static vblip_status match_about(const subject *about, const char *const *texts,
                                uint32_t count, const vblip_match_options *options,
                                vblip_match_fn fn, void *user, vblip_error *err)
{
    vblip_match_options o;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "match", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(vb_check_texts(texts, count, "texts", err));
    vb_setup s;
    VB_TRY(set_up(&s, about, VBLIP_TASK_RETRIEVAL, &o.job, err));
    VB_TRY(choose_calibration(&s, about, o.itm_cls, err));
    return vb_task_match(&s.task, texts, count, &o, fn, user, err);
}

vblip_status vblip_match(vblip_model *model, const vblip_inputs *inputs,
                         const char *const *texts, uint32_t count,
                         const vblip_match_options *options, vblip_match_fn fn,
                         void *user, vblip_error *err)
{
    const subject about = about_inputs(model, inputs);
    return match_about(&about, texts, count, options, fn, user, err);
}

vblip_status vblip_clip_match(vblip_clip *clip, const char *const *texts,
                              uint32_t count, const vblip_match_options *options,
                              vblip_match_fn fn, void *user, vblip_error *err)
{
    const subject about = about_clip(clip);
    return match_about(&about, texts, count, options, fn, user, err);
}

static vblip_status check_candidate(vblip_input *input, vb_segment *span,
                                    const vblip_candidate *candidate, uint32_t number,
                                    vblip_error *err)
{
    const int64_t start_us = candidate->start_us, end_us = candidate->end_us;
    VB_TRY(vb_need(candidate->path != NULL, "path", err));
    VB_TRY(vb_check_texts(candidate->texts, candidate->text_count, "texts", err));
    if (start_us < 0 || (end_us && end_us <= start_us))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "candidate %u: from %lld to %lld us",
                       (unsigned)number, (long long)start_us, (long long)end_us);
    *input = (vblip_input){.path = candidate->path};
    *span = (vb_segment){start_us, end_us};
    return VBLIP_OK;
}

static vblip_status ask_candidates(vblip_model *model,
                                   const vblip_candidate *candidates, uint32_t count,
                                   vblip_match_options *o, vblip_match_fn fn,
                                   void *user, vb_arena *arena, vblip_error *err)
{
    vblip_input *inputs = VB_ARENA_NEW(arena, vblip_input, count);
    vb_segment *spans = VB_ARENA_NEW(arena, vb_segment, count);
    if (!inputs || !spans)
        return vb_fail_memory(err, "candidates");
    for (uint32_t i = 0; i < count; i++)
        VB_TRY(check_candidate(&inputs[i], &spans[i], &candidates[i], i, err));
    vb_setup s;
    const vblip_inputs all = {.list = {.items = inputs, .count = count}};
    const subject about = about_inputs(model, &all);
    VB_TRY(set_up(&s, &about, VBLIP_TASK_RETRIEVAL, &o->job, err));
    VB_TRY(choose_calibration(&s, &about, o->itm_cls, err));
    s.task.spans = spans;
    return vb_task_match_candidates(&s.task, candidates, o, fn, user, err);
}

vblip_status vblip_match_candidates(vblip_model *model,
                                    const vblip_candidate *candidates, uint32_t count,
                                    const vblip_match_options *options,
                                    vblip_match_fn fn, void *user, vblip_error *err)
{
    vblip_match_options o;
    vb_arena arena = {0};
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "match", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(vb_need(candidates != NULL || !count, "candidates", err));
    const vblip_status status =
        ask_candidates(model, candidates, count, &o, fn, user, &arena, err);
    vb_arena_free(&arena);
    return status;
}

static vblip_status check_pairs(const vblip_inputs *inputs, uint32_t statements,
                                bool each, vblip_error *err)
{
    VB_TRY(vb_need(inputs != NULL, "inputs", err));
    const uint32_t files = inputs->list.count;
    if (files % 2)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "inputs: %u, expected pairs",
                       (unsigned)files);
    if (each && statements != files / 2)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "statements: %u, expected one for each of %u pairs",
                       (unsigned)statements, (unsigned)files / 2);
    return VBLIP_OK;
}

vblip_status vblip_reason(vblip_model *model, const vblip_inputs *inputs,
                          const char *const *statements, uint32_t count,
                          const vblip_reason_options *options, vblip_reason_fn fn,
                          void *user, vblip_error *err)
{
    vblip_reason_options o;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "reason", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(vb_check_texts(statements, count, "statements", err));
    VB_TRY(check_pairs(inputs, count, o.each, err));
    vb_setup s;
    const subject about = about_inputs(model, inputs);
    VB_TRY(set_up(&s, &about, VBLIP_TASK_NLVR, &o.job, err));
    return vb_task_reason(&s.task, statements, count, &o, fn, user, err);
}

static vblip_status check_answers(const vblip_ask_options *o, uint32_t questions,
                                  vblip_error *err)
{
    uint64_t shared = 0;
    if (o->answers && (o->answer_count || !o->answers_each))
        VB_TRY(vb_check_texts(o->answers, o->answer_count, "answers", err));
    for (uint32_t i = 0; o->answers_each && i < questions; i++)
        shared += o->answers_each[i];
    if (o->answers_each && shared != (o->answers ? o->answer_count : 0))
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "answers_each: %llu in all, expected answer_count, %u",
                       (unsigned long long)shared, (unsigned)o->answer_count);
    return VBLIP_OK;
}

static vblip_status ask_about(const subject *about, const char *const *questions,
                              uint32_t count, const vblip_ask_options *options,
                              vblip_answer_fn fn, void *user, vblip_error *err)
{
    vblip_ask_options o;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "ask", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(vb_check_texts(questions, count, "questions", err));
    VB_TRY(check_answers(&o, count, err));
    VB_TRY(vb_check_lengths(o.min_length, o.max_length, err));
    vb_segmenting segmenting = {0};
    if (o.segment && about->clip)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "segment: a clip is one");
    if (o.segment)
        VB_TRY(vb_segmenting_read(&segmenting, o.segment, "segment", err));
    vb_setup s;
    VB_TRY(set_up(&s, about, VBLIP_TASK_VQA, &o.job, err));
    s.task.segmenting = o.segment ? &segmenting : NULL;
    return vb_task_ask(&s.task, questions, count, &o, fn, user, err);
}

vblip_status vblip_ask(vblip_model *model, const vblip_inputs *inputs,
                       const char *const *questions, uint32_t count,
                       const vblip_ask_options *options, vblip_answer_fn fn, void *user,
                       vblip_error *err)
{
    const subject about = about_inputs(model, inputs);
    return ask_about(&about, questions, count, options, fn, user, err);
}

vblip_status vblip_clip_ask(vblip_clip *clip, const char *const *questions,
                            uint32_t count, const vblip_ask_options *options,
                            vblip_answer_fn fn, void *user, vblip_error *err)
{
    const subject about = about_clip(clip);
    return ask_about(&about, questions, count, options, fn, user, err);
}

vblip_status vblip_dialog(vblip_model *model, const vblip_inputs *inputs,
                          const vblip_dialogs *dialogs, const vblip_job *job,
                          vblip_dialog_fn fn, void *user, vblip_error *err)
{
    const vblip_job *j = job;
    vb_error_reset(err);
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(vb_need(dialogs != NULL, "dialogs", err));
    vb_setup s;
    const subject about = about_inputs(model, inputs);
    VB_TRY(set_up(&s, &about, VBLIP_TASK_RETRIEVAL, &j, err));
    return vb_task_dialog(&s.task, dialogs->list.items, dialogs->list.count, j, fn,
                          user, err);
}

// Tasks of which one must be there, by feature.
static uint32_t tasks_for(vblip_feature feature)
{
    switch (feature) {
    case VBLIP_FEATURE_VISION:
        return UINT32_MAX;
    case VBLIP_FEATURE_TEXT:
    case VBLIP_FEATURE_MULTIMODAL:
        return VBLIP_TASK_ITC | VBLIP_TASK_VQA | VBLIP_TASK_FEATURES;
    default:
        return VBLIP_TASK_ITC;
    }
}

static vblip_status embed_about(const subject *about, vblip_feature feature,
                                const char *const *texts, uint32_t text_count,
                                const vblip_job *job, vblip_features_fn fn, void *user,
                                vblip_error *err)
{
    const vblip_job *j = job;
    vb_error_reset(err);
    VB_TRY(vb_need(fn != NULL, "fn", err));
    if ((int)feature < 0 || feature > VBLIP_FEATURE_MULTIMODAL)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "feature: %d, expected 0 to %d",
                       (int)feature, (int)VBLIP_FEATURE_MULTIMODAL);
    if (vb_feature_of_texts(feature))
        VB_TRY(vb_check_texts(texts, text_count, "texts", err));
    vb_setup s;
    VB_TRY(set_up(&s, about, tasks_for(feature), &j, err));
    return vb_task_embed(&s.task, feature, texts, text_count, j, fn, user, err);
}

vblip_status vblip_embed(vblip_model *model, vblip_feature feature,
                         const vblip_inputs *inputs, const char *const *texts,
                         uint32_t text_count, const vblip_job *job,
                         vblip_features_fn fn, void *user, vblip_error *err)
{
    static const vblip_inputs none;
    const bool of_inputs = (int)feature < 0 || vb_feature_of_inputs(feature);
    const subject about = about_inputs(model, of_inputs ? inputs : &none);
    return embed_about(&about, feature, texts, text_count, job, fn, user, err);
}

vblip_status vblip_clip_embed(vblip_clip *clip, vblip_feature feature,
                              const char *const *texts, uint32_t text_count,
                              const vblip_job *job, vblip_features_fn fn, void *user,
                              vblip_error *err)
{
    const subject about = about_clip(clip);
    return embed_about(&about, feature, texts, text_count, job, fn, user, err);
}

static vblip_status caption_about(const subject *about,
                                  const vblip_caption_options *options,
                                  vblip_caption_fn fn, void *user, vblip_error *err)
{
    vblip_caption_options o;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "caption", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(vb_check_caption_options(&o, err));
    if (about->clip && o.shots)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "shots: a clip has one caption");
    vb_setup s;
    VB_TRY(set_up(&s, about, VBLIP_TASK_CAPTION, &o.job, err));
    if (o.same_picture > 0.0f)
        VB_TRY(vb_check_task(about->model, VBLIP_TASK_ITC, o.job, err));
    return vb_task_caption(&s.task, &o, fn, user, err);
}

vblip_status vblip_caption_inputs(vblip_model *model, const vblip_inputs *inputs,
                                  const vblip_caption_options *options,
                                  vblip_caption_fn fn, void *user, vblip_error *err)
{
    const subject about = about_inputs(model, inputs);
    return caption_about(&about, options, fn, user, err);
}

vblip_status vblip_clip_caption(vblip_clip *clip, const vblip_caption_options *options,
                                vblip_caption_fn fn, void *user, vblip_error *err)
{
    const subject about = about_clip(clip);
    return caption_about(&about, options, fn, user, err);
}

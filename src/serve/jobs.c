#include "serve/jobs.h"

#include "output/results.h"
#include "vblip_library.h"

#include <stdlib.h>
#include <string.h>

enum { CLIP_FRAMES = 8, QUESTION_FRAMES = 16, SECOND_US = 1000000 };

// Models, by what is asked of them.
enum { MODEL_MATCHES, MODEL_VECTORS, MODEL_QUESTIONS, MODEL_CAPTIONS, MODEL_ALIKE };

// A job in work.
typedef struct job_run {
    vb_jobs *jobs;
    const vb_request *r;
    vb_string *rows;
    uint32_t count;          // rows so far, those of failed inputs included
    uint32_t failed;         // inputs
    vblip_error first;       // failure of one
    const char *calibration; // that P(match) goes by
    const vb_table *table;
    vb_ranking ranking;
} job_run;

static int64_t job_microseconds(double seconds)
{
    return (int64_t)(seconds * SECOND_US + 0.5);
}

static vblip_status job_model(vblip_model **out, vb_jobs *jobs, int which,
                              vblip_error *err)
{
    static const uint32_t tasks[VB_JOB_MODELS] = {
        [MODEL_MATCHES] = VBLIP_TASK_RETRIEVAL,
        [MODEL_VECTORS] = VBLIP_TASK_ITC,
        [MODEL_QUESTIONS] = VBLIP_TASK_VQA,
        [MODEL_CAPTIONS] = VBLIP_TASK_CAPTION,
        [MODEL_ALIKE] = VBLIP_TASK_CAPTION | VBLIP_TASK_ITC,
    };
    const vb_jobs_options *o = jobs->options;
    if (which == MODEL_VECTORS && o->tasks & VBLIP_TASK_RETRIEVAL)
        which = MODEL_MATCHES;
    vblip_model **model = &jobs->models[which];
    if (!*model) {
        vblip_model_options options = o->model_options;
        options.tasks = tasks[which];
        VB_TRY(vblip_model_load(model, o->engine, &options, err));
    }
    *out = *model;
    return VBLIP_OK;
}

// ------------------------------------------------------------------------------- rows

static void add_job_row(job_run *run, const vb_cell *cells)
{
    if (run->count++)
        vb_string_putc(run->rows, ',');
    vb_row_json(run->rows, run->table, cells);
}

static int add_job_failure(void *user, const vblip_failure *failure)
{
    job_run *run = user;
    run->failed++;
    (void)vb_fail(&run->first, VBLIP_ERR_IO, "%s: %s", failure->path, failure->message);
    if (run->count++)
        vb_string_putc(run->rows, ',');
    vb_row_failure_json(run->rows, failure->path, failure->message);
    return 0;
}

static void note_job_damage(void *user, const vblip_failure *damage)
{
    const job_run *run = user;
    const vb_jobs_options *o = run->jobs->options;
    vb_string line = {0};
    vb_string_appendf(&line, "%s: %s", damage->path, damage->message);
    o->note(o->user, line.failed ? damage->message : line.bytes);
    vb_string_free(&line);
}

static uint32_t job_frames(const job_run *run)
{
    return run->r->frames > 0 ? (uint32_t)run->r->frames : run->jobs->options->frames;
}

// The job options of a task on inputs.
static vblip_job job_of(job_run *run)
{
    return (vblip_job){
        .frames = job_frames(run),
        .failed = add_job_failure,
        .warned = note_job_damage,
        .user = run,
    };
}

static vb_cell job_text(const job_run *run, uint32_t text)
{
    const bool there = text < run->r->texts.count;
    return vb_cell_text(there ? run->r->texts.items[text] : NULL);
}

// ------------------------------------------------------------------------------ inputs

// Whether the job is about one file, of which a clip can be kept; parts are of files alone.
static bool is_clip_job(const vb_request *r)
{
    vb_file_facts facts;
    return r->start_s > 0 || r->end_s > 0 ||
           (!r->segment && vb_file_look(&facts, r->path, NULL) == VBLIP_OK);
}

static vblip_status open_job_clip(vblip_clip **out, job_run *run, vblip_model *model,
                                  uint32_t frames, vblip_error *err)
{
    const vb_request *r = run->r;
    const vblip_clip_options part = {
        .start_us = job_microseconds(r->start_s),
        .end_us = job_microseconds(r->end_s),
        .frames = job_frames(run) ? job_frames(run) : frames,
    };
    return vb_clip_cache_get(out, &run->jobs->clips, model, r->path, &part, err);
}

// What a job is about: its path, or what is searched.
static vblip_status open_job_inputs(vblip_inputs **out, const job_run *run,
                                    vblip_error *err)
{
    const vb_request *r = run->r;
    const vb_jobs_options *o = run->jobs->options;
    static const char *const none[] = {NULL};
    const bool own = r->path || r->index;
    const uint32_t count = own ? r->path != NULL : o->path_count;
    const char *const *paths = own ? &r->path : o->paths;
    const vblip_inputs_options options = {
        .include = own ? r->include.items : o->include,
        .exclude = own ? r->exclude.items : o->exclude,
    };
    return vblip_inputs_open(out, count ? paths : none, count, &options, err);
}

// Calls a task with the inputs. Where all of them failed, so did the job.
typedef vblip_status (*job_task)(job_run *run, vblip_model *model,
                                 const vblip_inputs *inputs, vblip_error *err);
static vblip_status with_inputs(job_run *run, vblip_model *model, job_task task,
                                vblip_error *err)
{
    vblip_inputs *inputs;
    VB_TRY(open_job_inputs(&inputs, run, err));
    const uint32_t count = vblip_inputs_count(inputs);
    vblip_status status = task(run, model, inputs, err);
    if (status == VBLIP_OK && run->failed && run->failed >= count)
        status = vb_fail(err, run->first.status, "%s", run->first.message);
    vblip_inputs_close(&inputs);
    return status;
}

// --------------------------------------------------------------------------- questions

static int on_job_answer(void *user, const vblip_answer *answer)
{
    job_run *run = user;
    vb_cell cells[VB_ANSWER_CELLS];
    vb_answer_cells(cells, answer->path, job_text(run, answer->question), answer,
                    &run->ranking);
    add_job_row(run, cells);
    return 0;
}

static vblip_ask_options ask_options_of(const vb_request *r)
{
    return (vblip_ask_options){
        .answers = r->answers.items,
        .answer_count = r->answers.count,
        .k_test = (uint32_t)r->k_test,
        .beams = (uint32_t)r->beams,
        .max_length = (uint32_t)r->max_length,
        .min_length = (uint32_t)r->min_length,
        .segment = r->segment,
    };
}

static vblip_status ask_inputs(job_run *run, vblip_model *model,
                               const vblip_inputs *inputs, vblip_error *err)
{
    const vblip_job job = job_of(run);
    vblip_ask_options options = ask_options_of(run->r);
    options.job = &job;
    return vblip_ask(model, inputs, run->r->texts.items, run->r->texts.count, &options,
                     on_job_answer, run, err);
}

static vblip_status ask_job_clip(job_run *run, vblip_model *model, vblip_error *err)
{
    const vblip_ask_options options = ask_options_of(run->r);
    vblip_clip *clip;
    VB_TRY(open_job_clip(&clip, run, model, QUESTION_FRAMES, err));
    return vblip_clip_ask(clip, run->r->texts.items, run->r->texts.count, &options,
                          on_job_answer, run, err);
}

static vblip_status do_ask(job_run *run, vblip_error *err)
{
    const vb_request *r = run->r;
    vblip_model *model;
    run->table = r->answers.count ? &vb_ranked_table : &vb_generated_table;
    run->ranking = (vb_ranking){
        .ranked = calloc(r->answers.count + (size_t)1, 2 * sizeof(vb_cell)),
        .capacity = r->answers.count,
        .answers = r->answers.items,
    };
    if (!run->ranking.ranked)
        return vb_fail_memory(err, "answers");
    VB_TRY(job_model(&model, run->jobs, MODEL_QUESTIONS, err));
    return is_clip_job(r) ? ask_job_clip(run, model, err)
                          : with_inputs(run, model, ask_inputs, err);
}

// ----------------------------------------------------------------------------- matches

static void choose_job_calibration(job_run *run, const vblip_model *model, bool itm_cls)
{
    const vb_jobs_options *o = run->jobs->options;
    vblip_error why = {0};
    const vblip_calibration *c =
        vblip_model_calibration(model, job_frames(run), itm_cls, &why);
    run->calibration = c ? c->path : NULL;
    if (why.status == VBLIP_OK || o->model_options.calibration || run->jobs->told)
        return;
    run->jobs->told = true;
    vb_string line = {0};
    vb_string_appendf(&line, "%s: not used, P(match) is plain softmax", why.message);
    o->note(o->user, line.failed ? why.message : line.bytes);
    vb_string_free(&line);
}

static int on_job_match(void *user, const vblip_match_row *row)
{
    job_run *run = user;
    vb_cell cells[VB_MATCH_CELLS];
    vb_match_cells(cells, row->path, job_text(run, row->text), run->calibration, row);
    add_job_row(run, cells);
    return 0;
}

static vblip_status match_inputs(job_run *run, vblip_model *model,
                                 const vblip_inputs *inputs, vblip_error *err)
{
    const vblip_job job = job_of(run);
    const vblip_match_options options = {.job = &job, .itm_cls = run->r->itm_token > 0};
    return vblip_match(model, inputs, run->r->texts.items, run->r->texts.count,
                       &options, on_job_match, run, err);
}

static vblip_status match_job_clip(job_run *run, vblip_model *model, vblip_error *err)
{
    const vblip_match_options options = {.itm_cls = run->r->itm_token > 0};
    vblip_clip *clip;
    VB_TRY(open_job_clip(&clip, run, model, CLIP_FRAMES, err));
    return vblip_clip_match(clip, run->r->texts.items, run->r->texts.count, &options,
                            on_job_match, run, err);
}

static vblip_status do_match(job_run *run, vblip_error *err)
{
    const vb_request *r = run->r;
    vblip_model *model;
    if (r->itm_token == 0 &&
        run->jobs->options->model_options.compat == VBLIP_COMPAT_HF)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "itm_token: enc: not allowed with --compat hf, which begins "
                       "with [CLS]");
    run->table = &vb_match_table;
    VB_TRY(job_model(&model, run->jobs, MODEL_MATCHES, err));
    choose_job_calibration(run, model, r->itm_token > 0);
    return is_clip_job(r) ? match_job_clip(run, model, err)
                          : with_inputs(run, model, match_inputs, err);
}

// ---------------------------------------------------------------------------- captions

static int on_job_caption(void *user, const vblip_caption *caption)
{
    job_run *run = user;
    vb_cell cells[VB_CAPTION_CELLS];
    vb_caption_cells(cells, caption->path, caption);
    add_job_row(run, cells);
    return 0;
}

static vblip_caption_options caption_options_of(const vb_request *r)
{
    return (vblip_caption_options){
        .every_us = job_microseconds(r->every_s),
        .every_frames = (uint32_t)r->every_frames,
        .count = (uint32_t)r->count,
        .prompt = r->prompt,
        .beams = (uint32_t)r->beams,
        .max_length = (uint32_t)r->max_length,
        .min_length = (uint32_t)r->min_length,
        .repetition_penalty = (float)r->repetition_penalty,
        .merge = r->merge || r->same_picture > 0,
        .sample = r->sample,
        .top_p = (float)r->top_p,
        .top_k = r->top_k > 0   ? (uint32_t)r->top_k
                 : r->top_k < 0 ? 0
                                : UINT32_MAX,
        .temperature = (float)r->temperature,
        .seed = (uint64_t)r->seed,
        .samples = (uint32_t)r->samples,
        .shots = r->shots,
        .same_picture = (float)r->same_picture,
    };
}

static vblip_status caption_job_inputs(job_run *run, vblip_model *model,
                                       const vblip_inputs *inputs, vblip_error *err)
{
    const vblip_job job = job_of(run);
    vblip_caption_options options = caption_options_of(run->r);
    options.job = &job;
    return vblip_caption_inputs(model, inputs, &options, on_job_caption, run, err);
}

static vblip_status do_caption(job_run *run, vblip_error *err)
{
    const vb_request *r = run->r;
    const vblip_caption_options options = caption_options_of(r);
    const uint32_t vectors = VBLIP_TASK_RETRIEVAL | VBLIP_TASK_ITC;
    const bool alike = r->same_picture > 0 && run->jobs->options->tasks & vectors;
    vblip_model *model;
    vblip_clip *clip;
    run->table = &vb_caption_table;
    VB_TRY(job_model(&model, run->jobs, alike ? MODEL_ALIKE : MODEL_CAPTIONS, err));
    if (r->start_s <= 0 && r->end_s <= 0)
        return with_inputs(run, model, caption_job_inputs, err);
    VB_TRY(open_job_clip(&clip, run, model, CLIP_FRAMES, err));
    return vblip_clip_caption(clip, &options, on_job_caption, run, err);
}

// ----------------------------------------------------------------------------- vectors

static int on_job_features(void *user, const vblip_features *f)
{
    job_run *run = user;
    vb_cell cells[VB_EMBED_CELLS];
    const bool text = run->r->what == VB_WHAT_ITC_TEXT;
    vb_embed_cells(cells, f->path, text ? job_text(run, f->text) : (vb_cell){0},
                   text ? "itc-text" : "itc-image", f);
    add_job_row(run, cells);
    return 0;
}

static vblip_status embed_inputs(job_run *run, vblip_model *model,
                                 const vblip_inputs *inputs, vblip_error *err)
{
    const vblip_job job = job_of(run);
    return vblip_embed(model, VBLIP_FEATURE_ITC_IMAGE, inputs, NULL, 0, &job,
                       on_job_features, run, err);
}

static vblip_status do_embed(job_run *run, vblip_error *err)
{
    const vb_request *r = run->r;
    vblip_model *model;
    vblip_clip *clip;
    run->table = &vb_embed_table;
    VB_TRY(job_model(&model, run->jobs, MODEL_VECTORS, err));
    if (r->what == VB_WHAT_ITC_TEXT)
        return vblip_embed(model, VBLIP_FEATURE_ITC_TEXT, NULL, r->texts.items,
                           r->texts.count, NULL, on_job_features, run, err);
    if (!is_clip_job(r))
        return with_inputs(run, model, embed_inputs, err);
    VB_TRY(open_job_clip(&clip, run, model, CLIP_FRAMES, err));
    return vblip_clip_embed(clip, VBLIP_FEATURE_ITC_IMAGE, NULL, 0, NULL,
                            on_job_features, run, err);
}

// ---------------------------------------------------------------------------- searches

static int on_job_hit(void *user, const vblip_hit *hit)
{
    job_run *run = user;
    vb_cell cells[VB_HIT_CELLS];
    vb_hit_cells(cells, job_text(run, hit->query), hit->path, run->calibration, hit);
    add_job_row(run, cells);
    return 0;
}

static vblip_status search_library(job_run *run, vblip_library *library,
                                   vblip_error *err)
{
    const vb_request *r = run->r;
    const vblip_job job = job_of(run);
    const vblip_retrieve_options ranking = {
        .job = &job,
        .top = (uint32_t)r->top,
        .rerank = r->rerank == (double)VB_REQUEST_AUTO ? VBLIP_RERANK_AUTO
                  : r->rerank > 0                      ? (int32_t)r->rerank
                                                       : -1,
        .min_p = (float)r->min_p,
    };
    const vb_jobs_options *o = run->jobs->options;
    const bool own = r->path || r->index, files = own ? r->path != NULL : o->path_count;
    const double within_s = r->within_s > 0 ? (double)(float)r->within_s : 60;
    const vblip_search_options options = {
        .retrieve = &ranking,
        .then = r->then,
        .within_us = r->then ? (int64_t)(within_s * SECOND_US) : 0,
        .by_recording = r->by > 0,
        .same = (float)r->dedupe,
        .offset = (uint32_t)r->offset,
        .include = files ? NULL
                   : own ? r->include.items
                         : o->include,
        .exclude = files ? NULL
                   : own ? r->exclude.items
                         : o->exclude,
    };
    return vblip_library_retrieve(library, r->texts.items, r->texts.count, &options,
                                  NULL, on_job_hit, run, err);
}

static vblip_status retrieve_inputs(job_run *run, vblip_model *model,
                                    const vblip_inputs *inputs, vblip_error *err)
{
    const vb_request *r = run->r;
    const vb_jobs_options *o = run->jobs->options;
    const bool own = r->path || r->index;
    const vblip_library_options kept = {
        .index = own ? r->index : o->index,
        .data_dir = r->no_index ? NULL : o->data_dir,
        .segment = own ? r->segment : o->segment,
        .frames = job_frames(run),
    };
    vblip_library *library;
    VB_TRY(vblip_library_open(&library, model, inputs, &kept, err));
    const vblip_status status = search_library(run, library, err);
    vblip_library_close(&library);
    return status;
}

static vblip_status do_retrieve(job_run *run, vblip_error *err)
{
    const vb_request *r = run->r;
    vblip_model *model;
    run->table = r->then ? &vb_hit_then_table : &vb_hit_table;
    VB_TRY(job_model(&model, run->jobs, r->rerank == 0 ? MODEL_VECTORS : MODEL_MATCHES,
                     err));
    if (r->rerank != 0)
        choose_job_calibration(run, model, false);
    return with_inputs(run, model, retrieve_inputs, err);
}

// ---------------------------------------------------------------------------- any job

vblip_status vb_jobs_do(vb_jobs *jobs, vb_request_kind kind, const vb_request *request,
                        vb_string *rows, vblip_error *err)
{
    static vblip_status (*const doers[VB_REQUEST_KINDS])(job_run *, vblip_error *) = {
        [VB_JOB_CAPTION] = do_caption,   [VB_JOB_ASK] = do_ask,
        [VB_JOB_MATCH] = do_match,       [VB_JOB_EMBED] = do_embed,
        [VB_JOB_RETRIEVE] = do_retrieve, [VB_TOOL_SEARCH] = do_retrieve,
        [VB_TOOL_CAPTION] = do_caption,  [VB_TOOL_ASK] = do_ask,
        [VB_TOOL_MATCH] = do_match,
    };
    job_run run = {.jobs = jobs, .r = request, .rows = rows};
    vblip_status status = doers[kind](&run, err);
    free(run.ranking.ranked);
    if (status == VBLIP_OK && rows->failed)
        status = vb_fail_memory(err, "rows");
    if (run.count == run.failed && status != VBLIP_OK)
        vb_string_clear(rows); // none of what failed is a result
    return status;
}

void vb_jobs_free(vb_jobs *jobs)
{
    vb_clip_cache_free(&jobs->clips);
    for (int i = 0; i < VB_JOB_MODELS; i++)
        vblip_model_free(&jobs->models[i]);
}

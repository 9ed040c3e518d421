#include "video_tasks/filter.h"

#include "base/random.h"
#include "video_tasks/clip_encoder.h"
#include "video_tasks/job.h"
#include "video_tasks/ranking.h"

enum { DEFAULT_FRAMES = 8 };
static const float default_min_p = 0.5f; // the paper's

// One of the two models, and the clips as it sees them.
typedef struct clip_reader {
    const vb_task *task;
    vb_clip_encoder *encoder;
    vb_visual *visual; // of the clip in hand
} clip_reader;

typedef struct filtering {
    const vb_filter *f;
    float min_p;
    bool apart; // the captioner is another model
    clip_reader judge, captioner;
    vb_arena arena;
    uint32_t *order; // [runs], inputs; pairs of one input after another are a run
    uint32_t *first; // [runs + 1], the first pair of each
    uint32_t runs;
    vb_generated reply;
    vb_meter meter;
} filtering;

// ------------------------------------------------------------------------ preparation

// The first pair that is not skipped.
static uint32_t first_pair(const vb_filter *f)
{
    const vb_annotations *all = &f->set->annotations;
    uint32_t i = 0;
    while (i < all->count && all->items[i].at <= f->options->after)
        i++;
    return i;
}

static vblip_status find_runs(filtering *r, vblip_error *err)
{
    const vb_eval_set *set = r->f->set;
    const uint32_t count = set->annotations.count;
    uint32_t i = first_pair(r->f);
    r->order = VB_ARENA_NEW(&r->arena, uint32_t, count);
    r->first = VB_ARENA_NEW(&r->arena, uint32_t, (size_t)count + 1);
    if (!r->order || !r->first)
        return vb_fail_memory(err, set->name);
    r->meter = vb_meter_start(vb_job(r->f->options->job), "pairs", count - i);
    for (; i < count; i++) {
        if (r->runs && r->order[r->runs - 1] == set->media[i][0])
            continue;
        r->order[r->runs] = set->media[i][0];
        r->first[r->runs++] = i;
    }
    r->first[r->runs] = count;
    return VBLIP_OK;
}

static vblip_status open_reader(clip_reader *s, const filtering *r, const vb_task *task,
                                vblip_error *err)
{
    const vblip_job *job = vb_job(r->f->options->job);
    s->task = task;
    const vb_clips_plan plan = {
        .order = r->order,
        .count = r->runs,
        .frames = job->frames ? job->frames : DEFAULT_FRAMES,
    };
    return vb_clip_encoder_open(&s->encoder, task, job, &plan, false, err);
}

// ------------------------------------------------------------------------------- pairs

// Reads the next clip and encodes it; `why` says why not, when it cannot be read.
static vblip_status filter_encode(clip_reader *s, vblip_error *why, vblip_error *err)
{
    const vb_clip *clip = vb_clip_encoder_next(s->encoder);
    if (why->status == VBLIP_OK)
        *why = clip->error;
    if (why->status != VBLIP_OK)
        return VBLIP_OK;
    vb_encoding *got;
    VB_TRY(vb_clip_encoder_encode(&got, s->encoder, err));
    s->visual = got->visual;
    return VBLIP_OK;
}

// The made-up caption of pair `index`. What is drawn hangs on the pair's place alone, so
// that a run that goes on draws what the whole run would have.
static vblip_status write_caption(filtering *r, uint32_t index, vblip_error *err)
{
    static const vblip_caption_options none;
    const vblip_caption_options *o =
        r->f->options->caption ? r->f->options->caption : &none;
    const clip_reader *s = r->apart ? &r->captioner : &r->judge;
    vb_caption_params params = vb_caption_params_of(o);
    params.sample = !o->beams;
    params.random =
        vb_random_stream(o->seed, r->f->set->annotations.items[index].at, 0);
    const vb_model_ops *ops = s->task->ops;
    vb_generated_free(&r->reply);
    return ops->caption(ops->model, s->visual, &params, &r->reply, err);
}

static vblip_filtered_text judged(const filtering *r, const char *text,
                                  const float logits[2])
{
    const float p = vb_match_probability(r->f->task->calibration, logits);
    return (vblip_filtered_text){
        .caption = text,
        .p_match = p,
        .kept = text[0] && p >= r->min_p,
    };
}

static vblip_status filter_pair(filtering *r, uint32_t index, vblip_error *err)
{
    const vb_annotation *a = &r->f->set->annotations.items[index];
    const vb_model_ops *ops = r->judge.task->ops;
    VB_TRY(write_caption(r, index, err));
    const char *made_up = r->reply.text.bytes ? r->reply.text.bytes : "";
    const char *const texts[] = {a->texts[0], made_up};
    float logits[2][2];
    VB_TRY(ops->itm(ops->model, r->judge.visual, texts, 2, false, logits, err));
    const vblip_filtered filtered = {
        .pair = a->at,
        .path = a->media[0],
        .web = judged(r, texts[0], logits[0]),
        .synthetic = judged(r, texts[1], logits[1]),
    };
    if (r->f->fn(r->f->user, &filtered))
        return vb_fail_cancelled(err);
    return vb_meter_add(&r->meter, a->media[0], 1, err);
}

// All pairs of a file that could not be read.
static vblip_status fail_run(filtering *r, uint32_t run, const vblip_error *why,
                             vblip_error *err)
{
    const char *path = r->f->set->inputs[r->order[run]].path;
    for (uint32_t i = r->first[run]; i < r->first[run + 1]; i++) {
        const vb_annotation *a = &r->f->set->annotations.items[i];
        VB_TRY(
            vb_job_failed(vb_job(r->f->options->job), r->order[run], path, why, err));
        const vblip_filtered failed = {
            .pair = a->at, .path = a->media[0], .error = why->message};
        if (r->f->fn(r->f->user, &failed))
            return vb_fail_cancelled(err);
    }
    return vb_meter_skip(&r->meter, path, r->first[run + 1] - r->first[run], err);
}

static vblip_status filter_run(filtering *r, uint32_t run, vblip_error *err)
{
    vblip_error why = {0};
    VB_TRY(filter_encode(&r->judge, &why, err));
    if (r->apart)
        VB_TRY(filter_encode(&r->captioner, &why, err));
    if (why.status != VBLIP_OK)
        return fail_run(r, run, &why, err);
    for (uint32_t i = r->first[run]; i < r->first[run + 1]; i++)
        VB_TRY(filter_pair(r, i, err));
    return VBLIP_OK;
}

static vblip_status filter_all(filtering *r, vblip_error *err)
{
    VB_TRY(find_runs(r, err));
    VB_TRY(open_reader(&r->judge, r, r->f->task, err));
    if (r->apart)
        VB_TRY(open_reader(&r->captioner, r, r->f->captioner, err));
    for (uint32_t run = 0; run < r->runs; run++)
        VB_TRY(filter_run(r, run, err));
    return VBLIP_OK;
}

vblip_status vb_task_filter(const vb_filter *filter, vblip_error *err)
{
    const float min_p = filter->options->min_p;
    filtering r = {
        .f = filter,
        .min_p = min_p > 0.0f   ? min_p
                 : min_p < 0.0f ? 0.0f
                                : default_min_p,
        .apart = filter->captioner->ops->model != filter->task->ops->model,
    };
    vblip_status status = filter_all(&r, err);
    vb_clip_encoder_close(&r.judge.encoder);
    vb_clip_encoder_close(&r.captioner.encoder);
    vb_generated_free(&r.reply);
    vb_arena_free(&r.arena);
    return status;
}

// cmd_rerank.c - ITM asked about moments that another program found (cli.md 15).
#include "cli/candidates.h"
#include "cli/cmd.h"
#include "output/json_out.h"
#include "output/targets.h"

#include <stdlib.h>
#include <string.h>

typedef struct rerank_state {
    cli_candidates candidates;
    uint32_t *asked; // [queries], of the clip in work: indices
    const char **texts;
    cli_candidate *clip; // the first of the clip in work
    uint32_t alike;      // how many are of it
} rerank_state;

static vblip_status check_output(const cli_session *s, const rerank_state *state,
                                 vblip_error *err)
{
    vb_targets targets = {0};
    vb_read_files files = {0};
    if (!s->args->output)
        return VBLIP_OK;
    vb_targets_add(&targets, "-o", s->args->output);
    for (uint32_t i = 0; i < state->candidates.count; i++)
        vb_read_files_add(&files, state->candidates.items[i].row.path, "a candidate");
    const vblip_status status = targets.failed || files.failed
                                    ? vb_fail_memory(err, "output")
                                    : vb_targets_check(&targets, &files, NULL, err);
    vb_read_files_free(&files);
    vb_targets_free(&targets);
    return status;
}

static vblip_status rerank_check(cli_session *s, vblip_error *err)
{
    rerank_state *state = s->state;
    const cli_args *a = s->args;
    VB_TRY(cli_candidates_read(&state->candidates, a->paths.items[0],
                               a->texts.count ? a->texts.items[0] : NULL, err));
    const uint32_t queries = state->candidates.queries.count;
    state->asked = calloc(queries + (size_t)1, sizeof *state->asked);
    state->texts = calloc(queries + (size_t)1, sizeof *state->texts);
    if (!state->asked || !state->texts)
        return vb_fail_memory(err, "candidates");
    return check_output(s, state, err);
}

// ------------------------------------------------------------------------------ scores

static int on_scored(void *held, const vblip_match_row *row)
{
    rerank_state *state = held;
    for (uint32_t i = 0; i < state->alike; i++) {
        cli_candidate *c = &state->clip[i];
        if (c->query != state->asked[row->text])
            continue;
        c->scored = true;
        c->itc = row->itc;
        c->itm_logits[0] = row->itm_logits[0];
        c->itm_logits[1] = row->itm_logits[1];
        c->p_match = row->p_match;
        c->score = row->itm_logits[1] + row->itc;
    }
    return 0;
}

// The queries of the clip in work, each once.
static uint32_t queries_of_clip(rerank_state *state)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < state->alike; i++) {
        const uint32_t query = state->clip[i].query;
        bool known = false;
        for (uint32_t k = 0; k < count; k++)
            known = known || state->asked[k] == query;
        if (known)
            continue;
        state->asked[count] = query;
        state->texts[count++] = state->candidates.queries.items[query];
    }
    return count;
}

static vblip_status score_clip(cli_session *s, rerank_state *state, vblip_error *err)
{
    const vb_hit_row *row = &state->clip->row;
    const vblip_clip_options options = {
        .start_us = row->start_us,
        .end_us = row->end_us,
        .frames = s->args->frames,
        .batch = s->args->batch,
    };
    const uint32_t queries = queries_of_clip(state);
    vblip_clip *clip;
    VB_TRY(vblip_clip_open(&clip, s->model, row->path, &options, err));
    const vblip_status status =
        vblip_clip_match(clip, state->texts, queries, NULL, on_scored, state, err);
    vblip_clip_close(&clip);
    return status;
}

// What is wrong with a file, or a part that is not in it, fails its candidates; all else ends
// the command.
static bool is_of_file(vblip_status status)
{
    return status == VBLIP_ERR_IO || status == VBLIP_ERR_FORMAT ||
           status == VBLIP_ERR_UNSUPPORTED || status == VBLIP_ERR_ARGUMENT;
}

// The message without the path that it begins with.
static const char *reason_of(const vblip_error *err, const char *path)
{
    const size_t size = strlen(path);
    const bool named = strncmp(err->message, path, size) == 0 &&
                       strncmp(err->message + size, ": ", 2) == 0;
    return err->message + (named ? size + 2 : 0);
}

static vblip_status score_candidates(cli_session *s, rerank_state *state,
                                     vblip_error *err)
{
    const vblip_job job = cli_job(s);
    cli_candidates *c = &state->candidates;
    cli_candidates_by_clip(c);
    for (uint32_t i = 0; i < c->count; i += state->alike) {
        const vblip_progress progress = {c->items[i].row.path, "candidates", i,
                                         c->count, -1};
        if (job.progress(job.user, &progress))
            return VBLIP_ERR_CANCELLED;
        state->clip = &c->items[i];
        state->alike = 1;
        while (i + state->alike < c->count &&
               cli_candidates_alike(state->clip, &state->clip[state->alike]))
            state->alike++;
        const vblip_status status = score_clip(s, state, err);
        if (status != VBLIP_OK && !is_of_file(status))
            return status;
        const vblip_failure failure = {.input = i,
                                       .path = state->clip->row.path,
                                       .message =
                                           reason_of(err, state->clip->row.path)};
        if (status != VBLIP_OK && cli_input_failed(s, &failure))
            return VBLIP_ERR_CANCELLED;
    }
    return VBLIP_OK;
}

// -------------------------------------------------------------------------------- rows

static void put_real(vb_string *out, const char *name, double value)
{
    vb_string_appendf(out, ",\"%s\":", name);
    vb_json_put_real(out, value);
}

// The row as it came, with what was found.
static int emit_candidate(cli_session *s, const rerank_state *state,
                          const cli_candidate *c, uint32_t rank)
{
    static const char *const ours[] = {"query",     "rank",    "score",       "itc",
                                       "itm_logit", "p_match", "calibration", NULL};
    const cli_candidates *all = &state->candidates;
    vb_string *out = &s->line;
    vb_string_putc(out, '{');
    vb_hit_row_copy(out, all->lines.items[c->line], all->lines.sizes[c->line], ours);
    vb_string_puts(out, "\"query\":");
    vb_json_put_string(out, all->queries.items[c->query], all->queries.sizes[c->query]);
    vb_string_appendf(out, ",\"rank\":%u", rank);
    put_real(out, "score", (double)c->score);
    put_real(out, "itc", (double)c->itc);
    put_real(out, "itm_logit", (double)c->itm_logits[1]);
    put_real(out, "p_match", (double)c->p_match);
    vb_string_puts(out, ",\"calibration\":");
    if (s->calibration)
        vb_json_put_string(out, s->calibration, strlen(s->calibration));
    else
        vb_string_puts(out, "null");
    vb_string_puts(out, "}\n");
    return cli_emit_line(s);
}

static vblip_status rerank_run(cli_session *s, vblip_error *err)
{
    rerank_state *state = s->state;
    cli_candidates *c = &state->candidates;
    uint32_t rank = 0;
    cli_choose_calibration(s, s->args->frames, false);
    VB_TRY(score_candidates(s, state, err));
    cli_candidates_by_score(c);
    for (uint32_t i = 0; i < c->count; i++) {
        const cli_candidate *candidate = &c->items[i];
        rank = i && c->items[i - 1].query == candidate->query ? rank + 1 : 1;
        if (candidate->scored && candidate->p_match >= s->args->min_p &&
            (!s->args->top || rank <= s->args->top) &&
            emit_candidate(s, state, candidate, rank))
            return VBLIP_ERR_CANCELLED;
    }
    return VBLIP_OK;
}

cli_exit cli_cmd_rerank(cli_session *s)
{
    static const cli_task task = {
        .needs = VBLIP_TASK_RETRIEVAL,
        .weights = "Salesforce/blip-itm-base-coco",
        .annotated = true,
        .check = rerank_check,
        .run = rerank_run,
    };
    rerank_state state = {0};
    s->state = &state;
    const cli_exit code = cli_session_run(s, &task);
    cli_candidates_free(&state.candidates);
    free(state.asked);
    free(state.texts);
    return code;
}

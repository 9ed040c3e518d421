// cmd_rerank.c - ITM asked about moments that another program found (cli.md 15).
#include "cli/candidates.h"
#include "cli/cmd.h"
#include "output/json_out.h"
#include "output/targets.h"
#include "vblip_library.h"

#include <stdlib.h>
#include <string.h>

typedef struct rerank_state {
    cli_candidates candidates;
    vblip_candidate *clips; // [clip_count], one after another
    uint32_t *first;        // [clip_count + 1]: the first candidate of each
    uint32_t clip_count;
    uint32_t
        *asked; // [candidates], the queries of the texts of a clip, from its first on
    const char **texts; // [candidates]
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
    const size_t count = state->candidates.count + (size_t)1;
    state->clips = calloc(count, sizeof *state->clips);
    state->first = calloc(count, sizeof *state->first);
    state->asked = calloc(count, sizeof *state->asked);
    state->texts = calloc(count, sizeof *state->texts);
    if (!state->clips || !state->first || !state->asked || !state->texts)
        return vb_fail_memory(err, "candidates");
    return check_output(s, state, err);
}

// ------------------------------------------------------------------------------ scores

static int on_scored(void *held, const vblip_match_row *row)
{
    cli_session *s = held;
    rerank_state *state = s->state;
    const uint32_t first = state->first[row->input];
    for (uint32_t i = first; i < state->first[row->input + 1]; i++) {
        cli_candidate *c = &state->candidates.items[i];
        if (c->query != state->asked[first + row->text])
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

// The queries of candidates first .. end - 1, each once.
static uint32_t list_queries(rerank_state *state, uint32_t first, uint32_t end)
{
    const cli_candidates *c = &state->candidates;
    uint32_t *asked = state->asked + first, count = 0;
    for (uint32_t i = first; i < end; i++) {
        const uint32_t query = c->items[i].query;
        bool known = false;
        for (uint32_t k = 0; k < count; k++)
            known = known || asked[k] == query;
        if (known)
            continue;
        asked[count] = query;
        state->texts[first + count++] = c->queries.items[query];
    }
    return count;
}

// A clip for all the candidates that are alike.
static void gather_clips(rerank_state *state)
{
    cli_candidates *c = &state->candidates;
    cli_candidates_by_clip(c);
    for (uint32_t i = 0, end; i < c->count; i = end) {
        const vb_hit_row *row = &c->items[i].row;
        for (end = i + 1; end < c->count; end++)
            if (!cli_candidates_alike(&c->items[i], &c->items[end]))
                break;
        state->first[state->clip_count] = i;
        state->clips[state->clip_count++] = (vblip_candidate){
            .path = row->path,
            .start_us = row->start_us,
            .end_us = row->end_us,
            .texts = state->texts + i,
            .text_count = list_queries(state, i, end),
        };
    }
    state->first[state->clip_count] = c->count;
}

static vblip_status score_candidates(cli_session *s, rerank_state *state,
                                     vblip_error *err)
{
    vblip_job job = cli_job(s);
    const vblip_match_options options = {.job = &job};
    gather_clips(state);
    return vblip_match_candidates(s->model, state->clips, state->clip_count, &options,
                                  on_scored, s, err);
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
    free(state.clips);
    free(state.first);
    free(state.asked);
    free(state.texts);
    return code;
}

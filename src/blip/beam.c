#include "blip/beam.h"

#include "blip/logits.h"
#include "compute/ops.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

// Scores of the rows that equal row 0 at the start, so that none of them goes on.
static const float no_sum = -1e9f;

static bool beam_make_room(vb_beam *b, uint32_t beams, uint32_t max_length)
{
    const uint64_t ids = (uint64_t)(beams + 1) * max_length;
    if (beams <= b->beam_capacity && ids <= b->capacity)
        return true;
    vb_beam_free(b);
    b->rows = calloc(ids, sizeof *b->rows);
    b->next_rows = calloc(ids, sizeof *b->next_rows);
    b->finished_ids = calloc(ids, sizeof *b->finished_ids);
    b->sums = calloc(beams, sizeof *b->sums);
    b->tokens = calloc(beams, sizeof *b->tokens);
    b->parents = calloc(beams, sizeof *b->parents);
    b->finished = calloc(beams + 1, sizeof *b->finished);
    b->candidates = calloc((size_t)2 * beams, sizeof *b->candidates);
    if (!b->rows || !b->next_rows || !b->finished_ids || !b->sums || !b->tokens ||
        !b->parents || !b->finished || !b->candidates) {
        vb_beam_free(b);
        return false;
    }
    b->capacity = ids;
    b->beam_capacity = beams;
    return true;
}

vblip_status vb_search_check(const vb_search_params *p, const int32_t *prompt,
                             uint32_t count, vblip_error *err)
{
    if (p->beams < 1 || p->beams > VB_MAX_BEAMS)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "beams: %u, expected 1 to %d", p->beams,
                       VB_MAX_BEAMS);
    if (!(p->repetition_penalty > 0.0f) || !isfinite(p->repetition_penalty))
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "repetition penalty: %g, expected more than 0",
                       (double)p->repetition_penalty);
    if (count < 1 || count >= p->max_length)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "prompt: %u tokens, the maximum length is %u with the prompt",
                       count, p->max_length);
    for (uint32_t i = 0; i < count; i++)
        if (prompt[i] < 0 || (uint32_t)prompt[i] >= p->vocabulary)
            return vb_fail(err, VBLIP_ERR_ARGUMENT,
                           "prompt: id %d, the vocabulary has %u", (int)prompt[i],
                           p->vocabulary);
    return VBLIP_OK;
}

vblip_status vb_beam_start(vb_beam *b, const vb_search_params *p, const int32_t *prompt,
                           uint32_t count, vblip_error *err)
{
    VB_TRY(vb_search_check(p, prompt, count, err));
    if (!beam_make_room(b, p->beams, p->max_length))
        return vb_fail_memory(err, "beam search");

    b->params = *p;
    b->length = b->prompt = count;
    b->done = false;
    b->finished_count = 0;
    b->worst = 1e9;
    for (uint32_t i = 0; i < p->beams; i++) {
        memcpy(b->rows + (size_t)i * p->max_length, prompt, count * sizeof *prompt);
        b->sums[i] = i == 0 ? 0.0f : no_sum;
    }
    for (uint32_t i = 0; i <= p->beams; i++)
        b->finished[i].ids = b->finished_ids + (size_t)i * p->max_length;
    return VBLIP_OK;
}

void vb_beam_free(vb_beam *b)
{
    free(b->rows);
    free(b->next_rows);
    free(b->finished_ids);
    free(b->sums);
    free(b->tokens);
    free(b->parents);
    free(b->finished);
    free(b->candidates);
    *b = (vb_beam){0};
}

static const int32_t *row_of(const vb_beam *b, uint32_t row)
{
    return b->rows + (size_t)row * b->params.max_length;
}

// Turns the log-probabilities of one row into the scores its next tokens compete with.
static void score_row(const vb_beam *b, uint32_t row, float *scores)
{
    const vb_search_params *p = &b->params;
    if (p->repetition_penalty != 1.0f)
        vb_penalise_repetition(scores, row_of(b, row), b->length,
                               p->repetition_penalty);
    if (b->length < p->min_length)
        scores[p->eos] = -INFINITY;
    for (uint32_t v = 0; v < p->vocabulary; v++)
        scores[v] += b->sums[row];
}

// The better first; equals in order of their index in [beams, vocabulary].
static bool comes_before(const vb_candidate *a, const vb_candidate *b)
{
    if (a->sum != b->sum)
        return a->sum > b->sum;
    return a->row != b->row ? a->row < b->row : a->token < b->token;
}

// Takes it among the 2 * beams best, if it is.
static void offer(vb_beam *b, vb_candidate candidate)
{
    vb_candidate *list = b->candidates;
    const uint32_t wanted = 2 * b->params.beams;
    if (b->candidate_count == wanted && !comes_before(&candidate, &list[wanted - 1]))
        return;
    uint32_t at = b->candidate_count < wanted ? b->candidate_count++ : wanted - 1;
    for (; at > 0 && comes_before(&candidate, &list[at - 1]); at--)
        list[at] = list[at - 1];
    list[at] = candidate;
}

void vb_beam_choose(vb_beam *b, float *logits)
{
    const vb_search_params *p = &b->params;
    b->candidate_count = 0;
    for (uint32_t row = 0; row < p->beams; row++) {
        float *scores = logits + (size_t)row * p->vocabulary;
        vb_log_softmax_row(scores, p->vocabulary);
        score_row(b, row, scores);
        for (uint32_t v = 0; v < p->vocabulary; v++)
            offer(b, (vb_candidate){scores[v], row, (int32_t)v});
    }
}

static bool has_token(const vb_beam *b, uint32_t row, int32_t token)
{
    const int32_t *ids = row_of(b, row);
    for (uint32_t i = 0; i < b->length; i++)
        if (ids[i] == token)
            return true;
    return false;
}

// What score_row makes of one log-probability.
static float score_token(const vb_beam *b, uint32_t row, int32_t token, float score)
{
    const vb_search_params *p = &b->params;
    if (p->repetition_penalty != 1.0f && has_token(b, row, token))
        score = vb_penalised(score, p->repetition_penalty);
    if (b->length < p->min_length && token == p->eos)
        score = -INFINITY;
    return score + b->sums[row];
}

// The words that are not among the k have lower logits than those that are, or the same, and
// so no better scores than the last of them unpenalised; but rounding makes equals, of which
// a lower id comes first. So they are out only where that is less than all that were chosen.
bool vb_beam_choose_top(vb_beam *b, const float *rows, uint32_t k)
{
    const vb_search_params *p = &b->params;
    float unseen = -INFINITY; // what the others score at most
    b->candidate_count = 0;
    for (uint32_t row = 0; row < p->beams; row++, rows += vb_topk_cols(k)) {
        const vb_top_logits top = vb_top_logits_of(rows, k);
        for (uint32_t i = 0; i < k; i++) {
            const int32_t token = (int32_t)top.columns[i];
            const float score = vb_log_probability(&top, top.values[i]);
            offer(b, (vb_candidate){score_token(b, row, token, score), row, token});
        }
        unseen =
            fmaxf(unseen, vb_log_probability(&top, top.values[k - 1]) + b->sums[row]);
    }
    const uint32_t wanted = 2 * p->beams;
    return k == p->vocabulary ||
           (b->candidate_count == wanted && b->candidates[wanted - 1].sum > unseen);
}

static void remove_lowest(vb_beam *b)
{
    uint32_t lowest = 0;
    for (uint32_t i = 1; i < b->finished_count; i++)
        if (b->finished[i].score < b->finished[lowest].score)
            lowest = i;
    const vb_hypothesis removed = b->finished[lowest];
    b->finished_count--;
    for (uint32_t i = lowest; i < b->finished_count; i++)
        b->finished[i] = b->finished[i + 1];
    b->finished[b->finished_count] = removed; // its ids are room for the next
}

// The score of a text of which this step appends token `length`. Version 5 divides fp32
// numbers, and counts what was generated, [SEP] as well.
static double normalise(const vb_beam *b, float sum)
{
    if (b->params.rules == VB_BEAM_5)
        return (double)(sum / (float)(b->length + 1 - b->prompt));
    return (double)sum / (double)b->length;
}

// Ends a text: the first `length` tokens of `ids`.
static void add_hypothesis(vb_beam *b, const int32_t *ids, uint32_t length, float sum)
{
    const double score = normalise(b, sum);
    if (b->finished_count >= b->params.beams && !(score > b->worst))
        return;
    vb_hypothesis *h = &b->finished[b->finished_count++];
    h->score = score;
    h->length = length;
    memcpy(h->ids, ids, length * sizeof *h->ids);
    if (b->finished_count <= b->params.beams) {
        b->worst = fmin(b->worst, score);
        return;
    }
    remove_lowest(b);
    b->worst = b->finished[0].score;
    for (uint32_t i = 1; i < b->finished_count; i++)
        b->worst = fmin(b->worst, b->finished[i].score);
}

// Hands the candidates out, best first: [SEP] ends a text if it is among the first
// `beams`, anything else goes on, until there are `beams` rows again. By version 5 the
// maximum length ends texts as [SEP] does.
static void walk_candidates(vb_beam *b)
{
    const vb_search_params *p = &b->params;
    const bool full = p->rules == VB_BEAM_5 && b->length + 1 == p->max_length;
    uint32_t running = 0;
    for (uint32_t rank = 0; rank < b->candidate_count && running < p->beams; rank++) {
        const vb_candidate *c = &b->candidates[rank];
        if (c->token == p->eos) {
            if (rank < p->beams)
                add_hypothesis(b, row_of(b, c->row), b->length, c->sum);
            continue;
        }
        int32_t *row = b->next_rows + (size_t)running * p->max_length;
        memcpy(row, row_of(b, c->row), b->length * sizeof *row);
        row[b->length] = c->token;
        if (full && rank < p->beams)
            add_hypothesis(b, row, b->length + 1, c->sum);
        b->tokens[running] = c->token;
        b->parents[running] = c->row;
        b->sums[running] = c->sum;
        running++;
    }
    assert(running == p->beams); // each row has one [SEP], so half or more are not
    int32_t *old = b->rows;
    b->rows = b->next_rows;
    b->next_rows = old;
}

bool vb_beam_step(vb_beam *b)
{
    const vb_search_params *p = &b->params;
    walk_candidates(b);
    // Version 5 looks at the rows that go on, version 4 at [SEP] as well.
    const double reachable =
        normalise(b, p->rules == VB_BEAM_5 ? b->sums[0] : b->candidates[0].sum);
    b->done = b->finished_count >= p->beams && b->worst >= reachable;
    b->length++;
    return !b->done && b->length < p->max_length;
}

uint32_t vb_beam_finish(vb_beam *b, int32_t *ids, float *score)
{
    // In version 4 the rows that still run compete, and the last of equals wins.
    const bool old = b->params.rules == VB_BEAM_4;
    for (uint32_t row = 0; row < b->params.beams && old && !b->done; row++)
        add_hypothesis(b, row_of(b, row), b->length, b->sums[row]);
    const vb_hypothesis *best = &b->finished[0];
    for (uint32_t i = 1; i < b->finished_count; i++) {
        const vb_hypothesis *h = &b->finished[i];
        if (h->score > best->score || (old && h->score == best->score))
            best = h;
    }
    uint32_t count = best->length;
    memcpy(ids, best->ids, count * sizeof *ids);
    if (count < b->params.max_length)
        ids[count++] = b->params.eos;
    *score = (float)best->score;
    return count;
}

// test_beam.c - beam search keeps the rules of transformers 4.15 (blip-spec 8.2), or those
// of version 5 (8.4), on hand-made probabilities.
#include "blip/beam.h"
#include "blip/logits.h"
#include "compute/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { VOCABULARY = 5, EOS = 1, A = 2, B = 3, C = 4, MAX_ROWS = 3, MAX_IDS = 16 };
enum { MOST_K = 40, MOST_WORDS = 500 };

typedef struct search {
    vb_beam beam;
    vb_search_params params;
    int32_t ids[MAX_IDS];
    uint32_t count;
    float score;
} search;

#define PARAMS(rows, longest, penalty)                                                 \
    {                                                                                  \
        .beams = rows, .max_length = longest, .repetition_penalty = penalty,           \
        .eos = EOS, .vocabulary = VOCABULARY                                           \
    }

// One row of probabilities: [PAD], [SEP], A, B, C.
typedef float row[VOCABULARY];

static void start(search *s, uint32_t beams, uint32_t max_length, uint32_t min_length,
                  float penalty)
{
    static const int32_t prompt[] = {0};
    *s = (search){.params = PARAMS(beams, max_length, penalty)};
    s->params.min_length = min_length;
    assert_int_equal(vb_beam_start(&s->beam, &s->params, prompt, 1, NULL), VBLIP_OK);
}

// What vb_topk makes of a row.
static void topk_row(float *y, const float *x, uint32_t count, uint32_t k)
{
    float *values = y + VB_TOPK_VALUES, *columns = values + k;
    bool taken[MOST_WORDS] = {false};
    double sum = 0;
    for (uint32_t n = 0; n < k; n++) {
        uint32_t best = count;
        for (uint32_t i = 0; i < count; i++)
            if (!taken[i] && (best == count || x[i] > x[best]))
                best = i;
        taken[best] = true;
        values[n] = x[best];
        columns[n] = (float)best;
    }
    for (uint32_t i = 0; i < count; i++)
        sum += (double)expf(x[i] - values[0]);
    y[VB_TOPK_SUM] = (float)sum;
}

// Whether the k best words of each row decide; and what they choose is then what all choose.
static bool choose_both(vb_beam *b, float *logits, uint32_t k)
{
    const vb_search_params *p = &b->params;
    float rows[MAX_ROWS * (VB_TOPK_VALUES + 2 * MOST_K)];
    vb_candidate top[2 * MAX_ROWS];
    for (uint32_t r = 0; r < p->beams; r++)
        topk_row(rows + r * vb_topk_cols(k), logits + r * p->vocabulary, p->vocabulary,
                 k);
    const bool decides = vb_beam_choose_top(b, rows, k);
    const uint32_t count = b->candidate_count;
    memcpy(top, b->candidates, count * sizeof *top);
    vb_beam_choose(b, logits);
    if (!decides)
        return false;
    assert_int_equal(b->candidate_count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(b->candidates[i].row, top[i].row);
        assert_int_equal(b->candidates[i].token, top[i].token);
        if (!(fabsf(b->candidates[i].sum - top[i].sum) < 1e-5f) &&
            b->candidates[i].sum != top[i].sum)
            fail_msg("candidate %u has %.8g, of all %.8g", i, (double)top[i].sum,
                     (double)b->candidates[i].sum);
    }
    return true;
}

static bool step(search *s, row probabilities[])
{
    float logits[MAX_ROWS * VOCABULARY], same[MAX_ROWS * VOCABULARY];
    for (uint32_t r = 0; r < s->params.beams; r++)
        for (uint32_t v = 0; v < VOCABULARY; v++)
            logits[r * VOCABULARY + v] = logf(probabilities[r][v]) + 3.0f;
    for (uint32_t k = 1; k <= VOCABULARY; k++) {
        memcpy(same, logits, sizeof same);
        assert_true(choose_both(&s->beam, same, k) || k < VOCABULARY);
    }
    return vb_beam_step(&s->beam);
}

static void finish(search *s)
{
    s->count = vb_beam_finish(&s->beam, s->ids, &s->score);
}

#define EXPECT_IDS(s, ...)                                                             \
    do {                                                                               \
        const int32_t want_[] = {__VA_ARGS__};                                         \
        assert_int_equal((s)->count, sizeof want_ / sizeof *want_);                    \
        assert_memory_equal((s)->ids, want_, sizeof want_);                            \
    } while (0)

static void expect_near(float got, double want)
{
    if (!(fabs((double)got - want) < 1e-5))
        fail_msg("%.7g, expected %.7g", (double)got, want);
}

static void test_first_step_expands_the_prompt_once(void **state)
{
    (void)state;
    search s;
    start(&s, 2, 8, 0, 1.0f);
    row p[] = {{0.05f, 0.05f, 0.5f, 0.3f, 0.1f}, {0.05f, 0.05f, 0.5f, 0.3f, 0.1f}};
    assert_true(step(&s, p));
    assert_int_equal(s.beam.tokens[0], A);
    assert_int_equal(s.beam.tokens[1], B);
    assert_int_equal(s.beam.parents[0], 0);
    assert_int_equal(s.beam.parents[1], 0);
    expect_near(s.beam.sums[1], log(0.3));
    vb_beam_free(&s.beam);
}

// Ranks: [SEP] of row 0, A of row 0, [SEP] of row 1, B of row 0.
static void test_sep_at_rank_of_beams_or_more_is_dropped(void **state)
{
    (void)state;
    search s;
    start(&s, 2, 8, 0, 1.0f);
    row first[] = {{0.01f, 0.01f, 0.5f, 0.47f, 0.01f}, {1, 1, 1, 1, 1}};
    assert_true(step(&s, first));
    row second[] = {{0.01f, 0.5f, 0.4f, 0.08f, 0.01f}, {0.2f, 0.3f, 0.1f, 0.2f, 0.2f}};
    assert_true(step(&s, second));
    assert_int_equal(s.beam.finished_count, 1);
    assert_int_equal(s.beam.finished[0].ids[1], A);
    assert_int_equal(s.beam.finished[0].length, 2);
    assert_int_equal(s.beam.tokens[0], A);
    assert_int_equal(s.beam.parents[0], 0);
    assert_int_equal(s.beam.tokens[1], 0); // of row 1, before B of row 1 and C of row 1
    assert_int_equal(s.beam.parents[1], 1);
    vb_beam_free(&s.beam);
}

// Candidates after the running rows are full are not looked at, [SEP] or not.
static void test_walk_stops_when_the_rows_are_full(void **state)
{
    (void)state;
    search s;
    start(&s, 2, 8, 0, 1.0f);
    row p[] = {{0.02f, 0.18f, 0.4f, 0.3f, 0.1f}, {1, 1, 1, 1, 1}};
    assert_true(step(&s, p));
    assert_int_equal(s.beam.finished_count, 0);
    vb_beam_free(&s.beam);
}

static void test_better_hypothesis_replaces_the_lowest(void **state)
{
    (void)state;
    search s;
    start(&s, 2, 8, 0, 1.0f);
    row first[] = {{0.005f, 0.19f, 0.4f, 0.4f, 0.005f}, {1, 1, 1, 1, 1}};
    assert_true(step(&s, first)); // rows A and B, equal sums: the lower id first
    assert_int_equal(s.beam.tokens[0], A);
    row sep[] = {{0.01f, 0.3f, 0.67f, 0.01f, 0.01f},
                 {0.01f, 0.5f, 0.47f, 0.01f, 0.01f}};
    assert_true(step(&s, sep)); // ranks: A A, B sep, B A, A sep: one hypothesis
    assert_int_equal(s.beam.finished_count, 1);
    row more[] = {{0.01f, 0.3f, 0.67f, 0.01f, 0.01f},
                  {0.01f, 0.3f, 0.67f, 0.01f, 0.01f}};
    assert_true(step(&s, more)); // ranks: AA A, BA A: rows full
    assert_int_equal(s.beam.finished_count, 1);
    row end[] = {{0.01f, 0.9f, 0.07f, 0.01f, 0.01f},
                 {0.01f, 0.9f, 0.07f, 0.01f, 0.01f}};
    assert_true(step(&s, end)); // both end, the first hypothesis gives way
    assert_int_equal(s.beam.finished_count, 2);
    assert_int_equal(s.beam.finished[0].length, 4);
    assert_int_equal(s.beam.finished[1].length, 4);
    assert_false(step(&s, end)); // nothing better can be reached
    finish(&s);
    EXPECT_IDS(&s, 0, A, A, A, EOS);
    expect_near(s.score, log(0.4 * 0.67 * 0.67 * 0.9) / 4);
    vb_beam_free(&s.beam);
}

// Right after [SEP] was the best candidate, worst == the best reachable score exactly.
static void test_stop_test_holds_on_an_exact_tie(void **state)
{
    (void)state;
    search s;
    start(&s, 1, 8, 0, 1.0f);
    row p[] = {{0.05f, 0.55f, 0.2f, 0.1f, 0.1f}};
    assert_false(step(&s, p));
    assert_true(s.beam.done);
    finish(&s);
    EXPECT_IDS(&s, 0, EOS);
    expect_near(s.score, log(0.55));
    vb_beam_free(&s.beam);
}

// A third of a float is rarely a float: scores in single precision would lose the tie.
static void test_the_tie_holds_whatever_the_length(void **state)
{
    (void)state;
    for (int i = 0; i < 32; i++) {
        const float end = 0.5f + 0.01f * (float)i;
        search s;
        start(&s, 1, 8, 3, 1.0f);
        row p[] = {{0.01f, end, 0.1f, 0.02f, 0.03f}};
        assert_true(step(&s, p));
        assert_true(step(&s, p));
        if (step(&s, p) || !s.beam.done)
            fail_msg("goes on where [SEP] has %g", (double)end);
        vb_beam_free(&s.beam);
    }
}

// The best text may still be running: the search goes on although B have finished.
static void test_search_goes_on_while_a_better_score_can_be_reached(void **state)
{
    (void)state;
    search s;
    start(&s, 2, 4, 0, 1.0f);
    row first[] = {{0.01f, 0.34f, 0.4f, 0.24f, 0.01f}, {1, 1, 1, 1, 1}};
    assert_true(step(&s, first));
    row second[] = {{0.01f, 0.04f, 0.93f, 0.01f, 0.01f},
                    {0.01f, 0.9f, 0.07f, 0.01f, 0.01f}};
    assert_true(step(&s, second)); // 0.4 * 0.93 at length 2 beats both
    assert_int_equal(s.beam.finished_count, 2);
    row third[] = {{0.01f, 0.01f, 0.96f, 0.01f, 0.01f},
                   {0.01f, 0.01f, 0.96f, 0.01f, 0.01f}};
    assert_false(step(&s, third)); // max_length
    assert_false(s.beam.done);
    finish(&s);
    EXPECT_IDS(&s, 0, A, A, A);
    expect_near(s.score, log(0.4 * 0.93 * 0.96) / 4);
    vb_beam_free(&s.beam);
}

// At max_length the running rows compete, and no [SEP] is appended.
static void test_max_length_ends_with_the_running_rows(void **state)
{
    (void)state;
    search s;
    start(&s, 2, 3, 0, 1.0f);
    row p[] = {{0.1f, 0.1f, 0.5f, 0.2f, 0.1f}, {0.1f, 0.1f, 0.5f, 0.2f, 0.1f}};
    assert_true(step(&s, p));
    assert_false(step(&s, p));
    finish(&s);
    EXPECT_IDS(&s, 0, A, A);
    expect_near(s.score, log(0.25) / 3);
    vb_beam_free(&s.beam);
}

static void test_minimum_length_forbids_sep(void **state)
{
    (void)state;
    search s;
    start(&s, 1, 8, 3, 1.0f);
    row p[] = {{0.05f, 0.8f, 0.1f, 0.03f, 0.02f}};
    assert_true(step(&s, p)); // lengths 1 and 2 are below 3
    assert_true(step(&s, p));
    assert_false(step(&s, p));
    finish(&s);
    EXPECT_IDS(&s, 0, A, A, EOS);
    expect_near(s.score, log(0.1 * 0.1 * 0.8) / 3); // not renormalised
    vb_beam_free(&s.beam);
}

// In beam search the penalty multiplies log-probabilities, prompt ids included, once.
static void test_repetition_penalty_is_on_log_probabilities(void **state)
{
    (void)state;
    search s;
    start(&s, 1, 3, 0, 2.0f);
    row p[] = {{0.48f, 0.02f, 0.25f, 0.2f, 0.05f}};
    assert_true(step(&s, p)); // 0 is in the prompt: 0.48^2 < 0.25
    assert_int_equal(s.beam.tokens[0], A);
    row q[] = {{0.01f, 0.01f, 0.6f, 0.3f, 0.08f}};
    assert_false(step(&s, q)); // A: 0.36 > 0.3
    finish(&s);
    EXPECT_IDS(&s, 0, A, A);
    expect_near(s.score, log(0.25 * 0.36) / 3);
    vb_beam_free(&s.beam);
}

static void test_a_search_object_is_used_again(void **state)
{
    (void)state;
    static const int32_t prompt[] = {0};
    search s;
    start(&s, 3, 4, 0, 1.0f);
    row p[] = {{0.1f, 0.1f, 0.5f, 0.2f, 0.1f},
               {0.1f, 0.1f, 0.5f, 0.2f, 0.1f},
               {0.1f, 0.1f, 0.5f, 0.2f, 0.1f}};
    assert_true(step(&s, p));
    const void *rows = s.beam.finished_ids;
    s.params.beams = 2;
    assert_int_equal(vb_beam_start(&s.beam, &s.params, prompt, 1, NULL), VBLIP_OK);
    assert_ptr_equal(s.beam.finished_ids, rows); // nothing allocated
    assert_true(step(&s, p));
    assert_true(step(&s, p));
    assert_false(step(&s, p));
    finish(&s);
    EXPECT_IDS(&s, 0, A, A, A);
    vb_beam_free(&s.beam);
}

// ------------------------------------------------------------------- rules of version 5

// A search of two beams by `rules`, that continues `count` tokens.
static void start_by(search *s, vb_beam_rules rules, uint32_t count,
                     uint32_t max_length)
{
    static const int32_t prompt[] = {0, A, B};
    *s = (search){.params = PARAMS(2, max_length, 1.0f)};
    s->params.rules = rules;
    assert_int_equal(vb_beam_start(&s->beam, &s->params, prompt, count, NULL),
                     VBLIP_OK);
}

// Ends one text at once, and at the second step one that is better by token.
static void take_two_steps(search *s)
{
    row first[2] = {{.05f, .5f, .3f, .1f, .05f}, {.2f, .2f, .2f, .2f, .2f}};
    row second[2] = {{.025f, .9f, .025f, .025f, .025f}, {.2f, .2f, .2f, .2f, .2f}};
    assert_true(step(s, first));
    (void)step(s, second);
}

// Version 4 divides by all tokens but [SEP], which favours the short text after a long
// prompt; version 5 by the generated ones.
static void test_version_5_divides_by_what_was_generated(void **state)
{
    (void)state;
    search s;
    start_by(&s, VB_BEAM_4, 3, 5);
    take_two_steps(&s);
    finish(&s);
    EXPECT_IDS(&s, 0, A, B, EOS);
    expect_near(s.score, log(.5) / 3);
    vb_beam_free(&s.beam);

    start_by(&s, VB_BEAM_5, 3, 5);
    take_two_steps(&s);
    finish(&s);
    EXPECT_IDS(&s, 0, A, B, A, EOS);
    expect_near(s.score, log(.3 * .9) / 2);
    vb_beam_free(&s.beam);
}

// The best candidate of the second step is [SEP]: version 4 hopes for more like it.
static void test_version_5_looks_at_rows_that_go_on(void **state)
{
    (void)state;
    search s;
    start_by(&s, VB_BEAM_4, 1, 8);
    take_two_steps(&s);
    assert_int_equal(s.beam.finished_count, 2);
    assert_false(s.beam.done);
    vb_beam_free(&s.beam);

    start_by(&s, VB_BEAM_5, 1, 8);
    take_two_steps(&s);
    assert_int_equal(s.beam.finished_count, 2);
    assert_true(s.beam.done);
    finish(&s);
    EXPECT_IDS(&s, 0, A, EOS);
    vb_beam_free(&s.beam);
}

// At the maximum length version 4 adds every row that runs, without paying for [SEP] in
// length; version 5 ends what is among the first `beams` candidates.
static void test_version_5_ends_the_first_candidates_at_max_length(void **state)
{
    (void)state;
    row p[2] = {{.01f, .5f, .3f, .15f, .04f}, {.2f, .2f, .2f, .2f, .2f}};
    search s;
    start_by(&s, VB_BEAM_4, 1, 2);
    assert_false(step(&s, p));
    finish(&s);
    EXPECT_IDS(&s, 0, A);
    expect_near(s.score, log(.3) / 2);
    vb_beam_free(&s.beam);

    start_by(&s, VB_BEAM_5, 1, 2);
    assert_false(step(&s, p));
    assert_int_equal(s.beam.finished_count, 2); // [SEP] and A, not B
    finish(&s);
    EXPECT_IDS(&s, 0, EOS);
    expect_near(s.score, log(.5));
    vb_beam_free(&s.beam);
}

static void test_of_equals_version_5_takes_the_first(void **state)
{
    (void)state;
    row p[2] = {{.05f, .05f, .4f, .4f, .1f}, {.2f, .2f, .2f, .2f, .2f}};
    search s;
    start_by(&s, VB_BEAM_4, 1, 2);
    assert_false(step(&s, p));
    finish(&s);
    EXPECT_IDS(&s, 0, B);
    vb_beam_free(&s.beam);

    start_by(&s, VB_BEAM_5, 1, 2);
    assert_false(step(&s, p));
    finish(&s);
    EXPECT_IDS(&s, 0, A);
    vb_beam_free(&s.beam);
}

static void test_refuses_what_cannot_be(void **state)
{
    (void)state;
    static const int32_t good[] = {0, A}, bad[] = {0, VOCABULARY};
    static const struct {
        vb_search_params params;
        const int32_t *prompt;
        uint32_t count;
        const char *message;
    } rows[] = {
        {PARAMS(0, 8, 1.0f), good, 2, "beams: 0, expected 1 to 64"},
        {PARAMS(65, 8, 1.0f), good, 2, "beams: 65, expected 1 to 64"},
        {PARAMS(3, 2, 1.0f), good, 2,
         "prompt: 2 tokens, the maximum length is 2 with the prompt"},
        {PARAMS(3, 8, 1.0f), good, 0,
         "prompt: 0 tokens, the maximum length is 8 with the prompt"},
        {PARAMS(3, 8, 1.0f), bad, 2, "prompt: id 5, the vocabulary has 5"},
        {PARAMS(3, 8, 0.0f), good, 2, "repetition penalty: 0, expected more than 0"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_beam beam = {0};
        vblip_error err = {0};
        assert_int_equal(
            vb_beam_start(&beam, &rows[i].params, rows[i].prompt, rows[i].count, &err),
            VBLIP_ERR_ARGUMENT);
        assert_string_equal(err.message, rows[i].message);
        assert_null(beam.rows);
    }
}

// Searches of 3 beams over random logits, of which many are equal, where [SEP] and repeated
// words are among the best: a few words more than are chosen decide nearly always.
static void test_the_best_words_decide(void **state)
{
    (void)state;
    enum { STEPS = 12, SEARCHES = 40 };
    static float logits[MAX_ROWS * MOST_WORDS];
    static const int32_t prompt[] = {0};
    uint32_t noise = 1, decided = 0, steps = 0;
    vb_beam beam = {0};
    for (uint32_t i = 0; i < SEARCHES; i++) {
        const vb_search_params params = {.beams = 3,
                                         .max_length = STEPS + 1,
                                         .min_length = i % 3 * 4,
                                         .repetition_penalty = i % 2 ? 1.3f : 1.0f,
                                         .eos = EOS,
                                         .vocabulary = MOST_WORDS};
        assert_int_equal(vb_beam_start(&beam, &params, prompt, 1, NULL), VBLIP_OK);
        do {
            for (uint32_t v = 0; v < MAX_ROWS * MOST_WORDS; v++) {
                noise = noise * 1664525u + 1013904223u;
                const float value = (float)(noise >> 8) / 1048576.0f; // 0 to 16
                logits[v] = i % 4 ? value : floorf(value);
                if (v % MOST_WORDS <= C)
                    logits[v] += 8.0f;
            }
            decided += choose_both(&beam, logits, 6 + 2 + (i % 2 ? STEPS : 1));
            steps++;
        } while (vb_beam_step(&beam));
    }
    vb_beam_free(&beam);
    if (decided < steps / 2 || decided == steps) // where 30 are equal they do not
        fail_msg("%u of %u steps", decided, steps);
}

// Two logits that are apart may give scores that are not: then the lower id comes first,
// though its logit is lower, and may not have been among the best.
static void test_scores_that_rounding_makes_equal(void **state)
{
    (void)state;
    static const int32_t prompt[] = {0};
    const vb_search_params params = {.beams = 1,
                                     .max_length = 8,
                                     .repetition_penalty = 1.0f,
                                     .eos = EOS,
                                     .vocabulary = MOST_WORDS};
    vb_beam beam = {0};
    for (uint32_t k = 2; k <= 6; k++) {
        float logits[MOST_WORDS] = {0};
        logits[5] = 5.0f, logits[10] = 5.001f, logits[20] = 5.002f;
        logits[30] = 5.003f;
        assert_int_equal(vb_beam_start(&beam, &params, prompt, 1, NULL), VBLIP_OK);
        beam.sums[0] = -1e6f;
        assert_true(choose_both(&beam, logits, k) == (k > 4));
        assert_int_equal(beam.candidates[0].token, 5);
        assert_int_equal(beam.candidates[1].token, 10);
    }
    vb_beam_free(&beam);
}

static void test_log_softmax(void **state)
{
    (void)state;
    float x[] = {1000.0f, 1001.0f, 999.0f};
    const double sum = exp(-1.0) + 1.0 + exp(-2.0);
    vb_log_softmax_row(x, 3);
    expect_near(x[0], -1.0 - log(sum));
    expect_near(x[1], -log(sum));
    expect_near(x[2], -2.0 - log(sum));
}

static void test_penalty_once_for_each_id_and_by_sign(void **state)
{
    (void)state;
    float x[] = {-1.0f, 2.0f, 3.0f, 0.0f};
    const int32_t ids[] = {0, 1, 1, 0, 0, 3};
    vb_penalise_repetition(x, ids, 6, 2.0f);
    expect_near(x[0], -2.0);
    expect_near(x[1], 1.0);
    expect_near(x[2], 3.0);
    expect_near(x[3], 0.0);
}

static void test_argmax_takes_the_first_of_equals(void **state)
{
    (void)state;
    const float x[] = {1.0f, 3.0f, 3.0f, 2.0f};
    assert_int_equal(vb_argmax(x, 4), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_step_expands_the_prompt_once),
        cmocka_unit_test(test_sep_at_rank_of_beams_or_more_is_dropped),
        cmocka_unit_test(test_walk_stops_when_the_rows_are_full),
        cmocka_unit_test(test_better_hypothesis_replaces_the_lowest),
        cmocka_unit_test(test_stop_test_holds_on_an_exact_tie),
        cmocka_unit_test(test_the_tie_holds_whatever_the_length),
        cmocka_unit_test(test_search_goes_on_while_a_better_score_can_be_reached),
        cmocka_unit_test(test_max_length_ends_with_the_running_rows),
        cmocka_unit_test(test_minimum_length_forbids_sep),
        cmocka_unit_test(test_repetition_penalty_is_on_log_probabilities),
        cmocka_unit_test(test_a_search_object_is_used_again),
        cmocka_unit_test(test_version_5_divides_by_what_was_generated),
        cmocka_unit_test(test_version_5_looks_at_rows_that_go_on),
        cmocka_unit_test(test_version_5_ends_the_first_candidates_at_max_length),
        cmocka_unit_test(test_of_equals_version_5_takes_the_first),
        cmocka_unit_test(test_refuses_what_cannot_be),
        cmocka_unit_test(test_the_best_words_decide),
        cmocka_unit_test(test_scores_that_rounding_makes_equal),
        cmocka_unit_test(test_log_softmax),
        cmocka_unit_test(test_penalty_once_for_each_id_and_by_sign),
        cmocka_unit_test(test_argmax_takes_the_first_of_equals),
    };
    return cmocka_run_group_tests_name("beam search", tests, NULL, NULL);
}

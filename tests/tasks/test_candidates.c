// test_candidates.c - the best candidates are those that a look at all segments finds, in
// the same order, whatever is equal and however the segments lie; also of two in a row.
#include "support/fakes.h"
#include "video_tasks/candidates.h"
#include "video_tasks/ranking.h"
#include "video_tasks/shown.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DIMS = 16, SHELVES = 2, RECORDINGS = 40, MOST = 12, SEGMENT_US = 1000000 };

// Recordings of both shelves in turn; of an odd count of segments there is an image, too.
typedef struct shelves {
    vb_shelf items[SHELVES];
    vb_model_ops ops;
    vb_task task;
    vb_indexing in;
} shelves;

static void good(vblip_status status, const vblip_error *err)
{
    if (status != VBLIP_OK)
        fail_msg("%s", err->message);
}

// Small whole numbers: exact in f16, and often the same.
static void fill(float *vectors, uint32_t count, unsigned *seed)
{
    memset(vectors, 0, count * DIMS * sizeof *vectors);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t d = 0; d < 2; d++)
            vectors[i * DIMS + d] =
                (float)((*seed = *seed * 1103515245 + 12345) >> 16 & 3);
}

static void put_recording(shelves *s, uint32_t input, bool allowed, unsigned *seed)
{
    vb_shelf *shelf = &s->items[input % SHELVES];
    char path[16];
    vb_segment segments[MOST];
    float vectors[MOST * DIMS];
    vblip_error err = {0};
    const uint32_t count = input % MOST == 0 ? 1 : input % MOST;
    snprintf(path, sizeof path, "r%02u", input);
    for (uint32_t i = 0; i < count; i++) // with a hole behind every third
        segments[i] = (vb_segment){(int64_t)(i + i / 3) * SEGMENT_US,
                                   (int64_t)(i + i / 3 + 1) * SEGMENT_US};
    if (input % MOST == 0)
        segments[0] = (vb_segment){0};
    fill(vectors, count, seed);
    const vb_recording recording = {.path = path, .timed = segments[0].end_us != 0};
    good(vb_index_put(shelf->index, &recording, segments, vectors, count, &err), &err);
    vb_recording found;
    good(vb_index_find(&found, shelf->index, path, &err), &err);
    if (allowed) // inputs the other way round than recordings
        shelf->inputs[found.id] = RECORDINGS - input;
}

static void make_shelves(shelves *s)
{
    unsigned seed = 7;
    vblip_error err = {0};
    const vb_index_options memory = {.root = "/", .dims = DIMS, .write = true};
    *s = (shelves){.ops = {.projection = DIMS}};
    for (int i = 0; i < SHELVES; i++) {
        good(vb_index_open(&s->items[i].index, &memory, &err), &err);
        s->items[i].ids = RECORDINGS + 1;
        s->items[i].inputs = calloc(RECORDINGS + 1, sizeof *s->items[i].inputs);
        assert_non_null(s->items[i].inputs);
    }
    for (uint32_t r = 0; r < RECORDINGS; r++)
        put_recording(s, r, r % 7 != 3, &seed);
    s->task = (vb_task){.ops = &s->ops, .input_count = RECORDINGS};
    s->in =
        (vb_indexing){.task = &s->task, .shelves = s->items, .shelf_count = SHELVES};
}

static void free_shelves(shelves *s)
{
    for (int i = 0; i < SHELVES; i++) {
        vb_shelf_free(&s->items[i]);
        vb_index_close(&s->items[i].index);
    }
}

static void find(vb_candidates *out, const shelves *s, const float *vectors,
                 uint32_t count, uint32_t need)
{
    vblip_error err = {0};
    good(vb_candidates_find(out, &s->in, vectors, count, need, &err), &err);
}

// All of a query, checked against their order.
static void find_every(vb_candidates *out, const shelves *s, const float *vector)
{
    uint32_t segments = 0;
    for (uint32_t r = 0; r < RECORDINGS; r++)
        if (r % 7 != 3)
            segments += r % MOST == 0 ? 1 : r % MOST;
    find(out, s, vector, 1, UINT32_MAX);
    assert_true(out->all);
    assert_int_equal(out->count, segments);
    for (uint32_t i = 0; i + 1 < out->count; i++) {
        assert_true(vb_by_candidate_score(&out->items[i], &out->items[i + 1]) < 0);
        assert_true(out->items[i].score >= out->items[i + 1].score);
    }
}

static void same_moment(const vb_candidate *a, const vb_candidate *b)
{
    const vb_moment *m = &a->moments[0], *n = &b->moments[0];
    assert_int_equal(m->shelf, n->shelf);
    assert_int_equal(m->input, n->input);
    assert_int_equal(m->hit.segment, n->hit.segment);
    assert_true(a->score == b->score && a->score == m->hit.score);
}

static void test_the_best_are_a_prefix_of_all(void **state)
{
    (void)state;
    shelves s;
    float vectors[3 * DIMS];
    unsigned seed = 99;
    vb_candidates all[3] = {{0}}, some[3] = {{0}};
    make_shelves(&s);
    fill(vectors, 3, &seed);
    for (uint32_t q = 0; q < 3; q++)
        find_every(&all[q], &s, vectors + q * DIMS);
    for (uint32_t need = 1; need < 150; need += need < 20 ? 1 : 13) {
        find(some, &s, vectors, 3, need);
        for (uint32_t q = 0; q < 3; q++) {
            assert_true(some[q].count >= need || some[q].all);
            assert_true(some[q].count <= all[q].count);
            for (uint32_t i = 0; i < some[q].count; i++)
                same_moment(&some[q].items[i], &all[q].items[i]);
        }
    }
    for (uint32_t q = 0; q < 3; q++) {
        vb_candidates_free(&all[q]);
        vb_candidates_free(&some[q]);
    }
    free_shelves(&s);
}

// The best score of what follows `a`; below 0: nothing does.
static float best_behind(const vb_candidate *a, const vb_candidates *then,
                         int64_t within_us)
{
    float best = -1;
    const vb_moment *m = &a->moments[0];
    for (uint32_t i = 0; i < then->count; i++) {
        const vb_moment *n = &then->items[i].moments[0];
        const int64_t gap_us = n->hit.span.start_us - m->hit.span.end_us;
        if (m->shelf == n->shelf && m->hit.recording == n->hit.recording &&
            m->hit.segment != n->hit.segment && gap_us >= 0 && gap_us <= within_us &&
            then->items[i].score > best)
            best = then->items[i].score;
    }
    return best;
}

static void same_sequence(const vb_candidate *a, const vb_candidate *b)
{
    assert_true(a->score == b->score);
    for (int m = 0; m < 2; m++) {
        assert_int_equal(a->moments[m].shelf, b->moments[m].shelf);
        assert_int_equal(a->moments[m].hit.segment, b->moments[m].hit.segment);
    }
}

static void test_two_in_a_row(void **state)
{
    (void)state;
    shelves s;
    float vectors[2 * DIMS];
    unsigned seed = 5;
    vblip_error err = {0};
    vb_candidates first = {0}, then = {0}, joined = {0}, some = {0};
    make_shelves(&s);
    for (int round = 0; round < 20; round++) {
        const int64_t within_us = (int64_t)(round % 5) * SEGMENT_US;
        fill(vectors, 2, &seed);
        find_every(&first, &s, vectors);
        find_every(&then, &s, vectors + DIMS);
        good(vb_candidates_join(&joined, &first, &then, within_us, UINT32_MAX, &err),
             &err);
        uint32_t expected = 0;
        for (uint32_t i = 0; i < first.count; i++) {
            const float best = best_behind(&first.items[i], &then, within_us);
            bool found = false;
            expected += best >= 0;
            for (uint32_t j = 0; j < joined.count; j++) {
                const vb_candidate *c = &joined.items[j];
                if (c->moments[0].shelf != first.items[i].moments[0].shelf ||
                    c->moments[0].hit.segment != first.items[i].moments[0].hit.segment)
                    continue;
                found = true;
                assert_int_equal(c->count, 2);
                assert_true(c->moments[1].hit.score == best);
                assert_true(c->score == first.items[i].score + best);
            }
            assert_int_equal(found, best >= 0);
        }
        assert_int_equal(joined.count, expected);
        assert_true(expected > 20 && joined.all);
        for (uint32_t j = 0; j + 1 < joined.count; j++)
            assert_true(joined.items[j].score >= joined.items[j + 1].score);
        good(vb_candidates_join(&some, &first, &then, within_us, 7, &err), &err);
        assert_true(some.count == 7 && !some.all);
        for (uint32_t j = 0; j < 7; j++)
            same_sequence(&some.items[j], &joined.items[j]);
    }
    vb_candidates_free(&first);
    vb_candidates_free(&then);
    vb_candidates_free(&joined);
    vb_candidates_free(&some);
    free_shelves(&s);
}

static float cosine_of(const shelves *s, const vb_moment *m, const vb_moment *n)
{
    float a[DIMS], b[DIMS];
    vblip_error err = {0};
    good(vb_index_vector(a, s->items[m->shelf].index, &m->hit, &err), &err);
    good(vb_index_vector(b, s->items[n->shelf].index, &n->hit, &err), &err);
    const float lengths = sqrtf(vb_dot(a, a, DIMS)) * sqrtf(vb_dot(b, b, DIMS));
    return lengths > 0 ? vb_dot(a, b, DIMS) / lengths : 0;
}

static bool same_recording_of(const vb_moment *m, const vb_moment *n)
{
    return m->shelf == n->shelf && m->hit.recording == n->hit.recording;
}

// Of those shown no two are of one recording, or alike; and each that is not shown is of
// the kind of a better one.
static void test_one_of_a_kind(void **state)
{
    (void)state;
    shelves s;
    float vector[DIMS];
    unsigned seed = 3;
    vblip_error err = {0};
    vb_candidates all = {0};
    make_shelves(&s);
    fill(vector, 1, &seed);
    find_every(&all, &s, vector);
    for (int by = 1; by < 4; by++) { // recording, vector, both
        const bool by_recording = by & 1, by_vector = by & 2;
        vb_shown shown = {.dims = DIMS,
                          .input_count = RECORDINGS,
                          .by_recording = by_recording,
                          .same = by_vector ? 0.9f : 0.0f};
        const vb_moment *kept[RECORDINGS * MOST];
        uint32_t count = 0;
        for (uint32_t i = 0; i < all.count; i++) {
            bool is_new, better = false;
            const vb_moment *m = &all.items[i].moments[0];
            for (uint32_t k = 0; k < count; k++)
                better |= (by_recording && same_recording_of(m, kept[k])) ||
                          (by_vector && cosine_of(&s, m, kept[k]) >= 0.9f);
            good(vb_shown_add(&is_new, &shown, s.items, &all.items[i], &err), &err);
            assert_int_equal(is_new, !better);
            if (is_new)
                kept[count++] = m;
        }
        assert_true(count > 1 && count < all.count);
        vb_shown_clear(&shown);
        bool is_new;
        good(vb_shown_add(&is_new, &shown, s.items, &all.items[all.count - 1], &err),
             &err);
        assert_true(is_new);
        vb_shown_free(&shown);
    }
    vb_candidates_free(&all);
    free_shelves(&s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_best_are_a_prefix_of_all),
        cmocka_unit_test(test_two_in_a_row),
        cmocka_unit_test(test_one_of_a_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

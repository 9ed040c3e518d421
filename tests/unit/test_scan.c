// test_scan.c - the best dot products are those of plain sums, whatever the instructions.
#include "base/dtype.h"
#include "index/dot.h"
#include "index/scan.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DIMS = 64, VECTORS = 3 * VB_SCAN_BLOCK, QUERIES = 6 };

static uint64_t seed = 1;
static float draw(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (float)((double)(seed >> 40) / (1 << 23) - 1);
}

static uint16_t vectors[VECTORS * DIMS];
static float queries[QUERIES * DIMS];

static int fill(void **state)
{
    (void)state;
    for (size_t i = 0; i < VECTORS * DIMS; i++)
        vectors[i] = vb_f32_to_f16(draw());
    for (size_t i = 0; i < QUERIES * DIMS; i++)
        queries[i] = draw();
    return 0;
}

static double plain(uint32_t query, uint32_t vector)
{
    double sum = 0;
    for (uint32_t d = 0; d < DIMS; d++)
        sum += (double)queries[query * DIMS + d] *
               (double)vb_f16_to_f32(vectors[vector * DIMS + d]);
    return sum;
}

static void test_kernels_give_plain_sums(void **state)
{
    (void)state;
    const vb_dot_fn kernels[] = {vb_dot_base, vb_dot_choose()};
    float scores[VB_DOT_QUERIES * VB_SCAN_BLOCK];
    for (size_t k = 0; k < 2; k++)
        for (uint32_t n = 1; n <= VB_DOT_QUERIES; n++) {
            kernels[k](scores, queries, n, vectors, VB_SCAN_BLOCK, DIMS);
            for (uint32_t i = 0; i < n * VB_SCAN_BLOCK; i++)
                assert_true(fabs((double)scores[i] -
                                 plain(i / VB_SCAN_BLOCK, i % VB_SCAN_BLOCK)) < 1e-5);
        }
}

// Every half there is but infinities and NaN, subnormal ones included.
static void test_every_half_is_widened(void **state)
{
    (void)state;
    const vb_dot_fn kernels[] = {vb_dot_base, vb_dot_choose()};
    float one[DIMS] = {1};
    uint16_t vector[DIMS] = {0};
    for (size_t k = 0; k < 2; k++)
        for (uint32_t bits = 0; bits < 0x10000; bits++) {
            float score;
            vector[0] = (uint16_t)bits;
            if ((bits & 0x7c00) == 0x7c00)
                continue;
            kernels[k](&score, one, 1, vector, 1, DIMS);
            assert_true(score == vb_f16_to_f32((uint16_t)bits));
        }
}

static void scan_all(vb_scan *scan, const uint8_t *kept)
{
    for (uint32_t first = 0; first < VECTORS; first += VB_SCAN_BLOCK)
        vb_scan_take(scan, vectors + (size_t)first * DIMS, kept ? kept + first : NULL,
                     VB_SCAN_BLOCK, first);
}

// The hits of a query are those that no vector beats which was left out.
static void expect_best(const vb_scan_hit *hits, uint32_t count, uint32_t query,
                        const uint8_t *kept)
{
    bool is_hit[VECTORS] = {false};
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t vector = (uint32_t)hits[i].number;
        assert_true(fabs((double)hits[i].score - plain(query, vector)) < 1e-5);
        assert_true(!kept || kept[vector]);
        assert_false(is_hit[vector]);
        is_hit[vector] = true;
        if (i > 0)
            assert_true(hits[i - 1].score >= hits[i].score);
    }
    for (uint32_t v = 0; v < VECTORS; v++)
        if (!is_hit[v] && (!kept || kept[v]))
            assert_true(plain(query, v) <= (double)hits[count - 1].score + 1e-5);
}

static void test_best_hits(void **state)
{
    (void)state;
    uint8_t kept[VECTORS];
    for (uint32_t v = 0; v < VECTORS; v++)
        kept[v] = v % 3 == 1;
    const uint32_t counts[] = {1, 10, 255};
    for (size_t c = 0; c < 3; c++)
        for (int filtered = 0; filtered < 2; filtered++) {
            vb_scan *scan;
            assert_int_equal(
                vb_scan_make(&scan, queries, QUERIES, DIMS, counts[c], NULL), VBLIP_OK);
            scan_all(scan, filtered ? kept : NULL);
            for (uint32_t q = 0; q < QUERIES; q++) {
                const vb_scan_hit *hits;
                assert_int_equal(vb_scan_best(scan, q, &hits), counts[c]);
                expect_best(hits, counts[c], q, filtered ? kept : NULL);
            }
            vb_scan_free(&scan);
        }
}

static void test_equal_scores_come_by_number(void **state)
{
    (void)state;
    static const uint16_t same[VB_SCAN_BLOCK * DIMS];
    vb_scan *scan;
    const vb_scan_hit *hits;
    assert_int_equal(vb_scan_make(&scan, queries, 1, DIMS, 5, NULL), VBLIP_OK);
    vb_scan_take(scan, same, NULL, VB_SCAN_BLOCK, 0);
    assert_int_equal(vb_scan_best(scan, 0, &hits), 5);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(hits[i].number, i);
    vb_scan_free(&scan);
}

static void test_fewer_vectors_than_asked_for(void **state)
{
    (void)state;
    vb_scan *scan;
    const vb_scan_hit *hits;
    assert_int_equal(vb_scan_make(&scan, queries, 2, DIMS, 100, NULL), VBLIP_OK);
    assert_int_equal(vb_scan_best(scan, 0, &hits), 0);
    vb_scan_take(scan, vectors, NULL, 3, 7);
    assert_int_equal(vb_scan_best(scan, 1, &hits), 3);
    assert_true(hits[0].number >= 7 && hits[0].number <= 9);
    vb_scan_free(&scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kernels_give_plain_sums),
        cmocka_unit_test(test_every_half_is_widened),
        cmocka_unit_test(test_best_hits),
        cmocka_unit_test(test_equal_scores_come_by_number),
        cmocka_unit_test(test_fewer_vectors_than_asked_for),
    };
    return cmocka_run_group_tests(tests, fill, NULL);
}

// test_variants.c - which kernels a device can run, and which of them an op takes.
#include "gpu/variants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
    SIMT = 1 << VB_VARIANT_SIMT,
    L = 1 << VB_VARIANT_COOPMAT_128X128,
    M = 1 << VB_VARIANT_COOPMAT_64X64,
    S = 1 << VB_VARIANT_COOPMAT_32X64,
    OF_8 = 1 << VB_VARIANT_COOPMAT_64X64_OF_8,
    ROWS = 1 << VB_VARIANT_LINEAR_ROWS,
    NORM = 1 << VB_VARIANT_LAYERNORM_SUBGROUP,
    ATTENTION = 1 << VB_VARIANT_ATTENTION_COOPMAT,
    ATTENTION_OF_8 = 1 << VB_VARIANT_ATTENTION_COOPMAT_OF_8,
};

// Devices as drivers describe them.
static const struct device_row {
    const char *name;
    uint32_t shapes, shared_bytes, subgroup;
    bool sums;
    enum vb_family family;
    vb_dtype weights;
    uint32_t variants;
} devices[] = {
    {"NVIDIA", VB_COOPMAT_16, 49152, 32, true, VB_COOPMAT, VB_F16,
     SIMT | ROWS | NORM | L | M | S | ATTENTION},
    {"the same in floats", VB_COOPMAT_16, 49152, 32, true, VB_COOPMAT, VB_F32,
     SIMT | ROWS | NORM},
    {"the same, simt asked for", VB_COOPMAT_16, 49152, 32, true, VB_SIMT, VB_F16,
     SIMT | ROWS | NORM},
    {"32 KiB of shared memory", VB_COOPMAT_16, 32768, 32, false, VB_COOPMAT, VB_F16,
     SIMT | M | S | ATTENTION},
    {"16 KiB", VB_COOPMAT_16, 16384, 32, false, VB_COOPMAT, VB_F16, SIMT},
    {"Apple", VB_COOPMAT_8, 32768, 32, true, VB_COOPMAT, VB_F16,
     SIMT | ROWS | NORM | OF_8 | ATTENTION_OF_8},
    {"lavapipe of Mesa 26", VB_COOPMAT_16 | VB_COOPMAT_8, 32768, 8, true, VB_COOPMAT,
     VB_F16, SIMT | ROWS | NORM | M | S | OF_8 | ATTENTION | ATTENTION_OF_8},
    {"its own family", VB_COOPMAT_16 | VB_COOPMAT_8, 32768, 32, true, VB_LAVAPIPE,
     VB_F16, 1 << VB_VARIANT_LAVAPIPE},
    {"no matrices", 0, 49152, 32, false, VB_SIMT, VB_F16, SIMT},
    {"subgroups of 64 alone", VB_COOPMAT_16, 65536, 64, true, VB_COOPMAT, VB_F16,
     SIMT | ROWS | NORM},
    {"no size that can be demanded", VB_COOPMAT_16, 65536, 0, true, VB_COOPMAT, VB_F16,
     SIMT | ROWS | NORM},
};

static void test_devices_have_what_they_can_run(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof devices / sizeof *devices; i++) {
        const struct device_row *d = &devices[i];
        const vb_physical physical = {
            .limits = {.maxComputeSharedMemorySize = d->shared_bytes,
                       .maxComputeWorkGroupInvocations = 128,
                       .maxComputeWorkGroupSize = {128, 128, 64}},
            .coopmat.subgroup = d->subgroup,
            .coopmat.shapes = d->shapes,
            .subgroup_sums = d->sums,
        };
        const uint32_t got = vb_variants_of(&physical, d->family, d->weights);
        if (got != d->variants)
            fail_msg("%s: %#x, not %#x", d->name, got, d->variants);
        assert_true(got & vb_variant_bit(vb_variant_needed(d->family)));
    }
}

static const struct choice_row {
    const char *name;
    uint32_t variants, lines, in, out;
    vb_dtype weights;
    vb_variant chosen;
} choices[] = {
    {"ViT-B, 8 frames, fc1", SIMT | L | M | S, 4616, 768, 3072, VB_F16,
     VB_VARIANT_COOPMAT_128X128},
    {"1 frame, fc1", SIMT | L | M | S, 577, 768, 3072, VB_F16,
     VB_VARIANT_COOPMAT_128X128},
    {"1 frame, fc2", SIMT | L | M | S, 577, 3072, 768, VB_F16,
     VB_VARIANT_COOPMAT_64X64},
    {"35 tokens", SIMT | L | M | S, 35, 768, 768, VB_F16, VB_VARIANT_COOPMAT_32X64},
    {"small tiles failed their test", SIMT | L, 35, 768, 768, VB_F16,
     VB_VARIANT_COOPMAT_128X128},
    {"large tiles failed theirs", SIMT | M | S, 4616, 768, 3072, VB_F16,
     VB_VARIANT_COOPMAT_64X64},
    {"all failed", SIMT, 4616, 768, 3072, VB_F16, VB_VARIANT_SIMT},
    {"rows of no eights", SIMT | L | M | S, 4616, 588, 1024, VB_F16, VB_VARIANT_SIMT},
    {"Apple", SIMT | OF_8, 4616, 768, 3072, VB_F16, VB_VARIANT_COOPMAT_64X64_OF_8},
    {"a step of three beams", SIMT | ROWS | L | M | S, 3, 768, 3072, VB_F16,
     VB_VARIANT_LINEAR_ROWS},
    {"the same in floats", SIMT | ROWS | L | M | S, 3, 68, 3072, VB_F32,
     VB_VARIANT_LINEAR_ROWS},
    {"24 rows", SIMT | ROWS | L | M | S, 24, 768, 768, VB_F16, VB_VARIANT_LINEAR_ROWS},
    {"25 rows", SIMT | ROWS | L | M | S, 25, 768, 768, VB_F16,
     VB_VARIANT_COOPMAT_32X64},
    {"frames in floats", SIMT | ROWS | L | M | S, 4616, 768, 768, VB_F32,
     VB_VARIANT_SIMT},
};

static void test_linear_takes_the_largest_tile_that_fills_the_device(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const struct choice_row *c = &choices[i];
        const vb_variant got =
            vb_choose_linear(c->variants, c->lines, c->in, c->out, c->weights);
        if (got != c->chosen)
            fail_msg("%s: %s, not %s", c->name, vb_variant_rows[got].name,
                     vb_variant_rows[c->chosen].name);
    }
}

static const struct attention_row {
    uint32_t variants, lines, keys, head_dim;
    vb_variant chosen;
} attentions[] = {
    {SIMT | ATTENTION, 577, 577, 64, VB_VARIANT_ATTENTION_COOPMAT},
    {SIMT | ATTENTION | ATTENTION_OF_8, 20, 4616, 64, VB_VARIANT_ATTENTION_COOPMAT},
    {SIMT | ATTENTION_OF_8, 20, 4616, 64, VB_VARIANT_ATTENTION_COOPMAT_OF_8},
    {SIMT | ATTENTION, 3, 577, 64, VB_VARIANT_SIMT}, // most of a tile would be empty
    {SIMT | ATTENTION, 35, 35, 64, VB_VARIANT_SIMT}, // a text by itself
    {SIMT | ATTENTION, 577, 577, 48, VB_VARIANT_SIMT},
    {SIMT, 577, 577, 64, VB_VARIANT_SIMT},
};

static void test_attention_takes_matrices_that_it_fills(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof attentions / sizeof *attentions; i++) {
        const struct attention_row *a = &attentions[i];
        const vb_variant got =
            vb_choose_attention(a->variants, a->lines, a->keys, a->head_dim);
        if (got != a->chosen)
            fail_msg("row %zu: %s, not %s", i, vb_variant_rows[got].name,
                     vb_variant_rows[a->chosen].name);
    }
}

// Each verdict has a bit of its own, and each kernel a name.
static void test_verdicts_are_apart(void **state)
{
    (void)state;
    static const vb_dtype types[] = {VB_F32, VB_F16};
    uint64_t seen = 0;
    for (uint32_t i = 0; i < VB_VARIANT_COUNT; i++) {
        for (size_t t = 0; t < 2; t++) {
            const uint64_t bit = vb_verdict_bit((vb_variant)i, types[t]);
            assert_true(bit != 0 && !(seen & bit));
            seen |= bit;
        }
        for (uint32_t j = 0; j < i; j++)
            assert_string_not_equal(vb_variant_rows[i].name, vb_variant_rows[j].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_devices_have_what_they_can_run),
        cmocka_unit_test(test_linear_takes_the_largest_tile_that_fills_the_device),
        cmocka_unit_test(test_attention_takes_matrices_that_it_fills),
        cmocka_unit_test(test_verdicts_are_apart),
    };
    return cmocka_run_group_tests_name("variants", tests, NULL, NULL);
}

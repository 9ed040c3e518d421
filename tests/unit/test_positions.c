// test_positions.c - position embeddings are resized as torch resizes them (blip-spec 1.4).
#include "base/arena.h"
#include "blip/positions.h"
#include "checkpoint/config.h"
#include "support/json_file.h"
#include "support/tensor_file.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// "visual_encoder.pos_embed" of seed 1 (tests/golden/tools/SEEDED.md 1 and 2).
static float *seeded_positions(size_t count)
{
    const uint64_t ratio = 0x9E3779B97F4A7C15u, key = 0xb8d2d7b758f638adu;
    float *out = malloc(count * sizeof *out);
    assert_non_null(out);
    for (size_t i = 0; i < count; i++) {
        uint64_t z = key + (i + 1) * ratio;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
        const int64_t k = (int64_t)((z ^ (z >> 31)) >> 40);
        out[i] = (float)(2 * k - (1 << 24)) * 0x1p-24f * 0.75f;
    }
    return out;
}

static void test_equals_torch(void **state)
{
    (void)state;
    cJSON *json = json_load(VB_GOLDEN "/preprocess/preprocess.json");
    tensor_file file;
    assert_int_equal(
        tensor_file_open(&file, VB_GOLDEN "/preprocess/preprocess.safetensors", NULL),
        VBLIP_OK);
    const cJSON *row;
    int cases = 0;
    cJSON_ArrayForEach(row, json_member(json, "position_embedding"))
    {
        const char *name = json_string(row, "tensor");
        const uint32_t old_grid = (uint32_t)json_number(row, "old_grid");
        const uint32_t new_grid = (uint32_t)json_number(row, "new_grid");
        const vb_weight *want = vb_weight_find(&file.tensors.list, name);
        assert_non_null(want);
        const uint32_t width =
            (uint32_t)(want->size / sizeof(float)) / (new_grid * new_grid + 1);
        const size_t count = want->size / sizeof(float);
        float *values = malloc(want->size), *got = malloc(want->size);
        assert_non_null(values);
        assert_non_null(got);
        vb_widen(values, tensor_bytes(want), want->dtype, count);
        float *old = seeded_positions((size_t)(old_grid * old_grid + 1) * width);
        vb_resize_positions(got, new_grid, old, old_grid, width);
        for (size_t i = 0; i < count; i++)
            if (!(fabs((double)got[i] - (double)values[i]) <= json_number(row, "atol")))
                fail_msg("%s[%zu]: %.7g, expected %.7g", name, i, (double)got[i],
                         (double)values[i]);
        free(old);
        free(got);
        free(values);
        cases++;
    }
    assert_int_equal(cases, 10);
    tensor_file_close(&file);
    cJSON_Delete(json);
}

static void test_grid_of_patches(void **state)
{
    (void)state;
    assert_int_equal(vb_grid_of(0), 0);
    assert_int_equal(vb_grid_of(1), 1);
    assert_int_equal(vb_grid_of(195), 13);
    assert_int_equal(vb_grid_of(196), 14);
    assert_int_equal(vb_grid_of(UINT32_MAX), 65535);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equals_torch),
        cmocka_unit_test(test_grid_of_patches),
    };
    return cmocka_run_group_tests_name("positions", tests, NULL, NULL);
}

// test_sampler.c - the frames of a clip are the ones the reference takes.
#include "decode/sampler.h"

#include "support/json_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_takes_the_frames_numpy_takes(void **state)
{
    (void)state;
    cJSON *json = json_load(VB_GOLDEN "/preprocess/frame_indices.json");
    int cases = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json_member(json, "cases"))
    {
        uint32_t wanted = (uint32_t)json_number(item, "F");
        uint64_t frames = (uint64_t)json_number(item, "vlen");
        const cJSON *expected = json_member(item, "indices");
        uint64_t got[512];
        assert_true(wanted + 1 <= 512);
        uint32_t count = vb_sample_uniform(got, 512, frames, wanted);
        assert_int_equal(count, cJSON_GetArraySize(expected));
        for (uint32_t i = 0; i < count; i++)
            assert_int_equal(
                got[i], (uint64_t)cJSON_GetArrayItem(expected, (int)i)->valuedouble);
        cases++;
    }
    assert_true(cases > 100);
    cJSON_Delete(json);
}

static void test_never_leaves_the_clip(void **state)
{
    (void)state;
    for (uint32_t wanted = 1; wanted <= 40; wanted++)
        for (uint64_t frames = 1; frames <= 2000; frames++) {
            uint64_t got[41];
            uint32_t count = vb_sample_uniform(got, 41, frames, wanted);
            assert_true(count == wanted || count == wanted + 1);
            for (uint32_t i = 0; i < count; i++)
                assert_true(got[i] < frames);
        }
}

static void test_writes_no_more_than_there_is_room_for(void **state)
{
    (void)state;
    uint64_t got[3];
    memset(got, 0xFF, sizeof got);
    assert_int_equal(vb_sample_uniform(got, 2, 80, 8), 8);
    assert_int_equal(got[1], 10);
    assert_int_equal(got[2], UINT64_MAX);
    assert_int_equal(vb_sample_uniform(NULL, 0, 0, 8), 0);
    assert_int_equal(vb_sample_uniform(NULL, 0, 8, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_the_frames_numpy_takes),
        cmocka_unit_test(test_never_leaves_the_clip),
        cmocka_unit_test(test_writes_no_more_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

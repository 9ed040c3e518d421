// test_selftest.c - every kernel family passes the self-test, with weights in either type.
#include "compute/selftest.h"
#include "support/gpu_op.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// Cases that run once more with weights of the other type: four of linear, embed.
enum { OTHER_PRECISION = 5, LINEAR = 4 };

typedef struct tally {
    uint32_t checks, good, halves;
    char failed[64];
} tally;

static int on_check(void *user, const vblip_check *check)
{
    tally *t = user;
    if (!check->ran)
        return 0;
    t->checks++;
    t->good += check->ok;
    t->halves += strstr(check->kernels, " f16") != NULL;
    if (!check->ok)
        snprintf(t->failed, sizeof t->failed, "%s: %.3g", check->op, check->nmse);
    return 0;
}

static void test_every_family_passes(void **state)
{
    (void)state;
    for (const char *const *family = gpu_families(); *family; family++) {
        gpu_fixture fx = gpu_open(*family);
        tally t = {0};
        assert_int_equal(vb_selftest_report(fx.device, on_check, &t, NULL), VBLIP_OK);
        if (t.good != vb_selftest_count(fx.device) + OTHER_PRECISION)
            fail_msg("%s: %s", *family, t.failed);
        assert_int_equal(t.checks, t.good);
        assert_int_equal(t.halves, OTHER_PRECISION);
        assert_int_equal(fx.device->weights, VB_F32); // as before
        assert_int_equal(vb_gpu_validation_messages(fx.device), 0);
        gpu_close(&fx);
    }
}

// Each kernel of matrices by itself, and all ops with the best of them.
static void test_cooperative_matrices_pass(void **state)
{
    (void)state;
    gpu_fixture fx = gpu_open("simt");
    const bool there = (vb_gpu_of(fx.device)->physical.families & VB_COOPMAT) != 0;
    gpu_close(&fx);
    if (!there)
        skip();
    fx = gpu_open("coopmat");
    uint32_t variants = 0;
    for (const char *op; vb_device_variant(fx.device, variants, &op);)
        variants++;
    assert_true(variants > 0);
    tally t = {0};
    assert_int_equal(fx.device->weights, VB_F16);
    assert_int_equal(vb_selftest_report(fx.device, on_check, &t, NULL), VBLIP_OK);
    if (t.good != t.checks)
        fail_msg("%s", t.failed);
    assert_int_equal(t.checks, vb_selftest_count(fx.device) + OTHER_PRECISION +
                                   variants * LINEAR);
    assert_int_equal(vb_gpu_validation_messages(fx.device), 0);
    gpu_close(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_family_passes),
        cmocka_unit_test(test_cooperative_matrices_pass),
    };
    return cmocka_run_group_tests_name("selftest", tests, NULL, NULL);
}

// test_selftest.c - every kernel family passes the self-test, with weights in either type.
#include "compute/selftest.h"
#include "support/gpu_op.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

// Cases that run once more with weights of the other type: four of linear, embed; and those
// with activations in it.
enum { OTHER_PRECISION = 5, NARROW = 5 };

typedef struct tally {
    const char *family;
    uint32_t checks, good;
    uint32_t own, halves; // of the family, and of these with weights in halves
    char failed[64];
} tally;

static int on_check(void *user, const vblip_check *check)
{
    tally *t = user;
    if (!check->ran)
        return 0;
    t->checks++;
    t->good += check->ok;
    if (t->family && strncmp(check->kernels, t->family, strlen(t->family)) == 0) {
        t->own++;
        t->halves += strstr(check->kernels, " f16") != NULL;
    }
    if (!check->ok)
        snprintf(t->failed, sizeof t->failed, "%s: %.3g", check->op, check->nmse);
    return 0;
}

static void test_every_family_passes(void **state)
{
    (void)state;
    for (const char *const *family = gpu_families(); *family; family++) {
        gpu_fixture fx = gpu_open(*family);
        tally t = {.family = *family};
        assert_int_equal(vb_selftest_report(fx.device, on_check, &t, NULL), VBLIP_OK);
        if (t.good != t.checks)
            fail_msg("%s: %s", *family, t.failed);
        const uint32_t halves =
            OTHER_PRECISION + (fx.device->caps.narrow_activations ? NARROW : 0);
        assert_int_equal(t.own, vb_selftest_count(fx.device) + halves);
        assert_int_equal(t.halves, halves);
        assert_int_equal(fx.device->weights, VB_F32); // as before
        assert_int_equal(vb_gpu_validation_messages(fx.device), 0);
        gpu_close(&fx);
    }
}

// By descriptors in sets, and by those that commands hold, as far as the driver has them.
static void test_either_way_to_bind_passes(void **state)
{
    (void)state;
    for (const char *const *family = gpu_families(); *family; family++) {
        for (int sets = 0; sets < 2; sets++) {
            gpu_fixture fx;
            tally t = {0};
            gpu_open_masked(&fx, &(vb_gpu_options){.kernels = *family},
                            &(vb_gpu_mask){.push_descriptors = sets, .untested = true});
            const vb_gpu *gpu = vb_gpu_of(fx.device);
            const bool pushes = gpu->physical.push_descriptors;
            assert_true(!sets || !pushes);
            assert_int_equal(gpu->vk.CmdPushDescriptorSetKHR != NULL, pushes);
            assert_int_equal(vb_selftest_report(fx.device, on_check, &t, NULL),
                             VBLIP_OK);
            if (t.good != t.checks || t.checks == 0)
                fail_msg("%s: %s", *family, t.failed);
            assert_int_equal(vb_gpu_count(fx.device).descriptor_sets > 0, !pushes);
            assert_int_equal(vb_gpu_validation_messages(fx.device), 0);
            gpu_close(&fx);
        }
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
    const char *op;
    while (vb_device_variant(fx.device, variants, &op))
        variants++;
    assert_true(variants > 0);
    tally t = {.family = "coopmat "};
    assert_int_equal(fx.device->weights, VB_F16);
    assert_int_equal(vb_selftest_report(fx.device, on_check, &t, NULL), VBLIP_OK);
    if (t.good != t.checks)
        fail_msg("%s", t.failed);
    assert_true(t.own > vb_selftest_count(fx.device) + variants);
    assert_int_equal(vb_gpu_validation_messages(fx.device), 0);
    gpu_close(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_family_passes),
        cmocka_unit_test(test_either_way_to_bind_passes),
        cmocka_unit_test(test_cooperative_matrices_pass),
    };
    return cmocka_run_group_tests_name("selftest", tests, NULL, NULL);
}

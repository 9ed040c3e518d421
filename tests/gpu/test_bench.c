// test_bench.c - the benchmarks run, and report time and work that agree.
//
// With arguments it prints instead: test_gpu_bench print [NAME].
#include "compute/bench.h"

#include "support/gpu_op.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int print(void *user, const vblip_bench_result *r)
{
    (void)user;
    printf("%-10s %-64s %9.3f ms (median %9.3f)  %8.2f %s\n", r->name, r->detail,
           r->min_s * 1e3, r->median_s * 1e3, r->work, r->unit);
    fflush(stdout);
    return 0;
}

typedef struct seen {
    const char *kernels;
    uint32_t results;
} seen;

static int on_result(void *user, const vblip_bench_result *r)
{
    seen *s = user;
    s->results++;
    assert_non_null(strstr(r->detail, s->kernels));
    assert_string_equal(r->name, "layernorm");
    assert_true(r->runs >= 3 && r->min_s > 0 && r->min_s <= r->median_s);
    // Of a ViT, y is written in halves where activations are; of a text, in floats.
    const bool vision = strstr(r->detail, "577x768 ") != NULL;
    const bool halves = vision && strstr(r->detail, " f16 ") != NULL;
    const double bytes = (vision ? 577 : 3) * 768 * (4.0 + (halves ? 2 : 4));
    assert_true(fabs(r->work * 1e9 * r->min_s / bytes - 1) < 1e-6);
    return 0;
}

static void test_times_the_kernels_of_the_device(void **state)
{
    (void)state;
    for (const char *const *kernels = gpu_families(); *kernels; kernels++) {
        gpu_fixture fx = gpu_open(*kernels);
        seen s = {.kernels = *kernels};
        assert_int_equal(vb_device_bench(fx.device, "layernorm", on_result, &s, NULL),
                         VBLIP_OK);
        assert_int_equal(s.results, fx.device->caps.narrow_activations ? 4 : 2);
        gpu_close(&fx);
    }
}

static PFN_vkQueueSubmit sound_submit;

static VKAPI_ATTR VkResult VKAPI_CALL slow_submit(VkQueue queue, uint32_t count,
                                                  const VkSubmitInfo *submits,
                                                  VkFence fence)
{
    nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    return sound_submit(queue, count, submits, fence);
}

static int on_small_op(void *user, const vblip_bench_result *r)
{
    if (strstr(r->detail, "a step of 3 beams"))
        *(double *)user = r->median_s;
    return 0;
}

// What a submit costs, however small the op, is no part of its time.
static void test_times_the_op_and_not_the_submit(void **state)
{
    (void)state;
    gpu_fixture fx = gpu_open(NULL);
    vb_gpu *gpu = vb_gpu_of(fx.device);
    double median_s = 0;
    sound_submit = gpu->vk.QueueSubmit;
    gpu->vk.QueueSubmit = slow_submit;
    assert_int_equal(
        vb_device_bench(fx.device, "layernorm", on_small_op, &median_s, NULL),
        VBLIP_OK);
    gpu->vk.QueueSubmit = sound_submit;
    assert_true(median_s > 0 && median_s < 0.0025);
    gpu_close(&fx);
}

static int stop_bench(void *user, const vblip_bench_result *r)
{
    (void)user;
    (void)r;
    return 1;
}

static void test_refuses_and_stops(void **state)
{
    (void)state;
    gpu_fixture fx = gpu_open(NULL);
    vblip_error err = {0};
    assert_int_equal(vb_device_bench(fx.device, "nonsense", stop_bench, NULL, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "nonsense"));
    assert_int_equal(vb_device_bench(fx.device, "layernorm", stop_bench, NULL, NULL),
                     VBLIP_ERR_CANCELLED);
    gpu_close(&fx);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        vb_device *device;
        vblip_error err = {0};
        const vb_gpu_options options = {.kernels = NULL};
        if (vb_gpu_open(&device, &options, &err) != VBLIP_OK ||
            vb_device_bench(device, argc > 2 ? argv[2] : NULL, print, NULL, &err) !=
                VBLIP_OK) {
            fprintf(stderr, "%s\n", err.message);
            return 1;
        }
        vb_device_close(&device);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times_the_kernels_of_the_device),
        cmocka_unit_test(test_times_the_op_and_not_the_submit),
        cmocka_unit_test(test_refuses_and_stops),
    };
    return cmocka_run_group_tests_name("bench", tests, NULL, NULL);
}

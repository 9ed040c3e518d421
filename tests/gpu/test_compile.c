// test_compile.c - pipelines that the last program with a model used are compiled before
// anything needs them, and nobody loses any.
#include "support/gpu_op.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/vblip-test-compile-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int drop_folder(void **state)
{
    (void)state;
    char path[512];
    DIR *dir = opendir(folder);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        unlink(path);
    }
    if (dir)
        closedir(dir);
    return rmdir(folder);
}

static gpu_fixture open_cached(void)
{
    gpu_fixture fx;
    gpu_open_masked(&fx, &(vb_gpu_options){.kernels = "simt", .cache_dir = folder},
                    &(vb_gpu_mask){0});
    return fx;
}

// A product and a norm: two pipelines.
static void use_two(gpu_fixture *fx)
{
    const gpu_values values = {.seed = 1, .spread = 1};
    gpu_operand x = gpu_floats(fx, 1, 40, 32, 0, values);
    gpu_operand y = gpu_floats(fx, 1, 40, 32, 0, values);
    float *data = gpu_random(32 * 32, values);
    vb_matrix *w = gpu_matrix(fx, data, 32, 32, VB_USE_LINEAR);
    vb_linear(&fx->rec, .y = y.t, .x = x.t, .w = w);
    vb_l2norm(&fx->rec, .y = y.t, .x = y.t, .eps = 1e-12f);
    gpu_submit(fx);
    vb_matrix_free(&w);
    gpu_operand_free(&x);
    gpu_operand_free(&y);
    free(data);
}

static void load_model(gpu_fixture *fx)
{
    vb_weights_begin(fx->device, (vb_weights_origin){0});
    vb_weights_end(fx->device, true);
}

// A program with a model that used two.
static void leave_two(void)
{
    gpu_fixture fx = open_cached();
    load_model(&fx);
    use_two(&fx);
    gpu_close(&fx);
}

// What the next program knows of the last.
static void expect_two_known(void)
{
    gpu_fixture fx = open_cached();
    assert_int_equal(vb_gpu_of(fx.device)->cache.pipeline_count, 2);
    gpu_close(&fx);
}

static bool comes_to(const vb_gpu *gpu, uint32_t made)
{
    const struct timespec tenth = {.tv_nsec = 100000000};
    for (int i = 0; i < 600; i++) {
        if (atomic_load(&gpu->compiled.made) == made)
            return true;
        nanosleep(&tenth, NULL);
    }
    return false;
}

static void test_what_was_used_is_made_ahead(void **state)
{
    (void)state;
    gpu_fixture fx = open_cached();
    assert_int_equal(vb_gpu_of(fx.device)->cache.pipeline_count, 0);
    load_model(&fx);
    use_two(&fx);
    gpu_close(&fx);

    fx = open_cached();
    const vb_gpu *gpu = vb_gpu_of(fx.device);
    assert_int_equal(gpu->cache.pipeline_count, 2); // and nothing of the self-test
    assert_true(comes_to(gpu, 2));
    load_model(&fx);
    use_two(&fx);
    assert_int_equal(gpu->compiled.count, 2);
    assert_int_equal(atomic_load(&gpu->compiled.made), 2);
    gpu_close(&fx);
}

// Whoever needs one that is not made yet takes it, or waits for it.
static void test_needed_at_once(void **state)
{
    (void)state;
    leave_two();
    gpu_fixture fx;
    for (int i = 0; i < 3; i++) {
        fx = open_cached();
        use_two(&fx);
        assert_int_equal(atomic_load(&vb_gpu_of(fx.device)->compiled.made), 2);
        gpu_close(&fx);
    }
    fx = open_cached(); // nobody needs any
    gpu_close(&fx);
}

// A self-test, or ops by themselves, are no model: what one used stays known.
static void test_without_a_model_nothing_is_forgotten(void **state)
{
    (void)state;
    leave_two();
    gpu_fixture fx = open_cached();
    vb_gpu_of(fx.device)->cache.changed = true; // it will be written
    gpu_close(&fx);
    expect_two_known();
}

static void test_a_program_that_used_none_forgets_none(void **state)
{
    (void)state;
    leave_two();
    gpu_fixture fx = open_cached();
    load_model(&fx);
    vb_gpu_of(fx.device)->cache.changed = true; // it will be written
    gpu_close(&fx);
    expect_two_known();
}

static PFN_vkGetPipelineCacheData whole_data;
static int refusals;

// As when a pipeline was compiled since the size was asked for.
static VKAPI_ATTR VkResult VKAPI_CALL incomplete_data(VkDevice device,
                                                      VkPipelineCache cache,
                                                      size_t *size, void *data)
{
    if (data && refusals-- > 0)
        return VK_INCOMPLETE;
    return whole_data(device, cache, size, data);
}

static void test_data_that_grows_is_kept(void **state)
{
    (void)state;
    gpu_fixture fx = open_cached();
    gpu_close(&fx);
    fx = open_cached();
    vb_gpu *gpu = vb_gpu_of(fx.device);
    const size_t size =
        gpu->cache.data_size; // 0 where the driver has none worth keeping
    whole_data = gpu->vk.GetPipelineCacheData;
    refusals = 2;
    gpu->vk.GetPipelineCacheData = incomplete_data;
    gpu->cache.changed = true;
    gpu_close(&fx);
    assert_true(refusals <= 0);
    fx = open_cached();
    assert_int_equal(vb_gpu_of(fx.device)->cache.data_size, size);
    gpu_close(&fx);
}

// A program that is killed has left them as soon as a submit has compiled nothing.
static void test_kept_before_the_end(void **state)
{
    (void)state;
    gpu_fixture fx = open_cached();
    load_model(&fx);
    use_two(&fx);
    const vb_gpu *gpu = vb_gpu_of(fx.device);
    assert_int_equal(gpu->cache.pipeline_count, 0);
    use_two(&fx);
    expect_two_known();
    gpu_close(&fx);
}

static void test_what_cannot_be_is_passed_over(void **state)
{
    (void)state;
    gpu_fixture fx = open_cached();
    vb_gpu *gpu = vb_gpu_of(fx.device);
    const uint32_t before = gpu->compiled.count;
    static const vb_specialised unknown[] = {{VB_PIPELINE_COUNT, {0}},
                                             {UINT32_MAX, {0}}};
    vb_compiled_ahead(gpu, unknown, 2);
    assert_int_equal(gpu->compiled.count, before);
    gpu_close(&fx);
}

static VkResult no_pipeline(VkDevice device, VkPipelineCache cache, uint32_t count,
                            const VkComputePipelineCreateInfo *infos,
                            const VkAllocationCallbacks *callbacks, VkPipeline *out)
{
    (void)device;
    (void)cache;
    (void)count;
    (void)infos;
    (void)callbacks;
    *out = VK_NULL_HANDLE;
    return VK_ERROR_OUT_OF_HOST_MEMORY;
}

// What failed ahead is said to whoever needs it, and made when it can be.
static void test_failures_are_told_where_it_is_needed(void **state)
{
    (void)state;
    static const vb_specialised wanted = {VB_PIPELINE_L2NORM, {0}};
    gpu_fixture fx;
    gpu_open_masked(&fx, &(vb_gpu_options){.kernels = "simt"},
                    &(vb_gpu_mask){.untested = true}); // nor compiled
    vb_gpu *gpu = vb_gpu_of(fx.device);
    PFN_vkCreateComputePipelines create = gpu->vk.CreateComputePipelines;
    VkPipeline pipeline;
    vblip_error err = {0};
    gpu->vk.CreateComputePipelines = no_pipeline;
    vb_compiled_ahead(gpu, &wanted, 1);
    assert_int_equal(
        vb_pipeline_get(&pipeline, gpu, VB_PIPELINE_L2NORM, wanted.constants, &err),
        VBLIP_ERR_MEMORY);
    assert_non_null(strstr(err.message, "l2norm"));
    vb_compiled_settle(gpu); // no thread has the function of the test any more
    gpu->vk.CreateComputePipelines = create;
    assert_int_equal(
        vb_pipeline_get(&pipeline, gpu, VB_PIPELINE_L2NORM, wanted.constants, &err),
        VBLIP_OK);
    assert_true(pipeline != VK_NULL_HANDLE);
    gpu_close(&fx);
}

int main(void)
{
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_what_was_used_is_made_ahead),
        IN_FOLDER(test_needed_at_once),
        IN_FOLDER(test_without_a_model_nothing_is_forgotten),
        IN_FOLDER(test_a_program_that_used_none_forgets_none),
        IN_FOLDER(test_data_that_grows_is_kept),
        IN_FOLDER(test_kept_before_the_end),
        IN_FOLDER(test_what_cannot_be_is_passed_over),
        IN_FOLDER(test_failures_are_told_where_it_is_needed),
    };
    return cmocka_run_group_tests_name("compile", tests, NULL, NULL);
}

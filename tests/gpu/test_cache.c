// test_cache.c - verdicts and pipelines outlive the device, and a bad family is left.
#include "base/file.h"
#include "gpu/verdicts.h"
#include "support/gpu_op.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

typedef struct scratch {
    char dir[64], path[512]; // path: the one cache file, once there is one
} scratch;

static scratch make_scratch(void)
{
    scratch s = {.dir = "/tmp/vblip-test-cache-XXXXXX"};
    assert_non_null(mkdtemp(s.dir));
    return s;
}

static void find_file(scratch *s)
{
    DIR *dir = opendir(s->dir);
    assert_non_null(dir);
    int files = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(s->path, sizeof s->path, "%s/%s", s->dir, e->d_name);
        files++;
    }
    closedir(dir);
    assert_int_equal(files, 1);
}

static void drop_scratch(scratch *s)
{
    if (s->path[0])
        unlink(s->path);
    assert_int_equal(rmdir(s->dir), 0);
}

// Verdicts on what families cannot do without.
static const uint64_t simt = UINT64_C(1) << VB_VARIANT_SIMT;
static const uint64_t lavapipe = UINT64_C(1) << VB_VARIANT_LAVAPIPE;
static const uint64_t families = UINT64_C(0x100000001) << VB_VARIANT_SIMT |
                                 UINT64_C(0x100000001) << VB_VARIANT_LAVAPIPE;

static uint64_t needed_verdict(enum vb_family family, vb_dtype weights)
{
    return vb_verdict_bit(vb_variant_needed(family), weights);
}

static gpu_fixture open_cached(const scratch *s, const char *kernels, uint64_t broken)
{
    gpu_fixture fx;
    gpu_open_masked(&fx, &(vb_gpu_options){.kernels = kernels, .cache_dir = s->dir},
                    &(vb_gpu_mask){.broken = broken});
    return fx;
}

static void test_verdicts_outlive_the_device(void **state)
{
    (void)state;
    scratch s = make_scratch();
    gpu_fixture fx = open_cached(&s, NULL, 0);
    const vb_gpu *gpu = vb_gpu_of(fx.device);
    const enum vb_family family = gpu->family;
    const uint64_t verdict = needed_verdict(family, VB_F32);
    assert_int_equal(gpu->cache.verdicts.tested & families, verdict);
    assert_int_equal(gpu->cache.verdicts.passed & families, verdict);
    assert_int_equal(gpu->cache.verdicts.begun, 0);
    assert_true(gpu->compiled.count > 0); // the self-test ran
    gpu_close(&fx);
    find_file(&s);

    // A second time nothing runs, not even when it would fail.
    fx = open_cached(&s, NULL, verdict);
    gpu = vb_gpu_of(fx.device);
    assert_int_equal(gpu->family, family);
    assert_int_equal(gpu->compiled.count, 0);
    gpu_close(&fx);
    find_file(&s);
    drop_scratch(&s);
}

static void test_a_bad_family_is_left_for_simt(void **state)
{
    (void)state;
    if (!gpu_families()[1]) // the device has no other
        return;
    scratch s = make_scratch();
    gpu_fixture fx = open_cached(&s, "auto", lavapipe);
    assert_int_equal(vb_gpu_of(fx.device)->family, VB_SIMT);
    assert_int_equal(vb_gpu_of(fx.device)->cache.verdicts.tested & families,
                     simt | lavapipe);
    gpu_close(&fx);
    fx = open_cached(&s, NULL, 0); // remembered
    assert_int_equal(vb_gpu_of(fx.device)->family, VB_SIMT);
    gpu_close(&fx);

    vb_device *device;
    vblip_error err = {0};
    const vb_gpu_options asked = {.kernels = "lavapipe", .cache_dir = s.dir};
    assert_int_equal(vb_gpu_open(&device, &asked, &err), VBLIP_ERR_DEVICE);
    assert_non_null(strstr(err.message, "lavapipe kernels fail their self-test"));
    assert_null(device);
    find_file(&s);
    drop_scratch(&s);
}

// A test that cannot be remembered is still a test.
static void test_kernels_are_tested_without_a_folder(void **state)
{
    (void)state;
    gpu_fixture fx;
    gpu_open_masked(&fx, &(vb_gpu_options){.profile = true}, &(vb_gpu_mask){0});
    const vb_gpu *gpu = vb_gpu_of(fx.device);
    const enum vb_family family = gpu->family;
    const uint64_t verdict = needed_verdict(family, VB_F32);
    assert_null(gpu->cache.path);
    assert_int_equal(gpu->cache.verdicts.passed & families, verdict);
    assert_true(gpu->compiled.count > 0);
    assert_int_equal(gpu->profile.op_count, 0); // not part of what was asked for
    gpu_close(&fx);

    vb_device *device;
    vblip_error err = {0};
    const vb_gpu_options asked = {.kernels = vb_family_name(family)};
    const vb_gpu_mask mask = {.broken = verdict};
    assert_int_equal(vb_gpu_open_masked(&device, &asked, &mask, &err),
                     VBLIP_ERR_DEVICE);
    assert_non_null(strstr(err.message, "kernels fail their self-test in f32"));
    assert_null(device);
}

// Halves that fail make way for floats where the choice is ours, and never where it is not.
static void test_bad_halves_are_left_for_floats(void **state)
{
    (void)state;
    const uint64_t halves = needed_verdict(VB_SIMT, VB_F16);
    const vb_gpu_mask mask = {.broken = halves, .prefers_f16 = true};
    scratch s = make_scratch();
    gpu_fixture fx;
    gpu_open_masked(&fx, &(vb_gpu_options){.kernels = "simt", .cache_dir = s.dir},
                    &mask);
    assert_int_equal(vb_gpu_of(fx.device)->family, VB_SIMT);
    assert_int_equal(fx.device->weights, VB_F32);
    assert_int_equal(vb_gpu_of(fx.device)->cache.verdicts.tested & families,
                     simt | halves);
    assert_int_equal(vb_gpu_of(fx.device)->cache.verdicts.passed & families, simt);
    gpu_close(&fx);

    vb_device *device;
    vblip_error err = {0};
    const vb_gpu_options asked = {
        .kernels = "simt", .precision = "f16", .cache_dir = s.dir};
    assert_int_equal(vb_gpu_open(&device, &asked, &err), VBLIP_ERR_DEVICE);
    assert_non_null(strstr(err.message, "simt kernels fail their self-test in f16"));
    find_file(&s);
    drop_scratch(&s);
}

// Every combination that the choice leaves is tried before the device is given up.
static void test_steps_down_through_all_kernels(void **state)
{
    (void)state;
    const uint64_t all[] = {
        needed_verdict(VB_LAVAPIPE, VB_F16), needed_verdict(VB_LAVAPIPE, VB_F32),
        needed_verdict(VB_SIMT, VB_F16), needed_verdict(VB_SIMT, VB_F32)};
    gpu_fixture here = gpu_open(NULL);
    const size_t first = vb_gpu_of(here.device)->family == VB_LAVAPIPE ? 0 : 2;
    gpu_close(&here);
    uint64_t broken = 0;
    for (size_t i = first; i < 4; broken |= all[i++]) {
        scratch s = make_scratch();
        gpu_fixture fx;
        gpu_open_masked(&fx, &(vb_gpu_options){.cache_dir = s.dir},
                        &(vb_gpu_mask){.broken = broken, .prefers_f16 = true});
        const vb_gpu *gpu = vb_gpu_of(fx.device);
        assert_int_equal(needed_verdict(gpu->family, gpu->base.weights), all[i]);
        assert_int_equal(gpu->cache.verdicts.tested & families, broken | all[i]);
        gpu_close(&fx);
        find_file(&s);
        drop_scratch(&s);
    }
}

// A kernel that takes the device with it: it is done without, on a device that is opened
// again, and the device is given up only when the kernel is needed.
static void test_steps_down_from_a_lost_device(void **state)
{
    (void)state;
    scratch s = make_scratch();
    gpu_fixture fx;
    if (gpu_families()[1]) {
        gpu_open_masked(&fx, &(vb_gpu_options){.cache_dir = s.dir},
                        &(vb_gpu_mask){.losing = needed_verdict(VB_LAVAPIPE, VB_F32)});
        assert_int_equal(vb_gpu_of(fx.device)->family, VB_SIMT);
        assert_int_equal(vb_gpu_of(fx.device)->cache.verdicts.tested & families,
                         simt | lavapipe);
        gpu_close(&fx);
        find_file(&s);
        assert_int_equal(unlink(s.path), 0);
    }
    vb_device *device;
    vblip_error err = {0};
    const char *const folders[] = {s.dir, NULL};
    for (size_t i = 0; i < 2; i++) { // remembered or not, it comes to an end
        const vb_gpu_options asked = {.kernels = "simt", .cache_dir = folders[i]};
        assert_int_equal(
            vb_gpu_open_masked(&device, &asked, &(vb_gpu_mask){.losing = simt}, &err),
            VBLIP_ERR_DEVICE);
        assert_non_null(
            strstr(err.message, "simt kernels fail their self-test in f32"));
    }
    find_file(&s);
    drop_scratch(&s);
}

static void test_no_family_left_is_an_error(void **state)
{
    (void)state;
    scratch s = make_scratch();
    vb_device *device;
    vblip_error err = {0};
    const vb_gpu_options options = {.cache_dir = s.dir};
    const vb_gpu_mask mask = {.broken = simt | lavapipe};
    assert_int_equal(vb_gpu_open_masked(&device, &options, &mask, &err),
                     VBLIP_ERR_DEVICE);
    assert_non_null(strstr(err.message, "simt kernels fail their self-test"));
    find_file(&s);
    drop_scratch(&s);
}

// What a program that was ended in the test of its kernels leaves.
static void leave_unfinished(scratch *s, uint64_t begun, uint64_t again)
{
    gpu_fixture fx = open_cached(s, "simt", 0);
    vb_gpu *gpu = vb_gpu_of(fx.device);
    gpu->cache.verdicts = (vb_verdicts){.begun = begun, .again = again};
    gpu->cache.changed = true;
    gpu_close(&fx);
    find_file(s);
}

// The first time that may be anything's doing, and the test is made again.
static void test_one_unfinished_test_is_no_verdict(void **state)
{
    (void)state;
    scratch s = make_scratch();
    leave_unfinished(&s, simt, 0);
    gpu_fixture fx = open_cached(&s, "simt", 0);
    const vb_gpu *gpu = vb_gpu_of(fx.device);
    assert_int_equal(gpu->cache.verdicts.passed & families, simt);
    assert_int_equal(gpu->cache.verdicts.begun, 0);
    assert_true(gpu->compiled.count > 0);
    gpu_close(&fx);
    drop_scratch(&s);
}

// Then the kernels are not run any more, and each start says what to do.
static void test_two_unfinished_tests_are_a_verdict(void **state)
{
    (void)state;
    scratch s = make_scratch();
    leave_unfinished(&s, simt, simt);
    for (int start = 0; start < 2; start++) {
        vb_device *device;
        vblip_error err = {0};
        const vb_gpu_options asked = {.kernels = "simt", .cache_dir = s.dir};
        assert_int_equal(vb_gpu_open(&device, &asked, &err), VBLIP_ERR_DEVICE);
        assert_null(device);
        assert_non_null(strstr(err.message,
                               "simt kernels in f32 ended the program, "
                               "twice in a row; to test them again, remove "));
        assert_non_null(strstr(err.message, s.path));
    }
    assert_int_equal(unlink(s.path), 0);
    gpu_fixture fx = open_cached(&s, "simt", 0);
    gpu_close(&fx);
    find_file(&s);
    drop_scratch(&s);
}

static vb_verdicts verdicts_in(const scratch *s)
{
    vb_cache_entry entry;
    vb_cache_key key = {0};
    char *bytes;
    size_t size;
    assert_int_equal(vb_file_read(&bytes, &size, s->path, 1 << 28, NULL), VBLIP_OK);
    memcpy(key.device, bytes + 16, sizeof key.device);
    memcpy(key.driver, bytes + 32, sizeof key.driver);
    memcpy(key.pipelines, bytes + 48, sizeof key.pipelines);
    memcpy(&key.shaders, bytes + 64, sizeof key.shaders);
    memcpy(&key.driver_version, bytes + 72, sizeof key.driver_version);
    assert_int_equal(vb_cache_parse(&entry, (const uint8_t *)bytes, size, &key, NULL),
                     VBLIP_OK);
    free(bytes);
    return entry.verdicts;
}

// Another program that tests is alive: what it has begun is no end of one, and the file is its.
static void test_programs_side_by_side_test_for_themselves(void **state)
{
    (void)state;
    scratch s = make_scratch();
    leave_unfinished(&s, simt, simt);
    const int other = open(s.dir, O_RDONLY | O_DIRECTORY);
    assert_true(other >= 0);
    assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
    gpu_fixture fx = open_cached(&s, "simt", 0);
    assert_true(vb_gpu_of(fx.device)->sound & simt);
    gpu_close(&fx);
    assert_int_equal(verdicts_in(&s).begun, simt);
    assert_int_equal(verdicts_in(&s).again, simt);
    assert_int_equal(verdicts_in(&s).tested, 0);
    close(other);
    vb_device *device;
    const vb_gpu_options asked = {.kernels = "simt", .cache_dir = s.dir};
    assert_int_equal(vb_gpu_open(&device, &asked, NULL), VBLIP_ERR_DEVICE);
    drop_scratch(&s);
}

static struct {
    PFN_vkWaitSemaphores sound;
    uint32_t waits;
} hung_test;

// The work ends, but the wait says that it has not.
static VKAPI_ATTR VkResult VKAPI_CALL wait_in_vain(VkDevice device,
                                                   const VkSemaphoreWaitInfo *info,
                                                   uint64_t timeout)
{
    (void)timeout;
    if (hung_test.waits++ == 0)
        (void)hung_test.sound(device, info, UINT64_MAX);
    return VK_TIMEOUT;
}

static int stop_while_it_hangs(void *user)
{
    (void)user;
    return hung_test.waits > 0;
}

// Whoever stops a test that hangs has stopped, and said nothing of the kernel.
static void test_a_stop_is_no_verdict(void **state)
{
    (void)state;
    scratch s = make_scratch();
    gpu_fixture fx;
    gpu_open_masked(&fx,
                    &(vb_gpu_options){.kernels = "simt",
                                      .cache_dir = s.dir,
                                      .stopped = stop_while_it_hangs},
                    &(vb_gpu_mask){.untested = true});
    vb_gpu *gpu = vb_gpu_of(fx.device);
    hung_test.sound = gpu->vk.WaitSemaphores;
    gpu->vk.WaitSemaphores = wait_in_vain;
    vb_soundness soundness;
    vblip_error err = {0};
    assert_int_equal(vb_verdicts_reach(&soundness, gpu, &(vb_gpu_mask){0}, &err),
                     VBLIP_ERR_CANCELLED);
    assert_int_equal(gpu->cache.verdicts.tested, 0);
    assert_int_equal(gpu->cache.verdicts.begun, 0);
    find_file(&s);
    assert_int_equal(verdicts_in(&s).tested, 0);
    gpu->vk.WaitSemaphores = hung_test.sound;
    assert_int_equal(gpu->vk.DeviceWaitIdle(gpu->device), VK_SUCCESS);
    gpu->waiting = (vb_waiting){0};
    hung_test.waits = 0;
    gpu_close(&fx);
    drop_scratch(&s);
}

static vb_verdicts seen_before_submit;
static scratch *watched;

static int look_at_file(void *user)
{
    (void)user;
    if (!watched->path[0])
        find_file(watched);
    seen_before_submit = verdicts_in(watched);
    return 0;
}

// The file says so before the driver has anything to run.
static void test_a_test_is_noted_before_it_runs(void **state)
{
    (void)state;
    scratch s = make_scratch();
    watched = &s;
    gpu_fixture fx;
    gpu_open_masked(&fx,
                    &(vb_gpu_options){
                        .kernels = "simt", .cache_dir = s.dir, .stopped = look_at_file},
                    &(vb_gpu_mask){0});
    assert_true(seen_before_submit.begun != 0);
    assert_int_equal(verdicts_in(&s).begun, 0);
    gpu_close(&fx);
    drop_scratch(&s);
}

static void test_damaged_files_are_made_anew(void **state)
{
    (void)state;
    scratch s = make_scratch();
    gpu_fixture fx = open_cached(&s, "simt", 0);
    gpu_close(&fx);
    find_file(&s);
    assert_int_equal(truncate(s.path, 90), 0);
    fx = open_cached(&s, "simt", 0);
    assert_int_equal(vb_gpu_of(fx.device)->cache.verdicts.passed & families, simt);
    gpu_close(&fx);
    vb_file file;
    assert_int_equal(vb_file_open(&file, s.path, NULL), VBLIP_OK);
    assert_true(file.size >= 104);
    vb_file_close(&file);
    drop_scratch(&s);
}

static VkResult short_data_result;

// As Mesa 26 does: less than a header.
static VKAPI_ATTR VkResult VKAPI_CALL short_data(VkDevice device, VkPipelineCache cache,
                                                 size_t *size, void *data)
{
    (void)device;
    (void)cache;
    if (data)
        memset(data, 0, *size);
    *size = 16;
    return short_data_result;
}

// Whatever becomes of the driver's data, the verdicts are written and read.
static void test_verdicts_outlive_bad_driver_data(void **state)
{
    (void)state;
    static const VkResult results[] = {VK_SUCCESS, VK_ERROR_OUT_OF_HOST_MEMORY};
    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        scratch s = make_scratch();
        gpu_fixture fx = open_cached(&s, "simt", 0);
        vb_gpu *gpu = vb_gpu_of(fx.device);
        short_data_result = results[i];
        gpu->vk.GetPipelineCacheData = short_data;
        gpu->cache.changed = true;
        gpu_close(&fx);
        find_file(&s);
        fx = open_cached(&s, "simt", simt); // would fail, were it tested again
        assert_int_equal(vb_gpu_of(fx.device)->compiled.count, 0);
        gpu_close(&fx);
        drop_scratch(&s);
    }
}

// A folder that cannot be written to costs the cache, not the device.
static void test_an_unwritable_folder_does_no_harm(void **state)
{
    (void)state;
    gpu_fixture fx;
    gpu_open_masked(&fx,
                    &(vb_gpu_options){.kernels = "simt", .cache_dir = "/dev/null/x"},
                    &(vb_gpu_mask){0});
    gpu_close(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts_outlive_the_device),
        cmocka_unit_test(test_a_bad_family_is_left_for_simt),
        cmocka_unit_test(test_kernels_are_tested_without_a_folder),
        cmocka_unit_test(test_bad_halves_are_left_for_floats),
        cmocka_unit_test(test_steps_down_through_all_kernels),
        cmocka_unit_test(test_steps_down_from_a_lost_device),
        cmocka_unit_test(test_no_family_left_is_an_error),
        cmocka_unit_test(test_one_unfinished_test_is_no_verdict),
        cmocka_unit_test(test_two_unfinished_tests_are_a_verdict),
        cmocka_unit_test(test_a_test_is_noted_before_it_runs),
        cmocka_unit_test(test_programs_side_by_side_test_for_themselves),
        cmocka_unit_test(test_a_stop_is_no_verdict),
        cmocka_unit_test(test_damaged_files_are_made_anew),
        cmocka_unit_test(test_verdicts_outlive_bad_driver_data),
        cmocka_unit_test(test_an_unwritable_folder_does_no_harm),
    };
    return cmocka_run_group_tests_name("cache", tests, NULL, NULL);
}

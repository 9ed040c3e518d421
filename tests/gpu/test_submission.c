// test_submission.c - what is submitted runs while more is recorded: no more of it than the
// ring holds, nothing of it goes while it runs, and what was read is what was meant.
#include "support/gpu_op.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { ROWS = 8, COLS = 16, VALUES = ROWS * COLS };

// What the driver was asked, and what it says.
static struct {
    vb_gpu *gpu;
    uint32_t submits, failing; // the failing-th submit from now on fails; 0 = none does
    uint64_t waited;           // for this value of the timeline
    uint32_t most_running;     // submits at once, as far as anybody waited for them
    VkResult wait_result;
    PFN_vkQueueSubmit submit;
    PFN_vkWaitSemaphores wait;
} driver;

static VKAPI_ATTR VkResult VKAPI_CALL watched_submit(VkQueue queue, uint32_t count,
                                                     const VkSubmitInfo *submits,
                                                     VkFence fence)
{
    if (driver.failing && --driver.failing == 0)
        return VK_ERROR_OUT_OF_HOST_MEMORY;
    const uint64_t sent = driver.gpu->submissions.sent + 1;
    const uint32_t running = (uint32_t)(sent - driver.waited);
    driver.submits++;
    driver.most_running = running > driver.most_running ? running : driver.most_running;
    return driver.submit(queue, count, submits, fence);
}

static VKAPI_ATTR VkResult VKAPI_CALL watched_wait(VkDevice device,
                                                   const VkSemaphoreWaitInfo *info,
                                                   uint64_t timeout)
{
    if (driver.wait_result != VK_SUCCESS)
        return driver.wait_result;
    driver.waited = info->pValues[0];
    return driver.wait(device, info, timeout);
}

// A driver that says nothing of what has run, unless it is waited for.
static VKAPI_ATTR VkResult VKAPI_CALL silent_counter(VkDevice device,
                                                     VkSemaphore semaphore,
                                                     uint64_t *value)
{
    (void)device, (void)semaphore;
    *value = driver.gpu->submissions.ended;
    return VK_SUCCESS;
}

typedef struct pair {
    gpu_fixture fx;
    gpu_operand x, y;
    float *x_data;
    float got[VALUES];
} pair;

// With sets, where the driver has better: what is used again is theirs too.
static void open_pair(pair *p)
{
    *p = (pair){0};
    gpu_open_masked(&p->fx, &(vb_gpu_options){.kernels = "simt"},
                    &(vb_gpu_mask){.push_descriptors = true, .untested = true});
    vb_gpu *gpu = vb_gpu_of(p->fx.device);
    p->x = gpu_floats(&p->fx, 1, ROWS, COLS, 0, (gpu_values){1, 0, 1});
    p->y = gpu_floats(&p->fx, 1, ROWS, COLS, 0, (gpu_values){2, 0, 1});
    p->x_data = gpu_packed(&p->x);
    gpu_submit(&p->fx);
    assert_int_equal(vb_device_finish(p->fx.device, NULL), VBLIP_OK);
    memset(&driver, 0, sizeof driver);
    driver.gpu = gpu;
    driver.waited = gpu->submissions.sent;
    driver.submit = gpu->vk.QueueSubmit;
    driver.wait = gpu->vk.WaitSemaphores;
    gpu->vk.QueueSubmit = watched_submit;
    gpu->vk.WaitSemaphores = watched_wait;
}

static void close_pair(pair *p)
{
    gpu_operand_free(&p->x);
    gpu_operand_free(&p->y);
    assert_int_equal(vb_gpu_validation_messages(p->fx.device), 0);
    gpu_close(&p->fx);
    free(p->x_data);
}

static uint64_t waits_of(const pair *p)
{
    return vb_gpu_of(p->fx.device)->waiting.waits;
}

// `count` submits, each of one copy of x to y.
static void copy_in_submits(pair *p, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        vb_copy(&p->fx.rec, p->y.t, p->x.t);
        assert_int_equal(vb_commands_flush(driver.gpu, NULL), VBLIP_OK);
    }
}

static void test_only_downloads_are_waited_for(void **state)
{
    (void)state;
    pair p;
    open_pair(&p);
    const uint64_t before = waits_of(&p);
    vb_copy(&p.fx.rec, p.y.t, p.x.t);
    gpu_submit(&p.fx);
    assert_int_equal(driver.submits, 1);
    assert_int_equal(waits_of(&p), before);
    gpu_submit(&p.fx); // of nothing
    assert_int_equal(driver.submits, 1);
    vb_download(&p.fx.rec, p.got, p.y.t);
    gpu_submit(&p.fx);
    assert_int_equal(driver.submits, 2);
    assert_true(waits_of(&p) > before && waits_of(&p) <= before + 2);
    assert_memory_equal(p.got, p.x_data, sizeof p.got);
    vb_copy(&p.fx.rec, p.y.t, p.x.t);
    gpu_submit(&p.fx);
    assert_int_equal(vb_device_finish(p.fx.device, NULL), VBLIP_OK);
    assert_int_equal(driver.waited, driver.gpu->submissions.sent);
    assert_int_equal(driver.gpu->submissions.next, 0); // the same turns again
    close_pair(&p);
}

// One is recorded while the others of the ring run, and the first is waited for when its
// turn comes again.
static void test_no_more_than_the_ring_run(void **state)
{
    (void)state;
    enum { SUBMITS = 20 };
    pair p;
    open_pair(&p);
    driver.gpu->vk.GetSemaphoreCounterValue = silent_counter;
    const uint64_t before = waits_of(&p);
    copy_in_submits(&p, SUBMITS);
    assert_int_equal(driver.submits, SUBMITS);
    assert_int_equal(driver.most_running, VB_SUBMISSIONS);
    assert_int_equal(waits_of(&p), before + SUBMITS - VB_SUBMISSIONS);
    vb_download(&p.fx.rec, p.got, p.y.t);
    gpu_submit(&p.fx);
    assert_int_equal(driver.most_running, VB_SUBMISSIONS);
    assert_memory_equal(p.got, p.x_data, sizeof p.got);
    close_pair(&p);
}

// Each submit has staging and sets of its own: what one reads is not written for the next.
static void test_submits_do_not_share_what_they_use(void **state)
{
    (void)state;
    enum { TIMES = 24 };
    pair p;
    float in[VALUES], out[TIMES][VALUES];
    open_pair(&p);
    driver.gpu->vk.GetSemaphoreCounterValue = silent_counter;
    for (uint32_t i = 0; i < TIMES; i++) {
        for (uint32_t k = 0; k < VALUES; k++)
            in[k] = (float)(i * VALUES + k);
        for (uint32_t more = i % 5; more > 0; more--) // none is like the one before
            vb_upload(&p.fx.rec, p.y.t, in);
        vb_upload(&p.fx.rec, p.x.t, in);
        vb_l2norm(&p.fx.rec, .y = i % 2 ? p.y.t : p.x.t, .x = i % 2 ? p.y.t : p.x.t,
                  .eps = 1e9F); // by which all becomes small
        vb_upload(&p.fx.rec, p.x.t, in);
        vb_download(&p.fx.rec, out[i], p.x.t);
        assert_int_equal(vb_commands_flush(driver.gpu, NULL), VBLIP_OK);
    }
    memset(in, 0, sizeof in);
    gpu_submit(&p.fx);
    for (uint32_t i = 0; i < TIMES; i++)
        for (uint32_t k = 0; k < VALUES; k++)
            assert_true(out[i][k] == (float)(i * VALUES + k));
    close_pair(&p);
}

// Of a list that failed, nothing arrives any more, also of what was submitted before.
static void test_a_failed_list_reads_nothing(void **state)
{
    (void)state;
    pair p;
    open_pair(&p);
    driver.gpu->vk.GetSemaphoreCounterValue = silent_counter;
    vb_download(&p.fx.rec, p.got, p.x.t);
    copy_in_submits(&p, 2);
    vb_copy(&p.fx.rec, p.y.t, p.x.t);
    vb_recorder_fail(&p.fx.rec, VBLIP_ERR_ARGUMENT, "changed my mind");
    assert_int_equal(vb_recorder_submit(&p.fx.rec, NULL), VBLIP_ERR_ARGUMENT);
    assert_int_equal(vb_device_finish(p.fx.device, NULL), VBLIP_OK);
    const float zeros[VALUES] = {0};
    assert_memory_equal(p.got, zeros, sizeof zeros);
    assert_int_equal(driver.submits, 2);
    close_pair(&p);
}

// The same of a submit that the driver refuses, behind others that run.
static void test_a_refused_submit_fails_its_list(void **state)
{
    (void)state;
    pair p;
    open_pair(&p);
    vblip_error err = {0};
    driver.gpu->vk.GetSemaphoreCounterValue = silent_counter;
    vb_download(&p.fx.rec, p.got, p.x.t);
    copy_in_submits(&p, 2);
    driver.failing = 1;
    vb_copy(&p.fx.rec, p.y.t, p.x.t);
    assert_int_equal(vb_recorder_submit(&p.fx.rec, &err), VBLIP_ERR_MEMORY);
    assert_non_null(strstr(err.message, "vkQueueSubmit"));
    const float zeros[VALUES] = {0};
    assert_memory_equal(p.got, zeros, sizeof zeros);
    assert_int_equal(driver.gpu->submissions.ended, driver.gpu->submissions.sent);

    vb_copy(&p.fx.rec, p.y.t, p.x.t); // the next list runs
    vb_download(&p.fx.rec, p.got, p.y.t);
    gpu_submit(&p.fx);
    assert_memory_equal(p.got, p.x_data, sizeof p.got);
    close_pair(&p);
}

// A lost device is told by whoever waits, or would record on.
static void test_a_loss_is_told_later(void **state)
{
    (void)state;
    pair p;
    open_pair(&p);
    vblip_error err = {0};
    copy_in_submits(&p, 1);
    gpu_submit(&p.fx); // waits for nothing
    driver.wait_result = VK_ERROR_DEVICE_LOST;
    driver.gpu->vk.GetSemaphoreCounterValue = silent_counter;
    vb_download(&p.fx.rec, p.got, p.x.t);
    assert_int_equal(vb_recorder_submit(&p.fx.rec, &err), VBLIP_ERR_DEVICE);
    assert_non_null(strstr(err.message, "device lost"));
    vb_copy(&p.fx.rec, p.y.t, p.x.t);
    assert_int_equal(vb_recorder_submit(&p.fx.rec, NULL), VBLIP_ERR_DEVICE);
    driver.wait_result = VK_SUCCESS;
    driver.gpu->waiting = (vb_waiting){0};
    close_pair(&p);
}

// A buffer that something uses is waited for, and one that nothing uses is not.
static void test_memory_goes_when_nothing_uses_it(void **state)
{
    (void)state;
    pair p;
    open_pair(&p);
    gpu_operand spare = gpu_floats(&p.fx, 1, ROWS, COLS, 0, (gpu_values){3, 0, 1});
    gpu_submit(&p.fx);
    assert_int_equal(vb_device_finish(p.fx.device, NULL), VBLIP_OK);
    const uint64_t waits = waits_of(&p);
    const uint32_t submits = driver.submits;
    copy_in_submits(&p, 1);
    vb_copy(&p.fx.rec, p.y.t, p.x.t);
    gpu_operand_free(&spare); // beside what runs and what is recorded
    assert_int_equal(waits_of(&p), waits);
    assert_int_equal(driver.submits, submits + 1);
    gpu_submit(&p.fx);
    const uint64_t sent = driver.gpu->submissions.sent;
    gpu_operand_free(&p.y);
    assert_int_equal(driver.waited, sent);
    vb_l2norm(&p.fx.rec, .y = p.x.t, .x = p.x.t, .eps = 1);
    gpu_operand_free(&p.x); // recorded
    assert_int_equal(driver.waited, sent + 1);
    close_pair(&p);
}

static void test_scratch_grows_beside_what_runs(void **state)
{
    (void)state;
    pair p;
    open_pair(&p);
    vb_span scratch;
    assert_int_equal(vb_scratch_take(&scratch, driver.gpu, 16, NULL), VBLIP_OK);
    assert_int_equal(vb_transfer_copy(driver.gpu, (vb_span){scratch.buffer, 0, 64},
                                      (vb_span){vb_gpu_buffer_of(p.x.buffer), 0, 64},
                                      NULL),
                     VBLIP_OK);
    const uint64_t value = vb_submission_value(&driver.gpu->submissions);
    assert_int_equal(
        vb_scratch_take(&scratch, driver.gpu, scratch.buffer->base.size + 1, NULL),
        VBLIP_OK);
    assert_int_equal(driver.waited, value);
    close_pair(&p);
}

static void wait_half_a_second(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
}

static void norm_and_read(pair *p)
{
    vb_l2norm(&p->fx.rec, .y = p->y.t, .x = p->x.t, .eps = 1);
    vb_download(&p->fx.rec, p->got, p->y.t);
    gpu_submit(&p->fx);
}

// Whether time in which nothing runs is taken for that of submits, which are waited for in
// its midst or not.
static bool takes_idle_time(void)
{
    static const uint64_t most = 1000000;
    pair p;
    open_pair(&p);
    vb_pace *pace = &driver.gpu->commands.pace;
    pace->most = most;
    for (int i = 0; i < 2; i++) {
        vb_l2norm(&p.fx.rec, .y = p.y.t, .x = p.x.t, .eps = 1);
        gpu_submit(&p.fx);
        wait_half_a_second();
    }
    const double before_s = p.fx.device->running_s;
    norm_and_read(&p);
    wait_half_a_second();
    norm_and_read(&p);
    const double took_s = p.fx.device->running_s - before_s; // with the second half
    const bool taken = pace->most != most || took_s >= 0.9;
    close_pair(&p);
    return taken;
}

static void test_idle_time_is_not_work(void **state)
{
    (void)state;
    int times = 0; // a busy machine may make it so, sometimes
    while (takes_idle_time())
        assert_true(++times < 5);
}

// The caller is asked before each submit: nothing of a list follows once it is to stop.
static int stop_now(void *user)
{
    return *(int *)user;
}

static void test_nothing_queues_up_behind_a_stop(void **state)
{
    (void)state;
    pair p;
    int stop = 0;
    open_pair(&p);
    driver.gpu->stopped = stop_now;
    driver.gpu->stopped_user = &stop;
    driver.gpu->commands.pace.most = 1;
    copy_in_submits(&p, 2);
    stop = 1;
    for (int i = 0; i < 100; i++)
        vb_l2norm(&p.fx.rec, .y = p.y.t, .x = p.x.t, .eps = 1);
    assert_int_equal(vb_recorder_submit(&p.fx.rec, NULL), VBLIP_ERR_CANCELLED);
    assert_int_equal(driver.submits, 2);
    stop = 0;
    close_pair(&p);
}

// What was sent runs on behind a stop, and its memory stays as long.
static void test_memory_stays_behind_a_stop(void **state)
{
    (void)state;
    pair p;
    int stop = 0;
    open_pair(&p);
    driver.gpu->vk.GetSemaphoreCounterValue = silent_counter;
    driver.gpu->stopped = stop_now;
    driver.gpu->stopped_user = &stop;
    copy_in_submits(&p, 1);
    const uint64_t sent = driver.gpu->submissions.sent;
    vb_copy(&p.fx.rec, p.y.t, p.x.t); // used again, in what is recorded
    stop = 1;
    gpu_operand_free(&p.y);
    assert_int_equal(driver.waited, sent);
    stop = 0;
    assert_int_equal(vb_recorder_submit(&p.fx.rec, NULL), VBLIP_ERR_CANCELLED);
    close_pair(&p);
}

static VKAPI_ATTR VkResult VKAPI_CALL lying_counter(VkDevice device,
                                                    VkSemaphore semaphore,
                                                    uint64_t *value)
{
    (void)device, (void)semaphore;
    *value = UINT64_MAX;
    return VK_SUCCESS;
}

// As some do that have lost their device.
static void test_a_timeline_beyond_what_was_sent(void **state)
{
    (void)state;
    pair p;
    vblip_error err = {0};
    open_pair(&p);
    PFN_vkGetSemaphoreCounterValue counter = driver.gpu->vk.GetSemaphoreCounterValue;
    driver.gpu->vk.GetSemaphoreCounterValue = lying_counter;
    copy_in_submits(&p, 1);
    vb_copy(&p.fx.rec, p.y.t, p.x.t);
    assert_int_equal(vb_recorder_submit(&p.fx.rec, &err), VBLIP_ERR_DEVICE);
    assert_non_null(strstr(err.message, "its timeline is at 18446744073709551615"));
    driver.gpu->vk.GetSemaphoreCounterValue = counter;
    gpu_operand_free(&p.x);
    gpu_operand_free(&p.y);
    gpu_close(&p.fx);
    free(p.x_data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_stays_behind_a_stop),
        cmocka_unit_test(test_a_timeline_beyond_what_was_sent),
        cmocka_unit_test(test_only_downloads_are_waited_for),
        cmocka_unit_test(test_no_more_than_the_ring_run),
        cmocka_unit_test(test_submits_do_not_share_what_they_use),
        cmocka_unit_test(test_a_failed_list_reads_nothing),
        cmocka_unit_test(test_a_refused_submit_fails_its_list),
        cmocka_unit_test(test_a_loss_is_told_later),
        cmocka_unit_test(test_memory_goes_when_nothing_uses_it),
        cmocka_unit_test(test_scratch_grows_beside_what_runs),
        cmocka_unit_test(test_idle_time_is_not_work),
        cmocka_unit_test(test_nothing_queues_up_behind_a_stop),
    };
    return cmocka_run_group_tests_name("submission", tests, NULL, NULL);
}

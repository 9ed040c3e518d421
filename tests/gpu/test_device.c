// test_device.c - devices are listed, chosen and refused as promised, and keep what submit
// promises.
#include "support/gpu_op.h"
#include "support/ref_ops.h"

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct listed {
    uint32_t count, usable, software;
    char name[256];
} listed;

static int on_device(void *user, const vblip_device_info *info)
{
    listed *l = user;
    assert_int_equal(info->index, l->count);
    assert_true(info->name[0] && info->driver && info->api[0] == '1');
    assert_non_null(vb_family_find(info->kernels) ? info : NULL);
    l->count++;
    l->usable += info->unusable == NULL;
    l->software += info->kind == VBLIP_DEVICE_SOFTWARE;
    if (!info->unusable && !l->name[0])
        snprintf(l->name, sizeof l->name, "%s", info->name);
    return 0;
}

static int stop_listing(void *user, const vblip_device_info *info)
{
    (void)user;
    (void)info;
    return 1;
}

// Activations are in halves where weights are, but for the family that reads texels of floats.
static void test_activations_follow_weights(void **state)
{
    (void)state;
    static const struct {
        const char *kernels, *precision;
        vb_dtype type;
    } rows[] = {
        {"simt", "f32", VB_F32},
        {"simt", "f16", VB_F16},
        {"lavapipe", "f16", VB_F32},
        {"coopmat", "f16", VB_F16},
    };
    gpu_fixture fx = gpu_open("simt");
    const uint32_t families = vb_gpu_of(fx.device)->physical.families;
    gpu_close(&fx);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!(families & vb_family_find(rows[i].kernels)))
            continue;
        fx = gpu_open_in(rows[i].kernels, rows[i].precision);
        assert_int_equal(vb_device_activations(fx.device), rows[i].type);
        assert_int_equal(vb_device_keys(fx.device), rows[i].type);
        gpu_close(&fx);
    }
}

static void test_lists_devices(void **state)
{
    (void)state;
    listed l = {0};
    vblip_error err = {0};
    assert_int_equal(vb_gpu_list(on_device, &l, &err), VBLIP_OK);
    assert_true(l.count > 0 && l.usable > 0);
    assert_int_equal(vb_gpu_list(stop_listing, NULL, NULL), VBLIP_ERR_CANCELLED);
}

// Devices that do not exist, so that every rule of choice can be seen.
static void describe(vb_physical *p, uint32_t index, const char *name,
                     vblip_device_kind kind, const char *unusable)
{
    *p = (vb_physical){.preferred = VB_SIMT};
    p->info.index = index;
    p->info.kind = kind;
    snprintf(p->name, sizeof p->name, "%s", name);
    snprintf(p->unusable, sizeof p->unusable, "%s", unusable);
    vb_physical_describe(p);
}

static const struct choice {
    const char *wanted;
    int chosen; // index; -1 = none
    vblip_status status;
    const char *message; // part of it
} choices[] = {
    {NULL, 1, VBLIP_OK, ""},
    {"auto", 1, VBLIP_OK, ""},
    {"1", 1, VBLIP_OK, ""},
    {"2", 2, VBLIP_OK, ""},
    {"llvm", 2, VBLIP_OK, ""},
    {"RADEON", 1, VBLIP_OK, ""},
    {"0", -1, VBLIP_ERR_DEVICE, "Old Card: unusable: Vulkan 1.0.2, needs 1.2"},
    {"old", -1, VBLIP_ERR_DEVICE, "Vulkan 1.0.2, needs 1.2"},
    {"3", -1, VBLIP_ERR_DEVICE, "device 3: none usable; there are: 0 Old Card"},
    {"nvidia", -1, VBLIP_ERR_DEVICE, "1 AMD Radeon (RADV); 2 llvmpipe"},
    {"", -1, VBLIP_ERR_ARGUMENT, "empty"},
    {"99999999999999999999", -1, VBLIP_ERR_DEVICE, "there are"},
};

static void test_chooses_by_index_and_name(void **state)
{
    (void)state;
    static vb_physical list[3];
    describe(&list[0], 0, "Old Card", VBLIP_DEVICE_DISCRETE_GPU,
             "Vulkan 1.0.2, needs 1.2");
    describe(&list[1], 1, "AMD Radeon (RADV)", VBLIP_DEVICE_INTEGRATED_GPU, "");
    describe(&list[2], 2, "llvmpipe (LLVM 15.0.6, 256 bits)", VBLIP_DEVICE_SOFTWARE,
             "");
    for (size_t i = 0; i < sizeof choices / sizeof *choices; i++) {
        const struct choice *c = &choices[i];
        const vb_physical *chosen;
        vblip_error err = {0};
        const vblip_status status =
            vb_physical_choose(&chosen, list, 3, c->wanted, &err);
        const int index = chosen ? (int)chosen->info.index : -1;
        if (status != c->status || index != c->chosen ||
            !strstr(err.message, c->message))
            fail_msg("%s: status %d, device %d, \"%s\"", c->wanted ? c->wanted : "NULL",
                     status, index, err.message);
    }
}

static void test_refuses_what_is_not_there(void **state)
{
    (void)state;
    vb_device *device;
    vblip_error err = {0};
    assert_int_equal(
        vb_gpu_open(&device, &(vb_gpu_options){.device = "no such card"}, &err),
        VBLIP_ERR_DEVICE);
    assert_null(device);
    assert_non_null(strstr(err.message, "no such card"));
    err = (vblip_error){0};
    assert_int_equal(vb_gpu_open(&device, &(vb_gpu_options){.kernels = "avx"}, &err),
                     VBLIP_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "avx"));
}

// Nothing is linked to the loader: where there is none, that is said in a line.
static void test_a_missing_loader_is_said(void **state)
{
    (void)state;
    static const char *const loaders[][2] = {
        {"libvulkan.so.0", "no Vulkan loader: libvulkan.so.0: "},
        {"libc.so.6", "no Vulkan loader: libc.so.6 has no vkGetInstanceProcAddr"},
    };
    for (size_t i = 0; i < sizeof loaders / sizeof *loaders; i++) {
        vb_vk vk;
        vblip_error err = {0};
        assert_int_equal(vb_vk_load_global(&vk, loaders[i][0], &err), VBLIP_ERR_DEVICE);
        assert_null(vk.CreateInstance);
        if (strncmp(err.message, loaders[i][1], strlen(loaders[i][1])) != 0)
            fail_msg("%s", err.message);
    }
}

// Devices that do not do all of Vulkan are asked for, where the loader knows of them.
static void test_portability_is_asked_for(void **state)
{
    (void)state;
    void *library = dlopen(VB_FAKE_LOADER, RTLD_NOW | RTLD_LOCAL);
    assert_non_null(library);
    bool *is_old = dlsym(library, "fake_loader_is_old");
    const VkInstanceCreateFlags *flags = dlsym(library, "fake_loader_flags");
    assert_true(is_old && flags);
    for (int old = 0; old < 2; old++) {
        const vb_instance_options options = {.loader = VB_FAKE_LOADER, .labels = true};
        vb_instance instance;
        vblip_error err = {0};
        *is_old = old;
        if (vb_instance_open(&instance, &options, &err) != VBLIP_OK)
            fail_msg("%s", err.message);
        assert_int_equal(*flags,
                         old ? 0 : VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR);
        vb_instance_close(&instance);
    }
    dlclose(library);
}

// ------------------------------------------------------------------- what is checked

static VKAPI_ATTR void VKAPI_CALL
no_barrier(VkCommandBuffer buffer, VkPipelineStageFlags from, VkPipelineStageFlags to,
           VkDependencyFlags flags, uint32_t count, const VkMemoryBarrier *barriers,
           uint32_t buffer_count, const VkBufferMemoryBarrier *buffer_barriers,
           uint32_t image_count, const VkImageMemoryBarrier *image_barriers)
{
    (void)buffer, (void)from, (void)to, (void)flags, (void)count, (void)barriers;
    (void)buffer_count, (void)buffer_barriers, (void)image_count, (void)image_barriers;
}

// That the validation layer is silent means something: it gives a message about a barrier
// that is left out, and none when it is there.
static void test_a_missing_barrier_is_heard(void **state)
{
    (void)state;
    gpu_fixture fx = {.vulkan = true};
    assert_int_equal(vb_gpu_open_masked(&fx.device, &(vb_gpu_options){.validate = true},
                                        &(vb_gpu_mask){.untested = true}, NULL),
                     VBLIP_OK);
    fx.rec = vb_recorder_begin(fx.device);
    gpu_operand x = gpu_floats(&fx, 1, 4, 16, 0, (gpu_values){1, 0, 1});
    vb_l2norm(&fx.rec, .y = x.t, .x = x.t, .eps = 1);
    vb_l2norm(&fx.rec, .y = x.t, .x = x.t, .eps = 1);
    gpu_submit(&fx);
    vb_gpu_of(fx.device)->vk.CmdPipelineBarrier = no_barrier;
    vb_l2norm(&fx.rec, .y = x.t, .x = x.t, .eps = 1);
    vb_l2norm(&fx.rec, .y = x.t, .x = x.t, .eps = 1);
    assert_int_equal(vb_recorder_submit(&fx.rec, NULL), VBLIP_OK);
    assert_true(vb_gpu_validation_messages(fx.device) > 0);
    gpu_operand_free(&x);
    gpu_close(&fx);
}

// ------------------------------------------------------------------- promises of submit

static void expect_no_allocation(bool sets)
{
    gpu_fixture fx;
    gpu_open_masked(&fx, &(vb_gpu_options){0},
                    &(vb_gpu_mask){.push_descriptors = sets, .untested = true});
    gpu_operand x = gpu_floats(&fx, 1, 40, 64, 0, (gpu_values){1, 0, 1});
    float host[40 * 64];
    vb_gpu_counts warm = {0};
    vb_pace *pace = &vb_gpu_of(fx.device)->commands.pace;
    *pace = (vb_pace){.most = UINT64_MAX / 4, .held = true}; // a frame is a submit
    for (int frame = 0; frame < 4; frame++) {
        for (int layer = 0; layer < 50; layer++)
            vb_l2norm(&fx.rec, .y = x.t, .x = x.t, .eps = 1e-6F);
        vb_upload(&fx.rec, x.t, host);
        vb_download(&fx.rec, host, x.t);
        gpu_submit(&fx);
        if (frame == 0)
            warm = vb_gpu_count(fx.device);
    }
    const vb_gpu_counts now = vb_gpu_count(fx.device);
    assert_int_equal(now.allocations, warm.allocations);
    assert_int_equal(now.host_allocations, warm.host_allocations);
    assert_int_equal(now.pipelines, warm.pipelines);
    assert_int_equal(now.descriptor_sets, warm.descriptor_sets);
    assert_int_equal(now.submits, warm.submits + 3);
    assert_int_equal(now.waits, warm.waits + 3);
    gpu_operand_free(&x);
    gpu_close(&fx);
}

static void test_nothing_is_allocated_after_warm_up(void **state)
{
    (void)state;
    expect_no_allocation(false);
    expect_no_allocation(true);
}

// What a failed list recorded does not run, and the next list does.
static void test_a_failed_list_is_dropped(void **state)
{
    (void)state;
    gpu_fixture fx = gpu_open(NULL);
    gpu_operand x = gpu_floats(&fx, 1, 4, 16, 0, (gpu_values){1, 0, 1});
    float before[64], after[64];
    vb_download(&fx.rec, before, x.t);
    gpu_submit(&fx);
    vb_l2norm(&fx.rec, .y = x.t, .x = x.t, .eps = 1);
    vb_download(&fx.rec, after, x.t);
    vb_recorder_fail(&fx.rec, VBLIP_ERR_ARGUMENT, "changed my mind");
    assert_int_equal(vb_recorder_submit(&fx.rec, NULL), VBLIP_ERR_ARGUMENT);
    vb_download(&fx.rec, after, x.t);
    gpu_submit(&fx);
    assert_memory_equal(before, after, sizeof before);
    gpu_operand_free(&x);
    gpu_close(&fx);
}

static VKAPI_ATTR VkResult VKAPI_CALL failing_submit(VkQueue queue, uint32_t count,
                                                     const VkSubmitInfo *submits,
                                                     VkFence fence)
{
    (void)queue, (void)count, (void)submits, (void)fence;
    return VK_ERROR_OUT_OF_HOST_MEMORY;
}

static void free_a_buffer(gpu_fixture *fx, gpu_operand *spare)
{
    (void)fx;
    vb_buffer_free(&spare->buffer);
}

static void make_a_matrix(gpu_fixture *fx, gpu_operand *spare)
{
    (void)spare;
    float data[16] = {0};
    vb_matrix *matrix = gpu_matrix(fx, data, 4, 4, VB_USE_LINEAR);
    vb_matrix_free(&matrix);
}

// What is recorded runs early when a buffer goes or weights come. Neither can tell whoever
// recorded it that it failed: the submit does.
static void test_a_failure_in_between_is_told_at_submit(void **state)
{
    (void)state;
    static void (*const between[])(gpu_fixture *, gpu_operand *) = {free_a_buffer,
                                                                    make_a_matrix};
    for (size_t i = 0; i < sizeof between / sizeof *between; i++) {
        gpu_fixture fx = gpu_open("simt");
        vb_gpu *gpu = vb_gpu_of(fx.device);
        gpu_operand x = gpu_floats(&fx, 1, 4, 16, 0, (gpu_values){1, 0, 1});
        gpu_operand spare = gpu_floats(&fx, 1, 4, 16, 0, (gpu_values){2, 0, 1});
        gpu_submit(&fx);
        float got[64];
        vblip_error err = {0};
        vb_copy(&fx.rec, spare.t, x.t);
        vb_download(&fx.rec, got, x.t);
        const PFN_vkQueueSubmit sound = gpu->vk.QueueSubmit;
        gpu->vk.QueueSubmit = failing_submit;
        between[i](&fx, &spare);
        gpu->vk.QueueSubmit = sound;
        assert_int_equal(vb_recorder_submit(&fx.rec, &err), VBLIP_ERR_MEMORY);
        assert_non_null(strstr(err.message, "vkQueueSubmit"));

        float *want = gpu_packed(&x); // told once; the next list runs
        vb_download(&fx.rec, got, x.t);
        gpu_submit(&fx);
        assert_memory_equal(got, want, sizeof got);
        free(want);
        gpu_operand_free(&x);
        gpu_operand_free(&spare);
        gpu_close(&fx);
    }
}

static struct {
    uint32_t idle_waits;
    PFN_vkDeviceWaitIdle sound;
} waits;

static VKAPI_ATTR VkResult VKAPI_CALL failing_wait(VkDevice device,
                                                   const VkSemaphoreWaitInfo *info,
                                                   uint64_t timeout)
{
    (void)device, (void)info, (void)timeout;
    return VK_ERROR_OUT_OF_HOST_MEMORY;
}

static VKAPI_ATTR VkResult VKAPI_CALL counting_idle_wait(VkDevice device)
{
    waits.idle_waits++;
    return waits.sound(device);
}

// Commands that may still run are waited for before their memory is used again.
static void test_a_failed_wait_leaves_nothing_running(void **state)
{
    (void)state;
    gpu_fixture fx = gpu_open("simt");
    vb_gpu *gpu = vb_gpu_of(fx.device);
    gpu_operand x = gpu_floats(&fx, 1, 4, 16, 0, (gpu_values){1, 0, 1});
    gpu_submit(&fx);
    float got[64], *want = gpu_packed(&x);
    const PFN_vkWaitSemaphores sound = gpu->vk.WaitSemaphores;
    waits.idle_waits = 0;
    waits.sound = gpu->vk.DeviceWaitIdle;
    gpu->vk.WaitSemaphores = failing_wait;
    gpu->vk.DeviceWaitIdle = counting_idle_wait;
    vb_download(&fx.rec, got, x.t);
    assert_int_equal(vb_recorder_submit(&fx.rec, NULL), VBLIP_ERR_MEMORY);
    assert_int_equal(waits.idle_waits, 1);
    gpu->vk.WaitSemaphores = sound;
    gpu->vk.DeviceWaitIdle = waits.sound;
    vb_download(&fx.rec, got, x.t);
    gpu_submit(&fx);
    assert_memory_equal(got, want, sizeof got);
    free(want);
    gpu_operand_free(&x);
    gpu_close(&fx);
}

// What a driver says of every wait, and how often it was asked.
static struct {
    VkResult result;
    uint32_t asked, told;
    bool stopped;
} hung;

static VKAPI_ATTR VkResult VKAPI_CALL hung_wait(VkDevice device,
                                                const VkSemaphoreWaitInfo *info,
                                                uint64_t timeout)
{
    (void)device, (void)info;
    assert_true(timeout <= 1000000000); // the caller is asked each second
    hung.asked++;
    return hung.result;
}

static int ask_hung(void *user)
{
    (void)user;
    return hung.stopped && hung.asked > 0;
}

static void hear_hung(void *user, const char *line)
{
    (void)user;
    hung.told += strstr(line, "one submit for 10 s") ||
                 strstr(line, "does not come to an end, after 10 s");
}

static const struct hang {
    VkResult result;
    bool stopped; // by the caller
    uint32_t asked, told;
    vblip_status status;
    const char *message, *later;
} hangs[] = {
    {VK_ERROR_DEVICE_LOST, false, 1, 0, VBLIP_ERR_DEVICE,
     "vkWaitSemaphores: device lost", "vkWaitSemaphores: device lost"},
    {VK_TIMEOUT, false, VB_WAIT_MOST, 1, VBLIP_ERR_DEVICE, "after 600 s of one submit",
     "after 600 s of one submit"},
    {VK_TIMEOUT, true, VB_WAIT_STOPPED, 2, VBLIP_ERR_CANCELLED,
     "stopped by the caller, in a submit of 10 s",
     "does not come to an end, after 10 s of one submit"},
};

// All that can be asked of a device, after the first error: it is told again, and nothing
// reaches the driver.
static void check_broken(gpu_fixture *fx, const gpu_operand *x, const char *message)
{
    float data[16] = {0}, got[64];
    vblip_error errors[3] = {{0}};
    vb_buffer *buffer;
    vb_matrix *matrix;
    const vb_matrix_block block = vb_matrix_in_memory(data, VB_F32, 4);
    assert_int_equal(vb_buffer_make(&buffer, fx->device, 64, "buffer", &errors[0]),
                     VBLIP_ERR_DEVICE);
    assert_int_equal(vb_matrix_make(&matrix, fx->device, &block, 1, 4, VB_USE_LINEAR,
                                    "matrix", &errors[1]),
                     VBLIP_ERR_DEVICE);
    vb_span scratch;
    assert_int_equal(vb_scratch_take(&scratch, vb_gpu_of(fx->device), 64 << 20, NULL),
                     VBLIP_ERR_DEVICE); // that in use stays where it is
    vb_l2norm(&fx->rec, .y = x->t, .x = x->t, .eps = 1);
    vb_download(&fx->rec, got, x->t);
    assert_int_equal(vb_recorder_submit(&fx->rec, &errors[2]), VBLIP_ERR_DEVICE);
    for (size_t i = 0; i < 3; i++)
        assert_non_null(strstr(errors[i].message, message));
    assert_int_equal(vb_recorder_submit(&fx->rec, NULL), VBLIP_ERR_DEVICE);
}

// A device that is lost, or hangs, breaks the one time, and is not waited for without end.
static void test_a_broken_device_stays_broken(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof hangs / sizeof *hangs; i++) {
        const struct hang *h = &hangs[i];
        gpu_fixture fx;
        hung.stopped = false;
        const vb_gpu_options options = {.kernels = "simt", .stopped = ask_hung};
        gpu_open_masked(&fx, &options, &(vb_gpu_mask){.untested = true});
        vb_gpu *gpu = vb_gpu_of(fx.device);
        gpu_operand x = gpu_floats(&fx, 1, 4, 16, 0, (gpu_values){1, 0, 1});
        gpu_operand spare = gpu_floats(&fx, 1, 4, 16, 0, (gpu_values){2, 0, 1});
        gpu_submit(&fx);
        float got[64];
        vblip_error err = {0};
        const PFN_vkWaitSemaphores sound = gpu->vk.WaitSemaphores;
        gpu->log = (vb_log){hear_hung, NULL};
        hung.result = h->result;
        hung.stopped = h->stopped;
        hung.asked = hung.told = 0;
        gpu->vk.WaitSemaphores = hung_wait;
        vb_download(&fx.rec, got, x.t);
        assert_int_equal(vb_recorder_submit(&fx.rec, &err), h->status);
        assert_non_null(strstr(err.message, h->message));
        check_broken(&fx, &x, h->later);
        assert_int_equal(hung.asked, h->asked);
        assert_int_equal(hung.told, h->told);

        // What it may still use stays.
        const VkBuffer used = vb_gpu_buffer_of(spare.buffer)->handle;
        gpu_operand_free(&spare);
        gpu->vk.WaitSemaphores = sound;
        if (gpu->waiting.running) {
            assert_int_equal(gpu->vk.DeviceWaitIdle(gpu->device), VK_SUCCESS);
            gpu->vk.DestroyBuffer(gpu->device, used, NULL);
        }
        gpu->waiting = (vb_waiting){0};
        hung.stopped = false;
        gpu_operand_free(&x);
        gpu_close(&fx);
    }
}

// A buffer may go while commands that read it wait.
static int ask(void *user)
{
    int *left = user;
    return --*left < 0;
}

// `count` times y = layernorm(x) and then x to `got`; the status of the submit.
static vblip_status norm_again(gpu_fixture *fx, const gpu_operand *y,
                               const gpu_operand *x, int count, float *got,
                               vblip_error *err)
{
    for (int i = 0; i < count; i++)
        vb_layernorm(&fx->rec, .y = y->t, .x = x->t, .gain = x->t, .bias = x->t,
                     .eps = 1e-6F);
    vb_download(&fx->rec, got, x->t);
    return vb_recorder_submit(&fx->rec, err);
}

// The caller is asked before each submit, and what stops is the list of ops, not the device.
static void test_the_caller_can_stop_it(void **state)
{
    (void)state;
    enum { OPS = 6, WIDTH = 16 };
    gpu_fixture fx;
    int left = 1000;
    const vb_gpu_options options = {
        .kernels = "simt", .stopped = ask, .stopped_user = &left};
    gpu_open_masked(&fx, &options, &(vb_gpu_mask){.untested = true});
    gpu_operand x = gpu_floats(&fx, 1, 1, WIDTH, 0, (gpu_values){1, 0, 1});
    gpu_operand y = gpu_floats(&fx, 1, 1, WIDTH, 0, (gpu_values){2, 0, 1});
    gpu_submit(&fx);
    float got[WIDTH] = {0}, *want = gpu_packed(&x);
    vblip_error err = {0};

    vb_gpu_of(fx.device)->commands.pace.most = 1; // submits of one op, of two, of three
    left = 1;
    assert_int_equal(norm_again(&fx, &y, &x, OPS, got, &err), VBLIP_ERR_CANCELLED);
    assert_string_equal(err.message, "stopped by the caller");
    assert_int_equal(left, -1);
    assert_memory_not_equal(got, want, sizeof got);

    vb_matrix *matrix;
    const vb_matrix_block block = vb_matrix_in_memory(want, VB_F32, 1);
    assert_int_equal(
        vb_matrix_make(&matrix, fx.device, &block, 1, WIDTH, VB_USE_LINEAR, "w", NULL),
        VBLIP_ERR_CANCELLED);
    assert_null(matrix);

    left = 1000;
    assert_int_equal(norm_again(&fx, &y, &x, OPS, got, NULL), VBLIP_OK);
    assert_memory_equal(got, want, sizeof got);
    free(want);
    gpu_operand_free(&x);
    gpu_operand_free(&y);
    gpu_close(&fx);
}

// How many rows of `got` are other than in `before`: the first ones, and no more.
static size_t count_changed(const float *got, const float *before, size_t rows,
                            size_t cols)
{
    size_t changed = 0;
    while (changed < rows && memcmp(got + changed * cols, before + changed * cols,
                                    cols * sizeof *got) != 0)
        changed++;
    assert_memory_equal(got + changed * cols, before + changed * cols,
                        (rows - changed) * cols * sizeof *got);
    return changed;
}

// One op can be as long as many: it runs in pieces, which get longer as long as they are
// quick, and the caller is asked between them.
static void test_the_caller_can_stop_an_op(void **state)
{
    (void)state;
    enum { LINES = 1000, WIDTH = 16, PIECES = 3, MOST = 1 + 2 + 4 };
    gpu_fixture fx;
    int left = 1000;
    const vb_gpu_options options = {
        .kernels = "simt", .stopped = ask, .stopped_user = &left};
    gpu_open_masked(&fx, &options, &(vb_gpu_mask){.untested = true});
    gpu_operand x = gpu_floats(&fx, 1, LINES, WIDTH, 0, (gpu_values){1, 0, 1});
    gpu_operand y = gpu_floats(&fx, 1, LINES, WIDTH, 0, (gpu_values){2, 0, 1});
    gpu_submit(&fx);
    vb_gpu_of(fx.device)->commands.pace.most = 1;
    left = PIECES;
    vb_l2norm(&fx.rec, .y = y.t, .x = x.t, .eps = 1e-6F);
    assert_int_equal(vb_recorder_submit(&fx.rec, NULL), VBLIP_ERR_CANCELLED);
    assert_int_equal(left, -1);

    left = 1000;
    float *x_data = gpu_packed(&x), *y_data = gpu_packed(&y);
    float *got = gpu_alloc((size_t)LINES * WIDTH, sizeof *got);
    double *want = gpu_alloc((size_t)LINES * WIDTH, sizeof *want);
    vb_download(&fx.rec, got, y.t);
    gpu_submit(&fx);
    const size_t done = count_changed(got, y_data, LINES, WIDTH);
    assert_true(done >= PIECES && done <= MOST);
    ref_l2norm(want, x_data, (uint32_t)done, WIDTH, (double)1e-6F);
    for (size_t i = done * WIDTH; i < (size_t)LINES * WIDTH; i++)
        want[i] = (double)y_data[i];
    gpu_check(&fx, &y, want, 1e-12, "a stopped op");
    free(want);
    free(got);
    free(x_data);
    free(y_data);
    gpu_operand_free(&x);
    gpu_operand_free(&y);
    gpu_close(&fx);
}

// A caller who wants to stop does not wait for the self-test, and leaves no verdict behind.
static void test_the_caller_can_stop_the_opening(void **state)
{
    (void)state;
    int left = 0;
    vb_device *device;
    vblip_error err = {0};
    const vb_gpu_options options = {.stopped = ask, .stopped_user = &left};
    assert_int_equal(vb_gpu_open(&device, &options, &err), VBLIP_ERR_CANCELLED);
    assert_null(device);
    assert_string_equal(err.message, "stopped by the caller");
}

static void test_buffers_may_be_freed_early(void **state)
{
    (void)state;
    gpu_fixture fx = gpu_open(NULL);
    gpu_operand x = gpu_floats(&fx, 1, 4, 16, 0, (gpu_values){1, 0, 1});
    gpu_operand y = gpu_floats(&fx, 1, 4, 16, 0, (gpu_values){2, 0, 1});
    float *data = gpu_packed(&x);
    double want[64];
    for (int i = 0; i < 64; i++)
        want[i] = (double)data[i];
    vb_copy(&fx.rec, y.t, x.t);
    gpu_operand_free(&x);
    gpu_check(&fx, &y, want, 0, "copy from a freed buffer");
    free(data);
    gpu_operand_free(&y);
    gpu_close(&fx);
}

typedef struct totals {
    uint64_t copies, uploads;
    double seconds;
} totals;

static int on_time(void *user, const vblip_op_time *time)
{
    totals *t = user;
    if (strcmp(time->op, "copy") == 0)
        t->copies += time->calls;
    if (strcmp(time->op, "upload") == 0)
        t->uploads += time->calls;
    t->seconds += time->seconds;
    return 0;
}

// Also when there are more ops than the device keeps timestamps for.
static void test_profile_counts_every_op(void **state)
{
    (void)state;
    enum { COPIES = VB_PROFILE_SPANS + 100 };
    gpu_fixture fx;
    gpu_open_masked(&fx, &(vb_gpu_options){.profile = true}, &(vb_gpu_mask){0});
    gpu_operand x = gpu_floats(&fx, 1, 4, 16, 0, (gpu_values){1, 0, 1});
    gpu_operand y = gpu_floats(&fx, 1, 4, 16, 0, (gpu_values){2, 0, 1});
    for (int i = 0; i < COPIES; i++)
        vb_copy(&fx.rec, y.t, x.t);
    gpu_submit(&fx);
    totals t = {0};
    assert_int_equal(vb_device_profile(fx.device, on_time, &t, NULL), VBLIP_OK);
    assert_int_equal(t.copies, COPIES);
    assert_int_equal(t.uploads, 2);
    assert_true(t.seconds > 0 && t.seconds < 60);
    gpu_operand_free(&x);
    gpu_operand_free(&y);
    gpu_close(&fx);

    fx = gpu_open(NULL);
    assert_int_equal(vb_device_profile(fx.device, on_time, &t, NULL),
                     VBLIP_ERR_ARGUMENT);
    gpu_close(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activations_follow_weights),
        cmocka_unit_test(test_lists_devices),
        cmocka_unit_test(test_chooses_by_index_and_name),
        cmocka_unit_test(test_refuses_what_is_not_there),
        cmocka_unit_test(test_a_missing_loader_is_said),
        cmocka_unit_test(test_portability_is_asked_for),
        cmocka_unit_test(test_a_missing_barrier_is_heard),
        cmocka_unit_test(test_nothing_is_allocated_after_warm_up),
        cmocka_unit_test(test_a_failed_list_is_dropped),
        cmocka_unit_test(test_a_failure_in_between_is_told_at_submit),
        cmocka_unit_test(test_a_failed_wait_leaves_nothing_running),
        cmocka_unit_test(test_a_broken_device_stays_broken),
        cmocka_unit_test(test_the_caller_can_stop_it),
        cmocka_unit_test(test_the_caller_can_stop_an_op),
        cmocka_unit_test(test_the_caller_can_stop_the_opening),
        cmocka_unit_test(test_buffers_may_be_freed_early),
        cmocka_unit_test(test_profile_counts_every_op),
    };
    return cmocka_run_group_tests_name("device", tests, NULL, NULL);
}

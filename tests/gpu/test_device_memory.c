// test_device_memory.c - a device that runs out of memory takes other memory, or says so and
// stays usable; buffers are made and filled as promised, whatever the memory is like.
#include "op_params.h"
#include "support/gpu_op.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// ------------------------------------------------------------------ running out

static struct {
    uint32_t left; // calls that still succeed
    PFN_vkAllocateMemory sound;
} allocator;

static VKAPI_ATTR VkResult VKAPI_CALL
failing_allocate(VkDevice device, const VkMemoryAllocateInfo *info,
                 const VkAllocationCallbacks *callbacks, VkDeviceMemory *memory)
{
    if (allocator.left == 0)
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    allocator.left--;
    return allocator.sound(device, info, callbacks, memory);
}

// Cuts all buffers from blocks of this size, or, of 0, from their own.
static void use_blocks(vb_gpu *gpu, uint64_t bytes)
{
    const uint64_t size = gpu->commands.nothing->base.size;
    vb_memory_destroy(gpu->commands.nothing);
    vb_memory_destroy(gpu->scratch); // of the self-test
    gpu->scratch = NULL;
    gpu->memory.block_bytes = bytes;
    assert_int_equal(vb_memory_make(&gpu->commands.nothing, gpu, size, "nothing", NULL),
                     VBLIP_OK);
}

enum { ROWS = 5, COLS = 64 };

// Weights, activations, an upload and a download: everything that allocates.
static vblip_status use_device(vb_device *device, float *out, vblip_error *err)
{
    float x_data[ROWS * COLS], w_data[COLS * COLS];
    for (int i = 0; i < ROWS * COLS; i++)
        x_data[i] = (float)(i % 7);
    for (int i = 0; i < COLS * COLS; i++)
        w_data[i] = i % (COLS + 1) == 0 ? 2 : 0; // twice the identity
    const vb_matrix_block block = vb_matrix_in_memory(w_data, VB_F32, COLS);
    vb_matrix *w = NULL;
    vb_buffer *buffer = NULL;
    vblip_status status =
        vb_matrix_make(&w, device, &block, 1, COLS, VB_USE_LINEAR, "weights", err);
    if (status == VBLIP_OK)
        status = vb_buffer_make(&buffer, device, sizeof x_data * 2, "activations", err);
    if (status == VBLIP_OK) {
        const vb_tensor x = vb_tensor_view(buffer, 0, VB_F32, 1, ROWS, COLS);
        const vb_tensor y =
            vb_tensor_view(buffer, sizeof x_data, VB_F32, 1, ROWS, COLS);
        vb_recorder rec = vb_recorder_begin(device);
        vb_upload(&rec, x, x_data);
        vb_linear(&rec, .y = y, .x = x, .w = w);
        vb_download(&rec, out, y);
        status = vb_recorder_submit(&rec, err);
    }
    vb_buffer_free(&buffer);
    vb_matrix_free(&w);
    return status;
}

static void check_use(vb_device *device)
{
    float out[ROWS * COLS] = {0};
    vblip_error err = {0};
    if (use_device(device, out, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    for (int i = 0; i < ROWS * COLS; i++)
        assert_true(out[i] == 2 * (float)(i % 7));
}

// Fails the first device allocation, then the second, until all succeed.
static void run_out_of_memory(const vb_gpu_mask *mask, const char *kernels,
                              uint64_t block_bytes)
{
    gpu_fixture fx;
    vb_gpu_mask untested = *mask; // a self-test leaves blocks to take from
    untested.untested = true;
    gpu_open_masked(&fx, &(vb_gpu_options){.kernels = kernels}, &untested);
    vb_gpu *gpu = vb_gpu_of(fx.device);
    use_blocks(gpu, block_bytes);
    allocator.sound = gpu->vk.AllocateMemory;
    gpu->vk.AllocateMemory = failing_allocate;
    uint32_t failures = 0;
    for (;; failures++) {
        float out[ROWS * COLS];
        vblip_error err = {0};
        allocator.left = failures;
        const vblip_status status = use_device(fx.device, out, &err);
        if (status == VBLIP_OK)
            break;
        if (status != VBLIP_ERR_MEMORY || !strstr(err.message, "out of device memory"))
            fail_msg("allocation %u: status %d, \"%s\"", failures, status, err.message);
        assert_true(failures < 100);
    }
    assert_true(block_bytes || failures >= 2); // weights and activations at the least
    gpu->vk.AllocateMemory = allocator.sound;
    check_use(fx.device);
    assert_int_equal(vb_gpu_validation_messages(fx.device), 0);
    gpu_close(&fx);
}

static void test_running_out_of_device_memory_is_reported(void **state)
{
    (void)state;
    for (const char *const *family = gpu_families(); *family; family++) {
        for (uint64_t block_bytes = 0; block_bytes <= 1 << 16; block_bytes += 1 << 15) {
            run_out_of_memory(&(vb_gpu_mask){0}, *family, block_bytes);
            run_out_of_memory(&(vb_gpu_mask){.mapped_buffers = true}, *family,
                              block_bytes);
        }
    }
}

// ---------------------------------------------------------------- memory of two types

// A device with memory of its own, type 0, and some of the host, type 1. Both are type
// `real` of the device at hand; only the one of the host is mapped.
static struct {
    uint32_t real;
    uint32_t own, host;               // allocations that still succeed
    uint32_t taken[2], refused, told; // refused: of the device's own
    PFN_vkAllocateMemory allocate;
    PFN_vkGetBufferMemoryRequirements requirements;
} two;

static VKAPI_ATTR VkResult VKAPI_CALL
allocate_of_two(VkDevice device, const VkMemoryAllocateInfo *info,
                const VkAllocationCallbacks *callbacks, VkDeviceMemory *memory)
{
    VkMemoryAllocateInfo sound = *info;
    uint32_t *left = info->memoryTypeIndex == 0 ? &two.own : &two.host;
    assert_true(info->memoryTypeIndex < 2);
    if (*left == 0) {
        two.refused += info->memoryTypeIndex == 0;
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    }
    --*left;
    two.taken[info->memoryTypeIndex]++;
    sound.memoryTypeIndex = two.real;
    return two.allocate(device, &sound, callbacks, memory);
}

static VKAPI_ATTR void VKAPI_CALL need_of_two(VkDevice device, VkBuffer buffer,
                                              VkMemoryRequirements *need)
{
    two.requirements(device, buffer, need);
    need->memoryTypeBits = 3;
}

static void hear_full(void *user, const char *line)
{
    (void)user;
    two.told += strstr(line, "its memory is full: what else it needs lies in the "
                             "host's, and is slower") != NULL;
}

static void become_two(vb_gpu *gpu)
{
    VkPhysicalDeviceMemoryProperties *memory = &gpu->physical.memory;
    memset(&two, 0, sizeof two);
    two.allocate = gpu->vk.AllocateMemory;
    two.requirements = gpu->vk.GetBufferMemoryRequirements;
    while (!(memory->memoryTypes[two.real].propertyFlags &
             VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT))
        two.real++;
    const uint64_t bytes = gpu->physical.info.memory_bytes;
    *memory = (VkPhysicalDeviceMemoryProperties){
        .memoryTypeCount = 2,
        .memoryTypes = {{VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0},
                        {VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                             VK_MEMORY_PROPERTY_HOST_COHERENT_BIT |
                             VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
                         1}},
        .memoryHeapCount = 2,
        .memoryHeaps = {{bytes, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}, {bytes, 0}},
    };
    gpu->vk.AllocateMemory = allocate_of_two;
    gpu->vk.GetBufferMemoryRequirements = need_of_two;
    gpu->log = (vb_log){hear_full, NULL};
}

// With memory of its own for no allocation, for one, for two ...: the rest lies in the
// host's, and all is computed as with enough.
static void test_full_memory_steps_down_to_the_host(void **state)
{
    (void)state;
    for (const char *const *family = gpu_families(); *family; family++) {
        for (uint32_t own = 0;; own++) {
            gpu_fixture fx;
            gpu_open_masked(&fx, &(vb_gpu_options){.kernels = *family},
                            &(vb_gpu_mask){.untested = true});
            use_blocks(vb_gpu_of(fx.device), 0);
            become_two(vb_gpu_of(fx.device));
            two.own = own;
            two.host = UINT32_MAX;
            check_use(fx.device);
            check_use(fx.device);
            assert_int_equal(vb_gpu_validation_messages(fx.device), 0);
            const bool enough = two.refused == 0;
            assert_int_equal(two.told, enough ? 0 : 1); // once
            gpu_close(&fx);
            if (enough)
                break;
            assert_true(own < 100);
        }
        assert_true(two.taken[0] >= 2 && two.taken[1] >= 1); // and staging
    }
}

// Neither has room: told as what it is, and nothing is left behind.
static void test_no_memory_of_either_type_is_reported(void **state)
{
    (void)state;
    for (uint32_t own = 0; own < 2; own++) {
        for (uint32_t host = 0;; host++) {
            gpu_fixture fx;
            gpu_open_masked(&fx, &(vb_gpu_options){.kernels = "simt"},
                            &(vb_gpu_mask){.untested = true});
            use_blocks(vb_gpu_of(fx.device), 0);
            become_two(vb_gpu_of(fx.device));
            two.own = own;
            two.host = host;
            float out[ROWS * COLS];
            vblip_error err = {0};
            const vblip_status status = use_device(fx.device, out, &err);
            if (status != VBLIP_OK && (status != VBLIP_ERR_MEMORY ||
                                       !strstr(err.message, "out of device memory")))
                fail_msg("%u, %u: status %d, \"%s\"", own, host, status, err.message);
            two.own = two.host = UINT32_MAX;
            check_use(fx.device);
            assert_int_equal(vb_gpu_validation_messages(fx.device), 0);
            gpu_close(&fx);
            if (status == VBLIP_OK)
                break;
            assert_true(host < 100);
        }
    }
}

// Where a whole block has no room, the buffer alone may have.
static void test_what_fits_alone_is_taken_alone(void **state)
{
    (void)state;
    gpu_fixture fx = gpu_open("simt");
    vb_gpu *gpu = vb_gpu_of(fx.device);
    use_blocks(gpu, 0);
    become_two(gpu);
    two.own = two.host = UINT32_MAX;
    gpu->physical.memory.memoryHeaps[0].size = 1 << 20;
    gpu->memory.block_bytes = 2 << 20;
    check_use(fx.device);
    assert_true(two.taken[0] > 0);
    assert_int_equal(two.told, 0);
    assert_int_equal(vb_gpu_validation_messages(fx.device), 0);
    gpu_close(&fx);
}

static VKAPI_ATTR void VKAPI_CALL tell_budget(VkPhysicalDevice device,
                                              VkPhysicalDeviceMemoryProperties2 *out)
{
    (void)device;
    VkPhysicalDeviceMemoryBudgetPropertiesEXT *budget = out->pNext;
    assert_int_equal(budget->sType,
                     VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT);
    out->memoryProperties = (VkPhysicalDeviceMemoryProperties){
        .memoryHeapCount = 3,
        .memoryHeaps = {{8 << 20, 0},
                        {4 << 20, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT},
                        {1 << 20, VK_MEMORY_HEAP_DEVICE_LOCAL_BIT}}};
    budget->heapBudget[0] = 7 << 20;
    budget->heapUsage[0] = 0;
    budget->heapBudget[1] = 3 << 20; // others use the rest
    budget->heapUsage[1] = 1 << 20;
    budget->heapBudget[2] = 1 << 20;
    budget->heapUsage[2] = 2 << 20; // more than it should
}

static void test_the_budget_is_what_is_left(void **state)
{
    (void)state;
    gpu_fixture fx = gpu_open("simt");
    vb_gpu *gpu = vb_gpu_of(fx.device);
    assert_true(fx.device->caps.memory_bytes > 0);
    assert_true(fx.device->caps.memory_bytes <= gpu->physical.info.memory_bytes);
    gpu->vk.GetPhysicalDeviceMemoryProperties2 = tell_budget;
    gpu->physical.info.memory_bytes = 4 << 20;
    gpu->physical.tells_budget = true;
    assert_int_equal(vb_memory_left(gpu), 2 << 20);
    gpu->physical.tells_budget = false;
    assert_int_equal(vb_memory_left(gpu), 4 << 20);
    gpu_close(&fx);
}

// ------------------------------------------------------------------------------ blocks

enum { PIECES = 300 };

static uint64_t piece_bytes(uint32_t i)
{
    return 1 + i * 977 % 40000;
}

static void make_piece(vb_buffer **out, vb_device *device, uint64_t bytes)
{
    vblip_error err = {0};
    if (vb_buffer_make(out, device, bytes, "piece", &err) != VBLIP_OK)
        fail_msg("%s", err.message);
}

static bool apart(const vb_piece *a, const vb_piece *b)
{
    return a->memory != b->memory || a->offset + a->size <= b->offset ||
           b->offset + b->size <= a->offset;
}

static void check_apart(vb_buffer *const buffers[PIECES])
{
    for (uint32_t i = 0; i < PIECES; i++)
        for (uint32_t j = 0; j < i; j++)
            if (!apart(&vb_gpu_buffer_of(buffers[i])->memory,
                       &vb_gpu_buffer_of(buffers[j])->memory))
                fail_msg("buffers %u and %u share memory", j, i);
}

static PFN_vkFreeMemory free_sound;
static uint32_t freed;

static VKAPI_ATTR void VKAPI_CALL counting_free(VkDevice device, VkDeviceMemory memory,
                                                const VkAllocationCallbacks *callbacks)
{
    freed++;
    free_sound(device, memory, callbacks);
}

// Many buffers are few allocations; what is freed is used again, and then given back.
static void test_buffers_share_blocks(void **state)
{
    (void)state;
    gpu_fixture fx = gpu_open(NULL);
    vb_gpu *gpu = vb_gpu_of(fx.device);
    use_blocks(gpu, 1 << 20);
    check_use(fx.device); // makes staging, which stays
    const uint64_t before = gpu->memory.allocations;
    vb_buffer *buffers[PIECES], *large;
    for (uint32_t i = 0; i < PIECES; i++)
        make_piece(&buffers[i], fx.device, piece_bytes(i));
    check_apart(buffers);
    const uint64_t made = gpu->memory.allocations - before;
    assert_true(made > 0 && made <= PIECES * 20000 / (1 << 20) + 2);

    make_piece(&large, fx.device, 3 << 20); // has its own
    assert_int_equal(gpu->memory.allocations, before + made + 1);
    free_sound = gpu->vk.FreeMemory;
    gpu->vk.FreeMemory = counting_free;
    freed = 0;
    vb_buffer_free(&large);
    assert_int_equal(freed, 1);

    for (uint32_t i = 0; i < PIECES; i += 3)
        vb_buffer_free(&buffers[i]);
    for (uint32_t i = 0; i < PIECES; i += 3)
        make_piece(&buffers[i], fx.device, piece_bytes(i));
    check_apart(buffers);
    assert_int_equal(gpu->memory.allocations, before + made + 1);
    check_use(fx.device);
    for (uint32_t i = 0; i < PIECES; i++)
        vb_buffer_free(&buffers[PIECES - 1 - i]);
    assert_int_equal(freed, gpu->memory.allocations - before);
    check_use(fx.device);
    assert_int_equal(vb_gpu_validation_messages(fx.device), 0);
    gpu_close(&fx);
}

// ------------------------------------------------------------------ buffers as promised

static void test_too_large_a_buffer_is_refused(void **state)
{
    (void)state;
    gpu_fixture fx = gpu_open(NULL);
    vb_buffer *buffer;
    vblip_error err = {0};
    assert_int_equal(vb_buffer_make(&buffer, fx.device,
                                    fx.device->caps.max_buffer_bytes + 16, "huge",
                                    &err),
                     VBLIP_ERR_UNSUPPORTED);
    assert_null(buffer);
    assert_non_null(strstr(err.message, "huge"));
    gpu_close(&fx);
}

// --------------------------------------------------------------- paths that do without

// A device whose buffers the host cannot write: everything goes through staging.
static void test_unmapped_buffers_work(void **state)
{
    (void)state;
    for (const char *const *family = gpu_families(); *family; family++) {
        gpu_fixture fx;
        gpu_open_masked(&fx, &(vb_gpu_options){.kernels = *family},
                        &(vb_gpu_mask){.mapped_buffers = true});
        check_use(fx.device);
        gpu_close(&fx);
    }
}

// A buffer is written by whoever makes it, so making one costs the device nothing, and
// weights cost one submit where the host cannot write them.
static void test_new_buffers_are_not_zeroed(void **state)
{
    (void)state;
    gpu_fixture fx;
    gpu_open_masked(&fx, &(vb_gpu_options){.kernels = "simt"},
                    &(vb_gpu_mask){.mapped_buffers = true, .untested = true});
    const vb_submissions *submissions = &vb_gpu_of(fx.device)->submissions;
    const uint64_t before = submissions->sent;
    vb_buffer *buffer;
    assert_int_equal(vb_buffer_make(&buffer, fx.device, 1 << 20, "room", NULL),
                     VBLIP_OK);
    assert_null(vb_gpu_buffer_of(buffer)->mapped);
    assert_int_equal(submissions->sent, before);
    assert_false(vb_commands_recording(vb_gpu_of(fx.device)));
    vb_buffer_free(&buffer);

    float weights[COLS * COLS] = {0};
    vb_matrix *matrix = gpu_matrix(&fx, weights, COLS, COLS, VB_USE_LINEAR);
    assert_int_equal(submissions->sent, before + 1);
    vb_matrix_free(&matrix);
    gpu_close(&fx);
}

// ----------------------------------------------------------------------------- weights

enum { WEIGHT_BLOCKS = 3, WEIGHT_COLS = 150 }; // neither whole panels nor whole texels
static const uint32_t weight_rows[WEIGHT_BLOCKS] = {75, 1, 300};

static const struct weights_case {
    const char *kernels, *precision;
    bool unmapped;
} weights_cases[] = {
    {"simt", "f32", false},     {"simt", "f32", true},     {"simt", "f16", true},
    {"lavapipe", "f32", false}, {"lavapipe", "f32", true}, {"lavapipe", "f16", false},
    {"lavapipe", "f16", true},
};

static bool has_family(const char *kernels)
{
    for (const char *const *family = gpu_families(); *family; family++)
        if (strcmp(*family, kernels) == 0)
            return true;
    return false;
}

static vblip_status make_weights(vb_matrix **out, vb_device *device, const float *data,
                                 vblip_error *err)
{
    vb_matrix_block blocks[WEIGHT_BLOCKS];
    for (uint32_t i = 0; i < WEIGHT_BLOCKS; i++) {
        blocks[i] = vb_matrix_in_memory(data, VB_F32, weight_rows[i]);
        data += weight_rows[i] * WEIGHT_COLS;
    }
    return vb_matrix_make(out, device, blocks, WEIGHT_BLOCKS, WEIGHT_COLS,
                          VB_USE_LINEAR | VB_USE_ROWS, "weights", err);
}

static void expect_same_bytes(gpu_fixture *fx, vb_buffer *a, vb_buffer *b)
{
    assert_int_equal(a != NULL, b != NULL);
    if (!a)
        return;
    assert_int_equal(a->size, b->size);
    uint8_t *a_bytes = gpu_alloc(a->size, 1), *b_bytes = gpu_alloc(b->size, 1);
    const uint32_t size = (uint32_t)a->size;
    vb_download(&fx->rec, a_bytes, vb_tensor_view(a, 0, VB_U8, 1, 1, size));
    vb_download(&fx->rec, b_bytes, vb_tensor_view(b, 0, VB_U8, 1, 1, size));
    gpu_submit(fx);
    assert_memory_equal(a_bytes, b_bytes, size);
    free(a_bytes);
    free(b_bytes);
}

// What several threads convert, and wait for once, is what one does, matrix by matrix.
static void test_weights_are_made_together(void **state)
{
    (void)state;
    enum { ROWS_IN_ALL = 376 };
    float *data = gpu_random((size_t)ROWS_IN_ALL * WEIGHT_COLS, (gpu_values){9, 0, 1});
    for (size_t i = 0; i < sizeof weights_cases / sizeof *weights_cases; i++) {
        const struct weights_case *c = &weights_cases[i];
        if (!has_family(c->kernels))
            continue;
        gpu_fixture fx;
        gpu_open_masked(
            &fx, &(vb_gpu_options){.kernels = c->kernels, .precision = c->precision},
            &(vb_gpu_mask){.mapped_buffers = c->unmapped, .untested = true});
        vb_gpu *gpu = vb_gpu_of(fx.device);
        vb_matrix *alone, *together[2];
        assert_int_equal(make_weights(&alone, fx.device, data, NULL), VBLIP_OK);
        const uint64_t before = gpu->submissions.sent;
        vb_weights_begin(fx.device, (vb_weights_origin){0});
        for (int k = 0; k < 2; k++)
            assert_int_equal(make_weights(&together[k], fx.device, data, NULL),
                             VBLIP_OK);
        assert_int_equal(gpu->submissions.sent, before);
        gpu_submit(&fx);
        vb_weights_end(fx.device, true);
        assert_int_equal(gpu->submissions.sent, before + c->unmapped);
        const vb_gpu_matrix *a = (const vb_gpu_matrix *)alone;
        for (int k = 0; k < 2; k++) {
            const vb_gpu_matrix *b = (const vb_gpu_matrix *)together[k];
            expect_same_bytes(&fx, a->row_data, b->row_data);
            expect_same_bytes(&fx, a->panels, b->panels);
            vb_matrix_free(&together[k]);
        }
        vb_matrix_free(&alone);
        gpu_close(&fx);
    }
    free(data);
}

// Staging is not longer for it.
static void test_panels_longer_than_a_transfer(void **state)
{
    (void)state;
    enum { LONG_ROWS = 33, LONG_COLS = VB_TRANSFER_BYTES / 4 / VB_PANEL_ROWS + 5 };
    float *data = gpu_random((size_t)LONG_ROWS * LONG_COLS, (gpu_values){9, 0, 1});
    for (const char *const *family = gpu_families(); *family; family++) {
        gpu_fixture fx;
        gpu_open_masked(&fx, &(vb_gpu_options){.kernels = *family},
                        &(vb_gpu_mask){.mapped_buffers = true, .untested = true});
        const vb_matrix_block block = vb_matrix_in_memory(data, VB_F32, LONG_ROWS);
        vb_matrix *matrix;
        assert_int_equal(vb_matrix_make(&matrix, fx.device, &block, 1, LONG_COLS,
                                        VB_USE_LINEAR | VB_USE_ROWS, "long", NULL),
                         VBLIP_OK);
        vb_buffer *rows = ((vb_gpu_matrix *)matrix)->row_data;
        float *got = gpu_alloc((size_t)LONG_ROWS * LONG_COLS, sizeof *got);
        vb_download(&fx.rec, got,
                    vb_tensor_view(rows, 0, VB_F32, 1, LONG_ROWS, LONG_COLS));
        gpu_submit(&fx);
        assert_memory_equal(got, data, (size_t)LONG_ROWS * LONG_COLS * sizeof *got);
        free(got);
        vb_matrix_free(&matrix);
        gpu_close(&fx);
    }
    free(data);
}

// Of several threads' failures, the one of the first row is told.
static void test_the_first_row_that_fails_is_told(void **state)
{
    (void)state;
    enum { ROWS_IN_ALL = 376 };
    float *data = gpu_random((size_t)ROWS_IN_ALL * WEIGHT_COLS, (gpu_values){9, 0, 1});
    for (uint32_t row = 70; row < ROWS_IN_ALL; row++)
        data[row * WEIGHT_COLS + 7] = 70000;
    gpu_fixture fx = gpu_open_in("simt", "f16");
    vb_matrix *matrix;
    vblip_error err = {0};
    vb_weights_begin(fx.device, (vb_weights_origin){0});
    assert_int_equal(make_weights(&matrix, fx.device, data, &err),
                     VBLIP_ERR_UNSUPPORTED);
    vb_weights_end(fx.device, false);
    assert_string_equal(err.message,
                        "weights: 70000 in row 70, column 7: f16 holds up to 65504");
    assert_null(matrix);
    gpu_close(&fx);
    free(data);
}

// Transfers longer than a staging block, and more of them than there are blocks.
static void test_long_transfers_arrive(void **state)
{
    (void)state;
    enum { WORDS = 5 << 20, TIMES = 9 }; // 20 MiB each
    gpu_fixture fx = gpu_open("simt");
    uint32_t *in = gpu_alloc(WORDS, 4), *out = gpu_alloc(WORDS, 4);
    vb_buffer *buffer;
    assert_int_equal(vb_buffer_make(&buffer, fx.device, WORDS * 4, "long", NULL),
                     VBLIP_OK);
    const vb_tensor t = vb_tensor_view(buffer, 0, VB_I32, 1, 1, WORDS);
    for (uint32_t time = 0; time < TIMES; time++) {
        for (uint32_t i = 0; i < WORDS; i += 997)
            in[i] = i * 31 + time;
        vb_upload(&fx.rec, t, in);
        vb_download(&fx.rec, out, t);
    }
    gpu_submit(&fx);
    assert_memory_equal(in, out, WORDS * 4);
    vb_buffer_free(&buffer);
    free(in);
    free(out);
    gpu_close(&fx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_running_out_of_device_memory_is_reported),
        cmocka_unit_test(test_full_memory_steps_down_to_the_host),
        cmocka_unit_test(test_no_memory_of_either_type_is_reported),
        cmocka_unit_test(test_what_fits_alone_is_taken_alone),
        cmocka_unit_test(test_buffers_share_blocks),
        cmocka_unit_test(test_the_budget_is_what_is_left),
        cmocka_unit_test(test_too_large_a_buffer_is_refused),
        cmocka_unit_test(test_unmapped_buffers_work),
        cmocka_unit_test(test_new_buffers_are_not_zeroed),
        cmocka_unit_test(test_weights_are_made_together),
        cmocka_unit_test(test_panels_longer_than_a_transfer),
        cmocka_unit_test(test_the_first_row_that_fails_is_told),
        cmocka_unit_test(test_long_transfers_arrive),
    };
    return cmocka_run_group_tests_name("device_memory", tests, NULL, NULL);
}

#include "support/model_fixture.h"

#include "cpu/cpu.h"
#include "gpu/context.h"
#include "support/reduced_bounds.h"
#include "support/ref_device.h"
#include "support/seeded_image.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// What GPUs run takes seconds for a sentence on software Vulkan.
enum { EXIT_SKIP = 77, EVERY_ON_SIMT = 40 };

static void die(int code, const char *message)
{
    fprintf(stderr, "%s\n", message);
    exit(code);
}

// A test without its device is skipped, but not where CI is set: there it is meant to run.
static void die_without_device(const char *message)
{
    if (!getenv("CI"))
        die(EXIT_SKIP, message);
    fprintf(stderr, "CI is set, and there is no device to test: ");
    die(EXIT_FAILURE, message);
}

static vb_device *open_vulkan(const char *name, vb_dtype weights)
{
    char kernels[32];
    vb_device *device;
    vblip_error err = {0};
    snprintf(kernels, sizeof kernels, "%.*s", (int)strcspn(name, "-"), name);
    const vb_gpu_options options = {.kernels = kernels,
                                    .precision = vb_precision_name(weights)};
    const vb_gpu_mask mask = {.untested = true}; // gpu.selftest does it for all
    const vblip_status status = vb_gpu_open_masked(&device, &options, &mask, &err);
    if (status == VBLIP_ERR_DEVICE)
        die_without_device(err.message);
    if (status != VBLIP_OK)
        die(EXIT_FAILURE, err.message);
    return device;
}

// Not every processor has bf16.
static vb_device *open_processor(vb_dtype weights)
{
    vb_device *device;
    vblip_error err = {0};
    const vb_cpu_options options = {.precision = vb_precision_name(weights)};
    if (vb_cpu_open(&device, &options, &err) != VBLIP_OK)
        die(weights == VB_BF16 ? EXIT_SKIP : EXIT_FAILURE, err.message);
    return device;
}

static vb_device *open_device(const char *name, vb_dtype weights)
{
    vb_device *device;
    vblip_error err = {0};
    if (strncmp(name, "cpu", 3) == 0)
        return open_processor(weights);
    if (strcmp(name, "ref") == 0) {
        if (ref_device_open(&device, NULL, &err) != VBLIP_OK)
            die(EXIT_FAILURE, err.message);
        return device;
    }
    return open_vulkan(name, weights);
}

static vb_dtype weights_of(const char *device)
{
    return strstr(device, "-bf16") ? VB_BF16 : strstr(device, "-f16") ? VB_F16 : VB_F32;
}

void fixture_open(model_fixture *f, int argc, char **argv)
{
    char path[512];
    vblip_error err = {0};
    if (argc != 3)
        die(EXIT_FAILURE, "usage: test CONFIG DEVICE");
    *f = (model_fixture){
        .config = argv[1],
        .weights = weights_of(argv[2]),
        .every = 1,
    };
    f->device = open_device(argv[2], f->weights);
    if (f->device->weights != f->weights)
        die(EXIT_FAILURE, "weights are not stored as asked for");
    if (f->device->caps.shares_cores && strncmp(argv[2], "simt", 4) == 0)
        f->every = EVERY_ON_SIMT; // software Vulkan takes a minute for each
    snprintf(path, sizeof path, VB_GOLDEN "/model/%s/manifest.json", f->config);
    f->manifest = json_load(path);
    snprintf(path, sizeof path, VB_GOLDEN "/model/%s/vectors.safetensors", f->config);
    if (tensor_file_open(&f->vectors, path, &err) != VBLIP_OK)
        die(EXIT_FAILURE, err.message);
}

double fixture_atol(const model_fixture *f, const double atol[3])
{
    return atol[f->weights == VB_BF16 ? 2 : f->weights == VB_F16];
}

void fixture_close(model_fixture *f)
{
    cJSON_Delete(f->manifest);
    tensor_file_close(&f->vectors);
    vb_device_close(&f->device);
}

void fixture_ok(vblip_status status, const vblip_error *err)
{
    if (status != VBLIP_OK)
        fail_msg("%d: %s", (int)status, err->message);
}

// In files without a config.json the heads of CONFIG are what no released BLIP has.
static uint32_t head_width(const model_fixture *f)
{
    const cJSON *sizes = json_member(f->manifest, "sizes");
    return (uint32_t)(json_number(sizes, "vw") / json_number(sizes, "vh"));
}

vb_checkpoint *fixture_checkpoint(const model_fixture *f, const char *task,
                                  uint32_t image_size)
{
    char path[512];
    vb_checkpoint *checkpoint;
    vblip_error err = {0};
    snprintf(path, sizeof path, VB_CHECKPOINTS "/%s-%s", f->config, task);
    const vblip_model_options options = {.path = path,
                                         .image_size = image_size,
                                         .default_vocab = VB_GOLDEN "/text/vocab.txt"};
    fixture_ok(vb_checkpoint_open_heads(&checkpoint, &options, head_width(f), &err),
               &err);
    return checkpoint;
}

vb_model *fixture_model(const model_fixture *f, const char *task)
{
    return fixture_model_like(f, task, VBLIP_COMPAT_SALESFORCE);
}

vb_model *fixture_model_like(const model_fixture *f, const char *task,
                             vblip_compat compat)
{
    vb_model *model;
    vblip_error err = {0};
    const vb_model_options options = {.compat = compat};
    vb_checkpoint *checkpoint = fixture_checkpoint(f, task, 0);
    fixture_ok(vb_model_load(&model, f->device, checkpoint, &options, &err), &err);
    vb_checkpoint_close(&checkpoint);
    return model;
}

void fixture_frames(vb_frame *frames, uint32_t side, uint32_t first, uint32_t count)
{
    const size_t bytes = (size_t)side * side * 3;
    uint8_t *rgb = malloc(bytes * count);
    assert_non_null(rgb);
    for (uint32_t i = 0; i < count; i++) {
        frames[i] = (vb_frame){.rgb = rgb + i * bytes, .side = side};
        seeded_image(frames[i].rgb, first + i, side, side, 1);
    }
}

static const vb_weight *find(const model_fixture *f, const char *name)
{
    const vb_weight *weight = vb_weight_find(&f->vectors.tensors.list, name);
    if (!weight)
        fail_msg("%s: no such golden tensor", name);
    return weight;
}

float *fixture_vector(const model_fixture *f, const char *name, size_t *count)
{
    const vb_weight *weight = find(f, name);
    assert_int_equal(weight->dtype, VB_F32);
    const size_t n = weight->size / sizeof(float);
    float *values = malloc(weight->size);
    assert_non_null(values);
    vb_widen(values, tensor_bytes(weight), VB_F32, n);
    if (count)
        *count = n;
    return values;
}

const int32_t *fixture_ints(const model_fixture *f, const char *name, size_t *count)
{
    const vb_weight *weight = find(f, name);
    assert_int_equal(weight->dtype, VB_I32);
    assert_int_equal((uintptr_t)tensor_bytes(weight) % sizeof(int32_t), 0);
    *count = weight->size / sizeof(int32_t);
    return (const int32_t *)(const void *)tensor_bytes(weight);
}

static double largest_error(const float *got, const float *want, size_t count,
                            size_t *worst)
{
    double error = 0.0;
    *worst = 0;
    for (size_t i = 0; i < count; i++) {
        const double distance = fabs((double)got[i] - (double)want[i]);
        if (!(distance <= error)) {
            error = distance;
            *worst = i;
        }
    }
    return error;
}

// Manifests of full-size models have no tolerances, but a note that suggests them.
static double float_atol(const model_fixture *f, const char *name)
{
    const cJSON *tensors = cJSON_GetObjectItemCaseSensitive(f->manifest, "tensors");
    if (!tensors)
        return strstr(name, "itm") ? 5e-3 : 2e-3;
    return json_number(json_member(tensors, name), "atol");
}

void fixture_expect(const model_fixture *f, const char *name, const float *got,
                    size_t count)
{
    const vb_weight *weight = find(f, name);
    size_t wanted, worst;
    float *want = fixture_vector(f, name, &wanted);
    if (wanted != count)
        fail_msg("%s: %zu values, expected %zu", name, count, wanted);
    const double error = largest_error(got, want, count, &worst);
    const double atol =
        f->weights == VB_F32 ? float_atol(f, name) : reduced_atol(f->weights, name);
    if (f->weights != VB_F32) {
        const size_t cols = weight->rank ? (size_t)weight->shape[weight->rank - 1] : 1;
        reduced_expect_direction(f->weights, name, got, want, count, cols);
    }
    print_message("  %-28s error %.2g of %.2g\n", name, error, atol);
    if (!(error <= atol))
        fail_msg("%s[%zu]: %.7g, expected %.7g within %.2g", name, worst,
                 (double)got[worst], (double)want[worst], atol);
    free(want);
}

const char *fixture_text(const model_fixture *f, const char *name, uint32_t index)
{
    const cJSON *item = cJSON_GetArrayItem(json_member(f->manifest, name), (int)index);
    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

void fixture_submit(vb_recorder *rec)
{
    vblip_error err = {0};
    fixture_ok(vb_recorder_submit(rec, &err), &err);
}

float *fixture_values(vb_recorder *rec, vb_pool *pool, vb_tensor t)
{
    vb_tensor packed;
    vblip_error err = {0};
    float *values = malloc((size_t)vb_tensor_elements(&t) * sizeof *values);
    assert_non_null(values);
    fixture_ok(vb_pool_tensor(&packed, pool, VB_F32, t.batch, t.rows, t.cols, &err),
               &err);
    vb_copy(rec, packed, t);
    vb_download(rec, values, packed);
    fixture_submit(rec);
    return values;
}

void fixture_expect_small(vb_recorder *rec, vb_pool *pool, const char *name,
                          vb_tensor t)
{
    const double most = 30000;
    float *values = fixture_values(rec, pool, t);
    double largest = 0;
    for (uint64_t i = 0; i < vb_tensor_elements(&t); i++)
        if (!(fabs((double)values[i]) <= largest)) // NaN stays
            largest = fabs((double)values[i]);
    free(values);
    print_message("  %-28s largest %.3g\n", name, largest);
    if (!(largest < most))
        fail_msg("%s: %.9g: halves hold up to 65504", name, largest);
}

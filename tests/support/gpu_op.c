#include "support/gpu_op.h"

#include "cpu/cpu.h"
#include "support/ref_ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { GUARD_WORDS = 64 };
static const uint32_t guard = 0x7fc0dead; // a NaN, so that reading it shows

static void on_log(void *user, const char *line)
{
    (void)user;
    if (strncmp(line, "validation", 10) == 0)
        fprintf(stderr, "%s\n", line);
}

void gpu_open_masked(gpu_fixture *out, const vb_gpu_options *options,
                     const vb_gpu_mask *mask)
{
    vb_gpu_options with_log = *options;
    with_log.log.fn = on_log;
    with_log.validate = true;
    vblip_error err = {0};
    *out = (gpu_fixture){
        .vulkan = true, .kernels = options->kernels, .precision = options->precision};
    if (vb_gpu_open_masked(&out->device, &with_log, mask, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    out->rec = vb_recorder_begin(out->device);
}

const char *const *gpu_families(void)
{
    static const char *const all[] = {"lavapipe", "simt", NULL};
    gpu_fixture fx = gpu_open("simt");
    const bool both = (vb_gpu_of(fx.device)->physical.families & VB_LAVAPIPE) != 0;
    gpu_close(&fx);
    return both ? all : all + 1;
}

static gpu_fixture open_processor(const char *precision)
{
    gpu_fixture fx = {.kernels = "cpu", .precision = precision};
    vblip_error err = {0};
    const vb_cpu_options options = {.precision = precision};
    if (vb_cpu_open(&fx.device, &options, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    fx.rec = vb_recorder_begin(fx.device);
    return fx;
}

// A family that has the variant; NULL: it is not one.
static const char *family_of(const char *variant)
{
    for (uint32_t i = 0; variant && i < VB_VARIANT_COUNT; i++) {
        const vb_variant_row *row = &vb_variant_rows[i];
        if (row->op && strcmp(row->name, variant) == 0)
            return vb_family_name(row->families & VB_SIMT       ? VB_SIMT
                                  : row->families & VB_LAVAPIPE ? VB_LAVAPIPE
                                                                : VB_COOPMAT);
    }
    return NULL;
}

static size_t add_variants(const char **names, const char *op)
{
    gpu_fixture fx = gpu_open("simt");
    const vb_physical *physical = &vb_gpu_of(fx.device)->physical;
    size_t count = 0;
    for (uint32_t i = 0; i < VB_VARIANT_COUNT; i++) {
        const vb_variant_row *row = &vb_variant_rows[i];
        if (row->op && strcmp(row->op, op) == 0 &&
            (row->families & physical->families) &&
            (!row->runs || row->runs(physical, (vb_variant)i)))
            names[count++] = row->name;
    }
    gpu_close(&fx);
    return count;
}

const char *const *op_devices(const char *op)
{
    static const char *names[4 + VB_VARIANT_COUNT];
    size_t count = add_variants(names, op);
    vblip_device_info info;
    vb_cpu_texts texts;
    for (const char *const *family = gpu_families(); *family; family++)
        names[count++] = *family;
    if (vb_cpu_describe(&info, &texts))
        names[count++] = "cpu";
    names[count] = NULL;
    return names;
}

const char *const *op_precisions(const char *device)
{
    static const char *const vulkan[] = {"f32", "f16", NULL};
    static const char *const processor[] = {"f32", "bf16", NULL};
    static const char *const floats[] = {"f32", NULL};
    static const char *const halves[] = {"f16", NULL};
    for (uint32_t i = 0; i < VB_VARIANT_COUNT; i++) {
        const uint32_t weights = vb_variant_rows[i].weights;
        if (strcmp(vb_variant_rows[i].name, device) == 0)
            return weights == 1u << VB_F32   ? floats
                   : weights == 1u << VB_F16 ? halves
                                             : vulkan;
    }
    if (strcmp(device, "cpu") != 0)
        return vulkan;
    gpu_fixture fx = gpu_open(device);
    const bool bf16 = (fx.device->caps.weight_types & 1u << VB_BF16) != 0;
    gpu_close(&fx);
    return bf16 ? processor : floats;
}

const char *op_narrowest(const char *device)
{
    const char *const *precision = op_precisions(device);
    while (precision[1])
        precision++;
    return *precision;
}

gpu_fixture gpu_open_in(const char *kernels, const char *precision)
{
    gpu_fixture fx;
    if (kernels && strcmp(kernels, "cpu") == 0)
        return open_processor(precision);
    const char *family = family_of(kernels), *name = NULL, *op;
    gpu_open_masked(
        &fx,
        &(vb_gpu_options){.kernels = family ? family : kernels, .precision = precision},
        &(vb_gpu_mask){.untested = true});
    fx.kernels = kernels;
    for (uint32_t n = 0; family && (!name || strcmp(name, kernels) != 0); n++) {
        name = vb_device_variant(fx.device, n, &op);
        if (!name)
            fail_msg("%s: not with weights in %s", kernels, precision);
    }
    return fx;
}

gpu_fixture gpu_open(const char *kernels)
{
    return gpu_open_in(kernels, NULL);
}

void gpu_in_pieces(gpu_fixture *fx)
{
    fx->pieces = fx->vulkan; // the processor's ops are in pieces anyway
    if (fx->vulkan)
        vb_gpu_of(fx->device)->commands.pace.most = 1;
}

void gpu_submit(gpu_fixture *fx)
{
    vblip_error err = {0};
    if (vb_recorder_submit(&fx->rec, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    if (fx->vulkan && vb_gpu_validation_messages(fx->device) != 0)
        fail_msg("the validation layer gave messages");
    if (fx->pieces)
        gpu_in_pieces(fx);
}

void gpu_close(gpu_fixture *fx)
{
    vb_device_close(&fx->device);
}

void *gpu_alloc(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size);
    assert_non_null(p);
    return p;
}

static uint32_t next_random(uint32_t *state)
{
    uint32_t x = *state; // xorshift32
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

float *gpu_random(size_t count, gpu_values values)
{
    float *data = gpu_alloc(count, sizeof *data);
    uint32_t state = values.seed * 2654435761u + 1u;
    for (size_t i = 0; i < count; i++) {
        float unit = (float)(next_random(&state) >> 8) / 8388608.0F - 1.0F;
        data[i] = values.mean + values.spread * unit;
    }
    return data;
}

// Where a row begins, in bytes.
static size_t place_of(const gpu_operand *operand, size_t batch, size_t row)
{
    const vb_tensor *t = &operand->t;
    return t->offset +
           (batch * t->batch_stride + row * t->row_stride) * vb_dtype_size(t->type);
}

static gpu_operand make(gpu_fixture *fx, vb_dtype type, uint32_t batch, uint32_t rows,
                        uint32_t cols, uint32_t gap)
{
    gpu_operand operand = {0};
    const uint32_t row_stride = cols + gap, batch_stride = rows * row_stride;
    const size_t bytes = (size_t)batch * batch_stride * vb_dtype_size(type);
    operand.count = (bytes + 3) / 4 + 2 * GUARD_WORDS;
    operand.words = gpu_alloc(operand.count, sizeof(uint32_t));
    for (size_t i = 0; i < operand.count; i++)
        operand.words[i] = guard;
    vblip_error err = {0};
    if (vb_buffer_make(&operand.buffer, fx->device, operand.count * 4, "operand",
                       &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    operand.t =
        vb_tensor_view(operand.buffer, GUARD_WORDS * 4, type, batch, rows, cols);
    operand.t.row_stride = row_stride;
    operand.t.batch_stride = batch_stride;
    return operand;
}

static void upload(gpu_fixture *fx, const gpu_operand *operand)
{
    vb_upload(
        &fx->rec,
        vb_tensor_view(operand->buffer, 0, VB_I32, 1, 1, (uint32_t)operand->count),
        operand->words);
}

// To the nearest, ties to even.
static float round_to_bf16(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    bits = (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static void narrow_row(void *out, const float *row, vb_dtype type, size_t cols)
{
    uint16_t *narrow = out;
    if (type == VB_F32)
        memcpy(out, row, cols * sizeof *row);
    for (size_t i = 0; type != VB_F32 && i < cols; i++) {
        const float rounded = round_to_bf16(row[i]);
        uint32_t bits;
        memcpy(&bits, &rounded, sizeof bits);
        narrow[i] = type == VB_F16 ? vb_f32_to_f16(row[i]) : (uint16_t)(bits >> 16);
    }
}

gpu_operand gpu_typed(gpu_fixture *fx, vb_dtype type, uint32_t batch, uint32_t rows,
                      uint32_t cols, uint32_t gap, gpu_values values)
{
    gpu_operand operand = make(fx, type, batch, rows, cols, gap);
    float *data = gpu_random((size_t)batch * rows * cols, values), *next = data;
    for (size_t b = 0; b < batch; b++) {
        for (size_t r = 0; r < rows; r++, next += cols)
            narrow_row((char *)operand.words + place_of(&operand, b, r), next, type,
                       cols);
    }
    free(data);
    upload(fx, &operand);
    return operand;
}

gpu_operand gpu_floats(gpu_fixture *fx, uint32_t batch, uint32_t rows, uint32_t cols,
                       uint32_t gap, gpu_values values)
{
    return gpu_typed(fx, VB_F32, batch, rows, cols, gap, values);
}

gpu_operand gpu_data(gpu_fixture *fx, vb_dtype type, uint32_t batch, uint32_t rows,
                     uint32_t cols, const void *data)
{
    const size_t bytes = (size_t)batch * rows * cols * vb_dtype_size(type);
    gpu_operand operand = make(fx, VB_F32, 1, 1, (uint32_t)((bytes + 3) / 4), 0);
    memcpy(operand.words + GUARD_WORDS, data, bytes);
    operand.t =
        vb_tensor_view(operand.buffer, GUARD_WORDS * 4, type, batch, rows, cols);
    upload(fx, &operand);
    return operand;
}

void gpu_operand_free(gpu_operand *operand)
{
    vb_buffer_free(&operand->buffer);
    free(operand->words);
    *operand = (gpu_operand){0};
}

static float *packed(const gpu_operand *operand, const uint32_t *words)
{
    const vb_tensor *t = &operand->t;
    float *data = gpu_alloc((size_t)vb_tensor_elements(t), sizeof *data), *next = data;
    for (size_t b = 0; b < t->batch; b++) {
        for (size_t r = 0; r < t->rows; r++, next += t->cols)
            vb_widen(next, (const char *)words + place_of(operand, b, r), t->type,
                     t->cols);
    }
    return data;
}

float *gpu_packed(const gpu_operand *operand)
{
    return packed(operand, operand->words);
}

// All that is no element of the tensor is as it was uploaded.
static void check_guards(const gpu_operand *operand, const uint32_t *words,
                         const char *what, const char *kernels)
{
    const vb_tensor *t = &operand->t;
    const char *got = (const char *)words, *had = (const char *)operand->words;
    const size_t size = vb_dtype_size(t->type);
    const size_t first = GUARD_WORDS * 4, end = (operand->count - GUARD_WORDS) * 4;
    for (size_t i = 0; i < operand->count * 4; i += size) {
        const bool element =
            i >= first && i < end && (i - first) / size % t->row_stride < t->cols;
        if (!element && memcmp(got + i, had + i, size) != 0)
            fail_msg("%s (%s): byte %zu of %zu, outside the tensor, changed", what,
                     kernels, i, operand->count * 4);
    }
}

void gpu_check(gpu_fixture *fx, const gpu_operand *operand, const double *want,
               double max_nmse, const char *what)
{
    uint32_t *words = gpu_alloc(operand->count, sizeof *words);
    vb_download(
        &fx->rec, words,
        vb_tensor_view(operand->buffer, 0, VB_I32, 1, 1, (uint32_t)operand->count));
    gpu_submit(fx);
    check_guards(operand, words, what, fx->kernels);
    float *got = packed(operand, words);
    const double nmse = ref_nmse(got, want, (size_t)vb_tensor_elements(&operand->t));
    if (!(nmse <= max_nmse))
        fail_msg("%s (%s %s): nmse %.3g, at most %.3g", what, fx->kernels,
                 fx->precision ? fx->precision : "auto", nmse, max_nmse);
    free(got);
    free(words);
}

vb_matrix *gpu_matrix(gpu_fixture *fx, float *data, uint32_t rows, uint32_t cols,
                      uint32_t uses)
{
    vb_matrix *matrix;
    vblip_error err = {0};
    const vb_matrix_block block = vb_matrix_in_memory(data, VB_F32, rows);
    if (vb_matrix_make(&matrix, fx->device, &block, 1, cols, uses, "matrix", &err) !=
        VBLIP_OK)
        fail_msg("%s", err.message);
    if (fx->device->weights == VB_F16)
        for (size_t i = 0; i < (size_t)rows * cols; i++)
            data[i] = vb_f16_to_f32(vb_f32_to_f16(data[i]));
    gpu_round(fx, data, (size_t)rows * cols);
    return matrix;
}

void gpu_round_factor(const gpu_fixture *fx, float *data, size_t lines, uint32_t in,
                      uint32_t out)
{
    gpu_round(fx, data, lines * in);
    if (!fx->vulkan || fx->device->weights != VB_F16)
        return;
    const vb_variant variant = vb_choose_linear(vb_gpu_of(fx->device)->variants,
                                                (uint32_t)lines, in, out, VB_F16);
    if (!vb_linear_tile_of(variant).rows)
        return;
    for (size_t i = 0; i < lines * in; i++)
        data[i] = vb_f16_to_f32(vb_f32_to_f16(data[i]));
}

void gpu_round(const gpu_fixture *fx, float *data, size_t count)
{
    for (size_t i = 0; fx->device->weights == VB_BF16 && i < count; i++)
        data[i] = round_to_bf16(data[i]);
}

double gpu_rounding(vb_dtype type)
{
    return type == VB_F16 ? 8e-8 : type == VB_BF16 ? 5e-6 : 0;
}

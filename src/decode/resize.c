#include "decode/resize.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PRECISION_BITS = 22 };

// What one axis of the resize reads: output i is the sum of weights[i * taps + j] times
// input first[i] + j, for j < counts[i].
typedef struct axis {
    uint32_t *first, *counts;
    int32_t *weights; // scaled by 2^22
    size_t taps;
} axis;

static double resize_cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1.0)
        return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
    if (x < 2.0)
        return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
    return 0.0;
}

static void axis_free(axis *a)
{
    free(a->first);
    free(a->counts);
    free(a->weights);
}

// The weights of output `i`, in `scratch`, rounded into `a`.
static void axis_fill(axis *a, double *scratch, uint32_t i, uint32_t in, double scale)
{
    double widen = scale > 1.0 ? scale : 1.0, support = 2.0 * widen;
    double shrink = 1.0 / widen, center = (i + 0.5) * scale, sum = 0.0;
    double low = center - support + 0.5, high = center + support + 0.5;
    uint32_t first = low > 0.0 ? (uint32_t)low : 0;
    uint32_t last = high < in ? (uint32_t)high : in;
    a->first[i] = first;
    a->counts[i] = last - first;
    for (uint32_t j = 0; j < last - first; j++) {
        scratch[j] = resize_cubic((j + first - center + 0.5) * shrink);
        sum += scratch[j];
    }
    for (uint32_t j = 0; j < last - first; j++) {
        double w = (sum != 0.0 ? scratch[j] / sum : scratch[j]) * (1 << PRECISION_BITS);
        a->weights[i * a->taps + j] = (int32_t)(w < 0.0 ? w - 0.5 : w + 0.5);
    }
}

static vblip_status axis_make(axis *a, uint32_t in, uint32_t out, vblip_error *err)
{
    double scale = (double)in / out;
    a->taps = (size_t)ceil(2.0 * (scale > 1.0 ? scale : 1.0)) * 2 + 1;
    a->first = calloc(out, sizeof *a->first);
    a->counts = calloc(out, sizeof *a->counts);
    a->weights = calloc(out * a->taps, sizeof *a->weights);
    double *scratch = calloc(a->taps, sizeof *scratch);
    bool ok = a->first && a->counts && a->weights && scratch;
    for (uint32_t i = 0; ok && i < out; i++)
        axis_fill(a, scratch, i, in, scale);
    free(scratch);
    return ok ? VBLIP_OK : vb_fail_memory(err, "resize");
}

static uint8_t round_pixel(int32_t sum)
{
    int32_t v = sum >> PRECISION_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

// One output pixel: taps are `stride` bytes apart. The sums stay within 32 bits: the
// weights of an output add up to 2^22, their magnitudes to less than twice that.
static void pixel(uint8_t dst[3], const uint8_t *src, size_t stride,
                  const int32_t *weights, uint32_t count)
{
    int32_t half = 1 << (PRECISION_BITS - 1);
    int32_t r = half, g = half, b = half;
    for (uint32_t j = 0; j < count; j++, src += stride) {
        r += src[0] * weights[j];
        g += src[1] * weights[j];
        b += src[2] * weights[j];
    }
    dst[0] = round_pixel(r);
    dst[1] = round_pixel(g);
    dst[2] = round_pixel(b);
}

// [height, width, 3] to [height, side, 3]
static void resize_rows(uint8_t *dst, uint32_t side, const vb_image *src, const axis *a)
{
    for (uint32_t y = 0; y < src->height; y++) {
        const uint8_t *row = src->rgb + (size_t)y * src->width * 3;
        for (uint32_t x = 0; x < side; x++, dst += 3)
            pixel(dst, row + (size_t)a->first[x] * 3, 3, a->weights + x * a->taps,
                  a->counts[x]);
    }
}

// [height, side, 3] to [side, side, 3]
static void resize_columns(uint8_t *dst, uint32_t side, const uint8_t *src,
                           const axis *a)
{
    size_t stride = (size_t)side * 3;
    for (uint32_t y = 0; y < side; y++) {
        const uint8_t *top = src + a->first[y] * stride;
        for (uint32_t x = 0; x < side; x++, dst += 3)
            pixel(dst, top + (size_t)x * 3, stride, a->weights + y * a->taps,
                  a->counts[y]);
    }
}

vblip_status vb_resize_bicubic(uint8_t *dst, uint32_t side, const vb_image *src,
                               vblip_error *err)
{
    axis rows = {0}, columns = {0};
    uint8_t *wide = NULL;
    const uint8_t *middle = src->rgb; // [height, side, 3]
    vblip_status status = VBLIP_OK;
    if (src->width != side) {
        status = axis_make(&rows, src->width, side, err);
        wide = malloc((size_t)src->height * side * 3);
        if (status == VBLIP_OK && !wide)
            status = vb_fail_memory(err, "resize");
        if (status == VBLIP_OK)
            resize_rows(wide, side, src, &rows);
        middle = wide;
    }
    if (status == VBLIP_OK && src->height == side)
        memcpy(dst, middle, (size_t)side * side * 3);
    else if (status == VBLIP_OK)
        status = axis_make(&columns, src->height, side, err);
    if (status == VBLIP_OK && src->height != side)
        resize_columns(dst, side, middle, &columns);
    free(wide);
    axis_free(&rows);
    axis_free(&columns);
    return status;
}

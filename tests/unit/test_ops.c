// test_ops.c - no op reaches a device with operands that ops.h forbids, and the message
// names the op and the operand.
#include "compute/recorder.h"
#include "support/counting_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Sound operands, and ways to spoil them.

enum { BUFFERS = 8, BUFFER_BYTES = 1 << 20 };

typedef struct bench {
    counting_device device, other;
    vb_buffer buffers[BUFFERS], foreign, small;
    uint32_t next; // buffer for the next operand
    vb_recorder rec;
    const char *wanted; // message, or NULL
    int line;
} bench;

static void bench_reset(bench *b)
{
    b->device = counting_device_make();
    b->other = counting_device_make();
    for (int i = 0; i < BUFFERS; i++)
        b->buffers[i] = (vb_buffer){&b->device.base, BUFFER_BYTES};
    b->foreign = (vb_buffer){&b->other.base, BUFFER_BYTES};
    b->small = (vb_buffer){&b->device.base, 64};
    b->next = 0;
    b->rec = vb_recorder_begin(&b->device.base);
}

// A tensor in a buffer of its own.
static vb_tensor in(bench *b, vb_dtype type, uint32_t batch, uint32_t rows,
                    uint32_t cols)
{
    assert_true(b->next < BUFFERS);
    return vb_tensor_view(&b->buffers[b->next++], 0, type, batch, rows, cols);
}

static vb_tensor f32(bench *b, uint32_t batch, uint32_t rows, uint32_t cols)
{
    return in(b, VB_F32, batch, rows, cols);
}

static vb_tensor typed(vb_tensor t, vb_dtype type)
{
    t.type = type;
    return t;
}

static vb_tensor at(vb_tensor t, uint64_t offset)
{
    t.offset = offset;
    return t;
}

static vb_tensor strided(vb_tensor t, uint32_t row_stride, uint32_t batch_stride)
{
    t.row_stride = row_stride;
    t.batch_stride = batch_stride;
    return t;
}

static vb_tensor inside(vb_tensor t, vb_buffer *buffer)
{
    t.buffer = buffer;
    return t;
}

// After one op was recorded: it was refused with `wanted`, did not reach the device, and
// submit says so; or, without `wanted`, it reached the device once.
static void settle(bench *b)
{
    vblip_error err = {0};
    uint32_t ops = b->device.ops;
    vblip_status s = vb_recorder_submit(&b->rec, &err);
    bool ok = b->wanted ? s == VBLIP_ERR_ARGUMENT && err.status == s && ops == 0 &&
                              strcmp(err.message, b->wanted) == 0 &&
                              b->device.submits == 0 && b->device.discards == 1
                        : s == VBLIP_OK && ops == 1 && b->device.submits == 1;
    if (!ok)
        fail_msg("line %d: wanted \"%s\", got status %d \"%s\" after %u ops", b->line,
                 b->wanted ? b->wanted : "success", s, err.message, ops);
}

// One row of a table: an op with its operands, made from bench `b`, and its message.
#define REFUSED(message, op)                                                           \
    do {                                                                               \
        bench_reset(&b);                                                               \
        b.wanted = (message);                                                          \
        b.line = __LINE__;                                                             \
        op;                                                                            \
        settle(&b);                                                                    \
    } while (0)
#define TAKEN(op) REFUSED(NULL, op)

static vb_matrix matrix(bench *b, uint32_t rows, uint32_t cols, uint32_t uses)
{
    return (vb_matrix){&b->device.base, rows, cols, uses};
}

static void test_linear(void **state)
{
    (void)state;
    bench b;
    vb_matrix w;
#define LINEAR(X, Y, ...)                                                              \
    (w = matrix(&b, 6, 8, VB_USE_LINEAR),                                              \
     vb_linear(&b.rec, .w = &w, .x = X, .y = Y, __VA_ARGS__))
#define X    f32(&b, 2, 3, 8)
#define Y    f32(&b, 2, 3, 6)
#define BIAS .bias = f32(&b, 1, 1, 6)
    TAKEN(LINEAR(X, Y, BIAS));
    TAKEN(LINEAR(X, Y, .residual = Y));
    TAKEN(LINEAR(strided(X, 12, 40), strided(Y, 7, 21), BIAS));
    TAKEN(LINEAR(X, vb_tensor_view(&b.buffers[7], 0, VB_F32, 2, 3, 6),
                 .residual = vb_tensor_view(&b.buffers[7], 0, VB_F32, 2, 3, 6)));
    REFUSED("linear: w: absent", vb_linear(&b.rec, .x = X, .y = Y));
    REFUSED("linear: w: not made for this use",
            (w = matrix(&b, 6, 8, VB_USE_ROWS),
             vb_linear(&b.rec, .w = &w, .x = X, .y = Y)));
    REFUSED("linear: w: of another device",
            (w = matrix(&b, 6, 8, VB_USE_LINEAR), w.device = &b.other.base,
             vb_linear(&b.rec, .w = &w, .x = X, .y = Y)));
    REFUSED("linear: y: absent", LINEAR(X, inside(Y, NULL), BIAS));
    REFUSED("linear: x: absent", LINEAR(inside(X, NULL), Y, BIAS));
    REFUSED("linear: y: type I32, expected F32", LINEAR(X, typed(Y, VB_I32), BIAS));
    REFUSED("linear: x: type F16, expected F32", LINEAR(typed(X, VB_F16), Y, BIAS));
    REFUSED("linear: y: shape 2x3x8, expected 2x3x6", LINEAR(X, X, BIAS));
    REFUSED("linear: x: shape 2x3x6, expected 2x3x8", LINEAR(Y, Y, BIAS));
    REFUSED("linear: x: shape 1x3x8, expected 2x3x8",
            LINEAR(f32(&b, 1, 3, 8), Y, BIAS));
    REFUSED("linear: x: shape 2x4x8, expected 2x3x8",
            LINEAR(f32(&b, 2, 4, 8), Y, BIAS));
    REFUSED("linear: y: empty: 2x0x6",
            LINEAR(f32(&b, 2, 0, 8), f32(&b, 2, 0, 6), BIAS));
    REFUSED("linear: bias: shape 1x1x5, expected 1x1x6",
            LINEAR(X, Y, .bias = f32(&b, 1, 1, 5)));
    REFUSED("linear: bias: type BF16, expected F32",
            LINEAR(X, Y, .bias = typed(f32(&b, 1, 1, 6), VB_BF16)));
    REFUSED("linear: residual: shape 1x3x6, expected 2x3x6",
            LINEAR(X, Y, .residual = f32(&b, 1, 3, 6)));
    REFUSED("linear: x: of another device", LINEAR(inside(X, &b.foreign), Y, BIAS));
    REFUSED("linear: x: bytes 0+192 of a buffer of 64, row stride 8",
            LINEAR(inside(X, &b.small), Y, BIAS));
    REFUSED("linear: y: bytes 8+144 of a buffer of 1048576, row stride 6",
            LINEAR(X, at(Y, 8), BIAS));
    REFUSED("linear: y: bytes 1048448+144 of a buffer of 1048576, row stride 6",
            LINEAR(X, at(Y, BUFFER_BYTES - 128), BIAS));
    REFUSED("linear: y: bytes 2097152+144 of a buffer of 1048576, row stride 6",
            LINEAR(X, at(Y, 2 * BUFFER_BYTES), BIAS));
    REFUSED("linear: y: bytes 0+136 of a buffer of 1048576, row stride 5",
            LINEAR(X, strided(Y, 5, 18), BIAS));
    REFUSED("linear: x: columns and strides must be multiples of 4",
            LINEAR(strided(X, 10, 30), Y, BIAS));
    REFUSED("linear: x: columns and strides must be multiples of 4",
            (w = matrix(&b, 6, 7, VB_USE_LINEAR),
             vb_linear(&b.rec, .w = &w, .x = f32(&b, 2, 3, 7), .y = Y)));
#undef X
#undef Y
#undef BIAS
}

static void test_layernorm(void **state)
{
    (void)state;
    bench b;
    vb_tensor y;
#define NORM(Y, X, GAIN, BIAS)                                                         \
    vb_layernorm(&b.rec, .y = Y, .x = X, .gain = GAIN, .bias = BIAS, .eps = 1e-6f)
#define T f32(&b, 2, 3, 8)
#define V f32(&b, 1, 1, 8)
    TAKEN(NORM(T, T, V, V));
    TAKEN((y = T, NORM(y, y, V, V))); // in place
    REFUSED("layernorm: y: absent", NORM(inside(T, NULL), T, V, V));
    REFUSED("layernorm: gain: absent", NORM(T, T, inside(V, NULL), V));
    REFUSED("layernorm: bias: absent", NORM(T, T, V, inside(V, NULL)));
    REFUSED("layernorm: x: shape 2x3x4, expected 2x3x8",
            NORM(T, f32(&b, 2, 3, 4), V, V));
    REFUSED("layernorm: gain: shape 1x1x9, expected 1x1x8",
            NORM(T, T, f32(&b, 1, 1, 9), V));
    REFUSED("layernorm: bias: shape 1x8x1, expected 1x1x8",
            NORM(T, T, V, f32(&b, 1, 8, 1)));
    REFUSED("layernorm: x: type U8, expected F32", NORM(T, typed(T, VB_U8), V, V));
#undef T
#undef V
}

static void test_attention(void **state)
{
    (void)state;
    bench b;
#define ATTEND(Y, Q, K, VALUE, ...)                                                    \
    vb_attention(&b.rec, .y = Y, .q = Q, .k = K, .v = VALUE, __VA_ARGS__)
#define Q       f32(&b, 2, 3, 32)
#define K       f32(&b, 2, 5, 32)
#define ONE     f32(&b, 1, 5, 32)
#define LENGTHS .lengths = in(&b, VB_I32, 1, 1, 2)
    TAKEN(ATTEND(Q, Q, K, K, .heads = 2));
    TAKEN(ATTEND(Q, Q, ONE, ONE, .heads = 1, LENGTHS));
    TAKEN(ATTEND(Q, Q, K, K, .heads = 2, .causal = true, .first_query = 2));
    REFUSED("attention: y: shape 2x3x16, expected 2x3x32",
            ATTEND(f32(&b, 2, 3, 16), Q, K, K, .heads = 2));
    REFUSED("attention: q: absent", ATTEND(Q, inside(Q, NULL), K, K, .heads = 2));
    REFUSED("attention: k: shape 3x5x32, expected 2x5x32",
            ATTEND(Q, Q, f32(&b, 3, 5, 32), K, .heads = 2));
    REFUSED("attention: k: shape 2x5x48, expected 2x5x32",
            ATTEND(Q, Q, f32(&b, 2, 5, 48), K, .heads = 2));
    REFUSED("attention: v: shape 2x6x32, expected 2x5x32",
            ATTEND(Q, Q, K, f32(&b, 2, 6, 32), .heads = 2));
    REFUSED("attention: v: shape 1x5x32, expected 2x5x32",
            ATTEND(Q, Q, K, ONE, .heads = 2));
    REFUSED("attention: k: empty: 2x0x32",
            ATTEND(Q, Q, f32(&b, 2, 0, 32), f32(&b, 2, 0, 32), .heads = 2));
    REFUSED("attention: lengths: shape 1x1x3, expected 1x1x2",
            ATTEND(Q, Q, K, K, .heads = 2, .lengths = in(&b, VB_I32, 1, 1, 3)));
    REFUSED("attention: lengths: type F32, expected I32",
            ATTEND(Q, Q, K, K, .heads = 2, .lengths = f32(&b, 1, 1, 2)));
    REFUSED("attention: width is not a multiple of the number of heads",
            ATTEND(Q, Q, K, K, .heads = 0));
    REFUSED("attention: width is not a multiple of the number of heads",
            ATTEND(Q, Q, K, K, .heads = 3));
    REFUSED("attention: head_dim must be a multiple of 16, at most 128",
            ATTEND(Q, Q, K, K, .heads = 4));
    REFUSED("attention: head_dim must be a multiple of 16, at most 128",
            ATTEND(f32(&b, 1, 1, 144), f32(&b, 1, 1, 144), f32(&b, 1, 1, 144),
                   f32(&b, 1, 1, 144), .heads = 1));
    REFUSED("attention: causal: fewer keys than queries",
            ATTEND(Q, Q, K, K, .heads = 2, .causal = true, .first_query = 3));
    REFUSED("attention: causal: fewer keys than queries",
            ATTEND(Q, Q, K, K, .heads = 2, .causal = true, .first_query = UINT32_MAX));
#undef Q
#undef K
#undef ONE
#undef LENGTHS
}

static void test_absorbed_attention(void **state)
{
    (void)state;
    bench b;
    vb_matrix w;
#define ABSORBS (b.device.base.caps.absorbs = 1u << VB_F32)
#define ABSORB(Y, Q, X, W, BIAS, HEADS)                                                \
    (ABSORBS, vb_absorbed_attention(&b.rec, .y = Y, .q = Q, .x = X, .w = W,            \
                                    .bias = BIAS, .heads = HEADS))
#define Q    f32(&b, 2, 3, 32)
#define X    f32(&b, 2, 5, 48)
#define W    (w = matrix(&b, 64, 48, VB_USE_ROWS), &w)
#define BIAS f32(&b, 1, 1, 64)
    TAKEN(ABSORB(Q, Q, X, W, BIAS, 2));
    TAKEN(ABSORB(Q, Q, f32(&b, 1, 5, 48), W, BIAS, 1));
    REFUSED("absorbed attention: this device has none",
            vb_absorbed_attention(&b.rec, .y = Q, .q = Q, .x = X, .w = W, .bias = BIAS,
                                  .heads = 2));
    REFUSED("absorbed attention: w: absent", ABSORB(Q, Q, X, NULL, BIAS, 2));
    REFUSED("absorbed attention: w: not made for this use",
            ABSORB(Q, Q, X, (w = matrix(&b, 64, 48, VB_USE_LINEAR), &w), BIAS, 2));
    REFUSED("absorbed attention: w: rows are not twice the columns of q",
            ABSORB(Q, Q, X, (w = matrix(&b, 48, 48, VB_USE_ROWS), &w), BIAS, 2));
    REFUSED("absorbed attention: y: shape 2x3x16, expected 2x3x32",
            ABSORB(f32(&b, 2, 3, 16), Q, X, W, BIAS, 2));
    REFUSED("absorbed attention: x: shape 3x5x48, expected 2x5x48",
            ABSORB(Q, Q, f32(&b, 3, 5, 48), W, BIAS, 2));
    REFUSED("absorbed attention: x: shape 2x5x32, expected 2x5x48",
            ABSORB(Q, Q, f32(&b, 2, 5, 32), W, BIAS, 2));
    REFUSED("absorbed attention: bias: shape 1x1x32, expected 1x1x64",
            ABSORB(Q, Q, X, W, f32(&b, 1, 1, 32), 2));
    REFUSED("absorbed attention: bias: absent",
            ABSORB(Q, Q, X, W, inside(BIAS, NULL), 2));
    REFUSED("absorbed attention: x: rows must be packed, their columns a multiple of "
            "16",
            ABSORB(Q, Q, strided(X, 64, 320), W, BIAS, 2));
    REFUSED("absorbed attention: x: rows must be packed, their columns a multiple of "
            "16",
            ABSORB(Q, Q, f32(&b, 2, 5, 40), (w = matrix(&b, 64, 40, VB_USE_ROWS), &w),
                   BIAS, 2));
    REFUSED("absorbed attention: head_dim must be a multiple of 16",
            ABSORB(Q, Q, X, W, BIAS, 0));
    REFUSED("absorbed attention: head_dim must be a multiple of 16",
            ABSORB(Q, Q, X, W, BIAS, 4));
    REFUSED("absorbed attention: q, x: strides must be multiples of 4",
            ABSORB(Q, strided(Q, 34, 104), X, W, BIAS, 2));
    REFUSED("absorbed attention: q, x: strides must be multiples of 4",
            ABSORB(Q, strided(Q, 32, 98), X, W, BIAS, 2));
    REFUSED("absorbed attention: q, x: strides must be multiples of 4",
            ABSORB(Q, Q, strided(X, 48, 242), W, BIAS, 2));
    vb_tensor t;
    REFUSED("absorbed attention: y: overlaps q", (t = Q, ABSORB(t, t, X, W, BIAS, 2)));
#undef ABSORBS
#undef ABSORB
#undef Q
#undef X
#undef W
#undef BIAS
}

static void test_topk(void **state)
{
    (void)state;
    bench b;
#define X   f32(&b, 2, 3, 7)
#define Y   f32(&b, 2, 3, 9)
#define IDS in(&b, VB_I32, 1, 2, 3)
#define TOPK(y_, x_, k_, ids_)                                                         \
    vb_topk(&b.rec, .y = (y_), .x = (x_), .k = (k_), .ids = (ids_))
#define NONE ((vb_tensor){0})
    TAKEN(TOPK(Y, X, 3, NONE));
    TAKEN(TOPK(Y, X, 3, IDS));
    TAKEN(TOPK(f32(&b, 2, 3, 17), X, 7, IDS));
    REFUSED("topk: x: absent", TOPK(Y, inside(X, NULL), 3, NONE));
    REFUSED("topk: x: type I32, expected F32", TOPK(Y, typed(X, VB_I32), 3, NONE));
    static const char k_range[] =
        "topk: k must be 1 to 192, and at most the columns of x";
    REFUSED(k_range, TOPK(f32(&b, 2, 3, 3), X, 0, NONE));
    REFUSED(k_range, TOPK(f32(&b, 2, 3, 19), X, 8, NONE));
    REFUSED(k_range, TOPK(f32(&b, 2, 3, 389), f32(&b, 2, 3, 500), 193, NONE));
    REFUSED("topk: y: shape 2x3x7, expected 2x3x9", TOPK(X, X, 3, NONE));
    REFUSED("topk: ids: type F32, expected I32", TOPK(Y, X, 3, typed(IDS, VB_F32)));
    REFUSED("topk: ids: shape 1x3x2, expected 1x2x3",
            TOPK(Y, X, 3, in(&b, VB_I32, 1, 3, 2)));
    REFUSED("topk: ids: must be packed", TOPK(Y, X, 3, strided(IDS, 4, 8)));
    REFUSED("topk: y: its matrices overlap", TOPK(strided(Y, 9, 9), X, 3, NONE));
    vb_tensor t;
    REFUSED("topk: y: overlaps x",
            (t = f32(&b, 2, 3, 9), TOPK(t, vb_columns(t, 0, 9), 3, NONE)));
#undef X
#undef Y
#undef IDS
#undef TOPK
#undef NONE
}

// Each product and its sum; what is refused counts nothing.
static void test_products_are_counted(void **state)
{
    (void)state;
    bench b;
    vb_matrix w;
#define X f32(&b, 2, 3, 32)
#define W (w = matrix(&b, 16, 32, VB_USE_LINEAR), &w)
    TAKEN(vb_linear(&b.rec, .y = f32(&b, 2, 3, 16), .x = X, .w = W));
    assert_true(b.device.base.flops == 2.0 * 2 * 3 * 32 * 16);
    TAKEN(vb_attention(&b.rec, .y = X, .q = X, .k = f32(&b, 1, 5, 32),
                       .v = f32(&b, 1, 5, 32), .heads = 2));
    assert_true(b.device.base.flops == 2.0 * 2 * 3 * 32 * (5 + 5));
    REFUSED("linear: w: absent", vb_linear(&b.rec, .y = X, .x = X));
    assert_true(b.device.base.flops == 0);
#undef X
#undef W
}

static void test_patchify(void **state)
{
    (void)state;
    bench b;
#define PATCH(Y, FRAMES, P) vb_patchify(&b.rec, .y = Y, .frames = FRAMES, .patch = P)
#define FRAMES              in(&b, VB_U8, 2, 8, 24)
    TAKEN(PATCH(f32(&b, 2, 4, 48), FRAMES, 4));
    REFUSED("patchify: frames: type F32, expected U8",
            PATCH(f32(&b, 2, 4, 48), f32(&b, 2, 8, 24), 4));
    REFUSED("patchify: frames: shape 2x8x8, expected 2x8x24",
            PATCH(f32(&b, 2, 4, 48), in(&b, VB_U8, 2, 8, 8), 4));
    REFUSED("patchify: frames: packed, the side a multiple of the patch",
            PATCH(f32(&b, 2, 4, 48), FRAMES, 0));
    REFUSED("patchify: frames: packed, the side a multiple of the patch",
            PATCH(f32(&b, 2, 4, 48), FRAMES, 3));
    REFUSED("patchify: frames: packed, the side a multiple of the patch",
            PATCH(f32(&b, 2, 4, 48), strided(FRAMES, 32, 256), 4));
    REFUSED("patchify: y: shape 2x5x48, expected 2x4x48",
            PATCH(f32(&b, 2, 5, 48), FRAMES, 4));
    REFUSED("patchify: y: shape 1x4x48, expected 2x4x48",
            PATCH(f32(&b, 1, 4, 48), FRAMES, 4));
#undef FRAMES
}

static void test_embed(void **state)
{
    (void)state;
    bench b;
    vb_matrix words;
#define EMBED(Y, IDS, POSITIONS, FIRST)                                                \
    (words = matrix(&b, 30, 8, VB_USE_ROWS),                                           \
     vb_embed(&b.rec, .y = Y, .ids = IDS, .words = &words, .positions = POSITIONS,     \
              .first_position = FIRST))
#define Y         f32(&b, 2, 3, 8)
#define IDS       in(&b, VB_I32, 1, 2, 3)
#define POSITIONS f32(&b, 1, 10, 8)
    TAKEN(EMBED(Y, IDS, POSITIONS, 7));
    REFUSED("embed: words: absent",
            vb_embed(&b.rec, .y = Y, .ids = IDS, .positions = POSITIONS));
    REFUSED("embed: words: not made for this use",
            (words = matrix(&b, 30, 8, VB_USE_LINEAR),
             vb_embed(&b.rec, .y = Y, .ids = IDS, .words = &words,
                      .positions = POSITIONS)));
    REFUSED("embed: y: shape 2x3x9, expected 2x3x8",
            EMBED(f32(&b, 2, 3, 9), IDS, POSITIONS, 0));
    REFUSED("embed: ids: type F32, expected I32",
            EMBED(Y, f32(&b, 1, 2, 3), POSITIONS, 0));
    REFUSED("embed: ids: shape 2x3x1, expected 1x2x3",
            EMBED(Y, in(&b, VB_I32, 2, 3, 1), POSITIONS, 0));
    REFUSED("embed: positions: shape 1x10x7, expected 1x10x8",
            EMBED(Y, IDS, f32(&b, 1, 10, 7), 0));
    REFUSED("embed: positions: absent", EMBED(Y, IDS, inside(POSITIONS, NULL), 0));
    REFUSED("embed: text is longer than the position embeddings",
            EMBED(Y, IDS, POSITIONS, 8));
    REFUSED("embed: text is longer than the position embeddings",
            EMBED(Y, IDS, POSITIONS, UINT32_MAX));
    REFUSED("embed: ids: must be packed", EMBED(Y, strided(IDS, 4, 8), POSITIONS, 0));
#undef Y
#undef IDS
#undef POSITIONS
}

static void test_row_ops(void **state)
{
    (void)state;
    bench b;
#define T f32(&b, 2, 3, 8)
#define V f32(&b, 1, 1, 8)
    TAKEN(vb_add_rows(&b.rec, .y = T, .x = f32(&b, 1, 3, 8)));
    REFUSED("add_rows: x: shape 2x3x8, expected 1x3x8",
            vb_add_rows(&b.rec, .y = T, .x = T));
    REFUSED("add_rows: y: absent", vb_add_rows(&b.rec, .x = T));
    TAKEN(vb_set_row(&b.rec, .y = T, .x = V, .row = 2));
    REFUSED("set_row: x: shape 2x3x8, expected 1x1x8",
            vb_set_row(&b.rec, .y = T, .x = T, .row = 0));
    REFUSED("set_row: no such row", vb_set_row(&b.rec, .y = T, .x = V, .row = 3));
    TAKEN(vb_mean_rows(&b.rec, .y = f32(&b, 2, 1, 8), .x = T));
    REFUSED("mean_rows: y: shape 1x1x8, expected 2x1x8",
            vb_mean_rows(&b.rec, .y = V, .x = T));
    REFUSED("mean_rows: y: shape 2x3x8, expected 2x1x8",
            vb_mean_rows(&b.rec, .y = T, .x = T));
    TAKEN(vb_l2norm(&b.rec, .y = T, .x = T));
    REFUSED("l2norm: y: shape 1x1x8, expected 2x3x8",
            vb_l2norm(&b.rec, .y = V, .x = T));
    REFUSED("l2norm: x: type I32, expected F32",
            vb_l2norm(&b.rec, .y = T, .x = typed(T, VB_I32)));
#undef T
#undef V
}

static void test_transfers(void **state)
{
    (void)state;
    bench b;
    float host[48] = {0};
#define T f32(&b, 2, 3, 8)
    TAKEN(vb_upload(&b.rec, T, host));
    REFUSED("upload: y: absent", vb_upload(&b.rec, inside(T, NULL), host));
    REFUSED("upload: y: must be packed", vb_upload(&b.rec, strided(T, 9, 27), host));
    REFUSED("upload: y: must be packed", vb_upload(&b.rec, strided(T, 8, 32), host));
    REFUSED("upload: y: of another device",
            vb_upload(&b.rec, inside(T, &b.foreign), host));
    TAKEN(vb_download(&b.rec, host, T));
    REFUSED("download: x: must be packed",
            vb_download(&b.rec, host, strided(T, 9, 27)));
    REFUSED("download: x: bytes 0+192 of a buffer of 64, row stride 8",
            vb_download(&b.rec, host, inside(T, &b.small)));
    TAKEN(vb_copy(&b.rec, T, strided(T, 9, 27)));
    TAKEN(vb_copy(&b.rec, typed(T, VB_I32), typed(T, VB_I32)));
    REFUSED("copy: x: shape 2x3x9, expected 2x3x8",
            vb_copy(&b.rec, T, f32(&b, 2, 3, 9)));
    REFUSED("copy: x: type I32, expected F32", vb_copy(&b.rec, T, typed(T, VB_I32)));
    REFUSED("copy: elements must have 4 bytes",
            vb_copy(&b.rec, typed(T, VB_F16), typed(T, VB_F16)));
#undef T
}

// Activations are VB_F32 or what the device keeps them in, which is VB_F32 where it says
// nothing; all else stays VB_F32.
static void test_activations(void **state)
{
    (void)state;
    bench b;
    vb_matrix w;
    vb_tensor t;
#define NARROWS                                                                        \
    (b.device.base.caps.narrow_activations = true, b.device.base.weights = VB_BF16)
#define T f32(&b, 2, 3, 32)
#define N typed(T, VB_BF16)
#define V f32(&b, 1, 1, 32)
#define W (w = matrix(&b, 32, 32, VB_USE_LINEAR), &w)
    REFUSED("linear: x: type BF16, expected F32",
            vb_linear(&b.rec, .y = T, .x = N, .w = W));
    REFUSED("layernorm: y: type BF16, expected F32",
            vb_layernorm(&b.rec, .y = N, .x = T, .gain = V, .bias = V));
    REFUSED("copy: elements must have 4 bytes", vb_copy(&b.rec, N, N));
    TAKEN((NARROWS, vb_linear(&b.rec, .y = T, .x = N, .w = W)));
    TAKEN((NARROWS, vb_linear(&b.rec, .y = N, .x = T, .w = W, .residual = T)));
    TAKEN((NARROWS, vb_layernorm(&b.rec, .y = N, .x = T, .gain = V, .bias = V)));
    TAKEN((NARROWS, vb_attention(&b.rec, .y = N, .q = T, .k = T, .v = T, .heads = 2)));
    TAKEN((NARROWS, vb_copy(&b.rec, N, T)));
    TAKEN((NARROWS, vb_copy(&b.rec, T, N)));
    TAKEN((NARROWS, vb_copy(&b.rec, N, N)));
    REFUSED(
        "copy: y: BF16: columns and strides must be multiples of 8",
        (NARROWS, vb_copy(&b.rec, typed(f32(&b, 1, 2, 3), VB_BF16), f32(&b, 1, 2, 3))));
    REFUSED("linear: residual: type BF16, expected F32",
            (NARROWS, vb_linear(&b.rec, .y = N, .x = N, .w = W, .residual = N)));
    REFUSED("linear: x: type F16, expected F32",
            (NARROWS, vb_linear(&b.rec, .y = N, .x = typed(T, VB_F16), .w = W)));
    REFUSED("layernorm: x: type BF16, expected F32",
            (NARROWS, vb_layernorm(&b.rec, .y = N, .x = N, .gain = V, .bias = V)));
    REFUSED("layernorm: y: overlaps x", (NARROWS, t = T,
                                         vb_layernorm(&b.rec, .y = typed(t, VB_BF16),
                                                      .x = t, .gain = V, .bias = V)));
    REFUSED(
        "attention: k: type BF16, expected F32",
        (NARROWS, vb_attention(&b.rec, .y = N, .q = T, .k = N, .v = N, .heads = 2)));
    REFUSED("copy: x: type I32, expected F32",
            (NARROWS, vb_copy(&b.rec, N, typed(T, VB_I32))));
    REFUSED("linear: x: BF16: columns and strides must be multiples of 8",
            (NARROWS, vb_linear(&b.rec, .y = T, .x = strided(N, 36, 112), .w = W)));
    REFUSED("linear: x: BF16: columns and strides must be multiples of 8",
            (NARROWS, vb_linear(&b.rec, .y = T, .x = strided(N, 40, 124), .w = W)));
    REFUSED("layernorm: y: BF16: columns and strides must be multiples of 8",
            (NARROWS, vb_layernorm(&b.rec, .y = typed(f32(&b, 2, 3, 20), VB_BF16),
                                   .x = f32(&b, 2, 3, 20), .gain = f32(&b, 1, 1, 20),
                                   .bias = f32(&b, 1, 1, 20))));
#define KEYS (NARROWS, b.device.base.caps.narrow_keys = true)
    TAKEN((KEYS, vb_attention(&b.rec, .y = N, .q = N, .k = N, .v = N, .heads = 2)));
    TAKEN((KEYS, vb_attention(&b.rec, .y = T, .q = T, .k = N, .v = N, .heads = 2)));
    REFUSED("attention: k and v: of two types",
            (KEYS, vb_attention(&b.rec, .y = N, .q = N, .k = N, .v = T, .heads = 2)));
    REFUSED("attention: q: type F16, expected F32",
            (KEYS, vb_attention(&b.rec, .y = N, .q = typed(T, VB_F16), .k = N, .v = N,
                                .heads = 2)));
#undef KEYS
#undef NARROWS
#undef T
#undef N
#undef V
#undef W
}

// Outputs share no element with inputs, but for the same view where ops.h says in place.
static void test_overlaps(void **state)
{
    (void)state;
    bench b;
    vb_tensor t, y;
    vb_matrix w;
#define GRID t = f32(&b, 2, 6, 24) // one tensor, cut up below
    // Columns, rows and matrices of one tensor are apart.
    TAKEN((GRID, vb_copy(&b.rec, vb_columns(t, 0, 8), vb_columns(t, 8, 8))));
    TAKEN((GRID, vb_copy(&b.rec, vb_columns(t, 16, 8), vb_columns(t, 8, 8))));
    TAKEN((GRID, vb_copy(&b.rec, vb_rows(t, 0, 2), vb_rows(t, 4, 2))));
    TAKEN((GRID, vb_copy(&b.rec, vb_rows(t, 4, 2), vb_rows(t, 2, 2))));
    TAKEN((GRID, vb_copy(&b.rec, vb_batches(t, 1, 1), vb_batches(t, 0, 1))));
    TAKEN((GRID, vb_copy(&b.rec, vb_columns(vb_rows(t, 1, 2), 8, 8),
                         vb_columns(vb_rows(t, 2, 2), 0, 8))));
    // These meet.
    REFUSED("copy: y: overlaps x", (GRID, vb_copy(&b.rec, t, t)));
    REFUSED("copy: y: overlaps x",
            (GRID, vb_copy(&b.rec, vb_columns(t, 0, 12), vb_columns(t, 8, 12))));
    REFUSED("copy: y: overlaps x",
            (GRID, vb_copy(&b.rec, vb_columns(t, 8, 12), vb_columns(t, 0, 12))));
    REFUSED("copy: y: overlaps x",
            (GRID, vb_copy(&b.rec, vb_rows(t, 0, 3), vb_rows(t, 2, 3))));
    REFUSED("copy: y: overlaps x", (GRID, vb_copy(&b.rec, vb_rows(vb_flat(t), 0, 6),
                                                  vb_rows(vb_flat(t), 5, 6))));
    REFUSED(
        "copy: y: overlaps x", // one element, seen with two strides
        (GRID, vb_copy(&b.rec, vb_tensor_view(t.buffer, 0, VB_F32, 1, 2, 8),
                       strided(vb_tensor_view(t.buffer, 0, VB_F32, 1, 2, 8), 12, 24))));
    REFUSED("copy: y: its matrices overlap",
            (GRID, vb_copy(&b.rec, strided(t, 24, 0), f32(&b, 2, 6, 24))));
    REFUSED("copy: y: its matrices overlap",
            (GRID, vb_copy(&b.rec, strided(t, 24, 120), f32(&b, 2, 6, 24))));

    // In place means the same view.
    TAKEN((GRID, vb_l2norm(&b.rec, .y = vb_rows(t, 1, 2), .x = vb_rows(t, 1, 2))));
    REFUSED("l2norm: y: overlaps x",
            (GRID, vb_l2norm(&b.rec, .y = vb_rows(t, 1, 2), .x = vb_rows(t, 2, 2))));
    REFUSED("layernorm: y: overlaps x",
            (GRID, vb_layernorm(&b.rec, .y = vb_rows(t, 0, 5), .x = vb_rows(t, 1, 5),
                                .gain = f32(&b, 1, 1, 24), .bias = f32(&b, 1, 1, 24))));
    REFUSED("layernorm: y: overlaps gain",
            (GRID, vb_layernorm(&b.rec, .y = t, .x = f32(&b, 2, 6, 24),
                                .gain = vb_rows(vb_batches(t, 0, 1), 2, 1),
                                .bias = f32(&b, 1, 1, 24))));
    REFUSED("linear: y: overlaps x", (w = matrix(&b, 24, 24, VB_USE_LINEAR), GRID,
                                      vb_linear(&b.rec, .y = t, .x = t, .w = &w)));
    REFUSED("linear: y: overlaps residual",
            (w = matrix(&b, 24, 24, VB_USE_LINEAR), GRID,
             vb_linear(&b.rec, .y = vb_rows(t, 1, 5), .x = f32(&b, 2, 5, 24), .w = &w,
                       .residual = vb_rows(t, 0, 5))));
    REFUSED("attention: y: overlaps q",
            (y = f32(&b, 1, 4, 16),
             vb_attention(&b.rec, .y = y, .q = y, .k = f32(&b, 1, 4, 16),
                          .v = f32(&b, 1, 4, 16), .heads = 1)));
    REFUSED("set_row: y: overlaps x",
            (y = f32(&b, 1, 4, 16),
             vb_set_row(&b.rec, .y = y, .x = vb_rows(y, 1, 1), .row = 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear),      cmocka_unit_test(test_layernorm),
        cmocka_unit_test(test_attention),   cmocka_unit_test(test_absorbed_attention),
        cmocka_unit_test(test_topk),        cmocka_unit_test(test_products_are_counted),
        cmocka_unit_test(test_patchify),    cmocka_unit_test(test_embed),
        cmocka_unit_test(test_row_ops),     cmocka_unit_test(test_transfers),
        cmocka_unit_test(test_activations), cmocka_unit_test(test_overlaps),
    };
    return cmocka_run_group_tests_name("ops", tests, NULL, NULL);
}

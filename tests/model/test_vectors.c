// test_vectors.c - every stage of the forward passes gives the tensors of the original
// classes (tests/golden/model), from the patch embedding to the rank scores.
#include "blip/heads.h"
#include "blip/logits.h"
#include "blip/vision.h"
#include "support/model_fixture.h"
#include "support/reduced_bounds.h"
#include "support/ref_ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FIRST_IMAGE = 1000, IMAGES = 4, TEXTS = 6, VIDEOS = 3, VIDEO_FRAMES = 8 };

static model_fixture fixture;

// A model and a pool for what a test makes itself.
typedef struct bench {
    vb_model *model;
    vb_pool pool;
    vb_recorder rec;
} bench;

static bench bench_open(const char *task)
{
    return (bench){
        .model = fixture_model(&fixture, task),
        .pool = {.device = fixture.device, .name = "test"},
        .rec = vb_recorder_begin(fixture.device),
    };
}

static void bench_close(bench *b)
{
    vb_pool_free(&b->pool);
    vb_model_free(&b->model);
}

static vb_tensor tensor(bench *b, vb_dtype type, uint32_t batch, uint32_t rows,
                        uint32_t cols)
{
    vb_tensor t;
    vblip_error err = {0};
    fixture_ok(vb_pool_tensor(&t, &b->pool, type, batch, rows, cols, &err), &err);
    return t;
}

static void expect(bench *b, const char *name, vb_tensor t)
{
    float *got = fixture_values(&b->rec, &b->pool, t);
    fixture_expect(&fixture, name, got, (size_t)vb_tensor_elements(&t));
    free(got);
}

// a - b, element by element.
static void expect_difference(const char *name, const float *a, const float *b,
                              size_t count)
{
    float *got = malloc(count * sizeof *got);
    assert_non_null(got);
    for (size_t i = 0; i < count; i++)
        got[i] = a[i] - b[i];
    fixture_expect(&fixture, name, got, count);
    free(got);
}

// ------------------------------------------------------------------------------ vision

static vb_vision_scratch vision_scratch(bench *b, const vb_vision_config *c,
                                        uint32_t first, uint32_t count)
{
    vb_vision_scratch s;
    vblip_error err = {0};
    vb_frame frames[IMAGES];
    fixture_ok(vb_vision_scratch_make(&s, &b->pool, c, count, &err), &err);
    fixture_frames(frames, c->image_size, first, count);
    vb_upload(&b->rec, s.pixels, frames[0].rgb);
    free(frames[0].rgb);
    return s;
}

// x after the embedding, less the positions where they were added.
static void expect_patches(bench *b, const float *x)
{
    const vb_tensor positions = b->model->weights.vision.positions;
    float *added = fixture_values(&b->rec, &b->pool, positions);
    const size_t cls = positions.cols;
    expect_difference("vit.patch_embed", x + cls, added + cls,
                      (positions.rows - 1) * cls);
    free(added);
}

static void test_vision_block_by_block(void **state)
{
    (void)state;
    bench b = bench_open("retrieval");
    const vb_config *config = &b.model->config;
    const vb_vision_config *c = &config->vision;
    const vb_vision_weights *w = &b.model->weights.vision;
    const vb_vision_scratch s = vision_scratch(&b, c, FIRST_IMAGE, 1);
    const vb_tensor x = tensor(&b, VB_F32, 1, vb_vision_tokens(c), c->width);
    const size_t count = (size_t)vb_tensor_elements(&x);

    vb_vision_embed(&b.rec, w, config, &s, x);
    float *before = fixture_values(&b.rec, &b.pool, x);
    expect_patches(&b, before);
    fixture_expect(&fixture, "vit.embed", before, count);
    for (uint32_t i = 0; i < c->layers; i++) {
        char name[32];
        vb_vision_attention(&b.rec, &w->blocks[i], c, &s, x);
        float *between = fixture_values(&b.rec, &b.pool, x);
        if (i == 0) {
            expect(&b, "vit.block0.norm1", s.norm);
            expect(&b, "vit.block0.qkv", s.qkv);
            expect_difference("vit.block0.attn", between, before, count);
        }
        vb_vision_mlp(&b.rec, &w->blocks[i], c, &s, x);
        float *after = fixture_values(&b.rec, &b.pool, x);
        fixture_expect_small(&b.rec, &b.pool, "norms", s.norm);
        fixture_expect_small(&b.rec, &b.pool, "queries, keys, values", s.qkv);
        fixture_expect_small(&b.rec, &b.pool, "attention", s.mixed);
        fixture_expect_small(&b.rec, &b.pool, "behind GELU", s.wide);
        if (i == 0)
            expect_difference("vit.block0.mlp", after, between, count);
        snprintf(name, sizeof name, "vit.block%u", i);
        if (vb_weight_find(&fixture.vectors.tensors.list, name))
            fixture_expect(&fixture, name, after, count);
        free(before);
        free(between);
        before = after;
    }
    free(before);
    bench_close(&b);
}

static void test_vision_of_a_batch(void **state)
{
    (void)state;
    bench b = bench_open("retrieval");
    vb_config config = b.model->config;
    const vb_vision_config *c = &config.vision;
    const uint32_t tokens = vb_vision_tokens(c);
    vb_tensor x = tensor(&b, VB_F32, IMAGES, tokens, c->width);
    vb_vision_scratch s = vision_scratch(&b, c, FIRST_IMAGE, IMAGES);
    vb_vision_forward(&b.rec, &b.model->weights.vision, &config, &s, x);
    expect(&b, "vit.out", x);

    config.vision.eps = 1e-5f; // as Hugging Face configs say
    x = tensor(&b, VB_F32, 1, tokens, c->width);
    s = vision_scratch(&b, c, FIRST_IMAGE, 1);
    vb_vision_forward(&b.rec, &b.model->weights.vision, &config, &s, x);
    expect(&b, "vit.out_eps1e-5", x);
    bench_close(&b);
}

// norm(x) with an epsilon of 1, in double.
static void expect_norm(bench *b, vb_tensor got, const float *x, const vb_norm *w)
{
    const uint32_t rows = got.batch * got.rows, cols = got.cols;
    float *gain = fixture_values(&b->rec, &b->pool, w->gain);
    float *bias = fixture_values(&b->rec, &b->pool, w->bias);
    float *values = fixture_values(&b->rec, &b->pool, got);
    double *want = calloc((size_t)rows * cols, sizeof *want);
    const double rounding = got.type == VB_BF16  ? 1.0 / 256
                            : got.type == VB_F16 ? 1.0 / 2048
                                                 : 0;
    assert_non_null(want);
    ref_layernorm(want, x, gain, bias, rows, cols, 1.0);
    for (size_t i = 0; i < (size_t)rows * cols; i++)
        if (!(fabs((double)values[i] - want[i]) < 1e-4 + rounding * fabs(want[i])))
            fail_msg("norm[%zu]: %.7g, expected %.7g", i, (double)values[i], want[i]);
    free(gain);
    free(bias);
    free(values);
    free(want);
}

// The vectors above cannot tell an epsilon of 1e-6 from one of 1e-5: "vit.out" and
// "vit.out_eps1e-5" are closer to each other than their tolerance. 1 can be told.
static void test_every_norm_of_vision_has_its_epsilon(void **state)
{
    (void)state;
    bench b = bench_open("retrieval");
    vb_config config = b.model->config;
    vb_vision_config *c = &config.vision;
    const vb_vision_weights *w = &b.model->weights.vision;
    const vb_vision_scratch s = vision_scratch(&b, c, FIRST_IMAGE, 1);
    const vb_tensor x = tensor(&b, VB_F32, 1, vb_vision_tokens(c), c->width);
    c->eps = 1.0f;

    vb_vision_embed(&b.rec, w, &config, &s, x);
    float *embedded = fixture_values(&b.rec, &b.pool, x);
    vb_vision_attention(&b.rec, &w->blocks[0], c, &s, x);
    expect_norm(&b, s.norm, embedded, &w->blocks[0].norm1);
    float *between = fixture_values(&b.rec, &b.pool, x);
    vb_vision_mlp(&b.rec, &w->blocks[0], c, &s, x);
    expect_norm(&b, s.norm, between, &w->blocks[0].norm2);
    c->layers = 0; // the last one follows the embedding
    vb_vision_forward(&b.rec, w, &config, &s, x);
    expect_norm(&b, x, embedded, &w->norm);
    free(embedded);
    free(between);
    bench_close(&b);
}

// -------------------------------------------------------------------------------- text

// The six texts, padded to the longest, and room to encode them.
typedef struct texts {
    uint32_t lengths[TEXTS], longest;
    vb_tensor ids, lengths_tensor, kv;
    vb_text_scratch scratch;
} texts;

// `first` replaces the first id; `from` and `count` choose texts.
static texts encode_texts(bench *b, int32_t first, uint32_t from, uint32_t count)
{
    const vb_text_config *c = &b->model->config.encoder;
    vblip_error err = {0};
    size_t total;
    const int32_t *golden = fixture_ints(&fixture, "text.ids", &total);
    const int32_t *mask = fixture_ints(&fixture, "text.mask", &total);
    const uint32_t room = (uint32_t)total / TEXTS;
    int32_t ids[TEXTS * 64], lengths[TEXTS] = {0};
    texts t = {0};
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < room; k++)
            lengths[i] += mask[(from + i) * room + k];
        t.lengths[i] = (uint32_t)lengths[i];
        t.longest = t.lengths[i] > t.longest ? t.lengths[i] : t.longest;
    }
    for (uint32_t i = 0; i < count; i++) {
        memcpy(ids + i * t.longest, golden + (from + i) * room,
               t.longest * sizeof *ids);
        ids[i * t.longest] = first;
    }
    t.ids = tensor(b, VB_I32, 1, count, t.longest);
    t.lengths_tensor = tensor(b, VB_I32, 1, 1, count);
    t.kv = tensor(b, vb_device_keys(fixture.device), count, t.longest, 2 * c->width);
    fixture_ok(vb_text_scratch_make(&t.scratch, &b->pool, c, count, t.longest, &err),
               &err);
    vb_upload(&b->rec, t.ids, ids);
    vb_upload(&b->rec, t.lengths_tensor, lengths);
    return t;
}

// Rows of the first text, without pads.
static vb_tensor first_text(const texts *t)
{
    return vb_rows(vb_batches(t->scratch.hidden, 0, 1), 0, t->lengths[0]);
}

static vb_cross see(bench *b, uint32_t image)
{
    const vb_config *config = &b->model->config;
    const vb_vision_config *c = &config->vision;
    vb_cross cross = {0};
    vblip_error err = {0};
    const vb_vision_scratch s = vision_scratch(b, c, image, 1);
    const vb_tensor x = tensor(b, VB_F32, 1, vb_vision_tokens(c), c->width);
    vb_vision_forward(&b->rec, &b->model->weights.vision, config, &s, x);
    const bool encoder = b->model->weights.encoder.layers != NULL;
    fixture_ok(vb_cross_make(&cross, &b->pool,
                             encoder ? &config->encoder : &config->decoder, x.rows,
                             &err),
               &err);
    vb_cross_fill(&b->rec,
                  encoder ? &b->model->weights.encoder : &b->model->weights.decoder, 0,
                  &cross, x);
    return cross;
}

static void test_tokens(void **state)
{
    (void)state;
    vb_model *model = fixture_model(&fixture, "retrieval");
    size_t total;
    const int32_t *golden = fixture_ints(&fixture, "text.ids", &total);
    const size_t room = total / TEXTS;
    for (uint32_t i = 0; i < TEXTS; i++) {
        vblip_error err = {0};
        fixture_ok(vb_model_tokens(model, &model->ids,
                                   fixture_text(&fixture, "texts", i), vb_pre_caption,
                                   VB_CAPTION_WORDS, VB_TEXT_TOKENS, model->special.cls,
                                   &err),
                   &err);
        assert_memory_equal(model->ids.ids, golden + i * room,
                            model->ids.count * sizeof *golden);
        assert_true(model->ids.count == room ||
                    golden[i * room + model->ids.count] == 0);
    }
    vb_model_free(&model);
}

static void test_text_encoder(void **state)
{
    (void)state;
    bench b = bench_open("retrieval");
    const vb_text_config *c = &b.model->config.encoder;
    const vb_text_weights *w = &b.model->weights.encoder;
    texts t = encode_texts(&b, b.model->special.cls, 0, TEXTS);
    const vb_self self = {.kv = t.kv, .lengths = t.lengths_tensor};

    vb_text_embed(&b.rec, w, c, &t.scratch, t.ids, 0);
    expect(&b, "text.embeddings", first_text(&t));
    vb_text_self_attention(&b.rec, &w->layers[0], c, &t.scratch, &self);
    expect(&b, "text.layer0.self_attention", first_text(&t));
    vb_text_mlp(&b.rec, &w->layers[0], c, &t.scratch);
    expect(&b, "text.layer0", first_text(&t));

    vb_text_encode(&b.rec, w, c, &t.scratch, NULL, t.kv, t.ids, t.lengths_tensor, NULL);
    expect(&b, "text.hidden", first_text(&t));
    expect(&b, "text.hidden_cls", vb_rows(t.scratch.hidden, 0, 1));
    const vb_tensor proj = tensor(&b, VB_F32, TEXTS, 1, b.model->config.projection);
    vb_linear(&b.rec, .y = proj, .x = vb_rows(t.scratch.hidden, 0, 1),
              .w = b.model->weights.text_proj.w, .bias = b.model->weights.text_proj.b);
    expect(&b, "itc.text_proj", proj);
    vb_itc_text(&b.rec, &b.model->weights, proj, t.scratch.hidden);
    expect(&b, "itc.text_feat", proj);

    t = encode_texts(&b, b.model->special.cls, 0, 1); // without pads
    vb_text_encode(&b.rec, w, c, &t.scratch, NULL, t.kv, t.ids, (vb_tensor){0}, NULL);
    expect(&b, "text.hidden_unpadded", t.scratch.hidden);
    t = encode_texts(&b, b.model->special.cls, 1, 1);
    vb_text_encode(&b.rec, w, c, &t.scratch, NULL, t.kv, t.ids, (vb_tensor){0}, NULL);
    expect(&b, "feature.text", t.scratch.hidden);
    bench_close(&b);
}

static void expect_layer(bench *b, uint32_t layer, const char *part, vb_tensor t)
{
    char name[64];
    snprintf(name, sizeof name, "mm.layer%u%s", layer, part);
    if (vb_weight_find(&fixture.vectors.tensors.list, name))
        expect(b, name, t);
}

// What a clip's frames are kept as: in halves where the device attends to those.
static void test_keys_are_of_the_device(void **state)
{
    (void)state;
    vb_model *model = fixture_model(&fixture, "retrieval");
    const vb_text_config *c = &model->config.encoder;
    const vb_dtype type = vb_device_keys(fixture.device);
    const bool floats = fixture.weights == VB_F32 || !fixture.device->caps.narrow_keys;
    vblip_error err = {0};
    const vb_cross *keys;
    vb_visual *visual;
    vb_frame frame;
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    fixture_frames(&frame, model->config.vision.image_size, FIRST_IMAGE, 1);
    fixture_ok(vb_model_encode(model, visual, &frame, 1, 0, NULL, &err), &err);
    free(frame.rgb);
    assert_int_equal(type, floats ? VB_F32 : fixture.weights);
    fixture_ok(vb_visual_encoder_cross(&keys, visual, 0, VB_MANY_ROWS, &err), &err);
    assert_int_equal(keys->count, c->layers);
    for (uint32_t i = 0; i < keys->count; i++) {
        assert_int_equal(keys->layers[i].type, type);
        assert_int_equal(vb_tensor_bytes(&keys->layers[i]),
                         (uint64_t)visual->tokens.rows * 2 * c->width *
                             vb_dtype_size(type));
    }
    vb_visual_free(&visual);
    vb_model_free(&model);
}

static void test_multimodal_encoder(void **state)
{
    (void)state;
    bench b = bench_open("retrieval");
    const vb_text_config *c = &b.model->config.encoder;
    const vb_text_weights *w = &b.model->weights.encoder;
    vb_cross cross = see(&b, FIRST_IMAGE);
    texts t = encode_texts(&b, b.model->special.enc, 0, TEXTS);
    const vb_self self = {.kv = t.kv, .lengths = t.lengths_tensor};
    const vb_tensor h = first_text(&t);

    vb_text_embed(&b.rec, w, c, &t.scratch, t.ids, 0);
    for (uint32_t i = 0; i < c->layers; i++) {
        vb_text_self_attention(&b.rec, &w->layers[i], c, &t.scratch, &self);
        expect_layer(&b, i, ".self_attention", h);
        vb_text_cross_attention(&b.rec, &w->layers[i], c, &t.scratch, &cross, i, NULL);
        expect_layer(&b, i, ".cross_attention", h);
        vb_text_mlp(&b.rec, &w->layers[i], c, &t.scratch);
        expect_layer(&b, i, "", h);
        fixture_expect_small(&b.rec, &b.pool, "keys and values", t.kv);
        fixture_expect_small(&b.rec, &b.pool, "of the image", cross.layers[i]);
        fixture_expect_small(&b.rec, &b.pool, "behind GELU", t.scratch.wide);
    }
    vb_text_encode(&b.rec, w, c, &t.scratch, NULL, t.kv, t.ids, t.lengths_tensor,
                   &cross);
    expect(&b, "mm.hidden", h);
    t = encode_texts(&b, b.model->special.enc, 0, 1);
    vb_text_encode(&b.rec, w, c, &t.scratch, NULL, t.kv, t.ids, (vb_tensor){0}, &cross);
    expect(&b, "mm.hidden_unpadded", t.scratch.hidden);
    vb_cross_free(&cross);

    cross = see(&b, FIRST_IMAGE + 1);
    t = encode_texts(&b, b.model->special.enc, 1, 1);
    vb_text_encode(&b.rec, w, c, &t.scratch, NULL, t.kv, t.ids, (vb_tensor){0}, &cross);
    expect(&b, "feature.multimodal", t.scratch.hidden);
    vb_cross_free(&cross);
    bench_close(&b);
}

// ------------------------------------------------------------- matching, through model.h

static void expect_similarities(const char *name, vb_model *model, const float *visual,
                                uint32_t count)
{
    const uint32_t width = model->config.projection;
    float *vector = malloc(width * sizeof *vector);
    float sim[IMAGES * TEXTS] = {0};
    assert_non_null(vector);
    for (uint32_t j = 0; j < TEXTS; j++) {
        vblip_error err = {0};
        const char *text = fixture_text(&fixture, "texts", j);
        fixture_ok(vb_model_text_itc(model, &text, 1, vector, &err), &err);
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t k = 0; k < width; k++)
                sim[i * TEXTS + j] += visual[i * width + k] * vector[k];
    }
    fixture_expect(&fixture, name, sim, (size_t)count * TEXTS);
    free(vector);
}

static void text_list(const char *list[TEXTS])
{
    for (uint32_t i = 0; i < TEXTS; i++)
        list[i] = fixture_text(&fixture, "texts", i);
}

static void test_matching_images(void **state)
{
    (void)state;
    vb_model *model = fixture_model(&fixture, "retrieval");
    const uint32_t width = model->config.projection;
    float *itc = malloc(IMAGES * width * sizeof *itc);
    float enc[IMAGES * TEXTS][2], cls[IMAGES * TEXTS][2];
    const char *list[TEXTS];
    vb_frame frames[IMAGES];
    vb_visual *visual;
    vblip_error err = {0};
    assert_non_null(itc);
    text_list(list);
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    fixture_frames(frames, model->config.vision.image_size, FIRST_IMAGE, IMAGES);
    for (uint32_t i = 0; i < IMAGES; i++) { // the slot is filled again and again
        fixture_ok(
            vb_model_encode(model, visual, &frames[i], 1, 0, itc + i * width, &err),
            &err);
        fixture_ok(
            vb_model_itm(model, visual, list, TEXTS, false, enc + i * TEXTS, &err),
            &err);
        fixture_ok(
            vb_model_itm(model, visual, list, TEXTS, true, cls + i * TEXTS, &err),
            &err);
    }
    fixture_expect(&fixture, "itc.vision_feat", itc, (size_t)IMAGES * width);
    fixture_expect(&fixture, "itm.logits_enc", enc[0], IMAGES * TEXTS * 2);
    fixture_expect(&fixture, "itm.logits_cls", cls[0], IMAGES * TEXTS * 2);
    expect_similarities("itc.sim", model, itc, IMAGES);
    free(frames[0].rgb);
    free(itc);
    vb_visual_free(&visual);
    vb_model_free(&model);
}

static void test_vision_projection(void **state)
{
    (void)state;
    bench b = bench_open("retrieval");
    const vb_config *config = &b.model->config;
    const vb_vision_config *c = &config->vision;
    const vb_tensor x = tensor(&b, VB_F32, IMAGES, vb_vision_tokens(c), c->width);
    const vb_tensor proj = tensor(&b, VB_F32, 1, IMAGES, config->projection);
    const vb_tensor mean = tensor(&b, VB_F32, 1, 1, config->projection);
    const vb_vision_scratch s = vision_scratch(&b, c, FIRST_IMAGE, IMAGES);
    vb_vision_forward(&b.rec, &b.model->weights.vision, config, &s, x);
    vb_itc_vision(&b.rec, &b.model->weights, mean, proj, x);
    expect(&b, "itc.vision_proj", proj);
    bench_close(&b);
}

static void test_matching_videos(void **state)
{
    (void)state;
    vb_model *model = fixture_model(&fixture, "retrieval");
    const uint32_t width = model->config.projection;
    float *itc = malloc(VIDEOS * width * sizeof *itc);
    float logits[VIDEOS * TEXTS][2];
    const char *list[TEXTS];
    vb_visual *visual;
    vblip_error err = {0};
    assert_non_null(itc);
    text_list(list);
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    for (uint32_t i = 0; i < VIDEOS; i++) {
        vb_frame frames[VIDEO_FRAMES];
        fixture_frames(frames, model->config.vision.image_size,
                       FIRST_IMAGE + 100 + 8 * i, VIDEO_FRAMES);
        const uint32_t batch = i == 0 ? 0 : i == 1 ? 3 : 1; // makes no difference
        fixture_ok(vb_model_encode(model, visual, frames, VIDEO_FRAMES, batch,
                                   itc + i * width, &err),
                   &err);
        fixture_ok(
            vb_model_itm(model, visual, list, TEXTS, false, logits + i * TEXTS, &err),
            &err);
        free(frames[0].rgb);
    }
    fixture_expect(&fixture, "video.feat", itc, (size_t)VIDEOS * width);
    fixture_expect(&fixture, "video.itm", logits[0], VIDEOS * TEXTS * 2);
    expect_similarities("video.sim", model, itc, VIDEOS);
    free(itc);
    vb_visual_free(&visual);
    vb_model_free(&model);
}

// ----------------------------------------------------------------------------- decoder

// Room to decode `tokens` ids of `texts` texts at once.
typedef struct decoding {
    vb_tensor ids, cache, work, logits;
    vb_text_scratch scratch;
} decoding;

static decoding decoding_make(bench *b, uint32_t count, uint32_t room, uint32_t tokens)
{
    const vb_text_config *c = &b->model->config.decoder;
    vblip_error err = {0};
    decoding d = {
        .ids = tensor(b, VB_I32, 1, count, tokens),
        .cache = tensor(b, vb_device_keys(fixture.device), count, room,
                        c->layers * 2 * c->width),
        .work = tensor(b, VB_F32, count, tokens, c->width),
        .logits = tensor(b, VB_F32, count, tokens, c->vocabulary),
    };
    fixture_ok(vb_text_scratch_make(&d.scratch, &b->pool, c, count, tokens, &err),
               &err);
    return d;
}

static float *decode(bench *b, const decoding *d, const int32_t *ids, uint32_t first,
                     const vb_cross *cross)
{
    const vb_text_config *c = &b->model->config.decoder;
    vb_upload(&b->rec, d->ids, ids);
    vb_text_decode(&b->rec, &b->model->weights.decoder, c, &d->scratch, d->cache,
                   d->ids, first, cross, NULL);
    vb_lm_head(&b->rec, &b->model->weights.lm, c->eps, d->logits, d->scratch.hidden,
               d->work);
    return fixture_values(&b->rec, &b->pool, d->logits);
}

static void pick(float *out, const float *logits, const int32_t *select, size_t count)
{
    for (size_t i = 0; i < count; i++)
        out[i] = logits[select[i]];
}

static double log_sum_exp(const float *x, uint32_t count)
{
    double largest = (double)x[0], sum = 0.0;
    for (uint32_t i = 1; i < count; i++)
        largest = fmax(largest, (double)x[i]);
    for (uint32_t i = 0; i < count; i++)
        sum += exp((double)x[i] - largest);
    return largest + log(sum);
}

static void test_decoder(void **state)
{
    (void)state;
    enum { MOST = 32 };
    bench b = bench_open("caption");
    const uint32_t vocabulary = b.model->config.decoder.vocabulary;
    size_t count, selected, argmaxes;
    const int32_t *ids = fixture_ints(&fixture, "dec.ids", &count);
    const int32_t *select = fixture_ints(&fixture, "dec.select", &selected);
    const int32_t *argmax = fixture_ints(&fixture, "dec.argmax", &argmaxes);
    float *picked = malloc(count * selected * sizeof *picked);
    float sums[MOST], largest[MOST];
    assert_non_null(picked);
    assert_true(count <= MOST && argmaxes == count);
    vb_cross cross = see(&b, FIRST_IMAGE);

    decoding d = decoding_make(&b, 1, (uint32_t)count, (uint32_t)count);
    float *logits = decode(&b, &d, ids, 0, &cross);
    expect(&b, "dec.hidden", d.scratch.hidden);
    for (size_t t = 0; t < count; t++) {
        const float *row = logits + t * vocabulary;
        const uint32_t best = vb_argmax(row, vocabulary);
        if (reduced_decides(fixture.weights, (double)(row[best] - row[argmax[t]]),
                            true))
            assert_int_equal(best, argmax[t]);
        largest[t] = row[best];
        sums[t] = (float)log_sum_exp(row, vocabulary);
        pick(picked + t * selected, row, select, selected);
    }
    fixture_expect(&fixture, "dec.max", largest, count);
    fixture_expect(&fixture, "dec.logsumexp", sums, count);
    fixture_expect(&fixture, "dec.logits_select", picked, count * selected);
    fixture_expect(&fixture, "dec.logits_last", logits + (count - 1) * vocabulary,
                   vocabulary);
    free(logits);

    d = decoding_make(&b, 1, (uint32_t)count, 1);
    for (uint32_t t = 0; t < count; t++) { // token by token with the cache
        logits = decode(&b, &d, ids + t, t, &cross);
        pick(picked + t * selected, logits, select, selected);
        free(logits);
    }
    fixture_expect(&fixture, "dec.cached_logits_select", picked, count * selected);
    free(picked);
    vb_cross_free(&cross);
    bench_close(&b);
}

// ----------------------------------------------------------------------------- questions

// States of question `q` with image `q`, as keys and values for the decoder.
static vb_cross ask(bench *b, uint32_t q)
{
    const vb_config *config = &b->model->config;
    const vb_text_config *c = &config->encoder;
    vblip_error err = {0};
    char name[32];
    size_t count;
    vb_cross seen = see(b, FIRST_IMAGE + q), cross = {0};
    fixture_ok(vb_model_tokens(b->model, &b->model->ids,
                               fixture_text(&fixture, "questions", q), vb_pre_question,
                               VB_QUESTION_WORDS, VB_TEXT_TOKENS, b->model->special.enc,
                               &err),
               &err);
    snprintf(name, sizeof name, "vqa.q%u.ids", q);
    const int32_t *ids = fixture_ints(&fixture, name, &count);
    assert_int_equal(b->model->ids.count, count);
    assert_memory_equal(b->model->ids.ids, ids, count * sizeof *ids);

    const uint32_t tokens = (uint32_t)count;
    vb_text_scratch s;
    const vb_tensor id_row = tensor(b, VB_I32, 1, 1, tokens);
    const vb_tensor kv =
        tensor(b, vb_device_keys(fixture.device), 1, tokens, 2 * c->width);
    fixture_ok(vb_text_scratch_make(&s, &b->pool, c, 1, tokens, &err), &err);
    fixture_ok(vb_cross_make(&cross, &b->pool, &config->decoder, tokens, &err), &err);
    vb_upload(&b->rec, id_row, ids);
    vb_text_encode(&b->rec, &b->model->weights.encoder, c, &s, NULL, kv, id_row,
                   (vb_tensor){0}, &seen);
    snprintf(name, sizeof name, "vqa.q%u.states", q);
    expect(b, name, s.hidden);
    vb_cross_fill(&b->rec, &b->model->weights.decoder, 0, &cross, s.hidden);
    vb_cross_free(&seen);
    return cross;
}

static void test_question_states_and_likelihoods(void **state)
{
    (void)state;
    enum { MOST = 64, QUESTIONS = 3 };
    const size_t answers =
        (size_t)cJSON_GetArraySize(json_member(fixture.manifest, "answers"));
    size_t total;
    const int32_t *ids = fixture_ints(&fixture, "vqa.answer_ids", &total);
    const uint32_t room = (uint32_t)(total / answers);
    assert_true(answers <= MOST);
    for (uint32_t q = 0; q < QUESTIONS; q++) {
        bench b = bench_open("vqa");
        const uint32_t vocabulary = b.model->config.decoder.vocabulary;
        float first[MOST], likely[MOST];
        char name[32];
        vb_cross cross = ask(&b, q);
        const decoding d = decoding_make(&b, (uint32_t)answers, room, room);
        float *logits = decode(&b, &d, ids, 0, &cross);
        for (size_t a = 0; a < answers; a++) {
            const int32_t *row = ids + a * room;
            double sum = 0.0;
            for (uint32_t t = 0; t + 1 < room && row[t + 1]; t++) {
                const float *x = logits + (a * room + t) * vocabulary;
                double logp = (double)x[row[t + 1]] - log_sum_exp(x, vocabulary);
                sum += logp;
                if (t == 0)
                    first[a] = (float)exp(logp);
            }
            likely[a] = (float)sum;
        }
        free(logits);
        snprintf(name, sizeof name, "vqa.q%u.first_token_prob", q);
        fixture_expect(&fixture, name, first, answers);
        snprintf(name, sizeof name, "vqa.q%u.loglik", q);
        fixture_expect(&fixture, name, likely, answers);
        vb_cross_free(&cross);
        bench_close(&b);
    }
}

static void test_rank_scores(void **state)
{
    (void)state;
    enum { MOST = 64, QUESTIONS = 3 };
    const uint32_t count =
        (uint32_t)cJSON_GetArraySize(json_member(fixture.manifest, "answers"));
    const char *answers[MOST];
    vb_model *model = fixture_model(&fixture, "vqa");
    vb_visual *visual;
    vblip_error err = {0};
    assert_true(count <= MOST);
    for (uint32_t a = 0; a < count; a++)
        answers[a] = fixture_text(&fixture, "answers", a);
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    for (uint32_t q = 0; q < QUESTIONS; q++) {
        vb_frame frame;
        uint32_t order[MOST], kept;
        float scores[MOST], by_answer[MOST];
        char name[32];
        fixture_frames(&frame, model->config.vision.image_size, FIRST_IMAGE + q, 1);
        fixture_ok(vb_model_encode(model, visual, &frame, 1, 0, NULL, &err), &err);
        fixture_ok(vb_model_rank(model, visual, fixture_text(&fixture, "questions", q),
                                 answers, count, 128, order, scores, &kept, &err),
                   &err);
        assert_int_equal(kept, count);
        for (uint32_t i = 0; i < count; i++) {
            by_answer[order[i]] = scores[i];
            assert_true(i == 0 || scores[i] <= scores[i - 1]);
        }
        snprintf(name, sizeof name, "vqa.q%u.rank_score", q);
        fixture_expect(&fixture, name, by_answer, count);
        free(frame.rgb);
    }
    vb_visual_free(&visual);
    vb_model_free(&model);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vision_block_by_block),
        cmocka_unit_test(test_vision_of_a_batch),
        cmocka_unit_test(test_every_norm_of_vision_has_its_epsilon),
        cmocka_unit_test(test_vision_projection),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_text_encoder),
        cmocka_unit_test(test_multimodal_encoder),
        cmocka_unit_test(test_keys_are_of_the_device),
        cmocka_unit_test(test_matching_images),
        cmocka_unit_test(test_matching_videos),
        cmocka_unit_test(test_decoder),
        cmocka_unit_test(test_question_states_and_likelihoods),
        cmocka_unit_test(test_rank_scores),
    };
    fixture_open(&fixture, argc, argv);
    int failures = cmocka_run_group_tests_name("golden vectors", tests, NULL, NULL);
    fixture_close(&fixture);
    return failures;
}

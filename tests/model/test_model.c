// test_model.c - what model.h promises besides numbers: refusals, slots that are filled
// again, no allocation once warm, and a model that outlives every failed allocation.
#include "blip/vision.h"
#include "support/model_fixture.h"
#include "support/ref_device.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { IMAGE = 1000, ANSWERS = 40 };

static model_fixture fixture;

// A model that has seen one formula image.
typedef struct scene {
    vb_model *model;
    vb_visual *visual;
    vb_frame frame;
} scene;

static void scene_open(scene *s, const char *task)
{
    vblip_error err = {0};
    *s = (scene){.model = fixture_model(&fixture, task)};
    fixture_frames(&s->frame, s->model->config.vision.image_size, IMAGE, 1);
    fixture_ok(vb_visual_make(&s->visual, s->model, &err), &err);
    fixture_ok(vb_model_encode(s->model, s->visual, &s->frame, 1, 0, NULL, &err), &err);
}

static void scene_close(scene *s)
{
    free(s->frame.rgb);
    vb_visual_free(&s->visual);
    vb_model_free(&s->model);
}

static void refused(vblip_status status, const vblip_error *err, const char *message)
{
    assert_int_equal(status, VBLIP_ERR_ARGUMENT);
    assert_string_equal(err->message, message);
}

#define REFUSED(call, text)                                                            \
    do {                                                                               \
        vblip_error err = {0};                                                         \
        vblip_status status_ = (call);                                                 \
        refused(status_, &err, text);                                                  \
    } while (0)

static void expect_no_text(const vb_generated *g)
{
    assert_null(g->text.bytes);
    assert_null(g->ids.ids);
    assert_true(g->score == 0.0f);
}

static void test_refuses_frames_it_cannot_see(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, "retrieval");
    float itc[256] = {1.0f}, logits[1][2] = {{1.0f, 1.0f}};
    const char *text = "a dog";
    vb_frame small[2] = {s.frame, {.rgb = s.frame.rgb, .side = 32}};
    assert_int_equal(s.model->config.projection, 256);
    REFUSED(vb_model_encode(s.model, s.visual, small, 2, 0, itc, &err),
            "frame 1: 32 pixels wide, the model takes 64");
    assert_true(itc[0] == 0.0f);
    REFUSED(vb_model_itm(s.model, s.visual, &text, 1, false, logits, &err),
            "visual tokens: no frames were encoded"); // what it held is forgotten
    assert_true(logits[0][0] == 0.0f && logits[0][1] == 0.0f);
    REFUSED(vb_model_encode(s.model, s.visual, small, 0, 0, NULL, &err),
            "frames: none given");
    scene_close(&s);
}

static void test_refuses_what_it_was_not_loaded_for(void **state)
{
    (void)state;
    scene s;
    float itc[256], logits[1][2], score;
    uint32_t order, kept = 1;
    const char *text = "a dog";
    vb_generated g;
    scene_open(&s, "caption");
    REFUSED(vb_model_encode(s.model, s.visual, &s.frame, 1, 0, itc, &err),
            "model: not loaded for ITC");
    REFUSED(vb_model_text_itc(s.model, &text, 1, itc, &err),
            "model: not loaded for ITC");
    REFUSED(vb_model_itm(s.model, s.visual, &text, 1, false, logits, &err),
            "model: not loaded for retrieval");
    REFUSED(vb_model_answer(s.model, s.visual, text, NULL, &g, &err),
            "model: not loaded for questions");
    expect_no_text(&g);
    REFUSED(vb_model_rank(s.model, s.visual, text, &text, 1, 1, &order, &score, &kept,
                          &err),
            "model: not loaded for questions");
    assert_int_equal(kept, 0);
    REFUSED(vb_model_reason(s.model, s.visual, s.visual, &text, 1, logits, &err),
            "model: not loaded for statements about two images");
    assert_true(logits[0][0] == 0.0f && logits[0][1] == 0.0f);
    scene_close(&s);

    scene_open(&s, "retrieval");
    REFUSED(vb_model_caption(s.model, s.visual, NULL, &g, &err),
            "model: not loaded for captions");
    expect_no_text(&g);
    scene_close(&s);
}

static void test_refuses_lengths_that_cannot_be(void **state)
{
    (void)state;
    static const struct {
        vb_caption_params params;
        const char *message;
    } rows[] = {
        {{.max_length = 513},
         "maximum length: 513 tokens, the model has 512 positions"},
        {{.max_length = 4},
         "prompt: 4 tokens, the maximum length is 4 with the prompt"},
        {{.prompt = "a a a a a a a a a a a a a a a a a a a a"},
         "prompt: 21 tokens, the maximum length is 20 with the prompt"},
        {{.beams = 65}, "beams: 65, expected 1 to 64"},
        {{.repetition_penalty = -1.0f}, "repetition penalty: -1, expected more than 0"},
        {{.sample = true, .top_p = 2.0f}, "top_p: 2, expected more than 0, at most 1"},
        {{.sample = true, .temperature = -1.0f},
         "temperature: -1, expected more than 0"},
    };
    scene s;
    scene_open(&s, "caption");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (uint32_t beams = 1; beams <= 3; beams += 2) { // greedy and beam search
            vb_caption_params params = rows[i].params;
            vb_generated g;
            if (!params.beams)
                params.beams = beams;
            REFUSED(vb_model_caption(s.model, s.visual, &params, &g, &err),
                    rows[i].message);
            expect_no_text(&g);
        }
    }
    vblip_error err = {0};
    vb_generated g;
    const vb_caption_params bad_text = {.prompt = "a \xff"};
    assert_int_equal(vb_model_caption(s.model, s.visual, &bad_text, &g, &err),
                     VBLIP_ERR_ARGUMENT);
    expect_no_text(&g);
    scene_close(&s);
}

// Texts of any length are cut to 35 tokens, [SEP] included.
static void test_long_texts_are_cut(void **state)
{
    (void)state;
    char longer[400], just[400];
    for (size_t i = 0; i < 100; i++)
        memcpy(longer + 4 * i, "dog ", 4);
    memcpy(just, longer, sizeof just);
    longer[399] = just[4 * 33 - 1] = '\0';
    const char *texts[] = {longer, just, "dog"};
    float logits[3][2], itc[3][256];
    vblip_error err = {0};
    scene s;
    scene_open(&s, "retrieval");
    fixture_ok(vb_model_itm(s.model, s.visual, texts, 3, false, logits, &err), &err);
    assert_memory_equal(logits[0], logits[1], sizeof logits[0]);
    assert_memory_not_equal(logits[0], logits[2], sizeof logits[0]);
    for (int i = 0; i < 3; i++)
        fixture_ok(vb_model_text_itc(s.model, &texts[i], 1, itc[i], &err), &err);
    assert_memory_equal(itc[0], itc[1], sizeof itc[0]);
    assert_memory_not_equal(itc[0], itc[2], sizeof itc[0]);
    scene_close(&s);
}

// "T.Shirt" becomes "t shirt" in captions and statements, "tshirt" in questions; answers
// and prompts stay as they are.
static void test_each_text_is_cleaned_in_its_way(void **state)
{
    (void)state;
    enum { DOT, BLANK, NONE, SPELLINGS };
    static const char *const texts[SPELLINGS] = {"a T.Shirt", "a t shirt", "a tshirt"};
    float logits[SPELLINGS][2], itc[SPELLINGS][256], scores[SPELLINGS];
    uint32_t order[SPELLINGS], kept;
    vb_generated got[SPELLINGS];
    vblip_error err = {0};
    scene s;
    scene_open(&s, "retrieval");
    fixture_ok(vb_model_itm(s.model, s.visual, texts, SPELLINGS, false, logits, &err),
               &err);
    for (int i = 0; i < SPELLINGS; i++)
        fixture_ok(vb_model_text_itc(s.model, &texts[i], 1, itc[i], &err), &err);
    scene_close(&s);
    assert_memory_equal(logits[DOT], logits[BLANK], sizeof logits[DOT]);
    assert_memory_not_equal(logits[DOT], logits[NONE], sizeof logits[DOT]);
    assert_memory_equal(itc[DOT], itc[BLANK], sizeof itc[DOT]);
    assert_memory_not_equal(itc[DOT], itc[NONE], sizeof itc[DOT]);

    scene_open(&s, "nlvr");
    fixture_ok(
        vb_model_reason(s.model, s.visual, s.visual, texts, SPELLINGS, logits, &err),
        &err);
    scene_close(&s);
    assert_memory_equal(logits[DOT], logits[BLANK], sizeof logits[DOT]);
    assert_memory_not_equal(logits[DOT], logits[NONE], sizeof logits[DOT]);

    scene_open(&s, "vqa");
    for (int i = 0; i < SPELLINGS; i++)
        fixture_ok(vb_model_answer(s.model, s.visual, texts[i], NULL, &got[i], &err),
                   &err);
    fixture_ok(vb_model_rank(s.model, s.visual, "what is this?", texts, SPELLINGS,
                             SPELLINGS, order, scores, &kept, &err),
               &err);
    scene_close(&s);
    assert_true(got[DOT].score == got[NONE].score);
    assert_true(got[DOT].score != got[BLANK].score);
    assert_true(scores[0] > scores[1] && scores[1] > scores[2]);
    for (int i = 0; i < SPELLINGS; i++)
        vb_generated_free(&got[i]);

    scene_open(&s, "caption");
    for (int i = 0; i < SPELLINGS; i++) {
        const vb_caption_params params = {.prompt = texts[i], .beams = 1};
        fixture_ok(vb_model_caption(s.model, s.visual, &params, &got[i], &err), &err);
    }
    scene_close(&s);
    assert_int_equal(got[DOT].ids.ids[3], 1012); // "."
    assert_int_not_equal(got[BLANK].ids.ids[3], 1012);
    for (int i = 0; i < SPELLINGS; i++)
        vb_generated_free(&got[i]);
}

// The reference does not cut statements; there are only so many positions.
static void test_refuses_statements_that_are_too_long(void **state)
{
    (void)state;
    enum { WORDS = 512 };
    static char longer[2 * WORDS + 1];
    for (size_t i = 0; i < WORDS; i++)
        memcpy(longer + 2 * i, "a ", 2);
    const char *texts[] = {"a dog", longer};
    float logits[2][2];
    vblip_error none = {0};
    scene s;
    scene_open(&s, "nlvr");
    fixture_ok(vb_model_reason(s.model, s.visual, s.visual, texts, 2, logits, &none),
               &none); // pre_caption leaves 40 words
    s.model->clean = false;
    REFUSED(vb_model_reason(s.model, s.visual, s.visual, texts, 2, logits, &err),
            "statement 2: 514 tokens, the model has 512 positions");
    assert_true(logits[0][0] == 0.0f && logits[1][1] == 0.0f);
    longer[2 * (WORDS - 2)] = '\0';
    fixture_ok(vb_model_reason(s.model, s.visual, s.visual, texts, 2, logits, &none),
               &none);
    scene_close(&s);
}

// More texts than go through the encoder at once, long and short: as one by one.
static void test_many_texts_are_as_one(void **state)
{
    (void)state;
    const char *texts[ANSWERS];
    float logits[ANSWERS][2], alone[2];
    vblip_error err = {0};
    scene s;
    scene_open(&s, "retrieval");
    for (uint32_t i = 0; i < ANSWERS; i++)
        texts[i] = fixture_text(&fixture, "answers", i);
    fixture_ok(vb_model_itm(s.model, s.visual, texts, ANSWERS, false, logits, &err),
               &err);
    for (uint32_t i = 0; i < ANSWERS; i++) {
        fixture_ok(vb_model_itm(s.model, s.visual, &texts[i], 1, false, &alone, &err),
                   &err);
        for (int k = 0; k < 2; k++)
            if (!(fabs((double)alone[k] - (double)logits[i][k]) < 1e-4))
                fail_msg("%s: %g, alone %g", texts[i], (double)logits[i][k],
                         (double)alone[k]);
    }
    scene_close(&s);
}

static void test_equal_answers_keep_their_order(void **state)
{
    (void)state;
    const char *answers[] = {"two men", "yes", "two men", "no", "yes"};
    uint32_t order[5], kept, at[5];
    float scores[5];
    vblip_error err = {0};
    scene s;
    scene_open(&s, "vqa");
    fixture_ok(vb_model_rank(s.model, s.visual, "what is this?", answers, 5, 5, order,
                             scores, &kept, &err),
               &err);
    assert_int_equal(kept, 5);
    for (uint32_t i = 0; i < 5; i++)
        at[order[i]] = i;
    assert_int_equal(at[2], at[0] + 1);
    assert_int_equal(at[4], at[1] + 1);
    assert_true(scores[at[0]] == scores[at[2]]);

    fixture_ok(vb_model_rank(s.model, s.visual, "what is this?", answers, 5, 2, order,
                             scores, &kept, &err),
               &err);
    assert_int_equal(kept, 2);
    assert_true(scores[0] >= scores[1]);
    fixture_ok(vb_model_rank(s.model, s.visual, "what is this?", answers, 0, 2, order,
                             scores, &kept, &err),
               &err);
    assert_int_equal(kept, 0);
    scene_close(&s);
}

static void test_prompt_is_cut_off(void **state)
{
    (void)state;
    static const vb_caption_params spelt = {.prompt = "a picture of ",
                                            .beams = 3,
                                            .max_length = 20,
                                            .min_length = 5,
                                            .repetition_penalty = 1.0f};
    static const vb_caption_params loud = {.prompt = "  A  PICTURE of"};
    static const vb_caption_params none = {.prompt = ""};
    vblip_error err = {0};
    vb_generated a, b;
    scene s;
    scene_open(&s, "caption");
    fixture_ok(vb_model_caption(s.model, s.visual, NULL, &a, &err), &err);
    fixture_ok(vb_model_caption(s.model, s.visual, &spelt, &b, &err), &err);
    assert_string_equal(a.text.bytes, b.text.bytes);
    vb_generated_free(&b);
    fixture_ok(vb_model_caption(s.model, s.visual, &loud, &b, &err), &err);
    assert_string_equal(a.text.bytes, b.text.bytes); // however it was typed
    assert_int_equal(a.ids.count, b.ids.count);
    vb_generated_free(&b);
    vb_generated_free(&a);

    fixture_ok(vb_model_caption(s.model, s.visual, &none, &a, &err), &err);
    vb_string whole = {0};
    fixture_ok(
        vb_detokenize(&whole, vb_model_vocab(s.model), a.ids.ids, a.ids.count, &err),
        &err);
    assert_string_equal(a.text.bytes, whole.bytes);
    vb_string_free(&whole);
    vb_generated_free(&a);
    scene_close(&s);
}

// Everything a task asks of a model, once. Writes a few numbers that tell runs apart.
static vblip_status use(scene *s, uint32_t task, float out[4], vblip_error *err)
{
    const char *texts[] = {"a dog runs on the beach", "yes", "a red car"};
    float itc[256], logits[3][2];
    uint32_t order[3], kept;
    vb_generated g;
    const bool retrieval = task == VBLIP_TASK_RETRIEVAL;
    VB_TRY(vb_model_encode(s->model, s->visual, &s->frame, 1, 0, retrieval ? itc : NULL,
                           err));
    if (retrieval) {
        VB_TRY(vb_model_itm(s->model, s->visual, texts, 3, false, logits, err));
        memcpy(out, logits, 3 * sizeof *out);
        VB_TRY(vb_model_text_itc(s->model, texts, 1, itc, err));
        out[3] = itc[0];
    } else if (task == VBLIP_TASK_NLVR) {
        VB_TRY(vb_model_reason(s->model, s->visual, s->visual, texts, 2, logits, err));
        memcpy(out, logits, 4 * sizeof *out);
    } else if (task == VBLIP_TASK_CAPTION) {
        VB_TRY(vb_model_caption(s->model, s->visual, NULL, &g, err));
        out[0] = g.score;
        vb_generated_free(&g);
        const vb_caption_params drawn = {.sample = true, .random = 3};
        VB_TRY(vb_model_caption(s->model, s->visual, &drawn, &g, err));
        out[1] = g.score;
        vb_generated_free(&g);
    } else {
        VB_TRY(vb_model_answer(s->model, s->visual, "what is this?", NULL, &g, err));
        out[3] = g.score;
        vb_generated_free(&g);
        VB_TRY(vb_model_rank(s->model, s->visual, "what is this?", texts, 3, 3, order,
                             out, &kept, err));
    }
    return VBLIP_OK;
}

static const struct {
    const char *name;
    uint32_t task;
} tasks[] = {
    {"retrieval", VBLIP_TASK_RETRIEVAL},
    {"caption", VBLIP_TASK_CAPTION},
    {"vqa", VBLIP_TASK_VQA},
    {"nlvr", VBLIP_TASK_NLVR},
};

// Puts `value` into the first bias of `b`.
static void poison(vb_tensor b, float value)
{
    vblip_error err = {0};
    float *values = malloc(vb_tensor_bytes(&b));
    assert_non_null(values);
    vb_recorder rec = vb_recorder_begin(fixture.device);
    vb_download(&rec, values, b);
    fixture_ok(vb_recorder_submit(&rec, &err), &err);
    values[0] = value;
    vb_upload(&rec, b, values);
    fixture_ok(vb_recorder_submit(&rec, &err), &err);
    free(values);
}

static void expect_not_finite(vblip_status status, const vblip_error *err,
                              const char *what)
{
    assert_int_equal(status, VBLIP_ERR_UNSUPPORTED);
    assert_non_null(strstr(err->message, what));
    assert_non_null(strstr(err->message, "NaN or infinity"));
    assert_non_null(strstr(err->message, "--precision f32"));
}

// Whatever ends in a result, a bias that is no number ends in an error that names the
// model.
static void test_what_is_not_finite_is_no_result(void **state)
{
    (void)state;
    static const struct {
        size_t bias; // of vb_weights
        uint32_t task;
        float value;
        const char *name, *what;
    } rows[] = {
#define BIAS(field) offsetof(vb_weights, field.b)
        {BIAS(vision_proj), VBLIP_TASK_RETRIEVAL, NAN, "retrieval", "ITC vector"},
        {BIAS(itm), VBLIP_TASK_RETRIEVAL, INFINITY, "retrieval", "ITM logits"},
        {BIAS(text_proj), VBLIP_TASK_RETRIEVAL, NAN, "retrieval", "ITC vector"},
        {BIAS(lm.decoder), VBLIP_TASK_CAPTION, NAN, "caption", "logits"},
        {BIAS(lm.decoder), VBLIP_TASK_CAPTION, -INFINITY, "caption", "logits"},
        {BIAS(lm.transform), VBLIP_TASK_VQA, NAN, "vqa", "logits"},
        {BIAS(cls), VBLIP_TASK_NLVR, NAN, "nlvr", "NLVR2 logits"},
        {BIAS(vision.patch), VBLIP_TASK_RETRIEVAL, NAN, "retrieval", "ITC vector"},
        {BIAS(vision.patch), VBLIP_TASK_CAPTION, NAN, "caption", "logits"},
#undef BIAS
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        float out[4];
        vblip_error err = {0};
        scene s;
        scene_open(&s, rows[i].name);
        char *weights = (char *)&s.model->weights;
        poison(*(vb_tensor *)(void *)(weights + rows[i].bias), rows[i].value);
        vblip_status status = use(&s, rows[i].task, out, &err);
        expect_not_finite(status, &err, rows[i].what);
        assert_non_null(strstr(err.message, s.model->path));
        scene_close(&s);
    }
    assert_int_equal(ref_device_look(fixture.device).alive, 0);
}

static void test_features_and_ranks_are_finite(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, "vqa");
    const char *answers[] = {"yes", "no"};
    uint32_t order[2], kept;
    float scores[2];
    vb_features f = {0};
    vblip_error err = {0};
    poison(s.model->weights.lm.decoder.b, NAN);
    expect_not_finite(vb_model_rank(s.model, s.visual, "what?", answers, 2, 2, order,
                                    scores, &kept, &err),
                      &err, "logits");
    assert_int_equal(kept, 0);
    poison(s.model->weights.vision.patch.b, INFINITY);
    fixture_ok(
        vb_model_encode(s.model, s.visual, &s.frame, 1, 0, NULL, &(vblip_error){0}),
        &(vblip_error){0});
    vb_error_reset(&err);
    expect_not_finite(vb_model_visual_features(s.model, s.visual, &f, &err), &err,
                      "features");
    assert_int_equal(f.rows, 0);
    vb_error_reset(&err);
    expect_not_finite(vb_model_text_features(s.model, s.visual, "a dog", &f, &err),
                      &err, "features");
    vb_features_free(&f);
    scene_close(&s);
}

// Between an MLP's products rows are narrow only where they are whole eights.
static void test_narrow_rows_come_in_eights(void **state)
{
    (void)state;
    static const struct {
        uint32_t mlp;
        vb_dtype type;
    } rows[] = {{24, VB_F16}, {20, VB_F32}};
    scene s;
    scene_open(&s, "retrieval");
    vb_device *device = s.model->device;
    const vb_device_caps caps = device->caps;
    const vb_dtype weights = device->weights;
    device->caps.narrow_activations = true;
    device->weights = VB_F16;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_pool pool = {.device = device, .name = "test"};
        vb_vision_config vision = s.model->config.vision;
        vb_text_config text = s.model->config.encoder;
        vb_vision_scratch of_vision;
        vb_text_scratch of_text;
        vblip_error err = {0};
        vision.mlp = text.mlp = rows[i].mlp;
        fixture_ok(vb_vision_scratch_make(&of_vision, &pool, &vision, 1, &err), &err);
        fixture_ok(vb_text_scratch_make(&of_text, &pool, &text, 1, 2, &err), &err);
        assert_int_equal(of_vision.norm.type, VB_F16);
        assert_int_equal(of_vision.wide.type, rows[i].type);
        assert_int_equal(of_text.mixed.type, VB_F16);
        assert_int_equal(of_text.wide.type, rows[i].type);
        vb_pool_free(&pool);
    }
    device->caps = caps;
    device->weights = weights;
    scene_close(&s);
}

// The first time makes activations, the second reuses them, and nothing is different.
static void test_nothing_is_allocated_once_warm(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        float first[4] = {0}, again[4] = {0};
        vblip_error err = {0};
        scene s;
        scene_open(&s, tasks[i].name);
        fixture_ok(use(&s, tasks[i].task, first, &err), &err);
        const uint64_t made = ref_device_look(fixture.device).allocations;
        const uint64_t bytes = vb_visual_bytes(s.visual);
        assert_true(bytes > 0);
        for (int round = 0; round < 3; round++)
            fixture_ok(use(&s, tasks[i].task, again, &err), &err);
        assert_int_equal(ref_device_look(fixture.device).allocations, made);
        assert_int_equal(vb_visual_bytes(s.visual), bytes);
        assert_memory_equal(first, again, sizeof first);
        scene_close(&s);
    }
    assert_int_equal(ref_device_look(fixture.device).alive, 0);
}

// Bytes that `vb_model_caption` brings home.
static uint64_t bytes_of_caption(scene *s, const vb_caption_params *params)
{
    const uint64_t before = ref_device_look(fixture.device).downloaded;
    vblip_error err = {0};
    vb_generated g;
    fixture_ok(vb_model_caption(s->model, s->visual, params, &g, &err), &err);
    vb_generated_free(&g);
    return ref_device_look(fixture.device).downloaded - before;
}

// Of a row of logits comes home what decides: some of the best, or what an answer has.
static void test_little_comes_home(void **state)
{
    (void)state;
    enum { STEPS = 16 };
    const vb_caption_params greedy = {.beams = 1}, drawn = {.sample = true};
    const vb_caption_params penalised = {.beams = 3, .repetition_penalty = 1.5f};
    const char *answers[] = {"yes", "a red car"};
    uint32_t order[2], kept;
    float scores[2];
    vblip_error err = {0};
    scene s;
    scene_open(&s, "caption");
    const uint64_t row = s.model->config.decoder.vocabulary * sizeof(float);
    assert_true(bytes_of_caption(&s, NULL) <= STEPS * 3 * 100);
    assert_true(bytes_of_caption(&s, &greedy) <= STEPS * 50);
    assert_true(bytes_of_caption(&s, &penalised) <= STEPS * 3 * 300);
    assert_true(bytes_of_caption(&s, &drawn) >= row);
    scene_close(&s);

    scene_open(&s, "vqa");
    const uint64_t before = ref_device_look(fixture.device).downloaded;
    fixture_ok(vb_model_rank(s.model, s.visual, "what is this?", answers, 2, 2, order,
                             scores, &kept, &err),
               &err);
    assert_true(ref_device_look(fixture.device).downloaded - before <= row + 200);
    scene_close(&s);
}

// Fails the 1st, 2nd, 3rd ... allocation on the device until the load succeeds.
static void test_a_load_that_runs_out_of_memory_leaves_nothing(void **state)
{
    (void)state;
    vb_checkpoint *checkpoint = fixture_checkpoint(&fixture, "vqa", 0);
    vb_model *model = NULL;
    uint64_t n = 1;
    for (;; n++) {
        vblip_error err = {0};
        ref_device_fail_after(fixture.device, n);
        vblip_status status =
            vb_model_load(&model, fixture.device, checkpoint, NULL, &err);
        if (status == VBLIP_OK)
            break;
        assert_int_equal(status, VBLIP_ERR_MEMORY);
        assert_int_equal(err.status, VBLIP_ERR_MEMORY);
        assert_null(model);
        assert_int_equal(ref_device_look(fixture.device).alive, 0);
    }
    ref_device_fail_after(fixture.device, 0);
    assert_true(n > 20); // it was really made of many pieces
    vb_model_free(&model);
    vb_checkpoint_close(&checkpoint);
    assert_int_equal(ref_device_look(fixture.device).alive, 0);
}

static void test_a_call_that_runs_out_of_memory_can_be_repeated(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
        float want[4] = {0}, got[4] = {0};
        vblip_error err = {0};
        scene s;
        scene_open(&s, tasks[i].name);
        fixture_ok(use(&s, tasks[i].task, want, &err), &err);
        scene_close(&s);

        s = (scene){.model = fixture_model(&fixture, tasks[i].name)};
        fixture_frames(&s.frame, s.model->config.vision.image_size, IMAGE, 1);
        fixture_ok(vb_visual_make(&s.visual, s.model, &err), &err);
        uint32_t failures = 0;
        for (;; failures++) { // what was made stays, so each time one more is made
            vb_error_reset(&err);
            ref_device_fail_after(fixture.device, failures % 2 + 1);
            vblip_status status = use(&s, tasks[i].task, got, &err);
            if (status == VBLIP_OK)
                break;
            assert_int_equal(status, VBLIP_ERR_MEMORY);
            assert_true(failures < 100);
        }
        ref_device_fail_after(fixture.device, 0);
        assert_true(failures > 1);
        assert_memory_equal(want, got, sizeof want);
        scene_close(&s);
    }
    assert_int_equal(ref_device_look(fixture.device).alive, 0);
}

static struct {
    vb_device_table table;
    const vb_device_table *sound;
    uint64_t most; // bytes of a buffer
    uint32_t refused;
} small;

static vblip_status make_small_buffer(vb_buffer **out, vb_device *device,
                                      uint64_t bytes, const char *name,
                                      vblip_error *err)
{
    if (bytes <= small.most)
        return small.sound->buffer_make(out, device, bytes, name, err);
    small.refused++;
    return vb_fail_memory(err, name);
}

enum { MANY = 64, ITC = 256 };

// Encodes MANY frames at once, if there are buffers of `most` bytes, and those again.
static vblip_status encode_many(float itc[ITC], uint64_t most, uint32_t *refused,
                                vblip_error *err)
{
    vb_frame frames[MANY];
    vb_visual *visual;
    vblip_error none = {0};
    vb_model *model = fixture_model(&fixture, "retrieval");
    assert_int_equal(model->config.projection, ITC);
    fixture_frames(frames, model->config.vision.image_size, IMAGE, MANY);
    fixture_ok(vb_visual_make(&visual, model, &none), &none);
    small.sound = fixture.device->table;
    small.table = *small.sound;
    small.table.buffer_make = make_small_buffer;
    small.most = most;
    small.refused = 0;
    fixture.device->table = &small.table;
    vblip_status status = vb_model_encode(model, visual, frames, MANY, MANY, itc, err);
    *refused = small.refused;
    if (status == VBLIP_OK) { // and is known from then on
        fixture_ok(vb_model_encode(model, visual, frames, MANY, MANY, itc, err), err);
        assert_int_equal(small.refused, *refused);
    }
    fixture.device->table = small.sound;
    vb_visual_free(&visual);
    vb_model_free(&model);
    free(frames[0].rgb);
    return status;
}

// What is seen in as many frames at a time as there is memory for is the same. The widest of
// MANY frames takes 3 MiB, and what is made is of 1 MiB at least.
static void test_frames_are_encoded_in_what_memory_there_is(void **state)
{
    (void)state;
    float want[ITC], got[ITC];
    uint32_t refused;
    vblip_error err = {0};
    fixture_ok(encode_many(want, 4 << 20, &refused, &err), &err);
    assert_int_equal(refused, 0);
    for (uint32_t halvings = 1; halvings <= 2; halvings++) {
        fixture_ok(encode_many(got, 4 << 20 >> halvings, &refused, &err), &err);
        assert_int_equal(refused, halvings);
        assert_memory_equal(want, got, sizeof want);
    }
    assert_int_equal(encode_many(got, 1, &refused, &err), VBLIP_ERR_MEMORY);
    assert_string_equal(err.message, "visual tokens: out of memory");
    assert_int_equal(refused, 1);
    assert_int_equal(ref_device_look(fixture.device).alive, 0);
}

// Frames of two clips for which there is no memory at once: that is said, and from then on
// without trying; alone they are encoded.
static void test_clips_are_not_encoded_together_without_memory(void **state)
{
    (void)state;
    vb_frame frames[MANY];
    vb_clip_frames clips[2];
    vblip_error err = {0};
    vb_model *model = fixture_model(&fixture, "retrieval");
    fixture_frames(frames, model->config.vision.image_size, IMAGE, MANY);
    for (uint32_t i = 0; i < 2; i++) {
        clips[i] =
            (vb_clip_frames){.frames = frames + (i ? 1 : 0), .count = i ? MANY - 1 : 1};
        fixture_ok(vb_visual_make(&clips[i].visual, model, &err), &err);
    }
    small.sound = fixture.device->table;
    small.table = *small.sound;
    small.table.buffer_make = make_small_buffer;
    small.most = 2 << 20;
    small.refused = 0;
    fixture.device->table = &small.table;
    for (uint32_t round = 0; round < 2; round++) {
        assert_int_equal(vb_model_encode_together(model, clips, 2, MANY, &err),
                         VBLIP_ERR_MEMORY);
        assert_int_equal(small.refused, 1);
        assert_string_equal(err.message,
                            round ? "frames: 64 at once, there is room for 63"
                                  : "activations: out of memory");
        vb_error_reset(&err);
    }
    assert_int_equal(vb_model_filling_frames(model, MANY), MANY - 1);
    for (uint32_t i = 0; i < 2; i++)
        fixture_ok(vb_model_encode(model, clips[i].visual, clips[i].frames,
                                   clips[i].count, MANY, NULL, &err),
                   &err);
    fixture.device->table = small.sound;
    for (uint32_t i = 0; i < 2; i++)
        vb_visual_free(&clips[i].visual);
    vb_model_free(&model);
    free(frames[0].rgb);
    assert_int_equal(ref_device_look(fixture.device).alive, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refuses_frames_it_cannot_see),
        cmocka_unit_test(test_refuses_what_it_was_not_loaded_for),
        cmocka_unit_test(test_refuses_lengths_that_cannot_be),
        cmocka_unit_test(test_long_texts_are_cut),
        cmocka_unit_test(test_each_text_is_cleaned_in_its_way),
        cmocka_unit_test(test_refuses_statements_that_are_too_long),
        cmocka_unit_test(test_many_texts_are_as_one),
        cmocka_unit_test(test_equal_answers_keep_their_order),
        cmocka_unit_test(test_prompt_is_cut_off),
        cmocka_unit_test(test_what_is_not_finite_is_no_result),
        cmocka_unit_test(test_features_and_ranks_are_finite),
        cmocka_unit_test(test_narrow_rows_come_in_eights),
        cmocka_unit_test(test_nothing_is_allocated_once_warm),
        cmocka_unit_test(test_little_comes_home),
        cmocka_unit_test(test_a_load_that_runs_out_of_memory_leaves_nothing),
        cmocka_unit_test(test_a_call_that_runs_out_of_memory_can_be_repeated),
        cmocka_unit_test(test_frames_are_encoded_in_what_memory_there_is),
        cmocka_unit_test(test_clips_are_not_encoded_together_without_memory),
    };
    fixture_open(&fixture, argc, argv);
    int failures = cmocka_run_group_tests_name("model", tests, NULL, NULL);
    fixture_close(&fixture);
    return failures;
}

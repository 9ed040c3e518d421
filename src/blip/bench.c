#include "blip/bench.h"

#include "base/timing.h"
#include "blip/model_internal.h"
#include "compute/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 8 }; // frames, texts

const char *const vb_model_bench_names[] = {"vision", "text",    "keys",
                                            "itm",    "caption", NULL};

typedef struct bench {
    vb_model *model;
    vb_visual *visual;
    vb_frame frames[MOST];
    const char *texts[MOST];
    uint32_t count; // of the shape at hand
    float logits[MOST][2];
    float *itc;
} bench;

// As many words as a text of 20 tokens has between its first and [SEP], each one token.
static const char *const text = "a a a a a a a a a a a a a a a a a a";

// --------------------------------------------------------------------------- the stages

static vblip_status run_vision(void *user, vblip_error *err)
{
    bench *b = user;
    return vb_model_encode(b->model, b->visual, b->frames, b->count, 0, NULL, err);
}

static vblip_status run_text(void *user, vblip_error *err)
{
    bench *b = user;
    return vb_model_text_itc(b->model, &text, 1, b->itc, err);
}

static vblip_status run_keys(void *user, vblip_error *err)
{
    bench *b = user;
    const vb_cross *cross;
    VB_TRY(vb_visual_encoder_cross(&cross, b->visual, 0, err)); // made by the first run
    vb_recorder rec = vb_recorder_begin(b->model->device);
    vb_cross_fill(&rec, &b->model->weights.encoder, 0, cross, b->visual->tokens);
    return vb_recorder_submit(&rec, err);
}

static vblip_status run_itm(void *user, vblip_error *err)
{
    bench *b = user;
    return vb_model_itm(b->model, b->visual, b->texts, b->count, false, b->logits, err);
}

// Beam search of 3 up to 20 tokens; [SEP] is forbidden before that.
static vblip_status run_caption(void *user, vblip_error *err)
{
    bench *b = user;
    const vb_caption_params params = {.max_length = 20, .min_length = 20};
    vb_generated out;
    VB_TRY(vb_model_caption(b->model, b->visual, &params, &out, err));
    vb_generated_free(&out);
    return VBLIP_OK;
}

static const struct stage {
    const char *name;
    uint32_t task;   // that it belongs to; 0 = to all
    uint32_t frames; // that are seen before; 0 = by the stage itself
    uint32_t count;  // of what `unit` counts
    const char *unit;
    const char *what;
    vblip_status (*run)(void *user, vblip_error *err);
} stages[] = {
    {"vision", 0, 0, 1, "frames/s", "1 frame", run_vision},
    {"vision", 0, 0, 8, "frames/s", "8 frames", run_vision},
    {"text", VBLIP_TASK_ITC, 0, 1, "texts/s", "ITC, 1 text of 20 tokens", run_text},
    {"keys", VBLIP_TASK_ITC, 8, 1, "clips/s",
     "cross-attention keys and values of 8 frames", run_keys},
    {"itm", VBLIP_TASK_RETRIEVAL, 1, 1, "pairs/s",
     "1 text of 20 tokens, 1 frame, its keys made", run_itm},
    {"itm", VBLIP_TASK_RETRIEVAL, 8, 1, "pairs/s",
     "1 text of 20 tokens, 8 frames, their keys made", run_itm},
    {"itm", VBLIP_TASK_RETRIEVAL, 8, 8, "pairs/s",
     "8 texts of 20 tokens, 8 frames, their keys made", run_itm},
    {"caption", VBLIP_TASK_CAPTION, 1, 1, "captions/s",
     "beam 3 up to 20 tokens, 1 frame seen", run_caption},
};

static vblip_status run_stage(bench *b, const struct stage *stage, vblip_bench_fn fn,
                              void *user, vblip_error *err)
{
    vb_timing timing;
    char detail[160];
    if (stage->frames)
        VB_TRY(vb_model_encode(b->model, b->visual, b->frames, stage->frames, 0, NULL,
                               err));
    b->count = stage->count;
    VB_TRY(vb_time(&timing, stage->run, b, err));
    snprintf(detail, sizeof detail, "%s (%u px)", stage->what,
             b->model->config.vision.image_size);
    const vblip_bench_result result = {
        .name = stage->name,
        .detail = detail,
        .runs = timing.runs,
        .min_s = timing.min_s,
        .median_s = timing.median_s,
        .work = stage->count / timing.min_s,
        .unit = stage->unit,
    };
    if (fn(user, &result))
        return vb_fail(err, VBLIP_ERR_CANCELLED, "bench: stopped");
    return VBLIP_OK;
}

// ------------------------------------------------------------------------------- all

static bool is_name(const char *name)
{
    for (const char *const *known = vb_model_bench_names; *known; known++)
        if (strcmp(*known, name) == 0)
            return true;
    return false;
}

static vblip_status run_stages(bench *b, const char *name, vblip_bench_fn fn,
                               void *user, vblip_error *err)
{
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        const struct stage *stage = &stages[i];
        const bool wanted = !name || strcmp(name, stage->name) == 0;
        if (wanted && (stage->task & ~b->model->tasks) == 0)
            VB_TRY(run_stage(b, stage, fn, user, err));
    }
    return VBLIP_OK;
}

vblip_status vb_model_bench(vb_model *model, const char *name, vblip_bench_fn fn,
                            void *user, vblip_error *err)
{
    if (name && !is_name(name))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "bench: %s: unknown", name);
    const uint32_t side = model->config.vision.image_size;
    uint8_t *pixels = calloc((size_t)side * side, 3);
    bench b = {.model = model};
    b.itc =
        calloc(model->config.projection ? model->config.projection : 1, sizeof *b.itc);
    vblip_status status = VBLIP_OK;
    if (!pixels || !b.itc)
        status = vb_fail_memory(err, "bench");
    for (uint32_t i = 0; i < MOST; i++) {
        b.frames[i] = (vb_frame){.side = side, .rgb = pixels};
        b.texts[i] = text;
    }
    if (status == VBLIP_OK)
        status = vb_visual_make(&b.visual, model, err);
    if (status == VBLIP_OK)
        status = run_stages(&b, name, fn, user, err);
    if (b.visual)
        vb_visual_free(&b.visual);
    free(pixels);
    free(b.itc);
    return status;
}

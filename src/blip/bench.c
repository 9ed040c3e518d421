#include "blip/bench.h"

#include "base/timing.h"
#include "blip/model_internal.h"
#include "compute/recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const vb_model_bench_names[] = {"vision",  "text",      "keys",
                                            "itm",     "itm-image", "itm-video",
                                            "caption", "vqa-video", NULL};

typedef struct bench {
    vb_model *model;
    vb_visual *visual;
    vb_frame frames[VB_MOST_COUNTED];
    const char *texts[VB_MOST_COUNTED];
    uint32_t frame_count, count; // of the shape at hand
    float logits[VB_MOST_COUNTED][2];
    float *itc; // [VB_MOST_COUNTED, projection]
    double peak;
} bench;

// As many words as texts of 12, 20 and 35 tokens have between their first and [SEP], each
// one token.
#define TEN_WORDS "a a a a a a a a a a"
static const char words_12[] = TEN_WORDS;
static const char words_20[] = TEN_WORDS " a a a a a a a a";
static const char words_35[] = TEN_WORDS " " TEN_WORDS " " TEN_WORDS " a a a";

// --------------------------------------------------------------------------- the stages

static vblip_status encode_frames_again(bench *b, vblip_error *err)
{
    return vb_model_encode(b->model, b->visual, b->frames, b->frame_count, 0, NULL,
                           err);
}

static vblip_status run_vision(void *user, vblip_error *err)
{
    bench *b = user;
    VB_TRY(encode_frames_again(b, err));
    return vb_device_finish(b->model->device, err);
}

static vblip_status run_text(void *user, vblip_error *err)
{
    bench *b = user;
    return vb_model_text_itc(b->model, b->texts, b->count, b->itc, err);
}

static vblip_status run_keys(void *user, vblip_error *err)
{
    bench *b = user;
    const vb_cross *cross;
    vb_visual_forget(b->visual);
    VB_TRY(vb_visual_encoder_cross(&cross, b->visual, 0, VB_MANY_ROWS, err));
    return vb_device_finish(b->model->device, err);
}

static vblip_status run_itm(void *user, vblip_error *err)
{
    bench *b = user;
    return vb_model_itm(b->model, b->visual, b->texts, b->count, false, b->logits, err);
}

static vblip_status run_first_itm(void *user, vblip_error *err)
{
    bench *b = user;
    vb_visual_forget(b->visual);
    return run_itm(user, err);
}

// A caption of each frame: beam search of 3 with 20 new tokens behind a prompt of 4; [SEP]
// is forbidden before.
static vblip_status run_words(void *user, vblip_error *err)
{
    bench *b = user;
    const vb_caption_params params = {.max_length = 24, .min_length = 24};
    vb_generated out[VB_MOST_COUNTED];
    vb_visual_forget(b->visual);
    VB_TRY(vb_model_captions(b->model, b->visual, &params, NULL, out, b->frame_count, 1,
                             err));
    for (uint32_t i = 0; i < b->frame_count; i++)
        vb_generated_free(&out[i]);
    return VBLIP_OK;
}

static vblip_status run_caption(void *user, vblip_error *err)
{
    VB_TRY(encode_frames_again(user, err));
    return run_words(user, err);
}

// Beam search of 3 with 9 new tokens.
static vblip_status run_question(void *user, vblip_error *err)
{
    bench *b = user;
    const vb_answer_params params = {.max_length = 10, .min_length = 10};
    vb_generated out;
    VB_TRY(vb_model_answer(b->model, b->visual, b->texts[0], &params, &out, err));
    vb_generated_free(&out);
    return VBLIP_OK;
}

static vblip_status run_second_question(void *user, vblip_error *err)
{
    bench *b = user;
    vb_visual_forget(b->visual);
    return run_question(user, err);
}

static vblip_status run_first_question(void *user, vblip_error *err)
{
    VB_TRY(encode_frames_again(user, err));
    return run_question(user, err);
}

enum { UNSEEN, SEEN, READ }; // what is ready: nothing, the frames, their keys
enum { NOTHING, FRAMES, TEXTS };

static const struct stage {
    const char *name;
    uint32_t task;      // that it belongs to; 0 = to all
    uint32_t before;    // UNSEEN ...
    uint32_t counted;   // NOTHING ...: what a run has several of
    uint32_t counts[3]; // of that, where none are asked for; ended by 0
    uint32_t frames;    // of the clip, where those are not counted
    const char *words;
    const char *unit;
    const char *what; // behind the count, if there is one
    vblip_status (*run)(void *user, vblip_error *err);
} stages[] = {
    {"vision", 0, UNSEEN, FRAMES, {1, 8}, 0, words_20, "frames/s", "", run_vision},
    {"text",
     VBLIP_TASK_ITC,
     SEEN,
     TEXTS,
     {1, 64},
     0,
     words_35,
     "texts/s",
     " of 35 tokens, ITC",
     run_text},
    {"keys",
     VBLIP_TASK_ITC,
     SEEN,
     NOTHING,
     {1},
     8,
     words_20,
     "clips/s",
     "cross-attention keys and values of 8 frames",
     run_keys},
    {"itm",
     VBLIP_TASK_RETRIEVAL,
     READ,
     TEXTS,
     {1},
     1,
     words_20,
     "pairs/s",
     " of 20 tokens, 1 frame, its keys made",
     run_itm},
    {"itm",
     VBLIP_TASK_RETRIEVAL,
     READ,
     TEXTS,
     {1, 8},
     8,
     words_20,
     "pairs/s",
     " of 20 tokens, 8 frames, their keys made",
     run_itm},
    {"itm-image",
     VBLIP_TASK_RETRIEVAL,
     SEEN,
     TEXTS,
     {1, 8},
     1,
     words_20,
     "pairs/s",
     " of 20 tokens, 1 frame, the first time",
     run_first_itm},
    {"itm-video",
     VBLIP_TASK_RETRIEVAL,
     SEEN,
     TEXTS,
     {1, 8},
     8,
     words_20,
     "pairs/s",
     " of 20 tokens, 8 frames, the first time",
     run_first_itm},
    {"caption",
     VBLIP_TASK_CAPTION,
     UNSEEN,
     FRAMES,
     {1, 8},
     0,
     words_20,
     "captions/s",
     ", a caption each: beam 3, prompt of 4, 20 new tokens",
     run_caption},
    {"caption",
     VBLIP_TASK_CAPTION,
     SEEN,
     FRAMES,
     {1, 8},
     0,
     words_20,
     "captions/s",
     " seen before, a caption each",
     run_words},
    {"vqa-video",
     VBLIP_TASK_VQA,
     UNSEEN,
     NOTHING,
     {1},
     16,
     words_12,
     "answers/s",
     "16 frames, question of 12, beam 3, 9 new tokens",
     run_first_question},
    {"vqa-video",
     VBLIP_TASK_VQA,
     SEEN,
     NOTHING,
     {1},
     16,
     words_12,
     "answers/s",
     "the same, the frames seen",
     run_second_question},
    {"vqa-video",
     VBLIP_TASK_VQA,
     READ,
     NOTHING,
     {1},
     16,
     words_12,
     "answers/s",
     "the same, their keys made",
     run_question},
};

uint32_t vb_model_bench_task(const char *name)
{
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++)
        if (strcmp(stages[i].name, name) == 0)
            return stages[i].task == VBLIP_TASK_CAPTION ||
                           stages[i].task == VBLIP_TASK_VQA
                       ? stages[i].task
                       : VBLIP_TASK_RETRIEVAL;
    return 0;
}

// "8 frames, a caption each (384 px)"
static void write_detail(char *out, size_t size, const struct stage *stage,
                         const bench *b)
{
    static const char *const nouns[] = {[FRAMES] = "frame", [TEXTS] = "text"};
    const uint32_t side = b->model->config.vision.image_size;
    if (stage->counted == NOTHING)
        snprintf(out, size, "%s (%u px)", stage->what, side);
    else
        snprintf(out, size, "%u %s%s%s (%u px)", b->count, nouns[stage->counted],
                 b->count == 1 ? "" : "s", stage->what, side);
}

static vblip_status run_stage(bench *b, const struct stage *stage, uint32_t count,
                              vblip_bench_fn fn, void *user, vblip_error *err)
{
    vb_timing timing;
    char detail[160];
    b->count = count;
    b->frame_count = stage->counted == FRAMES ? count : stage->frames;
    for (uint32_t i = 0; i < VB_MOST_COUNTED; i++)
        b->texts[i] = stage->words;
    if (stage->before != UNSEEN && b->frame_count)
        VB_TRY(run_vision(b, err));
    if (stage->before == READ)
        VB_TRY(run_keys(b, err));
    const double before = b->model->device->flops;
    VB_TRY(vb_time(&timing, stage->run, b, err));
    const double done = b->model->device->flops - before;
    write_detail(detail, sizeof detail, stage, b);
    const vblip_bench_result result = {
        .name = stage->name,
        .detail = detail,
        .runs = timing.runs,
        .min_s = timing.min_s,
        .median_s = timing.median_s,
        .work = count / timing.min_s,
        .unit = stage->unit,
        .gflops = vb_timed_rate(&timing, done) / 1e9,
        .peak = b->peak,
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

static vblip_status check_counts(const uint32_t *counts, vblip_error *err)
{
    for (; counts && *counts; counts++)
        if (*counts > VB_MOST_COUNTED)
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "bench: %u at a time: at most %d",
                           *counts, VB_MOST_COUNTED);
    return VBLIP_OK;
}

static vblip_status run_stages(bench *b, const char *name, const uint32_t *counts,
                               vblip_bench_fn fn, void *user, vblip_error *err)
{
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        const struct stage *stage = &stages[i];
        const bool wanted = !name || strcmp(name, stage->name) == 0;
        if (!wanted || (stage->task & ~b->model->tasks) != 0)
            continue;
        const uint32_t *count =
            counts && stage->counted != NOTHING ? counts : stage->counts;
        for (; *count; count++)
            VB_TRY(run_stage(b, stage, *count, fn, user, err));
    }
    return VBLIP_OK;
}

vblip_status vb_model_bench(vb_model *model, const char *name, const uint32_t *counts,
                            vblip_bench_fn fn, void *user, vblip_error *err)
{
    if (name && !is_name(name))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "bench: %s: unknown", name);
    VB_TRY(check_counts(counts, err));
    const uint32_t side = model->config.vision.image_size;
    uint8_t *pixels = calloc((size_t)side * side, 3);
    bench b = {.model = model, .peak = vb_device_peak(model->device)};
    b.itc =
        calloc((size_t)VB_MOST_COUNTED * (model->config.projection + 1), sizeof *b.itc);
    vblip_status status = VBLIP_OK;
    if (!pixels || !b.itc)
        status = vb_fail_memory(err, "bench");
    for (uint32_t i = 0; i < VB_MOST_COUNTED; i++)
        b.frames[i] = (vb_frame){.side = side, .rgb = pixels};
    if (status == VBLIP_OK)
        status = vb_visual_make(&b.visual, model, err);
    if (status == VBLIP_OK)
        status = run_stages(&b, name, counts, fn, user, err);
    if (b.visual)
        vb_visual_free(&b.visual);
    free(pixels);
    free(b.itc);
    return status;
}

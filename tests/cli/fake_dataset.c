// fake_dataset.c - the data sets of the fake library: "missing..." cannot be opened and
// "torn..." not be parsed. Also what needs no model of it: benchmarks, and what decodes.
#include "cli/fake_vblip.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct vblip_dataset {
    vblip_protocol protocol;
    char name[256];
};

vblip_status vblip_dataset_open(vblip_dataset **out, vblip_protocol protocol,
                                const char *annotations,
                                const vblip_dataset_options *options, vblip_error *err)
{
    *out = NULL;
    if (fake_has(annotations, "missing"))
        return fake_fail(err, VBLIP_ERR_IO, "%s: No such file or directory",
                         annotations);
    if (fake_has(annotations, "torn"))
        return fake_fail(err, VBLIP_ERR_FORMAT, "%s:2: not JSON", annotations);
    if (options->answers)
        return fake_fail(err, VBLIP_ERR_FORMAT, "%s: holds no answer",
                         options->answers);
    vblip_dataset *dataset = calloc(1, sizeof *dataset);
    if (!dataset)
        return fake_fail(err, VBLIP_ERR_MEMORY, "data set: out of memory");
    dataset->protocol = protocol;
    snprintf(dataset->name, sizeof dataset->name, "%s", annotations ? annotations : "");
    *out = dataset;
    return VBLIP_OK;
}

void vblip_dataset_close(vblip_dataset **dataset)
{
    free(*dataset);
    *dataset = NULL;
}

// Two inputs, "one.png" and "two.png", whose predictions are canned. Annotations named
// "bad..." have a third that cannot be read.
vblip_status vblip_eval(vblip_model *model, const vblip_dataset *dataset,
                        const vblip_eval_options *options, vblip_error *err)
{
    (void)model;
    const char *annotations = dataset->name;
    const vblip_protocol protocol = dataset->protocol;
    static const vblip_prediction predictions[] = {
        {42, 0, "one.png", "what?", "a dog", "a dog", true},
        {7, 1, "two.png", "who, then?", "a \"cat\"", "man", false},
    };
    const vblip_job *job = options->job;
    const vblip_failure failure = {2, "three.png", "No such file or directory"};
    for (int i = 0; protocol != VBLIP_EVAL_RETRIEVAL && i < 2; i++) {
        if (fake_has(annotations, "interrupt") && i == 1)
            raise(SIGINT);
        if (options->predicted(options->user, &predictions[i]))
            return fake_cancelled(err);
    }
    if (fake_has(annotations, "bad")) {
        if (job->failed(job->user, &failure))
            return fake_cancelled(err);
        return fake_fail(err, VBLIP_ERR_IO,
                         "%s: 1 of 3 videos or images could not be read: "
                         "no metrics",
                         annotations);
    }
    if (protocol == VBLIP_EVAL_NLVR &&
        options->measured(options->user, "accuracy", 50.0))
        return fake_cancelled(err);
    if (protocol == VBLIP_EVAL_QA || protocol == VBLIP_EVAL_RETRIEVAL) {
        const char *name = protocol == VBLIP_EVAL_QA ? "accuracy" : "txt_r1";
        const char *second = protocol == VBLIP_EVAL_QA ? "accuracy_what" : "r_mean";
        if (options->measured(options->user, name, 50.0) ||
            options->measured(options->user, second, 100.0 / 3))
            return fake_cancelled(err);
    }
    return VBLIP_OK;
}

// Models with "fitted" in their names have a calibration, which is for 8 frames.
const vblip_calibration *vblip_model_calibration(const vblip_model *model,
                                                 uint32_t frames, bool itm_cls,
                                                 vblip_error *err)
{
    static const vblip_calibration fitted = {.path = "fitted/calibration.json"};
    (void)itm_cls;
    if (!fake_has(vblip_model_describe(model)->path, "fitted"))
        return NULL;
    if (!frames || frames == 8)
        return &fitted;
    fake_fail(err, VBLIP_ERR_ARGUMENT, "%s: fitted with 8 frames, not %u", fitted.path,
              frames);
    return NULL;
}

// Four pairs, of which "few..." has too few and "bad..." one that cannot be read.
vblip_status vblip_calibrate(vblip_model *model, const vblip_dataset *pairs,
                             const vblip_calibrate_options *options,
                             vblip_calibrated_fn fn, void *user, vblip_error *err)
{
    static const char *const reason = "1 pairs match, 3 do not";
    const vblip_failure failure = {2, "three.png", "No such file or directory"};
    const vblip_calibration fitted = {
        .path = options->output ? options->output : "fake/calibration.json",
        .temperature = options->itm_cls ? 4 : 2,
        .bias = -0.5f,
        .pairs = 4,
        .matches = 1,
    };
    (void)model;
    if (fake_has(pairs->name, "few"))
        return fake_fail(err, VBLIP_ERR_FORMAT, "%s: %s", pairs->name, reason);
    if (fake_has(pairs->name, "bad")) {
        if (options->job->failed(options->job->user, &failure))
            return fake_cancelled(err);
        return fake_fail(err, VBLIP_ERR_IO, "%s: 1 of 3 could not be read",
                         pairs->name);
    }
    const vblip_calibrated calibrated = {
        .calibration = &fitted,
        .before = {.bins[0] = {3, 0.0625, 0}, .bins[9] = {1, 0.9375, 1}, .ece = 0.0625},
        .after = {.bins[1] = {4, 0.125, 0.25}, .ece = 0.125, .brier = 0.25},
    };
    return fn(user, &calibrated) ? fake_cancelled(err) : VBLIP_OK;
}

// Three pairs, of which the second cannot be read.
vblip_status vblip_filter(vblip_model *model, vblip_model *captioner,
                          const vblip_dataset *pairs,
                          const vblip_filter_options *options, vblip_filtered_fn fn,
                          void *user, vblip_error *err)
{
    (void)model;
    (void)captioner;
    static const vblip_filtered all[] = {
        {1, "one.png", NULL, {"a dog", 0.75f, true}, {"a \"dog\"", 0.25f, false}},
        {2, "two.png", "two.png: gone", {0}, {0}},
        {4, "three.png", NULL, {"x", 0.25f, false}, {"a cat", 0.5f, true}},
    };
    const vblip_failure failure = {1, "two.png", "gone"};
    for (int i = 0; i < 3; i++) {
        if (all[i].pair <= options->after)
            continue;
        if (fake_has(pairs->name, "lost") && i == 2)
            return fake_fail(err, VBLIP_ERR_DEVICE, "llvmpipe: device lost");
        if (all[i].error && options->job->failed(options->job->user, &failure))
            return fake_cancelled(err);
        if (fn(user, &all[i]))
            return fake_cancelled(err);
    }
    return VBLIP_OK;
}

vblip_status vblip_hwaccels(vblip_hwaccel_fn fn, void *user, vblip_error *err)
{
    (void)err;
    (void)(fn(user, "cuda", false) || fn(user, "vaapi", true) ||
           fn(user, "qsv", false));
    return VBLIP_OK;
}

const char *const *vblip_decode_bench_names(void)
{
    static const char *const names[] = {"decode-uniform", NULL};
    return names;
}

vblip_status vblip_decode_bench(const vblip_inputs *inputs, const char *name,
                                const vblip_decode_bench_options *options,
                                vblip_bench_fn fn, void *user, vblip_error *err)
{
    const vblip_input *first = vblip_inputs_at(inputs, 0);
    char detail[64];
    if (fake_has(first->path, "bad.mp4"))
        return fake_fail(err, VBLIP_ERR_FORMAT, "bad.mp4: no video stream");
    snprintf(detail, sizeof detail, "%s x %u, -j %u, %u threads", first->path,
             vblip_inputs_count(inputs), options->jobs, options->threads);
    const vblip_bench_result result = {
        .name = name,
        .detail = detail,
        .runs = 3,
        .min_s = 0.5,
        .median_s = 1,
        .work = 2,
        .unit = "frames/s",
    };
    return fn(user, &result) ? fake_cancelled(err) : VBLIP_OK;
}

vblip_status vblip_bench_model(vblip_model **out, vblip_engine *engine,
                               const char *size, uint32_t task, vblip_error *err)
{
    const vblip_model_options options = {.path = size, .tasks = task};
    return vblip_model_load(out, engine, &options, err);
}

// A cut at 2.04 s of every video.
vblip_status vblip_shots(const vblip_inputs *inputs, const vblip_shots_options *options,
                         vblip_shot_fn fn, void *user, vblip_error *err)
{
    static const int64_t cuts[] = {0, 2040000, 5000000};
    for (uint32_t i = 0; i < vblip_inputs_count(inputs); i++) {
        const char *path = vblip_inputs_at(inputs, i)->path;
        const vblip_failure failure = {.path = path, .message = "no video stream"};
        const bool timed = !fake_has(path, ".png"), bad = fake_has(path, "bad");
        if (bad && options->job->failed(options->job->user, &failure))
            return fake_cancelled(err);
        for (uint32_t k = 0; !bad && k < (timed ? 2 : 1); k++) {
            const vblip_shot shot = {i, path, k + 1, timed, cuts[k], cuts[k + 1]};
            if (fn(user, &shot))
                return fake_cancelled(err);
        }
    }
    return VBLIP_OK;
}

// ------------------------------------------------------------------------- benchmarks

const char *const *vblip_bench_names(void)
{
    static const char *const names[] = {"linear", "attention", NULL};
    return names;
}

vblip_status vblip_bench(vblip_engine *engine, const char *name, vblip_bench_fn fn,
                         void *user, vblip_error *err)
{
    (void)engine;
    for (const char *const *known = vblip_bench_names(); *known; known++) {
        const vblip_bench_result result = {
            .name = *known,
            .detail = "577x3072x768 lavapipe",
            .runs = 20,
            .min_s = 0.0625,
            .median_s = 0.125,
            .work = 60.5,
            .unit = "GFLOP/s",
            .gflops = 60.5,
            .peak = 121,
        };
        if ((!name || strcmp(name, *known) == 0) && fn(user, &result))
            return fake_cancelled(err);
    }
    return VBLIP_OK;
}

const char *const *vblip_model_bench_names(void)
{
    static const char *const names[] = {"vision", NULL};
    return names;
}

uint32_t vblip_model_bench_task(const char *name)
{
    return strcmp(name, "vision") == 0 ? VBLIP_TASK_RETRIEVAL : 0;
}

vblip_status vblip_model_bench(vblip_model *model, const char *name,
                               const uint32_t *counts, vblip_bench_fn fn, void *user,
                               vblip_error *err)
{
    static const uint32_t one[] = {1, 0};
    (void)model;
    (void)name;
    for (counts = counts ? counts : one; *counts; counts++) {
        char detail[32];
        snprintf(detail, sizeof detail, "%u frames (384 px)", *counts);
        const vblip_bench_result result = {
            .name = "vision",
            .detail = detail,
            .runs = 3,
            .min_s = 0.5,
            .median_s = 1,
            .work = *counts / 0.5,
            .unit = "frames/s",
        };
        if (fn(user, &result))
            return fake_cancelled(err);
    }
    return VBLIP_OK;
}

// model.c - the exported functions about checkpoints and models.
#include "vblip.h"

#include "api/objects.h"
#include "blip/bench.h"
#include "checkpoint/seeded.h"

#include <stdlib.h>

static vblip_status take_model_options(vblip_model_options *out,
                                       const vblip_model_options *given,
                                       vblip_error *err)
{
    VB_TRY(vb_take_model(out, given, err));
    if (out->path)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_IO,
                   "no model: the bundled demo model is not installed; give one "
                   "(--model PATH)");
}

vblip_status vblip_model_inspect(const vblip_model_options *options,
                                 vblip_model_info_fn fn, void *user, vblip_error *err)
{
    vblip_model_options o;
    vb_error_reset(err);
    VB_TRY(take_model_options(&o, options, err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    return vb_checkpoint_inspect(&o, fn, user, err);
}

typedef struct loading {
    vblip_engine *engine;
    uint32_t tasks; // 0 = all there are
    bool raw_text;
    vblip_compat compat;
    const char *calibration; // as in vblip_model_options
} loading;

// Takes the checkpoint, also when it fails.
static vblip_status load_checkpoint(vblip_model **out, vb_checkpoint *checkpoint,
                                    const loading *l, vblip_error *err)
{
    vblip_model *model = calloc(1, sizeof *model);
    if (!model) {
        vb_checkpoint_close(&checkpoint);
        return vb_fail_memory(err, "model");
    }
    model->engine = l->engine;
    model->checkpoint = checkpoint;
    model->raw_text = l->raw_text;
    model->compat = l->compat;
    model->tasks = l->tasks ? l->tasks : vb_checkpoint_info(checkpoint)->tasks;
    const vb_model_options load = {
        .tasks = model->tasks, .raw_text = l->raw_text, .compat = l->compat};
    vblip_status status =
        vb_model_load(&model->model, l->engine->device, checkpoint, &load, err);
    if (status == VBLIP_OK)
        status = vb_calibration_load(model, l->calibration, err);
    if (status != VBLIP_OK)
        vblip_model_free(&model);
    *out = model;
    return status;
}

vblip_status vblip_model_load(vblip_model **out, vblip_engine *engine,
                              const vblip_model_options *options, vblip_error *err)
{
    vblip_model_options o;
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_need(engine != NULL, "engine", err));
    VB_TRY(take_model_options(&o, options, err));
    const loading l = {engine, o.tasks, o.raw_text, o.compat, o.calibration};
    vb_checkpoint *checkpoint;
    VB_TRY(vb_checkpoint_open(&checkpoint, &o, err));
    return load_checkpoint(out, checkpoint, &l, err);
}

vblip_status vb_model_match_hash(uint64_t *out, vblip_model *model, vblip_error *err)
{
    if (!model->match_hash)
        VB_TRY(vb_checkpoint_match_hash(&model->match_hash, model->checkpoint, err));
    *out = model->match_hash;
    return VBLIP_OK;
}

void vblip_model_free(vblip_model **model)
{
    if (!model || !*model)
        return;
    vb_calibration_free(&(*model)->calibration);
    vb_model_free(&(*model)->model);
    vb_checkpoint_close(&(*model)->checkpoint);
    free(*model);
    *model = NULL;
}

const vblip_model_info *vblip_model_describe(const vblip_model *model)
{
    return model ? vb_checkpoint_info(model->checkpoint) : NULL;
}

vblip_counts vblip_model_counts(const vblip_model *model)
{
    if (!model)
        return (vblip_counts){0};
    return (vblip_counts){
        .frames_decoded = model->counters.frames_decoded,
        .frames_encoded = model->counters.frames_encoded,
    };
}

const char *const *vblip_bench_sizes(void)
{
    return vb_seeded_sizes;
}

vblip_status vblip_bench_model(vblip_model **out, vblip_engine *engine,
                               const char *size, uint32_t task, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_need(engine != NULL, "engine", err));
    VB_TRY(vb_need(size != NULL, "size", err));
    if (!task || (task & (task - 1)) || task > VBLIP_TASK_ITC)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "task: 0x%x, expected one",
                       (unsigned)task);
    const char *vocab = vblip_bundled_vocab();
    if (!vocab)
        return vb_fail(err, VBLIP_ERR_IO, "the bundled vocabulary is not installed");
    vb_checkpoint *checkpoint;
    VB_TRY(vb_checkpoint_make_seeded(&checkpoint, size, task, vocab, err));
    const loading l = {.engine = engine, .calibration = "none"};
    return load_checkpoint(out, checkpoint, &l, err);
}

const char *const *vblip_model_bench_names(void)
{
    return vb_model_bench_names;
}

uint32_t vblip_model_bench_task(const char *name)
{
    return name ? vb_model_bench_task(name) : 0;
}

vblip_status vblip_model_bench(vblip_model *model, const char *name,
                               const uint32_t *counts, vblip_bench_fn fn, void *user,
                               vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(model != NULL, "model", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    return vb_model_bench(model->model, name, counts, fn, user, err);
}

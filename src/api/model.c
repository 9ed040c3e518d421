// model.c - the exported functions about checkpoints and models.
#include "vblip.h"

#include "api/objects.h"
#include "blip/bench.h"

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

vblip_status vblip_model_load(vblip_model **out, vblip_engine *engine,
                              const vblip_model_options *options, vblip_error *err)
{
    vblip_model_options o;
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_need(engine != NULL, "engine", err));
    VB_TRY(take_model_options(&o, options, err));
    vblip_model *model = calloc(1, sizeof *model);
    if (!model)
        return vb_fail_memory(err, "model");
    vblip_status status = vb_checkpoint_open(&model->checkpoint, &o, err);
    if (status == VBLIP_OK) {
        const uint32_t held = vb_checkpoint_info(model->checkpoint)->tasks;
        model->tasks = o.tasks ? o.tasks : held;
        const vb_model_options load = {
            .tasks = model->tasks, .raw_text = o.raw_text, .compat = o.compat};
        status =
            vb_model_load(&model->model, engine->device, model->checkpoint, &load, err);
    }
    if (status != VBLIP_OK)
        vblip_model_free(&model);
    *out = model;
    return status;
}

void vblip_model_free(vblip_model **model)
{
    if (!model || !*model)
        return;
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

const char *const *vblip_model_bench_names(void)
{
    return vb_model_bench_names;
}

vblip_status vblip_model_bench(vblip_model *model, const char *name, vblip_bench_fn fn,
                               void *user, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(model != NULL, "model", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    return vb_model_bench(model->model, name, fn, user, err);
}

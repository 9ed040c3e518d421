// vblip_model.c - the exported functions about checkpoints, models and tokenizers.
#include "vblip.h"

#include "blip/bench.h"
#include "tokenizer/tokenizer.h"
#include "vblip_objects.h"

#include <stdlib.h>

// ------------------------------------------------------------------------ checkpoints

static vblip_status check_options(const vblip_model_options *options, vblip_error *err)
{
    VB_TRY(vb_need(options != NULL, "options", err));
    VB_TRY(vb_need(options->path != NULL, "path of the model", err));
    const uint32_t all =
        VBLIP_TASK_RETRIEVAL | VBLIP_TASK_CAPTION | VBLIP_TASK_VQA | VBLIP_TASK_NLVR;
    if (options->tasks & ~all)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "tasks: 0x%x, known are 0x%x",
                       (unsigned)options->tasks, (unsigned)all);
    if (options->compat != VBLIP_COMPAT_SALESFORCE &&
        options->compat != VBLIP_COMPAT_HF)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "compat: %d, known are 0 and 1",
                       (int)options->compat);
    return VBLIP_OK;
}

vblip_status vblip_model_inspect(const vblip_model_options *options,
                                 vblip_model_info_fn fn, void *user, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(check_options(options, err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    return vb_checkpoint_inspect(options, fn, user, err);
}

vblip_status vblip_model_load(vblip_model **out, vblip_engine *engine,
                              const vblip_model_options *options, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_need(engine != NULL, "engine", err));
    VB_TRY(check_options(options, err));
    vblip_model *model = calloc(1, sizeof *model);
    if (!model)
        return vb_fail_memory(err, "model");
    vblip_status status = vb_checkpoint_open(&model->checkpoint, options, err);
    if (status == VBLIP_OK) {
        const uint32_t held = vb_checkpoint_info(model->checkpoint)->tasks;
        model->tasks = options->tasks ? options->tasks : held;
        const vb_model_options load = {.tasks = model->tasks,
                                       .raw_text = options->raw_text,
                                       .compat = options->compat};
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

// -------------------------------------------------------------------------- tokenizer

struct vblip_tokenizer {
    vb_vocab *vocab;
    vb_ids ids;          // of the last text
    const char **pieces; // [ids.count]
    uint32_t capacity;   // of pieces
};

vblip_status vblip_tokenizer_open(vblip_tokenizer **out, const char *vocab,
                                  vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_need(vocab != NULL, "vocab", err));
    vblip_tokenizer *tokenizer = calloc(1, sizeof *tokenizer);
    if (!tokenizer)
        return vb_fail_memory(err, "tokenizer");
    vblip_status status = vb_vocab_load(&tokenizer->vocab, vocab, err);
    if (status != VBLIP_OK)
        vblip_tokenizer_close(&tokenizer);
    *out = tokenizer;
    return status;
}

void vblip_tokenizer_close(vblip_tokenizer **tokenizer)
{
    if (!tokenizer || !*tokenizer)
        return;
    vb_vocab_free(&(*tokenizer)->vocab);
    vb_ids_free(&(*tokenizer)->ids);
    free((*tokenizer)->pieces);
    free(*tokenizer);
    *tokenizer = NULL;
}

static vblip_status grow_pieces(vblip_tokenizer *tokenizer, vblip_error *err)
{
    const uint32_t count = tokenizer->ids.count;
    if (count <= tokenizer->capacity)
        return VBLIP_OK;
    const char **pieces = realloc(tokenizer->pieces, count * sizeof *pieces);
    if (!pieces)
        return vb_fail_memory(err, "tokens");
    tokenizer->pieces = pieces;
    tokenizer->capacity = count;
    return VBLIP_OK;
}

vblip_status vblip_tokenize(vblip_tokens *out, vblip_tokenizer *tokenizer,
                            const char *text, uint64_t size, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = (vblip_tokens){0};
    VB_TRY(vb_need(tokenizer != NULL, "tokenizer", err));
    VB_TRY(vb_need(text != NULL, "text", err));
    VB_TRY(vb_tokenize(&tokenizer->ids, tokenizer->vocab, text, (size_t)size, 0, err));
    VB_TRY(grow_pieces(tokenizer, err));
    for (uint32_t i = 0; i < tokenizer->ids.count; i++)
        tokenizer->pieces[i] = vb_vocab_token(tokenizer->vocab, tokenizer->ids.ids[i]);
    *out = (vblip_tokens){
        .count = tokenizer->ids.count,
        .ids = tokenizer->ids.ids,
        .pieces = tokenizer->pieces,
    };
    return VBLIP_OK;
}

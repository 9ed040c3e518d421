// cmd_embed.c - features into a safetensors file (cli.md 6).
#include "cli/cmd.h"
#include "cli/options.h"
#include "output/tensor_file.h"
#include "terminal/interrupt.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const vb_table table = {NULL, 0}; // there are no rows

enum { TASK_CHOICES = 5 };

// By vblip_feature: the tasks that will do, the best first.
static const uint32_t tasks_of[][TASK_CHOICES] = {
    [VBLIP_FEATURE_ITC_IMAGE] = {VBLIP_TASK_ITC},
    [VBLIP_FEATURE_ITC_TEXT] = {VBLIP_TASK_ITC},
    [VBLIP_FEATURE_VISION] = {VBLIP_TASK_ITC, VBLIP_TASK_VQA, VBLIP_TASK_CAPTION,
                              VBLIP_TASK_NLVR, VBLIP_TASK_FEATURES},
    [VBLIP_FEATURE_TEXT] = {VBLIP_TASK_ITC, VBLIP_TASK_VQA, VBLIP_TASK_FEATURES},
    [VBLIP_FEATURE_MULTIMODAL] = {VBLIP_TASK_ITC, VBLIP_TASK_VQA, VBLIP_TASK_FEATURES},
};

static bool of_inputs(const cli_session *s)
{
    return s->input_count > 0;
}

// The tensor of an input and a text, whichever there are.
static uint64_t tensor_number(const cli_session *s, uint32_t input, uint32_t text)
{
    if (!s->texts.count)
        return input;
    return (uint64_t)input * s->texts.count + text;
}

// Says in the metadata what a tensor is of.
static void note(cli_session *s, vb_tensor_file *tensors, uint32_t input, uint32_t text)
{
    char key[32];
    const uint64_t name = tensor_number(s, input, text);
    snprintf(key, sizeof key, "%" PRIu64, name);
    if (of_inputs(s)) {
        const char *path = cli_shown_path(s, vblip_inputs_at(s->inputs, input)->path);
        vb_tensor_file_note(tensors, key, path, strlen(path));
        snprintf(key, sizeof key, "%" PRIu64 ".text", name);
    }
    if (s->texts.count)
        vb_tensor_file_note(tensors, key, s->texts.items[text], s->texts.sizes[text]);
}

static int on_features(void *session, const vblip_features *f)
{
    cli_session *s = session;
    vb_tensor_file *tensors = s->state;
    char name[32];
    snprintf(name, sizeof name, "%" PRIu64, tensor_number(s, f->input, f->text));
    note(s, tensors, f->input, f->text);
    if (vb_tensor_file_add(tensors, name, f->values, f->rows, f->cols))
        s->written++;
    return s->out.error || vb_interrupted();
}

// Room for the header, should every input and text have its tensor.
static vblip_status cmd_embed_begin(cli_session *s, vblip_error *err)
{
    const uint32_t inputs = of_inputs(s) ? s->input_count : 1;
    const uint32_t texts = s->texts.count ? s->texts.count : 1;
    vb_tensor_file whole = {0};
    for (uint32_t i = 0; i < inputs; i++)
        for (uint32_t t = 0; t < texts; t++)
            note(s, &whole, i, t);
    const uint64_t metadata_bytes = whole.metadata.size;
    const bool failed = whole.metadata.failed;
    vb_tensor_file_free(&whole);
    if (failed)
        return vb_fail_memory(err, "embed");
    vblip_status status = vb_tensor_file_begin(
        s->state, &s->out, (uint64_t)inputs * texts, metadata_bytes, err);
    if (status == VBLIP_OK) {
        const char *name = cli_choice_name("what", s->args->what);
        vb_tensor_file_note(s->state, "what", name, strlen(name));
    }
    return status;
}

static vblip_status cmd_embed_run(cli_session *s, vblip_error *err)
{
    vblip_status status = cmd_embed_begin(s, err);
    if (status != VBLIP_OK)
        return status;
    const vblip_job job = cli_job(s);
    status = vblip_embed(s->model, (vblip_feature)s->args->what, s->inputs,
                         (const char *const *)s->texts.items, s->texts.count, &job,
                         on_features, s, err);
    if (s->written)
        vb_tensor_file_end(s->state);
    return status;
}

static int cmd_embed_on_model(void *held, const vblip_model_info *info)
{
    *(uint32_t *)held |= info->tasks;
    return 0;
}

// What to load of a checkpoint for several tasks, or of a model set: the first task that
// will do. A model that cannot be looked at is left to the loading to refuse.
static uint32_t choose_task(cli_session *s)
{
    const uint32_t *tasks = tasks_of[s->args->what];
    const vblip_model_options options = cli_model_options(s, 0);
    uint32_t held = 0;
    if (vblip_model_inspect(&options, cmd_embed_on_model, &held, NULL) == VBLIP_OK)
        for (int i = 0; i < TASK_CHOICES; i++)
            if (tasks[i] & held)
                return tasks[i];
    return tasks[0];
}

cli_exit cli_cmd_embed(cli_session *s)
{
    vb_tensor_file tensors = {0};
    s->state = &tensors;
    const cli_task task = {
        .table = &table,
        .needs = choose_task(s),
        .weights = "Salesforce/blip-itm-base-coco",
        .run = cmd_embed_run,
    };
    cli_exit code = cli_session_run(s, &task);
    vb_tensor_file_free(&tensors);
    return code;
}

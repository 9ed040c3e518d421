// calibration.c - the exported functions about what P(match) follows from, and its file.
#include "vblip_lab.h"

#include "api/objects.h"
#include "base/file.h"
#include "base/path.h"
#include "video_tasks/calibration_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_FRAMES = 8, MOST_BYTES = 1 << 16 };
static const char file_name[] = "calibration.json";

#define REMEDY "vblip calibrate fits another, --calibration none does without"

// -------------------------------------------------------------------------------- reading

// The file that is found beside the checkpoint or over it; NULL = none.
static vblip_status find_calibration(const char **out, vb_arena *arena,
                                     const vb_checkpoint *checkpoint, vblip_error *err)
{
    const char *const folders[] = {vb_checkpoint_folder(checkpoint),
                                   vb_checkpoint_set(checkpoint)};
    for (size_t i = 0; i < sizeof folders / sizeof *folders && folders[i]; i++) {
        bool there;
        *out = vb_path_join(arena, folders[i], file_name);
        if (!*out)
            return vb_fail_memory(err, file_name);
        VB_TRY(vb_path_exists(&there, *out, err));
        if (there)
            return VBLIP_OK;
    }
    *out = NULL;
    return VBLIP_OK;
}

static vblip_status read_calibration(vblip_calibration *out, const char *path,
                                     vblip_error *err)
{
    char *text;
    size_t size;
    vblip_error why = {0};
    vblip_status status = vb_file_read(&text, &size, path, MOST_BYTES, &why);
    if (status == VBLIP_OK) {
        status = vb_calibration_parse(out, text, size, path, &why);
        free(text);
    }
    if (status != VBLIP_OK)
        return vb_fail(err, status, "%s; " REMEDY, why.message);
    out->path = strdup(path);
    return out->path ? VBLIP_OK : vb_fail_memory(err, path);
}

vblip_status vb_calibration_load(vblip_model *model, const char *option,
                                 vblip_error *err)
{
    vb_model_calibration *c = &model->calibration;
    uint64_t hash;
    vb_arena arena = {0};
    const char *path = option;
    vblip_status status = VBLIP_OK;
    if (!(model->tasks & VBLIP_TASK_RETRIEVAL) ||
        (option && strcmp(option, "none") == 0))
        return VBLIP_OK;
    if (!option)
        status = find_calibration(&path, &arena, model->checkpoint, err);
    if (status == VBLIP_OK && path)
        status = read_calibration(&c->read, path, err);
    if (status == VBLIP_OK && path)
        status = vb_model_match_hash(&hash, model, err);
    vb_arena_free(&arena);
    c->named = option != NULL;
    return status;
}

void vb_calibration_free(vb_model_calibration *calibration)
{
    free((char *)(uintptr_t)calibration->read.path);
    *calibration = (vb_model_calibration){0};
}

// ------------------------------------------------------------------- what it was fitted for

static bool begins_with_cls(const vblip_model *model, bool itm_cls)
{
    return itm_cls || model->compat == VBLIP_COMPAT_HF;
}

vblip_status vb_calibration_plan(vblip_calibration *out, vb_arena *arena,
                                 const vblip_model *model,
                                 const vblip_calibrate_options *options,
                                 vblip_error *err)
{
    const char *folder = vb_checkpoint_folder(model->checkpoint);
    *out = (vblip_calibration){
        .path =
            options->output ? options->output : vb_path_join(arena, folder, file_name),
        .image_size = vb_model_config(model->model)->vision.image_size,
        .frames = options->job->frames ? options->job->frames : DEFAULT_FRAMES,
        .compat = model->compat,
        .itm_cls = begins_with_cls(model, options->itm_cls),
    };
    return out->path ? VBLIP_OK : vb_fail_memory(err, folder);
}

// Says in `why` what is other than it was fitted for; nothing when all is the same.
static void compare_calibration(vblip_error *why, const vblip_model *model,
                                uint32_t frames, bool itm_cls)
{
    const vblip_calibration *c = &model->calibration.read;
    const uint32_t size = vb_model_config(model->model)->vision.image_size;
    const bool cls = begins_with_cls(model, itm_cls);
    static const char *const compats[] = {"salesforce", "hf"};
    static const char *const tokens[] = {"[ENC]", "[CLS]"};
    const vblip_status status = VBLIP_ERR_ARGUMENT;
    if (c->model != model->match_hash)
        vb_fail(why, status,
                "%s: fitted for another model: %016" PRIx64 ", not %016" PRIx64,
                c->path, c->model, model->match_hash);
    else if (c->compat != model->compat)
        vb_fail(why, status, "%s: fitted with compat %s, not %s", c->path,
                compats[c->compat], compats[model->compat]);
    else if (c->image_size != size)
        vb_fail(why, status, "%s: fitted with images of %u pixels, not %u", c->path,
                (unsigned)c->image_size, (unsigned)size);
    else if (c->itm_cls != cls)
        vb_fail(why, status, "%s: fitted with %s first, not %s", c->path,
                tokens[c->itm_cls], tokens[cls]);
    else if (frames && c->frames != frames)
        vb_fail(why, status, "%s: fitted with %u frames of a clip, not %u", c->path,
                (unsigned)c->frames, (unsigned)frames);
}

vblip_status vb_calibration_choose(const vblip_calibration **out,
                                   const vblip_model *model, uint32_t frames,
                                   bool itm_cls, vblip_error *err)
{
    vblip_error why = {0};
    *out = NULL;
    if (!model->calibration.read.path)
        return VBLIP_OK;
    compare_calibration(&why, model, frames, itm_cls);
    if (why.status == VBLIP_OK)
        *out = &model->calibration.read;
    else if (model->calibration.named)
        return vb_fail(err, why.status, "%s; " REMEDY, why.message);
    return VBLIP_OK;
}

const vblip_calibration *vblip_model_calibration(const vblip_model *model,
                                                 uint32_t frames, bool itm_cls,
                                                 vblip_error *err)
{
    vblip_error why = {0};
    vb_error_reset(err);
    if (!model || !model->calibration.read.path)
        return NULL;
    compare_calibration(&why, model, frames ? frames : DEFAULT_FRAMES, itm_cls);
    if (why.status == VBLIP_OK)
        return &model->calibration.read;
    vb_fail(err, why.status, "%s", why.message);
    return NULL;
}

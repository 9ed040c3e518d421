// clip.c - the exported functions about one clip: opening and closing. What is asked of it
// is in tasks.c.
#include "vblip.h"

#include "api/objects.h"
#include "decode/raw.h"
#include "video_tasks/encoded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_FRAMES = 8 };

static vblip_status clip_make(vblip_clip **out, vblip_model *model, const char *name,
                              vblip_error *err)
{
    vblip_clip *clip = calloc(1, sizeof *clip);
    *out = clip;
    if (!clip)
        return vb_fail_memory(err, name);
    clip->model = model;
    clip->input.path = strdup(name);
    const uint32_t projection = vb_model_config(model->model)->projection;
    if (model->tasks & VBLIP_TASK_ITC)
        clip->itc = calloc(projection, sizeof *clip->itc);
    if (!clip->input.path || (model->tasks & VBLIP_TASK_ITC && !clip->itc))
        return vb_fail_memory(err, name);
    return vb_visual_make(&clip->visual, model->model, err);
}

void vblip_clip_close(vblip_clip **clip)
{
    if (!clip || !*clip)
        return;
    vb_visual_free(&(*clip)->visual);
    free((*clip)->itc);
    free((char *)(uintptr_t)(*clip)->input.path);
    free(*clip);
    *clip = NULL;
}

static vblip_status encode_file(vblip_clip *clip, const vblip_clip_options *options,
                                vblip_error *err)
{
    const vblip_job job = {
        .frames = options->frames ? options->frames : DEFAULT_FRAMES,
        .batch = options->batch,
    };
    vb_setup s;
    clip->frames = job.frames;
    vb_set_up_model(&s, clip->model);
    s.task.inputs = &clip->input;
    s.task.input_count = 1;
    s.task.start_us = options->start_us;
    s.task.end_us = options->end_us;
    return vb_encode_first(&clip->encoded, &s.task, &job, clip->visual, clip->itc, err);
}

static vblip_status check_clip_options(const vblip_clip_options *o, vblip_error *err)
{
    if (o->start_us < 0 || (o->end_us && o->end_us <= o->start_us))
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "clip: from %.6f to %.6f s, expected 0 or more to a later time",
                       (double)o->start_us / 1e6, (double)o->end_us / 1e6);
    return vb_check_frames(o->frames, err);
}

vblip_status vblip_clip_open(vblip_clip **out, vblip_model *model, const char *path,
                             const vblip_clip_options *options, vblip_error *err)
{
    vblip_clip_options o;
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_take_options(&o, sizeof o, options, "clip", err));
    VB_TRY(vb_need(model != NULL, "model", err));
    VB_TRY(vb_need(path != NULL, "path", err));
    VB_TRY(check_clip_options(&o, err));
    vblip_clip *clip;
    vblip_status status = clip_make(&clip, model, path, err);
    if (status == VBLIP_OK)
        status = encode_file(clip, &o, err);
    if (status != VBLIP_OK) {
        vblip_clip_close(&clip);
        vb_error_subject(err, path);
    }
    *out = clip;
    return status;
}

// ------------------------------------------------------------------- frames in memory

static vblip_status check_frame_list(const vblip_frame *frames, uint32_t count,
                                     vblip_error *err)
{
    VB_TRY(vb_need(frames != NULL && count, "frames", err));
    VB_TRY(vb_check_frames(count, err));
    for (uint32_t i = 0; i < count; i++) {
        if (!frames[i].rgb)
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "frame %u: no pixels", i);
        if (i && frames[i].time_us < frames[i - 1].time_us)
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "frame %u: earlier than frame %u",
                           i, i - 1);
    }
    return VBLIP_OK;
}

// Squashes the frames into `pixels` [count, side, side, 3].
static vblip_status squash_frames(vb_frame *out, uint8_t *pixels, uint32_t side,
                                  const vblip_frame *frames, uint32_t count,
                                  vblip_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        const vblip_frame *f = &frames[i];
        const vb_raw_image image = {
            .rgb = f->rgb,
            .width = f->width,
            .height = f->height,
            .row_bytes = f->row_bytes ? f->row_bytes : (uint64_t)f->width * 3,
        };
        out[i] = (vb_frame){.rgb = pixels + (size_t)i * side * side * 3,
                            .side = side,
                            .time_us = f->time_us,
                            .index = i};
        char name[32];
        snprintf(name, sizeof name, "frame %u", i);
        vblip_status status = vb_raw_squash(out[i].rgb, side, &image, err);
        if (status != VBLIP_OK) {
            vb_error_subject(err, name);
            return status;
        }
    }
    return VBLIP_OK;
}

static vblip_status encode_memory(vblip_clip *clip, const vblip_frame *frames,
                                  uint32_t count, vblip_error *err)
{
    vb_setup s;
    vb_set_up_model(&s, clip->model);
    const uint32_t side = s.ops.side;
    vb_arena arena = {0};
    vb_frame *squashed = VB_ARENA_NEW(&arena, vb_frame, count);
    uint8_t *pixels = vb_arena_alloc(&arena, count, (size_t)side * side * 3);
    vblip_status status =
        squashed && pixels ? squash_frames(squashed, pixels, side, frames, count, err)
                           : vb_fail_memory(err, "frames");
    if (status == VBLIP_OK)
        status =
            vb_encode_frames(&s.task, clip->visual, squashed, count, 0, clip->itc, err);
    vb_arena_free(&arena);
    clip->frames = count > 1 ? count : 0;
    clip->encoded = (vb_encoded){
        .path = clip->input.path,
        .parts = 1,
        .timed = count > 1,
        .start_us = count > 1 ? frames[0].time_us : 0,
        .end_us = count > 1 ? frames[count - 1].time_us : 0,
        .visual = clip->visual,
        .itc = clip->itc,
    };
    return status;
}

vblip_status vblip_clip_from_frames(vblip_clip **out, vblip_model *model,
                                    const char *name, const vblip_frame *frames,
                                    uint32_t count, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_need(model != NULL, "model", err));
    VB_TRY(vb_need(name != NULL, "name", err));
    VB_TRY(check_frame_list(frames, count, err));
    vblip_clip *clip;
    vblip_status status = clip_make(&clip, model, name, err);
    if (status == VBLIP_OK)
        status = encode_memory(clip, frames, count, err);
    if (status != VBLIP_OK)
        vblip_clip_close(&clip);
    *out = clip;
    return status;
}

// library.c - the exported functions about recordings that are searched more than once.
#include "api/library.h"

#include <stdlib.h>

enum { DEFAULT_FRAMES = 8 };

vblip_status vblip_library_open(vblip_library **out, vblip_model *model,
                                const vblip_inputs *inputs,
                                const vblip_library_options *options, vblip_error *err)
{
    vblip_library_options o;
    vb_segmenting segmenting;
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_take_options(&o, sizeof o, options, "library", err));
    VB_TRY(vb_need(model != NULL, "model", err));
    VB_TRY(vb_need(inputs != NULL, "inputs", err));
    VB_TRY(vb_check_frames(o.frames, err));
    if (o.index && !*o.index)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "index: an empty path");
    VB_TRY(vb_segmenting_read(&segmenting, o.segment ? o.segment : "auto", "segment",
                              err));
    VB_TRY(vb_check_task(model, VBLIP_TASK_ITC, &(vblip_job){.frames = o.frames}, err));
    o.frames = o.frames ? o.frames : DEFAULT_FRAMES;
    vblip_library *l = calloc(1, sizeof *l);
    if (!l)
        return vb_fail_memory(err, "library");
    *l = (vblip_library){
        .model = model, .inputs = inputs, .options = o, .segmenting = segmenting};
    const vblip_status status = vb_library_place(l, err);
    if (status != VBLIP_OK)
        vblip_library_close(&l);
    *out = l;
    return status;
}

void vblip_library_close(vblip_library **library)
{
    if (!library || !*library)
        return;
    vblip_library *l = *library;
    for (uint32_t i = 0; i < l->shelf_count; i++) {
        vb_shelf_free(&l->shelves[i]);
        vb_index_close(&l->shelves[i].index);
    }
    vb_tokens_close(&l->tokens);
    vb_matches_close(&l->matches);
    vb_arena_free(&l->arena);
    free(l);
    *library = NULL;
}

vblip_status vblip_library_describe(vblip_library *library, vblip_index_info_fn fn,
                                    void *user, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(library != NULL, "library", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    for (uint32_t i = 0; i < library->shelf_count; i++)
        if (library->shelves[i].root)
            VB_TRY(vb_describe_index(library->shelves[i].index,
                                     vb_index_path(library->shelves[i].index), fn, user,
                                     err));
    return VBLIP_OK;
}

vb_indexing vb_library_indexing(vblip_library *l, vb_setup *s)
{
    vb_set_up_model(s, l->model);
    s->task.inputs = l->as_it_is ? l->recordings : l->inputs->list.items;
    s->task.input_count = l->as_it_is ? l->recording_count : l->inputs->list.count;
    return (vb_indexing){
        .task = &s->task,
        .frames = l->options.frames,
        .segmenting = l->segmenting,
        .retry_failed = l->options.retry_failed,
        .shelves = l->shelves,
        .shelf_count = l->shelf_count,
        .places = l->places,
        .tokens = l->tokens,
        .matches = l->matches,
        .match_stamp = l->match_stamp,
        .must_write = l->options.write,
        .listed = l->listed,
        .listed_count = l->listed_count,
        .as_it_is = l->as_it_is,
    };
}

vblip_status vblip_library_update(vblip_library *library, const vblip_job *job,
                                  vblip_index_changes *changes, vblip_error *err)
{
    vb_setup s;
    vblip_index_changes ignored;
    vb_error_reset(err);
    VB_TRY(vb_need(library != NULL, "library", err));
    const vblip_job *taken = job;
    VB_TRY(vb_take_job(&s.job, &taken, err));
    vb_indexing in = vb_library_indexing(library, &s);
    vb_set_up_member(&s);
    in.job = taken;
    const vblip_status status = vb_indexing_run(&in, changes ? changes : &ignored, err);
    for (uint32_t i = 0; i < library->shelf_count; i++)
        vb_index_live(library->shelves[i].index);
    return status;
}

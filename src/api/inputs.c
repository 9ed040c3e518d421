// inputs.c - the exported functions about lists of files.
#include "vblip_lab.h"

#include "api/objects.h"
#include "video_tasks/bench.h"

#include <stdlib.h>

vblip_status vblip_inputs_open(vblip_inputs **out, const char *const *paths,
                               uint32_t count, const vblip_inputs_options *options,
                               vblip_error *err)
{
    vblip_inputs_options o;
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_take_options(&o, sizeof o, options, "inputs", err));
    VB_TRY(vb_need(paths != NULL, "paths", err));
    for (uint32_t i = 0; i < count; i++)
        VB_TRY(vb_need(paths[i] != NULL, "path", err));
    if (o.shards ? !o.shard || o.shard > o.shards : o.shard)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "shard %u: from 1 to %u are allowed",
                       o.shard, o.shards);
    vblip_inputs *inputs = calloc(1, sizeof *inputs);
    if (!inputs)
        return vb_fail_memory(err, "inputs");
    vblip_status status = vb_inputs_expand(&inputs->list, paths, count, &o, err);
    if (status != VBLIP_OK)
        vblip_inputs_close(&inputs);
    *out = inputs;
    return status;
}

void vblip_inputs_close(vblip_inputs **inputs)
{
    if (!inputs || !*inputs)
        return;
    vb_inputs_free(&(*inputs)->list);
    free(*inputs);
    *inputs = NULL;
}

uint32_t vblip_inputs_count(const vblip_inputs *inputs)
{
    return inputs ? inputs->list.count : 0;
}

void vblip_inputs_keep(vblip_inputs *inputs, const bool *keep)
{
    if (inputs && keep)
        vb_inputs_keep(&inputs->list, keep);
}

const char *vblip_inputs_skipped(const vblip_inputs *inputs, uint32_t *count)
{
    if (count)
        *count = inputs ? inputs->list.skipped_count : 0;
    return inputs ? inputs->list.skipped : "";
}

const vblip_input *vblip_inputs_at(const vblip_inputs *inputs, uint32_t index)
{
    return index < vblip_inputs_count(inputs) ? &inputs->list.items[index] : NULL;
}

vblip_status vb_set_up_files(vb_setup *setup, const vblip_inputs *inputs,
                             const char *hwaccel, vblip_error *err)
{
    setup->frames = vb_frames_from_files();
    setup->task = (vb_task){
        .frames = &setup->frames,
        .inputs = inputs->list.items,
        .input_count = inputs->list.count,
        .halt = &setup->halt,
    };
    return vb_hwaccel_open(&setup->task.hwaccel, hwaccel, err);
}

const char *const *vblip_decode_bench_names(void)
{
    return vb_decode_bench_names;
}

vblip_status vblip_decode_bench(const vblip_inputs *inputs, const char *name,
                                const vblip_decode_bench_options *options,
                                vblip_bench_fn fn, void *user, vblip_error *err)
{
    vblip_decode_bench_options o;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "bench", err));
    VB_TRY(vb_need(inputs != NULL, "inputs", err));
    VB_TRY(vb_need(name != NULL, "name", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    vb_setup s;
    VB_TRY(vb_set_up_files(&s, inputs, o.hwaccel, err));
    vb_halt_start(&s.halt, o.stopped, o.stopped_user);
    const vblip_status status = vb_decode_bench(&s.task, name, &o, fn, user, err);
    vb_hwaccel_close(&s.task.hwaccel);
    return status;
}

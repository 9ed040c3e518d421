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
    const vb_frames frames = vb_frames_from_files();
    vb_halt halt;
    vb_halt_start(&halt, o.stopped, o.stopped_user);
    vb_hwaccel *hwaccel;
    VB_TRY(vb_hwaccel_open(&hwaccel, o.hwaccel, err));
    const vb_task task = {
        .frames = &frames,
        .hwaccel = hwaccel,
        .inputs = inputs->list.items,
        .input_count = inputs->list.count,
        .halt = &halt,
    };
    const vblip_status status = vb_decode_bench(&task, name, &o, fn, user, err);
    vb_hwaccel_close(&hwaccel);
    return status;
}

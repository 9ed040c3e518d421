// index_export.c - the exported function that hands out what an index holds.
#include "vblip_library.h"

#include "api/objects.h"
#include "base/path.h"
#include "base/text.h"
#include "index/index.h"
#include "video_tasks/job.h"

#include <stdlib.h>
#include <string.h>

typedef struct index_export {
    vb_index *index;
    vblip_index_segment_fn fn;
    void *user;
    vb_string root, path; // of the index; of a recording
    vb_string name;       // the last one, relative to the root
    vblip_index_segment segment;
} index_export;

static vblip_status export_segments(index_export *x, const vb_found *found,
                                    vblip_error *err)
{
    for (uint32_t i = 0; i < found->count; i++) {
        x->segment.start_us = found->segments[i].start_us;
        x->segment.end_us = found->segments[i].end_us;
        x->segment.vector = found->vectors + (size_t)i * x->segment.dims;
        if (x->fn(x->user, &x->segment))
            return vb_fail_cancelled(err);
        x->segment.number++;
    }
    return VBLIP_OK;
}

// The recording behind the last one; `any` is false where there is none.
static vblip_status export_recording(index_export *x, bool *any, vblip_error *err)
{
    vb_recording recording;
    vb_found found;
    VB_TRY(vb_index_find_after(&recording, x->index, x->name.bytes, err));
    *any = recording.id != 0;
    if (!*any)
        return VBLIP_OK;
    vb_string_clear(&x->name);
    vb_string_clear(&x->path);
    vb_string_puts(&x->name, recording.path);
    vb_string_appendf(&x->path, "%s/%s", x->root.bytes, recording.path);
    if (x->name.failed || x->path.failed)
        return vb_fail_memory(err, vb_index_path(x->index));
    x->segment.path = x->path.bytes;
    x->segment.timed = recording.timed;
    if (recording.error)
        return VBLIP_OK;
    VB_TRY(vb_index_read(&found, x->index, recording.id, err));
    const vblip_status status = export_segments(x, &found, err);
    vb_found_free(&found);
    return status;
}

static vblip_status export_index(index_export *x, vblip_error *err)
{
    const char *root, *dims;
    vb_index_totals totals;
    VB_TRY(vb_index_snapshot(x->index, err));
    VB_TRY(vb_index_count(&totals, x->index, err));
    VB_TRY(vb_index_fact_named(&root, x->index, "root", err));
    vb_string_puts(&x->root, root && strcmp(root, "/") != 0 ? root : "");
    VB_TRY(vb_index_fact_named(&dims, x->index, "dims", err));
    x->segment.dims = dims ? (uint32_t)strtoul(dims, NULL, 10) : 0;
    x->segment.total = totals.segments;
    vb_string_puts(&x->name, "");
    if (x->root.failed || x->name.failed)
        return vb_fail_memory(err, vb_index_path(x->index));
    for (bool any = true; any;)
        VB_TRY(export_recording(x, &any, err));
    return VBLIP_OK;
}

vblip_status vblip_index_export(const char *path, vblip_index_segment_fn fn, void *user,
                                vblip_error *err)
{
    index_export x = {.fn = fn, .user = user};
    vb_error_reset(err);
    VB_TRY(vb_need(path != NULL, "path", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    VB_TRY(vb_index_open(&x.index, &(vb_index_options){.path = path}, err));
    const vblip_status status = export_index(&x, err);
    vb_index_close(&x.index);
    vb_string_free(&x.root);
    vb_string_free(&x.path);
    vb_string_free(&x.name);
    return status;
}

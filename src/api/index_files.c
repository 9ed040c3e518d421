// index_files.c - the exported functions about indexes, which need no model.
#include "vblip_library.h"

#include "api/objects.h"
#include "index/index.h"
#include "video_tasks/job.h"

static vblip_status open_any(vb_index **out, const char *path, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(path != NULL, "path", err));
    return vb_index_open(out, &(vb_index_options){.path = path}, err);
}

static vblip_status describe_index(vb_index *index, const char *path,
                                   vblip_index_info_fn fn, void *user, vblip_error *err)
{
    vb_index_totals totals;
    vblip_index_info info = {.path = path};
    VB_TRY(vb_index_count(&totals, index, err));
    VB_TRY(vb_index_fact_named(&info.root, index, "root", err));
    info.recordings = totals.recordings;
    info.failed = totals.failed;
    info.segments = totals.segments;
    info.bytes = totals.bytes;
    return fn(user, &info) ? vb_fail_cancelled(err) : VBLIP_OK;
}

vblip_status vblip_index_describe(const char *path, vblip_index_info_fn fn, void *user,
                                  vblip_error *err)
{
    vb_index *index;
    VB_TRY(open_any(&index, path, err));
    vblip_status status = vb_need(fn != NULL, "fn", err);
    if (status == VBLIP_OK)
        status = describe_index(index, path, fn, user, err);
    vb_index_close(&index);
    return status;
}

typedef struct index_listing {
    vblip_index_recording_fn fn;
    void *user;
} index_listing;

static vblip_status list_recording(void *user, const vb_recording *recording,
                                   vblip_error *err)
{
    const index_listing *listing = user;
    const vblip_index_recording told = {
        .path = recording->path, .size = recording->size, .error = recording->error};
    return listing->fn(listing->user, &told) ? vb_fail_cancelled(err) : VBLIP_OK;
}

vblip_status vblip_index_list(const char *path, vblip_index_recording_fn fn, void *user,
                              vblip_error *err)
{
    index_listing listing = {fn, user};
    vb_index *index;
    VB_TRY(open_any(&index, path, err));
    vblip_status status = vb_need(fn != NULL, "fn", err);
    if (status == VBLIP_OK)
        status = vb_index_each(index, list_recording, &listing, err);
    vb_index_close(&index);
    return status;
}

vblip_status vblip_index_verify(const char *path, vblip_error *err)
{
    vb_index *index;
    VB_TRY(open_any(&index, path, err));
    const vblip_status status = vb_index_verify(index, err);
    vb_index_close(&index);
    return status;
}

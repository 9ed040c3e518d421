// export.c - the exported functions about media that is written, which need no model.
#include "vblip_export.h"

#include "api/objects.h"
#include "export/cut.h"
#include "export/media.h"
#include "export/muxer.h"
#include "export/sheet.h"
#include "export/thumbnail.h"
#include "output/beside.h"

#include <stdlib.h>
#include <string.h>

vblip_status vblip_media_look(vblip_media *out, const char *path, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = (vblip_media){0};
    VB_TRY(vb_need(path != NULL, "path", err));
    return vb_media_look(out, path, err);
}

static vblip_status check_moments(const vblip_moment *moments, uint32_t count,
                                  vblip_error *err)
{
    VB_TRY(vb_need(moments != NULL && count, "moments", err));
    for (uint32_t i = 0; i < count; i++) {
        const vblip_moment *m = &moments[i];
        VB_TRY(vb_need(m->path != NULL, "path", err));
        if (m->start_us < 0 || m->end_us <= m->start_us)
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "%.300s: from %.3f to %.3f s",
                           m->path, (double)m->start_us / 1e6, (double)m->end_us / 1e6);
    }
    return VBLIP_OK;
}

// Whether `path` may be written.
static vblip_status check_export_target(const char *path, const vblip_moment *moments,
                                        uint32_t count, bool overwrite,
                                        vblip_error *err)
{
    vb_read_files read = {0};
    for (uint32_t i = 0; i < count; i++)
        vb_read_files_add(&read, moments[i].path, "a recording that is cut");
    vblip_status status = read.failed ? vb_fail_memory(err, path)
                                      : vb_read_files_refuse(&read, path, path, err);
    vb_read_files_free(&read);
    if (status == VBLIP_OK && !overwrite)
        status = vb_beside_check_free(path, err);
    return status;
}

static vblip_status cut_moments(vb_cut *cut, const char *out, vb_cut_done *done,
                                const vblip_moment *moments, uint32_t count,
                                int64_t pad_us, vblip_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        const vblip_moment *m = &moments[i];
        const int64_t start_us = m->start_us > pad_us ? m->start_us - pad_us : 0;
        const vblip_status status =
            vb_cut_add(cut, m->path, start_us, m->end_us + pad_us, &done[i], err);
        if (status != VBLIP_OK) {
            const bool of_out = err && strncmp(err->message, out, strlen(out)) == 0;
            if (status != VBLIP_ERR_CANCELLED && !of_out)
                vb_error_subject(err, m->path);
            return status;
        }
    }
    return VBLIP_OK;
}

static vblip_status cut_file(const char *out, vb_cut_done *done,
                             const vblip_moment *moments, uint32_t count,
                             const vblip_cut_options *o, vblip_error *err)
{
    const vb_cut_plan plan = {
        .exact = o->exact, .stopped = o->stopped, .stopped_user = o->stopped_user};
    vb_cut *cut;
    VB_TRY(vb_cut_open(&cut, out, &plan, err));
    const vblip_status status =
        cut_moments(cut, out, done, moments, count, o->pad_us, err);
    if (status == VBLIP_OK)
        return vb_cut_finish(&cut, err);
    vb_cut_discard(&cut);
    return status;
}

static vblip_status report_clippings(const vb_cut_done *done, uint32_t count,
                                     vblip_clipping_fn fn, void *user, vblip_error *err)
{
    int64_t at_us = 0;
    for (uint32_t i = 0; fn && i < count; i++) {
        const vblip_clipping clipping = {
            .moment = i,
            .at_us = at_us,
            .start_us = done[i].start_us,
            .end_us = done[i].end_us,
            .left_out = done[i].left_out,
        };
        at_us += done[i].end_us - done[i].start_us;
        if (fn(user, &clipping))
            return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller");
    }
    return VBLIP_OK;
}

vblip_status vblip_cut(const char *out, const vblip_moment *moments, uint32_t count,
                       const vblip_cut_options *options, vblip_clipping_fn fn,
                       void *user, vblip_error *err)
{
    const int64_t most_pad_us = INT64_C(86400) * 1000000;
    vblip_cut_options o;
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "cut", err));
    VB_TRY(vb_need(out != NULL, "out", err));
    VB_TRY(check_moments(moments, count, err));
    if (o.pad_us < 0 || o.pad_us > most_pad_us)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "pad: %lld us, expected 0 to %lld",
                       (long long)o.pad_us, (long long)most_pad_us);
    VB_TRY(check_export_target(out, moments, count, o.overwrite, err));
    vb_cut_done *done = calloc(count, sizeof *done);
    if (!done)
        return vb_fail_memory(err, out);
    vblip_status status = cut_file(out, done, moments, count, &o, err);
    if (status == VBLIP_OK)
        status = report_clippings(done, count, fn, user, err);
    free(done);
    return status;
}

const char *vblip_cut_extension(const char *path, bool exact)
{
    return vb_muxer_extension(path ? path : "", exact);
}

// ------------------------------------------------------------------------------- sheets

static vblip_status check_tiles(const vblip_tile *tiles, uint32_t count,
                                vblip_error *err)
{
    VB_TRY(vb_need(tiles != NULL && count, "tiles", err));
    if (count > VB_MOST_TILES)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "tiles: %u, at most %d", count,
                       VB_MOST_TILES);
    for (uint32_t i = 0; i < count; i++) {
        VB_TRY(vb_need(tiles[i].path != NULL, "path", err));
        if (tiles[i].judged && !(tiles[i].p_match >= 0 && tiles[i].p_match <= 1))
            return vb_fail(err, VBLIP_ERR_ARGUMENT, "p_match: %g, expected 0 to 1",
                           (double)tiles[i].p_match);
    }
    return VBLIP_OK;
}

vblip_status vblip_contact_sheet(const char *out, const vblip_tile *tiles,
                                 uint32_t count, const vblip_sheet_options *options,
                                 vblip_error *err)
{
    vblip_sheet_options o;
    vb_read_files read = {0};
    vb_error_reset(err);
    VB_TRY(vb_take_options(&o, sizeof o, options, "sheet", err));
    VB_TRY(vb_need(out != NULL, "out", err));
    VB_TRY(check_tiles(tiles, count, err));
    for (uint32_t i = 0; i < count; i++)
        vb_read_files_add(&read, tiles[i].path, "a hit");
    vblip_status status = read.failed ? vb_fail_memory(err, out)
                                      : vb_read_files_refuse(&read, out, out, err);
    vb_read_files_free(&read);
    if (status == VBLIP_OK && !o.overwrite)
        status = vb_beside_check_free(out, err);
    return status == VBLIP_OK ? vb_sheet_write(out, tiles, count, &o, err) : status;
}

vblip_status vblip_thumbnail(uint8_t **bytes, uint64_t *size, const char *path,
                             int64_t time_us, uint32_t width, vblip_error *err)
{
    size_t made = 0;
    vb_error_reset(err);
    VB_TRY(vb_need(bytes != NULL, "bytes", err));
    *bytes = NULL;
    VB_TRY(vb_need(size != NULL, "size", err));
    *size = 0;
    VB_TRY(vb_need(path != NULL, "path", err));
    VB_TRY(vb_thumbnail_check_width(width, err));
    if (time_us < 0)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "time_us: below 0");
    const vblip_status status =
        vb_thumbnail_make(bytes, &made, path, time_us, width, err);
    if (status != VBLIP_OK)
        vb_error_subject(err, path);
    *size = made;
    return status;
}

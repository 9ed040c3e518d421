#include "video_tasks/segments.h"

#include <stdlib.h>

enum { HALF_MS_US = 500 };
static const int64_t longest_us = 30000000; // of one segment, where the rule chooses

vblip_status vb_stretches_add(vb_stretches *spans, const vb_stretch *span,
                              vblip_error *err)
{
    if (spans->count == spans->capacity) {
        const uint32_t capacity = spans->capacity ? 2 * spans->capacity : 8;
        vb_stretch *items = realloc(spans->items, capacity * sizeof *items);
        if (!items)
            return vb_fail_memory(err, "segments");
        spans->items = items;
        spans->capacity = capacity;
    }
    spans->items[spans->count++] = *span;
    return VBLIP_OK;
}

void vb_stretches_free(vb_stretches *spans)
{
    free(spans->items);
    *spans = (vb_stretches){0};
}

vblip_status vb_stretch_between(vb_stretch *out, const vb_frames *source,
                                const vb_video *video, const char *path,
                                int64_t start_us, int64_t end_us, vblip_error *err)
{
    const vb_video_info *info = source->describe(video);
    *out = (vb_stretch){.count = info->frames};
    if (info->still)
        return VBLIP_OK;
    out->start_us = start_us;
    out->end_us = end_us && end_us < info->duration_us ? end_us : info->duration_us;
    if (out->start_us >= out->end_us)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "%s: nothing from %.3f s on, the video ends at %.3f s", path,
                       (double)start_us * 1e-6, (double)info->duration_us * 1e-6);
    // Of a frame's time that rows rounded to a millisecond the frame itself is meant.
    out->first = source->index_at(video, start_us + HALF_MS_US);
    if (out->end_us < info->duration_us)
        out->count = source->index_at(video, out->end_us - HALF_MS_US - 1) + 1;
    if (out->count <= out->first) // a part of a millisecond
        out->count = out->first + 1;
    out->count -= out->first;
    return VBLIP_OK;
}

static const vb_video_info *info_of(const vb_division *d)
{
    return d->source->describe(d->video);
}

static int64_t time_at(const vb_division *d, uint64_t index)
{
    return index < info_of(d)->frames ? d->source->time(d->video, index)
                                      : info_of(d)->duration_us;
}

// Divides frames first .. end - 1 in parts of about equal length, each from a frame to a frame.
static vblip_status add_parts(vb_division *d, uint64_t first, uint64_t end,
                              vblip_error *err)
{
    const int64_t start_us = time_at(d, first), end_us = time_at(d, end);
    const int64_t length_us = end_us - start_us;
    const int64_t parts =
        d->most_us ? (length_us + d->most_us - 1) / d->most_us : INT64_C(1);
    for (int64_t i = 1; first < end; i++) {
        uint64_t next = end;
        if (i < parts)
            next = d->source->index_at(d->video, start_us + length_us / parts * i);
        if (next <= first)
            continue; // a frame is shown for longer than a part
        const vb_stretch span = {time_at(d, first), time_at(d, next), first,
                                 next - first};
        VB_TRY(vb_stretches_add(&d->spans, &span, err));
        first = next;
    }
    return VBLIP_OK;
}

// Parts of exactly `length_us`, but for the last.
static vblip_status add_lengths(vb_division *d, int64_t length_us, vblip_error *err)
{
    uint64_t first = 0;
    for (int64_t at = length_us; first < info_of(d)->frames; at += length_us) {
        uint64_t next = info_of(d)->frames;
        if (at < info_of(d)->duration_us)
            next = d->source->index_at(d->video, at);
        if (next <= first) { // the frame is shown for longer than that
            const int64_t left_us = time_at(d, first + 1) - at;
            at += left_us > 0 ? left_us / length_us * length_us : 0;
            continue;
        }
        const vb_stretch span = {time_at(d, first), time_at(d, next), first,
                                 next - first};
        VB_TRY(vb_stretches_add(&d->spans, &span, err));
        first = next;
    }
    return VBLIP_OK;
}

static bool is_one(const vb_video_info *info, const vb_segmenting *how)
{
    if (info->still || how->rule == VB_SEGMENTS_WHOLE)
        return true;
    return how->rule == VB_SEGMENTS_AUTO && info->duration_us <= longest_us;
}

vblip_status vb_division_begin(vb_division *out, const vb_frames *source,
                               vb_video *video, const char *path,
                               const vb_segmenting *how, vblip_error *err)
{
    vb_stretch whole;
    *out = (vb_division){
        .source = source,
        .video = video,
        .most_us = how->rule == VB_SEGMENTS_AUTO ? longest_us : 0,
        .done = true,
    };
    if (is_one(source->describe(video), how)) {
        VB_TRY(vb_stretch_between(&whole, source, video, path, 0, 0, err));
        return vb_stretches_add(&out->spans, &whole, err);
    }
    if (how->rule == VB_SEGMENTS_LENGTH)
        return add_lengths(out, how->length_us, err);
    out->done = false;
    return vb_cut_search_open(&out->search, source, video, err);
}

vblip_status vb_division_more(vb_division *division, uint64_t bytes, vblip_error *err)
{
    vb_division *d = division;
    const uint32_t before = d->spans.count;
    while (!d->done && d->spans.count == before) {
        VB_TRY(vb_cut_search_more(d->search, &d->cuts, bytes, &d->done, err));
        d->searched_us = time_at(d, vb_cut_search_frame(d->search));
        // Where the last shot ends is known at the end only.
        const uint32_t whole = d->cuts.count - !d->done;
        for (; d->divided < whole; d->divided++) {
            const uint32_t next = d->divided + 1;
            VB_TRY(add_parts(
                d, d->cuts.frames[d->divided],
                next < d->cuts.count ? d->cuts.frames[next] : info_of(d)->frames, err));
        }
    }
    if (d->done)
        vb_cut_search_close(&d->search);
    return VBLIP_OK;
}

void vb_division_free(vb_division *division)
{
    vb_stretches_free(&division->spans);
    vb_cut_search_close(&division->search);
    vb_cuts_free(&division->cuts);
    *division = (vb_division){0};
}

vblip_status vb_segments_find(vb_stretches *out, const vb_frames *source,
                              vb_video *video, const char *path,
                              const vb_segmenting *how, vblip_error *err)
{
    vb_division division;
    vblip_status status = vb_division_begin(&division, source, video, path, how, err);
    if (status == VBLIP_OK)
        status = vb_division_more(&division, UINT64_MAX, err);
    vb_stretches_free(out);
    if (status == VBLIP_OK) {
        *out = division.spans;
        division.spans = (vb_stretches){0};
    }
    vb_division_free(&division);
    return status;
}

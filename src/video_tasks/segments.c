#include "video_tasks/segments.h"

#include "video_tasks/cuts.h"

#include <stdlib.h>

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
    out->first = source->index_at(video, start_us);
    if (out->end_us < info->duration_us)
        out->count = source->index_at(video, out->end_us - 1) + 1;
    out->count -= out->first;
    return VBLIP_OK;
}

// What a recording is divided by: frames first .. end - 1 in parts of at most `most_us`,
// 0 = in one.
typedef struct division {
    vb_stretches *out;
    const vb_frames *source;
    const vb_video *video;
    const vb_video_info *info;
    int64_t most_us;
} division;

static int64_t time_at(const division *d, uint64_t index)
{
    return index < d->info->frames ? d->source->time(d->video, index)
                                   : d->info->duration_us;
}

// Parts of about equal length, each from a frame to a frame.
static vblip_status add_parts(const division *d, uint64_t first, uint64_t end,
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
        VB_TRY(vb_stretches_add(d->out, &span, err));
        first = next;
    }
    return VBLIP_OK;
}

// Parts of exactly `length_us`, but for the last.
static vblip_status add_lengths(const division *d, int64_t length_us, vblip_error *err)
{
    uint64_t first = 0;
    for (int64_t at = length_us; first < d->info->frames; at += length_us) {
        uint64_t next = d->info->frames;
        if (at < d->info->duration_us)
            next = d->source->index_at(d->video, at);
        if (next <= first) { // the frame is shown for longer than that
            const int64_t left_us = time_at(d, first + 1) - at;
            at += left_us > 0 ? left_us / length_us * length_us : 0;
            continue;
        }
        const vb_stretch span = {time_at(d, first), time_at(d, next), first,
                                 next - first};
        VB_TRY(vb_stretches_add(d->out, &span, err));
        first = next;
    }
    return VBLIP_OK;
}

static vblip_status add_shots(const division *d, vb_video *video, vblip_error *err)
{
    vb_cuts cuts = {0};
    vblip_status status = vb_cuts_find(&cuts, d->source, video, err);
    for (uint32_t i = 0; status == VBLIP_OK && i < cuts.count; i++)
        status =
            add_parts(d, cuts.frames[i],
                      i + 1 < cuts.count ? cuts.frames[i + 1] : d->info->frames, err);
    vb_cuts_free(&cuts);
    return status;
}

static bool is_one(const vb_video_info *info, const vb_segmenting *how)
{
    if (info->still || how->rule == VB_SEGMENTS_WHOLE)
        return true;
    return how->rule == VB_SEGMENTS_AUTO && info->duration_us <= longest_us;
}

vblip_status vb_segments_find(vb_stretches *out, const vb_frames *source,
                              vb_video *video, const char *path,
                              const vb_segmenting *how, vblip_error *err)
{
    const vb_video_info *info = source->describe(video);
    out->count = 0;
    if (is_one(info, how)) {
        vb_stretch whole;
        VB_TRY(vb_stretch_between(&whole, source, video, path, 0, 0, err));
        return vb_stretches_add(out, &whole, err);
    }
    const division d = {
        .out = out,
        .source = source,
        .video = video,
        .info = info,
        .most_us = how->rule == VB_SEGMENTS_AUTO ? longest_us : 0,
    };
    return how->rule == VB_SEGMENTS_LENGTH ? add_lengths(&d, how->length_us, err)
                                           : add_shots(&d, video, err);
}

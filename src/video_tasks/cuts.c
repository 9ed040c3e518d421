// cuts.c - groups of frames, from one that decoding can begin at to the next; those that
// are decoded one after the other are a run, which is judged as one.
#include "video_tasks/cuts.h"

#include "video_tasks/shots.h"

#include <stdlib.h>
#include <string.h>

static const float tells = 12;  // contrast of an end: key frames may stand in fades
static const float differs = 8; // of 255: ends of a group, one picture or not

enum {
    MOST_FRAMES = 2048, // of a run in memory
    LEAST_MS = 480,     // a group; shorter ones are taken together
    MOST_MS =
        13000, // a group that is not decoded as a whole: 250 frames at 20 a second
    BEHIND_MS = 1200, // behind a run, so that its last change can be judged
    CONTEXT_MS = 4000 // on either side, which may change what is judged to be a cut
};

struct vb_cut_search {
    const vb_frames *source;
    vb_video *video;
    vb_cuts *out;
    uint64_t frames;              // of the video
    uint64_t from;                // where the next group begins
    uint8_t first[VB_SHOT_BYTES]; // its first frame where `known`
    bool known;
    double per_second;
    uint8_t *rgb;      // [MOST_FRAMES, VB_SHOT_BYTES]
    uint64_t *indices; // [MOST_FRAMES]
    uint8_t *begins;   // [MOST_FRAMES]
    uint32_t count;    // frames of the run that are held
    uint32_t judged;   // of these, the first are there for their neighbours
    uint64_t next;     // frame that goes on with the run
    uint64_t end;      // frame that it ends at where nothing changes
};

static vblip_status add_cut(vb_cuts *cuts, uint64_t frame, vblip_error *err)
{
    if (cuts->count == cuts->capacity) {
        const uint32_t capacity = cuts->capacity ? cuts->capacity * 2 : 64;
        uint64_t *frames = capacity > cuts->capacity
                               ? realloc(cuts->frames, capacity * sizeof *frames)
                               : NULL;
        if (!frames)
            return vb_fail_memory(err, "shots");
        cuts->frames = frames;
        cuts->capacity = capacity;
    }
    cuts->frames[cuts->count++] = frame;
    return VBLIP_OK;
}

// Reads a frame to `rgb`, or finds that it cannot be read: then `*read` is false.
static vblip_status read_or_pass(bool *read, const vb_cut_search *s, uint64_t index,
                                 bool alone, uint8_t *rgb, vblip_error *err)
{
    vblip_error why = {0};
    const vblip_status status =
        s->source->read_small(s->video, index, alone, VB_SHOT_SIDE, rgb, &why);
    *read = status == VBLIP_OK;
    return *read || status == VBLIP_ERR_IO ? VBLIP_OK
                                           : vb_fail(err, status, "%s", why.message);
}

// ------------------------------------------------------------------------------- runs

static uint32_t frames_of(const vb_cut_search *s, int ms)
{
    const double count = s->per_second * ms / 1000;
    return count < 8 ? 8 : count > MOST_FRAMES / 4 ? MOST_FRAMES / 4 : (uint32_t)count;
}

// Takes the cuts of the run up to its last `open` frames.
static vblip_status judge_run(vb_cut_search *s, uint32_t open, vblip_error *err)
{
    const vb_shot_frames run = {s->rgb, s->count, s->per_second};
    VB_TRY(vb_shots_mark(s->begins, &run, err));
    for (uint32_t i = s->judged; i < s->count - open; i++)
        if (s->begins[i])
            VB_TRY(add_cut(s->out, s->indices[i], err));
    return VBLIP_OK;
}

static vblip_status end_run(vb_cut_search *s, vblip_error *err)
{
    VB_TRY(judge_run(s, 0, err));
    s->count = s->judged = 0;
    return VBLIP_OK;
}

// Judges a run that goes on, and keeps what the frames behind it need.
static vblip_status make_room(vb_cut_search *s, vblip_error *err)
{
    const uint32_t context = frames_of(s, CONTEXT_MS), kept = 2 * context;
    VB_TRY(judge_run(s, context, err));
    memmove(s->rgb, s->rgb + (size_t)(s->count - kept) * VB_SHOT_BYTES,
            (size_t)kept * VB_SHOT_BYTES);
    memmove(s->indices, s->indices + s->count - kept, kept * sizeof *s->indices);
    s->count = kept;
    s->judged = context;
    return VBLIP_OK;
}

// Goes on with the run up to frame `end`.
static vblip_status extend_run(vb_cut_search *s, uint64_t end, vblip_error *err)
{
    for (; s->next < end; s->next++) {
        if (s->count == MOST_FRAMES)
            VB_TRY(make_room(s, err));
        bool read;
        VB_TRY(read_or_pass(&read, s, s->next, false,
                            s->rgb + (size_t)s->count * VB_SHOT_BYTES, err));
        s->indices[s->count] = s->next;
        s->count += read;
    }
    return VBLIP_OK;
}

// ----------------------------------------------------------------------------- groups

static int64_t ms_between(const vb_cut_search *s, uint64_t from, uint64_t to)
{
    return (s->source->time(s->video, to) - s->source->time(s->video, from)) / 1000;
}

// The end of the group that begins at `from`.
static uint64_t end_of_group(const vb_cut_search *s, uint64_t from)
{
    uint64_t end = from;
    do
        end = s->source->next_key(s->video, end + 1);
    while (end < s->frames && ms_between(s, from, end) < LEAST_MS);
    return end;
}

// Whether a group is one picture as far as its ends and packets tell. `first` [VB_SHOT_BYTES] is its
// first frame where `*known`, and becomes the first of the next group.
static vblip_status looks_alike(bool *out, const vb_cut_search *s, uint64_t from,
                                uint64_t end, uint8_t *first, bool *known,
                                vblip_error *err)
{
    uint8_t last[VB_SHOT_BYTES];
    const bool near = end < s->frames && ms_between(s, from, end) <= MOST_MS &&
                      !s->source->has_large(s->video, from, end);
    *out = false;
    if (near && !*known)
        VB_TRY(read_or_pass(known, s, from, true, first, err));
    if (!near || !*known) {
        *known = false;
        return VBLIP_OK;
    }
    VB_TRY(read_or_pass(known, s, end, true, last, err));
    *out = *known && vb_shot_distance(first, last) < differs &&
           vb_shot_contrast(first) >= tells && vb_shot_contrast(last) >= tells;
    memcpy(first, last, sizeof last);
    return VBLIP_OK;
}

static vblip_status walk_group(vb_cut_search *s, vblip_error *err)
{
    const uint64_t from = s->from, end = end_of_group(s, from);
    bool alike;
    VB_TRY(looks_alike(&alike, s, from, end, s->first, &s->known, err));
    if (!alike) {
        s->next = s->next > from ? s->next : from;
        VB_TRY(extend_run(s, end, err));
        s->end = end + frames_of(s, BEHIND_MS);
    } else if (s->count) {
        VB_TRY(extend_run(s, s->end < end ? s->end : end, err));
        if (s->end <= end)
            VB_TRY(end_run(s, err));
    }
    s->from = end;
    return VBLIP_OK;
}

vblip_status vb_cut_search_open(vb_cut_search **out, const vb_frames *source,
                                vb_video *video, vblip_error *err)
{
    const vb_video_info *info = source->describe(video);
    const int64_t us = info->duration_us;
    vb_cut_search *s = *out = calloc(1, sizeof *s);
    if (!s)
        return vb_fail_memory(err, "shots");
    *s = (vb_cut_search){
        .source = source,
        .video = video,
        .frames = info->frames,
        .per_second = us > 0 ? 1e6 * (double)info->frames / (double)us : 1,
        .rgb = malloc((size_t)MOST_FRAMES * VB_SHOT_BYTES),
        .indices = malloc(MOST_FRAMES * sizeof *s->indices),
        .begins = malloc(MOST_FRAMES),
    };
    if (s->rgb && s->indices && s->begins)
        return VBLIP_OK;
    vb_cut_search_close(out);
    return vb_fail_memory(err, "shots");
}

void vb_cut_search_close(vb_cut_search **search)
{
    vb_cut_search *s = *search;
    if (!s)
        return;
    free(s->rgb);
    free(s->indices);
    free(s->begins);
    free(s);
    *search = NULL;
}

uint64_t vb_cut_search_frame(const vb_cut_search *search)
{
    return search->from;
}

// How far in the file the search is.
static uint64_t cut_search_place(const vb_cut_search *s)
{
    return s->source->place && s->from < s->frames ? s->source->place(s->video, s->from)
                                                   : 0;
}

vblip_status vb_cut_search_more(vb_cut_search *search, vb_cuts *out, uint64_t bytes,
                                bool *done, vblip_error *err)
{
    vb_cut_search *s = search;
    const uint64_t start = cut_search_place(s);
    s->out = out;
    if (s->from == 0)
        VB_TRY(add_cut(out, 0, err));
    *done = s->frames <= 1;
    while (!*done &&
           (cut_search_place(s) <= start || cut_search_place(s) - start < bytes)) {
        VB_TRY(walk_group(s, err));
        *done = s->from >= s->frames;
    }
    return *done ? end_run(s, err) : VBLIP_OK;
}

vblip_status vb_cuts_find(vb_cuts *out, const vb_frames *source, vb_video *video,
                          vblip_error *err)
{
    vb_cut_search *search;
    bool done;
    out->count = 0;
    VB_TRY(vb_cut_search_open(&search, source, video, err));
    const vblip_status status = vb_cut_search_more(search, out, UINT64_MAX, &done, err);
    vb_cut_search_close(&search);
    return status;
}

void vb_cuts_free(vb_cuts *cuts)
{
    free(cuts->frames);
    *cuts = (vb_cuts){0};
}

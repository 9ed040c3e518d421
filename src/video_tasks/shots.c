// shots.c - hard cuts by one step that is larger than those around it; fades by a picture
// without contrast; dissolves by frames that are mixtures of one before and one behind.
#include "video_tasks/shots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Distances are of 255. What the numbers give on films is in docs/performance.md.
static const float least_cut = 10;      // step of a hard cut
static const float stands_out = 3;      // and how many times those around it
static const float same_picture = .5F;  // of a step: a flash leads back
static const float least_dissolve = 18; // from before it, or a fade, to behind
static const float calmer = .8F;   // than a dissolve is what lies before it and behind
static const float mixture = .22F; // what no mixture explains of a dissolve's middle
static const float flat = 6;       // standard deviation of a picture without contrast

enum {
    AROUND = 6,     // steps on either side that a cut is held against
    FLASH = 3,      // frames that a flash lasts at most
    APART_MS = 480, // between changes, of which one is gradual
};
static const int window_ms[] = {480, 800, 1200}; // that dissolves are looked for in
enum { WINDOWS = sizeof window_ms / sizeof *window_ms };

typedef struct shot_search {
    const vb_shot_frames *frames;
    float *steps; // [count]: distance from the frame before, 0 of the first
    uint8_t *begins;
} shot_search;

static const uint8_t *small_frame(const shot_search *s, uint32_t i)
{
    return s->frames->rgb + (size_t)i * VB_SHOT_BYTES;
}

static uint32_t frames_in(const shot_search *s, int ms)
{
    const double count = s->frames->per_second * ms / 1000;
    return count < 2 ? 2 : count > 1000 ? 1000 : (uint32_t)lround(count);
}

float vb_shot_distance(const uint8_t *a, const uint8_t *b)
{
    uint32_t sum = 0;
    for (int i = 0; i < VB_SHOT_BYTES; i++)
        sum += (uint32_t)abs(a[i] - b[i]);
    return (float)sum / VB_SHOT_BYTES;
}

float vb_shot_contrast(const uint8_t *rgb)
{
    uint64_t sum = 0, squares = 0;
    for (int i = 0; i < VB_SHOT_BYTES; i++) {
        sum += rgb[i];
        squares += (uint32_t)rgb[i] * rgb[i];
    }
    const double mean = (double)sum / VB_SHOT_BYTES;
    return (float)sqrt(fmax((double)squares / VB_SHOT_BYTES - mean * mean, 0));
}

static float distance_of(const shot_search *s, uint32_t i, uint32_t j)
{
    return vb_shot_distance(small_frame(s, i), small_frame(s, j));
}

// Whether a shot begins at any frame from first to last, both included and clipped.
static bool any_begins(const shot_search *s, int64_t first, int64_t last)
{
    const int64_t end = last + 1 < s->frames->count ? last + 1 : s->frames->count;
    for (int64_t i = first > 0 ? first : 0; i < end; i++)
        if (s->begins[i])
            return true;
    return false;
}

// ------------------------------------------------------------------------- hard cuts

// The second largest of the steps around one: the largest may be the way back, and where
// every second or third frame is a copy, there are others as large.
static float step_around(const shot_search *s, uint32_t at)
{
    float largest = 0, second = 0;
    const uint32_t first = at > AROUND + 1 ? at - AROUND : 1;
    for (uint32_t i = first; i <= at + AROUND && i < s->frames->count; i++) {
        const float step = i == at ? 0 : s->steps[i];
        second = fmaxf(second, fminf(step, largest));
        largest = fmaxf(largest, step);
    }
    return second;
}

// Whether what was seen before comes back soon, or what is seen now was seen shortly before.
static bool is_flash(const shot_search *s, uint32_t at)
{
    const float most = same_picture * s->steps[at];
    for (uint32_t k = 1; k <= FLASH; k++) {
        if (at + k < s->frames->count && distance_of(s, at - 1, at + k) < most)
            return true;
        if (at > k && distance_of(s, at - 1 - k, at) < most)
            return true;
    }
    return false;
}

static void mark_cuts(shot_search *s)
{
    for (uint32_t i = 1; i < s->frames->count; i++)
        s->begins[i] = s->steps[i] >= least_cut &&
                       s->steps[i] >= stands_out * step_around(s, i) && !is_flash(s, i);
}

// ----------------------------------------------------------------------------- fades

static bool is_flat(const uint8_t *rgb)
{
    return vb_shot_contrast(rgb) < flat;
}

// Whether what is seen some time before frame `first` and behind `end` differs: after a
// flash, or a hand in front of the lens, it does not.
static bool differs_across(const shot_search *s, uint32_t first, uint32_t end)
{
    const uint32_t apart = frames_in(s, APART_MS), last = s->frames->count - 1;
    return distance_of(s, first > apart ? first - apart : 0,
                       end + apart < last ? end + apart : last) >= least_dissolve;
}

// The middle of what is flat between two pictures.
static void mark_fades(shot_search *s)
{
    const uint32_t count = s->frames->count, apart = frames_in(s, APART_MS);
    for (uint32_t first = 1, end; first < count; first = end + 1) {
        end = first;
        while (end < count && is_flat(small_frame(s, end)))
            end++;
        const uint32_t middle = first + (end - first) / 2;
        if (end == first || end == count || is_flat(small_frame(s, first - 1)))
            continue;
        if (differs_across(s, first - 1, end) &&
            !any_begins(s, (int64_t)middle - apart, (int64_t)middle + apart))
            s->begins[middle] = 1;
    }
}

// -------------------------------------------------------------------------- dissolves

// A window of frames whose middle is a mixture of its ends.
typedef struct dissolve {
    float unexplained; // of the middle, of the distance of the ends
    uint32_t middle;
} dissolve;

// How much of the middle of frames i .. i + width no mixture of both ends explains; 1 where
// one end is nearly all of it.
static float unexplained_of(const shot_search *s, uint32_t i, uint32_t width,
                            float distance)
{
    const uint8_t *a = small_frame(s, i), *b = small_frame(s, i + width);
    const uint8_t *m = small_frame(s, i + width / 2);
    int64_t along = 0, whole = 0;
    for (int k = 0; k < VB_SHOT_BYTES; k++) {
        along += (b[k] - a[k]) * (m[k] - a[k]);
        whole += (b[k] - a[k]) * (b[k] - a[k]);
    }
    const float share = (float)along / (float)whole;
    if (share <= .25F || share >= .75F)
        return 1;
    float rest = 0;
    for (int k = 0; k < VB_SHOT_BYTES; k++)
        rest += fabsf((float)(m[k] - a[k]) - share * (float)(b[k] - a[k]));
    return rest / VB_SHOT_BYTES / distance;
}

// Whether the frames beside the window change less than those in it; those of another
// shot say nothing.
static bool is_calmer_around(const shot_search *s, uint32_t i, uint32_t width,
                             float distance)
{
    const float most = calmer * distance;
    if (i >= width && !any_begins(s, (int64_t)i - width, (int64_t)i - 1) &&
        distance_of(s, i - width, i) > most)
        return false;
    const uint32_t end = i + width;
    return end + width >= s->frames->count ||
           any_begins(s, end, (int64_t)end + width - 1) ||
           distance_of(s, end, end + width) <= most;
}

static int by_unexplained(const void *a, const void *b)
{
    const dissolve *x = a, *y = b;
    if (x->unexplained != y->unexplained)
        return x->unexplained < y->unexplained ? -1 : 1;
    return x->middle < y->middle ? -1 : x->middle > y->middle;
}

static uint32_t find_dissolves(const shot_search *s, uint32_t width, dissolve *found)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i + width < s->frames->count; i++) {
        const float distance = distance_of(s, i, i + width);
        if (distance < least_dissolve ||
            any_begins(s, (int64_t)i - 1, (int64_t)i + width + 1) ||
            !is_calmer_around(s, i, width, distance))
            continue;
        const float rest = unexplained_of(s, i, width, distance);
        if (rest < mixture)
            found[count++] = (dissolve){rest, i + width / 2};
    }
    return count;
}

// The best first; others that are near one that was taken are parts of it.
static vblip_status mark_dissolves(shot_search *s, vblip_error *err)
{
    const uint32_t apart = frames_in(s, APART_MS);
    dissolve *found = calloc((size_t)s->frames->count * WINDOWS, sizeof *found);
    uint32_t count = 0;
    if (!found)
        return vb_fail_memory(err, "shots");
    for (int w = 0; w < WINDOWS; w++)
        count += find_dissolves(s, frames_in(s, window_ms[w]), found + count);
    qsort(found, count, sizeof *found, by_unexplained);
    for (uint32_t i = 0; i < count; i++) {
        const int64_t middle = found[i].middle;
        if (!any_begins(s, middle - 2 * (int64_t)apart, middle + 2 * (int64_t)apart))
            s->begins[middle] = 1;
    }
    free(found);
    return VBLIP_OK;
}

vblip_status vb_shots_mark(uint8_t *begins, const vb_shot_frames *frames,
                           vblip_error *err)
{
    shot_search s = {.frames = frames, .begins = begins};
    memset(begins, 0, frames->count);
    s.steps = calloc((size_t)frames->count + 1, sizeof *s.steps);
    if (!s.steps)
        return vb_fail_memory(err, "shots");
    for (uint32_t i = 1; i < frames->count; i++)
        s.steps[i] = distance_of(&s, i - 1, i);
    mark_cuts(&s);
    mark_fades(&s);
    const vblip_status status = mark_dissolves(&s, err);
    free(s.steps);
    return status;
}

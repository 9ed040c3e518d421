#include "video_tasks/shown.h"

#include "video_tasks/ranking.h"

#include <math.h>
#include <stdlib.h>

// Of vectors in f16 that are the same, after the sums are rounded.
static const float EQUAL_COSINE = 1e-6f;

// Vectors that were kept in f16 are not quite of length one.
static void scale_to_one(float *vector, uint32_t dims)
{
    const float length = sqrtf(vb_dot(vector, vector, dims));
    for (uint32_t d = 0; length > 0.0f && d < dims; d++)
        vector[d] /= length;
}

void vb_shown_clear(vb_shown *shown)
{
    shown->count = 0;
}

void vb_shown_free(vb_shown *shown)
{
    free(shown->moments);
    free(shown->vectors);
    *shown = (vb_shown){0};
}

static vblip_status make_room_for_shown(vb_shown *shown, vblip_error *err)
{
    if (shown->count < shown->capacity)
        return VBLIP_OK;
    const uint32_t capacity = shown->capacity ? 2 * shown->capacity : 16;
    vb_moment *moments = realloc(shown->moments, capacity * sizeof *moments);
    if (moments)
        shown->moments = moments;
    float *vectors =
        realloc(shown->vectors, (size_t)capacity * shown->dims * sizeof *vectors);
    if (vectors)
        shown->vectors = vectors;
    if (!moments || !vectors)
        return vb_fail_memory(err, "hits");
    shown->capacity = capacity;
    return VBLIP_OK;
}

static bool is_of_kind(const vb_shown *shown, uint32_t number, const vb_moment *m,
                       const float *vector)
{
    const vb_moment *other = &shown->moments[number];
    if (shown->by_recording && other->shelf == m->shelf &&
        other->hit.recording == m->hit.recording)
        return true;
    return shown->same > 0.0f &&
           vb_dot(shown->vectors + (size_t)number * shown->dims, vector, shown->dims) >=
               shown->same - EQUAL_COSINE;
}

vblip_status vb_shown_add(bool *is_new, vb_shown *shown, const vb_shelf *shelves,
                          const vb_candidate *candidate, vblip_error *err)
{
    const vb_moment *m = &candidate->moments[0];
    *is_new = true;
    if (!shown->by_recording && !(shown->same > 0.0f))
        return VBLIP_OK;
    VB_TRY(make_room_for_shown(shown, err));
    float *vector = shown->vectors + (size_t)shown->count * shown->dims;
    if (shown->same > 0.0f) {
        VB_TRY(vb_index_vector(vector, shelves[m->shelf].index, &m->hit, err));
        scale_to_one(vector, shown->dims);
    }
    for (uint32_t i = 0; i < shown->count && *is_new; i++)
        *is_new = !is_of_kind(shown, i, m, vector);
    if (*is_new)
        shown->moments[shown->count++] = *m;
    return VBLIP_OK;
}

#include "video_tasks/shown.h"

#include "video_tasks/ranking.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

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
    if (shown->inputs)
        memset(shown->inputs, 0, shown->input_count * sizeof *shown->inputs);
}

void vb_shown_free(vb_shown *shown)
{
    free(shown->inputs);
    free(shown->vectors);
    *shown = (vb_shown){0};
}

static vblip_status take_recording(bool *is_new, vb_shown *shown, const vb_moment *m,
                                   vblip_error *err)
{
    if (!shown->inputs)
        shown->inputs = calloc(shown->input_count, sizeof *shown->inputs);
    if (!shown->inputs)
        return vb_fail_memory(err, "hits");
    *is_new = !shown->inputs[m->input];
    return VBLIP_OK;
}

// Reads the vector behind those that were noted, and compares it with them.
static vblip_status take_vector(bool *is_new, vb_shown *shown, const vb_shelf *shelves,
                                const vb_moment *m, vblip_error *err)
{
    if (shown->count == shown->capacity) {
        const uint32_t capacity = shown->capacity ? 2 * shown->capacity : 16;
        float *vectors =
            realloc(shown->vectors, (size_t)capacity * shown->dims * sizeof *vectors);
        if (!vectors)
            return vb_fail_memory(err, "hits");
        shown->vectors = vectors;
        shown->capacity = capacity;
    }
    float *vector = shown->vectors + (size_t)shown->count * shown->dims;
    VB_TRY(vb_index_vector(vector, shelves[m->shelf].index, &m->hit, err));
    scale_to_one(vector, shown->dims);
    for (uint32_t i = 0; i < shown->count && *is_new; i++)
        *is_new = vb_dot(shown->vectors + (size_t)i * shown->dims, vector,
                         shown->dims) < shown->same - EQUAL_COSINE;
    return VBLIP_OK;
}

vblip_status vb_shown_add(bool *is_new, vb_shown *shown, const vb_shelf *shelves,
                          const vb_candidate *candidate, vblip_error *err)
{
    const vb_moment *m = &candidate->moments[0];
    *is_new = true;
    if (shown->by_recording)
        VB_TRY(take_recording(is_new, shown, m, err));
    if (*is_new && shown->same > 0.0f)
        VB_TRY(take_vector(is_new, shown, shelves, m, err));
    if (!*is_new)
        return VBLIP_OK;
    if (shown->by_recording)
        shown->inputs[m->input] = true;
    shown->count += shown->same > 0.0f;
    return VBLIP_OK;
}

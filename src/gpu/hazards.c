#include "gpu/hazards.h"

#include <assert.h>

static bool conflict(const vb_access *a, const vb_access *b)
{
    return a->memory == b->memory && (a->write || b->write) && a->first < b->end &&
           b->first < a->end;
}

static bool conflicts(const vb_hazards *hazards, const vb_access *access)
{
    for (uint32_t i = 0; i < hazards->count; i++) {
        if (conflict(&hazards->list[i], access))
            return true;
    }
    return false;
}

bool vb_hazards_next(vb_hazards *hazards, const vb_access *accesses, uint32_t count)
{
    assert(count <= VB_HAZARD_ACCESSES);
    bool barrier = count > VB_HAZARD_ACCESSES - hazards->count;
    for (uint32_t i = 0; i < count && !barrier; i++)
        barrier = conflicts(hazards, &accesses[i]);
    if (barrier)
        hazards->count = 0;
    for (uint32_t i = 0; i < count; i++)
        hazards->list[hazards->count++] = accesses[i];
    return barrier;
}

void vb_hazards_clear(vb_hazards *hazards)
{
    hazards->count = 0;
}

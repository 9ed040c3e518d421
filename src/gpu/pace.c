#include "gpu/pace.h"

static const double most_s = 0.25;

// Less than a hundredth of a second on two cores; what a GPU makes of it costs some
// submits until it has doubled often enough.
static const uint64_t first_work = 1 << 27;

uint32_t vb_pace_take(vb_pace *pace, uint32_t count, uint64_t work)
{
    vb_pace_load *recorded = &pace->recorded;
    if (!pace->most)
        pace->most = first_work;
    const uint64_t total = count * work;
    recorded->full = recorded->work + total > pace->most;
    if (recorded->full && recorded->work)
        return 0;
    const uint64_t pieces = recorded->full ? (total - 1) / pace->most + 1 : 1;
    const uint32_t taken = (uint32_t)((count + pieces - 1) / pieces); // even pieces
    recorded->work += taken * work;
    return taken;
}

vb_pace_load vb_pace_next(vb_pace *pace)
{
    vb_pace_load load = pace->recorded;
    load.submits = 1;
    pace->recorded = (vb_pace_load){0};
    return load;
}

void vb_pace_add(vb_pace_load *sum, vb_pace_load load)
{
    sum->work += load.work;
    sum->submits += load.submits;
    sum->full = sum->full || load.full;
}

void vb_pace_ran(vb_pace *pace, vb_pace_load load, double seconds, bool seen)
{
    if (pace->held ||
        !load.work) // without work it may have waited for the host's memory
        return;
    const double each_s = seconds / load.submits;
    const uint64_t work = load.work / load.submits;
    if (each_s > most_s && seen)
        pace->most = (uint64_t)((double)work * (most_s / each_s)) + 1;
    else if (load.full && each_s < most_s / 2 && pace->most < 2 * work)
        pace->most = 2 * work;
}

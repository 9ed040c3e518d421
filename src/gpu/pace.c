#include "gpu/pace.h"

static const double most_s = 0.25;

// Less than a hundredth of a second on two cores; what a GPU makes of it costs some
// submits until it has doubled often enough.
static const uint64_t first_work = 1 << 14;

bool vb_pace_take(vb_pace *pace, uint64_t work)
{
    if (!pace->most)
        pace->most = first_work;
    pace->full = pace->recorded && pace->recorded + work > pace->most;
    if (!pace->full)
        pace->recorded += work;
    return !pace->full;
}

void vb_pace_ran(vb_pace *pace, double seconds)
{
    if (seconds > most_s)
        pace->most = (uint64_t)((double)pace->recorded * (most_s / seconds)) + 1;
    else if (pace->full && seconds < most_s / 2)
        pace->most *= 2;
    vb_pace_dropped(pace);
}

void vb_pace_dropped(vb_pace *pace)
{
    pace->recorded = 0;
    pace->full = false;
}

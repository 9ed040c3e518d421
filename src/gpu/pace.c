#include "gpu/pace.h"

static const double most_s = 0.25;

// Less than a hundredth of a second on two cores; what a GPU makes of it costs some
// submits until it has doubled often enough.
static const uint64_t first_work = 1 << 27;

uint32_t vb_pace_take(vb_pace *pace, uint32_t count, uint64_t work)
{
    if (!pace->most)
        pace->most = first_work;
    const uint64_t total = count * work;
    pace->full = pace->recorded + total > pace->most;
    if (pace->full && pace->recorded)
        return 0;
    const uint64_t pieces = pace->full ? (total - 1) / pace->most + 1 : 1;
    const uint32_t taken = (uint32_t)((count + pieces - 1) / pieces); // even pieces
    pace->recorded += taken * work;
    return taken;
}

void vb_pace_ran(vb_pace *pace, double seconds)
{
    if (seconds > most_s)
        pace->most = (uint64_t)((double)pace->recorded * (most_s / seconds)) + 1;
    else if (pace->full && seconds < most_s / 2 && pace->most < 2 * pace->recorded)
        pace->most = 2 * pace->recorded;
    vb_pace_dropped(pace);
}

void vb_pace_dropped(vb_pace *pace)
{
    pace->recorded = 0;
    pace->full = false;
}

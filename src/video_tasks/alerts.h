// alerts.h - texts that are watched for: which of them ITM is asked about, and when what it
// says is news.
#ifndef VB_VIDEO_TASKS_ALERTS_H
#define VB_VIDEO_TASKS_ALERTS_H

#include <stdbool.h>
#include <stdint.h>

// All-zero is one that nothing is known of.
typedef struct vb_alert {
    bool found;             // ever
    int64_t found_until_us; // end of the last window it was found in
    float usual;      // ITC of windows that it was not found in: a mean that forgets
    uint32_t windows; // that are in it
} vb_alert;

// A part of a stream.
typedef struct vb_window {
    int64_t start_us, end_us;
} vb_window;

// Writes to `order` the texts that ITM is asked about, at most [count], and returns how many:
// those that go on, which were found less than `apart_us` before the window, and besides the
// `most` whose ITC is furthest above what is usual for them.
uint32_t vb_alerts_choose(uint32_t *order, const vb_alert *alerts, const float *itc,
                          uint32_t count, uint32_t most, const vb_window *window,
                          int64_t apart_us);

// Notes that the text was found in the window. True: it is a new moment, and not one that goes
// on.
bool vb_alert_found(vb_alert *alert, const vb_window *window, int64_t apart_us);

// Notes that it was not, or that ITM was not asked.
void vb_alert_missed(vb_alert *alert, float itc);

#endif // VB_VIDEO_TASKS_ALERTS_H

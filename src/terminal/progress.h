// progress.h - how far a job is and how long it will take, in the style asked for.
#ifndef VB_TERMINAL_PROGRESS_H
#define VB_TERMINAL_PROGRESS_H

#include "terminal/console.h"

typedef enum vb_progress_style {
    VB_PROGRESS_AUTO, // a bar on a terminal, else nothing
    VB_PROGRESS_PLAIN,
    VB_PROGRESS_JSON,
    VB_PROGRESS_NONE,
} vb_progress_style;

typedef struct vb_progress {
    vb_console *console;
    vb_progress_style style;
    const char *device; // "llvmpipe"; for the estimate
    const char *hint;   // how to have less to do, said with it; NULL = nothing
    char unit[24];      // what the phase that runs counts
    double shown_s;     // when progress was last shown, monotonic clock
    bool announced;     // the cost of this phase was said
} vb_progress;

// Shows `p` when it is time to, and once per phase says what long work will cost.
void vb_progress_report(vb_progress *progress, const vblip_progress *p);

// "45 s", "40 min", "2 h 10 min", "3 days 4 h".
void vb_progress_duration(vb_string *out, double seconds);

// "600 captions, about 40 min on llvmpipe"
void vb_progress_cost(vb_string *out, const vblip_progress *p, double seconds,
                      const char *device);

// The bar, at most `columns` wide; returns its width in columns.
int vb_progress_bar(vb_string *out, const vblip_progress *p, int columns);
void vb_progress_plain(vb_string *out, const vblip_progress *p);
void vb_progress_json(vb_string *out, const vblip_progress *p);

#endif // VB_TERMINAL_PROGRESS_H

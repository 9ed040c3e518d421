// progress.h - how far a job is and how long it will take, in the style asked for.
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include "cli/args.h"
#include "cli/console.h"

typedef struct cli_progress {
    cli_console *console;
    cli_progress_style style;
    const char *device; // "llvmpipe"; for the estimate
    char unit[24];      // what the phase that runs counts
    double shown_s;     // when progress was last shown, monotonic clock
    bool announced;     // the cost of this phase was said
} cli_progress;

// Shows `p` when it is time to, and once per phase says what long work will cost.
void cli_progress_report(cli_progress *progress, const vblip_progress *p);

// "45 s", "40 min", "2 h 10 min", "3 days 4 h".
void cli_duration(vb_string *out, double seconds);

// "600 captions, about 40 min on llvmpipe"
void cli_cost(vb_string *out, const vblip_progress *p, double seconds,
              const char *device);

// The bar, at most `columns` wide; returns its width in columns.
int cli_progress_bar(vb_string *out, const vblip_progress *p, int columns);
void cli_progress_plain(vb_string *out, const vblip_progress *p);
void cli_progress_json(vb_string *out, const vblip_progress *p);

#endif // CLI_PROGRESS_H

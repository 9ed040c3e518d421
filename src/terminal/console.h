// console.h - standard error: messages, and the bar that they must not tear.
#ifndef VB_TERMINAL_CONSOLE_H
#define VB_TERMINAL_CONSOLE_H

#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct vb_console {
    FILE *stream;
    bool terminal; // else only errors, warnings and what was asked for appear
    bool shared;   // standard output is a terminal too: both write to one screen
    bool quiet, verbose;
    int columns;               // width of the terminal
    int bar_size;              // columns of the bar that is on the line now; 0 = none
    struct vb_console *screen; // that has the bar of several consoles; NULL = this one
} vb_console;

// Standard error. `term` is $TERM, may be NULL.
vb_console vb_console_open(bool quiet, bool verbose, const char *term);

// One line each, "vblip: " before it. No newline in `format`.
void vb_console_error(vb_console *c, const char *format, ...) VB_PRINTF(2, 3);
// An error of the system: "SUBJECT: No space left on device".
void vb_console_error_errno(vb_console *c, const char *subject, int number);
void vb_console_warn(vb_console *c, const char *format, ...)
    VB_PRINTF(2, 3); // not with -q
// Only on a terminal or with -v, not with -q.
void vb_console_note(vb_console *c, const char *format, ...) VB_PRINTF(2, 3);
// A line as it is, without a name before it; -q does not silence it.
void vb_console_line(vb_console *c, const char *line);

// Takes the bar off the line, before anything else is written to the terminal.
void vb_console_bar_clear(vb_console *c);
bool vb_console_has_bar(const vb_console *c);
// Draws `text` over the bar.
void vb_console_bar_draw(vb_console *c, const char *text, int columns);

#endif // VB_TERMINAL_CONSOLE_H

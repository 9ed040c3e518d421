// console.h - standard error: messages, and the bar that they must not tear.
#ifndef CLI_CONSOLE_H
#define CLI_CONSOLE_H

#include "base/text.h"

#include <stdbool.h>
#include <stdio.h>

typedef struct cli_console {
    FILE *stream;
    bool terminal; // else only errors, warnings and what was asked for appear
    bool shared;   // standard output is a terminal too: both write to one screen
    bool quiet, verbose;
    int columns;  // width of the terminal
    int bar_size; // columns of the bar that is on the line now; 0 = none
} cli_console;

// Standard error. `term` is $TERM, may be NULL.
cli_console cli_console_open(bool quiet, bool verbose, const char *term);

// One line each, "vblip: " before it. No newline in `format`.
void cli_error(cli_console *c, const char *format, ...) VB_PRINTF(2, 3);
// An error of the system: "SUBJECT: No space left on device".
void cli_error_errno(cli_console *c, const char *subject, int number);
void cli_warn(cli_console *c, const char *format, ...) VB_PRINTF(2, 3); // not with -q
// Only on a terminal or with -v, not with -q.
void cli_note(cli_console *c, const char *format, ...) VB_PRINTF(2, 3);
// A line as it is, without a name before it; -q does not silence it.
void cli_raw_line(cli_console *c, const char *line);

// Takes the bar off the line, before anything else is written to the terminal.
void cli_bar_clear(cli_console *c);
// Draws `text` over the bar.
void cli_bar_draw(cli_console *c, const char *text, int columns);

#endif // CLI_CONSOLE_H

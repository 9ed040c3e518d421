// manual.h - the manual page, made from the table of options and the help texts.
#ifndef CLI_MANUAL_H
#define CLI_MANUAL_H

#include "base/text.h"

// vblip(1), in the man macros of roff.
void cli_manual_write(vb_string *out);

#endif // CLI_MANUAL_H

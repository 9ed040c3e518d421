// help.h - help texts, made from the table of options.
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/text.h"
#include "cli/args.h"

// Help on a command, or the page CLI_HELP_...; CLI_COMMAND_COUNT: on the program.
void cli_help_write(vb_string *out, cli_command page);

#endif // CLI_HELP_H

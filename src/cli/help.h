// help.h - help texts, made from the table of options.
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/text.h"
#include "cli/args.h"

// Help on `command`; CLI_COMMAND_COUNT: on the program.
void cli_help_write(vb_string *out, cli_command command);

#endif // CLI_HELP_H

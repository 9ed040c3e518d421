// completions.h - what shells complete, made from the table of options.
#ifndef CLI_COMPLETIONS_H
#define CLI_COMPLETIONS_H

#include "base/text.h"
#include "cli/args.h"

// A script for the shell of CLI_HELP_BASH, _ZSH or _FISH.
void cli_completions_write(vb_string *out, cli_command page);

#endif // CLI_COMPLETIONS_H

// help.h - help texts, made from the table of options.
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include "base/text.h"
#include "cli/args.h"

struct cli_option;

// Paragraphs of `about` end with a newline each; they are wrapped when they are printed.
typedef struct cli_command_help {
    const char *usage;   // lines, the later ones indented
    const char *summary; // one line
    const char *about;
    const char *examples; // two lines
} cli_command_help;

extern const cli_command_help cli_helps[CLI_COMMAND_COUNT];

// What an option does, of `command` if it is there something of its own.
const char *cli_option_help(const struct cli_option *option, cli_command command);

// Words and what they mean; each list ends with NULLs.
typedef struct cli_meaning {
    const char *term, *meaning;
} cli_meaning;

extern const cli_meaning cli_glossary[], cli_exit_statuses[], cli_variables[];

// Help on a command, or the page CLI_HELP_...; CLI_COMMAND_COUNT: on the program.
void cli_help_write(vb_string *out, cli_command page);

#endif // CLI_HELP_H

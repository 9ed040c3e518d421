// parse.h - argv, checked and turned into one struct.
#ifndef CLI_PARSE_H
#define CLI_PARSE_H

#include "cli/args.h"

// Fills `out` from argv. On failure the message names the subject and what is allowed.
vblip_status cli_args_parse(cli_args *out, int argc, char **argv, vblip_error *err);

#endif // CLI_PARSE_H

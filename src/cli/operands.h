// operands.h - what a command does with the words that are no options.
#ifndef CLI_OPERANDS_H
#define CLI_OPERANDS_H

#include "cli/args.h"

// Splits `operands` into paths and texts, as the command has it.
vblip_status cli_operands_split(cli_args *args, vblip_error *err);

#endif // CLI_OPERANDS_H

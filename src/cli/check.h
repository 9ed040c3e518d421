// check.h - what must hold of options and operands together.
#ifndef CLI_CHECK_H
#define CLI_CHECK_H

#include "cli/args.h"

// The format of the results: --format, else that of the extension of -o, else text.
vblip_status cli_format_settle(cli_args *args, vblip_error *err);

// Refuses what does not go together, and texts that are not UTF-8. Stands on a settled
// format and split operands.
vblip_status cli_args_check(const cli_args *args, vblip_error *err);

#endif // CLI_CHECK_H

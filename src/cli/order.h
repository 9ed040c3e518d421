// order.h - operands that are not what their place says.
#ifndef CLI_ORDER_H
#define CLI_ORDER_H

#include "cli/args.h"

// Refuses a path that is not there while a text is the name of a file that is (the two were
// swapped), words of a query that take the place of paths (quotes are missing), and addresses.
vblip_status cli_order_check(const cli_args *args, vblip_error *err);

#endif // CLI_ORDER_H

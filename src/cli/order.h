// order.h - paths and texts that were given in each other's place.
#ifndef CLI_ORDER_H
#define CLI_ORDER_H

#include "cli/args.h"

// Refuses a path that is not there while a text is the name of a file that is: the two
// were swapped.
vblip_status cli_order_check(const cli_args *args, vblip_error *err);

#endif // CLI_ORDER_H

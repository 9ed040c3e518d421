// stamp.h - what the rows of a run depend on, in sixteen letters.
#ifndef CLI_STAMP_H
#define CLI_STAMP_H

#include "cli/args.h"

enum { CLI_STAMP_SIZE = 17 };

// Two runs of a command have one stamp when no option on which rows depend differs
// (options.h), and the files that they read hold the same, whatever they are called.
// `model` is the checkpoint that is used (NULL = none), known by its name alone; the
// content of videos and images is not looked at.
vblip_status cli_stamp_make(char out[CLI_STAMP_SIZE], const cli_args *args,
                            const char *model, vblip_error *err);

#endif // CLI_STAMP_H

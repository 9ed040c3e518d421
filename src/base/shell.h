// shell.h - a command of the user's, run by /bin/sh.
#ifndef VB_BASE_SHELL_H
#define VB_BASE_SHELL_H

#include "base/error.h"

#include <stddef.h>

typedef struct vb_shell_command {
    const char *line;
    const char *const *variables; // "NAME=value", up to a NULL, beside the environment
    const char *input;            // what it reads on standard input
    size_t input_size;
    double limit_s;             // then it is killed, and all that it started
    int (*stopped)(void *user); // asked some times a second; non-zero: likewise
    void *user;
} vb_shell_command;

// Waits until it has ended; what it prints goes to standard error. Another exit status than
// 0, a signal and the limit are VBLIP_ERR_IO; the message leaves the command to the caller.
VB_CHECKED vblip_status vb_shell_run(const vb_shell_command *command, vblip_error *err);

#endif // VB_BASE_SHELL_H

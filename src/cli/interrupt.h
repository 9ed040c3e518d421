// interrupt.h - ^C and its kin ask a job to stop; what was finished is kept.
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <stdbool.h>

// SIGINT, SIGTERM and SIGHUP ask to stop, unless they are ignored already; the second
// one kills. A closed pipe is an error of write, not a signal.
void cli_interrupt_install(void);
bool cli_interrupted(void);

#endif // CLI_INTERRUPT_H

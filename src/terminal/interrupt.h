// interrupt.h - ^C and its kin ask a job to stop; what was finished is kept.
#ifndef VB_TERMINAL_INTERRUPT_H
#define VB_TERMINAL_INTERRUPT_H

#include <stdbool.h>

// SIGINT, SIGTERM and SIGHUP ask to stop, unless they are ignored already; the second
// one kills. A closed pipe is an error of write, not a signal.
void vb_interrupt_install(void);
bool vb_interrupted(void);

#endif // VB_TERMINAL_INTERRUPT_H

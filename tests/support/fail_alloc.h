// fail_alloc.h - what a call does when memory runs out, at each allocation it makes.
//
// Linking vblip_fail_alloc sends malloc, calloc, realloc, strdup and free of all that is
// linked in, but not what shared libraries allocate for themselves, through here.
#ifndef FAIL_ALLOC_H
#define FAIL_ALLOC_H

#include "base/error.h"

#include <stddef.h>

// Makes a call from nothing and, where it succeeded, frees all it made.
typedef vblip_status fail_alloc_call(void *user, vblip_error *err);

// Makes the call with its 1st, 2nd, 3rd ... allocation failing, one at a time, until it
// needs no more, and returns how many it needed. Fails the test, naming the call and the
// allocation, when a failure is not VBLIP_ERR_MEMORY with a message, or leaks.
size_t fail_alloc_each(const char *name, fail_alloc_call *call, void *user);

#endif // FAIL_ALLOC_H

// pickle_machine.h - the stack, the marks and the memo that opcodes of a pickle work on.
#ifndef VB_FORMATS_PICKLE_MACHINE_H
#define VB_FORMATS_PICKLE_MACHINE_H

#include "formats/pickle.h"

enum { VB_PICKLE_MARKS = 256 }; // at a time

typedef struct vb_pickle_values {
    vb_pickle_value *items;
    size_t count, capacity;
} vb_pickle_values;

typedef struct vb_machine {
    const uint8_t *bytes;
    size_t size;
    size_t at, next;        // the opcode that runs, and what follows it
    const char *opcode;     // its name
    const uint8_t *operand; // `operand_size` bytes, part of the opcode
    size_t operand_size;
    vb_pickle_values stack, memo;
    size_t marks[VB_PICKLE_MARKS], mark_count; // heights of the stack
    size_t objects;
    bool stopped;
    const vb_pickle_global *globals;
    size_t global_count;
    vb_arena *arena;
    vblip_error *err;
} vb_machine;

// Fails with "byte AT: OPCODE: " before the message.
vblip_status vb_machine_refuse(const vb_machine *m, const char *format, ...)
    VB_PRINTF(2, 3);

VB_CHECKED vblip_status vb_machine_push(vb_machine *m, vb_pickle_value value);

// Takes `count` values off the stack: *out is the lowest, valid until the next push.
// What lies below the last mark is out of reach.
VB_CHECKED vblip_status vb_machine_pop(vb_machine *m, const vb_pickle_value **out,
                                       size_t count);

VB_CHECKED vblip_status vb_machine_mark(vb_machine *m);

// Takes everything above the last mark, and the mark.
VB_CHECKED vblip_status vb_machine_pop_mark(vb_machine *m, const vb_pickle_value **out,
                                            size_t *count);

// The value on top, which stays there.
VB_CHECKED vblip_status vb_machine_top(vb_machine *m, vb_pickle_value **out);

// Remembers the value on top as number `index`: picklers count from 0.
VB_CHECKED vblip_status vb_machine_put(vb_machine *m, uint64_t index);
VB_CHECKED vblip_status vb_machine_get(vb_machine *m, uint64_t index);

// The stack and the memo; what they refer to is in the arena.
void vb_machine_free(vb_machine *m);

#endif // VB_FORMATS_PICKLE_MACHINE_H

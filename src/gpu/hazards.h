// hazards.h - when a barrier must stand between two commands. Host code only.
//
// Each command declares the bytes it reads and writes. A barrier is needed where a
// command touches bytes that an earlier one wrote, or writes bytes that an earlier one
// read, and no barrier came between. One barrier orders all commands before it against
// all after it, so what came before is then forgotten.
#ifndef VB_GPU_HAZARDS_H
#define VB_GPU_HAZARDS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct vb_access {
    const void *memory;  // which buffer; only compared
    uint64_t first, end; // bytes first .. end - 1; first < end
    bool write;
} vb_access;

enum { VB_HAZARD_ACCESSES = 256 }; // remembered; more than that force a barrier

// All-zero: nothing recorded yet.
typedef struct vb_hazards {
    vb_access list[VB_HAZARD_ACCESSES]; // since the last barrier
    uint32_t count;
} vb_hazards;

// Takes the accesses (at most VB_HAZARD_ACCESSES) of the next command, and says whether
// a barrier must come before it. Accesses of one command never conflict with each other.
bool vb_hazards_next(vb_hazards *hazards, const vb_access *accesses, uint32_t count);

// Forgets everything: a barrier came, or a command buffer begins.
void vb_hazards_clear(vb_hazards *hazards);

#endif // VB_GPU_HAZARDS_H

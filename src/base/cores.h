// cores.h - the processor's cores.
#ifndef VB_BASE_CORES_H
#define VB_BASE_CORES_H

#include <stdint.h>

// How many this process may run on, at least 1.
uint32_t vb_core_count(void);

#endif // VB_BASE_CORES_H

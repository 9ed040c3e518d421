// specialised.h - which pipeline it is: a shader and what its constants are.
#ifndef VB_GPU_SPECIALISED_H
#define VB_GPU_SPECIALISED_H

#include <stdint.h>

enum { VB_MAX_CONSTANTS = 3 };

typedef struct vb_specialised {
    uint32_t id; // vb_pipeline_id
    uint32_t constants[VB_MAX_CONSTANTS];
} vb_specialised;

#endif // VB_GPU_SPECIALISED_H

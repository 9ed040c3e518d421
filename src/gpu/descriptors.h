// descriptors.h - descriptor sets for the dispatches of a submission, written anew by each:
// of a driver without VK_KHR_push_descriptor. Of others, commands hold what they bind.
#ifndef VB_GPU_DESCRIPTORS_H
#define VB_GPU_DESCRIPTORS_H

#include "gpu/pipelines.h"

typedef struct vb_descriptor_sets {
    VkDescriptorSet *list;
    uint32_t count, used;
} vb_descriptor_sets;

// All-zero: none are made yet.
typedef struct vb_descriptors {
    vb_descriptor_sets of[VB_PIPELINE_COUNT]; // of each pipeline's layout
    VkDescriptorPool *pools;                  // each holds sets of one layout
    uint32_t pool_count;
    uint32_t made; // sets, of all layouts
} vb_descriptors;

void vb_descriptors_close(vb_descriptors *descriptors, vb_gpu *gpu);

// A set that was not taken since the last reset; new ones are made only when all are.
VB_CHECKED vblip_status vb_descriptor_set_take(VkDescriptorSet *out,
                                               vb_descriptors *descriptors, vb_gpu *gpu,
                                               vb_pipeline_id id, vblip_error *err);

// All sets may be written again: the commands have run or were dropped.
void vb_descriptors_reset(vb_descriptors *descriptors);

#endif // VB_GPU_DESCRIPTORS_H

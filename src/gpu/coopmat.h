// coopmat.h - cooperative matrices: which of them a device has, and what it is opened with
// so that kernels can use them.
#ifndef VB_GPU_COOPMAT_H
#define VB_GPU_COOPMAT_H

#include "gpu/vk.h"

#include <stdbool.h>

// Shapes that kernels are written for, as bits: products of halves with sums in float, each
// of a subgroup.
enum {
    VB_COOPMAT_16 = 1, // 16 x 16 x 16
    VB_COOPMAT_8 = 2   // 8 x 8 x 8
};

typedef struct vb_coopmat {
    uint32_t shapes;   // 0: none, and nothing else counts
    bool flexible;     // VB_COOPMAT_16 by the flexible dimensions of NVIDIA's extension
    uint32_t subgroup; // invocations of a subgroup, which a pipeline can demand
} vb_coopmat;

// Finds out what a device of Vulkan 1.3 has that has VK_KHR_cooperative_matrix, and
// NVIDIA's extension of it: `matrix2`.
VB_CHECKED vblip_status vb_coopmat_read(vb_coopmat *out, const vb_vk *vk,
                                        VkPhysicalDevice device, bool matrix2,
                                        vblip_error *err);

// Features and extensions for VkDeviceCreateInfo. Points into itself.
typedef struct vb_coopmat_opening {
    VkPhysicalDeviceVulkan12Features vulkan12; // first of the chain
    VkPhysicalDeviceVulkan13Features vulkan13;
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR matrix;
    VkPhysicalDeviceCooperativeMatrix2FeaturesNV matrix2;
    const char *extensions[4]; // two more than are used
    uint32_t extension_count;
} vb_coopmat_opening;
void vb_coopmat_open(vb_coopmat_opening *out, const vb_coopmat *have);

#endif // VB_GPU_COOPMAT_H

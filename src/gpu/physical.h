// physical.h - what is known of each Vulkan device before it is opened, and which one a
// user means.
#ifndef VB_GPU_PHYSICAL_H
#define VB_GPU_PHYSICAL_H

#include "base/dtype.h"
#include "gpu/coopmat.h"
#include "gpu/instance.h"
#include "vblip_lab.h"

// Kernel families: shaders/README.md says why a software device needs its own.
enum vb_family { VB_SIMT = 1, VB_LAVAPIPE = 2, VB_COOPMAT = 4 };
enum { VB_LAVAPIPE_LANES = 8 }; // subgroup size that VB_LAVAPIPE is written for

#define VB_PORTABILITY_SUBSET "VK_KHR_portability_subset" // of headers that are in beta

// A device that is not open. `info` points into the struct: see vb_physical_describe.
typedef struct vb_physical {
    VkPhysicalDevice handle;
    VkPhysicalDeviceLimits limits;
    VkPhysicalDeviceMemoryProperties memory;
    VkPhysicalDeviceIDProperties id; // device and driver UUIDs
    uint8_t cache_uuid[VK_UUID_SIZE];
    VkDriverId driver_id;
    uint32_t vendor, device, driver_version, api_version;
    uint32_t queue_family; // which runs our commands
    uint32_t families;     // enum vb_family: all that it can run
    enum vb_family preferred;
    vb_dtype precision;      // what "auto" stores weights in: VB_F32 or VB_F16
    uint32_t timestamp_bits; // valid ones, in the queue family; 0 = no timestamps
    uint32_t max_iterations; // most that one invocation may make in all its loops
    uint64_t max_allocation; // bytes
    bool portability;        // not all of Vulkan: an extension that must be enabled
    bool tells_budget;       // VK_EXT_memory_budget
    bool push_descriptors;   // VK_KHR_push_descriptor
    bool matrix, matrix2;    // VK_KHR_cooperative_matrix, VK_NV_cooperative_matrix2
    bool halves;             // kernels can read weights that are stored in halves
    bool subgroup_sums;      // kernels can add over the lanes of a subgroup
    vb_coopmat coopmat;
    vblip_device_info info;
    char name[VK_MAX_PHYSICAL_DEVICE_NAME_SIZE], driver[VK_MAX_DRIVER_INFO_SIZE];
    char api[24], unusable[160];
} vb_physical;

// All devices in the order in which "auto" tries them; malloc'd. None is an error.
VB_CHECKED vblip_status vb_physical_list(vb_physical **out, uint32_t *count,
                                         const vb_instance *instance, vblip_error *err);

// Makes `info` point into its own struct, after a copy.
void vb_physical_describe(vb_physical *physical);

// The device meant by `wanted`: an index, part of a name, "auto" or NULL.
VB_CHECKED vblip_status vb_physical_choose(const vb_physical **out,
                                           const vb_physical *list, uint32_t count,
                                           const char *wanted, vblip_error *err);

const char *vb_family_name(enum vb_family family);

// 0 = no such family.
enum vb_family vb_family_find(const char *name);

#endif // VB_GPU_PHYSICAL_H

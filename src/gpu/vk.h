// vk.h - Vulkan as tables of functions. No other file calls the loader, so a test can
// swap in a function that fails. It is opened at run time: where there is none, the
// program does without Vulkan.
#ifndef VB_GPU_VK_H
#define VB_GPU_VK_H

#include "base/error.h"

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

// What the headers of Debian 12 lack.
#ifndef VK_KHR_cooperative_matrix
#define VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME "VK_KHR_cooperative_matrix"
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR              \
    ((VkStructureType)1000506000)
#define VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR                            \
    ((VkStructureType)1000506001)
#define VK_COMPONENT_TYPE_FLOAT16_KHR 0
#define VK_COMPONENT_TYPE_FLOAT32_KHR 1
#define VK_SCOPE_SUBGROUP_KHR         3
typedef struct VkPhysicalDeviceCooperativeMatrixFeaturesKHR {
    VkStructureType sType;
    void *pNext;
    VkBool32 cooperativeMatrix, cooperativeMatrixRobustBufferAccess;
} VkPhysicalDeviceCooperativeMatrixFeaturesKHR;
typedef struct VkCooperativeMatrixPropertiesKHR {
    VkStructureType sType;
    void *pNext;
    uint32_t MSize, NSize, KSize;
    int32_t AType, BType, CType, ResultType;
    VkBool32 saturatingAccumulation;
    int32_t scope;
} VkCooperativeMatrixPropertiesKHR;
typedef VkResult(VKAPI_PTR *PFN_vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR)(
    VkPhysicalDevice, uint32_t *, VkCooperativeMatrixPropertiesKHR *);
#endif
#ifndef VK_NV_cooperative_matrix2
#define VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME "VK_NV_cooperative_matrix2"
#define VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV             \
    ((VkStructureType)1000593000)
#define VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV         \
    ((VkStructureType)1000593001)
typedef struct VkPhysicalDeviceCooperativeMatrix2FeaturesNV {
    VkStructureType sType;
    void *pNext;
    VkBool32 cooperativeMatrixWorkgroupScope, cooperativeMatrixFlexibleDimensions;
    VkBool32 cooperativeMatrixReductions, cooperativeMatrixConversions;
    VkBool32 cooperativeMatrixPerElementOperations, cooperativeMatrixTensorAddressing;
    VkBool32 cooperativeMatrixBlockLoads;
} VkPhysicalDeviceCooperativeMatrix2FeaturesNV;
typedef struct VkCooperativeMatrixFlexibleDimensionsPropertiesNV {
    VkStructureType sType;
    void *pNext;
    uint32_t MGranularity, NGranularity, KGranularity;
    int32_t AType, BType, CType, ResultType;
    VkBool32 saturatingAccumulation;
    int32_t scope;
    uint32_t workgroupInvocations;
} VkCooperativeMatrixFlexibleDimensionsPropertiesNV;
typedef VkResult(
    VKAPI_PTR *PFN_vkGetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV)(
    VkPhysicalDevice, uint32_t *, VkCooperativeMatrixFlexibleDimensionsPropertiesNV *);
#endif

#define VB_VK_GLOBAL(X)                                                                \
    X(CreateInstance)                                                                  \
    X(EnumerateInstanceVersion)                                                        \
    X(EnumerateInstanceLayerProperties)                                                \
    X(EnumerateInstanceExtensionProperties)

#define VB_VK_INSTANCE(X)                                                              \
    X(DestroyInstance)                                                                 \
    X(EnumeratePhysicalDevices)                                                        \
    X(GetPhysicalDeviceProperties)                                                     \
    X(GetPhysicalDeviceProperties2)                                                    \
    X(GetPhysicalDeviceFeatures2)                                                      \
    X(GetPhysicalDeviceMemoryProperties)                                               \
    X(GetPhysicalDeviceMemoryProperties2)                                              \
    X(GetPhysicalDeviceQueueFamilyProperties)                                          \
    X(GetPhysicalDeviceFormatProperties)                                               \
    X(EnumerateDeviceExtensionProperties)                                              \
    X(CreateDevice)                                                                    \
    X(GetDeviceProcAddr)

#define VB_VK_DEVICE(X)                                                                \
    X(DestroyDevice)                                                                   \
    X(GetDeviceQueue)                                                                  \
    X(DeviceWaitIdle)                                                                  \
    X(QueueSubmit)                                                                     \
    X(AllocateMemory)                                                                  \
    X(FreeMemory)                                                                      \
    X(MapMemory)                                                                       \
    X(CreateBuffer)                                                                    \
    X(DestroyBuffer)                                                                   \
    X(CreateBufferView)                                                                \
    X(DestroyBufferView)                                                               \
    X(GetBufferMemoryRequirements)                                                     \
    X(BindBufferMemory)                                                                \
    X(CreateShaderModule)                                                              \
    X(DestroyShaderModule)                                                             \
    X(CreateDescriptorSetLayout)                                                       \
    X(DestroyDescriptorSetLayout)                                                      \
    X(CreatePipelineLayout)                                                            \
    X(DestroyPipelineLayout)                                                           \
    X(CreatePipelineCache)                                                             \
    X(DestroyPipelineCache)                                                            \
    X(GetPipelineCacheData)                                                            \
    X(CreateComputePipelines)                                                          \
    X(DestroyPipeline)                                                                 \
    X(CreateDescriptorPool)                                                            \
    X(DestroyDescriptorPool)                                                           \
    X(AllocateDescriptorSets)                                                          \
    X(UpdateDescriptorSets)                                                            \
    X(CreateCommandPool)                                                               \
    X(DestroyCommandPool)                                                              \
    X(ResetCommandPool)                                                                \
    X(AllocateCommandBuffers)                                                          \
    X(BeginCommandBuffer)                                                              \
    X(EndCommandBuffer)                                                                \
    X(CmdBindPipeline)                                                                 \
    X(CmdBindDescriptorSets)                                                           \
    X(CmdPushConstants)                                                                \
    X(CmdDispatch)                                                                     \
    X(CmdDispatchBase)                                                                 \
    X(CmdPipelineBarrier)                                                              \
    X(CmdCopyBuffer)                                                                   \
    X(CmdResetQueryPool)                                                               \
    X(CmdWriteTimestamp)                                                               \
    X(CreateQueryPool)                                                                 \
    X(DestroyQueryPool)                                                                \
    X(GetQueryPoolResults)                                                             \
    X(CreateSemaphore)                                                                 \
    X(DestroySemaphore)                                                                \
    X(GetSemaphoreCounterValue)                                                        \
    X(WaitSemaphores)

// Extensions: NULL where not enabled.
#define VB_VK_DEBUG(X)                                                                 \
    X(CreateDebugUtilsMessengerEXT)                                                    \
    X(DestroyDebugUtilsMessengerEXT)                                                   \
    X(SetDebugUtilsObjectNameEXT)                                                      \
    X(CmdBeginDebugUtilsLabelEXT)                                                      \
    X(CmdEndDebugUtilsLabelEXT)

#define VB_VK_PUSH(X) X(CmdPushDescriptorSetKHR)

#define VB_VK_LOADER "libvulkan.so.1"
#define VB_VK_MATRIX(X)                                                                \
    X(GetPhysicalDeviceCooperativeMatrixPropertiesKHR)                                 \
    X(GetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV)

#define VB_VK_MEMBER(name) PFN_vk##name name;

typedef struct vb_vk {
    VB_VK_MEMBER(GetInstanceProcAddr)
    VB_VK_GLOBAL(VB_VK_MEMBER)
    VB_VK_INSTANCE(VB_VK_MEMBER)
    VB_VK_DEVICE(VB_VK_MEMBER)
    VB_VK_PUSH(VB_VK_MEMBER)
    VB_VK_DEBUG(VB_VK_MEMBER)
    VB_VK_MATRIX(VB_VK_MEMBER)
} vb_vk;

// Each needs the functions of the one before it. `loader` is the library's name.
VB_CHECKED vblip_status vb_vk_load_global(vb_vk *vk, const char *loader,
                                          vblip_error *err);
VB_CHECKED vblip_status vb_vk_load_instance(vb_vk *vk, VkInstance instance,
                                            vblip_error *err);
VB_CHECKED vblip_status vb_vk_load_device(vb_vk *vk, VkDevice device, vblip_error *err);

const char *vb_vk_result_name(VkResult result);

// Records a failed call: memory results are VBLIP_ERR_MEMORY, others VBLIP_ERR_DEVICE.
vblip_status vb_fail_vk(vblip_error *err, VkResult result, const char *call);

// Calls Vulkan in a function that has `status`, `err` and a `fail:` label.
#define VB_VK(call)                                                                    \
    do {                                                                               \
        VkResult vb_vk_result_ = (call);                                               \
        if (vb_vk_result_ != VK_SUCCESS) {                                             \
            status = vb_fail_vk(err, vb_vk_result_, #call);                            \
            goto fail;                                                                 \
        }                                                                              \
    } while (0)

// The same for our own calls.
#define VB_OK(call)                                                                    \
    do {                                                                               \
        status = (call);                                                               \
        if (status != VBLIP_OK)                                                        \
            goto fail;                                                                 \
    } while (0)

#endif // VB_GPU_VK_H

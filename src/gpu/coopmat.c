#include "gpu/coopmat.h"

#include <stdlib.h>

// Whether a device has all features that the kernels need, and whether NVIDIA's too.
static bool has_features(bool *flexible, const vb_vk *vk, VkPhysicalDevice device,
                         bool matrix2)
{
    VkPhysicalDeviceCooperativeMatrix2FeaturesNV nv = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV};
    VkPhysicalDeviceCooperativeMatrixFeaturesKHR khr = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
        .pNext = matrix2 ? &nv : NULL};
    VkPhysicalDeviceVulkan13Features v13 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES, .pNext = &khr};
    VkPhysicalDeviceVulkan12Features v12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES, .pNext = &v13};
    VkPhysicalDeviceFeatures2 all = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &v12};
    vk->GetPhysicalDeviceFeatures2(device, &all);
    *flexible = nv.cooperativeMatrixFlexibleDimensions;
    return khr.cooperativeMatrix && v13.subgroupSizeControl &&
           v13.computeFullSubgroups && v12.vulkanMemoryModel && v12.shaderFloat16;
}

// 32 where that can be demanded, as it can of all GPUs with such matrices; else the
// device's own size.
static uint32_t demanded_subgroup(const vb_vk *vk, VkPhysicalDevice device)
{
    const uint32_t wanted = 32;
    VkPhysicalDeviceVulkan13Properties v13 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_PROPERTIES};
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES, .pNext = &v13};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &subgroup};
    vk->GetPhysicalDeviceProperties2(device, &properties);
    if (!(v13.requiredSubgroupSizeStages & VK_SHADER_STAGE_COMPUTE_BIT))
        return 0;
    return v13.minSubgroupSize <= wanted && wanted <= v13.maxSubgroupSize
               ? wanted
               : subgroup.subgroupSize;
}

static bool is_of_halves(int32_t a, int32_t b, int32_t c, int32_t result, int32_t scope)
{
    return a == VK_COMPONENT_TYPE_FLOAT16_KHR && b == a &&
           c == VK_COMPONENT_TYPE_FLOAT32_KHR && result == c &&
           scope == VK_SCOPE_SUBGROUP_KHR;
}

static vblip_status find_shapes(vb_coopmat *out, const vb_vk *vk,
                                VkPhysicalDevice device, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    VkCooperativeMatrixPropertiesKHR *list = NULL;
    uint32_t count = 0;
    VB_VK(vk->GetPhysicalDeviceCooperativeMatrixPropertiesKHR(device, &count, NULL));
    list = calloc(count ? count : 1, sizeof *list);
    if (!list)
        return vb_fail_memory(err, "cooperative matrices");
    for (uint32_t i = 0; i < count; i++)
        list[i].sType = VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_PROPERTIES_KHR;
    VB_VK(vk->GetPhysicalDeviceCooperativeMatrixPropertiesKHR(device, &count, list));
    for (uint32_t i = 0; i < count; i++) {
        const VkCooperativeMatrixPropertiesKHR *m = &list[i];
        if (!is_of_halves(m->AType, m->BType, m->CType, m->ResultType, m->scope) ||
            m->NSize != m->MSize || m->KSize != m->MSize)
            continue;
        out->shapes |= m->MSize == 16  ? VB_COOPMAT_16
                       : m->MSize == 8 ? VB_COOPMAT_8
                                       : 0;
    }
fail:
    free(list);
    return status;
}

// Adds VB_COOPMAT_16 where matrices of other sizes make up one.
static vblip_status find_flexible(vb_coopmat *out, const vb_vk *vk,
                                  VkPhysicalDevice device, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    VkCooperativeMatrixFlexibleDimensionsPropertiesNV *list = NULL;
    uint32_t count = 0;
    VB_VK(vk->GetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV(
        device, &count, NULL));
    list = calloc(count ? count : 1, sizeof *list);
    if (!list)
        return vb_fail_memory(err, "cooperative matrices");
    for (uint32_t i = 0; i < count; i++)
        list[i].sType =
            VK_STRUCTURE_TYPE_COOPERATIVE_MATRIX_FLEXIBLE_DIMENSIONS_PROPERTIES_NV;
    VB_VK(vk->GetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV(
        device, &count, list));
    for (uint32_t i = 0; i < count; i++) {
        const VkCooperativeMatrixFlexibleDimensionsPropertiesNV *m = &list[i];
        if (is_of_halves(m->AType, m->BType, m->CType, m->ResultType, m->scope) &&
            m->MGranularity && m->NGranularity && m->KGranularity &&
            16 % m->MGranularity == 0 && 16 % m->NGranularity == 0 &&
            16 % m->KGranularity == 0)
            out->flexible = true;
    }
    if (out->flexible)
        out->shapes |= VB_COOPMAT_16;
fail:
    free(list);
    return status;
}

vblip_status vb_coopmat_read(vb_coopmat *out, const vb_vk *vk, VkPhysicalDevice device,
                             bool matrix2, vblip_error *err)
{
    bool flexible;
    *out = (vb_coopmat){0};
    if (!vk->GetPhysicalDeviceCooperativeMatrixPropertiesKHR ||
        !has_features(&flexible, vk, device, matrix2))
        return VBLIP_OK;
    out->subgroup = demanded_subgroup(vk, device);
    if (out->subgroup == 0)
        return VBLIP_OK;
    VB_TRY(find_shapes(out, vk, device, err));
    if (!(out->shapes & VB_COOPMAT_16) && flexible &&
        vk->GetPhysicalDeviceCooperativeMatrixFlexibleDimensionsPropertiesNV)
        VB_TRY(find_flexible(out, vk, device, err));
    return VBLIP_OK;
}

void vb_coopmat_open(vb_coopmat_opening *out, const vb_coopmat *have)
{
    *out = (vb_coopmat_opening){
        .vulkan12 = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES,
                     .timelineSemaphore = VK_TRUE},
    };
    if (!have->shapes)
        return;
    out->vulkan12.pNext = &out->vulkan13;
    out->vulkan12.vulkanMemoryModel = VK_TRUE;
    out->vulkan12.shaderFloat16 = VK_TRUE;
    out->vulkan13 = (VkPhysicalDeviceVulkan13Features){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
        .pNext = &out->matrix,
        .subgroupSizeControl = VK_TRUE,
        .computeFullSubgroups = VK_TRUE,
    };
    out->matrix = (VkPhysicalDeviceCooperativeMatrixFeaturesKHR){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_FEATURES_KHR,
        .pNext = have->flexible ? &out->matrix2 : NULL,
        .cooperativeMatrix = VK_TRUE,
    };
    out->matrix2 = (VkPhysicalDeviceCooperativeMatrix2FeaturesNV){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_COOPERATIVE_MATRIX_2_FEATURES_NV,
        .cooperativeMatrixFlexibleDimensions = VK_TRUE,
    };
    out->extensions[out->extension_count++] = VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME;
    if (have->flexible)
        out->extensions[out->extension_count++] =
            VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME;
}

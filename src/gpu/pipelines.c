#include "gpu/pipelines.h"

#include "gpu/context.h"

#include <assert.h>
#include <string.h>

bool vb_pushes_descriptors(const vb_gpu *gpu)
{
    return gpu->physical.push_descriptors;
}

static VkDescriptorType descriptor_type(char binding)
{
    return vb_binding_is_texels(binding) ? VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER
                                         : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER;
}

static vblip_status make_layout(vb_gpu *gpu, vb_pipeline_id id, vblip_error *err)
{
    const vb_pipeline_row *row = &vb_pipeline_rows[id];
    vb_pipeline_layout *layout = &gpu->pipelines.layouts[id];
    vblip_status status = VBLIP_OK;
    VkDescriptorSetLayoutBinding bindings[VB_MAX_BINDINGS];
    const uint32_t count = (uint32_t)strlen(row->bindings);
    assert(count <= VB_MAX_BINDINGS && row->param_bytes <= VB_MAX_PARAM_BYTES);
    for (uint32_t i = 0; i < count; i++)
        bindings[i] = (VkDescriptorSetLayoutBinding){
            .binding = i,
            .descriptorType = descriptor_type(row->bindings[i]),
            .descriptorCount = 1,
            .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
        };
    const VkDescriptorSetLayoutCreateInfo set_info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
        .flags = vb_pushes_descriptors(gpu)
                     ? VK_DESCRIPTOR_SET_LAYOUT_CREATE_PUSH_DESCRIPTOR_BIT_KHR
                     : 0,
        .bindingCount = count,
        .pBindings = bindings,
    };
    VB_VK(gpu->vk.CreateDescriptorSetLayout(gpu->device, &set_info, NULL,
                                            &layout->set_layout));
    const VkPushConstantRange push = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                                      .size = row->param_bytes};
    const VkPipelineLayoutCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
        .setLayoutCount = 1,
        .pSetLayouts = &layout->set_layout,
        .pushConstantRangeCount = 1,
        .pPushConstantRanges = &push,
    };
    VB_VK(gpu->vk.CreatePipelineLayout(gpu->device, &info, NULL, &layout->handle));
fail:
    return status;
}

vblip_status vb_pipelines_open(vb_gpu *gpu, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    for (uint32_t i = 0; i < VB_PIPELINE_COUNT; i++)
        VB_OK(make_layout(gpu, (vb_pipeline_id)i, err));
    const VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO};
    VB_VK(gpu->vk.CreatePipelineCache(gpu->device, &info, NULL, &gpu->pipelines.cache));
fail:
    return status; // vb_pipelines_close takes a table that is half made
}

void vb_pipelines_close(vb_gpu *gpu)
{
    vb_pipelines *pipelines = &gpu->pipelines;
    for (uint32_t i = 0; i < VB_PIPELINE_COUNT; i++) {
        vb_pipeline_layout *layout = &pipelines->layouts[i];
        gpu->vk.DestroyPipelineLayout(gpu->device, layout->handle, NULL);
        gpu->vk.DestroyDescriptorSetLayout(gpu->device, layout->set_layout, NULL);
    }
    gpu->vk.DestroyPipelineCache(gpu->device, pipelines->cache, NULL);
    *pipelines = (vb_pipelines){0};
}

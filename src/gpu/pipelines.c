#include "gpu/pipelines.h"

#include "gpu/context.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SETS_AT_ONCE = 32 };

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
    for (uint32_t i = 0; i < pipelines->pool_count; i++)
        gpu->vk.DestroyDescriptorPool(gpu->device, pipelines->pools[i], NULL);
    free(pipelines->pools);
    for (uint32_t i = 0; i < VB_PIPELINE_COUNT; i++) {
        vb_pipeline_layout *layout = &pipelines->layouts[i];
        gpu->vk.DestroyPipelineLayout(gpu->device, layout->handle, NULL);
        gpu->vk.DestroyDescriptorSetLayout(gpu->device, layout->set_layout, NULL);
        free(layout->sets);
    }
    gpu->vk.DestroyPipelineCache(gpu->device, pipelines->cache, NULL);
    *pipelines = (vb_pipelines){0};
}

// Adds SETS_AT_ONCE sets to a layout.
static vblip_status add_sets(vb_gpu *gpu, vb_pipeline_id id, vblip_error *err)
{
    vb_pipelines *pipelines = &gpu->pipelines;
    vb_pipeline_layout *layout = &pipelines->layouts[id];
    vblip_status status = VBLIP_OK;
    VkDescriptorPool *pools =
        realloc(pipelines->pools, (pipelines->pool_count + 1) * sizeof *pools);
    if (!pools)
        return vb_fail_memory(err, "descriptor pools");
    pipelines->pools = pools;
    VkDescriptorSet *sets =
        realloc(layout->sets, (layout->set_count + SETS_AT_ONCE) * sizeof *sets);
    if (!sets)
        return vb_fail_memory(err, "descriptor sets");
    layout->sets = sets;

    VkDescriptorPoolSize sizes[2] = {{VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 0},
                                     {VK_DESCRIPTOR_TYPE_STORAGE_TEXEL_BUFFER, 0}};
    for (const char *b = vb_pipeline_rows[id].bindings; *b; b++)
        sizes[vb_binding_is_texels(*b)].descriptorCount += SETS_AT_ONCE;
    const VkDescriptorPoolCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
        .maxSets = SETS_AT_ONCE,
        .poolSizeCount = sizes[1].descriptorCount ? 2 : 1,
        .pPoolSizes = sizes,
    };
    VkDescriptorPool pool = VK_NULL_HANDLE;
    VB_VK(gpu->vk.CreateDescriptorPool(gpu->device, &info, NULL, &pool));
    pipelines->pools[pipelines->pool_count++] = pool;
    VkDescriptorSetLayout layouts[SETS_AT_ONCE];
    for (uint32_t i = 0; i < SETS_AT_ONCE; i++)
        layouts[i] = layout->set_layout;
    const VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = pool,
        .descriptorSetCount = SETS_AT_ONCE,
        .pSetLayouts = layouts,
    };
    VB_VK(gpu->vk.AllocateDescriptorSets(gpu->device, &allocate,
                                         layout->sets + layout->set_count));
    layout->set_count += SETS_AT_ONCE;
fail:
    return status;
}

vblip_status vb_pipeline_set(VkDescriptorSet *out, vb_gpu *gpu, vb_pipeline_id id,
                             vblip_error *err)
{
    vb_pipeline_layout *layout = &gpu->pipelines.layouts[id];
    if (layout->sets_used == layout->set_count)
        VB_TRY(add_sets(gpu, id, err));
    *out = layout->sets[layout->sets_used++];
    return VBLIP_OK;
}

void vb_pipeline_sets_reset(vb_gpu *gpu)
{
    for (uint32_t i = 0; i < VB_PIPELINE_COUNT; i++)
        gpu->pipelines.layouts[i].sets_used = 0;
}

#include "gpu/descriptors.h"

#include "gpu/context.h"

#include <stdlib.h>

enum { SETS_AT_ONCE = 32 };

void vb_descriptors_close(vb_descriptors *descriptors, vb_gpu *gpu)
{
    for (uint32_t i = 0; i < descriptors->pool_count; i++)
        gpu->vk.DestroyDescriptorPool(gpu->device, descriptors->pools[i], NULL);
    free(descriptors->pools);
    for (uint32_t i = 0; i < VB_PIPELINE_COUNT; i++)
        free(descriptors->of[i].list);
    *descriptors = (vb_descriptors){0};
}

// A pool for SETS_AT_ONCE sets of a layout.
static vblip_status make_set_pool(VkDescriptorPool *out, vb_gpu *gpu, vb_pipeline_id id,
                                  vblip_error *err)
{
    vblip_status status = VBLIP_OK;
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
    VB_VK(gpu->vk.CreateDescriptorPool(gpu->device, &info, NULL, out));
fail:
    return status;
}

// Adds SETS_AT_ONCE sets to those of a layout.
static vblip_status add_sets(vb_descriptors *descriptors, vb_gpu *gpu,
                             vb_pipeline_id id, vblip_error *err)
{
    vb_descriptor_sets *of = &descriptors->of[id];
    vblip_status status = VBLIP_OK;
    gpu->memory.host_allocations += 2;
    VkDescriptorPool *pools =
        realloc(descriptors->pools, (descriptors->pool_count + 1) * sizeof *pools);
    if (!pools)
        return vb_fail_memory(err, "descriptor pools");
    descriptors->pools = pools;
    VkDescriptorSet *list =
        realloc(of->list, (of->count + SETS_AT_ONCE) * sizeof *list);
    if (!list)
        return vb_fail_memory(err, "descriptor sets");
    of->list = list;
    VB_TRY(make_set_pool(&pools[descriptors->pool_count], gpu, id, err));
    VkDescriptorSetLayout layouts[SETS_AT_ONCE];
    for (uint32_t i = 0; i < SETS_AT_ONCE; i++)
        layouts[i] = gpu->pipelines.layouts[id].set_layout;
    const VkDescriptorSetAllocateInfo allocate = {
        .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
        .descriptorPool = pools[descriptors->pool_count++],
        .descriptorSetCount = SETS_AT_ONCE,
        .pSetLayouts = layouts,
    };
    VB_VK(gpu->vk.AllocateDescriptorSets(gpu->device, &allocate, list + of->count));
    of->count += SETS_AT_ONCE;
    descriptors->made += SETS_AT_ONCE;
fail:
    return status;
}

vblip_status vb_descriptor_set_take(VkDescriptorSet *out, vb_descriptors *descriptors,
                                    vb_gpu *gpu, vb_pipeline_id id, vblip_error *err)
{
    vb_descriptor_sets *of = &descriptors->of[id];
    if (of->used == of->count)
        VB_TRY(add_sets(descriptors, gpu, id, err));
    *out = of->list[of->used++];
    return VBLIP_OK;
}

void vb_descriptors_reset(vb_descriptors *descriptors)
{
    for (uint32_t i = 0; i < VB_PIPELINE_COUNT; i++)
        descriptors->of[i].used = 0;
}

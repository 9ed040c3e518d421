#include "gpu/compile.h"

#include "base/cores.h"
#include "gpu/context.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static vblip_status compile(VkPipeline *out, vb_gpu *gpu, const vb_specialised *wanted,
                            vblip_error *err)
{
    const vb_pipeline_row *row = &vb_pipeline_rows[wanted->id];
    vblip_status status = VBLIP_OK;
    VkShaderModule module = VK_NULL_HANDLE;
    const VkShaderModuleCreateInfo module_info = {
        .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
        .codeSize = row->spirv_bytes,
        .pCode = row->spirv,
    };
    VB_VK(gpu->vk.CreateShaderModule(gpu->device, &module_info, NULL, &module));
    VkSpecializationMapEntry entries[VB_MAX_CONSTANTS];
    for (uint32_t i = 0; i < VB_MAX_CONSTANTS; i++)
        entries[i] = (VkSpecializationMapEntry){i, i * 4, sizeof(uint32_t)};
    const VkSpecializationInfo specialization = {
        .mapEntryCount = row->constants,
        .pMapEntries = entries,
        .dataSize = row->constants * sizeof(uint32_t),
        .pData = wanted->constants,
    };
    const VkPipelineShaderStageRequiredSubgroupSizeCreateInfo subgroup = {
        .sType =
            VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_REQUIRED_SUBGROUP_SIZE_CREATE_INFO,
        .requiredSubgroupSize = gpu->physical.coopmat.subgroup,
    };
    const VkComputePipelineCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
        .flags = VK_PIPELINE_CREATE_DISPATCH_BASE_BIT, // dispatches in pieces
        .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                  .pNext = row->full_subgroups ? &subgroup : NULL,
                  .flags =
                      row->full_subgroups
                          ? VK_PIPELINE_SHADER_STAGE_CREATE_REQUIRE_FULL_SUBGROUPS_BIT
                          : 0,
                  .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                  .module = module,
                  .pName = "main",
                  .pSpecializationInfo = row->constants ? &specialization : NULL},
        .layout = gpu->pipelines.layouts[wanted->id].handle,
    };
    VB_VK(gpu->vk.CreateComputePipelines(gpu->device, gpu->pipelines.cache, 1, &info,
                                         NULL, out));
    vb_gpu_name(gpu, VK_OBJECT_TYPE_PIPELINE, (uint64_t)(uintptr_t)*out, row->name);
fail:
    gpu->vk.DestroyShaderModule(gpu->device, module, NULL);
    if (status != VBLIP_OK)
        vb_error_prefix(err, row->name);
    return status;
}

// Compiles the n-th, which nobody else has in hand. The lock is held before and behind, and
// let go of meanwhile.
static vblip_status make_nth(vb_gpu *gpu, uint32_t n, vblip_error *err)
{
    vb_compiled *compiled = &gpu->compiled;
    const vb_specialised wanted = compiled->list[n].what;
    VkPipeline handle = VK_NULL_HANDLE;
    compiled->list[n].state = VB_PIPELINE_IN_HAND;
    pthread_mutex_unlock(&compiled->lock);
    const vblip_status status = compile(&handle, gpu, &wanted, err);
    pthread_mutex_lock(&compiled->lock);
    compiled->list[n].handle = handle;
    compiled->list[n].state = status == VBLIP_OK ? VB_PIPELINE_MADE : VB_PIPELINE_LEFT;
    atomic_fetch_add(&compiled->made, status == VBLIP_OK);
    pthread_cond_broadcast(&compiled->changed);
    return status;
}

static void *compile_ahead(void *user)
{
    vb_gpu *gpu = user;
    vb_compiled *compiled = &gpu->compiled;
    pthread_mutex_lock(&compiled->lock);
    for (uint32_t i = 0; i < compiled->count && !compiled->ends; i++) {
        if (compiled->list[i].state == VB_PIPELINE_AHEAD)
            (void)make_nth(gpu, i, NULL); // whoever needs it is told what is wrong
    }
    pthread_mutex_unlock(&compiled->lock);
    return NULL;
}

static vblip_status make_compiled_room(vb_compiled *compiled, uint32_t more,
                                       vblip_error *err)
{
    const uint32_t needed = compiled->count + more;
    if (needed <= compiled->capacity)
        return VBLIP_OK;
    const uint32_t capacity = needed + 32;
    vb_pipeline *list = realloc(compiled->list, capacity * sizeof *list);
    if (!list)
        return vb_fail_memory(err, "pipelines");
    compiled->list = list;
    compiled->capacity = capacity;
    return VBLIP_OK;
}

static bool same_specialised(const vb_specialised *a, const vb_specialised *b)
{
    return a->id == b->id &&
           memcmp(a->constants, b->constants, sizeof a->constants) == 0;
}

// Where it is in the list; the count when it is not.
static uint32_t find_specialised(const vb_compiled *compiled,
                                 const vb_specialised *what)
{
    uint32_t n = 0;
    while (n < compiled->count && !same_specialised(&compiled->list[n].what, what))
        n++;
    return n;
}

// Where it is in the list, at whose end it may be new.
static vblip_status place_specialised(uint32_t *out, vb_compiled *compiled,
                                      const vb_specialised *what, vblip_error *err)
{
    *out = find_specialised(compiled, what);
    if (*out < compiled->count)
        return VBLIP_OK;
    VB_TRY(make_compiled_room(compiled, 1, err));
    compiled->list[compiled->count++] = (vb_pipeline){.what = *what};
    return VBLIP_OK;
}

void vb_compiled_open(vb_gpu *gpu)
{
    gpu->compiled = (vb_compiled){.lock = PTHREAD_MUTEX_INITIALIZER,
                                  .changed = PTHREAD_COND_INITIALIZER};
}

void vb_compiled_ahead(vb_gpu *gpu, const vb_specialised *list, uint32_t count)
{
    vb_compiled *compiled = &gpu->compiled;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t n;
        if (list[i].id < VB_PIPELINE_COUNT &&
            place_specialised(&n, compiled, &list[i], NULL) == VBLIP_OK &&
            compiled->list[n].state == VB_PIPELINE_LEFT)
            compiled->list[n].state = VB_PIPELINE_AHEAD;
    }
    const uint32_t cores = vb_core_count();
    sigset_t all, before; // signals stay with the program's own threads
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (compiled->started < VB_COMPILE_THREADS && compiled->started < cores &&
           compiled->started < count &&
           pthread_create(&compiled->threads[compiled->started], NULL, compile_ahead,
                          gpu) == 0)
        compiled->started++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static vblip_status get_locked(VkPipeline *out, vb_gpu *gpu, const vb_specialised *what,
                               vblip_error *err)
{
    vb_compiled *compiled = &gpu->compiled;
    uint32_t n;
    VB_TRY(place_specialised(&n, compiled, what, err));
    while (compiled->list[n].state == VB_PIPELINE_IN_HAND)
        pthread_cond_wait(&compiled->changed, &compiled->lock);
    if (compiled->list[n].state != VB_PIPELINE_MADE)
        VB_TRY(make_nth(gpu, n, err));
    compiled->list[n].used = true;
    *out = compiled->list[n].handle;
    return VBLIP_OK;
}

vblip_status vb_pipeline_get(VkPipeline *out, vb_gpu *gpu, vb_pipeline_id id,
                             const uint32_t constants[VB_MAX_CONSTANTS],
                             vblip_error *err)
{
    vb_specialised what = {.id = id};
    memcpy(what.constants, constants, sizeof what.constants);
    pthread_mutex_lock(&gpu->compiled.lock);
    const vblip_status status = get_locked(out, gpu, &what, err);
    pthread_mutex_unlock(&gpu->compiled.lock);
    return status;
}

uint32_t vb_compiled_used(const vb_gpu *gpu, vb_specialised *out, uint32_t most)
{
    const vb_compiled *compiled = &gpu->compiled; // only the caller's thread adds to it
    uint32_t count = 0;
    for (uint32_t i = 0; i < compiled->count && count < most; i++) {
        if (compiled->list[i].used)
            out[count++] = compiled->list[i].what;
    }
    return count;
}

void vb_compiled_forget(vb_gpu *gpu)
{
    for (uint32_t i = 0; i < gpu->compiled.count; i++)
        gpu->compiled.list[i].used = false;
}

void vb_compiled_settle(vb_gpu *gpu)
{
    vb_compiled *compiled = &gpu->compiled;
    pthread_mutex_lock(&compiled->lock);
    compiled->ends = true;
    pthread_mutex_unlock(&compiled->lock);
    for (uint32_t i = 0; i < compiled->started; i++)
        pthread_join(compiled->threads[i], NULL);
    compiled->started = 0;
}

void vb_compiled_close(vb_gpu *gpu)
{
    vb_compiled *compiled = &gpu->compiled;
    vb_compiled_settle(gpu);
    for (uint32_t i = 0; i < compiled->count; i++)
        gpu->vk.DestroyPipeline(gpu->device, compiled->list[i].handle, NULL);
    free(compiled->list);
    vb_compiled_open(gpu);
}

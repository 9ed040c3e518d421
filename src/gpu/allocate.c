#include "gpu/allocate.h"

#include "gpu/context.h"

enum {
    LOCAL = VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
    MAPPABLE =
        VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT,
    CACHED = VK_MEMORY_PROPERTY_HOST_CACHED_BIT,
    // Types for other uses, or to be enabled first.
    NEVER = VK_MEMORY_PROPERTY_PROTECTED_BIT | VK_MEMORY_PROPERTY_LAZILY_ALLOCATED_BIT |
            VK_MEMORY_PROPERTY_DEVICE_COHERENT_BIT_AMD |
            VK_MEMORY_PROPERTY_DEVICE_UNCACHED_BIT_AMD,
    TIERS = 4
};

// What a type must have, best first.
static const struct tier {
    VkMemoryPropertyFlags flags;
    bool
        whole; // all of the device's memory: a window of 256 MiB is too small for weights
} tiers[][TIERS] = {
    // What the device reads fastest, mapped where all of it can be (software, unified
    // memory, resizable BAR); then what it reads over the bus.
    [VB_FOR_KERNELS] = {{LOCAL | MAPPABLE, true},
                        {LOCAL, false},
                        {MAPPABLE, false},
                        {0}},
    [VB_FOR_STAGING] = {{MAPPABLE | CACHED, false},
                        {MAPPABLE, false},
                        {MAPPABLE, false},
                        {MAPPABLE, false}},
};

static bool may_map(const vb_gpu *gpu, vb_memory_use use)
{
    return use == VB_FOR_STAGING || gpu->memory.mapped_buffers;
}

static VkMemoryPropertyFlags flags_of(const vb_gpu *gpu, uint32_t type)
{
    return gpu->physical.memory.memoryTypes[type].propertyFlags;
}

static uint64_t heap_bytes(const vb_gpu *gpu, uint32_t type)
{
    const VkPhysicalDeviceMemoryProperties *memory = &gpu->physical.memory;
    return memory->memoryHeaps[memory->memoryTypes[type].heapIndex].size;
}

static bool suits(const vb_gpu *gpu, uint32_t type, const struct tier *tier,
                  vb_memory_use use)
{
    const VkMemoryPropertyFlags has = flags_of(gpu, type);
    if ((has & tier->flags) != tier->flags || (has & NEVER))
        return false;
    return !tier->whole || (may_map(gpu, use) &&
                            heap_bytes(gpu, type) == gpu->physical.info.memory_bytes);
}

uint32_t vb_memory_type(const vb_gpu *gpu, uint32_t allowed, vb_memory_use use)
{
    for (uint32_t t = 0; t < TIERS; t++) {
        for (uint32_t i = 0; i < gpu->physical.memory.memoryTypeCount; i++) {
            if ((allowed >> i & 1) && suits(gpu, i, &tiers[use][t], use))
                return i;
        }
    }
    return VB_NO_TYPE;
}

bool vb_memory_is_local(const vb_gpu *gpu, uint32_t type)
{
    return (flags_of(gpu, type) & LOCAL) != 0;
}

VkResult vb_allocate(vb_allocation *out, vb_gpu *gpu, uint64_t bytes, uint32_t type,
                     vb_memory_use use)
{
    const VkMemoryAllocateInfo info = {
        .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
        .allocationSize = bytes,
        .memoryTypeIndex = type,
    };
    *out = (vb_allocation){0};
    if (bytes > heap_bytes(gpu, type)) // must not be asked for
        return VK_ERROR_OUT_OF_DEVICE_MEMORY;
    VkResult result = gpu->vk.AllocateMemory(gpu->device, &info, NULL, &out->handle);
    gpu->memory.allocations += result == VK_SUCCESS;
    if (result != VK_SUCCESS || (flags_of(gpu, type) & MAPPABLE) != MAPPABLE ||
        !may_map(gpu, use))
        return result;
    void *mapped = NULL;
    result = gpu->vk.MapMemory(gpu->device, out->handle, 0, VK_WHOLE_SIZE, 0, &mapped);
    if (result != VK_SUCCESS)
        vb_allocation_free(out, gpu);
    else
        out->mapped = mapped;
    return result;
}

void vb_allocation_free(vb_allocation *allocation, vb_gpu *gpu)
{
    gpu->vk.FreeMemory(gpu->device, allocation->handle, NULL); // unmaps
    *allocation = (vb_allocation){0};
}

uint64_t vb_memory_left(const vb_gpu *gpu)
{
    VkPhysicalDeviceMemoryBudgetPropertiesEXT budget = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_BUDGET_PROPERTIES_EXT};
    VkPhysicalDeviceMemoryProperties2 memory = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MEMORY_PROPERTIES_2,
        .pNext = &budget};
    const uint64_t all = gpu->physical.info.memory_bytes;
    if (!gpu->physical.tells_budget)
        return all;
    gpu->vk.GetPhysicalDeviceMemoryProperties2(gpu->physical.handle, &memory);
    uint64_t most = 0;
    for (uint32_t i = 0; i < memory.memoryProperties.memoryHeapCount; i++) {
        const uint64_t may = budget.heapBudget[i], has = budget.heapUsage[i];
        const bool local = memory.memoryProperties.memoryHeaps[i].flags &
                           VK_MEMORY_HEAP_DEVICE_LOCAL_BIT;
        if (local && may > has && may - has > most)
            most = may - has;
    }
    return most < all ? most : all;
}

#include "gpu/physical.h"

#include "base/text.h"
#include "compute/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The most buffers of a kind that one kernel binds (pipeline_table.c).
enum { STORAGE_BUFFERS = 5, TEXEL_BUFFERS = 4 };

static const struct family_name {
    enum vb_family family;
    const char *name;
} family_names[] = {
    {VB_SIMT, "simt"}, {VB_LAVAPIPE, "lavapipe"}, {VB_COOPMAT, "coopmat"}};

const char *vb_family_name(enum vb_family family)
{
    for (size_t i = 0; i < sizeof family_names / sizeof *family_names; i++) {
        if (family_names[i].family == family)
            return family_names[i].name;
    }
    return "none";
}

enum vb_family vb_family_find(const char *name)
{
    for (size_t i = 0; i < sizeof family_names / sizeof *family_names; i++) {
        if (strcmp(family_names[i].name, name) == 0)
            return family_names[i].family;
    }
    return 0;
}

static vblip_device_kind kind_of(VkPhysicalDeviceType type)
{
    switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
        return VBLIP_DEVICE_DISCRETE_GPU;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
        return VBLIP_DEVICE_INTEGRATED_GPU;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
        return VBLIP_DEVICE_VIRTUAL_GPU;
    case VK_PHYSICAL_DEVICE_TYPE_CPU:
        return VBLIP_DEVICE_SOFTWARE;
    default:
        return VBLIP_DEVICE_OTHER;
    }
}

// Its place in the order in which "auto" tries kinds.
static int kind_order(vblip_device_kind kind)
{
    static const int places[] = {
        [VBLIP_DEVICE_DISCRETE_GPU] = 0, [VBLIP_DEVICE_INTEGRATED_GPU] = 1,
        [VBLIP_DEVICE_VIRTUAL_GPU] = 2,  [VBLIP_DEVICE_OTHER] = 3,
        [VBLIP_DEVICE_SOFTWARE] = 4,
    };
    return places[kind];
}

// The first family that computes, one without graphics if there is one.
static vblip_status find_queue(vb_physical *p, const vb_vk *vk, vblip_error *err)
{
    uint32_t count = 0;
    vk->GetPhysicalDeviceQueueFamilyProperties(p->handle, &count, NULL);
    VkQueueFamilyProperties *families = calloc(count ? count : 1, sizeof *families);
    if (!families)
        return vb_fail_memory(err, "Vulkan queues");
    vk->GetPhysicalDeviceQueueFamilyProperties(p->handle, &count, families);
    p->queue_family = UINT32_MAX;
    for (uint32_t i = count; i-- > 0;) {
        const VkQueueFlags flags = families[i].queueFlags;
        if (!(flags & VK_QUEUE_COMPUTE_BIT))
            continue;
        if (p->queue_family != UINT32_MAX && (flags & VK_QUEUE_GRAPHICS_BIT) &&
            !(families[p->queue_family].queueFlags & VK_QUEUE_GRAPHICS_BIT))
            continue;
        p->queue_family = i;
        p->timestamp_bits = families[i].timestampValidBits;
    }
    free(families);
    return VBLIP_OK;
}

static uint64_t largest_local_heap(const VkPhysicalDeviceMemoryProperties *memory)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < memory->memoryHeapCount; i++) {
        const VkMemoryHeap *heap = &memory->memoryHeaps[i];
        if ((heap->flags & VK_MEMORY_HEAP_DEVICE_LOCAL_BIT) && heap->size > bytes)
            bytes = heap->size;
    }
    return bytes;
}

static void find_families(vb_physical *p, const vb_vk *vk,
                          const VkPhysicalDeviceSubgroupProperties *subgroup)
{
    const VkSubgroupFeatureFlags need =
        VK_SUBGROUP_FEATURE_BASIC_BIT | VK_SUBGROUP_FEATURE_SHUFFLE_BIT;
    VkFormatProperties format;
    vk->GetPhysicalDeviceFormatProperties(p->handle, VK_FORMAT_R32G32B32A32_SFLOAT,
                                          &format);
    const bool texels =
        (format.bufferFeatures & VK_FORMAT_FEATURE_STORAGE_TEXEL_BUFFER_BIT) &&
        p->limits.maxPerStageDescriptorStorageImages >= TEXEL_BUFFERS;
    p->families = VB_SIMT | (p->coopmat.shapes ? VB_COOPMAT : 0);
    p->preferred = VB_SIMT;
    if (p->info.kind == VBLIP_DEVICE_SOFTWARE && texels &&
        subgroup->subgroupSize == VB_LAVAPIPE_LANES &&
        (subgroup->supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
        (subgroup->supportedOperations & need) == need) {
        p->families |= VB_LAVAPIPE;
        if (p->driver_id == VK_DRIVER_ID_MESA_LLVMPIPE)
            p->preferred = VB_LAVAPIPE;
    }
    if (p->coopmat.shapes && p->info.kind != VBLIP_DEVICE_SOFTWARE)
        p->preferred = VB_COOPMAT;
}

// What "auto" stores weights in: halves where matrices multiply them. Alone, they were
// measured to be faster on no device yet.
static vb_dtype preferred_precision(const vb_physical *p)
{
    return p->preferred == VB_COOPMAT ? VB_F16 : VB_F32;
}

// llvmpipe before Mesa 25 counts the iterations of all loops of an invocation, nested
// ones too, and leaves them without a word after 65,535.
static uint32_t max_iterations(VkDriverId driver_id, const char *driver)
{
    static const char mesa[] = "Mesa ";
    if (driver_id != VK_DRIVER_ID_MESA_LLVMPIPE)
        return UINT32_MAX;
    if (strncmp(driver, mesa, sizeof mesa - 1) == 0 &&
        strtoul(driver + sizeof mesa - 1, NULL, 10) >= 25)
        return UINT32_MAX;
    return 65535;
}

// LLVM 15 aborts, and the program with it, on such kernels for arm64.
static bool reads_halves(VkDriverId driver_id, const char *driver)
{
#ifdef __aarch64__
    return driver_id != VK_DRIVER_ID_MESA_LLVMPIPE || !strstr(driver, "LLVM 15.");
#else
    (void)driver_id, (void)driver;
    return true;
#endif
}

static bool adds_in_subgroups(const VkPhysicalDeviceSubgroupProperties *subgroup)
{
    return (subgroup->supportedStages & VK_SHADER_STAGE_COMPUTE_BIT) &&
           (subgroup->supportedOperations & VK_SUBGROUP_FEATURE_ARITHMETIC_BIT);
}

// Facts that need Vulkan 1.2.
static vblip_status read_facts(vb_physical *p, const vb_vk *vk, vblip_error *err)
{
    VkPhysicalDeviceDriverProperties driver = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_DRIVER_PROPERTIES};
    VkPhysicalDeviceSubgroupProperties subgroup = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SUBGROUP_PROPERTIES,
        .pNext = &driver};
    VkPhysicalDeviceMaintenance3Properties maintenance3 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_MAINTENANCE_3_PROPERTIES,
        .pNext = &subgroup};
    p->id = (VkPhysicalDeviceIDProperties){
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_ID_PROPERTIES,
        .pNext = &maintenance3};
    VkPhysicalDeviceProperties2 properties = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2, .pNext = &p->id};
    vk->GetPhysicalDeviceProperties2(p->handle, &properties);
    p->id.pNext = NULL;
    p->driver_id = driver.driverID;
    p->max_allocation = maintenance3.maxMemoryAllocationSize;
    snprintf(p->driver, sizeof p->driver, "%s", driver.driverInfo);
    p->max_iterations = max_iterations(p->driver_id, p->driver);
    p->halves = reads_halves(p->driver_id, p->driver);
    p->info.subgroup_size = subgroup.subgroupSize;
    p->subgroup_sums = adds_in_subgroups(&subgroup);

    VkPhysicalDeviceVulkan12Features vulkan12 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_2_FEATURES};
    VkPhysicalDeviceVulkan11Features vulkan11 = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_1_FEATURES,
        .pNext = &vulkan12};
    VkPhysicalDeviceFeatures2 features = {
        .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = &vulkan11};
    vk->GetPhysicalDeviceFeatures2(p->handle, &features);
    p->info.f16_storage = vulkan11.storageBuffer16BitAccess && vulkan12.shaderFloat16;
    if (!vulkan12.timelineSemaphore)
        snprintf(p->unusable, sizeof p->unusable, "no timeline semaphores");
    if (p->api_version >= VK_API_VERSION_1_3 && p->matrix && p->halves)
        VB_TRY(vb_coopmat_read(&p->coopmat, vk, p->handle, p->matrix2, err));
    find_families(p, vk, &subgroup);
    return VBLIP_OK;
}

static vblip_status find_extensions(vb_physical *p, const vb_vk *vk, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    VkExtensionProperties *list = NULL;
    uint32_t count = 0;
    VB_VK(vk->EnumerateDeviceExtensionProperties(p->handle, NULL, &count, NULL));
    list = calloc(count ? count : 1, sizeof *list);
    if (!list)
        return vb_fail_memory(err, "Vulkan extensions");
    VB_VK(vk->EnumerateDeviceExtensionProperties(p->handle, NULL, &count, list));
    const struct {
        const char *name;
        bool *there;
    } known[] = {
        {VB_PORTABILITY_SUBSET, &p->portability},
        {VK_EXT_MEMORY_BUDGET_EXTENSION_NAME, &p->tells_budget},
        {VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME, &p->push_descriptors},
        {VK_KHR_COOPERATIVE_MATRIX_EXTENSION_NAME, &p->matrix},
        {VK_NV_COOPERATIVE_MATRIX_2_EXTENSION_NAME, &p->matrix2},
    };
    for (uint32_t i = 0; i < count; i++) {
        for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
            if (strcmp(list[i].extensionName, known[k].name) == 0)
                *known[k].there = true;
        }
    }
fail:
    free(list);
    return status;
}

// Why the device cannot be used, when it cannot.
static void find_faults(vb_physical *p)
{
    const VkPhysicalDeviceLimits *limits = &p->limits;
    if (p->queue_family == UINT32_MAX)
        snprintf(p->unusable, sizeof p->unusable, "no queue that computes");
    else if (limits->maxPerStageDescriptorStorageBuffers < STORAGE_BUFFERS)
        snprintf(p->unusable, sizeof p->unusable,
                 "%u storage buffers a shader, needs %d",
                 limits->maxPerStageDescriptorStorageBuffers, STORAGE_BUFFERS);
}

static vblip_status read_device(vb_physical *p, const vb_vk *vk, vblip_error *err)
{
    VkPhysicalDeviceProperties properties;
    vk->GetPhysicalDeviceProperties(p->handle, &properties);
    vk->GetPhysicalDeviceMemoryProperties(p->handle, &p->memory);
    p->limits = properties.limits;
    p->vendor = properties.vendorID;
    p->device = properties.deviceID;
    p->driver_version = properties.driverVersion;
    p->api_version = properties.apiVersion;
    memcpy(p->cache_uuid, properties.pipelineCacheUUID, sizeof p->cache_uuid);
    snprintf(p->name, sizeof p->name, "%s", properties.deviceName);
    snprintf(p->api, sizeof p->api, "%u.%u.%u", VK_API_VERSION_MAJOR(p->api_version),
             VK_API_VERSION_MINOR(p->api_version),
             VK_API_VERSION_PATCH(p->api_version));
    p->info.kind = kind_of(properties.deviceType);
    p->info.memory_bytes = largest_local_heap(&p->memory);
    p->info.max_binding_mib = p->limits.maxStorageBufferRange >> 20;
    p->preferred = VB_SIMT;
    VB_TRY(find_queue(p, vk, err));
    if (p->api_version < VK_API_VERSION_1_2) {
        snprintf(p->unusable, sizeof p->unusable, "Vulkan %s, needs 1.2", p->api);
        return VBLIP_OK;
    }
    vblip_error why = {0};
    vblip_status status = find_extensions(p, vk, &why);
    if (status == VBLIP_OK)
        status = read_facts(p, vk, &why);
    if (status == VBLIP_ERR_MEMORY)
        return vb_fail(err, status, "%s", why.message);
    if (status != VBLIP_OK) { // of this device: the others stay
        snprintf(p->unusable, sizeof p->unusable, "%.150s", why.message);
        return VBLIP_OK;
    }
    p->precision = preferred_precision(p);
    find_faults(p);
    return VBLIP_OK;
}

void vb_physical_describe(vb_physical *p)
{
    p->info.name = p->name;
    p->info.driver = p->driver;
    p->info.api = p->api;
    p->info.kernels = vb_family_name(p->preferred);
    p->info.precision = vb_precision_name(p->precision);
    p->info.unusable = p->unusable[0] ? p->unusable : NULL;
}

// Stable, so that equal devices keep the driver's order.
static void sort(vb_physical *list, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        for (uint32_t j = i;
             j > 0 && kind_order(list[j].info.kind) < kind_order(list[j - 1].info.kind);
             j--) {
            vb_physical swap = list[j];
            list[j] = list[j - 1];
            list[j - 1] = swap;
        }
    }
}

vblip_status vb_physical_list(vb_physical **out, uint32_t *count,
                              const vb_instance *instance, vblip_error *err)
{
    const vb_vk *vk = &instance->vk;
    vblip_status status = VBLIP_OK;
    VkPhysicalDevice *handles = NULL;
    vb_physical *list = NULL;
    *out = NULL;
    *count = 0;
    uint32_t n = 0;
    VB_VK(vk->EnumeratePhysicalDevices(instance->handle, &n, NULL));
    if (n == 0)
        return vb_fail(err, VBLIP_ERR_DEVICE, "the Vulkan drivers found no device");
    handles = calloc(n, sizeof(VkPhysicalDevice));
    list = calloc(n, sizeof *list);
    if (!handles || !list) {
        status = vb_fail_memory(err, "Vulkan devices");
        goto fail;
    }
    VB_VK(vk->EnumeratePhysicalDevices(instance->handle, &n, handles));
    for (uint32_t i = 0; i < n; i++) {
        list[i].handle = handles[i];
        VB_OK(read_device(&list[i], vk, err));
    }
    sort(list, n);
    for (uint32_t i = 0; i < n; i++) {
        list[i].info.index = i;
        vb_physical_describe(&list[i]);
    }
    free(handles);
    *out = list;
    *count = n;
    return VBLIP_OK;
fail:
    free(handles);
    free(list);
    return status;
}

static bool matches(const vb_physical *p, const char *wanted)
{
    if (!wanted || strcmp(wanted, "auto") == 0)
        return !p->info.unusable;
    if (strspn(wanted, "0123456789") == strlen(wanted))
        return strtoul(wanted, NULL, 10) == p->info.index;
    return vb_text_contains(p->name, wanted);
}

vblip_status vb_physical_choose(const vb_physical **out, const vb_physical *list,
                                uint32_t count, const char *wanted, vblip_error *err)
{
    *out = NULL;
    if (wanted && !wanted[0])
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "device: empty name");
    const vb_physical *unusable = NULL;
    for (uint32_t i = 0; i < count; i++) {
        if (!matches(&list[i], wanted))
            continue;
        if (!list[i].info.unusable) {
            *out = &list[i];
            return VBLIP_OK;
        }
        unusable = unusable ? unusable : &list[i];
    }
    if (unusable)
        return vb_fail(err, VBLIP_ERR_DEVICE, "%s: unusable: %s", unusable->name,
                       unusable->unusable);
    char names[320] = "";
    for (uint32_t i = 0; i < count; i++) {
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%u %s%s%s", i ? "; " : "",
                 list[i].info.index, list[i].name, list[i].unusable[0] ? ": " : "",
                 list[i].unusable);
    }
    return vb_fail(err, VBLIP_ERR_DEVICE, "device %s: none usable; there are: %s",
                   wanted ? wanted : "auto", names);
}

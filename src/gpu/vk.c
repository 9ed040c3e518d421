#include "gpu/vk.h"

#include <ctype.h>
#include <dlfcn.h>
#include <string.h>

// The loader stays in memory: drivers leave things behind that point into it.
static vblip_status open_loader(vb_vk *vk, const char *loader, vblip_error *err)
{
    void *library = dlopen(loader, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (!library)
        return vb_fail(err, VBLIP_ERR_DEVICE,
                       "no Vulkan loader: %s; on Debian: apt install libvulkan1",
                       dlerror());
    void *symbol = dlsym(library, "vkGetInstanceProcAddr");
    memcpy(&vk->GetInstanceProcAddr, &symbol, sizeof symbol);
    dlclose(library);
    if (!symbol)
        return vb_fail(err, VBLIP_ERR_DEVICE,
                       "no Vulkan loader: %s has no vkGetInstanceProcAddr", loader);
    return VBLIP_OK;
}

static vblip_status missing(vblip_error *err, const char *name)
{
    return vb_fail(err, VBLIP_ERR_DEVICE, "the Vulkan driver has no %s", name);
}

#define LOAD(name, expression)                                                         \
    vk->name = (PFN_vk##name)(expression);                                             \
    if (!vk->name)                                                                     \
        return missing(err, "vk" #name);

vblip_status vb_vk_load_global(vb_vk *vk, const char *loader, vblip_error *err)
{
    *vk = (vb_vk){0};
    VB_TRY(open_loader(vk, loader, err));
#define LOAD_GLOBAL(name) LOAD(name, vk->GetInstanceProcAddr(NULL, "vk" #name))
    VB_VK_GLOBAL(LOAD_GLOBAL)
    return VBLIP_OK;
}

vblip_status vb_vk_load_instance(vb_vk *vk, VkInstance instance, vblip_error *err)
{
#define LOAD_INSTANCE(name) LOAD(name, vk->GetInstanceProcAddr(instance, "vk" #name))
#define LOAD_IF_THERE(name)                                                            \
    vk->name = (PFN_vk##name)vk->GetInstanceProcAddr(instance, "vk" #name);
    VB_VK_INSTANCE(LOAD_INSTANCE)
    VB_VK_DEBUG(LOAD_IF_THERE)
    VB_VK_MATRIX(LOAD_IF_THERE)
    return VBLIP_OK;
}

vblip_status vb_vk_load_device(vb_vk *vk, VkDevice device, vblip_error *err)
{
#define LOAD_DEVICE(name) LOAD(name, vk->GetDeviceProcAddr(device, "vk" #name))
#define LOAD_IF_ENABLED(name)                                                          \
    vk->name = (PFN_vk##name)vk->GetDeviceProcAddr(device, "vk" #name);
    VB_VK_DEVICE(LOAD_DEVICE)
    VB_VK_PUSH(LOAD_IF_ENABLED)
    return VBLIP_OK;
}

static const struct result_name {
    VkResult result;
    const char *name;
} result_names[] = {
    {VK_ERROR_OUT_OF_HOST_MEMORY, "out of host memory"},
    {VK_ERROR_OUT_OF_DEVICE_MEMORY, "out of device memory"},
    {VK_ERROR_OUT_OF_POOL_MEMORY, "out of descriptor pool memory"},
    {VK_ERROR_FRAGMENTED_POOL, "fragmented descriptor pool"},
    {VK_ERROR_TOO_MANY_OBJECTS, "too many objects"},
    {VK_ERROR_INITIALIZATION_FAILED, "initialisation failed"},
    {VK_ERROR_DEVICE_LOST, "device lost"},
    {VK_ERROR_MEMORY_MAP_FAILED, "memory cannot be mapped"},
    {VK_ERROR_LAYER_NOT_PRESENT, "layer not present"},
    {VK_ERROR_EXTENSION_NOT_PRESENT, "extension not present"},
    {VK_ERROR_FEATURE_NOT_PRESENT, "feature not present"},
    {VK_ERROR_INCOMPATIBLE_DRIVER, "no compatible driver"},
    {VK_TIMEOUT, "timeout"},
};

const char *vb_vk_result_name(VkResult result)
{
    for (size_t i = 0; i < sizeof result_names / sizeof *result_names; i++) {
        if (result_names[i].result == result)
            return result_names[i].name;
    }
    return "unknown error";
}

vblip_status vb_fail_vk(vblip_error *err, VkResult result, const char *call)
{
    const size_t end = strcspn(call, "("); // "gpu->vk.CreateBuffer(gpu->device, ...)"
    size_t start = end;
    while (start > 0 && isalnum((unsigned char)call[start - 1]))
        start--;
    bool memory = result == VK_ERROR_OUT_OF_HOST_MEMORY ||
                  result == VK_ERROR_OUT_OF_DEVICE_MEMORY ||
                  result == VK_ERROR_OUT_OF_POOL_MEMORY ||
                  result == VK_ERROR_FRAGMENTED_POOL ||
                  result == VK_ERROR_TOO_MANY_OBJECTS;
    return vb_fail(err, memory ? VBLIP_ERR_MEMORY : VBLIP_ERR_DEVICE,
                   "Vulkan: vk%.*s: %s (%d)", (int)(end - start), call + start,
                   vb_vk_result_name(result), (int)result);
}

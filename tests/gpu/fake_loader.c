// fake_loader.c - the system's Vulkan loader as a library of another name, that can be told to
// know nothing of VK_KHR_portability_enumeration.
#define VK_NO_PROTOTYPES
#include <dlfcn.h>
#include <stdbool.h>
#include <string.h>
#include <vulkan/vulkan.h>

#define EXPORTED __attribute__((visibility("default")))

extern EXPORTED bool fake_loader_is_old;
extern EXPORTED VkInstanceCreateFlags fake_loader_flags; // of the last instance made
EXPORTED PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance instance,
                                                  const char *name);

bool fake_loader_is_old;
VkInstanceCreateFlags fake_loader_flags;

static PFN_vkGetInstanceProcAddr system_loader(void)
{
    void *library = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    void *symbol = library ? dlsym(library, "vkGetInstanceProcAddr") : NULL;
    PFN_vkGetInstanceProcAddr function;
    memcpy(&function, &symbol, sizeof function);
    return function;
}

static VKAPI_ATTR VkResult VKAPI_CALL create(const VkInstanceCreateInfo *info,
                                             const VkAllocationCallbacks *callbacks,
                                             VkInstance *out)
{
    const PFN_vkCreateInstance sound =
        (PFN_vkCreateInstance)system_loader()(NULL, "vkCreateInstance");
    for (uint32_t i = 0; i < info->enabledExtensionCount; i++)
        if (fake_loader_is_old && strcmp(info->ppEnabledExtensionNames[i],
                                         "VK_KHR_portability_enumeration") == 0)
            return VK_ERROR_EXTENSION_NOT_PRESENT;
    fake_loader_flags = info->flags;
    return sound(info, callbacks, out);
}

PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance instance, const char *name)
{
    if (strcmp(name, "vkCreateInstance") == 0)
        return (PFN_vkVoidFunction)create;
    return system_loader()(instance, name);
}

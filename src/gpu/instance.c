#include "gpu/instance.h"

#include <stdlib.h>
#include <string.h>

static const char validation_layer[] = "VK_LAYER_KHRONOS_validation";

// Layers later than that of Debian 12 take no accesses of shaders into account without this.
static const char shader_accesses[] = "syncval_shader_accesses_heuristic";

#ifndef VK_EXT_layer_settings // older headers
#define VK_EXT_LAYER_SETTINGS_EXTENSION_NAME             "VK_EXT_layer_settings"
#define VK_STRUCTURE_TYPE_LAYER_SETTINGS_CREATE_INFO_EXT ((VkStructureType)1000496000)
#define VK_LAYER_SETTING_TYPE_BOOL32_EXT                 0
typedef struct VkLayerSettingEXT {
    const char *pLayerName, *pSettingName;
    uint32_t type, valueCount;
    const void *pValues;
} VkLayerSettingEXT;
typedef struct VkLayerSettingsCreateInfoEXT {
    VkStructureType sType;
    const void *pNext;
    uint32_t settingCount;
    const VkLayerSettingEXT *pSettings;
} VkLayerSettingsCreateInfoEXT;
#endif

// What an instance is made with.
typedef struct instance_parts {
    bool validate, settings;   // of the layer
    const char *extensions[3]; // room for one more than are counted
    uint32_t extension_count;
} instance_parts;

static const char no_driver[] =
    "no Vulkan driver found; on Debian: apt install mesa-vulkan-drivers "
    "(it also computes without a GPU)";

static VKAPI_ATTR VkBool32 VKAPI_CALL
on_message(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
           VkDebugUtilsMessageTypeFlagsEXT types,
           const VkDebugUtilsMessengerCallbackDataEXT *data, void *user)
{
    (void)severity;
    vb_instance *instance = user;
    if (types & VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT) {
        atomic_fetch_add(&instance->validation_messages, 1);
        vb_logf(&instance->log, "validation: %s", data->pMessage);
    }
    return VK_FALSE;
}

static VkDebugUtilsMessengerCreateInfoEXT messenger_info(vb_instance *instance)
{
    return (VkDebugUtilsMessengerCreateInfoEXT){
        .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
        .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT |
                           VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
        .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
        .pfnUserCallback = on_message,
        .pUserData = instance,
    };
}

static vblip_status has_layer(bool *out, const vb_vk *vk, const char *name,
                              vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    VkLayerProperties *layers = NULL;
    uint32_t count = 0;
    *out = false;
    VB_VK(vk->EnumerateInstanceLayerProperties(&count, NULL));
    layers = calloc(count ? count : 1, sizeof *layers);
    if (!layers)
        return vb_fail_memory(err, "Vulkan layers");
    VB_VK(vk->EnumerateInstanceLayerProperties(&count, layers));
    for (uint32_t i = 0; i < count; i++)
        *out = *out || strcmp(layers[i].layerName, name) == 0;
fail:
    free(layers);
    return status;
}

// Takes the extension where the loader, or the layer, has it.
static vblip_status take_extension(bool *found, instance_parts *parts, const vb_vk *vk,
                                   const char *layer, const char *name,
                                   vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    VkExtensionProperties *extensions = NULL;
    uint32_t count = 0;
    *found = false;
    VB_VK(vk->EnumerateInstanceExtensionProperties(layer, &count, NULL));
    extensions = calloc(count ? count : 1, sizeof *extensions);
    if (!extensions)
        return vb_fail_memory(err, "Vulkan extensions");
    VB_VK(vk->EnumerateInstanceExtensionProperties(layer, &count, extensions));
    for (uint32_t i = 0; i < count; i++)
        *found = *found || strcmp(extensions[i].extensionName, name) == 0;
    if (*found)
        parts->extensions[parts->extension_count++] = name;
fail:
    free(extensions);
    return status;
}

// Loaders before 1.1 refuse any newer version; those after take whatever is asked.
static vblip_status check_loader(const vb_vk *vk, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    uint32_t version = 0;
    VB_VK(vk->EnumerateInstanceVersion(&version));
    if (version < VK_API_VERSION_1_1)
        return vb_fail(err, VBLIP_ERR_DEVICE, "Vulkan loader: version %u.%u, needs 1.1",
                       VK_API_VERSION_MAJOR(version), VK_API_VERSION_MINOR(version));
fail:
    return status;
}

// Devices that do not do all that Vulkan asks for, as those on Metal, are listed only for
// who asks. Older loaders do not know of that, and list them.
static VkResult create_portable(vb_instance *instance, instance_parts *parts,
                                VkInstanceCreateInfo *info)
{
    const uint32_t count = parts->extension_count;
    parts->extensions[count] = VK_KHR_PORTABILITY_ENUMERATION_EXTENSION_NAME;
    info->enabledExtensionCount = count + 1;
    info->flags = VK_INSTANCE_CREATE_ENUMERATE_PORTABILITY_BIT_KHR;
    VkResult result = instance->vk.CreateInstance(info, NULL, &instance->handle);
    if (result != VK_ERROR_EXTENSION_NOT_PRESENT)
        return result;
    info->enabledExtensionCount = count;
    info->flags = 0;
    return instance->vk.CreateInstance(info, NULL, &instance->handle);
}

static vblip_status create_instance(vb_instance *instance, instance_parts *parts,
                                    vblip_error *err)
{
    const char *const layer = validation_layer;
    VkDebugUtilsMessengerCreateInfoEXT messenger = messenger_info(instance);
    const VkBool32 yes = VK_TRUE;
    const VkLayerSettingEXT setting = {layer, shader_accesses,
                                       VK_LAYER_SETTING_TYPE_BOOL32_EXT, 1, &yes};
    const VkLayerSettingsCreateInfoEXT settings = {
        .sType = VK_STRUCTURE_TYPE_LAYER_SETTINGS_CREATE_INFO_EXT,
        .pNext = &messenger,
        .settingCount = 1,
        .pSettings = &setting,
    };
    const VkValidationFeatureEnableEXT synchronization =
        VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
    VkValidationFeaturesEXT features = {
        .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
        .pNext = parts->settings ? (const void *)&settings : &messenger,
        .enabledValidationFeatureCount = 1,
        .pEnabledValidationFeatures = &synchronization,
    };
    const VkApplicationInfo application = {
        .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
        .pApplicationName = "vblip",
        .pEngineName = "vblip",
        .apiVersion = VK_API_VERSION_1_3, // the most that is used; devices may have 1.2
    };
    VkInstanceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
        .pNext = parts->validate ? &features : NULL,
        .pApplicationInfo = &application,
        .enabledLayerCount = parts->validate ? 1 : 0,
        .ppEnabledLayerNames = &layer,
        .ppEnabledExtensionNames = parts->extensions,
    };
    const VkResult result = create_portable(instance, parts, &info);
    if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
        return vb_fail(err, VBLIP_ERR_DEVICE, "%s", no_driver);
    if (result != VK_SUCCESS)
        return vb_fail_vk(err, result, "CreateInstance()");
    return VBLIP_OK;
}

static vblip_status choose_parts(instance_parts *parts, vb_instance *instance,
                                 const vb_instance_options *options, vblip_error *err)
{
    const vb_vk *vk = &instance->vk;
    *parts = (instance_parts){.validate = options->validate};
    if (options->validate) {
        bool found;
        VB_TRY(has_layer(&found, vk, validation_layer, err));
        if (!found)
            return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                           "%s is not installed; on Debian: apt install "
                           "vulkan-validationlayers",
                           validation_layer);
        VB_TRY(take_extension(&parts->settings, parts, vk, validation_layer,
                              VK_EXT_LAYER_SETTINGS_EXTENSION_NAME, err));
    }
    if (options->validate || options->labels) // the layer brings the extension along
        VB_TRY(take_extension(&instance->labels, parts, vk, NULL,
                              VK_EXT_DEBUG_UTILS_EXTENSION_NAME, err));
    return VBLIP_OK;
}

vblip_status vb_instance_open(vb_instance *instance, const vb_instance_options *options,
                              vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    instance_parts parts;
    *instance = (vb_instance){.log = options->log};
    atomic_init(&instance->validation_messages, 0);
    VB_OK(vb_vk_load_global(&instance->vk,
                            options->loader ? options->loader : VB_VK_LOADER, err));
    VB_OK(check_loader(&instance->vk, err));
    VB_OK(choose_parts(&parts, instance, options, err));
    VB_OK(create_instance(instance, &parts, err));
    VB_OK(vb_vk_load_instance(&instance->vk, instance->handle, err));
    if (options->validate && instance->labels) {
        const VkDebugUtilsMessengerCreateInfoEXT info = messenger_info(instance);
        VB_VK(instance->vk.CreateDebugUtilsMessengerEXT(instance->handle, &info, NULL,
                                                        &instance->messenger));
    }
    return VBLIP_OK;
fail:
    vb_instance_close(instance);
    return status;
}

void vb_instance_close(vb_instance *instance)
{
    if (instance->messenger)
        instance->vk.DestroyDebugUtilsMessengerEXT(instance->handle,
                                                   instance->messenger, NULL);
    if (instance->handle && instance->vk.DestroyInstance)
        instance->vk.DestroyInstance(instance->handle, NULL);
    instance->messenger = VK_NULL_HANDLE;
    instance->handle = VK_NULL_HANDLE;
}

#include "gpu/gpu.h"

#include "gpu/context.h"
#include "gpu/ops.h"
#include "gpu/verdicts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void close_gpu(vb_device *device)
{
    vb_gpu *gpu = vb_gpu_of(device);
    if (gpu->waiting.running) { // and what runs may use all of it
        vb_compiled_settle(gpu);
        vb_cache_close(gpu);
        return;
    }
    if (gpu->device) {
        (void)gpu->vk.DeviceWaitIdle(gpu->device); // nothing is left to be told
        vb_compiled_settle(gpu);                   // and what it made is kept
        vb_cache_save(gpu);
        vb_cache_close(gpu);
        vb_memory_destroy(gpu->scratch);
        vb_commands_close(gpu);
        vb_profile_close(gpu);
        vb_submissions_close(gpu);
        vb_compiled_close(gpu);
        vb_pipelines_close(gpu);
        vb_blocks_close(gpu);
        gpu->vk.DestroyDevice(gpu->device, NULL);
    }
    vb_instance_close(&gpu->instance);
    free(gpu);
}

static const vblip_device_info *describe_gpu(const vb_device *device)
{
    return &((const vb_gpu *)device)->physical.info;
}

static vblip_status submit_gpu(vb_device *device, vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(device);
    VB_TRY(vb_commands_submit(gpu, err));
    vb_cache_keep_up(gpu);
    return VBLIP_OK;
}

static vblip_status finish_gpu(vb_device *device, vblip_error *err)
{
    vb_gpu *gpu = vb_gpu_of(device);
    return vb_commands_wait(gpu, gpu->submissions.sent, err);
}

static vblip_status profile_gpu(vb_device *device, vblip_op_time_fn fn, void *user,
                                vblip_error *err)
{
    if (!vb_gpu_of(device)->profile.on)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "profile: the device was opened without");
    VB_TRY(finish_gpu(device, err));
    return vb_profile_tell(vb_gpu_of(device), fn, user, err);
}

static const char *choose_variant(vb_device *device, uint32_t n, const char **op)
{
    vb_gpu *gpu = vb_gpu_of(device);
    const uint32_t needed = vb_variant_bit(vb_variant_needed(gpu->family));
    const uint32_t others =
        vb_variants_of(&gpu->physical, gpu->family, gpu->base.weights) & ~needed;
    for (uint32_t i = 0; i < VB_VARIANT_COUNT; i++) {
        if (!(others & vb_variant_bit((vb_variant)i)) || n-- > 0)
            continue;
        vb_variants_use(gpu, needed | vb_variant_bit((vb_variant)i));
        *op = vb_variant_rows[i].op;
        return vb_variant_rows[i].name;
    }
    vb_variants_use(gpu, gpu->sound);
    return NULL;
}

static const vb_device_table table = {
    .close = close_gpu,
    .describe = describe_gpu,
    .profile = profile_gpu,
    .buffer_make = vb_gpu_buffer_make,
    .buffer_free = vb_gpu_buffer_free,
    .matrix_make = vb_gpu_matrix_make,
    .matrix_free = vb_gpu_matrix_free,
    .weights_begin = vb_gpu_weights_begin,
    .weights_end = vb_gpu_weights_end,
    .upload = vb_gpu_upload,
    .download = vb_gpu_download,
    .copy = vb_gpu_copy,
    .linear = vb_gpu_linear,
    .layernorm = vb_gpu_layernorm,
    .attention = vb_gpu_attention,
    .absorbed_attention = vb_gpu_absorbed_attention,
    .patchify = vb_gpu_patchify,
    .embed = vb_gpu_embed,
    .add_rows = vb_gpu_add_rows,
    .set_row = vb_gpu_set_row,
    .mean_rows = vb_gpu_mean_rows,
    .l2norm = vb_gpu_l2norm,
    .topk = vb_gpu_topk,
    .submit = submit_gpu,
    .finish = finish_gpu,
    .discard = vb_gpu_discard,
    .variant = choose_variant,
};

static bool ours_to_choose(const char *wanted)
{
    return !wanted || strcmp(wanted, "auto") == 0;
}

// The family asked for, or the one that suits the device.
static vblip_status choose_family(vb_gpu *gpu, const char *wanted,
                                  const char *precision, vblip_error *err)
{
    const bool floats = precision && strcmp(precision, vb_precision_name(VB_F32)) == 0;
    if (ours_to_choose(wanted)) {
        gpu->family = gpu->physical.preferred;
        if (gpu->family == VB_COOPMAT && floats)
            gpu->family = VB_SIMT;
        return VBLIP_OK;
    }
    gpu->family = vb_family_find(wanted);
    if (!gpu->family)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "kernels: %s: unknown, expected auto, simt, lavapipe or coopmat",
                       wanted);
    if (!(gpu->physical.families & gpu->family))
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s: cannot run %s kernels",
                       gpu->physical.name, wanted);
    if (gpu->family == VB_COOPMAT && floats)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%s: precision f32: coopmat kernels multiply halves",
                       gpu->physical.name);
    return VBLIP_OK;
}

static vblip_status choose_precision(vb_gpu *gpu, const char *wanted, bool prefers_f16,
                                     vblip_error *err)
{
    gpu->base.weights = prefers_f16 || gpu->family == VB_COOPMAT ? VB_F16 : VB_F32;
    if (ours_to_choose(wanted))
        return VBLIP_OK;
    gpu->base.weights = strcmp(wanted, "f16") == 0 ? VB_F16 : VB_F32;
    if (strcmp(wanted, vb_precision_name(gpu->base.weights)) != 0)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "precision: %s: unknown, expected auto, f32 or f16", wanted);
    if (gpu->base.weights == VB_F16 && !gpu->physical.halves)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%s: precision f16: its compiler (%s) cannot do that",
                       gpu->physical.name, gpu->physical.driver);
    return VBLIP_OK;
}

static vblip_status choose_device(vb_gpu *gpu, const char *wanted, vblip_error *err)
{
    vb_physical *list = NULL;
    const vb_physical *chosen;
    uint32_t count;
    VB_TRY(vb_physical_list(&list, &count, &gpu->instance, err));
    vblip_status status = vb_physical_choose(&chosen, list, count, wanted, err);
    if (status == VBLIP_OK) {
        gpu->physical = *chosen;
        vb_physical_describe(&gpu->physical);
    }
    free(list);
    return status;
}

static vblip_status create_device(vb_gpu *gpu, vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    const float priority = 1.0F;
    const VkDeviceQueueCreateInfo queue = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
        .queueFamilyIndex = gpu->physical.queue_family,
        .queueCount = 1,
        .pQueuePriorities = &priority,
    };
    vb_coopmat_opening features;
    vb_coopmat_open(&features, &gpu->physical.coopmat);
    if (gpu->physical.portability)
        features.extensions[features.extension_count++] = VB_PORTABILITY_SUBSET;
    if (gpu->physical.push_descriptors)
        features.extensions[features.extension_count++] =
            VK_KHR_PUSH_DESCRIPTOR_EXTENSION_NAME;
    const VkDeviceCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
        .pNext = &features.vulkan12,
        .queueCreateInfoCount = 1,
        .pQueueCreateInfos = &queue,
        .enabledExtensionCount = features.extension_count,
        .ppEnabledExtensionNames = features.extensions,
    };
    gpu->vk = gpu->instance.vk;
    VB_VK(gpu->vk.CreateDevice(gpu->physical.handle, &info, NULL, &gpu->device));
    VB_OK(vb_vk_load_device(&gpu->vk, gpu->device, err));
    gpu->vk.GetDeviceQueue(gpu->device, gpu->physical.queue_family, 0, &gpu->queue);
fail:
    return status;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

// As many are 192 tiles of 128 x 128 of a ViT's narrowest linear: large cards have up to as many
// units. An integrated GPU, and a processor, are filled by one frame.
enum { FILLING_ROWS = 4096 };

static bool is_a_card(const vb_gpu *gpu)
{
    const vblip_device_kind kind = gpu->physical.info.kind;
    return kind == VBLIP_DEVICE_DISCRETE_GPU || kind == VBLIP_DEVICE_VIRTUAL_GPU;
}

static vb_device_caps caps_of(const vb_gpu *gpu)
{
    const VkPhysicalDeviceLimits *limits = &gpu->physical.limits;
    const bool narrows =
        gpu->family != VB_LAVAPIPE; // whose operands are texels of floats
    uint64_t most =
        smaller(limits->maxStorageBufferRange, gpu->physical.max_allocation);
    if (gpu->family == VB_LAVAPIPE)
        most = smaller(most, (uint64_t)limits->maxTexelBufferElements * 16);
    return (vb_device_caps){
        .name = gpu->physical.name,
        .kernels = vb_family_name(gpu->family),
        .max_buffer_bytes = most / 16 * 16,
        .memory_bytes = vb_memory_left(gpu),
        .weight_types = 1u << VB_F32 | (gpu->physical.halves ? 1u << VB_F16 : 0),
        .shares_cores = gpu->physical.info.kind == VBLIP_DEVICE_SOFTWARE,
        .narrow_activations = narrows, // in halves, where weights are
        .narrow_keys = narrows,
        .filling_rows = is_a_card(gpu) ? FILLING_ROWS : 0,
    };
}

static vblip_status open_gpu(vb_gpu *gpu, const vb_gpu_options *options,
                             const vb_gpu_mask *mask, vblip_error *err)
{
    const vb_instance_options instance = {
        .validate = options->validate,
        .labels = options->validate || options->profile,
        .log = options->log,
    };
    gpu->log = options->log;
    gpu->stopped = options->stopped;
    gpu->stopped_user = options->stopped_user;
    gpu->memory.mapped_buffers = !mask->mapped_buffers;
    VB_TRY(vb_instance_open(&gpu->instance, &instance, err));
    VB_TRY(choose_device(gpu, options->device, err));
    vb_blocks_open(gpu);
    gpu->physical.subgroup_sums = gpu->physical.subgroup_sums && !mask->subgroup_sums;
    gpu->physical.push_descriptors =
        gpu->physical.push_descriptors && !mask->push_descriptors;
    VB_TRY(choose_family(gpu, options->kernels, options->precision, err));
    VB_TRY(choose_precision(gpu, options->precision, mask->prefers_f16, err));
    VB_TRY(create_device(gpu, err));
    vb_compiled_open(gpu);
    gpu->base.table = &table;
    gpu->base.caps = caps_of(gpu);
    VB_TRY(vb_pipelines_open(gpu, err));
    VB_TRY(vb_cache_open(gpu, options->cache_dir, err));
    VB_TRY(vb_submissions_open(gpu, err));
    VB_TRY(vb_commands_open(gpu, err));
    if (options->profile)
        VB_TRY(vb_profile_open(gpu, err));
    vb_logf(&gpu->log,
            "%s: %s, Vulkan %s, %s kernels, weights in %s, activations in %s",
            gpu->physical.name, gpu->physical.driver, gpu->physical.api,
            vb_family_name(gpu->family), vb_precision_name(gpu->base.weights),
            vb_precision_name(vb_device_activations(&gpu->base)));
    return VBLIP_OK;
}

static vblip_status open_untested(vb_gpu **out, const vb_gpu_options *options,
                                  const vb_gpu_mask *mask, vblip_error *err)
{
    *out = NULL;
    vb_gpu *gpu = calloc(1, sizeof *gpu);
    if (!gpu)
        return vb_fail_memory(err, "device");
    vblip_status status = open_gpu(gpu, options, mask, err);
    if (status != VBLIP_OK) {
        close_gpu(&gpu->base);
        return status;
    }
    *out = gpu;
    return VBLIP_OK;
}

// What was found out of a device outlives it, also where no file keeps it.
static void take_verdicts(vb_verdicts *known, const vb_verdicts *found)
{
    known->tested |= found->tested;
    known->passed |= found->passed;
    known->begun &= ~known->tested;
    known->again &= ~known->tested;
}

static vblip_status open_tested(vb_gpu **out, vb_soundness *soundness,
                                const vb_gpu_options *options, const vb_gpu_mask *mask,
                                vb_verdicts *known, vblip_error *err)
{
    *soundness = VB_LOST;
    while (*soundness == VB_LOST) {
        VB_TRY(open_untested(out, options, mask, err));
        vb_gpu *gpu = *out;
        if (mask->untested) {
            gpu->sound = vb_variants_of(&gpu->physical, gpu->family, gpu->base.weights);
            vb_variants_use(gpu, gpu->sound);
            *soundness = VB_SOUND;
            return VBLIP_OK;
        }
        take_verdicts(&gpu->cache.verdicts, known);
        const vblip_status status = vb_verdicts_reach(soundness, gpu, mask, err);
        take_verdicts(known, &gpu->cache.verdicts);
        if (status != VBLIP_OK || *soundness == VB_LOST) {
            close_gpu(&gpu->base);
            *out = NULL;
            VB_TRY(status);
        }
    }
    return VBLIP_OK;
}

// What to try after kernels that failed: floats instead of halves, which matrices do without,
// then simt. False when the caller has asked for what failed, or nothing is left.
static bool step_down(vb_gpu_options *options, const vb_gpu *failed,
                      const vb_gpu_options *asked)
{
    const bool narrow = failed->base.weights != VB_F32 && failed->family != VB_COOPMAT;
    if (ours_to_choose(options->precision) && narrow) {
        options->kernels = vb_family_name(failed->family);
        options->precision = vb_precision_name(VB_F32);
        return true;
    }
    if (ours_to_choose(asked->kernels) && failed->family != VB_SIMT) {
        options->kernels = vb_family_name(VB_SIMT);
        options->precision = asked->precision;
        return true;
    }
    return false;
}

vblip_status vb_gpu_open_masked(vb_device **out, const vb_gpu_options *options,
                                const vb_gpu_mask *mask, vblip_error *err)
{
    vb_gpu_options attempt = *options;
    vb_verdicts known = {0};
    vb_soundness soundness;
    vb_gpu *gpu;
    *out = NULL;
    VB_TRY(open_tested(&gpu, &soundness, &attempt, mask, &known, err));
    while (soundness == VB_UNSOUND) {
        vblip_error why = {0};
        vb_verdicts_why(gpu, &why);
        vb_logf(&gpu->log, "%s", why.message);
        const bool more = step_down(&attempt, gpu, options);
        close_gpu(&gpu->base);
        if (!more)
            return vb_fail(err, why.status, "%s", why.message);
        VB_TRY(open_tested(&gpu, &soundness, &attempt, mask, &known, err));
    }
    vb_compiled_forget(gpu); // what only the self-test used
    vb_compiled_ahead(gpu, gpu->cache.pipelines, gpu->cache.pipeline_count);
    *out = &gpu->base;
    return VBLIP_OK;
}

vblip_status vb_gpu_open(vb_device **out, const vb_gpu_options *options,
                         vblip_error *err)
{
    return vb_gpu_open_masked(out, options, &(vb_gpu_mask){0}, err);
}

vblip_status vb_gpu_list(vblip_device_fn fn, void *user, vblip_error *err)
{
    vb_instance instance;
    vb_physical *list = NULL;
    uint32_t count = 0;
    VB_TRY(vb_instance_open(&instance, &(vb_instance_options){0}, err));
    vblip_status status = vb_physical_list(&list, &count, &instance, err);
    for (uint32_t i = 0; i < count && status == VBLIP_OK; i++) {
        if (fn(user, &list[i].info))
            status = vb_fail(err, VBLIP_ERR_CANCELLED, "devices: stopped");
    }
    free(list);
    vb_instance_close(&instance);
    return status;
}

uint64_t vb_gpu_validation_messages(const vb_device *device)
{
    return atomic_load(&((const vb_gpu *)device)->instance.validation_messages);
}

vb_gpu_counts vb_gpu_count(const vb_device *device)
{
    const vb_gpu *gpu = (const vb_gpu *)device;
    vb_gpu_counts counts = {
        .submits = gpu->submissions.sent,
        .waits = gpu->waiting.waits,
        .allocations = gpu->memory.allocations,
        .host_allocations = gpu->memory.host_allocations,
        .pipelines = atomic_load(&gpu->compiled.made),
    };
    for (uint32_t i = 0; i < VB_SUBMISSIONS; i++)
        counts.descriptor_sets += gpu->submissions.ring[i].descriptors.made;
    return counts;
}

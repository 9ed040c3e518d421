#include "api/devices.h"

#include "base/text.h"
#include "cpu/cpu.h"
#include "gpu/gpu.h"
#include "gpu/nodes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// `vulkan` is its number there; -1 = the processor.
typedef int (*listed_fn)(void *user, const vblip_device_info *device, int vulkan);

// The devices of Vulkan, and the processor before those that it only imitates.
typedef struct listing {
    listed_fn fn;
    void *user;
    uint32_t count;
    bool processor; // it was told
} listing;

static int list_processor(listing *l)
{
    vblip_device_info info;
    vb_cpu_texts texts;
    l->processor = true;
    if (!vb_cpu_describe(&info, &texts))
        return 0;
    info.index = l->count++;
    return l->fn(l->user, &info, -1);
}

static int list_vulkan(void *user, const vblip_device_info *device)
{
    listing *l = user;
    if (!l->processor && device->kind == VBLIP_DEVICE_SOFTWARE && list_processor(l))
        return 1;
    vblip_device_info info = *device;
    info.index = l->count++;
    return l->fn(l->user, &info, (int)device->index);
}

// Without Vulkan, or a device of it, there is the processor; `no_vulkan` then says why.
static vblip_status list_devices(listed_fn fn, void *user, vblip_error *no_vulkan,
                                 vblip_error *err)
{
    listing l = {.fn = fn, .user = user};
    *no_vulkan = (vblip_error){0};
    vblip_status status = vb_gpu_list(list_vulkan, &l, no_vulkan);
    if ((status == VBLIP_OK || status == VBLIP_ERR_DEVICE) && !l.processor) {
        const bool stopped = list_processor(&l) != 0;
        if (stopped)
            return vb_fail(err, VBLIP_ERR_CANCELLED, "devices: stopped");
        if (l.count)
            return VBLIP_OK;
    }
    return status == VBLIP_OK ? VBLIP_OK
                              : vb_fail(err, status, "%s", no_vulkan->message);
}

typedef struct told {
    vblip_device_fn fn;
    void *user;
} told;

static int tell_info(void *user, const vblip_device_info *device, int vulkan)
{
    const told *t = user;
    (void)vulkan;
    return t->fn(t->user, device);
}

vblip_status vb_devices_list(vblip_device_fn fn, void *user, vblip_error *err)
{
    vblip_error no_vulkan;
    return list_devices(tell_info, &(told){fn, user}, &no_vulkan, err);
}

static int see_one(void *user, const vblip_device_info *device)
{
    (void)user, (void)device;
    return 0;
}

vblip_status vb_devices_vulkan(vblip_error *err)
{
    return vb_gpu_list(see_one, NULL, err);
}

static bool says(const char *option, const char *word)
{
    return option && strcmp(option, word) == 0;
}

static bool is_auto(const char *option)
{
    return !option || says(option, "auto");
}

// Whether the device has the kernels, the precision and the layer that are asked for: what
// "auto" goes by. One that is named says itself what it lacks.
static bool can_do(const vblip_engine_options *o, bool processor)
{
    const bool onednn = says(o->kernels, "onednn");
    if (processor)
        return (is_auto(o->kernels) || onednn) && !says(o->precision, "f16") &&
               !o->validate;
    return !onednn && !says(o->precision, "bf16");
}

typedef struct choice {
    const vblip_engine_options *options;
    bool found;
    uint32_t index;    // of what was found
    int vulkan;        // the same; -1 = the processor
    vb_string names;   // of all
    vb_string problem; // of what is meant and cannot be used
} choice;

static bool is_meant(const choice *c, const vblip_device_info *device, int vulkan)
{
    const char *wanted = c->options->device;
    if (is_auto(wanted))
        return !device->unusable && can_do(c->options, vulkan < 0);
    if (strcmp(wanted, "cpu") == 0)
        return vulkan < 0;
    if (strspn(wanted, "0123456789") == strlen(wanted))
        return strtoul(wanted, NULL, 10) == device->index;
    return vb_text_contains(device->name, wanted);
}

static int consider(void *user, const vblip_device_info *device, int vulkan)
{
    choice *c = user;
    vb_string_appendf(&c->names, "%s%u %s%s%s", c->names.size ? "; " : "",
                      (unsigned)device->index, device->name,
                      device->unusable ? ": " : "",
                      device->unusable ? device->unusable : "");
    if (c->found || !is_meant(c, device, vulkan))
        return 0;
    if (device->unusable) {
        if (!c->problem.size)
            vb_string_appendf(&c->problem, "%s: unusable: %s", device->name,
                              device->unusable);
        return 0;
    }
    c->found = true;
    c->index = device->index;
    c->vulkan = vulkan;
    return 0;
}

// `no_vulkan`: why Vulkan has no device, if it has none.
static vblip_status fail_choice(const choice *c, const vblip_error *no_vulkan,
                                vblip_error *err)
{
    const char *wanted = c->options->device;
    vb_device *none;
    if (c->problem.size)
        return vb_fail(err, VBLIP_ERR_DEVICE, "%s", c->problem.bytes);
    if (wanted && strcmp(wanted, "cpu") == 0) // this build has none, and says so
        return vb_cpu_open(&none, &(vb_cpu_options){0}, err);
    return vb_fail(err, VBLIP_ERR_DEVICE, "device %s: none usable; there are: %s%s%s",
                   wanted ? wanted : "auto", c->names.size ? c->names.bytes : "none",
                   no_vulkan->status ? "; " : "", no_vulkan->message);
}

static vblip_status open_processor(vb_device **out, const vblip_engine_options *o,
                                   vblip_error *err)
{
    const vb_cpu_options options = {
        .precision = o->precision,
        .threads = o->threads,
        .profile = o->profile,
        .weights_dir = o->cache_weights ? o->cache_dir : NULL,
        .log = {.fn = o->log, .user = o->log_user},
        .stopped = o->stopped,
        .stopped_user = o->stopped_user,
    };
    if (!is_auto(o->kernels) && strcmp(o->kernels, "onednn") != 0)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "kernels: %s: the processor has onednn; --device names another",
                       o->kernels);
    if (o->validate)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "validate: the processor has no validation layer, Vulkan's "
                       "devices do");
    return vb_cpu_open(out, &options, err);
}

static vblip_status open_vulkan(vb_device **out, const vblip_engine_options *o,
                                int number, vblip_error *err)
{
    char device[16];
    snprintf(device, sizeof device, "%d", number);
    const vb_gpu_options options = {
        .device = device,
        .kernels = o->kernels,
        .precision = o->precision,
        .cache_dir = o->cache_dir,
        .validate = o->validate,
        .profile = o->profile,
        .log = {.fn = o->log, .user = o->log_user},
        .stopped = o->stopped,
        .stopped_user = o->stopped_user,
    };
    return vb_gpu_open(out, &options, err);
}

// Whether the processor is meant and the first of the list, which then need not be made:
// that loads every Vulkan driver.
static bool is_processor(const vblip_engine_options *o)
{
    vblip_device_info info;
    vb_cpu_texts texts;
    const bool meant =
        is_auto(o->device) ? can_do(o, true) : strcmp(o->device, "cpu") == 0;
    return meant && !vb_gpu_nodes("/dev") && vb_cpu_describe(&info, &texts);
}

vblip_status vb_devices_open(vb_device **out, uint32_t *index,
                             const vblip_engine_options *options, vblip_error *err)
{
    *out = NULL;
    if (options->device && !options->device[0])
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "device: empty name");
    *index = 0;
    if (is_processor(options))
        return open_processor(out, options, err);
    choice c = {.options = options};
    vblip_error no_vulkan;
    vblip_status status = list_devices(consider, &c, &no_vulkan, err);
    if (status == VBLIP_OK && (c.names.failed || c.problem.failed))
        status = vb_fail_memory(err, "devices");
    if (status == VBLIP_OK && !c.found)
        status = fail_choice(&c, &no_vulkan, err);
    vb_string_free(&c.names);
    vb_string_free(&c.problem);
    VB_TRY(status);
    *index = c.index;
    return c.vulkan < 0 ? open_processor(out, options, err)
                        : open_vulkan(out, options, c.vulkan, err);
}

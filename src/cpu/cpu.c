#include "cpu/cpu.h"

#include "base/cores.h"
#include "compute/selftest.h"
#include "cpu/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// CACHED_BYTES: two of ViT-B's frames, of which the third cache of a server holds all
// values; eight are 3 % slower.
enum { MAX_THREADS = 256, MAX_BUFFER = 256 << 20, CACHED_BYTES = 16 << 20 };

static void close_workers(vb_cpu *cpu)
{
    for (uint32_t i = 0; cpu->workers && i < cpu->worker_count; i++) {
        vb_cpu_worker *worker = &cpu->workers[i];
        for (uint32_t p = 0; p < worker->product_count; p++)
            vb_product_free(&worker->products[p].product);
        vb_product_thread_close(&worker->oneDNN);
        vb_room_free(&worker->room);
    }
    free(cpu->workers);
}

static void close_cpu(vb_device *device)
{
    vb_cpu *cpu = vb_cpu_of(device);
    vb_team_close(&cpu->team);
    close_workers(cpu);
    for (size_t i = 0; i < cpu->download_room; i++)
        vb_room_free(&cpu->downloads[i].bytes);
    free(cpu->downloads);
    vb_panel_places_free(cpu->places);
    vb_weights_cache_free(&cpu->cache);
    vb_room_free(&cpu->shared);
    vb_room_free(&cpu->absorbed);
    vb_room_free(&cpu->narrowed);
    free(cpu);
}

static const vblip_device_info *describe(const vb_device *device)
{
    return &((const vb_cpu *)device)->info;
}

static vblip_status submit(vb_device *device, vblip_error *err)
{
    (void)err;
    vb_cpu_deliver(vb_cpu_of(device), true);
    return VBLIP_OK;
}

static void discard(vb_device *device)
{
    vb_cpu_deliver(vb_cpu_of(device), false);
}

static const vb_device_table table = {
    .close = close_cpu,
    .describe = describe,
    .profile = vb_cpu_profile,
    .buffer_make = vb_cpu_buffer_make,
    .buffer_free = vb_cpu_buffer_free,
    .matrix_make = vb_cpu_matrix_make,
    .matrix_free = vb_cpu_matrix_free,
    .weights_begin = vb_cpu_weights_begin,
    .matrix_take = vb_cpu_matrix_take,
    .weights_end = vb_cpu_weights_end,
    .upload = vb_cpu_upload,
    .download = vb_cpu_download,
    .copy = vb_cpu_copy,
    .linear = vb_cpu_linear,
    .layernorm = vb_cpu_layernorm,
    .attention = vb_cpu_attention,
    .absorbed_attention = vb_cpu_absorbed_attention,
    .patchify = vb_cpu_patchify,
    .embed = vb_cpu_embed,
    .add_rows = vb_cpu_add_rows,
    .set_row = vb_cpu_set_row,
    .mean_rows = vb_cpu_mean_rows,
    .l2norm = vb_cpu_l2norm,
    .topk = vb_cpu_topk,
    .submit = submit,
    .discard = discard,
    .peak = vb_cpu_peak,
};

// The maker's name of the processor, as Linux has it; not every kind has one.
static void read_name(char *out, size_t size)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "re");
    snprintf(out, size, "processor");
    while (file && fgets(line, sizeof line, file)) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon) {
            line[strcspn(line, "\n")] = '\0';
            snprintf(out, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
            break;
        }
    }
    if (file)
        fclose(file);
}

static uint64_t memory_bytes(void)
{
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

bool vb_cpu_describe(vblip_device_info *out, vb_cpu_texts *texts)
{
    const char *isa;
    read_name(texts->name, sizeof texts->name);
    vb_product_describe(texts->driver, sizeof texts->driver, &isa);
    *out = (vblip_device_info){
        .kind = VBLIP_DEVICE_PROCESSOR,
        .name = texts->name,
        .driver = texts->driver,
        .api = isa,
        .kernels = "onednn",
        .precision = vb_precision_name(VB_F32),
        .memory_bytes = memory_bytes(),
        .max_binding_mib = MAX_BUFFER >> 20,
    };
    return true;
}

static vblip_status choose_weights(vb_cpu *cpu, const char *wanted, vblip_error *err)
{
    cpu->base.weights = VB_F32;
    if (!wanted || strcmp(wanted, "auto") == 0 || strcmp(wanted, "f32") == 0)
        return VBLIP_OK;
    if (strcmp(wanted, "f16") == 0)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%s: precision f16: the processor has f32 and bf16",
                       cpu->info.name);
    if (strcmp(wanted, "bf16") != 0)
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "precision: %s: unknown, expected auto, f32 or bf16", wanted);
    cpu->base.weights = VB_BF16;
    if (!vb_product_has_bf16())
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "%s: precision bf16: this processor has no instructions for it",
                       cpu->info.name);
    return VBLIP_OK;
}

// As asked for, or as the user told OpenMP's programs, or all cores.
static uint32_t choose_threads(uint32_t asked)
{
    const char *told = getenv("OMP_NUM_THREADS");
    const long number = told ? strtol(told, NULL, 10) : 0;
    if (asked == 0 && number > 0)
        asked = number < MAX_THREADS ? (uint32_t)number : MAX_THREADS;
    if (asked == 0)
        asked = vb_core_count();
    return asked < MAX_THREADS ? asked : MAX_THREADS;
}

static vblip_status open_workers(vb_cpu *cpu, vblip_error *err)
{
    cpu->workers = calloc(cpu->worker_count, sizeof *cpu->workers);
    if (!cpu->workers)
        return vb_fail_memory(err, "threads");
    for (uint32_t i = 0; i < cpu->worker_count; i++)
        VB_TRY(vb_product_thread_open(&cpu->workers[i].oneDNN, err));
    return vb_team_open(&cpu->team, cpu->worker_count, err);
}

static vblip_status open_cpu(vb_cpu *cpu, const vb_cpu_options *o, vblip_error *err)
{
    cpu->base.table = &table;
    cpu->log = o->log;
    cpu->stopped = o->stopped;
    cpu->stopped_user = o->stopped_user;
    cpu->profiled = o->profile;
    cpu->kernels = o->kernels ? o->kernels : vb_kernels_choose();
    (void)vb_cpu_describe(&cpu->info, &cpu->texts);
    VB_TRY(choose_weights(cpu, o->precision, err));
    cpu->base.caps = (vb_device_caps){
        .name = cpu->info.name,
        .kernels = cpu->info.kernels,
        .max_buffer_bytes = MAX_BUFFER,
        .memory_bytes = cpu->info.memory_bytes,
        .weight_types = 1u << VB_F32 | (vb_product_has_bf16() ? 1u << VB_BF16 : 0),
        .shares_cores = true,
        .cached_bytes = CACHED_BYTES,
        .narrow_activations = true,
        .absorbs = 1u << VB_F32 | 1u << VB_BF16,
    };
    if (o->weights_dir && !(cpu->cache.folder = strdup(o->weights_dir)))
        return vb_fail_memory(err, "device");
    cpu->worker_count = choose_threads(o->threads);
    VB_TRY(open_workers(cpu, err));
    vb_logf(&cpu->log,
            "%s: %s, %s, %s kernels, %u threads, weights in %s, activations in %s",
            cpu->info.name, cpu->info.driver, cpu->info.api, cpu->kernels->name,
            (unsigned)cpu->worker_count, vb_precision_name(cpu->base.weights),
            vb_precision_name(vb_device_activations(&cpu->base)));
    return VBLIP_OK;
}

typedef struct opening_checks {
    const vb_log *log;
    vblip_check failure; // the first; `ran` says whether there is one
} opening_checks;

// Names each check before it runs, and ends with the first that fails.
static int on_opening_check(void *user, const vblip_check *check)
{
    opening_checks *checks = user;
    if (!check->ran)
        vb_logf(checks->log, "self-test: %s, %s", check->op, check->kernels);
    if (!check->ran || check->ok)
        return 0;
    checks->failure = *check;
    return 1;
}

// Every op once, against known answers: a build for another processor, or a library that
// was exchanged, may compute wrongly without a word.
static vblip_status check_ops(vb_cpu *cpu, vblip_error *err)
{
    opening_checks checks = {.log = &cpu->log};
    const vblip_check *failure = &checks.failure;
    vblip_error why = {0};
    bool ok;
    const vblip_status status =
        vb_selftest_run(&ok, &cpu->base, NULL, on_opening_check, &checks, &why);
    memset(cpu->times, 0, sizeof cpu->times);
    cpu->time_count = 0;
    if (failure->ran)
        return vb_fail(err, VBLIP_ERR_DEVICE,
                       "%s: %s fails its self-test: error %.1e, allowed %.1e; "
                       "--device llvmpipe computes on it in another way",
                       cpu->info.name, failure->op, failure->nmse, failure->bound);
    return status == VBLIP_OK ? status : vb_fail(err, status, "%s", why.message);
}

vblip_status vb_cpu_open(vb_device **out, const vb_cpu_options *options,
                         vblip_error *err)
{
    *out = NULL;
    vb_cpu *cpu = calloc(1, sizeof *cpu);
    if (!cpu)
        return vb_fail_memory(err, "device");
    vblip_status status = open_cpu(cpu, options, err);
    if (status == VBLIP_OK && !options->untested)
        status = check_ops(cpu, err);
    if (status != VBLIP_OK) {
        close_cpu(&cpu->base);
        return status;
    }
    *out = &cpu->base;
    return VBLIP_OK;
}

uint64_t vb_cpu_allocations(const vb_device *device)
{
    const vb_cpu *cpu = (const vb_cpu *)device;
    uint64_t sum = cpu->allocations;
    for (uint32_t i = 0; i < cpu->worker_count; i++)
        sum += cpu->workers[i].allocations;
    return sum;
}

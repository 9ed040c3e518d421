#include "gpu/cache.h"

#include "base/file.h"
#include "base/outfile.h"
#include "base/path.h"
#include "gpu/context.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    MAX_CACHE = 256 << 20, // bytes; drivers keep some MB
    TRIES = 8
};

static vb_cache_key key_of(const vb_gpu *gpu)
{
    const vb_physical *p = &gpu->physical;
    vb_cache_key key = {
        .shaders = vb_pipeline_rows_hash(),
        .driver_version = p->driver_version,
        .vendor_id = p->vendor,
        .device_id = p->device,
    };
    memcpy(key.device, p->id.deviceUUID, sizeof key.device);
    memcpy(key.driver, p->id.driverUUID, sizeof key.driver);
    memcpy(key.pipelines, p->cache_uuid, sizeof key.pipelines);
    return key;
}

// dir/vulkan-VENDOR-DEVICE-UUID.cache: two devices of one machine do not share a file.
static char *file_path(const vb_physical *p, const char *dir)
{
    const size_t size = strlen(dir) + 80;
    char *path = malloc(size);
    if (!path)
        return NULL;
    int used = snprintf(path, size, "%s/vulkan-%04x-%04x-", dir, p->vendor, p->device);
    for (size_t i = 0; i < 8; i++)
        used += snprintf(path + used, size - (size_t)used, "%02x",
                         p->id.deviceUUID[i] ^ p->cache_uuid[i]);
    snprintf(path + used, size - (size_t)used, ".cache");
    return path;
}

// The driver's own cache, filled from the file. What the driver refuses is a miss too.
static void give_to_driver(vb_gpu *gpu, const vb_cache_entry *entry)
{
    const VkPipelineCacheCreateInfo info = {
        .sType = VK_STRUCTURE_TYPE_PIPELINE_CACHE_CREATE_INFO,
        .initialDataSize = entry->size,
        .pInitialData = entry->data,
    };
    VkPipelineCache filled = VK_NULL_HANDLE;
    if (entry->size == 0 ||
        gpu->vk.CreatePipelineCache(gpu->device, &info, NULL, &filled) != VK_SUCCESS)
        return;
    gpu->vk.DestroyPipelineCache(gpu->device, gpu->pipelines.cache, NULL);
    gpu->pipelines.cache = filled;
}

// Whatever is wrong with the file, it is done without.
static void read_file(vb_gpu *gpu)
{
    vb_cache *cache = &gpu->cache;
    bool there;
    vblip_error why = {0};
    char *bytes;
    size_t size;
    if (vb_path_exists(&there, cache->path, NULL) == VBLIP_OK && !there)
        return;
    if (vb_file_read(&bytes, &size, cache->path, MAX_CACHE, &why) != VBLIP_OK) {
        vb_logf(&gpu->log, "%s", why.message);
        return;
    }
    const vb_cache_key key = key_of(gpu);
    vb_cache_entry entry;
    if (vb_cache_parse(&entry, (const uint8_t *)bytes, size, &key, &why) == VBLIP_OK) {
        cache->verdicts = entry.verdicts;
        cache->data_size = entry.size;
        cache->pipeline_count = entry.pipeline_count;
        memcpy(cache->pipelines, entry.pipelines, sizeof cache->pipelines);
        give_to_driver(gpu, &entry);
    } else {
        vb_logf(&gpu->log, "%s: %s; made anew", cache->path, why.message);
    }
    free(bytes);
}

vblip_status vb_cache_open(vb_gpu *gpu, const char *dir, vblip_error *err)
{
    vb_cache *cache = &gpu->cache;
    *cache = (vb_cache){0};
    if (!dir || !dir[0])
        return VBLIP_OK;
    cache->path = file_path(&gpu->physical, dir);
    if (!cache->path)
        return vb_fail_memory(err, "pipeline cache");
    read_file(gpu);
    return VBLIP_OK;
}

// What the driver would like to be given the next time, where it may be given to it.
static vblip_status driver_data(vb_cache_entry *entry, uint8_t **owned, vb_gpu *gpu,
                                vblip_error *err)
{
    const vb_cache_key key = key_of(gpu);
    vblip_status status = VBLIP_OK;
    size_t size = 0;
    VkResult result = VK_INCOMPLETE; // as long as more is compiled in between
    for (int tries = 0; result == VK_INCOMPLETE && tries < TRIES; tries++) {
        VB_VK(gpu->vk.GetPipelineCacheData(gpu->device, gpu->pipelines.cache, &size,
                                           NULL));
        free(*owned);
        *owned = malloc(size ? size : 1);
        if (!*owned)
            return vb_fail_memory(err, "pipeline cache");
        result = gpu->vk.GetPipelineCacheData(gpu->device, gpu->pipelines.cache, &size,
                                              *owned);
    }
    VB_VK(result);
    VB_OK(vb_cache_check_data(*owned, size, &key, err));
    entry->data = *owned;
    entry->size = size;
fail:
    return status;
}

static vblip_status write_file(vb_gpu *gpu, const vb_cache_entry *entry,
                               vblip_error *err)
{
    char *path = gpu->cache.path, *slash = strrchr(path, '/');
    const vb_cache_key key = key_of(gpu);
    vb_string file = {0};
    vblip_status status = vb_cache_format(&file, entry, &key, err);
    if (status == VBLIP_OK) {
        *slash = '\0';
        status = vb_make_folders(path, err);
        *slash = '/';
    }
    if (status == VBLIP_OK)
        status = vb_file_replace(path, file.bytes, file.size, err);
    vb_string_free(&file);
    return status;
}

// What a program with a model has used; whether that is news.
static bool take_pipelines(vb_cache *cache, const vb_gpu *gpu)
{
    vb_specialised used[VB_CACHE_PIPELINES] = {0};
    if (!gpu->loaded)
        return false;
    const uint32_t count = vb_compiled_used(gpu, used, VB_CACHE_PIPELINES);
    if (count == 0) // a program that came to nothing
        return false;
    if (count == cache->pipeline_count &&
        memcmp(used, cache->pipelines, count * sizeof *used) == 0)
        return false;
    memcpy(cache->pipelines, used, sizeof used);
    cache->pipeline_count = count;
    return true;
}

void vb_cache_save(vb_gpu *gpu)
{
    vb_cache *cache = &gpu->cache;
    if (!cache->path || cache->others)
        return;
    vblip_error why = {0};
    cache->changed = take_pipelines(cache, gpu) || cache->changed;
    vb_cache_entry entry = {.verdicts = cache->verdicts,
                            .pipeline_count = cache->pipeline_count};
    memcpy(entry.pipelines, cache->pipelines, sizeof entry.pipelines);
    uint8_t *owned = NULL;
    vblip_status status = driver_data(&entry, &owned, gpu, &why);
    if (status != VBLIP_OK) // the verdicts are kept without
        vb_logf(&gpu->log, "driver's pipeline cache not kept: %s", why.message);
    if (cache->changed || (entry.size && entry.size != cache->data_size)) {
        why = (vblip_error){0};
        status = write_file(gpu, &entry, &why);
        if (status != VBLIP_OK && !cache->told)
            vb_logf(&gpu->log, "pipeline cache not written: %s", why.message);
        cache->told = cache->told || status != VBLIP_OK;
        cache->changed = false;
        cache->data_size = entry.size;
    }
    free(owned);
}

void vb_cache_keep_up(vb_gpu *gpu)
{
    vb_cache *cache = &gpu->cache;
    const uint32_t made = atomic_load(&gpu->compiled.made);
    if (gpu->loaded && made != cache->kept && made == cache->made) {
        vb_cache_save(gpu);
        cache->kept = made;
    }
    cache->made = made;
}

// Opens the folder of the file, which it makes; < 0: not.
static int open_cache_folder(char *path)
{
    char *slash = strrchr(path, '/');
    int folder = -1;
    *slash = '\0';
    if (vb_make_folders(path, NULL) == VBLIP_OK)
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *slash = '/';
    return folder;
}

void vb_cache_hold(vb_gpu *gpu)
{
    vb_cache *cache = &gpu->cache;
    vb_verdicts *verdicts = &cache->verdicts;
    const int folder = cache->path ? open_cache_folder(cache->path) : -1;
    cache->others = folder >= 0 && flock(folder, LOCK_EX | LOCK_NB) != 0;
    if (folder >= 0 && !cache->others) {
        const vb_verdicts known = *verdicts;
        cache->folder = folder + 1;
        read_file(gpu);
        verdicts->tested |= known.tested;
        verdicts->passed |= known.passed;
        verdicts->begun &= ~verdicts->tested;
        verdicts->again &= ~verdicts->tested;
        return;
    }
    if (folder >= 0)
        close(folder);
    verdicts->begun = verdicts->again = 0;
}

void vb_cache_release(vb_gpu *gpu)
{
    if (gpu->cache.folder)
        close(gpu->cache.folder - 1); // and so lets go of it
    gpu->cache.folder = 0;
}

void vb_cache_close(vb_gpu *gpu)
{
    vb_cache_release(gpu);
    free(gpu->cache.path);
    gpu->cache = (vb_cache){0};
}

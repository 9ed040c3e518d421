#include "gpu/cache_file.h"

#include "base/hash.h"

#include <string.h>

static const char magic[8] = {'v', 'b', 'l', 'i', 'p', 'V', 'P', 'C'};

enum {
    VERSION = 4,
    AT_VERSION = 8,
    AT_HEADER = 12,
    AT_DEVICE = 16,
    AT_DRIVER = 32,
    AT_PIPELINES = 48,
    AT_SHADERS = 64,
    AT_DRIVER_VERSION = 72,
    AT_PIPELINE_COUNT = 76,
    AT_TESTED = 80,
    AT_PASSED = 88,
    AT_BEGUN = 96,
    AT_AGAIN = 104,
    AT_SIZE = 112,
    AT_CHECKSUM = 120,
    PIPELINE_BYTES = 16,
    // VkPipelineCacheHeaderVersionOne, at the start of the driver's data
    VULKAN_HEADER_BYTES = 32,
    VULKAN_AT_VERSION = 4,
    VULKAN_AT_VENDOR = 8,
    VULKAN_AT_DEVICE = 12,
    VULKAN_AT_UUID = 16,
};

static uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
           (uint32_t)p[3] << 24;
}

static uint64_t read_u64(const uint8_t *p)
{
    return read_u32(p) | (uint64_t)read_u32(p + 4) << 32;
}

static void write_u32(uint8_t *p, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> (8 * i));
}

static void write_u64(uint8_t *p, uint64_t value)
{
    write_u32(p, (uint32_t)value);
    write_u32(p + 4, (uint32_t)(value >> 32));
}

// Over a file of `size` bytes.
static uint64_t checksum(const uint8_t *bytes, size_t size)
{
    return vb_hash_bytes(vb_hash_bytes(0, bytes, AT_CHECKSUM),
                         bytes + VB_CACHE_HEADER_BYTES, size - VB_CACHE_HEADER_BYTES);
}

static vb_verdicts read_verdicts(const uint8_t *bytes)
{
    return (vb_verdicts){
        .tested = read_u64(bytes + AT_TESTED),
        .passed = read_u64(bytes + AT_PASSED),
        .begun = read_u64(bytes + AT_BEGUN),
        .again = read_u64(bytes + AT_AGAIN),
    };
}

static vblip_status check_header(const uint8_t *bytes, size_t size, vblip_error *err)
{
    if (size < VB_CACHE_HEADER_BYTES)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "pipeline cache: %zu bytes, a header "
                       "has %d",
                       size, VB_CACHE_HEADER_BYTES);
    if (memcmp(bytes, magic, sizeof magic) != 0)
        return vb_fail(err, VBLIP_ERR_FORMAT, "pipeline cache: not one");
    if (read_u32(bytes + AT_VERSION) != VERSION)
        return vb_fail(err, VBLIP_ERR_FORMAT, "pipeline cache: version %u, expected %d",
                       read_u32(bytes + AT_VERSION), VERSION);
    const uint32_t pipelines = read_u32(bytes + AT_PIPELINE_COUNT);
    if (read_u32(bytes + AT_HEADER) != VB_CACHE_HEADER_BYTES ||
        pipelines > VB_CACHE_PIPELINES ||
        pipelines * PIPELINE_BYTES > size - VB_CACHE_HEADER_BYTES)
        return vb_fail(err, VBLIP_ERR_FORMAT, "pipeline cache: damaged header");
    if (read_u64(bytes + AT_SIZE) != size - VB_CACHE_HEADER_BYTES)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "pipeline cache: %llu bytes of data, expected %zu",
                       (unsigned long long)read_u64(bytes + AT_SIZE),
                       size - VB_CACHE_HEADER_BYTES);
    if (read_u64(bytes + AT_CHECKSUM) != checksum(bytes, size))
        return vb_fail(err, VBLIP_ERR_FORMAT, "pipeline cache: wrong checksum");
    const vb_verdicts verdicts = read_verdicts(bytes);
    if ((verdicts.passed & ~verdicts.tested) || (verdicts.begun & verdicts.tested) ||
        (verdicts.again & ~verdicts.begun))
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "pipeline cache: verdicts that were never reached");
    return VBLIP_OK;
}

// Returns where they end.
static size_t read_pipelines(vb_cache_entry *out, const uint8_t *bytes)
{
    const uint8_t *at = bytes + VB_CACHE_HEADER_BYTES;
    out->pipeline_count = read_u32(bytes + AT_PIPELINE_COUNT);
    for (uint32_t i = 0; i < out->pipeline_count; i++, at += PIPELINE_BYTES) {
        out->pipelines[i].id = read_u32(at);
        for (uint32_t k = 0; k < VB_MAX_CONSTANTS; k++)
            out->pipelines[i].constants[k] = read_u32(at + 4 + (size_t)4 * k);
    }
    return (size_t)(at - bytes);
}

static size_t write_pipelines(uint8_t *out, const vb_cache_entry *entry)
{
    uint8_t *at = out;
    for (uint32_t i = 0; i < entry->pipeline_count; i++, at += PIPELINE_BYTES) {
        write_u32(at, entry->pipelines[i].id);
        for (uint32_t k = 0; k < VB_MAX_CONSTANTS; k++)
            write_u32(at + 4 + (size_t)4 * k, entry->pipelines[i].constants[k]);
    }
    return (size_t)(at - out);
}

static bool same_uuid(const uint8_t *bytes, const uint8_t *uuid)
{
    return memcmp(bytes, uuid, VB_CACHE_UUID_BYTES) == 0;
}

vblip_status vb_cache_check_data(const uint8_t *data, size_t size,
                                 const vb_cache_key *key, vblip_error *err)
{
    if (size == 0)
        return VBLIP_OK;
    if (size < VULKAN_HEADER_BYTES || read_u32(data) != VULKAN_HEADER_BYTES ||
        read_u32(data + VULKAN_AT_VERSION) != 1)
        return vb_fail(err, VBLIP_ERR_FORMAT, "pipeline cache: damaged driver data");
    if (read_u32(data + VULKAN_AT_VENDOR) != key->vendor_id ||
        read_u32(data + VULKAN_AT_DEVICE) != key->device_id ||
        !same_uuid(data + VULKAN_AT_UUID, key->pipelines))
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "pipeline cache: driver data of another device");
    return VBLIP_OK;
}

vblip_status vb_cache_parse(vb_cache_entry *out, const uint8_t *bytes, size_t size,
                            const vb_cache_key *key, vblip_error *err)
{
    *out = (vb_cache_entry){0};
    VB_TRY(check_header(bytes, size, err));
    if (!same_uuid(bytes + AT_DEVICE, key->device) ||
        !same_uuid(bytes + AT_DRIVER, key->driver) ||
        !same_uuid(bytes + AT_PIPELINES, key->pipelines) ||
        read_u64(bytes + AT_SHADERS) != key->shaders ||
        read_u32(bytes + AT_DRIVER_VERSION) != key->driver_version)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "pipeline cache: of another device, driver or version");
    out->verdicts = read_verdicts(bytes);
    const size_t at = read_pipelines(out, bytes);
    const uint8_t *data = bytes + at;
    const size_t data_size = size - at;
    if (data_size && vb_cache_check_data(data, data_size, key, NULL) == VBLIP_OK) {
        out->data = data;
        out->size = data_size;
    }
    return VBLIP_OK;
}

// All but the checksum.
static void write_header(uint8_t header[VB_CACHE_HEADER_BYTES],
                         const vb_cache_entry *entry, const vb_cache_key *key)
{
    memcpy(header, magic, sizeof magic);
    write_u32(header + AT_VERSION, VERSION);
    write_u32(header + AT_HEADER, VB_CACHE_HEADER_BYTES);
    memcpy(header + AT_DEVICE, key->device, VB_CACHE_UUID_BYTES);
    memcpy(header + AT_DRIVER, key->driver, VB_CACHE_UUID_BYTES);
    memcpy(header + AT_PIPELINES, key->pipelines, VB_CACHE_UUID_BYTES);
    write_u64(header + AT_SHADERS, key->shaders);
    write_u32(header + AT_DRIVER_VERSION, key->driver_version);
    write_u32(header + AT_PIPELINE_COUNT, entry->pipeline_count);
    write_u64(header + AT_TESTED, entry->verdicts.tested);
    write_u64(header + AT_PASSED, entry->verdicts.passed);
    write_u64(header + AT_BEGUN, entry->verdicts.begun);
    write_u64(header + AT_AGAIN, entry->verdicts.again);
    write_u64(header + AT_SIZE,
              (uint64_t)entry->pipeline_count * PIPELINE_BYTES + entry->size);
}

vblip_status vb_cache_format(vb_string *out, const vb_cache_entry *entry,
                             const vb_cache_key *key, vblip_error *err)
{
    uint8_t header[VB_CACHE_HEADER_BYTES] = {0};
    uint8_t list[VB_CACHE_PIPELINES * PIPELINE_BYTES];
    const size_t listed = write_pipelines(list, entry), start = out->size;
    write_header(header, entry, key);
    if (!vb_string_append(out, (const char *)header, sizeof header) ||
        !vb_string_append(out, (const char *)list, listed) ||
        !vb_string_append(out, (const char *)entry->data, entry->size))
        return vb_fail_memory(err, "pipeline cache");
    uint8_t *bytes = (uint8_t *)out->bytes + start;
    write_u64(bytes + AT_CHECKSUM, checksum(bytes, out->size - start));
    return VBLIP_OK;
}

#include "gpu/cache_file.h"

#include "base/hash.h"

#include <string.h>

static const char magic[8] = {'v', 'b', 'l', 'i', 'p', 'V', 'P', 'C'};

enum {
    VERSION = 3,
    AT_VERSION = 8,
    AT_HEADER = 12,
    AT_DEVICE = 16,
    AT_DRIVER = 32,
    AT_PIPELINES = 48,
    AT_SHADERS = 64,
    AT_DRIVER_VERSION = 72,
    AT_ZERO = 76,
    AT_TESTED = 80,
    AT_PASSED = 88,
    AT_BEGUN = 96,
    AT_AGAIN = 104,
    AT_SIZE = 112,
    AT_CHECKSUM = 120,
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

static uint64_t checksum(const uint8_t *header, const uint8_t *data, size_t size)
{
    return vb_hash_bytes(vb_hash_bytes(0, header, AT_CHECKSUM), data, size);
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
    if (read_u32(bytes + AT_HEADER) != VB_CACHE_HEADER_BYTES ||
        read_u32(bytes + AT_ZERO) != 0)
        return vb_fail(err, VBLIP_ERR_FORMAT, "pipeline cache: damaged header");
    if (read_u64(bytes + AT_SIZE) != size - VB_CACHE_HEADER_BYTES)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "pipeline cache: %llu bytes of data, expected %zu",
                       (unsigned long long)read_u64(bytes + AT_SIZE),
                       size - VB_CACHE_HEADER_BYTES);
    if (read_u64(bytes + AT_CHECKSUM) !=
        checksum(bytes, bytes + VB_CACHE_HEADER_BYTES, size - VB_CACHE_HEADER_BYTES))
        return vb_fail(err, VBLIP_ERR_FORMAT, "pipeline cache: wrong checksum");
    const vb_verdicts verdicts = read_verdicts(bytes);
    if ((verdicts.passed & ~verdicts.tested) || (verdicts.begun & verdicts.tested) ||
        (verdicts.again & ~verdicts.begun))
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "pipeline cache: verdicts that were never reached");
    return VBLIP_OK;
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
    const uint8_t *data = bytes + VB_CACHE_HEADER_BYTES;
    const size_t data_size = size - VB_CACHE_HEADER_BYTES;
    if (data_size && vb_cache_check_data(data, data_size, key, NULL) == VBLIP_OK) {
        out->data = data;
        out->size = data_size;
    }
    return VBLIP_OK;
}

vblip_status vb_cache_format(vb_string *out, const vb_cache_entry *entry,
                             const vb_cache_key *key, vblip_error *err)
{
    uint8_t header[VB_CACHE_HEADER_BYTES] = {0};
    memcpy(header, magic, sizeof magic);
    write_u32(header + AT_VERSION, VERSION);
    write_u32(header + AT_HEADER, VB_CACHE_HEADER_BYTES);
    memcpy(header + AT_DEVICE, key->device, VB_CACHE_UUID_BYTES);
    memcpy(header + AT_DRIVER, key->driver, VB_CACHE_UUID_BYTES);
    memcpy(header + AT_PIPELINES, key->pipelines, VB_CACHE_UUID_BYTES);
    write_u64(header + AT_SHADERS, key->shaders);
    write_u32(header + AT_DRIVER_VERSION, key->driver_version);
    write_u64(header + AT_TESTED, entry->verdicts.tested);
    write_u64(header + AT_PASSED, entry->verdicts.passed);
    write_u64(header + AT_BEGUN, entry->verdicts.begun);
    write_u64(header + AT_AGAIN, entry->verdicts.again);
    write_u64(header + AT_SIZE, entry->size);
    write_u64(header + AT_CHECKSUM, checksum(header, entry->data, entry->size));
    if (!vb_string_append(out, (const char *)header, sizeof header) ||
        (entry->size && !vb_string_append(out, (const char *)entry->data, entry->size)))
        return vb_fail_memory(err, "pipeline cache");
    return VBLIP_OK;
}

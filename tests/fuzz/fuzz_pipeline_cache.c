// fuzz_pipeline_cache.c - no cache file may crash, or yield data outside of itself.
#include "gpu/cache_file.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

// The key that the file itself claims, so that the fuzzer gets past the comparison. Byte
// 0 stands for the rest: magic and checksum are put right when it is even.
static vb_cache_key claimed(const uint8_t *bytes, size_t size)
{
    vb_cache_key key = {.vendor_id = 0x10005};
    if (size < VB_CACHE_HEADER_BYTES)
        return key;
    memcpy(key.device, bytes + 16, 16);
    memcpy(key.driver, bytes + 32, 16);
    memcpy(key.pipelines, bytes + 48, 16);
    for (int i = 0; i < 8; i++)
        key.shaders |= (uint64_t)bytes[64 + i] << (8 * i);
    for (int i = 0; i < 4; i++)
        key.driver_version |= (uint32_t)bytes[72 + i] << (8 * i);
    return key;
}

static void mend(uint8_t *bytes, size_t size)
{
    if (size < VB_CACHE_HEADER_BYTES || bytes[0] % 2)
        return;
    memcpy(bytes, "vblipVPC", 8);
    const uint64_t hash =
        vb_hash_bytes(vb_hash_bytes(0, bytes, 120), bytes + VB_CACHE_HEADER_BYTES,
                      size - VB_CACHE_HEADER_BYTES);
    for (int i = 0; i < 8; i++)
        bytes[120 + i] = (uint8_t)(hash >> (8 * i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1); // exact size: ASan guards both ends
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    mend(copy, size);
    const vb_cache_key key = claimed(copy, size);
    vb_cache_entry entry;
    vblip_error err = {0};
    if (vb_cache_parse(&entry, copy, size, &key, &err) == VBLIP_OK) {
        volatile uint8_t sink = 0;
        for (size_t i = 0; i < entry.size; i++)
            sink ^= entry.data[i];
        (void)sink;
        vb_string again = {0};
        const size_t known = VB_CACHE_HEADER_BYTES + (size_t)16 * entry.pipeline_count;
        if ((entry.size || size == known) &&
            vb_cache_format(&again, &entry, &key, NULL) == VBLIP_OK &&
            (again.size != size || memcmp(again.bytes, copy, size) != 0))
            abort();
        vb_string_free(&again);
    } else if (!err.message[0] || entry.data) {
        abort();
    }
    free(copy);
    return 0;
}

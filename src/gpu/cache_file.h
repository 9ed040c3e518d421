// cache_file.h - the file in which compiled pipelines and self-test verdicts are kept.
//
//     offset  bytes
//     0       8      "vblipVPC"
//     8       4      version, 4; little endian, as all numbers here
//     12      4      size of the header, 128
//     16      16     device UUID
//     32      16     driver UUID
//     48      16     pipeline cache UUID
//     64      8      hash of all SPIR-V
//     72      4      driver version
//     76      4      count of pipelines, at most 256
//     80      32     vb_verdicts: tested, passed, begun, again
//     112     8      bytes that follow the header
//     120     8      XXH3 over all other bytes, header first
//     128     16 n   the pipelines: vb_specialised
//             rest   the driver's data
//
// A file that is damaged, or of another device, driver or build, is not used. When only
// the driver's data is not fit for a driver, the verdicts are used without it.
#ifndef VB_GPU_CACHE_FILE_H
#define VB_GPU_CACHE_FILE_H

#include "base/error.h"
#include "base/text.h"
#include "gpu/specialised.h"

enum {
    VB_CACHE_HEADER_BYTES = 128,
    VB_CACHE_UUID_BYTES = 16,
    VB_CACHE_PIPELINES = 256 // at most
};

// What self-tests have said: a bit for each kernel and type of weights, vb_verdict_bit.
typedef struct vb_verdicts {
    uint64_t tested, passed;
    // Tests that came to no end, so far or because the program did: once, and twice in a row.
    uint64_t begun, again;
} vb_verdicts;

// What a cached pipeline or verdict belongs to.
typedef struct vb_cache_key {
    uint8_t device[VB_CACHE_UUID_BYTES], driver[VB_CACHE_UUID_BYTES];
    uint8_t pipelines[VB_CACHE_UUID_BYTES];
    uint64_t shaders;
    uint32_t driver_version;
    uint32_t vendor_id, device_id; // in the driver's data, not in our header
} vb_cache_key;

typedef struct vb_cache_entry {
    vb_verdicts verdicts;
    // What the last program with a model used.
    vb_specialised pipelines[VB_CACHE_PIPELINES];
    uint32_t pipeline_count;
    const uint8_t *data; // of the driver; points into the parsed bytes
    size_t size;
} vb_cache_entry;

// VBLIP_ERR_FORMAT: not what Vulkan says a driver's data begins with, or of another
// device. Drivers are known to trust what they are given. No data at all is fine.
VB_CHECKED vblip_status vb_cache_check_data(const uint8_t *data, size_t size,
                                            const vb_cache_key *key, vblip_error *err);

// VBLIP_ERR_FORMAT: damaged. VBLIP_ERR_UNSUPPORTED: whole, but for another key. Data that
// vb_cache_check_data refuses is left out.
VB_CHECKED vblip_status vb_cache_parse(vb_cache_entry *out, const uint8_t *bytes,
                                       size_t size, const vb_cache_key *key,
                                       vblip_error *err);

// Appends the whole file to `out`.
VB_CHECKED vblip_status vb_cache_format(vb_string *out, const vb_cache_entry *entry,
                                        const vb_cache_key *key, vblip_error *err);

#endif // VB_GPU_CACHE_FILE_H

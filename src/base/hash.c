#include "base/hash.h"

#include <errno.h>
#include <stdio.h>

uint64_t vb_hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)bytes)[i]) * UINT64_C(0x100000001b3);
    return hash;
}

vblip_status vb_hash_file(uint64_t *hash, const char *path, vblip_error *err)
{
    char part[1 << 14];
    uint64_t size = 0;
    FILE *file = fopen(path, "rb");
    if (!file)
        return vb_fail_errno(err, path, errno);
    for (size_t got; (got = fread(part, 1, sizeof part, file)) > 0; size += got)
        *hash = vb_hash_bytes(*hash, part, got);
    const int error = ferror(file) ? errno : 0;
    fclose(file);
    *hash = vb_hash_bytes(*hash, &size, sizeof size);
    return error ? vb_fail_errno(err, path, error) : VBLIP_OK;
}

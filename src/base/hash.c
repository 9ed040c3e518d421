#include "base/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

enum { FILE_PART = 1 << 20 };

uint64_t vb_hash_bytes(uint64_t seed, const void *bytes, size_t size)
{
    return XXH3_64bits_withSeed(bytes, size, seed);
}

static int hash_stream(XXH3_state_t *state, FILE *file, void *part)
{
    for (size_t got; (got = fread(part, 1, FILE_PART, file)) > 0;)
        XXH3_64bits_update(state, part, got);
    return ferror(file) ? errno : 0;
}

vblip_status vb_hash_file(uint64_t *out, const char *path, vblip_error *err)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return vb_fail_errno(err, path, errno);
    XXH3_state_t *state = XXH3_createState();
    void *part = malloc(FILE_PART);
    vblip_status status = state && part ? VBLIP_OK : vb_fail_memory(err, path);
    if (status == VBLIP_OK) {
        XXH3_64bits_reset(state);
        const int error = hash_stream(state, file, part);
        *out = XXH3_64bits_digest(state);
        status = error ? vb_fail_errno(err, path, error) : VBLIP_OK;
    }
    free(part);
    XXH3_freeState(state);
    fclose(file);
    return status;
}

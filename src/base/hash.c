#include "base/hash.h"

#include "base/file.h"

#include <stdlib.h>
#include <xxhash.h>

enum { FILE_PART = 1 << 20 };

uint64_t vb_hash_bytes(uint64_t seed, const void *bytes, size_t size)
{
    return XXH3_64bits_withSeed(bytes, size, seed);
}

// To the end of the file, or until `stopped`.
static vblip_status hash_parts(XXH3_state_t *state, const vb_file *file, void *part,
                               int (*stopped)(void *user), void *user, vblip_error *err)
{
    for (size_t at = 0; at < file->size; at += FILE_PART) {
        const size_t left = file->size - at;
        const size_t size = left < FILE_PART ? left : FILE_PART;
        if (stopped && stopped(user))
            return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller");
        VB_TRY(vb_file_read_at(file, part, at, size, err));
        XXH3_64bits_update(state, part, size);
    }
    return VBLIP_OK;
}

vblip_status vb_hash_file(uint64_t *out, const char *path, int (*stopped)(void *user),
                          void *user, vblip_error *err)
{
    vb_file file;
    VB_TRY(vb_file_open(&file, path, err));
    XXH3_state_t *state = XXH3_createState();
    void *part = malloc(FILE_PART);
    vblip_status status = state && part ? VBLIP_OK : vb_fail_memory(err, path);
    if (status == VBLIP_OK) {
        XXH3_64bits_reset(state);
        status = hash_parts(state, &file, part, stopped, user, err);
        *out = XXH3_64bits_digest(state);
    }
    free(part);
    XXH3_freeState(state);
    vb_file_close(&file);
    return status;
}

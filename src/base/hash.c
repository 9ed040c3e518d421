#include "base/hash.h"

#include "base/file.h"

#include <stdlib.h>
#include <xxhash.h>

enum { FILE_PART = 1 << 20 };

uint64_t vb_hash_bytes(uint64_t seed, const void *bytes, size_t size)
{
    return XXH3_64bits_withSeed(bytes, size, seed);
}

vblip_status vb_hash_begin(vb_hash_state **out, vblip_error *err)
{
    *out = XXH3_createState();
    if (!*out)
        return vb_fail_memory(err, "hash");
    XXH3_64bits_reset(*out);
    return VBLIP_OK;
}

void vb_hash_add(vb_hash_state *state, const void *bytes, size_t size)
{
    XXH3_64bits_update(state, bytes, size);
}

uint64_t vb_hash_value(const vb_hash_state *state)
{
    return XXH3_64bits_digest(state);
}

void vb_hash_end(vb_hash_state **state)
{
    XXH3_freeState(*state);
    *state = NULL;
}

// To the end of the file, or until `stopped`.
static vblip_status hash_parts(vb_hash_state *state, const vb_file *file, void *part,
                               int (*stopped)(void *user), void *user, vblip_error *err)
{
    for (size_t at = 0; at < file->size; at += FILE_PART) {
        const size_t left = file->size - at;
        const size_t size = left < FILE_PART ? left : FILE_PART;
        if (stopped && stopped(user))
            return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped by the caller");
        VB_TRY(vb_file_read_at(file, part, at, size, err));
        vb_hash_add(state, part, size);
    }
    return VBLIP_OK;
}

vblip_status vb_hash_file(uint64_t *out, const char *path, int (*stopped)(void *user),
                          void *user, vblip_error *err)
{
    vb_file file;
    VB_TRY(vb_file_open(&file, path, err));
    vb_hash_state *state = NULL;
    void *part = malloc(FILE_PART);
    vblip_status status = part ? vb_hash_begin(&state, err) : vb_fail_memory(err, path);
    if (status == VBLIP_OK)
        status = hash_parts(state, &file, part, stopped, user, err);
    if (status == VBLIP_OK)
        *out = vb_hash_value(state);
    free(part);
    vb_hash_end(&state);
    vb_file_close(&file);
    return status;
}

#include "blip/safetensors_out.h"

#include "base/file.h"
#include "base/outfile.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

static uint64_t bytes_of(const vb_matrix_out *matrix)
{
    return (uint64_t)matrix->rows * matrix->cols * sizeof(float);
}

// `value` as eight little-endian bytes.
static void put_size(char out[8], uint64_t value)
{
    for (int i = 0; i < 8; i++)
        out[i] = (char)(unsigned char)(value >> 8 * i);
}

// The length, and the JSON padded to a multiple of 8 bytes.
static bool add_header(vb_string *out, const vb_matrix_out *matrices, uint32_t count)
{
    uint64_t at = 0;
    bool ok =
        vb_string_append(out, "\0\0\0\0\0\0\0\0", 8) && vb_string_append(out, "{", 1);
    for (uint32_t i = 0; ok && i < count; i++) {
        const uint64_t end = at + bytes_of(&matrices[i]);
        ok = vb_string_appendf(out,
                               "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[%" PRIu32
                               ",%" PRIu32 "],\"data_offsets\":[%" PRIu64 ",%" PRIu64
                               "]}",
                               i ? "," : "", matrices[i].name, matrices[i].rows,
                               matrices[i].cols, at, end);
        at = end;
    }
    ok = ok && vb_string_append(out, "}", 1);
    while (ok && out->size % 8)
        ok = vb_string_append(out, " ", 1);
    if (ok)
        put_size(out->bytes, out->size - 8);
    return ok;
}

static bool put_together(vb_string *out, const vb_matrix_out *matrices, uint32_t count)
{
    bool ok = add_header(out, matrices, count);
    for (uint32_t i = 0; ok && i < count; i++)
        ok = vb_string_append(out, (const char *)(const void *)matrices[i].values,
                              (size_t)bytes_of(&matrices[i]));
    return ok;
}

vblip_status vb_safetensors_write(const char *path, const vb_matrix_out *matrices,
                                  uint32_t count, vblip_error *err)
{
    vb_string file = {0};
    vblip_status status = put_together(&file, matrices, count)
                              ? vb_file_replace(path, file.bytes, file.size, err)
                              : vb_fail_memory(err, path);
    vb_string_free(&file);
    return status;
}

#include "output/tensor_file.h"

#include "output/json_out.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { ENTRY_BYTES = 160, PIECE_BYTES = 1 << 12 };

static bool write_blanks(vb_outfile *out, uint64_t count)
{
    char piece[PIECE_BYTES];
    memset(piece, ' ', sizeof piece);
    for (; count > sizeof piece; count -= sizeof piece)
        vb_outfile_write(out, piece, sizeof piece);
    return vb_outfile_write(out, piece, (size_t)count);
}

vblip_status vb_tensor_file_begin(vb_tensor_file *tensors, vb_outfile *out,
                                  uint64_t count, uint64_t metadata_bytes,
                                  vblip_error *err)
{
    *tensors = (vb_tensor_file){.out = out};
    tensors->room = (count + 1) * ENTRY_BYTES + metadata_bytes;
    tensors->room += -tensors->room % 8;
    if (!vb_outfile_rewind(out))
        return vb_fail(err, VBLIP_ERR_IO,
                       "%.400s: the header is written last, and this cannot be sought",
                       out->name);
    write_blanks(out, 8 + tensors->room);
    return VBLIP_OK;
}

void vb_tensor_file_note(vb_tensor_file *tensors, const char *key, const char *value,
                         size_t size)
{
    vb_string *out = &tensors->metadata;
    vb_string_appendf(out, "%s\"%s\":", out->size ? "," : "", key);
    vb_json_put_string(out, value, size);
}

bool vb_tensor_file_add(vb_tensor_file *tensors, const char *name, const float *values,
                        uint32_t rows, uint32_t cols)
{
    vb_string *out = &tensors->entries;
    const uint64_t size = (uint64_t)(rows ? rows : 1) * cols * sizeof *values;
    const uint64_t end = tensors->written + size;
    vb_string_appendf(out, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[",
                      out->size ? "," : "", name);
    if (rows)
        vb_string_appendf(out, "%" PRIu32 ",", rows);
    vb_string_appendf(out, "%" PRIu32 "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
                      cols, tensors->written, end);
    tensors->written = end;
    if (out->failed || tensors->metadata.failed)
        tensors->out->error = tensors->out->error ? tensors->out->error : ENOMEM;
    return vb_outfile_write(tensors->out, (const char *)(const void *)values,
                            (size_t)size);
}

bool vb_tensor_file_end(vb_tensor_file *tensors)
{
    vb_outfile *out = tensors->out;
    vb_string header = {0};
    vb_string_append(&header, "\0\0\0\0\0\0\0\0", 8);
    vb_string_appendf(&header, "{\"__metadata__\":{%s},%s}",
                      tensors->metadata.bytes ? tensors->metadata.bytes : "",
                      tensors->entries.bytes ? tensors->entries.bytes : "");
    const bool fits = !header.failed && header.size <= 8 + tensors->room;
    for (int i = 0; fits && i < 8; i++)
        header.bytes[i] = (char)(unsigned char)(tensors->room >> 8 * i);
    if (!out->error && !fits)
        out->error = header.failed ? ENOMEM : EOVERFLOW;
    if (!out->error && !vb_outfile_rewind(out) && !out->error)
        out->error = errno ? errno : EIO;
    vb_outfile_write(out, header.bytes, header.size); // blanks follow
    vb_string_free(&header);
    return !out->error;
}

void vb_tensor_file_free(vb_tensor_file *tensors)
{
    vb_string_free(&tensors->metadata);
    vb_string_free(&tensors->entries);
}

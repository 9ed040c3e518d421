#include "cli/tensors.h"

#include "cli/json_out.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

enum { ENTRY_BYTES = 160, PIECE_BYTES = 1 << 12 };

static bool write_blanks(cli_outfile *out, uint64_t count)
{
    char piece[PIECE_BYTES];
    memset(piece, ' ', sizeof piece);
    for (; count > sizeof piece; count -= sizeof piece)
        cli_outfile_write(out, piece, sizeof piece);
    return cli_outfile_write(out, piece, (size_t)count);
}

vblip_status cli_tensors_begin(cli_tensors *tensors, cli_outfile *out, uint64_t count,
                               uint64_t metadata_bytes, vblip_error *err)
{
    *tensors = (cli_tensors){.out = out};
    tensors->room = (count + 1) * ENTRY_BYTES + metadata_bytes;
    tensors->room += -tensors->room % 8;
    if (!cli_outfile_rewind(out)) {
        snprintf(err->message, sizeof err->message,
                 "%.400s: the header is written last, and this cannot be sought",
                 out->name);
        return err->status = VBLIP_ERR_IO;
    }
    write_blanks(out, 8 + tensors->room);
    return VBLIP_OK;
}

void cli_tensors_note(cli_tensors *tensors, const char *key, const char *value,
                      size_t size)
{
    cli_bytes *out = &tensors->metadata;
    cli_bytes_printf(out, "%s\"%s\":", out->size ? "," : "", key);
    cli_json_string(out, value, size);
}

bool cli_tensors_add(cli_tensors *tensors, uint64_t name, const float *values,
                     uint32_t rows, uint32_t cols)
{
    cli_bytes *out = &tensors->entries;
    const uint64_t size = (uint64_t)(rows ? rows : 1) * cols * sizeof *values;
    const uint64_t end = tensors->written + size;
    cli_bytes_printf(out, "%s\"%" PRIu64 "\":{\"dtype\":\"F32\",\"shape\":[",
                     out->size ? "," : "", name);
    if (rows)
        cli_bytes_printf(out, "%" PRIu32 ",", rows);
    cli_bytes_printf(out, "%" PRIu32 "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
                     cols, tensors->written, end);
    tensors->written = end;
    if (out->failed || tensors->metadata.failed)
        tensors->out->error = tensors->out->error ? tensors->out->error : ENOMEM;
    return cli_outfile_write(tensors->out, (const char *)(const void *)values,
                             (size_t)size);
}

bool cli_tensors_end(cli_tensors *tensors)
{
    cli_outfile *out = tensors->out;
    cli_bytes header = {0};
    cli_bytes_add(&header, "\0\0\0\0\0\0\0\0", 8);
    cli_bytes_printf(&header, "{\"__metadata__\":{%s},%s}",
                     tensors->metadata.data ? tensors->metadata.data : "",
                     tensors->entries.data ? tensors->entries.data : "");
    const bool fits = !header.failed && header.size <= 8 + tensors->room;
    for (int i = 0; fits && i < 8; i++)
        header.data[i] = (char)(unsigned char)(tensors->room >> 8 * i);
    if (!out->error && !fits)
        out->error = header.failed ? ENOMEM : EOVERFLOW;
    if (!out->error && !cli_outfile_rewind(out) && !out->error)
        out->error = errno ? errno : EIO;
    cli_outfile_write(out, header.data, header.size); // blanks follow
    cli_bytes_free(&header);
    return !out->error;
}

void cli_tensors_free(cli_tensors *tensors)
{
    cli_bytes_free(&tensors->metadata);
    cli_bytes_free(&tensors->entries);
}

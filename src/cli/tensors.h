// tensors.h - tensors of floats into a safetensors file, one after another.
//
// The header stands first in such a file and says where everything is, so room is left
// for it, and it is written last.
#ifndef CLI_TENSORS_H
#define CLI_TENSORS_H

#include "base/outfile.h"
#include "base/text.h"

typedef struct cli_tensors {
    vb_outfile *out;
    uint64_t room;      // bytes of the header
    uint64_t written;   // bytes of tensors
    vb_string metadata; // "key":"value", ...
    vb_string entries;  // "name":{...}, ...
} cli_tensors;

// Room for a header of `count` tensors with `metadata_bytes` of metadata as
// cli_tensors_note writes it. `out` is open, empty, and must be a file that can be sought.
vblip_status cli_tensors_begin(cli_tensors *tensors, vb_outfile *out, uint64_t count,
                               uint64_t metadata_bytes, vblip_error *err);

// Adds to the metadata. Keys are distinct and hold no quotes.
void cli_tensors_note(cli_tensors *tensors, const char *key, const char *value,
                      size_t size);

// Writes a tensor [rows, cols], or [cols] when rows is 0. Names are numbers. False once
// anything failed; out->error says why.
bool cli_tensors_add(cli_tensors *tensors, uint64_t name, const float *values,
                     uint32_t rows, uint32_t cols);

// Writes the header.
bool cli_tensors_end(cli_tensors *tensors);
void cli_tensors_free(cli_tensors *tensors);

#endif // CLI_TENSORS_H

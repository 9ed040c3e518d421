// tensor_file.h - tensors of floats into a safetensors file, one after another.
//
// The header stands first in such a file and says where everything is, so room is left
// for it, and it is written last.
#ifndef VB_OUTPUT_TENSOR_FILE_H
#define VB_OUTPUT_TENSOR_FILE_H

#include "base/outfile.h"
#include "base/text.h"

typedef struct vb_tensor_file {
    vb_outfile *out;
    uint64_t room;      // bytes of the header
    uint64_t written;   // bytes of tensors
    vb_string metadata; // "key":"value", ...
    vb_string entries;  // "name":{...}, ...
} vb_tensor_file;

// Room for a header of `count` tensors with `metadata_bytes` of metadata as
// vb_tensor_file_note writes it. `out` is open, empty, and must be a file that can be sought.
VB_CHECKED vblip_status vb_tensor_file_begin(vb_tensor_file *tensors, vb_outfile *out,
                                             uint64_t count, uint64_t metadata_bytes,
                                             vblip_error *err);

// Adds to the metadata. Keys are distinct and hold no quotes.
void vb_tensor_file_note(vb_tensor_file *tensors, const char *key, const char *value,
                         size_t size);

// Writes a tensor [rows, cols], or [cols] when rows is 0. Names are distinct, of letters,
// digits, '_' and '.', and have at most 32 bytes. False once anything failed; out->error
// says why.
bool vb_tensor_file_add(vb_tensor_file *tensors, const char *name, const float *values,
                        uint32_t rows, uint32_t cols);

// Writes the header.
bool vb_tensor_file_end(vb_tensor_file *tensors);
void vb_tensor_file_free(vb_tensor_file *tensors);

#endif // VB_OUTPUT_TENSOR_FILE_H

// tensor_file.h - a safetensors file of a test, read whole, and its tensors' bytes.
#ifndef SUPPORT_TENSOR_FILE_H
#define SUPPORT_TENSOR_FILE_H

#include "base/file.h"
#include "formats/safetensors.h"

typedef struct tensor_file {
    char *bytes;
    vb_file file;
    vb_arena arena;
    vb_safetensors tensors;
} tensor_file;

// Not to be moved while it is open; close it in either case.
VB_CHECKED vblip_status tensor_file_open(tensor_file *out, const char *path,
                                         vblip_error *err);
void tensor_file_close(tensor_file *file);

// Where the data of a tensor lies; its file is one in memory.
static inline const uint8_t *tensor_bytes(const vb_weight *tensor)
{
    return tensor->file->bytes + tensor->at;
}

#endif // SUPPORT_TENSOR_FILE_H

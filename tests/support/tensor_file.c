#include "support/tensor_file.h"

#include <stdlib.h>

vblip_status tensor_file_open(tensor_file *out, const char *path, vblip_error *err)
{
    enum { MAX_FILE = 256 << 20 };
    size_t size;
    *out = (tensor_file){0};
    VB_TRY(vb_file_read(&out->bytes, &size, path, MAX_FILE, err));
    out->file = vb_file_in_memory(out->bytes, size);
    return vb_safetensors_parse(&out->tensors, &out->arena, &out->file, err);
}

void tensor_file_close(tensor_file *file)
{
    vb_arena_free(&file->arena);
    free(file->bytes);
    *file = (tensor_file){0};
}

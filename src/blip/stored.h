// stored.h - the weights of a checkpoint: its files, mapped, as one list of tensors.
#ifndef VB_BLIP_STORED_H
#define VB_BLIP_STORED_H

#include "base/file.h"
#include "blip/names.h"

typedef struct vb_stored {
    vb_weight_list list;      // under Hugging Face's names
    vb_naming naming;         // what the files call them
    const char *layout;       // as in vblip_model_info
    const char *path;         // the file that says which tensors there are
    const char *const *files; // that hold them; NULL-terminated
    uint64_t bytes;           // of all of these
    bool torch;               // they are torch archives, not safetensors
    vb_mapping *mappings;     // one per file
    size_t count;
} vb_stored;

// Maps the weights of a Hugging Face folder, the first found of model.safetensors, its
// shards, pytorch_model.bin and its shards; or one file, whose name says its format.
// Strings and lists are in `arena`. Close it in either case.
VB_CHECKED vblip_status vb_stored_open_folder(vb_stored *out, vb_arena *arena,
                                              const char *folder, vblip_error *err);
VB_CHECKED vblip_status vb_stored_open_file(vb_stored *out, vb_arena *arena,
                                            const char *path, vblip_error *err);
void vb_stored_close(vb_stored *stored);

// Whether a file of that name can be opened.
bool vb_stored_reads(const char *path);

// The file that a tensor of the list lies in.
const char *vb_stored_file(const vb_stored *stored, const vb_weight *weight);

// Gives back the memory that reading a tensor took. It can still be read.
void vb_stored_release(const vb_stored *stored, const vb_weight *weight);

#endif // VB_BLIP_STORED_H

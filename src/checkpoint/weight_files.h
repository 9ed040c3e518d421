// weight_files.h - the weights of a checkpoint: its files, open, as one list of tensors.
#ifndef VB_CHECKPOINT_WEIGHT_FILES_H
#define VB_CHECKPOINT_WEIGHT_FILES_H

#include "base/file.h"
#include "checkpoint/names.h"

typedef struct vb_weight_files {
    vb_weight_list list; // under Hugging Face's names
    vb_naming naming;    // what the files call them
    const char *prefix;  // of all names in the files, "module." and the like; or ""
    const char *layout;  // as in vblip_model_info
    const char *path;    // the file that says which tensors there are
    const char *const *files; // that hold them; NULL-terminated
    uint64_t bytes;           // all files together
    bool torch;               // they are torch archives, not safetensors
    bool seeded;              // there are no files: seeded.h
    vb_file *opened;          // one per file
    size_t count;
    bool *checked;                // per tensor of the list: its checksum was right
    struct vb_unpacked *unpacked; // tensors with strides that were read last
} vb_weight_files;

// Opens the weights of a Hugging Face folder, the first found of model.safetensors, its
// shards, pytorch_model.bin and its shards; or one file, whose name says its format.
// Strings and lists are in `arena`. Close it in either case.
VB_CHECKED vblip_status vb_weight_files_open_folder(vb_weight_files *out,
                                                    vb_arena *arena, const char *folder,
                                                    vblip_error *err);
VB_CHECKED vblip_status vb_weight_files_open_file(vb_weight_files *out, vb_arena *arena,
                                                  const char *path, vblip_error *err);
void vb_weight_files_close(vb_weight_files *weights);

// What a tensor with the Hugging Face name `hf` is called in the files, cut to `size`.
void vb_weight_files_name(const vb_weight_files *weights, char *out, size_t size,
                          const char *hf);

// Whether a file of that name can be opened: one without an ending can, too.
bool vb_weight_files_reads(const char *path);

// The file that a tensor of the list lies in.
const char *vb_weight_files_of(const vb_weight_files *weights, const vb_weight *weight);

// What the first read of a tensor does once: after it, until three other tensors are asked
// for, several threads may read this one at once.
VB_CHECKED vblip_status vb_weight_files_prepare(const vb_weight_files *weights,
                                                const vb_weight *weight,
                                                vblip_error *err);

// Copies `size` bytes from byte `at` of a tensor of the list. A file that is not as it was
// when it was opened is VBLIP_ERR_IO. The first read of what an archive keeps in one entry
// reads the entry whole: one whose CRC-32 is wrong is VBLIP_ERR_FORMAT.
VB_CHECKED vblip_status vb_weight_files_read(const vb_weight_files *weights,
                                             const vb_weight *weight, void *out,
                                             size_t at, size_t size, vblip_error *err);

#endif // VB_CHECKPOINT_WEIGHT_FILES_H

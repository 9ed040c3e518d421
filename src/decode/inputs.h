// inputs.h - the files that a list of paths stands for (cli.md 1: Directories, Rows).
#ifndef VB_DECODE_INPUTS_H
#define VB_DECODE_INPUTS_H

#include "base/arena.h"
#include "base/error.h"

// A directory among the paths, and what it stands for.
typedef struct vb_inputs_folder {
    const char *path;      // as typed, without '/' at its end; "" is the root
    uint32_t first, count; // of the items
} vb_inputs_folder;

// All-zero is an empty list. Everything in it lives in `arena`.
typedef struct vb_inputs {
    vb_arena arena;
    vblip_input *items; // [count], in the order of the paths, directories expanded
    uint32_t count;
    vb_inputs_folder *folders; // [folder_count], in the order of the paths
    uint32_t folder_count;
    uint32_t
        skipped_count;   // files of directories that look like media, not in the list
    const char *skipped; // how many by extension: "heic 2, mxf 1"; never NULL
} vb_inputs;

// Expands `paths`. A path that cannot be looked at, or a directory that holds nothing of
// use, is an item with an error, not a failure of the call. "-" stands for itself.
// `options` may be NULL; its globs see only files found in directories, by their name
// relative to the directory, and '*' matches '/' too. A shard goes by the same name, or by
// that of a file as typed; what cannot be looked at is in every shard.
VB_CHECKED vblip_status vb_inputs_expand(vb_inputs *out, const char *const *paths,
                                         uint32_t count,
                                         const vblip_inputs_options *options,
                                         vblip_error *err);
void vb_inputs_free(vb_inputs *inputs);

// Whether globs take `name`: one at least of `include`, and none of `exclude`, each up to a
// NULL, and NULL for no globs. '*' matches '/' too.
bool vb_globs_take(const char *const *include, const char *const *exclude,
                   const char *name);

// Whether a file of that name is in shard `shard` of `shards`, from 1; 0 shards are all: by
// XXH3 of the name, modulo `shards`.
bool vb_shard_takes(uint32_t shard, uint32_t shards, const char *name);

// Leaves out the items of which `keep` is false; those behind move up.
void vb_inputs_keep(vb_inputs *inputs, const bool *keep);

// The extensions by which files are taken for videos and images, videos first; ends with
// NULL. A name has one whatever its case.
extern const char *const vb_media_extensions[];
bool vb_has_media_extension(const char *name);

#endif // VB_DECODE_INPUTS_H

// shards.h - a checkpoint in several files: the index that says which tensor is where.
#ifndef VB_FORMATS_SHARDS_H
#define VB_FORMATS_SHARDS_H

#include "base/arena.h"
#include "base/error.h"
#include "formats/weight.h"

enum { VB_MAX_SHARDS = 1024 };

typedef struct vb_shard_entry {
    const char *tensor;
    size_t file; // in vb_shards.files
} vb_shard_entry;

typedef struct vb_shards {
    const char *const *files; // sorted, each once: names in the folder of the index
    size_t file_count;
    const vb_shard_entry *entries; // sorted by tensor
    size_t count;
} vb_shards;

// Parses the bytes of an index.json, whose weight_map names files that end in `ending`.
// Every name is one of the folder: with a slash, a leading dot, or characters that no
// shard has, it is VBLIP_ERR_FORMAT. `subject` names the index in messages.
VB_CHECKED vblip_status vb_shards_parse(vb_shards *out, vb_arena *arena,
                                        const char *json, size_t size,
                                        const char *ending, const char *subject,
                                        vblip_error *err);

// One list of the tensors of `lists`, one per file. Each file must hold the tensors that
// the index says it holds, and no other.
VB_CHECKED vblip_status vb_shards_join(vb_weight_list *out, vb_arena *arena,
                                       const vb_shards *shards,
                                       const vb_weight_list *lists, const char *subject,
                                       vblip_error *err);

#endif // VB_FORMATS_SHARDS_H

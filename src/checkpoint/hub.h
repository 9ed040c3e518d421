// hub.h - Hugging Face hub names, looked up in the cache on this machine.
#ifndef VB_CHECKPOINT_HUB_H
#define VB_CHECKPOINT_HUB_H

#include "base/arena.h"
#include "base/error.h"

// Whether `name` could be one: ORG/NAME, of letters, digits and ". _ -".
bool vb_hub_is_name(const char *name);

// The snapshot folder of `name` in the cache `hub_dir` (NULL = there is none):
// models--ORG--NAME/refs/main names the snapshot, or there is but one. No network.
VB_CHECKED vblip_status vb_hub_find(char **out, vb_arena *arena, const char *hub_dir,
                                    const char *name, vblip_error *err);

// The same of `folder`, where it is what a cache keeps of a model: models--ORG--NAME,
// with snapshots in it. *out = NULL of any other folder.
VB_CHECKED vblip_status vb_hub_snapshot(char **out, vb_arena *arena, const char *folder,
                                        vblip_error *err);

#endif // VB_CHECKPOINT_HUB_H

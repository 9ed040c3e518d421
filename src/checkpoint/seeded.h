// seeded.h - a BLIP of a released size whose weights are noise made on the spot: what is
// timed where no checkpoint is at hand. Its answers mean nothing.
#ifndef VB_CHECKPOINT_SEEDED_H
#define VB_CHECKPOINT_SEEDED_H

#include "checkpoint/config.h"
#include "checkpoint/weight_files.h"

// "base-384" is ViT-B/16 at 384 pixels; NULL-terminated.
extern const char *const vb_seeded_sizes[];

// What a checkpoint of that size for `task`, one of enum vblip_task, says of itself; false
// when there is no such size.
bool vb_seeded_config(vb_config *out, const char *size, uint32_t task);

// Its tensors, of VB_F32. Lists are in `arena`.
VB_CHECKED vblip_status vb_seeded_weights(vb_weight_files *out, vb_arena *arena,
                                          const vb_config *config, uint32_t task,
                                          vblip_error *err);

// `size` bytes from byte `at` of one of them: LayerNorm's gains 1, its biases 0, all else
// uniform with a deviation of 0.02, as BLIP begins to be trained; so activations stay near
// 1. Both are multiples of 4.
void vb_seeded_read(const vb_weight *weight, void *out, size_t at, size_t size);

#endif // VB_CHECKPOINT_SEEDED_H

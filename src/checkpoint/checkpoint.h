// checkpoint.h - a BLIP checkpoint on the host: found, listed, and checked in full.
//
// What is done to one, in this order, and where:
//   locate        what the user named: folder, file, model set, or a hub name (hub)
//   weight_files  the tensors of its files, as one list under Hugging Face's names; names
//                 is the table that the original's names go through
//   config        the numbers in config.json, and in processor_config.json or
//                 preprocessor_config.json; or infer: the same from the shapes of the
//                 tensors
//   layout        which towers and heads the tensors make, and so which tasks it is for
//   verify        every tensor held against schema: the shapes of tensors, the list of
//                 all there can be
//   tokenizer_files  words, added tokens and normalisation of its tokenizer
#ifndef VB_CHECKPOINT_CHECKPOINT_H
#define VB_CHECKPOINT_CHECKPOINT_H

#include "base/arena.h"
#include "base/vocabulary.h"
#include "checkpoint/config.h"
#include "formats/weight.h"
#include "vblip_lab.h"

// Opens the checkpoint that `options` names and checks every tensor that its tasks need:
// present, shaped and typed as the config says. No weight is read: that is for
// vb_checkpoint_read, until close.
//
// The tensors decide which tasks a checkpoint is for (layout.h). options->tasks are what
// is asked of it: a task it is not for, or for which a tensor is missing or wrong, is a
// failure; with 0 every task it is for must be whole. Of a model set, the first member
// that is for all that is asked is opened, the one named after the task before others.
typedef struct vb_checkpoint vb_checkpoint;

VB_CHECKED vblip_status vb_checkpoint_open(vb_checkpoint **out,
                                           const vblip_model_options *options,
                                           vblip_error *err);

// The same, for a checkpoint without a config.json whose heads are `head_width` wide:
// those that tests make. All that was ever released has 64, and vb_checkpoint_open takes
// no other.
VB_CHECKED vblip_status vb_checkpoint_open_heads(vb_checkpoint **out,
                                                 const vblip_model_options *options,
                                                 uint32_t head_width, vblip_error *err);

// One of a size of seeded.h, for `task`, one of enum vblip_task; `vocab` is a vocab.txt.
// VBLIP_ERR_ARGUMENT when there is no such size.
VB_CHECKED vblip_status vb_checkpoint_make_seeded(vb_checkpoint **out, const char *size,
                                                  uint32_t task, const char *vocab,
                                                  vblip_error *err);
void vb_checkpoint_close(vb_checkpoint **checkpoint);

// The folder that it is, or that its file is in.
const char *vb_checkpoint_folder(const vb_checkpoint *checkpoint);

// The folder of the model set that it was opened as a member of; NULL = of none.
const char *vb_checkpoint_set(const vb_checkpoint *checkpoint);

// A text tower that no whole task needs has 0 layers.
const vb_config *vb_checkpoint_config(const vb_checkpoint *checkpoint);

// `tasks` are those whose tensors are all there and right.
const vblip_model_info *vb_checkpoint_info(const vb_checkpoint *checkpoint);

// What tokenizer_files.h reads with options->vocab and options->default_vocab.
const vb_vocabulary *vb_checkpoint_vocabulary(const vb_checkpoint *checkpoint);

// The tokenizer alone of the checkpoint that `options` names, of a model set its first
// member: no weights are looked at. Strings and lists are in `arena`.
VB_CHECKED vblip_status vb_checkpoint_tokenizer(vb_vocabulary *out, vb_arena *arena,
                                                const vblip_model_options *options,
                                                vblip_error *err);

// The id that config.json says texts begin with; -1 = it does not say.
int32_t vb_checkpoint_bos(const vb_checkpoint *checkpoint);

// Whether the vocabulary is the one that the model was trained with (blip-spec 9 row 19):
// it has as many tokens as the word embedding has rows, and its ids of [DEC] (-1 = it has
// none) and [SEP] are those that config.json states, if it does.
VB_CHECKED vblip_status vb_checkpoint_check_vocabulary(const vb_checkpoint *checkpoint,
                                                       uint32_t size, int32_t dec,
                                                       int32_t sep, vblip_error *err);

// The tensor with the Hugging Face name `name` (blip-spec 7.2); NULL when the checkpoint
// has none. The vision position embedding is as stored, [1, G*G + 1, Dv], whatever
// image_size is.
const vb_weight *vb_checkpoint_find(const vb_checkpoint *checkpoint, const char *name);

// All of them.
const vb_weight_list *vb_checkpoint_weights(const vb_checkpoint *checkpoint);

// A hash of what ITC vectors of clips depend on, but for the image size: the tensors of
// the ViT and its projection as they are stored, and numbers of the config. They are read.
VB_CHECKED vblip_status vb_checkpoint_vision_hash(uint64_t *out,
                                                  const vb_checkpoint *checkpoint,
                                                  vblip_error *err);

// The same of what ITM logits depend on.
VB_CHECKED vblip_status vb_checkpoint_match_hash(uint64_t *out,
                                                 const vb_checkpoint *checkpoint,
                                                 vblip_error *err);

// By what the weights are known again, for caches of what is made of them: `place` is where
// they are, `content` changes when a file is replaced or written to. Both are 0 where there
// are no files, or where they are cannot be told.
void vb_checkpoint_origin(uint64_t *place, uint64_t *content,
                          const vb_checkpoint *checkpoint);

// What the first read of a tensor does once: after it, until three other tensors are asked
// for, several threads may read this one at once.
VB_CHECKED vblip_status vb_checkpoint_prepare(const vb_checkpoint *checkpoint,
                                              const vb_weight *weight,
                                              vblip_error *err);

// Copies `size` bytes from byte `at` of a tensor that vb_checkpoint_find gave. A file that
// is not as it was when it was opened is VBLIP_ERR_IO; of an archive, a tensor in an entry
// whose checksum is wrong is VBLIP_ERR_FORMAT.
VB_CHECKED vblip_status vb_checkpoint_read(const vb_checkpoint *checkpoint,
                                           const vb_weight *weight, void *out,
                                           size_t at, size_t size, vblip_error *err);

// Calls `fn` for the checkpoint, or for each member of a model set: `tasks` are those it
// is for, `missing` what they lack. A tensor of a wrong shape or type is a failure.
VB_CHECKED vblip_status vb_checkpoint_inspect(const vblip_model_options *options,
                                              vblip_model_info_fn fn, void *user,
                                              vblip_error *err);

#endif // VB_CHECKPOINT_CHECKPOINT_H

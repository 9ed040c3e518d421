// torch_file.h - the tensors of an archive that torch.save wrote.
#ifndef VB_FORMATS_TORCH_FILE_H
#define VB_FORMATS_TORCH_FILE_H

#include "base/arena.h"
#include "base/file.h"
#include "formats/weight.h"

// Lists the tensors of `archive`, which must outlive the list; names and list are in `arena`. Where the pickled object is a dict whose key "model", "state_dict",
// "model_state_dict" or "module" holds a dict, as training code writes it, its tensors are
// listed and what lies beside it (optimizer, config, epoch) is passed over; else the object
// is itself the dict of tensors, as in pytorch_model.bin. Several tensors may share bytes.
// No data of tensors is read: its checksum is for whoever reads it.
//
// Nothing is executed: objects of classes that do not describe tensors are placeholders.
// One that has a tensor's name is listed as unreadable, as is a tensor of a type that no
// weight has. Compressed, big-endian, pre-1.6 and TorchScript files are
// VBLIP_ERR_UNSUPPORTED; all else is VBLIP_ERR_FORMAT.
VB_CHECKED vblip_status vb_torch_parse(vb_weight_list *out, vb_arena *arena,
                                       const vb_file *archive, vblip_error *err);

#endif // VB_FORMATS_TORCH_FILE_H

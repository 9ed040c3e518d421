// objects.h - what the handles of vblip.h are made of, and how calls are checked.
#ifndef VB_API_OBJECTS_H
#define VB_API_OBJECTS_H

#include "base/error.h"
#include "blip/model.h"
#include "checkpoint/checkpoint.h"
#include "compute/device.h"
#include "decode/inputs.h"

struct vblip_engine {
    vb_device *device;
};

struct vblip_model {
    vb_checkpoint *checkpoint; // stays open for vblip_model_describe
    vb_model *model;
    uint32_t tasks; // enum vblip_task: what it was loaded for
};

struct vblip_inputs {
    vb_inputs list;
};

// A caller's mistake unless `given`.
VB_CHECKED static inline vblip_status vb_need(bool given, const char *what,
                                              vblip_error *err)
{
    return given ? VBLIP_OK : vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: missing", what);
}

// Refuses a job on `model` that it was not loaded for, or that no clip can serve.
VB_CHECKED vblip_status vb_check_task(const vblip_model *model, uint32_t task,
                                      const vblip_job *job, vblip_error *err);

// `what` names the texts in messages. The last of them should not fail after an hour.
VB_CHECKED vblip_status vb_check_texts(const char *const *texts, uint32_t count,
                                       const char *what, vblip_error *err);
VB_CHECKED vblip_status vb_check_caption_options(const vblip_caption_options *options,
                                                 vblip_error *err);

#endif // VB_API_OBJECTS_H

// jobs.h - what a job asks for, done: models that stay loaded, clips that stay encoded, and
// the rows that the command line gives for the same question.
#ifndef VB_SERVE_JOBS_H
#define VB_SERVE_JOBS_H

#include "base/text.h"
#include "serve/clip_cache.h"
#include "serve/request.h"
#include "vblip_lab.h"

typedef struct vb_jobs_options {
    vblip_engine *engine;
    vblip_model_options model_options; // how models are loaded
    uint32_t tasks;                    // enum vblip_task: what there are models for
    const char *data_dir;              // of indexes; NULL = none
    uint32_t frames;                   // where a job says none; 0 = the defaults
    // What is searched where a job names nothing: files and directories below, or without
    // any all of an index.
    const char *const *paths;
    uint32_t path_count;
    const char *const *include, *const *exclude; // globs, up to a NULL; NULL = none
    const char *index, *segment;                 // as in vblip_library_options
    void (*note)(void *user, const char *line);  // what there is to say beside rows
    void *user;
} vb_jobs_options;

enum { VB_JOB_MODELS = 5 };

// All-zero but for the options has loaded nothing yet.
typedef struct vb_jobs {
    const vb_jobs_options *options;
    vblip_model *models[VB_JOB_MODELS];
    vb_clip_cache clips;
    bool told; // that a calibration is not used
} vb_jobs;

// Appends the rows to `rows`, objects of JSON parted by commas, those of failed inputs among
// them; on failure what there was before it. A job all of whose inputs failed has failed.
VB_CHECKED vblip_status vb_jobs_do(vb_jobs *jobs, vb_request_kind kind,
                                   const vb_request *request, vb_string *rows,
                                   vblip_error *err);
void vb_jobs_free(vb_jobs *jobs);

#endif // VB_SERVE_JOBS_H

#include "video_tasks/query_vectors.h"

#include "video_tasks/encoded.h"
#include "video_tasks/job.h"

#include <math.h>
#include <stdlib.h>

static const float LEAST_LENGTH = 1e-3f; // of a sum, which noise would point elsewhere

// Adds the vector of an example, as it weighs.
static vblip_status add_example(float *sum, const vb_task *task, const vblip_job *job,
                                const vblip_example *example, vb_visual *visual,
                                float *vector, vblip_error *err)
{
    const vblip_input input = {.path = example->path};
    vb_task alone = *task;
    vblip_job quiet = *job;
    vb_encoded encoded;
    quiet.progress = NULL;
    alone.inputs = &input;
    alone.input_count = 1;
    alone.start_us = example->start_us;
    alone.end_us = example->end_us;
    alone.encoded = NULL;
    vblip_error why = {0};
    if (vb_encode_first(&encoded, &alone, &quiet, visual, vector, &why) != VBLIP_OK)
        return vb_fail(err, why.status, "%s: %s", example->path,
                       vb_without_path(why.message, example->path));
    for (uint32_t i = 0; i < task->ops->projection; i++)
        sum[i] += example->weight * vector[i];
    return VBLIP_OK;
}

static vblip_status sum_examples(float *sum, const vb_task *task, const vblip_job *job,
                                 const vblip_example *examples, uint32_t count,
                                 vblip_error *err)
{
    const vb_model_ops *ops = task->ops;
    vb_visual *visual = NULL;
    float *vector = calloc(ops->projection, sizeof *vector);
    if (!vector)
        return vb_fail_memory(err, "examples");
    vblip_status status = ops->visual_make(&visual, ops->model, err);
    for (uint32_t i = 0; i < count && status == VBLIP_OK; i++)
        status = add_example(sum, task, job, &examples[i], visual, vector, err);
    ops->visual_free(&visual);
    free(vector);
    return status;
}

// Adds `sum` to a vector, which has length one then.
static vblip_status add_and_scale(float *vector, const float *sum, uint32_t width,
                                  vblip_error *err)
{
    double squares = 0;
    for (uint32_t i = 0; i < width; i++) {
        vector[i] += sum[i];
        squares += (double)vector[i] * (double)vector[i];
    }
    const float length = (float)sqrt(squares);
    if (!(length >= LEAST_LENGTH))
        return vb_fail(
            err, VBLIP_ERR_ARGUMENT,
            "examples: what hits are to be unlike leaves nothing to be like");
    for (uint32_t i = 0; i < width; i++)
        vector[i] /= length;
    return VBLIP_OK;
}

vblip_status vb_query_vectors(float *out, const vb_task *task, const vblip_job *job,
                              const char *const *texts, uint32_t count,
                              const vblip_example *examples, uint32_t example_count,
                              vblip_error *err)
{
    const vb_model_ops *ops = task->ops;
    const uint32_t width = ops->projection;
    if (count)
        VB_TRY(ops->text_itc(ops->model, texts, count, out, err));
    if (!example_count)
        return VBLIP_OK;
    float *sum = calloc(width, sizeof *sum);
    if (!sum)
        return vb_fail_memory(err, "examples");
    vblip_status status = sum_examples(sum, task, job, examples, example_count, err);
    for (uint32_t q = 0; status == VBLIP_OK && q < (count ? count : 1); q++)
        status = add_and_scale(out + (size_t)q * width, sum, width, err);
    free(sum);
    return status;
}

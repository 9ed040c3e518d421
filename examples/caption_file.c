// caption_file.c - describes a video or image, one line for each second.
//
//     caption_file MODEL FILE
//     caption_file models/demo examples/clips/clip-01.mp4
#include "vblip.h"

#include <stdio.h>

static int on_caption(void *user, const vblip_caption *caption)
{
    (void)user;
    if (caption->timed) // an image has no times
        printf("%8.3f  ", (double)caption->start_us / 1e6);
    printf("%s\n", caption->text);
    return 0; // anything else would stop the job
}

static int on_failure(void *user, const vblip_failure *failure)
{
    bool *failed = user;
    *failed = true;
    fprintf(stderr, "%s: %s\n", failure->path, failure->message);
    return 0;
}

int main(int argc, char **argv)
{
    vblip_engine *engine = NULL;
    vblip_model *model = NULL;
    vblip_inputs *inputs = NULL;
    vblip_error err = {VBLIP_OK, ""};
    bool failed = false;

    if (argc != 3) {
        fprintf(stderr, "usage: caption_file MODEL FILE\n");
        return 2;
    }
    const char *const paths[] = {argv[2]};
    const vblip_model_options from = {.path = argv[1], .tasks = VBLIP_TASK_CAPTION};
    const vblip_job job = {.failed = on_failure, .user = &failed};
    const vblip_caption_options how = {.job = &job, .every_us = 1000000};

    // The first call that fails ends the chain and leaves its reason in `err`.
    vblip_status status = vblip_engine_open(&engine, NULL, &err);
    if (status == VBLIP_OK)
        status = vblip_model_load(&model, engine, &from, &err);
    if (status == VBLIP_OK)
        status = vblip_inputs_open(&inputs, paths, 1, NULL, &err);
    if (status == VBLIP_OK)
        status = vblip_caption_inputs(model, inputs, &how, on_caption, NULL, &err);
    if (status != VBLIP_OK)
        fprintf(stderr, "%s\n", err.message);

    vblip_inputs_close(&inputs);
    vblip_model_free(&model);
    vblip_engine_close(&engine);
    return status == VBLIP_OK && !failed ? 0 : 1;
}

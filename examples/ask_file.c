// ask_file.c - answers questions about a video or image.
//
//     ask_file MODEL FILE QUESTION...
//     ask_file models/demo examples/clips/clip-01.mp4 "what is in the picture?"
#include "vblip.h"

#include <stdio.h>

static int on_answer(void *user, const vblip_answer *answer)
{
    char **questions = user;
    printf("%s  %s\n", questions[answer->question], answer->text);
    return 0;
}

static int on_failure(void *user, const vblip_failure *failure)
{
    (void)user;
    fprintf(stderr, "%s: %s\n", failure->path, failure->message);
    return 1; // stops: there is only this file
}

int main(int argc, char **argv)
{
    vblip_engine *engine = NULL;
    vblip_model *model = NULL;
    vblip_inputs *inputs = NULL;
    vblip_error err = {VBLIP_OK, ""};

    if (argc < 4) {
        fprintf(stderr, "usage: ask_file MODEL FILE QUESTION...\n");
        return 2;
    }
    char **questions = argv + 3;
    const uint32_t count = (uint32_t)(argc - 3);
    const char *const paths[] = {argv[2]};
    const vblip_model_options from = {.path = argv[1], .tasks = VBLIP_TASK_VQA};
    const vblip_ask_options how = {.job = {.failed = on_failure}};

    // The first call that fails ends the chain and leaves its reason in `err`.
    vblip_status status = vblip_engine_open(&engine, NULL, &err);
    if (status == VBLIP_OK)
        status = vblip_model_load(&model, engine, &from, &err);
    if (status == VBLIP_OK)
        status = vblip_inputs_open(&inputs, paths, 1, NULL, &err);
    if (status == VBLIP_OK)
        status = vblip_ask(model, inputs, (const char *const *)questions, count, &how,
                           on_answer, questions, &err);
    if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED)
        fprintf(stderr, "%s\n", err.message);

    vblip_inputs_close(&inputs);
    vblip_model_free(&model);
    vblip_engine_close(&engine);
    return status == VBLIP_OK ? 0 : 1;
}

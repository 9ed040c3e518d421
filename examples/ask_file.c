// ask_file.c - asks several things about one video or image, whose frames are decoded and
// encoded once.
//
//     ask_file MODEL FILE QUESTION...
//     ask_file models/demo examples/clips/clip-02.mp4 "what is to the left of the watermelon?"
#include "vblip.h"

#include <inttypes.h>
#include <stdio.h>

static int on_answer(void *user, const vblip_answer *answer)
{
    printf("%s  %s\n", (const char *)user, answer->text);
    return 0;
}

int main(int argc, char **argv)
{
    vblip_engine *engine = NULL;
    vblip_model *model = NULL;
    vblip_clip *clip = NULL;
    vblip_error err = {VBLIP_OK, ""};

    if (argc < 4) {
        fprintf(stderr, "usage: ask_file MODEL FILE QUESTION...\n");
        return 2;
    }
    const vblip_model_options from = {.path = argv[1], .tasks = VBLIP_TASK_VQA};
    const vblip_clip_options how = {.frames = 16};

    // The first call that fails ends the chain and leaves its reason in `err`.
    vblip_status status = vblip_engine_open(&engine, NULL, &err);
    if (status == VBLIP_OK)
        status = vblip_model_load(&model, engine, &from, &err);
    if (status == VBLIP_OK)
        status = vblip_clip_open(&clip, model, argv[2], &how, &err);
    for (int i = 3; i < argc && status == VBLIP_OK; i++) {
        const char *const question = argv[i];
        status = vblip_clip_ask(clip, &question, 1, NULL, on_answer, argv[i], &err);
    }
    if (status == VBLIP_OK) {
        const vblip_counts done = vblip_model_counts(model);
        printf("%" PRIu64 " frames decoded, %" PRIu64 " encoded\n", done.frames_decoded,
               done.frames_encoded);
    } else {
        fprintf(stderr, "%s\n", err.message);
    }

    vblip_clip_close(&clip);
    vblip_model_free(&model);
    vblip_engine_close(&engine);
    return status == VBLIP_OK ? 0 : 1;
}

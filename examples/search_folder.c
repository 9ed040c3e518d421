// search_folder.c - the five files under some folders that match a text best.
//
//     search_folder MODEL TEXT FOLDER...
//     search_folder models/demo "a dog" examples/clips
#include "vblip.h"

#include <stdio.h>

static int on_hit(void *user, const vblip_hit *hit)
{
    (void)user;
    printf("%u  P(match) %.2f  %s\n", hit->rank, (double)hit->p_match, hit->path);
    return 0;
}

// One bad file among good ones is named, and the search goes on.
static int on_failure(void *user, const vblip_failure *failure)
{
    (void)user;
    fprintf(stderr, "%s: %s\n", failure->path, failure->message);
    return 0;
}

int main(int argc, char **argv)
{
    vblip_engine *engine = NULL;
    vblip_model *model = NULL;
    vblip_inputs *inputs = NULL;
    vblip_error err = {VBLIP_OK, ""};

    if (argc < 4) {
        fprintf(stderr, "usage: search_folder MODEL TEXT FOLDER...\n");
        return 2;
    }
    const char *const queries[] = {argv[2]};
    const char *const *folders = (const char *const *)argv + 3;
    const uint32_t count = (uint32_t)(argc - 3);
    const vblip_model_options from = {.path = argv[1], .tasks = VBLIP_TASK_RETRIEVAL};
    const vblip_job job = {.failed = on_failure};
    const vblip_retrieve_options how = {.job = &job, .top = 5};

    // The first call that fails ends the chain and leaves its reason in `err`.
    vblip_status status = vblip_engine_open(&engine, NULL, &err);
    if (status == VBLIP_OK)
        status = vblip_model_load(&model, engine, &from, &err);
    if (status == VBLIP_OK)
        status = vblip_inputs_open(&inputs, folders, count, NULL, &err);
    if (status == VBLIP_OK)
        status = vblip_retrieve(model, inputs, queries, 1, &how, on_hit, NULL, &err);
    if (status != VBLIP_OK)
        fprintf(stderr, "%s\n", err.message);

    vblip_inputs_close(&inputs);
    vblip_model_free(&model);
    vblip_engine_close(&engine);
    return status == VBLIP_OK ? 0 : 1;
}

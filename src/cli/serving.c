#include "cli/serving.h"

typedef struct found_models {
    uint32_t tasks;
    bool demo;
} found_models;

static int on_found_model(void *user, const vblip_model_info *info)
{
    found_models *found = user;
    found->tasks |= info->tasks;
    found->demo = found->demo || info->demo;
    return 0;
}

static void on_serving_note(void *session, const char *line)
{
    cli_session *s = session;
    vb_console_warn(&s->console, "%s", line);
}

vblip_status cli_serving_begin(vb_jobs_options *out, cli_session *s, vblip_error *err)
{
    found_models found = {0};
    const vblip_status opened = cli_engine_open(s, NULL, err);
    if (opened != VBLIP_OK && opened != VBLIP_ERR_ARGUMENT)
        err->status = VBLIP_ERR_DEVICE; // whatever was wrong with it: exit 5
    if (opened != VBLIP_OK)
        return err->status;
    *out = (vb_jobs_options){
        .engine = s->engine,
        .model_options = cli_model_options(s, 0),
        .data_dir = s->env.data_dir,
        .note = on_serving_note,
        .user = s,
    };
    VB_TRY(vblip_model_inspect(&out->model_options, on_found_model, &found, err));
    out->tasks = found.tasks;
    if (found.demo)
        cli_say_demo(s, "Salesforce/blip-itm-base-coco");
    return VBLIP_OK;
}

#include "cli/serving.h"

#include "vblip_library.h"

#include <stdlib.h>
#include <string.h>

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
        .frames = s->args->frames,
        .note = on_serving_note,
        .user = s,
    };
    VB_TRY(vblip_model_inspect(&out->model_options, on_found_model, &found, err));
    out->tasks = found.tasks;
    if (found.demo)
        cli_say_demo(s, "Salesforce/blip-itm-base-coco");
    return VBLIP_OK;
}

bool cli_serving_write(void *session, const vb_string *line)
{
    cli_session *s = session;
    vb_string_append(&s->line, line->bytes, line->size);
    (void)cli_emit_line(s);
    return s->out.error != 0;
}

typedef struct found_index {
    char *path;
    uint32_t count;
} found_index;

static int on_found_index(void *user, const char *path)
{
    found_index *found = user;
    if (found->count++ == 0)
        found->path = strdup(path);
    return 0;
}

vblip_status cli_only_index(char **out, cli_session *s, vblip_error *err)
{
    const char *command = cli_command_name(s->args->command);
    found_index found = {0};
    vblip_status status = VBLIP_OK;
    *out = NULL;
    if (s->input_count || s->args->index)
        return VBLIP_OK;
    if (s->env.data_dir)
        status = vblip_index_each(s->env.data_dir, NULL, on_found_index, &found, err);
    if (status == VBLIP_OK && found.count == 0)
        status = cli_misuse(err, "%s: no index yet; name a directory of recordings",
                            command);
    else if (status == VBLIP_OK && found.count > 1)
        status = cli_misuse(
            err,
            "%s: %u indexes, expected one; name a directory, or --index FILE (vblip "
            "index --stats lists them)",
            command, (unsigned)found.count);
    else if (status == VBLIP_OK && !found.path)
        status = vb_fail_memory(err, command);
    if (status == VBLIP_OK)
        *out = found.path;
    else
        free(found.path);
    return status;
}

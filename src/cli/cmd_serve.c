// cmd_serve.c - a page to search an index in (cli.md 3).
#include "cli/cmd.h"
#include "cli/library.h"
#include "cli/serving.h"
#include "serve/serve.h"
#include "terminal/interrupt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_PORT = 8642 };
static const char own_address[] = "127.0.0.1";

static const char *address_of(const cli_session *s)
{
    return s->args->bind ? s->args->bind : own_address;
}

// Whether only programs of this machine reach it.
static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static const char *token_of(const cli_session *s)
{
    return s->args->token ? s->args->token : s->env.token;
}

static vblip_status check_token(const char *token, vblip_error *err)
{
    const size_t size = strlen(token);
    if (size < VB_LEAST_TOKEN || size > VB_MOST_TOKEN)
        return cli_misuse(err, "--token: %zu characters, expected %d to %d", size,
                          (int)VB_LEAST_TOKEN, (int)VB_MOST_TOKEN);
    for (; *token; token++)
        if (!strchr(
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~",
                *token))
            return cli_misuse(err, "--token: only letters, digits and - . _ ~ are "
                                   "allowed, for it stands in an address");
    return VBLIP_OK;
}

static vblip_status cmd_serve_check(cli_session *s, vblip_error *err)
{
    const char *token = token_of(s);
    if (token)
        VB_TRY(check_token(token, err));
    if (!token && !is_loopback(address_of(s)))
        return cli_misuse(err,
                          "--bind %.64s: others could search and read the recordings; "
                          "--token TOKEN lets in those who know it",
                          address_of(s));
    return VBLIP_OK;
}

// ----------------------------------------------------------------------------- serving

static int note_tasks(void *user, const vblip_model_info *info)
{
    *(uint32_t *)user |= info->tasks;
    return 0;
}

static void on_ready(void *session, const char *url)
{
    cli_session *s = session;
    vb_console_line(&s->console, url);
}

static void on_note(void *session, const char *line)
{
    cli_session *s = session;
    vb_console_warn(&s->console, "%s", line);
}

static vblip_status serve_index(cli_session *s, const char *index, vblip_error *err)
{
    const cli_args *a = s->args;
    const vblip_model_info *info = vblip_model_describe(s->model);
    uint32_t tasks = 0;
    vb_serve_options options = {
        .engine = s->engine,
        .model = s->model,
        .model_options = cli_model_options(s, 0),
        .demo = info->demo,
        .name = info->path,
        .device = s->device,
        .inputs = s->input_count ? s->inputs : NULL,
        .indexing = cli_library_options(s),
        .address = address_of(s),
        .loopback = is_loopback(address_of(s)),
        .port = a->port == CLI_NOT_GIVEN ? DEFAULT_PORT : (uint16_t)a->port,
        .token = token_of(s),
        .stopped = vb_interrupted,
        .ready = on_ready,
        .note = on_note,
        .user = s,
    };
    VB_TRY(vblip_model_inspect(&options.model_options, note_tasks, &tasks, err));
    options.matches = tasks & VBLIP_TASK_RETRIEVAL;
    options.asks = tasks & VBLIP_TASK_VQA;
    options.captions = tasks & VBLIP_TASK_CAPTION;
    if (index)
        options.indexing.index = index;
    return vb_serve(&options, err);
}

static vblip_status cmd_serve_run(cli_session *s, vblip_error *err)
{
    char *only;
    VB_TRY(cli_only_index(&only, s, err));
    const vblip_status status = serve_index(s, only, err);
    free(only);
    return status;
}

// To be stopped is how a server ends.
static cli_exit cmd_serve_finish(cli_session *s, cli_exit code)
{
    (void)s;
    return code == CLI_EXIT_INTERRUPTED ? CLI_EXIT_DONE : code;
}

cli_exit cli_cmd_serve(cli_session *s)
{
    const vblip_model_options options = cli_model_options(s, 0);
    vblip_error unread = {0}; // loading it says what is wrong
    uint32_t tasks = 0;
    const vblip_status status =
        vblip_model_inspect(&options, note_tasks, &tasks, &unread);
    const bool matches = status == VBLIP_OK && tasks & VBLIP_TASK_RETRIEVAL;
    const cli_task task = {
        .needs = matches ? VBLIP_TASK_RETRIEVAL : VBLIP_TASK_ITC,
        .weights = "Salesforce/blip-itm-base-coco",
        .own_output = true,
        .check = cmd_serve_check,
        .run = cmd_serve_run,
        .finish = cmd_serve_finish,
    };
    return cli_session_run(s, &task);
}

// main.c - the table of commands, and the exit status of the one that runs.
#include "cli/cmd.h"
#include "cli/help.h"
#include "cli/parse.h"
#include "terminal/interrupt.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static cli_exit (*const commands[CLI_COMMAND_COUNT])(cli_session *) = {
    [CLI_RETRIEVE] = cli_cmd_retrieve, [CLI_QA] = cli_cmd_qa,
    [CLI_INDEX] = cli_cmd_index,       [CLI_CAPTION] = cli_cmd_caption,
    [CLI_MATCH] = cli_cmd_match,       [CLI_REASON] = cli_cmd_reason,
    [CLI_EMBED] = cli_cmd_embed,       [CLI_EVAL] = cli_cmd_eval,
    [CLI_FILTER] = cli_cmd_filter,     [CLI_CALIBRATE] = cli_cmd_calibrate,
    [CLI_EXPORT] = cli_cmd_export,     [CLI_RERANK] = cli_cmd_rerank,
    [CLI_MERGE] = cli_cmd_merge,       [CLI_SHOTS] = cli_cmd_shots,
    [CLI_TOKENIZE] = cli_cmd_tokenize, [CLI_MODELS] = cli_cmd_models,
    [CLI_DOCTOR] = cli_cmd_doctor,     [CLI_BENCH] = cli_cmd_bench,
    [CLI_CUT] = cli_cmd_cut,           [CLI_SERVE] = cli_cmd_serve,
    [CLI_COMMAND_RUN] = cli_cmd_run,   [CLI_WATCH] = cli_cmd_watch,
    [CLI_WORKER] = cli_cmd_worker,     [CLI_MCP] = cli_cmd_mcp,
};

// Help and version, to standard output.
static cli_exit print_text(const cli_args *args)
{
    vb_string text = {0};
    if (args->action == CLI_VERSION)
        vb_string_appendf(&text, "vblip %s\n", vblip_version());
    else
        cli_help_write(&text, args->command);
    errno = 0;
    bool ok = !text.failed && fwrite(text.bytes, 1, text.size, stdout) == text.size &&
              fflush(stdout) == 0;
    vb_string_free(&text);
    if (ok || errno == EPIPE)
        return CLI_EXIT_DONE;
    char reason[VB_REASON];
    fprintf(stderr, "vblip: standard output: %s\n",
            vb_errno_reason(reason, errno ? errno : ENOMEM));
    return CLI_EXIT_UNUSABLE;
}

static cli_exit run_command(const cli_args *args)
{
    cli_session s = {.args = args};
    cli_exit code = CLI_EXIT_UNUSABLE;
    bool ready = cli_env_read(&s.env);
    s.console = vb_console_open(args->quiet, args->verbose, s.env.term);
    if (ready)
        code = commands[args->command](&s);
    else
        vb_console_error(&s.console, "out of memory");
    vb_console_bar_clear(&s.console);
    const bool whole = args->command == CLI_MERGE || args->command == CLI_CALIBRATE ||
                       (args->command == CLI_CUT && args->reel);
    if (code == CLI_EXIT_INTERRUPTED)
        vb_console_warn(&s.console, "interrupted; %s",
                        whole ? "nothing was written" : "what was finished is kept");
    vblip_model_free(&s.model);
    vblip_engine_close(&s.engine);
    vblip_inputs_close(&s.inputs);
    vb_spool_close(&s.spool);
    vb_list_free(&s.texts);
    vb_list_free(&s.paths);
    vb_string_free(&s.line);
    cli_env_free(&s.env);
    return code;
}

int main(int argc, char **argv)
{
    cli_args args;
    vblip_error err;
    vb_interrupt_install();
    vblip_silence_ffmpeg();
    if (cli_args_parse(&args, argc, argv, &err) != VBLIP_OK) {
        fprintf(stderr, "vblip: %s\n", err.message);
        return CLI_EXIT_MISUSED;
    }
    cli_exit code = args.action == CLI_RUN ? run_command(&args) : print_text(&args);
    cli_args_free(&args);
    return (int)code;
}

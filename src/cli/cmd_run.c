// cmd_run.c - an index, subtitles and a table of answers, of files that are read once for
// all of them (cli.md 12).
#include "cli/cmd.h"
#include "cli/crew.h"

enum { MOST_PARTS = 3 };

// One of the commands that are run together.
typedef struct run_part {
    cli_session session;
    cli_args args;
    cli_exit (*command)(cli_session *s);
    cli_exit code;
} run_part;

// What comes first in this order is the exit status of all.
static cli_exit worse_exit(cli_exit a, cli_exit b)
{
    static const cli_exit order[] = {CLI_EXIT_INTERRUPTED, CLI_EXIT_MISUSED,
                                     CLI_EXIT_NO_DEVICE, CLI_EXIT_UNUSABLE,
                                     CLI_EXIT_SOME_FAILED};
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (a == order[i] || b == order[i])
            return order[i];
    return CLI_EXIT_DONE;
}

static void run_one_part(void *user, vblip_member *member)
{
    run_part *part = user;
    cli_crew *crew = part->session.crew;
    part->session.member = member;
    part->code = part->command(&part->session);
    if (!crew->begun && crew->refused == CLI_EXIT_DONE)
        crew->refused = part->code;
}

static cli_args part_args(const cli_args *args, cli_command command)
{
    cli_args of = *args;
    of.command = command;
    of.format = VB_FORMAT_TEXT;
    of.output = of.texts_file = NULL;
    of.progress = VB_PROGRESS_NONE;
    return of;
}

// The parts that are asked for, [MOST_PARTS]; the last one shows how far it is.
static uint32_t choose_commands(run_part *parts, const cli_args *a)
{
    uint32_t count = 0;
    if (a->run_index)
        parts[count++] =
            (run_part){.args = part_args(a, CLI_INDEX), .command = cli_cmd_index};
    if (a->run_caption) {
        run_part *part = &parts[count++];
        *part =
            (run_part){.args = part_args(a, CLI_CAPTION), .command = cli_cmd_caption};
        part->args.format =
            a->run_caption == CLI_CAPTION_SRT ? VB_FORMAT_SRT : VB_FORMAT_VTT;
    }
    if (a->texts_file) {
        run_part *part = &parts[count++];
        *part = (run_part){.args = part_args(a, CLI_QA), .command = cli_cmd_qa};
        part->args.texts_file = a->texts_file;
        part->args.format = a->format;
        part->args.output = a->output;
        part->args.table = true;
    }
    parts[count - 1].args.progress = a->progress;
    return count;
}

// Inputs are its own: a command may leave some out.
static vblip_status begin_part(run_part *part, cli_crew *crew, vblip_error *err)
{
    const cli_session *lead = crew->lead;
    part->session = (cli_session){
        .args = &part->args,
        .env = lead->env,
        .console = lead->console,
        .spool = lead->spool,
        .paths = lead->paths, // owned by the lead
        .crew = crew,
    };
    part->session.console.screen = &crew->lead->console;
    return cli_open_inputs(&part->session, err);
}

static void end_part(run_part *part)
{
    cli_session *s = &part->session;
    vblip_model_free(&s->model);
    vblip_inputs_close(&s->inputs);
    vb_list_free(&s->texts);
    vb_string_free(&s->line);
}

cli_exit cli_cmd_run(cli_session *s)
{
    run_part parts[MOST_PARTS] = {0};
    void *users[MOST_PARTS];
    vblip_error err = {0};
    cli_crew crew = {.lead = s};
    cli_exit code = CLI_EXIT_DONE;
    vblip_status status = cli_gather_inputs(s, false, &err);
    const uint32_t count = choose_commands(parts, s->args);
    for (uint32_t i = 0; i < count && status == VBLIP_OK; i++) {
        status = begin_part(&parts[i], &crew, &err);
        users[i] = &parts[i];
    }
    if (status == VBLIP_OK)
        status = vblip_together(run_one_part, users, count, s->inputs, &err);
    if (status != VBLIP_OK)
        code = cli_fail(s, status, &err);
    cli_report_profile(s);
    for (uint32_t i = 0; i < count; i++) {
        code = worse_exit(code, parts[i].code);
        end_part(&parts[i]);
    }
    vb_set_free(&crew.said);
    return code;
}

#include "cli/alarm.h"

#include "base/file.h"
#include "base/outfile.h"
#include "base/shell.h"
#include "output/clip_names.h"
#include "terminal/interrupt.h"
#include "vblip_export.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const double COMMAND_LIMIT_S = 30;

static const vb_column alarm_columns[] = {
    {"time", VB_CELL_TEXT, NULL},        {"alert", VB_CELL_TEXT, NULL},
    {"path", VB_CELL_TEXT, NULL},        {"start", VB_CELL_TIME, NULL},
    {"end", VB_CELL_TIME, NULL},         {"p_match", VB_CELL_REAL, NULL},
    {"itc", VB_CELL_REAL, NULL},         {"score", VB_CELL_REAL, NULL},
    {"calibration", VB_CELL_TEXT, NULL}, {"thumbnail", VB_CELL_TEXT, NULL},
};
const vb_table cli_alarm_table = {alarm_columns,
                                  sizeof alarm_columns / sizeof *alarm_columns};

static int alarm_stopped(void *user)
{
    (void)user;
    return vb_interrupted();
}

enum { ALARM_TIME = 32 };

// "2026-05-01T18:30:15Z"
static void alarm_time(char out[ALARM_TIME], time_t now)
{
    struct tm parts;
    if (!gmtime_r(&now, &parts) ||
        !strftime(out, ALARM_TIME, "%Y-%m-%dT%H:%M:%SZ", &parts))
        out[0] = '\0';
}

// Writes the picture of the event; its name stays in alarm->thumbnail.
static vblip_status alarm_thumbnail(const cli_session *s, cli_alarm *alarm,
                                    const cli_event *event, const char *when,
                                    vblip_error *err)
{
    const int64_t middle_us = event->start_us + (event->end_us - event->start_us) / 2;
    vb_string file = {0};
    uint8_t *made = NULL;
    uint64_t size = event->picture_size;
    for (const char *c = when; *c; c++)
        if (*c != '-' && *c != ':')
            vb_string_putc(&file, *c);
    vb_string_appendf(&file, "-%s", event->name);
    const vb_clip_label label = {s->args->thumbnails, file.bytes, ".jpg",
                                 event->start_us, event->end_us};
    vblip_status status =
        file.failed || !vb_clip_name(&alarm->thumbnail, &alarm->names, &label)
            ? vb_fail_memory(err, "thumbnail")
            : VBLIP_OK;
    if (status == VBLIP_OK && !event->picture)
        status = vblip_thumbnail(&made, &size, event->path, middle_us,
                                 CLI_THUMBNAIL_WIDTH, err);
    if (status == VBLIP_OK)
        status = vb_file_replace(alarm->thumbnail.bytes, made ? made : event->picture,
                                 size, err);
    free(made);
    vb_string_free(&file);
    return status;
}

// Runs the command of the user with the event; alarm->line is its line.
static vblip_status alarm_command(const cli_session *s, const cli_alarm *alarm,
                                  const cli_event *event, const char *thumbnail,
                                  vblip_error *err)
{
    enum { VARIABLES = 6 };
    vb_string texts[VARIABLES] = {{0}};
    const char *variables[VARIABLES + 1] = {NULL};
    bool failed = false;
    vb_string_appendf(&texts[0], "VBLIP_PATH=%s", event->path);
    vb_string_appendf(&texts[1], "VBLIP_ALERT=%s", event->alert);
    vb_string_appendf(&texts[2], "VBLIP_P_MATCH=%.4f", (double)event->p_match);
    vb_string_appendf(&texts[3], "VBLIP_START=%.3f", (double)event->start_us * 1e-6);
    vb_string_appendf(&texts[4], "VBLIP_END=%.3f", (double)event->end_us * 1e-6);
    vb_string_appendf(&texts[5], "VBLIP_THUMBNAIL=%s", thumbnail ? thumbnail : "");
    for (size_t i = 0; i < VARIABLES; i++) {
        failed = failed || texts[i].failed;
        variables[i] = texts[i].bytes;
    }
    const vb_shell_command command = {
        .line = s->args->exec,
        .variables = variables,
        .input = alarm->line.bytes,
        .input_size = alarm->line.size,
        .limit_s = COMMAND_LIMIT_S,
        .stopped = alarm_stopped,
    };
    const vblip_status status =
        failed ? vb_fail_memory(err, "command") : vb_shell_run(&command, err);
    for (size_t i = 0; i < VARIABLES; i++)
        vb_string_free(&texts[i]);
    return status;
}

int cli_alarm_tell(cli_session *s, cli_alarm *alarm, const cli_event *event)
{
    vblip_error err = {0};
    char when[ALARM_TIME];
    alarm_time(when, time(NULL));
    vb_string_clear(&alarm->thumbnail);
    const bool pictured =
        s->args->thumbnails && alarm_thumbnail(s, alarm, event, when, &err) == VBLIP_OK;
    const char *thumbnail = pictured ? alarm->thumbnail.bytes : NULL;
    if (s->args->thumbnails && !pictured)
        vb_console_error(&s->console, "%s: no thumbnail: %s", event->path, err.message);
    const vb_cell cells[] = {
        vb_cell_text(when),
        vb_cell_text(event->alert),
        vb_cell_text(event->path),
        vb_cell_time(event->timed, event->start_us),
        vb_cell_time(event->timed, event->end_us),
        vb_cell_real((double)event->p_match),
        vb_cell_real((double)event->itc),
        vb_cell_real((double)event->score),
        vb_cell_text(s->calibration),
        vb_cell_text(thumbnail),
    };
    vb_string_clear(&alarm->line);
    vb_rows_add(&s->rows, &alarm->line, cells);
    vb_string_append(&s->line, alarm->line.bytes, alarm->line.size);
    if (cli_emit_line(s))
        return 1;
    err = (vblip_error){0};
    if (s->args->exec && alarm_command(s, alarm, event, thumbnail, &err) != VBLIP_OK &&
        !vb_interrupted())
        vb_console_error(&s->console, "--exec: %s: %s", event->path, err.message);
    return vb_interrupted();
}

void cli_alarm_say_watching(cli_session *s, const char *what)
{
    vb_string line = {0};
    vb_string_appendf(&line, "watching %s", what);
    if (!s->args->quiet)
        vb_console_line(&s->console, line.failed ? "watching" : line.bytes);
    vb_string_free(&line);
}

void cli_alarm_free(cli_alarm *alarm)
{
    vb_set_free(&alarm->names);
    vb_string_free(&alarm->line);
    vb_string_free(&alarm->thumbnail);
}

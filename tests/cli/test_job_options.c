// test_job_options.c - jobs take the options of the command line: by the same names, with the
// same bounds and choices.
#include "cli/options.h"
#include "serve/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_LEFT_OUT = 24 };

// What a job is without options, and the options of its command that jobs have not: those
// about files of results and about what a person sees, and such as are the worker's own.
static const struct job_command {
    cli_command command;
    const char *job;
    const char *left_out[MOST_LEFT_OUT];
} commands[] = {
    {CLI_CAPTION,
     "\"op\":\"caption\",\"path\":\"a\"",
     {"mux", "chapters", "overwrite", "skip-existing"}},
    {CLI_QA,
     "\"op\":\"ask\",\"path\":\"a\",\"texts\":[\"q\"]",
     {"questions", "table", "scores", "answers-file", "dialog", "answers"}},
    {CLI_MATCH, "\"op\":\"match\",\"path\":\"a\",\"texts\":[\"q\"]", {"calibration"}},
    {CLI_EMBED, "\"op\":\"embed\",\"path\":\"a\"", {"text", "texts", "what"}},
    {CLI_RETRIEVE,
     "\"op\":\"retrieve\",\"path\":\"a\",\"texts\":[\"q\"]",
     {"queries", "cache-gb", "calibration", "since", "until", "like", "unlike",
      "weight", "mpv", "files-only", "null", "exit-status", "contact-sheet", "rebuild",
      "retry-failed", "overwrite"}},
};

// The message that a job with the member `name` is refused with; "" = it is read.
static const char *read_with(const struct job_command *c, const char *name,
                             const char *value)
{
    static vblip_error err;
    char line[512];
    vb_request request;
    vb_request_kind kind;
    vb_string id = {0};
    const int size =
        snprintf(line, sizeof line, "{\"id\":1,%s,\"%s\":%s}", c->job, name, value);
    err = (vblip_error){0};
    const vblip_status status =
        vb_request_read_job(&request, &kind, &id, line, (size_t)size, &err);
    assert_int_equal(status == VBLIP_OK, err.message[0] == '\0');
    assert_string_equal(id.bytes, "1");
    vb_request_free(&request);
    vb_string_free(&id);
    return err.message;
}

static void hold_value(const struct job_command *c, const char *name, const char *value,
                       bool taken)
{
    char start[64];
    const char *message = read_with(c, name, value);
    snprintf(start, sizeof start, "%s: expected ", name);
    const bool other = strncmp(message, start, strlen(start)) == 0;
    const bool bounds = strncmp(message, name, strlen(name)) == 0 &&
                        strstr(message, ", expected ") != NULL;
    const bool unknown = strstr(message, ": not a field of this request") != NULL;
    if ((other || bounds) == taken || unknown)
        fail_msg("%s: %s %s: \"%s\"", c->job, name, value, message);
}

static void hold_number(const struct job_command *c, const char *name, double number,
                        bool taken)
{
    char value[32];
    snprintf(value, sizeof value, "%.10g", number);
    hold_value(c, name, value, taken);
}

static void check_option(const struct job_command *c, const cli_option *o,
                         const char *name)
{
    char value[64];
    switch (o->kind) {
    case CLI_COUNT:
    case CLI_REAL:
        hold_number(c, name, o->least, true);
        hold_number(c, name, o->most, true);
        hold_number(c, name, o->most * 1.5 + 1, false);
        hold_number(c, name, o->least > 0 ? o->least / 2 : -1, false);
        hold_value(c, name, "\"1\"", false);
        if (o->kind == CLI_COUNT)
            hold_number(c, name, o->least + 0.5, false);
        break;
    case CLI_FLAG:
        hold_value(c, name, "true", true);
        hold_value(c, name, "1", false);
        break;
    case CLI_STRING:
        hold_value(c, name, "\"x\"", true);
        hold_value(c, name, "1", false);
        break;
    case CLI_STRINGS:
        hold_value(c, name, "[\"x\",\"y\"]", true);
        hold_value(c, name, "\"x\"", false);
        break;
    case CLI_CHOICE:
        for (int i = 0; i < CLI_MAX_CHOICES && o->choices[i]; i++) {
            snprintf(value, sizeof value, "\"%s\"", o->choices[i]);
            hold_value(c, name, value, true);
        }
        hold_value(c, name, "\"x\"", false);
        hold_value(c, name, "0", false);
        break;
    case CLI_EVERY:
        hold_value(c, name, "0.001", true);
        hold_value(c, name, "86400", true);
        hold_value(c, name, "86401", false);
        hold_value(c, name, "\"1f\"", true);
        hold_value(c, name, "\"1000000000f\"", true);
        hold_value(c, name, "\"1000000001f\"", false);
        hold_value(c, name, "\"0f\"", false);
        hold_value(c, name, "\"f\"", false);
        hold_value(c, name, "\"1\"", false);
        hold_value(c, name, "\"-1f\"", false);
        break;
    case CLI_PART:
    case CLI_COUNTS:
        fail_msg("%s: no job has such an option", name);
    }
}

static bool is_left_out(const struct job_command *c, const cli_option *o)
{
    for (int i = 0; i < MOST_LEFT_OUT && c->left_out[i]; i++)
        if (strcmp(c->left_out[i], o->name) == 0)
            return true;
    return false;
}

static void test_options_of_jobs(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const struct job_command *c = &commands[i];
        for (const cli_option *o = cli_options; o->letter || o->name; o++) {
            char name[32];
            const bool frames = o->name && strcmp(o->name, "frames") == 0;
            if (!o->name || o->kind == CLI_PART || !(o->commands & 1u << c->command) ||
                (o->commands == CLI_ALL_COMMANDS && !frames) || is_left_out(c, o))
                continue;
            snprintf(name, sizeof name, "%s", o->name);
            for (char *at = name; *at; at++)
                if (*at == '-')
                    *at = '_';
            check_option(c, o, name);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_options_of_jobs)};
    return cmocka_run_group_tests_name("job options", tests, NULL, NULL);
}

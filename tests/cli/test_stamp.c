// test_stamp.c - a run that goes on with other options than it began with is another run,
// whichever option it is.
#include "cli/options.h"
#include "cli/parse.h"
#include "cli/stamp.h"
#include "support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// Parses `vblip filter PAIRS -o out` with `more`, which ends with NULL, and stamps it.
static void stamp_run(char out[CLI_STAMP_SIZE], char *pairs, char **more)
{
    char program[] = "vblip", command[] = "filter", letter[] = "-o", file[] = "out";
    char *argv[10] = {program, command, pairs, letter, file};
    int argc = 5;
    for (; *more; more++)
        argv[argc++] = *more;
    cli_args args;
    vblip_error err = {0};
    if (cli_args_parse(&args, argc, argv, &err) != VBLIP_OK ||
        cli_stamp_make(out, &args, args.model ? args.model : "default", &err) !=
            VBLIP_OK)
        fail_msg("%s: %s", argv[5] ? argv[5] : "", err.message);
    cli_args_free(&args);
}

// A value that is not the default.
static void choose_value(char out[32], const cli_option *o)
{
    if (o->kind == CLI_COUNT)
        snprintf(out, 32, "%.0f", o->least + 1);
    else if (o->kind == CLI_REAL)
        snprintf(out, 32, "%.3f", (o->least + o->most) / 2.5);
    else if (o->kind == CLI_CHOICE)
        snprintf(out, 32, "%s",
                 strcmp(o->name, "format") == 0 ? "jsonl" : o->choices[1]);
    else
        snprintf(out, 32, "%s",
                 o->file == CLI_FILE_READ || o->file == CLI_FILE_LIST ? "words"
                                                                      : "other");
}

static void test_every_option_that_rows_depend_on_counts(void **state)
{
    (void)state;
    char pairs[] = "pairs", base[CLI_STAMP_SIZE], other[CLI_STAMP_SIZE];
    char *nothing[] = {NULL};
    temp_write(".", "pairs", "{}\n");
    temp_write(".", "words", "a\n");
    stamp_run(base, pairs, nothing);
    uint32_t same = 0, different = 0;
    for (const cli_option *o = cli_options; o->letter || o->name; o++) {
        if (!(o->commands & 1u << CLI_FILTER))
            continue;
        char label[40], value[32];
        snprintf(label, sizeof label, o->name ? "--%s" : "-%s",
                 o->name ? o->name : (char[]){o->letter, '\0'});
        choose_value(value, o);
        char *more[] = {label, o->kind == CLI_FLAG ? NULL : value, NULL};
        stamp_run(other, pairs, more);
        if ((strcmp(base, other) == 0) != o->same_rows)
            fail_msg("%s: stamps %s, %s", label, base, other);
        same += o->same_rows;
        different += !o->same_rows;
    }
    assert_true(same >= 8 && different >= 15);
    assert_int_equal(unlink("pairs") | unlink("words"), 0);
}

static void test_files_count_by_what_they_hold(void **state)
{
    (void)state;
    char pairs[] = "pairs", moved[] = "moved";
    char option[] = "--vocab", words[] = "words", moved_words[] = "moved-words";
    char base[CLI_STAMP_SIZE], other[CLI_STAMP_SIZE];
    char *first[] = {option, words, NULL}, *second[] = {option, moved_words, NULL};
    temp_write(".", "pairs", "{}\n");
    temp_write(".", "words", "a\n");
    stamp_run(base, pairs, first);
    assert_int_equal(rename("pairs", "moved") | rename("words", "moved-words"), 0);
    stamp_run(other, moved, second);
    assert_string_equal(base, other);
    temp_write(".", "moved", "{}\na");
    temp_write(".", "moved-words", "\n"); // the same bytes, parted elsewhere
    stamp_run(other, moved, second);
    assert_string_not_equal(base, other);
    temp_write(".", "moved", "{}\n");
    temp_write(".", "moved-words", "b\n");
    stamp_run(other, moved, second);
    assert_string_not_equal(base, other);
    assert_int_equal(unlink("moved") | unlink("moved-words"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_option_that_rows_depend_on_counts),
        cmocka_unit_test(test_files_count_by_what_they_hold),
    };
    return cmocka_run_group_tests_name("stamp", tests, temp_enter, temp_leave);
}

// test_help.c - what `vblip help` prints: every option, at a width that terminals have, and examples
// that are commands.
#include "cli/help.h"

#include "cli/options.h"
#include "cli/parse.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { MOST_WORDS = 40 };

static void check_listed(const char *help, const cli_option *o, const char *name)
{
    char label[64];
    if (o->name)
        snprintf(label, sizeof label, "--%s", o->name);
    else
        snprintf(label, sizeof label, "  -%c", o->letter);
    if (!strstr(help, label))
        fail_msg("help of %s lacks %s", name, label);
}

// What a page of help says, and its two examples, which are all of it that follows
// "examples:" but two lines that lead on.
typedef struct page {
    vb_string text;
    char *examples[2];
} page;

static page read_page(int command)
{
    page p = {0};
    cli_help_write(&p.text, (cli_command)command);
    assert_false(p.text.failed);
    char *at = strstr(p.text.bytes, "\nexamples:\n");
    assert_non_null(at);
    *at = '\0';
    at += 11;
    for (int i = 0; i < 2; i++) {
        assert_memory_equal(at, "  vblip ", 8);
        p.examples[i] = at + 2;
        at = strchr(at, '\n');
        *at++ = '\0';
    }
    assert_true(*at == (command < CLI_COMMAND_COUNT ? '\n' : '\0'));
    return p;
}

// A page of a command has its own options, and "options" those of all.
static void test_help_names_every_option(void **state)
{
    (void)state;
    vb_string common = {0};
    cli_help_write(&common, CLI_HELP_OPTIONS);
    for (int c = 0; c < CLI_COMMAND_COUNT; c++) {
        page p = read_page(c);
        for (const cli_option *o = cli_options; o->letter || o->name; o++)
            if (o->commands == CLI_ALL_COMMANDS)
                check_listed(common.bytes, o, "options");
            else if (o->commands & 1u << c)
                check_listed(p.text.bytes, o, cli_command_name((cli_command)c));
        vb_string_free(&p.text);
    }
    vb_string_free(&common);
}

// 80 columns, so that nothing is broken twice; examples may be longer.
static void test_help_fits_a_terminal(void **state)
{
    (void)state;
    enum { COLUMNS = 80, LINES = 60 };
    for (int c = 0; c <= CLI_HELP_GLOSSARY; c++) {
        vb_string text = {0};
        cli_help_write(&text, (cli_command)c);
        int lines = 0;
        for (const char *at = text.bytes; *at; lines++) {
            const size_t size = strcspn(at, "\n");
            if (size > COLUMNS && strncmp(at, "  vblip ", 8) != 0)
                fail_msg("page %d: %.*s", c, (int)size, at);
            at += size + 1;
        }
        assert_true(lines <= LINES);
        vb_string_free(&text);
    }
}

// Splits a line of help, words or "quoted words", in place; from a < on it is the shell's.
static int split_example(char **argv, char *line)
{
    int argc = 0;
    for (char *word = line; *word && *word != '<';) {
        char stop = *word == '"' ? '"' : ' ';
        argv[argc++] = stop == '"' ? ++word : word;
        word += strcspn(word, stop == '"' ? "\"" : " ");
        if (*word)
            *word++ = '\0';
        word += strspn(word, " ");
    }
    argv[argc] = NULL;
    return argc;
}

// The examples are promises too: each must parse.
static void test_help_examples_parse(void **state)
{
    (void)state;
    for (int c = 0; c <= CLI_COMMAND_COUNT; c++) {
        page p = read_page(c);
        for (int i = 0; i < 2; i++) {
            char *argv[MOST_WORDS + 1];
            int argc = split_example(argv, p.examples[i]);
            cli_args args;
            vblip_error err;
            if (cli_args_parse(&args, argc, argv, &err) != VBLIP_OK)
                fail_msg("%s: %s", argv[1], err.message);
            cli_args_free(&args);
        }
        vb_string_free(&p.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help_names_every_option),
        cmocka_unit_test(test_help_fits_a_terminal),
        cmocka_unit_test(test_help_examples_parse),
    };
    return cmocka_run_group_tests_name("help", tests, NULL, NULL);
}

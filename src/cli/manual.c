#include "cli/manual.h"

#include "cli/cmd.h"
#include "cli/help.h"
#include "cli/options.h"
#include "vblip.h"

#include <string.h>

// Text that roff takes for nothing else. `at_start` of a line dots and quotes are requests.
static void put_roff(vb_string *out, const char *text, size_t size, bool at_start)
{
    for (size_t i = 0; i < size; i++) {
        const bool starts = i ? text[i - 1] == '\n' : at_start;
        if (starts && (text[i] == '.' || text[i] == '\''))
            vb_string_puts(out, "\\&");
        if (text[i] == '\\')
            vb_string_puts(out, "\\e");
        else if (text[i] == '-')
            vb_string_puts(out, "\\-");
        else
            vb_string_putc(out, text[i]);
    }
}

static void put_roff_line(vb_string *out, const char *text)
{
    put_roff(out, text, strlen(text), true);
    vb_string_putc(out, '\n');
}

// Each paragraph of `text` ends with a newline.
static void put_paragraphs(vb_string *out, const char *text)
{
    while (*text) {
        const size_t size = strcspn(text, "\n");
        vb_string_puts(out, ".PP\n");
        put_roff(out, text, size, true);
        vb_string_putc(out, '\n');
        text += size + (text[size] == '\n');
    }
}

// Lines that stay as they are.
static void put_lines(vb_string *out, const char *text)
{
    vb_string_puts(out, ".PP\n.nf\n");
    while (*text) {
        const size_t size = strcspn(text, "\n");
        const size_t blanks = strspn(text, " ");
        put_roff(out, text + blanks, size - blanks, true);
        vb_string_putc(out, '\n');
        text += size + (text[size] == '\n');
    }
    vb_string_puts(out, ".fi\n");
}

static void put_entry(vb_string *out, const char *term, const char *meaning)
{
    vb_string_puts(out, ".TP\n.B ");
    put_roff_line(out, term);
    put_roff_line(out, meaning);
}

static void put_manual_option(vb_string *out, const cli_option *o, cli_command command)
{
    vb_string_puts(out, ".TP\n\\fB");
    if (o->letter)
        vb_string_appendf(out, "\\-%c", o->letter);
    if (o->letter && o->name)
        vb_string_puts(out, "\\fR, \\fB");
    if (o->name) {
        vb_string_puts(out, "\\-\\-");
        put_roff(out, o->name, strlen(o->name), false);
    }
    vb_string_puts(out, "\\fR");
    if (o->value) {
        vb_string_puts(out, " \\fI");
        put_roff(out, o->value, strlen(o->value), false);
        vb_string_puts(out, "\\fR");
    }
    vb_string_putc(out, '\n');
    put_roff_line(out, cli_option_help(o, command));
}

// The options of one command alone, or those that all have.
static void put_manual_options(vb_string *out, cli_command command)
{
    const bool common = command == CLI_COMMAND_COUNT;
    for (const cli_option *o = cli_options; o->letter || o->name; o++)
        if (common ? o->commands == CLI_ALL_COMMANDS
                   : o->commands != CLI_ALL_COMMANDS && o->commands & 1u << command)
            put_manual_option(out, o, command);
}

static void put_command(vb_string *out, cli_command command)
{
    const cli_command_help *help = &cli_helps[command];
    vb_string_appendf(out, ".SS %s\n", cli_command_name(command));
    put_roff_line(out, help->summary);
    put_lines(out, help->usage);
    put_paragraphs(out, help->about);
    if (command == CLI_BENCH) {
        vb_string names = {0};
        cli_bench_names(&names);
        vb_string_puts(out, ".PP\nNames: ");
        put_roff_line(out, names.bytes ? names.bytes : "");
        out->failed = out->failed || names.failed;
        vb_string_free(&names);
    }
    put_manual_options(out, command);
    vb_string_puts(out, ".PP\nExamples:\n");
    put_lines(out, help->examples);
}

static void put_section(vb_string *out, const char *heading, const cli_meaning *entries)
{
    vb_string_appendf(out, ".SH %s\n", heading);
    for (; entries->term; entries++)
        put_entry(out, entries->term, entries->meaning);
}

void cli_manual_write(vb_string *out)
{
    vb_string_appendf(out, ".TH VBLIP 1 \"\" \"vblip %s\" \"User Commands\"\n",
                      vblip_version());
    vb_string_puts(out, ".SH NAME\nvblip \\- ask questions of video, with BLIP\n"
                        ".SH SYNOPSIS\n.B vblip\n.I COMMAND\n[\\fIOPTIONS\\fR] ...\n"
                        ".SH DESCRIPTION\n"
                        "Finds moments of recordings by what is seen in them, answers "
                        "questions about them and describes them, without training "
                        "anything. Options may stand before and behind operands.\n"
                        ".SH COMMANDS\n");
    for (int c = 0; c < CLI_COMMAND_COUNT; c++)
        put_command(out, (cli_command)c);
    vb_string_puts(out, ".SH OPTIONS\nOf every command; some mean nothing to some.\n");
    put_manual_options(out, CLI_COMMAND_COUNT);
    put_entry(out, "-h, --help", "help");
    put_entry(out, "--version", "version");
    put_section(out, "\"EXIT STATUS\"", cli_exit_statuses);
    put_section(out, "ENVIRONMENT", cli_variables);
    put_section(out, "GLOSSARY", cli_glossary);
    vb_string_puts(out, ".SH \"SEE ALSO\"\n.BR ffmpeg (1),\n.BR mpv (1)\n");
}

#include "cli/completions.h"

#include "cli/help.h"
#include "cli/options.h"

#include <string.h>

static bool is_of(const cli_option *o, int command)
{
    return command == CLI_COMMAND_COUNT ? o->commands == CLI_ALL_COMMANDS
                                        : o->commands & 1u << command;
}

// What shells complete as a file: by the word that help has for it.
static bool names_file(const cli_option *o)
{
    static const char *const words[] = {"FILE", "FOLDER", "INDEX", "MEDIA", "PATH"};
    for (size_t i = 0; o->value && i < sizeof words / sizeof *words; i++)
        if (strncmp(o->value, words[i], strlen(words[i])) == 0)
            return true;
    return false;
}

static void put_names(vb_string *out, const char *between)
{
    for (int c = 0; c < CLI_COMMAND_COUNT; c++)
        vb_string_appendf(out, "%s%s", c ? between : "",
                          cli_command_name((cli_command)c));
}

static void put_choices(vb_string *out, const cli_option *o)
{
    for (int i = 0; i < CLI_MAX_CHOICES && o->choices[i]; i++)
        vb_string_appendf(out, "%s%s", i ? " " : "", o->choices[i]);
}

// `text` with a backslash before each of `special`.
static void put_escaped(vb_string *out, const char *text, const char *special)
{
    for (; *text; text++) {
        if (strchr(special, *text))
            vb_string_putc(out, '\\');
        vb_string_putc(out, *text);
    }
}

// -------------------------------------------------------------------------------- bash

static void put_bash_choices(vb_string *out)
{
    for (const cli_option *o = cli_options; o->letter || o->name; o++) {
        if (o->kind != CLI_CHOICE)
            continue;
        vb_string_appendf(out, "    --%s", o->name);
        if (o->letter)
            vb_string_appendf(out, "|-%c", o->letter);
        vb_string_puts(out, ") list='");
        put_choices(out, o);
        vb_string_puts(out, "' ;;\n");
    }
}

static void put_bash_options(vb_string *out, int command)
{
    vb_string_appendf(
        out, "    %s) list='",
        command == CLI_COMMAND_COUNT ? "*" : cli_command_name((cli_command)command));
    for (const cli_option *o = cli_options; o->letter || o->name; o++)
        if (is_of(o, command) && o->name)
            vb_string_appendf(out, "--%s ", o->name);
    vb_string_puts(out, "--help --version' ;;\n");
}

static void put_bash(vb_string *out)
{
    vb_string_puts(out,
                   "# bash completion of vblip\n"
                   "_vblip() {\n"
                   "    local current=${COMP_WORDS[COMP_CWORD]} command= list= word\n"
                   "    local previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
                   "    if [ \"$current\" = = ]; then\n"
                   "        current=\n"
                   "    elif [ \"$previous\" = = ]; then\n"
                   "        previous=${COMP_WORDS[COMP_CWORD - 2]}\n"
                   "    fi\n"
                   "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                   "        case $word in\n        ");
    put_names(out, "|");
    vb_string_puts(out, ") command=$word; break ;;\n"
                        "        esac\n"
                        "    done\n"
                        "    COMPREPLY=()\n"
                        "    case $previous in\n");
    put_bash_choices(out);
    vb_string_puts(out, "    *) case $current in -*) case $command in\n");
    for (int c = 0; c <= CLI_COMMAND_COUNT; c++)
        put_bash_options(out, c);
    vb_string_puts(out, "    esac ;; *) [ -n \"$command\" ] || list='");
    put_names(out, " ");
    vb_string_puts(out, " help' ;; esac ;;\n"
                        "    esac\n"
                        "    [ -z \"$list\" ] ||\n"
                        "        mapfile -t COMPREPLY < <(compgen -W \"$list\" -- "
                        "\"$current\")\n"
                        "}\n"
                        "complete -o default -F _vblip vblip\n");
}

// --------------------------------------------------------------------------------- zsh

static void put_zsh_value(vb_string *out, const cli_option *o)
{
    if (o->kind == CLI_FLAG)
        return;
    vb_string_putc(out, ':');
    put_escaped(out, o->value, ":\\[]");
    vb_string_putc(out, ':');
    if (o->kind == CLI_CHOICE) {
        vb_string_putc(out, '(');
        put_choices(out, o);
        vb_string_putc(out, ')');
    } else {
        vb_string_puts(out, names_file(o) ? "_files" : " ");
    }
}

// In single quotes, which have another in themselves only this way.
static void put_zsh_text(vb_string *out, const char *text)
{
    for (; *text; text++)
        if (*text == '\'')
            vb_string_puts(out, "'\\''");
        else
            put_escaped(out, (const char[]){*text, '\0'}, ":\\[]");
}

static void put_zsh_option(vb_string *out, const cli_option *o, cli_command command)
{
    const bool value = o->kind != CLI_FLAG, repeated = o->kind == CLI_STRINGS;
    for (int form = 0; form < 2; form++) {
        if (form ? !o->name : !o->letter)
            continue;
        vb_string_appendf(out, "        '%s", repeated ? "*" : "");
        if (form)
            vb_string_appendf(out, "--%s%s", o->name, value ? "=" : "");
        else
            vb_string_appendf(out, "-%c%s", o->letter, value ? "+" : "");
        vb_string_putc(out, '[');
        put_zsh_text(out, cli_option_help(o, command));
        vb_string_putc(out, ']');
        put_zsh_value(out, o);
        vb_string_puts(out, "'\n");
    }
}

static void put_zsh_options(vb_string *out, int command)
{
    const bool common = command == CLI_COMMAND_COUNT;
    for (const cli_option *o = cli_options; o->letter || o->name; o++)
        if (is_of(o, command) && (common || o->commands != CLI_ALL_COMMANDS))
            put_zsh_option(out, o, (cli_command)command);
}

static void put_zsh(vb_string *out)
{
    vb_string_puts(out, "#compdef vblip\n"
                        "local command= word\n"
                        "local -a commands specs\n"
                        "commands=(\n");
    for (int c = 0; c < CLI_COMMAND_COUNT; c++) {
        vb_string_appendf(out, "    '%s:", cli_command_name((cli_command)c));
        put_zsh_text(out, cli_helps[c].summary);
        vb_string_puts(out, "'\n");
    }
    vb_string_puts(out, "    'help:what a command does'\n)\n"
                        "for word in ${words[2,CURRENT-1]}; do\n"
                        "    case $word in\n    ");
    put_names(out, "|");
    vb_string_puts(out, ") command=$word; break ;;\n"
                        "    esac\n"
                        "done\n"
                        "specs=(\n");
    put_zsh_options(out, CLI_COMMAND_COUNT);
    vb_string_puts(out, "        '(- *)'{-h,--help}'[help]'\n"
                        "        '(- *)--version[version]'\n"
                        ")\n"
                        "case $command in\n");
    for (int c = 0; c < CLI_COMMAND_COUNT; c++) {
        vb_string_appendf(out, "%s)\n    specs+=(\n", cli_command_name((cli_command)c));
        put_zsh_options(out, c);
        vb_string_puts(out, "    )\n    ;;\n");
    }
    vb_string_puts(out, "esac\n"
                        "if [[ -n $command ]]; then\n"
                        "    _arguments -s -S $specs '*:file:_files'\n"
                        "else\n"
                        "    _arguments -s -S $specs '1:command:{_describe command "
                        "commands}'\n"
                        "fi\n");
}

// -------------------------------------------------------------------------------- fish

static void put_fish_option(vb_string *out, const cli_option *o)
{
    vb_string_puts(out, "complete -c vblip");
    if (o->commands != CLI_ALL_COMMANDS) {
        vb_string_puts(out, " -n '__fish_seen_subcommand_from");
        for (int c = 0; c < CLI_COMMAND_COUNT; c++)
            if (is_of(o, c))
                vb_string_appendf(out, " %s", cli_command_name((cli_command)c));
        vb_string_puts(out, "'");
    }
    if (o->letter)
        vb_string_appendf(out, " -s %c", o->letter);
    if (o->name)
        vb_string_appendf(out, " -l %s", o->name);
    if (o->kind != CLI_FLAG)
        vb_string_puts(out, names_file(o) ? " -r -F" : " -x");
    if (o->kind == CLI_CHOICE) {
        vb_string_puts(out, " -a '");
        put_choices(out, o);
        vb_string_puts(out, "'");
    }
    vb_string_puts(out, " -d '");
    put_escaped(out, o->help, "'\\");
    vb_string_puts(out, "'\n");
}

static void put_fish(vb_string *out)
{
    vb_string_puts(out, "# fish completion of vblip\n");
    for (int c = 0; c < CLI_COMMAND_COUNT; c++) {
        vb_string_appendf(out,
                          "complete -c vblip -n __fish_use_subcommand -f -a %s -d '",
                          cli_command_name((cli_command)c));
        put_escaped(out, cli_helps[c].summary, "'\\");
        vb_string_puts(out, "'\n");
    }
    for (const cli_option *o = cli_options; o->letter || o->name; o++)
        put_fish_option(out, o);
    vb_string_puts(out, "complete -c vblip -s h -l help -d help\n"
                        "complete -c vblip -l version -d version\n");
}

void cli_completions_write(vb_string *out, cli_command page)
{
    if (page == CLI_HELP_BASH)
        put_bash(out);
    else if (page == CLI_HELP_ZSH)
        put_zsh(out);
    else
        put_fish(out);
}

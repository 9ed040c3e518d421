#include "cli/parse.h"

#include "base/text.h"
#include "cli/check.h"
#include "cli/near.h"
#include "cli/operands.h"
#include "cli/options.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

// ------------------------------------------------------------------------ reading argv

typedef enum item {
    ITEM_END,
    ITEM_OPERAND,
    ITEM_OPTION,
    ITEM_HELP,
    ITEM_VERSION,
    ITEM_UNKNOWN,
    ITEM_NEEDS_VALUE,
    ITEM_TAKES_NO_VALUE,
} item;

// Goes through argv item by item; `-lZ` is two.
typedef struct walk {
    int argc, at;
    char **argv;
    cli_command command; // whose options they are; CLI_COMMAND_COUNT = not known yet
    const char *letters; // of -lZ, those that are still to come
    bool only_operands;  // -- was seen
    // of the current item
    const char *label; // the option as typed
    int label_size;
    char letter_label[3];
    const cli_option *option;
    const char *value;
} walk;

static walk walk_begin(int argc, char **argv, cli_command command)
{
    return (walk){.argc = argc, .at = 1, .argv = argv, .command = command};
}

static bool takes_value(const cli_option *option)
{
    return option->kind != CLI_FLAG;
}

// The value is what follows `attached`, else the next argument.
static item walk_value(walk *w, const char *attached)
{
    if (attached) {
        w->value = attached;
        return ITEM_OPTION;
    }
    if (w->at >= w->argc)
        return ITEM_NEEDS_VALUE;
    w->value = w->argv[w->at++];
    return ITEM_OPTION;
}

static item walk_letter(walk *w)
{
    char letter = *w->letters++;
    w->letter_label[0] = '-';
    w->letter_label[1] = letter;
    w->letter_label[2] = '\0';
    w->label = w->letter_label;
    w->label_size = 2;
    if (letter == 'h')
        return ITEM_HELP;
    w->option = cli_option_by_letter(letter);
    if (!w->option)
        return ITEM_UNKNOWN;
    if (!takes_value(w->option))
        return ITEM_OPTION;
    const char *attached = *w->letters ? w->letters : NULL;
    w->letters = NULL;
    return walk_value(w, attached);
}

static item walk_name(walk *w, const char *argument)
{
    const char *equals = strchr(argument, '=');
    size_t size = equals ? (size_t)(equals - argument) : strlen(argument);
    w->label = argument;
    w->label_size = size < 128 ? (int)size : 128;
    if (strcmp(argument, "--help") == 0)
        return ITEM_HELP;
    if (strcmp(argument, "--version") == 0)
        return ITEM_VERSION;
    w->option = cli_option_of(w->command, argument + 2, size - 2);
    if (!w->option)
        return ITEM_UNKNOWN;
    if (takes_value(w->option))
        return walk_value(w, equals ? equals + 1 : NULL);
    return equals ? ITEM_TAKES_NO_VALUE : ITEM_OPTION;
}

static item walk_next(walk *w)
{
    w->option = NULL;
    w->value = NULL;
    if (w->letters && *w->letters)
        return walk_letter(w);
    w->letters = NULL;
    if (w->at >= w->argc)
        return ITEM_END;
    const char *argument = w->argv[w->at++];
    if (w->only_operands || argument[0] != '-' || !argument[1]) {
        w->value = argument;
        return ITEM_OPERAND;
    }
    if (strcmp(argument, "--") == 0) {
        w->only_operands = true;
        return walk_next(w);
    }
    if (argument[1] == '-')
        return walk_name(w, argument);
    w->letters = argument + 1;
    return walk_letter(w);
}

// --------------------------------------------------------------------- which command

// `subject` says what is wrong with `name`; what may have been meant and the commands that
// there are follow.
// What other programs call our commands.
static const char *command_called(const char *name)
{
    static const char *const others[][2] = {
        {"search", "retrieve"},  {"find", "retrieve"},    {"ask", "qa"},
        {"describe", "caption"}, {"subtitle", "caption"}, {"info", "models"},
        {"join", "merge"},       {"combine", "merge"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i][0]) == 0)
            return others[i][1];
    return NULL;
}

static vblip_status refuse_command(const char *subject, const char *name,
                                   vblip_error *err)
{
    vb_string rest = {0};
    cli_near near = {0};
    for (int i = 0; i < CLI_COMMAND_COUNT; i++)
        cli_near_try(&near, name, strlen(name), cli_commands[i].name);
    if (!near.word)
        near.word = command_called(name);
    if (near.word)
        vb_string_appendf(&rest, "did you mean %s? ", near.word);
    vb_string_puts(&rest, "allowed: ");
    for (int i = 0; i < CLI_COMMAND_COUNT; i++)
        vb_string_appendf(&rest, "%s, ", cli_commands[i].name);
    cli_misuse(err, "%s; %shelp", subject, rest.failed ? "" : rest.bytes);
    vb_string_free(&rest);
    return VBLIP_ERR_ARGUMENT;
}

// CLI_COMMAND_COUNT for none.
static cli_command command_named(const char *name)
{
    int i = 0;
    while (i < CLI_COMMAND_COUNT && strcmp(name, cli_commands[i].name) != 0)
        i++;
    return (cli_command)i;
}

static vblip_status find_command(cli_command *out, const char *name, vblip_error *err)
{
    const cli_command command = command_named(name);
    if (command != CLI_COMMAND_COUNT) {
        *out = command;
        return VBLIP_OK;
    }
    if (access(name, F_OK) == 0)
        return cli_misuse(err,
                          "%.300s: a file, where the command comes: vblip caption "
                          "%.300s; see: vblip help",
                          name, name);
    char subject[96];
    snprintf(subject, sizeof subject, "%.64s: unknown command", name);
    return refuse_command(subject, name, err);
}

// A page of help: a command, or what is about none.
static vblip_status find_page(cli_command *out, const char *name, vblip_error *err)
{
    static const struct {
        const char *name;
        cli_command page;
    } pages[] = {{"options", CLI_HELP_OPTIONS}, {"glossary", CLI_HELP_GLOSSARY},
                 {"man", CLI_HELP_MAN},         {"bash", CLI_HELP_BASH},
                 {"zsh", CLI_HELP_ZSH},         {"fish", CLI_HELP_FISH}};
    for (size_t i = 0; i < sizeof pages / sizeof *pages; i++)
        if (strcmp(name, pages[i].name) == 0) {
            *out = pages[i].page;
            return VBLIP_OK;
        }
    return find_command(out, name, err);
}

// First pass: what is asked for, whatever else may be wrong with the line.
static vblip_status find_action(cli_args *out, int argc, char **argv, vblip_error *err)
{
    const char *words[3] = {0};
    int count = 0;
    bool help = false, version = false;
    char unknown[64] = ""; // option before the command, whose value may look like one
    walk w = walk_begin(argc, argv, CLI_COMMAND_COUNT);
    for (item i; (i = walk_next(&w)) != ITEM_END;) {
        help = help || i == ITEM_HELP;
        version = version || i == ITEM_VERSION;
        if (i == ITEM_UNKNOWN && !count && !*unknown)
            snprintf(unknown, sizeof unknown, "%.*s", w.label_size, w.label);
        if (i == ITEM_OPERAND && !count)
            w.command = command_named(w.value);
        if (i == ITEM_OPERAND && count < 3)
            words[count++] = w.value;
    }
    if (count && strcmp(words[0], "help") == 0) {
        out->action = CLI_HELP;
        if (count > 2)
            return cli_misuse(err, "help: one page is allowed");
        return count == 2 ? find_page(&out->command, words[1], err) : VBLIP_OK;
    }
    if (version) {
        out->action = CLI_VERSION;
        return VBLIP_OK;
    }
    if (help)
        out->action = CLI_HELP;
    else if (*unknown && (!count || command_named(words[0]) == CLI_COMMAND_COUNT))
        return cli_misuse(err, "%s: unknown option; see: vblip help options", unknown);
    if (count)
        return find_command(&out->command, words[0], err);
    if (help)
        return VBLIP_OK;
    return refuse_command("no command; see: vblip help", "", err);
}

// ------------------------------------------------------------------------- options

// The options of `command` that the other commands do not have, and the common ones.
static void list_options(vb_string *out, cli_command command)
{
    for (int common = 0; common < 2; common++)
        for (const cli_option *o = cli_options; o->letter || o->name; o++) {
            if (!(o->commands & 1u << command) ||
                (o->commands == CLI_ALL_COMMANDS) != common)
                continue;
            if (o->name)
                vb_string_appendf(out, " --%s", o->name);
            else
                vb_string_appendf(out, " -%c", o->letter);
        }
}

// The option of `command` that may have been meant by the long name in `w`.
static cli_near near_option(const walk *w, cli_command command)
{
    cli_near near = {0};
    for (const cli_option *o = cli_options; o->letter || o->name; o++)
        if (o->name && w->label_size > 2 && (o->commands & 1u << command))
            cli_near_try(&near, w->label + 2, (size_t)w->label_size - 2, o->name);
    return near;
}

static vblip_status refuse_option(const walk *w, cli_command command, vblip_error *err)
{
    vb_string rest = {0};
    const cli_near near = near_option(w, command);
    if (near.word)
        vb_string_appendf(&rest, "did you mean --%s? ", near.word);
    vb_string_puts(&rest, "allowed:");
    list_options(&rest, command);
    cli_misuse(err, "%.*s: %s %s; %s", w->label_size, w->label,
               w->option ? "not an option of" : "unknown option for",
               cli_commands[command].name, rest.failed ? "" : rest.bytes);
    vb_string_free(&rest);
    return VBLIP_ERR_ARGUMENT;
}

static vblip_status apply_item(cli_args *args, const walk *w, item i, vblip_error *err)
{
    if (i == ITEM_UNKNOWN ||
        (w->option && !(w->option->commands & 1u << args->command)))
        return refuse_option(w, args->command, err);
    if (i == ITEM_NEEDS_VALUE)
        return cli_misuse(err, "%.*s: a value is missing: %s", w->label_size, w->label,
                          w->option->value ? w->option->value : "VALUE");
    if (i == ITEM_TAKES_NO_VALUE)
        return cli_misuse(err, "%.*s: takes no value", w->label_size, w->label);
    return cli_option_apply(w->option, args, w->label, w->label_size, w->value, err);
}

// Second pass: options into their fields, operands into a list.
static vblip_status read_items(cli_args *args, int argc, char **argv, vblip_error *err)
{
    bool command_seen = false;
    walk w = walk_begin(argc, argv, args->command);
    for (item i; (i = walk_next(&w)) != ITEM_END;) {
        if (i == ITEM_OPERAND && !command_seen)
            command_seen = true;
        else if (i == ITEM_OPERAND) {
            if (!cli_words_add(&args->operands, w.value))
                return cli_misuse(err, "%s: out of memory", w.value);
        } else if (apply_item(args, &w, i, err) != VBLIP_OK)
            return VBLIP_ERR_ARGUMENT;
    }
    return VBLIP_OK;
}

static vblip_status parse_run(cli_args *args, int argc, char **argv, vblip_error *err)
{
    if (args->command == CLI_FILTER || args->command == CLI_WATCH)
        args->min_p = 0.5f;
    VB_TRY(read_items(args, argc, argv, err));
    VB_TRY(cli_format_settle(args, err));
    VB_TRY(cli_operands_split(args, err));
    return cli_args_check(args, err);
}

vblip_status cli_args_parse(cli_args *out, int argc, char **argv, vblip_error *err)
{
    vblip_error unused = {0};
    if (!err)
        err = &unused;
    *err = (vblip_error){0};
    *out = cli_args_none();
    if (find_action(out, argc, argv, err) == VBLIP_OK &&
        (out->action != CLI_RUN || parse_run(out, argc, argv, err) == VBLIP_OK))
        return VBLIP_OK;
    cli_args_free(out);
    return VBLIP_ERR_ARGUMENT;
}

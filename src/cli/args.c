#include "cli/args.h"

#include "base/text.h"
#include "cli/options.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// How a command reads its operands.
typedef enum operands {
    PATHS_THEN_QUERY, // PATH... "query", or PATH... with -e or --queries
    PATH_THEN_TEXTS,  // PATH "text"..., or "text"... with -a
    PAIR_THEN_TEXTS,  // LEFT RIGHT "text"..., or "text"... with -a
    PATHS,
    PATHS_FOR_WHAT, // as --what needs, and texts from --text
    TEXTS,
    PROTOCOL, // of eval
    ONE_FILE, // of filter
    ONE_PATH, // or none
    NAMES,    // any, or none
    NOTHING,
} operands;

static const struct {
    const char *name;
    operands operands;
    const char *texts; // what its texts are called
} commands[CLI_COMMAND_COUNT] = {
    [CLI_RETRIEVE] = {"retrieve", PATHS_THEN_QUERY, "query"},
    [CLI_QA] = {"qa", PATH_THEN_TEXTS, "question"},
    [CLI_CAPTION] = {"caption", PATHS, "text"},
    [CLI_MATCH] = {"match", PATH_THEN_TEXTS, "text"},
    [CLI_REASON] = {"reason", PAIR_THEN_TEXTS, "statement"},
    [CLI_EMBED] = {"embed", PATHS_FOR_WHAT, "text"},
    [CLI_EVAL] = {"eval", PROTOCOL, "text"},
    [CLI_FILTER] = {"filter", ONE_FILE, "text"},
    [CLI_TOKENIZE] = {"tokenize", TEXTS, "text"},
    [CLI_MODELS] = {"models", ONE_PATH, "text"},
    [CLI_DOCTOR] = {"doctor", NOTHING, "text"},
    [CLI_BENCH] = {"bench", NAMES, "name"},
};

static const char *const later_commands[] = {"index"};

const char *cli_command_name(cli_command command)
{
    return command < CLI_COMMAND_COUNT ? commands[command].name : "vblip";
}

vblip_status cli_misuse(vblip_error *err, const char *format, ...)
{
    if (err && err->status == VBLIP_OK) {
        va_list args;
        va_start(args, format);
        vsnprintf(err->message, sizeof err->message, format, args);
        va_end(args);
        err->status = VBLIP_ERR_ARGUMENT;
    }
    return VBLIP_ERR_ARGUMENT;
}

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
    const char *letters; // of a cluster, still to come
    bool only_operands;  // after --
    // of the current item
    const char *label; // the option as typed
    int label_size;
    char letter_label[3];
    const cli_option *option;
    const char *value;
} walk;

static walk walk_begin(int argc, char **argv)
{
    return (walk){.argc = argc, .at = 1, .argv = argv};
}

static bool takes_value(const cli_option *option)
{
    return option->kind != CLI_FLAG && option->kind != CLI_LATER_FLAG;
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
    w->option = cli_option_by_name(argument + 2, size - 2);
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

static void list_commands(char *out, size_t size)
{
    out[0] = '\0';
    for (int i = 0; i < CLI_COMMAND_COUNT; i++) {
        size_t used = strlen(out);
        snprintf(out + used, size - used, "%s%s", i ? ", " : "", commands[i].name);
    }
}

static vblip_status find_command(cli_command *out, const char *name, vblip_error *err)
{
    char list[160];
    for (int i = 0; i < CLI_COMMAND_COUNT; i++)
        if (strcmp(name, commands[i].name) == 0) {
            *out = (cli_command)i;
            return VBLIP_OK;
        }
    for (size_t i = 0; i < sizeof later_commands / sizeof *later_commands; i++)
        if (strcmp(name, later_commands[i]) == 0)
            return cli_misuse(err, "%s: not in this version", name);
    list_commands(list, sizeof list);
    return cli_misuse(err, "%.64s: unknown command; allowed: %s, help", name, list);
}

// First pass: what is asked for, whatever else may be wrong with the line.
static vblip_status find_action(cli_args *out, int argc, char **argv, vblip_error *err)
{
    const char *words[3] = {0};
    int count = 0;
    bool help = false, version = false;
    walk w = walk_begin(argc, argv);
    for (item i; (i = walk_next(&w)) != ITEM_END;) {
        help = help || i == ITEM_HELP;
        version = version || i == ITEM_VERSION;
        if (i == ITEM_OPERAND && count < 3)
            words[count++] = w.value;
    }
    if (count && strcmp(words[0], "help") == 0) {
        out->action = CLI_HELP;
        if (count > 2)
            return cli_misuse(err, "help: one command is allowed");
        return count == 2 ? find_command(&out->command, words[1], err) : VBLIP_OK;
    }
    if (version) {
        out->action = CLI_VERSION;
        return VBLIP_OK;
    }
    if (help)
        out->action = CLI_HELP;
    if (count)
        return find_command(&out->command, words[0], err);
    if (help)
        return VBLIP_OK;
    char list[160];
    list_commands(list, sizeof list);
    return cli_misuse(err, "no command; allowed: %s, help", list);
}

// ------------------------------------------------------------------------- options

// The options of `command` that the other commands do not have, and the common ones.
static void list_options(char *out, size_t size, cli_command command)
{
    out[0] = '\0';
    for (int common = 0; common < 2; common++)
        for (const cli_option *o = cli_options; o->letter || o->name; o++) {
            bool built = o->kind != CLI_LATER && o->kind != CLI_LATER_FLAG;
            if (!built || !(o->commands & 1u << command) ||
                (o->commands == CLI_ALL_COMMANDS) != common)
                continue;
            size_t used = strlen(out);
            if (o->name)
                snprintf(out + used, size - used, " --%s", o->name);
            else
                snprintf(out + used, size - used, " -%c", o->letter);
        }
}

static vblip_status refuse_option(const walk *w, cli_command command, vblip_error *err)
{
    char list[420];
    list_options(list, sizeof list, command);
    return cli_misuse(err, "%.*s: %s %s; allowed:%s", w->label_size, w->label,
                      w->option ? "not an option of" : "unknown option for",
                      commands[command].name, list);
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
    walk w = walk_begin(argc, argv);
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

// ------------------------------------------------------------------------- operands

static cli_words from(cli_words words, uint32_t first, uint32_t count)
{
    return count ? (cli_words){words.items + first, count} : (cli_words){0};
}

static vblip_status need(bool there, const cli_args *args, const char *what,
                         vblip_error *err)
{
    if (there)
        return VBLIP_OK;
    return cli_misuse(err, "%s: missing %s; see: vblip help %s",
                      commands[args->command].name, what, commands[args->command].name);
}

static vblip_status split_retrieve(cli_args *args, vblip_error *err)
{
    const cli_words all = args->operands;
    bool separate = args->queries.count || args->texts_file;
    uint32_t paths = separate || !all.count ? all.count : all.count - 1;
    args->paths = from(all, 0, paths);
    args->texts = separate ? args->queries : from(all, paths, all.count - paths);
    if (need(separate || all.count, args, "a PATH and a query", err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    return need(paths || args->list, args,
                separate ? "a PATH" : "a PATH (the last operand is the query)", err);
}

// The first `wanted` operands are paths, called `what`, unless -a names a file of them.
static vblip_status split_path_texts(cli_args *args, uint32_t wanted, const char *what,
                                     vblip_error *err)
{
    const cli_words all = args->operands;
    uint32_t paths = args->list ? 0 : all.count < wanted ? all.count : wanted;
    char text[32];
    snprintf(text, sizeof text, "a %s", commands[args->command].texts);
    args->paths = from(all, 0, paths);
    args->texts = from(all, paths, all.count - paths);
    if (need(paths == wanted || args->list, args, what, err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    if (args->dialog && (args->texts.count || args->texts_file))
        return cli_misuse(err, "--dialog: brings its own questions, no other is "
                               "allowed");
    if (args->dialog)
        return VBLIP_OK;
    return need(args->texts.count || args->texts_file, args, text, err);
}

static vblip_status split_embed(cli_args *args, vblip_error *err)
{
    static const struct {
        bool paths, texts;
    } of[] = {[VBLIP_FEATURE_ITC_IMAGE] = {true, false},
              [VBLIP_FEATURE_ITC_TEXT] = {false, true},
              [VBLIP_FEATURE_VISION] = {true, false},
              [VBLIP_FEATURE_TEXT] = {false, true},
              [VBLIP_FEATURE_MULTIMODAL] = {true, true}};
    const bool paths = args->operands.count || args->list;
    const bool texts = args->queries.count || args->texts_file;
    args->paths = args->operands;
    args->texts = args->queries;
    if (need(args->what < CLI_WHAT_UNSET, args, "--what", err) != VBLIP_OK ||
        need(args->output != NULL, args, "-o FILE", err) != VBLIP_OK ||
        need(paths || !of[args->what].paths, args, "a PATH", err) != VBLIP_OK ||
        need(texts || !of[args->what].texts, args, "a --text", err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    if (paths && !of[args->what].paths)
        return cli_misuse(err, "%.200s: no PATH is allowed with this --what",
                          args->list ? "-a" : args->operands.items[0]);
    if (texts && !of[args->what].texts)
        return cli_misuse(err, "--text, --texts: not allowed with this --what");
    if (strcmp(args->output, "-") == 0)
        return cli_misuse(err, "-o -: embed writes a file");
    return VBLIP_OK;
}

// In the order of vblip_protocol.
static const char *const protocols[] = {"retrieval", "qa", "caption", "vqa", "nlvr"};

static vblip_status find_protocol(cli_args *args, vblip_error *err)
{
    const char *const list = "retrieval, qa, caption, vqa, nlvr";
    const cli_words all = args->operands;
    if (!all.count)
        return cli_misuse(err, "eval: missing a protocol; allowed: %s", list);
    if (all.count > 1)
        return cli_misuse(err, "%.200s: one protocol is allowed", all.items[1]);
    for (uint32_t i = 0; i < sizeof protocols / sizeof *protocols; i++)
        if (strcmp(all.items[0], protocols[i]) == 0) {
            args->protocol = i;
            return VBLIP_OK;
        }
    return cli_misuse(err, "%.64s: unknown protocol; allowed: %s", all.items[0], list);
}

static vblip_status split_operands(cli_args *args, vblip_error *err)
{
    const cli_words all = args->operands;
    switch (commands[args->command].operands) {
    case PATHS_THEN_QUERY:
        return split_retrieve(args, err);
    case PATH_THEN_TEXTS:
        return split_path_texts(args, 1, "a PATH", err);
    case PAIR_THEN_TEXTS:
        return split_path_texts(args, 2, "LEFT and RIGHT", err);
    case PATHS:
        args->paths = all;
        return need(all.count || args->list, args, "a PATH", err);
    case PATHS_FOR_WHAT:
        return split_embed(args, err);
    case TEXTS:
        args->texts = all;
        return need(all.count || args->list, args, "a TEXT", err);
    case ONE_FILE:
        args->paths = all;
        if (all.count > 1)
            return cli_misuse(err, "%.200s: one file of pairs is allowed",
                              all.items[1]);
        if (need(all.count, args, "a file of pairs", err) != VBLIP_OK)
            return VBLIP_ERR_ARGUMENT;
        return need(args->output != NULL, args, "-o FILE", err);
    case PROTOCOL:
        return find_protocol(args, err);
    case ONE_PATH:
        args->paths = all;
        if (all.count > 1)
            return cli_misuse(err, "%.200s: one PATH is allowed", all.items[1]);
        return VBLIP_OK;
    case NAMES:
        args->texts = all;
        return VBLIP_OK;
    case NOTHING:
        break;
    }
    if (all.count)
        return cli_misuse(err, "%.200s: %s takes no operands", all.items[0],
                          commands[args->command].name);
    return VBLIP_OK;
}

// ----------------------------------------------------------------- what must hold

// `number` 0 = there is only one.
static vblip_status check_utf8(const char *text, const char *what, uint32_t number,
                               vblip_error *err)
{
    size_t size = strlen(text);
    size_t bad = vb_utf8_check(text, size);
    if (bad == size)
        return VBLIP_OK;
    if (!number)
        return cli_misuse(err, "%s: not valid UTF-8 at byte %zu", what, bad + 1);
    return cli_misuse(err, "%s %u: not valid UTF-8 at byte %zu", what, number, bad + 1);
}

static vblip_status check_texts(const cli_args *args, vblip_error *err)
{
    for (uint32_t i = 0; i < args->texts.count; i++)
        if (check_utf8(args->texts.items[i], commands[args->command].texts, i + 1,
                       err) != VBLIP_OK)
            return VBLIP_ERR_ARGUMENT;
    if (args->prompt && check_utf8(args->prompt, "--prompt", 0, err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    if (args->answers && check_utf8(args->answers, "--answers", 0, err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    return VBLIP_OK;
}

// More than one user of standard input would each get a part of it.
static vblip_status check_stdin(const cli_args *args, vblip_error *err)
{
    const char *const files[] = {args->list, args->texts_file, args->answers_file};
    uint32_t users = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        users += files[i] && strcmp(files[i], "-") == 0;
    if (args->command != CLI_MODELS)
        for (uint32_t i = 0; i < args->paths.count; i++)
            users += strcmp(args->paths.items[i], "-") == 0;
    if (users > 1)
        return cli_misuse(err, "-: standard input can be read only once");
    return VBLIP_OK;
}

static vblip_status check_sampling(const cli_args *a, vblip_error *err)
{
    const struct {
        bool given;
        const char *name;
    } only[] = {
        {a->top_p > 0, "--top-p"},
        {a->top_k != CLI_NOT_GIVEN, "--top-k"},
        {a->temperature > 0, "--temperature"},
        {a->seed, "--seed"},
        {a->samples, "--samples"},
    };
    const bool filter = a->command == CLI_FILTER; // draws unless told otherwise
    for (size_t i = 0; i < sizeof only / sizeof *only; i++)
        if (only[i].given && (filter ? a->beams != 0 : !a->sample))
            return cli_misuse(err, "%s: %s", only[i].name,
                              filter ? "not allowed together with --beams"
                                     : "only allowed with --sample");
    if (a->sample && a->beams)
        return cli_misuse(err, "--beams: not allowed together with --sample");
    const bool subtitles = a->format == VB_FORMAT_SRT || a->format == VB_FORMAT_VTT;
    if (a->samples > 1 && (a->merge || subtitles))
        return cli_misuse(err, "--samples %u: 1 is allowed with %s", a->samples,
                          subtitles ? "subtitles" : "--merge");
    return VBLIP_OK;
}

static vblip_status check_eval(const cli_args *a, vblip_error *err)
{
    const bool retrieval = a->protocol == VBLIP_EVAL_RETRIEVAL;
    const bool caption = a->protocol == VBLIP_EVAL_CAPTION;
    const bool qa = a->protocol == VBLIP_EVAL_QA, nlvr = a->protocol == VBLIP_EVAL_NLVR;
    const bool captions = a->prompt || a->beams || a->max_length || a->min_length ||
                          a->repetition_penalty > 0;
    const struct {
        bool bad;
        const char *message;
    } rules[] = {
        {!a->annotations && !(caption && a->media), "eval: missing --annotations FILE"},
        {a->scores && !retrieval, "--scores: only allowed for eval retrieval"},
        {a->predictions && !qa && !nlvr,
         "--predictions: only allowed for eval qa and nlvr"},
        {a->answers_file && (retrieval || caption || nlvr),
         "--answers-file: only allowed for eval qa and vqa"},
        {a->k_test && !retrieval && !a->answers_file,
         "--k-test: only allowed for eval retrieval, or with --answers-file"},
        {captions && !caption, "--prompt, --beams, --max-length, --min-length, "
                               "--repetition-penalty: only allowed for eval caption"},
    };
    for (size_t i = 0; a->command == CLI_EVAL && i < sizeof rules / sizeof *rules; i++)
        if (rules[i].bad)
            return cli_misuse(err, "%s", rules[i].message);
    return VBLIP_OK;
}

static vblip_status check_together(const cli_args *a, vblip_error *err)
{
    const struct {
        bool bad;
        const char *message;
    } rules[] = {
        {a->list_nul && !a->list, "-0: only allowed with -a FILE"},
        {a->files_only && a->format != VB_FORMAT_TEXT,
         "--files-only: only allowed with --format text"},
        {a->null_paths && a->format != VB_FORMAT_TEXT,
         "--null: only allowed with --format text"},
        {a->answers && a->answers_file,
         "--answers-file: not allowed together with --answers"},
        {a->dialog && (a->answers || a->answers_file || a->k_test),
         "--dialog: not allowed together with --answers, --answers-file or --k-test"},
        {a->k_test && a->command == CLI_QA && !a->answers && !a->answers_file,
         "--k-test: only allowed with --answers or --answers-file"},
        {a->min_p > 0 && a->rerank == 0,
         "--min-p: not allowed with --rerank 0, which gives no P(match)"},
        {a->itm_token == 0 && a->compat == VBLIP_COMPAT_HF,
         "--itm-token enc: not allowed with --compat hf, which begins with [CLS]"},
        {a->count && (a->every_us || a->every_frames),
         "--count: not allowed together with --every"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].bad)
            return cli_misuse(err, "%s", rules[i].message);
    if (check_sampling(a, err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    uint32_t most = a->max_length ? a->max_length : 20;
    if (a->min_length > most)
        return cli_misuse(err, "--min-length %u: at most --max-length %u is allowed",
                          a->min_length, most);
    return VBLIP_OK;
}

// -------------------------------------------------------------------------- format

static vb_format format_of_name(const char *path)
{
    static const struct {
        const char *extension;
        vb_format format;
    } known[] = {
        {"txt", VB_FORMAT_TEXT},  {"tsv", VB_FORMAT_TSV},     {"csv", VB_FORMAT_CSV},
        {"json", VB_FORMAT_JSON}, {"jsonl", VB_FORMAT_JSONL}, {"srt", VB_FORMAT_SRT},
        {"vtt", VB_FORMAT_VTT},
    };
    const char *slash = strrchr(path, '/');
    const char *dot = strrchr(slash ? slash : path, '.');
    for (size_t i = 0; dot && i < sizeof known / sizeof *known; i++) {
        const char *a = dot + 1, *b = known[i].extension;
        while (*a && tolower((unsigned char)*a) == *b)
            a++, b++;
        if (!*a && !*b)
            return known[i].format;
    }
    return VB_FORMAT_TEXT;
}

static vblip_status settle_format(cli_args *args, vblip_error *err)
{
    const bool given = args->format != VB_FORMAT_UNSET;
    if (args->command == CLI_EMBED) {
        args->format = VB_FORMAT_TEXT; // no rows at all
        return given ? cli_misuse(err, "--format: embed writes safetensors") : VBLIP_OK;
    }
    if (!given)
        args->format =
            args->output ? (uint32_t)format_of_name(args->output) : VB_FORMAT_TEXT;
    if (args->command == CLI_FILTER) {
        if (given && args->format != VB_FORMAT_JSONL)
            return cli_misuse(err, "--format: allowed for filter: jsonl");
        args->format = VB_FORMAT_JSONL;
        return VBLIP_OK;
    }
    if (args->command == CLI_CAPTION ||
        (args->format != VB_FORMAT_SRT && args->format != VB_FORMAT_VTT))
        return VBLIP_OK;
    return cli_misuse(err, "%s %.200s: allowed for %s: text, tsv, csv, json, jsonl",
                      given ? "--format" : "-o",
                      given ? (args->format == VB_FORMAT_SRT ? "srt" : "vtt")
                            : args->output,
                      commands[args->command].name);
}

uint32_t cli_top_k(const cli_args *args)
{
    return args->top_k == CLI_NOT_GIVEN ? 0
           : args->top_k == 0           ? UINT32_MAX
                                        : args->top_k;
}

static vblip_status parse_run(cli_args *args, int argc, char **argv, vblip_error *err)
{
    if (args->command == CLI_FILTER)
        args->min_p = 0.5f;
    if (read_items(args, argc, argv, err) != VBLIP_OK ||
        settle_format(args, err) != VBLIP_OK || split_operands(args, err) != VBLIP_OK ||
        check_together(args, err) != VBLIP_OK || check_eval(args, err) != VBLIP_OK ||
        check_stdin(args, err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    return check_texts(args, err);
}

vblip_status cli_args_parse(cli_args *out, int argc, char **argv, vblip_error *err)
{
    vblip_error unused = {0};
    if (!err)
        err = &unused;
    *err = (vblip_error){0};
    *out = (cli_args){.command = CLI_COMMAND_COUNT,
                      .format = VB_FORMAT_UNSET,
                      .rerank = 128,
                      .itm_token = CLI_NOT_GIVEN,
                      .what = CLI_WHAT_UNSET,
                      .top_k = CLI_NOT_GIVEN};
    if (find_action(out, argc, argv, err) == VBLIP_OK &&
        (out->action != CLI_RUN || parse_run(out, argc, argv, err) == VBLIP_OK))
        return VBLIP_OK;
    cli_args_free(out);
    return VBLIP_ERR_ARGUMENT;
}

void cli_args_free(cli_args *args)
{
    free(args->operands.items);
    free(args->queries.items);
    free(args->include.items);
    free(args->exclude.items);
    *args = (cli_args){0};
}

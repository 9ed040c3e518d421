#include "cli/operands.h"

#include <stdio.h>
#include <string.h>

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
                      cli_commands[args->command].name, what,
                      cli_commands[args->command].name);
}

static vblip_status split_retrieve(cli_args *args, vblip_error *err)
{
    const cli_words all = args->operands;
    const bool alike = args->like.count != 0;
    bool separate = args->queries.count || args->texts_file || alike;
    args->rows = args->command == CLI_CUT && !separate && !args->list &&
                 all.count == 1 && strcmp(all.items[0], "-") == 0;
    if (args->rows)
        return VBLIP_OK;
    uint32_t paths = separate || !all.count ? all.count : all.count - 1;
    args->paths = from(all, 0, paths);
    args->texts = separate ? args->queries : from(all, paths, all.count - paths);
    if (need(separate || all.count, args, "a PATH and a query", err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    return need(paths || args->list || args->index, args,
                separate ? "a PATH" : "a PATH (the last operand is the query)", err);
}

// The first `wanted` operands are paths, called `what`, unless -a names a file of them.
static vblip_status split_path_texts(cli_args *args, uint32_t wanted, const char *what,
                                     vblip_error *err)
{
    const cli_words all = args->operands;
    uint32_t paths = args->list ? 0 : all.count < wanted ? all.count : wanted;
    char text[32];
    snprintf(text, sizeof text, "a %s", cli_commands[args->command].texts);
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

static vblip_status find_protocol(cli_args *args, vblip_error *err)
{
    static const char *const protocols[] = {
        [VBLIP_EVAL_RETRIEVAL] = "retrieval", [VBLIP_EVAL_QA] = "qa",
        [VBLIP_EVAL_CAPTION] = "caption",     [VBLIP_EVAL_VQA] = "vqa",
        [VBLIP_EVAL_NLVR] = "nlvr",
    };
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

static vblip_status split_match(cli_args *args, vblip_error *err)
{
    return split_path_texts(args, 1, "a PATH", err);
}

static vblip_status split_nlvr(cli_args *args, vblip_error *err)
{
    return split_path_texts(args, 2, "LEFT and RIGHT", err);
}

static vblip_status split_paths(cli_args *args, vblip_error *err)
{
    const cli_words all = args->paths = args->operands;
    if (args->remap && (all.count || args->list))
        return cli_misuse(err, "%.200s: no PATH is allowed with --remap",
                          all.count ? all.items[0] : "-a");
    return need(all.count || args->list || args->remap || cli_looks_at_indexes(args),
                args, "a PATH", err);
}

static vblip_status split_any_paths(cli_args *args, vblip_error *err)
{
    (void)err;
    args->paths = args->operands;
    return VBLIP_OK;
}

static vblip_status split_indexes(cli_args *args, vblip_error *err)
{
    args->paths = args->operands;
    VB_TRY(need(args->operands.count, args, "an INDEX", err));
    VB_TRY(need(args->output != NULL, args, "-o FILE", err));
    if (strcmp(args->output, "-") == 0)
        return cli_misuse(err, "-o -: merge writes a file");
    return VBLIP_OK;
}

// All operands are paths, of which `allowed` says that there may be one.
static vblip_status take_one(cli_args *args, const char *allowed, vblip_error *err)
{
    args->paths = args->operands;
    if (args->operands.count > 1)
        return cli_misuse(err, "%.200s: %s", args->operands.items[1], allowed);
    return VBLIP_OK;
}

static vblip_status split_one_index(cli_args *args, vblip_error *err)
{
    VB_TRY(take_one(args, "one INDEX is allowed; vblip merge joins several", err));
    return need(args->paths.count, args, "an INDEX", err);
}

static vblip_status split_one_file(cli_args *args, vblip_error *err)
{
    VB_TRY(take_one(args, "one file of pairs is allowed", err));
    VB_TRY(need(args->paths.count, args, "a file of pairs", err));
    return need(args->output || args->command != CLI_FILTER, args, "-o FILE", err);
}

static vblip_status split_one_path(cli_args *args, vblip_error *err)
{
    return take_one(args, "one PATH is allowed", err);
}

static vblip_status split_directory(cli_args *args, vblip_error *err)
{
    args->texts = args->queries;
    VB_TRY(take_one(args, "one DIRECTORY, or one stream, is allowed", err));
    VB_TRY(need(args->paths.count, args, "a DIRECTORY or a stream", err));
    return need(args->texts.count, args, "--alert TEXT", err);
}

static vblip_status split_rows(cli_args *args, vblip_error *err)
{
    const cli_words all = args->operands;
    args->paths = from(all, 0, all.count > 0);
    args->texts = from(all, 1, all.count > 1);
    if (all.count > 2)
        return cli_misuse(err, "%.200s: one query is allowed", all.items[2]);
    return need(all.count, args, "a file of candidates", err);
}

static vblip_status split_texts(cli_args *args, vblip_error *err)
{
    args->texts = args->operands;
    return need(args->operands.count || args->list, args, "a TEXT", err);
}

static vblip_status split_names(cli_args *args, vblip_error *err)
{
    (void)err;
    args->texts = args->operands;
    return VBLIP_OK;
}

static vblip_status split_nothing(cli_args *args, vblip_error *err)
{
    if (args->operands.count)
        return cli_misuse(err, "%.200s: %s takes no operands", args->operands.items[0],
                          cli_commands[args->command].name);
    return VBLIP_OK;
}

vblip_status cli_operands_split(cli_args *args, vblip_error *err)
{
    static vblip_status (*const splits[])(cli_args *, vblip_error *) = {
        [CLI_TAKES_NOTHING] = split_nothing,
        [CLI_TAKES_PATHS_THEN_QUERY] = split_retrieve,
        [CLI_TAKES_PATH_THEN_TEXTS] = split_match,
        [CLI_TAKES_PAIR_THEN_TEXTS] = split_nlvr,
        [CLI_TAKES_PATHS] = split_paths,
        [CLI_TAKES_ANY_PATHS] = split_any_paths,
        [CLI_TAKES_INDEXES] = split_indexes,
        [CLI_TAKES_ONE_INDEX] = split_one_index,
        [CLI_TAKES_ROWS] = split_rows,
        [CLI_TAKES_PATHS_FOR_WHAT] = split_embed,
        [CLI_TAKES_TEXTS] = split_texts,
        [CLI_TAKES_ONE_FILE] = split_one_file,
        [CLI_TAKES_PROTOCOL] = find_protocol,
        [CLI_TAKES_ONE_PATH] = split_one_path,
        [CLI_TAKES_DIRECTORY] = split_directory,
        [CLI_TAKES_NAMES] = split_names,
    };
    return splits[cli_commands[args->command].operands](args, err);
}

#include "cli/args.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const cli_command_traits cli_commands[CLI_COMMAND_COUNT] = {
    [CLI_RETRIEVE] = {"retrieve", CLI_TAKES_PATHS_THEN_QUERY, "query"},
    [CLI_CUT] = {"cut", CLI_TAKES_PATHS_THEN_QUERY, "query"},
    [CLI_INDEX] = {"index", CLI_TAKES_PATHS, "text"},
    [CLI_MERGE] = {"merge", CLI_TAKES_INDEXES, "text"},
    [CLI_EXPORT] = {"export", CLI_TAKES_ONE_INDEX, "text"},
    [CLI_RERANK] = {"rerank", CLI_TAKES_ROWS, "query"},
    [CLI_QA] = {"qa", CLI_TAKES_PATH_THEN_TEXTS, "question"},
    [CLI_CAPTION] = {"caption", CLI_TAKES_PATHS, "text"},
    [CLI_COMMAND_RUN] = {"run", CLI_TAKES_PATHS, "question"},
    [CLI_MATCH] = {"match", CLI_TAKES_PATH_THEN_TEXTS, "text"},
    [CLI_REASON] = {"reason", CLI_TAKES_PAIR_THEN_TEXTS, "statement"},
    [CLI_EMBED] = {"embed", CLI_TAKES_PATHS_FOR_WHAT, "text"},
    [CLI_EVAL] = {"eval", CLI_TAKES_PROTOCOL, "text"},
    [CLI_FILTER] = {"filter", CLI_TAKES_ONE_FILE, "text"},
    [CLI_CALIBRATE] = {"calibrate", CLI_TAKES_ONE_FILE, "text"},
    [CLI_SHOTS] = {"shots", CLI_TAKES_PATHS, "text"},
    [CLI_SERVE] = {"serve", CLI_TAKES_ANY_PATHS, "text"},
    [CLI_WATCH] = {"watch", CLI_TAKES_DIRECTORY, "alert"},
    [CLI_WORKER] = {"worker", CLI_TAKES_NOTHING, "text"},
    [CLI_MCP] = {"mcp", CLI_TAKES_ANY_PATHS, "text"},
    [CLI_TOKENIZE] = {"tokenize", CLI_TAKES_TEXTS, "text"},
    [CLI_MODELS] = {"models", CLI_TAKES_ONE_PATH, "text"},
    [CLI_DOCTOR] = {"doctor", CLI_TAKES_NOTHING, "text"},
    [CLI_BENCH] = {"bench", CLI_TAKES_NAMES, "name"},
};

cli_args cli_args_none(void)
{
    return (cli_args){.command = CLI_COMMAND_COUNT,
                      .format = VB_FORMAT_UNSET,
                      .rerank = CLI_NOT_GIVEN,
                      .cache_gb = -1.0f,
                      .port = CLI_NOT_GIVEN,
                      .same_picture = -1.0f,
                      .itm_token = CLI_NOT_GIVEN,
                      .what = CLI_WHAT_UNSET,
                      .top_k = CLI_NOT_GIVEN};
}

const char *cli_command_name(cli_command command)
{
    return command < CLI_COMMAND_COUNT ? cli_commands[command].name : "vblip";
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

bool cli_is_playlist(uint32_t format)
{
    return format == VB_FORMAT_M3U8 || format == VB_FORMAT_EDL ||
           format == VB_FORMAT_OTIO;
}

bool cli_looks_at_indexes(const cli_args *args)
{
    return args->index_stats || args->index_list || args->index_verify;
}

bool cli_edits_indexes(const cli_args *args)
{
    return args->index_remove || args->remap;
}

vblip_caption_options cli_caption_options(const cli_args *args)
{
    const uint32_t top_k = args->top_k ? args->top_k : UINT32_MAX; // 0 = all
    return (vblip_caption_options){
        .prompt = args->prompt,
        .beams = args->beams,
        .max_length = args->max_length,
        .min_length = args->min_length,
        .repetition_penalty = args->repetition_penalty,
        .top_p = args->top_p,
        .top_k = args->top_k == CLI_NOT_GIVEN ? 0 : top_k,
        .temperature = args->temperature,
        .seed = args->seed,
    };
}

bool cli_words_add(cli_words *words, const char *word)
{
    const uint32_t used = words->count + 1; // with the NULL at the end
    if ((used & (used - 1)) == 0) {         // there is room for a power of two
        const char **items = realloc(words->items, 2 * (size_t)used * sizeof *items);
        if (!items)
            return false;
        words->items = items;
    }
    words->items[words->count++] = word;
    words->items[words->count] = NULL;
    return true;
}

void cli_args_free(cli_args *args)
{
    free(args->operands.items);
    free(args->queries.items);
    free(args->include.items);
    free(args->exclude.items);
    free(args->like.items);
    free(args->unlike.items);
    free(args->files.items);
    *args = (cli_args){0};
}

#include "cli/order.h"

#include "base/text.h"

#include <string.h>
#include <unistd.h>

// The first of `words` that is (or is not) the name of a file; NULL when there is none.
static const char *first_file(const cli_words *words, bool there)
{
    for (uint32_t i = 0; i < words->count; i++)
        if ((access(words->items[i], F_OK) == 0) == there)
            return words->items[i];
    return NULL;
}

static vblip_status check_addresses(const cli_args *args, vblip_error *err)
{
    const cli_words *paths = &args->paths;
    for (uint32_t i = 0; i < paths->count && args->command != CLI_WATCH; i++)
        if (strstr(paths->items[i], "://") && access(paths->items[i], F_OK) != 0)
            return cli_misuse(
                err,
                "%.300s: an address, not a file; only watch goes online: download it, "
                "and name the file",
                paths->items[i]);
    return VBLIP_OK;
}

static vblip_status check_swapped(const cli_args *args, bool query_last,
                                  vblip_error *err)
{
    const char *path = first_file(&args->paths, false);
    const char *text = first_file(&args->texts, true);
    if (!path || !text)
        return VBLIP_OK;
    return cli_misuse(err, "%.200s: no such file, but %.200s is one: %s", path, text,
                      query_last ? "the query comes last" : "the PATH comes first");
}

static bool is_word(const char *path)
{
    return access(path, F_OK) != 0 && !strpbrk(path, "./ ");
}

// `retrieve DIR a dog`: the words of a query without quotes count as paths.
static vblip_status check_quotes(const cli_args *args, vblip_error *err)
{
    const cli_words *paths = &args->paths;
    uint32_t first = paths->count; // of the words at the end
    if (strchr(args->texts.items[0], ' '))
        return VBLIP_OK;
    while (first > 0 && is_word(paths->items[first - 1]))
        first--;
    if (first == 0 || first == paths->count ||
        access(paths->items[first - 1], F_OK) != 0)
        return VBLIP_OK;
    vb_string query = {0};
    for (uint32_t i = first; i < paths->count; i++)
        vb_string_appendf(&query, "%s ", paths->items[i]);
    vb_string_puts(&query, args->texts.items[0]);
    cli_misuse(err,
               "%.200s: no such file; a query is one argument, in quotes: \"%.200s\"",
               paths->items[first], query.failed ? "" : query.bytes);
    vb_string_free(&query);
    return VBLIP_ERR_ARGUMENT;
}

vblip_status cli_order_check(const cli_args *args, vblip_error *err)
{
    const cli_takes takes = cli_commands[args->command].operands;
    const bool query_last = takes == CLI_TAKES_PATHS_THEN_QUERY;
    if (check_addresses(args, err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    if (!query_last && takes != CLI_TAKES_PATH_THEN_TEXTS &&
        takes != CLI_TAKES_PAIR_THEN_TEXTS)
        return VBLIP_OK;
    if (args->queries.count || !args->texts.count)
        return VBLIP_OK; // texts are not operands
    if (check_swapped(args, query_last, err) != VBLIP_OK)
        return VBLIP_ERR_ARGUMENT;
    return query_last ? check_quotes(args, err) : VBLIP_OK;
}

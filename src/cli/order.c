#include "cli/order.h"

#include <unistd.h>

// The first of `words` that is (or is not) the name of a file; NULL when there is none.
static const char *first_file(const cli_words *words, bool there)
{
    for (uint32_t i = 0; i < words->count; i++)
        if ((access(words->items[i], F_OK) == 0) == there)
            return words->items[i];
    return NULL;
}

vblip_status cli_order_check(const cli_args *args, vblip_error *err)
{
    const cli_takes takes = cli_commands[args->command].operands;
    const bool query_last = takes == CLI_TAKES_PATHS_THEN_QUERY;
    if (!query_last && takes != CLI_TAKES_PATH_THEN_TEXTS &&
        takes != CLI_TAKES_PAIR_THEN_TEXTS)
        return VBLIP_OK;
    if (args->queries.count || !args->texts.count)
        return VBLIP_OK; // texts are not operands
    const char *path = first_file(&args->paths, false);
    const char *text = first_file(&args->texts, true);
    if (!path || !text)
        return VBLIP_OK;
    return cli_misuse(err, "%.200s: no such file, but %.200s is one: %s", path, text,
                      query_last ? "the query comes last" : "the PATH comes first");
}

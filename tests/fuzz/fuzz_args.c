// fuzz_args.c - no command line may crash or leak, and what is accepted holds together.
// The input is argv: words ended by NUL.
#include "cli/parse.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(cli_words words)
{
    size_t total = 0;
    for (uint32_t i = 0; i < words.count; i++)
        total += strlen(words.items[i]);
    volatile size_t sink = total;
    (void)sink;
}

static void check(const cli_args *args)
{
    use(args->paths);
    use(args->texts);
    if (args->action != CLI_RUN)
        return;
    if (args->command >= CLI_COMMAND_COUNT || args->format >= VB_FORMAT_UNSET ||
        args->progress > VB_PROGRESS_NONE || args->frames > 1024 ||
        !(args->min_p >= 0.0f && args->min_p <= 1.0f))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MOST = 64 };
    char *copy = malloc(size + 1);
    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    copy[size] = '\0';
    char name[] = "vblip";
    char *argv[MOST + 2] = {name};
    int argc = 1;
    for (size_t at = 0; at < size && argc <= MOST; at += strlen(copy + at) + 1)
        argv[argc++] = copy + at;

    cli_args args;
    vblip_error err;
    if (cli_args_parse(&args, argc, argv, &err) == VBLIP_OK)
        check(&args);
    else if (!err.message[0] || err.status != VBLIP_ERR_ARGUMENT)
        abort();
    cli_args_free(&args);
    free(copy);
    return 0;
}

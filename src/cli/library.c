#include "cli/library.h"

vblip_library_options cli_library_options(const cli_session *s)
{
    const cli_args *a = s->args;
    uint64_t tokens = 0;
    if (a->cache_gb >= 0)
        tokens = a->cache_gb > 0 ? (uint64_t)((double)a->cache_gb * 1e9) : UINT64_MAX;
    return (vblip_library_options){
        .index = a->index,
        .data_dir = a->no_index ? NULL : s->env.data_dir,
        .segment = a->segment,
        .frames = a->frames,
        .rebuild = a->rebuild,
        .retry_failed = a->retry_failed,
        .tokens_bytes = tokens,
    };
}

void cli_say_changes(cli_session *s, const vblip_index_changes *changes)
{
    const struct {
        uint64_t count;
        const char *what;
    } told[] = {
        {changes->added, "new"},         {changes->changed, "changed"},
        {changes->moved, "moved"},       {changes->removed, "gone"},
        {changes->failed, "unreadable"},
    };
    vb_string line = {0};
    for (size_t i = 0; i < sizeof told / sizeof *told; i++)
        if (told[i].count)
            vb_string_appendf(&line, "%s%llu %s", line.size ? ", " : "",
                              (unsigned long long)told[i].count, told[i].what);
    if (line.size)
        vb_console_note(
            &s->console, "files: %s, %llu as they were; %llu segment%s encoded",
            line.bytes, (unsigned long long)changes->unchanged,
            (unsigned long long)changes->segments, changes->segments == 1 ? "" : "s");
    if (changes->waiting)
        vb_console_warn(
            &s->console,
            "%llu file%s changed, but the index cannot be written now: what "
            "it holds is searched",
            (unsigned long long)changes->waiting, changes->waiting == 1 ? "" : "s");
    if (changes->unkept)
        vb_console_warn(
            &s->console,
            "%llu file%s kept in no index, for %s cannot be written; --index "
            "FILE names another place, --no-index asks for none",
            (unsigned long long)changes->unkept, changes->unkept == 1 ? " is" : "s are",
            s->env.data_dir);
    if (changes->passed_over)
        vb_console_note(
            &s->console,
            "%llu candidate%s stayed with ITC alone, for the frames would be "
            "encoded anew; --rerank 128 looks at all",
            (unsigned long long)changes->passed_over,
            changes->passed_over == 1 ? "" : "s");
    vb_string_free(&line);
}

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
    if (changes->away)
        vb_console_warn(&s->console,
                        "%llu candidate%s stayed with ITC alone, for the file is not "
                        "there, or was written to since",
                        (unsigned long long)changes->away,
                        changes->away == 1 ? "" : "s");
    vb_string_free(&line);
}

static const vb_column totals_columns[] = {
    {"index", VB_CELL_TEXT, NULL},       {"root", VB_CELL_TEXT, NULL},
    {"recordings", VB_CELL_WHOLE, NULL}, {"failed", VB_CELL_WHOLE, NULL},
    {"segments", VB_CELL_WHOLE, NULL},   {"bytes", VB_CELL_WHOLE, NULL},
};
const vb_table cli_totals_table = {totals_columns,
                                   sizeof totals_columns / sizeof *totals_columns};

int cli_emit_totals(void *session, const vblip_index_info *info)
{
    cli_session *s = session;
    if (s->args->format == VB_FORMAT_TEXT) {
        vb_string_appendf(&s->line, "%s\n  of          %s\n  recordings  %llu",
                          info->path, info->root, (unsigned long long)info->recordings);
        if (info->failed)
            vb_string_appendf(&s->line, ", %llu of them could not be read",
                              (unsigned long long)info->failed);
        vb_string_appendf(&s->line, "\n  segments    %llu\n  size        %llu bytes\n",
                          (unsigned long long)info->segments,
                          (unsigned long long)info->bytes);
        return cli_emit_line(s);
    }
    const vb_cell cells[] = {
        vb_cell_text(info->path),        vb_cell_text(info->root),
        vb_cell_whole(info->recordings), vb_cell_whole(info->failed),
        vb_cell_whole(info->segments),   vb_cell_whole(info->bytes),
    };
    return cli_emit_row(s, cells);
}

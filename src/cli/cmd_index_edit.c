// cmd_index_edit.c - index --remove and --remap: indexes are changed, and no recording is
// looked at (cli.md 3).
#include "base/path.h"
#include "cli/cmd.h"
#include "cli/library.h"
#include "terminal/interrupt.h"

#include <stdlib.h>
#include <string.h>

// What is asked for, and what became of it.
typedef struct index_edit {
    cli_session *session;
    const char *const *paths; // that are removed
    uint32_t path_count;
    uint64_t *removed, *found; // [path_count]: in one index, and in all
    char *from;                // that is remapped
    const char *to;
} index_edit;

// ------------------------------------------------------------------------------ --remove

static const vb_column removed_columns[] = {
    {"path", VB_CELL_TEXT, NULL},
    {"index", VB_CELL_TEXT, NULL},
    {"removed", VB_CELL_WHOLE, NULL},
};
static const vb_table removed_table = {removed_columns, sizeof removed_columns /
                                                            sizeof *removed_columns};

static int tell_removed(cli_session *s, const char *path, const char *index,
                        uint64_t removed)
{
    if (s->args->format == VB_FORMAT_TEXT) {
        vb_string_appendf(&s->line, "%s\n  forgotten   %llu of %s\n", index,
                          (unsigned long long)removed, path);
        return cli_emit_line(s);
    }
    const vb_cell cells[] = {
        vb_cell_text(path),
        vb_cell_text(index),
        vb_cell_whole(removed),
    };
    return cli_emit_row(s, cells);
}

static vblip_status remove_from(index_edit *edit, const char *index, vblip_error *err)
{
    int stop = 0;
    VB_TRY(
        vblip_index_remove(index, edit->paths, edit->path_count, edit->removed, err));
    for (uint32_t i = 0; i < edit->path_count && !stop; i++) {
        edit->found[i] += edit->removed[i];
        if (edit->removed[i])
            stop = tell_removed(edit->session, edit->paths[i], index, edit->removed[i]);
    }
    return VBLIP_OK;
}

static void report_not_found(index_edit *edit)
{
    cli_session *s = edit->session;
    for (uint32_t i = 0; i < edit->path_count; i++)
        if (!edit->found[i]) {
            vb_console_error(&s->console, "%s: in no index", edit->paths[i]);
            s->failed++;
        }
}

static vblip_status gather_removed(index_edit *edit, vblip_error *err)
{
    cli_session *s = edit->session;
    const cli_args *a = s->args;
    for (uint32_t i = 0; i < a->paths.count; i++)
        if (!vb_list_add(&s->paths, a->paths.items[i], strlen(a->paths.items[i])))
            return vb_fail_memory(err, "paths");
    if (a->list)
        VB_TRY(vb_list_read(&s->paths, a->list, a->list_nul ? '\0' : '\n',
                            VB_ENTRIES_PATHS, err));
    edit->paths = (const char *const *)s->paths.items;
    edit->path_count = s->paths.count;
    edit->removed = calloc((size_t)s->paths.count + 1, sizeof *edit->removed);
    edit->found = calloc((size_t)s->paths.count + 1, sizeof *edit->found);
    return edit->removed && edit->found ? VBLIP_OK : vb_fail_memory(err, "paths");
}

// ------------------------------------------------------------------------------- --remap

static const vb_column remapped_columns[] = {
    {"index", VB_CELL_TEXT, NULL},
    {"root", VB_CELL_TEXT, NULL},
    {"old_index", VB_CELL_TEXT, NULL},
    {"old_root", VB_CELL_TEXT, NULL},
};
static const vb_table remapped_table = {remapped_columns, sizeof remapped_columns /
                                                              sizeof *remapped_columns};

static int on_remapped(void *session, const vblip_index_remapped *remapped)
{
    cli_session *s = session;
    if (s->args->format == VB_FORMAT_TEXT) {
        vb_string_appendf(&s->line, "%s\n  of          %s\n  was of      %s\n",
                          remapped->path, remapped->root, remapped->old_root);
        return cli_emit_line(s);
    }
    const vb_cell cells[] = {
        vb_cell_text(remapped->path),
        vb_cell_text(remapped->root),
        vb_cell_text(remapped->old_path),
        vb_cell_text(remapped->old_root),
    };
    return cli_emit_row(s, cells);
}

static vblip_status gather_remap(index_edit *edit, vblip_error *err)
{
    edit->from = strdup(edit->session->args->remap);
    if (!edit->from)
        return vb_fail_memory(err, "--remap");
    char *equals = strchr(edit->from, '=');
    *equals = '\0';
    edit->to = equals + 1;
    vb_path_kind kind;
    VB_TRY(vb_path_look_up(&kind, edit->to, err)); // once for all indexes
    return kind == VB_PATH_FOLDER
               ? VBLIP_OK
               : vb_fail(err, VBLIP_ERR_IO, "%s: no such directory", edit->to);
}

// ----------------------------------------------------------------------------- all indexes

static int edit_index(void *user, const char *path)
{
    index_edit *edit = user;
    cli_session *s = edit->session;
    vblip_error err = {0};
    const vblip_status status =
        edit->from ? vblip_index_remap(path, edit->from, edit->to, on_remapped, s, &err)
                   : remove_from(edit, path, &err);
    if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED) {
        vb_console_error(&s->console, "%s", err.message);
        s->failed++;
    }
    return vb_interrupted() || s->out.error;
}

static vblip_status edit_all(index_edit *edit, vblip_error *err)
{
    cli_session *s = edit->session;
    if (s->args->index)
        (void)edit_index(edit, s->args->index);
    else if (s->env.data_dir)
        VB_TRY(vblip_index_each(s->env.data_dir, NULL, edit_index, edit, err));
    return VBLIP_OK;
}

static cli_exit edit_exit(index_edit *edit, vblip_status status, const vblip_error *err)
{
    cli_session *s = edit->session;
    if (vb_interrupted())
        return CLI_EXIT_INTERRUPTED;
    if (status != VBLIP_OK && status != VBLIP_ERR_CANCELLED)
        return cli_fail(s, status, err);
    report_not_found(edit);
    if (edit->from && !s->written && !s->failed) {
        vb_console_error(&s->console, "%s: no index is of it, or of a directory in it",
                         edit->from);
        s->failed++;
    }
    if (!s->failed)
        return CLI_EXIT_DONE;
    return s->written ? CLI_EXIT_SOME_FAILED : CLI_EXIT_UNUSABLE;
}

cli_exit cli_edit_indexes(cli_session *s)
{
    index_edit edit = {.session = s};
    vblip_error err = {0};
    cli_exit code =
        cli_output_begin(s, s->args->remap ? &remapped_table : &removed_table);
    if (code == CLI_EXIT_DONE) {
        vb_rows_begin(&s->rows, &s->line);
        vblip_status status =
            s->args->remap ? gather_remap(&edit, &err) : gather_removed(&edit, &err);
        if (status == VBLIP_OK)
            status = edit_all(&edit, &err);
        code = cli_output_end(s, edit_exit(&edit, status, &err));
    }
    free(edit.removed);
    free(edit.found);
    free(edit.from);
    return code;
}

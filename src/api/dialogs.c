// dialogs.c - the exported functions about files of dialogs.
#include "vblip_lab.h"

#include "api/objects.h"
#include "base/file.h"

#include <stdlib.h>

enum { MAX_DIALOGS = 1 << 30 }; // bytes of a file

static vblip_status load_dialogs(vblip_dialogs *dialogs, const char *path,
                                 vblip_error *err)
{
    char *text;
    size_t size;
    VB_TRY(vb_file_read(&text, &size, path, MAX_DIALOGS, err));
    vblip_status status =
        vb_dialogs_parse(&dialogs->list, &dialogs->arena, text, size, path, err);
    free(text);
    return status;
}

vblip_status vblip_dialogs_open(vblip_dialogs **out, const char *path, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_need(path != NULL, "path", err));
    vblip_dialogs *dialogs = calloc(1, sizeof *dialogs);
    if (!dialogs)
        return vb_fail_memory(err, path);
    vblip_status status = load_dialogs(dialogs, path, err);
    if (status != VBLIP_OK)
        vblip_dialogs_close(&dialogs);
    *out = dialogs;
    return status;
}

void vblip_dialogs_close(vblip_dialogs **dialogs)
{
    if (!dialogs || !*dialogs)
        return;
    vb_arena_free(&(*dialogs)->arena);
    free(*dialogs);
    *dialogs = NULL;
}

// move.c - an index gets another name, whole and at once.
#include "index/store.h"

#include "base/arena.h"
#include "base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

vblip_status vb_index_check_free(const char *path, bool replace, vblip_error *err)
{
    vblip_error why = {0};
    vb_index *index;
    bool there;
    VB_TRY(vb_path_exists(&there, path, err));
    if (!there)
        return VBLIP_OK;
    if (!replace)
        return vb_fail(err, VBLIP_ERR_IO, "%s: is there already", path);
    if (vb_index_open(&index, &(vb_index_options){.path = path}, &why) != VBLIP_OK)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: no index that can be read, so it is not replaced", path);
    vb_index_close(&index);
    return VBLIP_OK;
}

// Moves all that is in the log into the file, and locks that until the index is closed. It
// fails where another program has the index open: the log that it writes under the old
// name would be lost.
static vblip_status settle_index(vb_index *index, vblip_error *err)
{
    return vb_index_sql(index, "PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE", err);
}

static void remove_beside(const char *path, const char *ending)
{
    vb_string name = {0};
    if (vb_string_appendf(&name, "%s%s", path, ending))
        unlink(name.bytes);
    vb_string_free(&name);
}

// So that the new name outlasts a loss of power; where that cannot be, it is not worse.
static void sync_folder(const char *path)
{
    vb_arena arena = {0};
    const char *folder = vb_path_folder(&arena, path);
    const int descriptor = folder ? open(folder, O_RDONLY | O_CLOEXEC) : -1;
    if (descriptor >= 0) {
        (void)!fsync(descriptor);
        close(descriptor);
    }
    vb_arena_free(&arena);
}

// With nobody writing under either name.
static vblip_status rename_index(vb_index *index, const char *to, vblip_error *err)
{
    VB_TRY(settle_index(index, err));
    if (rename(index->path, to) != 0)
        return vb_fail_errno(err, to, errno);
    sync_folder(to);
    remove_beside(index->path, ".lock");
    return VBLIP_OK;
}

// Keeps writers from the name `to`: by the index that is there, opened to *old, or by a
// lock alone.
static vblip_status take_name(vb_index **old, int *lock, const char *to, bool replace,
                              vblip_error *err)
{
    bool there;
    VB_TRY(vb_index_check_free(to, replace, err));
    VB_TRY(vb_path_exists(&there, to, err));
    if (there) {
        VB_TRY(vb_index_open(old, &(vb_index_options){.path = to, .write = true}, err));
        return settle_index(*old, err);
    }
    VB_TRY(vb_lock_take(lock, to, false, err));
    return vb_index_check_free(to, false, err); // nobody was faster
}

vblip_status vb_index_move(vb_index **index, const char *to, bool replace,
                           vblip_error *err)
{
    vb_index *old = NULL;
    int lock = -1;
    vblip_status status = take_name(&old, &lock, to, replace, err);
    if (status == VBLIP_OK)
        status = rename_index(*index, to, err);
    if (status == VBLIP_OK)
        vb_index_close(index);
    vb_index_close(&old);
    if (lock >= 0)
        close(lock);
    return status;
}

void vb_index_discard(vb_index **at)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal", ".lock"};
    vb_string path = {0};
    if (!*at)
        return;
    const int lock = (*at)->lock; // until all is removed
    (*at)->lock = -1;
    vb_string_puts(&path, (*at)->path);
    vb_index_close(at);
    for (size_t i = 0; i < sizeof endings / sizeof *endings && !path.failed; i++)
        remove_beside(path.bytes, endings[i]);
    vb_string_free(&path);
    if (lock >= 0)
        close(lock);
}

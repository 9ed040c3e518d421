#include "checkpoint/hub.h"

#include "base/file.h"
#include "base/path.h"
#include "base/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

// The length of the run of name characters at `text`, 0 when it starts with a dot: such
// a run is one folder name and never leads out of where it is put.
static size_t word_length(const char *text)
{
    size_t n = 0;
    if (text[0] == '.')
        return 0;
    while (isalnum((unsigned char)text[n]) || (text[n] && strchr("._-", text[n])))
        n++;
    return n;
}

bool vb_hub_is_name(const char *name)
{
    size_t org = word_length(name);
    if (org == 0 || name[org] != '/')
        return false;
    size_t model = word_length(name + org + 1);
    return model > 0 && name[org + 1 + model] == '\0' && strlen(name) <= 200;
}

// Of a folder without refs/main, as `download --revision COMMIT` leaves it, the only
// snapshot there is.
static vblip_status only_snapshot(vb_string *path, vblip_error *err, const char *folder)
{
    char name[256] = "";
    int count = 0;
    vb_string_clear(path);
    if (!vb_string_appendf(path, "%s/snapshots", folder))
        return vb_fail_memory(err, folder);
    DIR *snapshots = opendir(path->bytes);
    if (!snapshots && errno != ENOENT)
        return vb_fail_errno(err, path->bytes, errno);
    for (struct dirent *d; snapshots && (d = readdir(snapshots));) {
        size_t size = word_length(d->d_name);
        if (size == 0 || d->d_name[size] || size >= sizeof name)
            continue;
        memcpy(name, d->d_name, size + 1);
        count++;
    }
    if (snapshots)
        closedir(snapshots);
    if (count != 1)
        return vb_fail(err, VBLIP_ERR_IO,
                       "%s: no refs/main, and %d snapshots, expected 1%s", folder,
                       count, count > 1 ? ": name the folder of one" : "");
    if (!vb_string_appendf(path, "/%s", name))
        return vb_fail_memory(err, folder);
    return VBLIP_OK;
}

// refs/main holds the name of the snapshot, a commit.
static vblip_status read_ref(vb_string *path, vblip_error *err, const char *folder)
{
    char *commit;
    size_t size;
    bool there;
    if (!vb_string_appendf(path, "%s/refs/main", folder))
        return vb_fail_memory(err, folder);
    VB_TRY(vb_path_exists(&there, path->bytes, err));
    if (!there)
        return only_snapshot(path, err, folder);
    VB_TRY(vb_file_read(&commit, &size, path->bytes, 4096, err));
    size_t length = word_length(commit);
    vblip_status status = VBLIP_OK;
    if (length == 0 || strspn(commit + length, " \r\n") != size - length)
        status = vb_fail(err, VBLIP_ERR_FORMAT, "%s: not the name of a snapshot",
                         path->bytes);
    if (status == VBLIP_OK) {
        vb_string_clear(path);
        if (!vb_string_appendf(path, "%s/snapshots/%.*s", folder, (int)length, commit))
            status = vb_fail_memory(err, folder);
    }
    free(commit);
    return status;
}

// The snapshot of the repository in `folder`, which is there.
static vblip_status find_snapshot(vb_string *path, const char *folder, const char *name,
                                  vblip_error *err)
{
    bool there;
    VB_TRY(read_ref(path, err, folder));
    VB_TRY(vb_path_exists(&there, path->bytes, err));
    if (there)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_IO,
                   "%s: its snapshot is missing from the Hugging Face cache: %s", name,
                   path->bytes);
}

// "Salesforce/blip-vqa-base" is kept in models--Salesforce--blip-vqa-base.
static vblip_status find_repository(vb_string *folder, vb_string *path,
                                    const char *hub_dir, const char *name,
                                    vblip_error *err)
{
    const char *slash = strchr(name, '/');
    bool there;
    if (!vb_string_appendf(folder, "%s/models--%.*s--%s", hub_dir, (int)(slash - name),
                           name, slash + 1))
        return vb_fail_memory(err, name);
    VB_TRY(vb_path_exists(&there, folder->bytes, err));
    if (!there)
        return vb_fail(err, VBLIP_ERR_IO,
                       "%s: no such folder or file; if it is a model's name on the "
                       "hub, it is not in the cache %s: hf download %s puts it there",
                       name, hub_dir, name);
    return find_snapshot(path, folder->bytes, name, err);
}

// Takes `path` over into the arena, where `status` is that it was found.
static vblip_status hub_finish(char **out, vb_arena *arena, vb_string *path,
                               vblip_status status, vblip_error *err)
{
    if (status == VBLIP_OK) {
        *out = vb_arena_string(arena, path->bytes, path->size);
        if (!*out)
            status = vb_fail_memory(err, path->bytes);
    }
    vb_string_free(path);
    return status;
}

vblip_status vb_hub_find(char **out, vb_arena *arena, const char *hub_dir,
                         const char *name, vblip_error *err)
{
    *out = NULL;
    if (!hub_dir || !hub_dir[0])
        return vb_fail(err, VBLIP_ERR_IO,
                       "%s: no such folder, and there is no Hugging Face cache", name);
    vb_string folder = {0}, path = {0};
    vblip_status status = find_repository(&folder, &path, hub_dir, name, err);
    vb_string_free(&folder);
    return hub_finish(out, arena, &path, status, err);
}

vblip_status vb_hub_snapshot(char **out, vb_arena *arena, const char *folder,
                             vblip_error *err)
{
    *out = NULL;
    size_t size = strlen(folder);
    while (size > 1 && folder[size - 1] == '/')
        size--;
    char *repository = vb_arena_string(arena, folder, size);
    char *snapshots = repository ? vb_path_join(arena, repository, "snapshots") : NULL;
    if (!snapshots)
        return vb_fail_memory(err, folder);
    vb_path_kind kind;
    VB_TRY(vb_path_look_up(&kind, snapshots, err));
    if (kind != VB_PATH_FOLDER)
        return VBLIP_OK;
    vb_string path = {0};
    vblip_status status = find_snapshot(&path, repository, repository, err);
    return hub_finish(out, arena, &path, status, err);
}

#include "base/folder_watch.h"

#include "base/text.h"
#include "base/timing.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static const double SETTLED_S = 1.0;

typedef struct watched_folder {
    int number; // that inotify gave it
    char *path;
} watched_folder;

typedef struct watched_file {
    char *path;
    double since_s; // of the last event
    bool writing;   // written to, and not closed since
} watched_file;

struct vb_folder_watch {
    int descriptor;
    char *root;
    watched_folder *folders; // [folder_count]
    size_t folder_count, folder_capacity;
    watched_file *files; // [file_count]
    size_t file_count, file_capacity;
    bool gone, lost;
};

// Makes room for one item more of `size` bytes; false when memory runs out.
static bool watch_grow(void **items, size_t count, size_t *capacity, size_t size)
{
    if (count < *capacity)
        return true;
    const size_t more = *capacity ? 2 * *capacity : 16;
    void *grown = realloc(*items, more * size);
    if (!grown)
        return false;
    *items = grown;
    *capacity = more;
    return true;
}

static char *watch_path(const char *folder, const char *name)
{
    vb_string path = {0};
    vb_string_appendf(&path, "%s/%s", folder, name);
    if (path.failed)
        vb_string_free(&path);
    return path.bytes;
}

// ---------------------------------------------------------------------------- folders

static watched_folder *watch_folder_of(vb_folder_watch *w, int number)
{
    for (size_t i = 0; i < w->folder_count; i++)
        if (w->folders[i].number == number)
            return &w->folders[i];
    return NULL;
}

static void watch_forget_folder(vb_folder_watch *w, watched_folder *folder)
{
    free(folder->path);
    *folder = w->folders[--w->folder_count];
}

// `path` and all below it were moved away.
static void watch_forget_tree(vb_folder_watch *w, const char *path)
{
    const size_t size = strlen(path);
    for (size_t i = w->folder_count; i-- > 0;) {
        const char *below = w->folders[i].path;
        if (strncmp(below, path, size) != 0 || (below[size] && below[size] != '/'))
            continue;
        (void)!inotify_rm_watch(w->descriptor, w->folders[i].number);
        watch_forget_folder(w, &w->folders[i]);
    }
}

static vblip_status watch_fail(const vb_folder_watch *w, const char *path, int number,
                               vblip_error *err)
{
    if (number == ENOSPC)
        return vb_fail(
            err, VBLIP_ERR_IO,
            "%.200s: %zu folders are watched, and no more are allowed; raise "
            "fs.inotify.max_user_watches",
            path, w->folder_count);
    if (number == EMFILE)
        return vb_fail(err, VBLIP_ERR_IO,
                       "%.200s: too many programs watch folders; raise "
                       "fs.inotify.max_user_instances",
                       path);
    return vb_fail_errno(err, path, number);
}

// Begins to watch the one folder. Below the root what is not there, or cannot be read, is
// passed over.
static vblip_status watch_folder(vb_folder_watch *w, const char *path, vblip_error *err)
{
    const uint32_t kinds = IN_CLOSE_WRITE | IN_MODIFY | IN_MOVED_TO | IN_MOVED_FROM |
                           IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;
    const int number = inotify_add_watch(w->descriptor, path, kinds);
    const int error = errno;
    if (number < 0) {
        const bool passed =
            w->folder_count && (error == ENOENT || error == EACCES || error == ENOTDIR);
        return passed ? VBLIP_OK : watch_fail(w, path, error, err);
    }
    watched_folder *known = watch_folder_of(w, number);
    char *copy = strdup(path);
    if (!copy || (!known && !watch_grow((void **)&w->folders, w->folder_count,
                                        &w->folder_capacity, sizeof *w->folders))) {
        free(copy);
        return vb_fail_memory(err, path);
    }
    if (!known)
        known = &w->folders[w->folder_count++];
    else
        free(known->path);
    *known = (watched_folder){number, copy};
    return VBLIP_OK;
}

// ------------------------------------------------------------------------------ files

static watched_file *watch_file_at(vb_folder_watch *w, const char *path)
{
    for (size_t i = 0; i < w->file_count; i++)
        if (strcmp(w->files[i].path, path) == 0)
            return &w->files[i];
    return NULL;
}

// Takes `path`, of a file that may be complete in a while.
static bool watch_add_file(vb_folder_watch *w, char *path)
{
    watched_file *known = watch_file_at(w, path);
    if (known) {
        free(path);
        known->since_s = vb_now_s();
        known->writing = false;
        return true;
    }
    if (!watch_grow((void **)&w->files, w->file_count, &w->file_capacity,
                    sizeof *w->files)) {
        free(path);
        return false;
    }
    w->files[w->file_count++] = (watched_file){.path = path, .since_s = vb_now_s()};
    return true;
}

// A name in a folder that is looked through: folders go on the list of those.
static vblip_status watch_entry(vb_folder_watch *w, const char *folder,
                                const char *name, vb_list *folders, bool take_files,
                                vblip_error *err)
{
    struct stat info;
    char *path = watch_path(folder, name);
    bool ok = path != NULL;
    if (ok && lstat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode))
            ok = vb_list_add(folders, path, strlen(path)) != NULL;
        else if (take_files && S_ISREG(info.st_mode)) {
            ok = watch_add_file(w, path);
            path = NULL;
        }
    }
    free(path);
    return ok ? VBLIP_OK : vb_fail_memory(err, folder);
}

// `path` and all folders below it, also those that come while it is looked through.
static vblip_status watch_tree(vb_folder_watch *w, const char *path, bool take_files,
                               vblip_error *err)
{
    vb_list folders = {0};
    vblip_status status = vb_list_add(&folders, path, strlen(path))
                              ? VBLIP_OK
                              : vb_fail_memory(err, path);
    for (uint32_t i = 0; i < folders.count && status == VBLIP_OK; i++) {
        status = watch_folder(w, folders.items[i], err);
        DIR *listed = status == VBLIP_OK ? opendir(folders.items[i]) : NULL;
        const struct dirent *entry;
        while (listed && status == VBLIP_OK && (entry = readdir(listed)))
            if (entry->d_name[0] != '.')
                status = watch_entry(w, folders.items[i], entry->d_name, &folders,
                                     take_files, err);
        if (listed)
            closedir(listed);
    }
    vb_list_free(&folders);
    return status;
}

// ----------------------------------------------------------------------------- events

static vblip_status watch_named(vb_folder_watch *w, char *path, uint32_t what,
                                vblip_error *err)
{
    vblip_status status = VBLIP_OK;
    watched_file *known;
    if (what & IN_ISDIR && what & (IN_CREATE | IN_MOVED_TO))
        status = watch_tree(w, path, true, err);
    else if (what & IN_ISDIR && what & IN_MOVED_FROM)
        watch_forget_tree(w, path);
    else if (!(what & IN_ISDIR) && what & (IN_CLOSE_WRITE | IN_MOVED_TO))
        return watch_add_file(w, path) ? VBLIP_OK : vb_fail_memory(err, "files");
    else if (what & IN_MODIFY && (known = watch_file_at(w, path)))
        known->writing = true;
    free(path);
    return status;
}

static vblip_status watch_event(vb_folder_watch *w, const struct inotify_event *event,
                                vblip_error *err)
{
    w->lost = w->lost || event->mask & IN_Q_OVERFLOW;
    watched_folder *folder = watch_folder_of(w, event->wd);
    if (!folder)
        return VBLIP_OK;
    const bool is_root = strcmp(folder->path, w->root) == 0;
    if (event->mask & (IN_IGNORED | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT))
        w->gone = w->gone || is_root;
    if (event->mask & IN_IGNORED)
        watch_forget_folder(w, folder);
    if (event->mask & IN_IGNORED || !event->len || event->name[0] == '.')
        return VBLIP_OK;
    char *path = watch_path(folder->path, event->name);
    return path ? watch_named(w, path, event->mask, err) : vb_fail_memory(err, "files");
}

static vblip_status watch_read(vb_folder_watch *w, vblip_error *err)
{
    _Alignas(struct inotify_event) char buffer[16384];
    const ssize_t size = read(w->descriptor, buffer, sizeof buffer);
    if (size < 0 && errno != EAGAIN && errno != EINTR)
        return vb_fail_errno(err, w->root, errno);
    for (ssize_t at = 0; at < size;) {
        const struct inotify_event *event = (const void *)(buffer + at);
        VB_TRY(watch_event(w, event, err));
        at += (ssize_t)(sizeof *event + event->len);
    }
    if (w->gone)
        return vb_fail(err, VBLIP_ERR_IO,
                       "%.300s: is there no longer, or was moved: nothing is watched",
                       w->root);
    return VBLIP_OK;
}

static vblip_status watch_take(vb_folder_watch *w, vb_list *paths, vblip_error *err)
{
    const double now_s = vb_now_s();
    size_t kept = 0;
    bool ok = true;
    for (size_t i = 0; i < w->file_count; i++) {
        watched_file *file = &w->files[i];
        if (file->writing || now_s - file->since_s < SETTLED_S) {
            w->files[kept++] = *file;
            continue;
        }
        ok = vb_list_add(paths, file->path, strlen(file->path)) && ok;
        free(file->path);
    }
    w->file_count = kept;
    return ok ? VBLIP_OK : vb_fail_memory(err, "files");
}

vblip_status vb_folder_watch_next(vb_folder_watch *watch, vb_list *paths, bool *lost,
                                  int (*stopped)(void *user), void *user,
                                  vblip_error *err)
{
    enum { ASKED_EACH_MS = 200 };
    *lost = false;
    while (!paths->count && !*lost) {
        struct pollfd ready = {.fd = watch->descriptor, .events = POLLIN};
        if (stopped(user))
            return VBLIP_ERR_CANCELLED;
        if (poll(&ready, 1, ASKED_EACH_MS) > 0)
            VB_TRY(watch_read(watch, err));
        VB_TRY(watch_take(watch, paths, err));
        *lost = watch->lost;
    }
    watch->lost = false;
    return VBLIP_OK;
}

vblip_status vb_folder_watch_open(vb_folder_watch **out, const char *root,
                                  vblip_error *err)
{
    vb_folder_watch *w = calloc(1, sizeof *w);
    *out = w;
    if (!w)
        return vb_fail_memory(err, root);
    w->descriptor = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    const int error = errno;
    w->root = strdup(root);
    vblip_status status = w->descriptor < 0 ? watch_fail(w, root, error, err)
                          : !w->root        ? vb_fail_memory(err, root)
                                            : VBLIP_OK;
    for (size_t size = w->root ? strlen(root) : 0; size > 1 && root[size - 1] == '/';)
        w->root[--size] = '\0';
    if (status == VBLIP_OK)
        status = watch_tree(w, w->root, false, err);
    if (status != VBLIP_OK)
        vb_folder_watch_close(out);
    return status;
}

void vb_folder_watch_close(vb_folder_watch **watch)
{
    vb_folder_watch *w = *watch;
    if (!w)
        return;
    if (w->descriptor >= 0)
        close(w->descriptor);
    for (size_t i = 0; i < w->folder_count; i++)
        free(w->folders[i].path);
    for (size_t i = 0; i < w->file_count; i++)
        free(w->files[i].path);
    free(w->folders);
    free(w->files);
    free(w->root);
    free(w);
    *watch = NULL;
}

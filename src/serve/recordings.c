#include "serve/recordings.h"

#include "base/arena.h"
#include "base/hash.h"
#include "output/json_out.h"
#include "vblip_library.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct listed_recording {
    char id[VB_RECORDING_ID];
    const char *path; // in the index
    bool readable;
    uint64_t size;
} listed_recording;

// What was read at one time.
typedef struct recording_list {
    vb_arena arena;
    const char *root;
    listed_recording *items; // [count], by path
    listed_recording **by_id;
    uint32_t count, capacity;
    bool failed; // memory ran out
} recording_list;

struct vb_recordings {
    pthread_mutex_t mutex;
    recording_list list;
};

static void recording_list_free(recording_list *list)
{
    vb_arena_free(&list->arena);
    free(list->items);
    free(list->by_id);
    *list = (recording_list){0};
}

vblip_status vb_recordings_open(vb_recordings **out, vblip_error *err)
{
    *out = calloc(1, sizeof **out);
    if (*out && pthread_mutex_init(&(*out)->mutex, NULL) == 0)
        return VBLIP_OK;
    free(*out);
    *out = NULL;
    return vb_fail_memory(err, "recordings");
}

void vb_recordings_close(vb_recordings **recordings)
{
    if (!*recordings)
        return;
    recording_list_free(&(*recordings)->list);
    pthread_mutex_destroy(&(*recordings)->mutex);
    free(*recordings);
    *recordings = NULL;
}

void vb_recording_id(char out[VB_RECORDING_ID], const char *path)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t hash = vb_hash_bytes(0, path, strlen(path));
    for (int i = VB_RECORDING_ID - 2; i >= 0; i--, hash >>= 4)
        out[i] = digits[hash & 15];
    out[VB_RECORDING_ID - 1] = '\0';
}

static int add_listed(void *user, const vblip_index_recording *recording)
{
    recording_list *list = user;
    if (list->count == list->capacity) {
        const uint32_t capacity = list->capacity ? 2 * list->capacity : 64;
        listed_recording *items = realloc(list->items, capacity * sizeof *items);
        if (!items)
            return list->failed = true;
        list->items = items;
        list->capacity = capacity;
    }
    listed_recording *item = &list->items[list->count];
    *item = (listed_recording){
        .path = vb_arena_string(&list->arena, recording->path, strlen(recording->path)),
        .readable = !recording->error,
        .size = recording->size,
    };
    if (!item->path)
        return list->failed = true;
    vb_recording_id(item->id, item->path);
    list->count++;
    return 0;
}

static int by_listed_path(const void *left, const void *right)
{
    return strcmp(((const listed_recording *)left)->path,
                  ((const listed_recording *)right)->path);
}

static int by_listed_id(const void *left, const void *right)
{
    return strcmp((*(listed_recording *const *)left)->id,
                  (*(listed_recording *const *)right)->id);
}

static vblip_status recording_list_read(recording_list *list, const char *index,
                                        const char *root, vblip_error *err)
{
    vblip_error why = {0};
    const vblip_status status = vblip_index_list(index, add_listed, list, &why);
    list->root = vb_arena_string(&list->arena, root, strlen(root));
    list->by_id = calloc(list->count + 1, sizeof *list->by_id);
    if (list->failed || !list->root || !list->by_id)
        return vb_fail_memory(err, "recordings");
    if (status != VBLIP_OK)
        return vb_fail(err, status, "%s", why.message);
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, by_listed_path);
    for (uint32_t i = 0; i < list->count; i++)
        list->by_id[i] = &list->items[i];
    if (list->count > 1)
        qsort(list->by_id, list->count, sizeof *list->by_id, by_listed_id);
    return VBLIP_OK;
}

vblip_status vb_recordings_read(vb_recordings *recordings, const char *index,
                                const char *root, vblip_error *err)
{
    recording_list read = {0};
    const vblip_status status = recording_list_read(&read, index, root, err);
    if (status == VBLIP_OK) {
        pthread_mutex_lock(&recordings->mutex);
        const recording_list old = recordings->list;
        recordings->list = read;
        pthread_mutex_unlock(&recordings->mutex);
        read = old;
    }
    recording_list_free(&read);
    return status;
}

bool vb_recordings_path(vb_recordings *recordings, vb_string *out, const char *id)
{
    listed_recording key = {0}, *at = &key, **found = NULL;
    if (strlen(id) != sizeof key.id - 1)
        return false;
    memcpy(key.id, id, sizeof key.id);
    pthread_mutex_lock(&recordings->mutex);
    const recording_list *list = &recordings->list;
    if (list->count)
        found = bsearch(&at, list->by_id, list->count, sizeof at, by_listed_id);
    const bool known = found && (*found)->readable;
    if (known)
        vb_string_appendf(out, "%s/%s", strcmp(list->root, "/") == 0 ? "" : list->root,
                          (*found)->path);
    pthread_mutex_unlock(&recordings->mutex);
    return known;
}

const char *vb_recordings_below(vb_recordings *recordings, const char *path)
{
    pthread_mutex_lock(&recordings->mutex);
    const char *root = recordings->list.root;
    size_t size = root ? strlen(root) : 0;
    size -= size && root[size - 1] == '/';
    const bool inside = root && strncmp(path, root, size) == 0 && path[size] == '/';
    pthread_mutex_unlock(&recordings->mutex);
    return inside ? path + size + 1 : path;
}

static void put_listed(vb_string *out, const listed_recording *item)
{
    vb_string_appendf(out, "{\"id\":\"%s\",\"path\":", item->id);
    vb_json_put_string(out, item->path, strlen(item->path));
    vb_string_appendf(out, ",\"size\":%llu,\"readable\":%s}",
                      (unsigned long long)item->size,
                      item->readable ? "true" : "false");
}

void vb_recordings_list(vb_recordings *recordings, vb_string *out, uint32_t offset,
                        uint32_t limit)
{
    pthread_mutex_lock(&recordings->mutex);
    const recording_list *list = &recordings->list;
    vb_string_appendf(out, "{\"total\":%u,\"recordings\":[", (unsigned)list->count);
    for (uint32_t i = offset; i < list->count && i - offset < limit; i++) {
        if (i > offset)
            vb_string_putc(out, ',');
        put_listed(out, &list->items[i]);
    }
    vb_string_puts(out, "]}\n");
    pthread_mutex_unlock(&recordings->mutex);
}

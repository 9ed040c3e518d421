#include "index/tokens.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

// A file is this and then rows * cols floats, little-endian as the processor has them.
typedef struct tokens_header {
    char magic[8]; // "vblipTOK"
    uint32_t version, rows, cols, reserved;
    uint64_t checksum; // XXH3 of the floats, with the key as the seed
} tokens_header;

enum { TOKENS_VERSION = 1, NAME_SIZE = 24 }; // of "0123456789abcdef.tokens"

static const char magic[8] = {'v', 'b', 'l', 'i', 'p', 'T', 'O', 'K'};
static const uint64_t most_budget = UINT64_C(20) << 30;

// A file of the folder.
typedef struct kept_tokens {
    uint64_t key, bytes;
    int64_t used_ns; // when it was last read or written
} kept_tokens;

struct vb_tokens {
    char *folder;
    uint64_t budget, bytes; // of all files
    kept_tokens *kept;      // [count]
    size_t count, capacity;
    vb_string path; // that is put together
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static const char *tokens_path(vb_tokens *t, uint64_t key, const char *ending)
{
    vb_string_clear(&t->path);
    vb_string_appendf(&t->path, "%s/%016" PRIx64 "%s", t->folder, key, ending);
    return t->path.failed ? NULL : t->path.bytes;
}

static kept_tokens *find_tokens(const vb_tokens *t, uint64_t key)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->kept[i].key == key)
            return &t->kept[i];
    return NULL;
}

static bool add_tokens(vb_tokens *t, kept_tokens entry)
{
    if (t->count == t->capacity) {
        const size_t capacity = t->capacity ? 2 * t->capacity : 64;
        kept_tokens *kept = realloc(t->kept, capacity * sizeof *kept);
        if (!kept)
            return false;
        t->kept = kept;
        t->capacity = capacity;
    }
    t->kept[t->count++] = entry;
    t->bytes += entry.bytes;
    return true;
}

static void remove_tokens(vb_tokens *t, kept_tokens *entry)
{
    const char *path = tokens_path(t, entry->key, ".tokens");
    if (path)
        unlink(path); // another process may have been faster
    t->bytes -= entry->bytes;
    *entry = t->kept[--t->count];
}

// -------------------------------------------------------------------------- the folder

static bool key_of_name(uint64_t *key, const char *name)
{
    char end[NAME_SIZE];
    return strlen(name) == NAME_SIZE - 1 &&
           sscanf(name, "%16" SCNx64 "%7s", key, end) == 2 &&
           strcmp(end, ".tokens") == 0;
}

// What a process that was killed had begun to write: KEY.PID, an hour old.
static void remove_remains(vb_tokens *t, const char *name)
{
    uint64_t key;
    long process;
    char end;
    vb_file_facts facts;
    vblip_error gone = {0};
    if (sscanf(name, "%16" SCNx64 ".%ld%c", &key, &process, &end) != 2)
        return;
    vb_string_clear(&t->path);
    vb_string_appendf(&t->path, "%s/%s", t->folder, name);
    if (!t->path.failed && vb_file_look(&facts, t->path.bytes, &gone) == VBLIP_OK &&
        now_ns() - facts.modified_ns > INT64_C(3600) * 1000000000)
        unlink(t->path.bytes);
}

static vblip_status list_tokens(vb_tokens *t, vblip_error *err)
{
    DIR *directory = opendir(t->folder);
    if (!directory)
        return vb_fail_errno(err, t->folder, errno);
    vblip_status status = VBLIP_OK;
    const struct dirent *entry;
    while (status == VBLIP_OK && (entry = readdir(directory))) {
        uint64_t key;
        vb_file_facts facts;
        vblip_error gone = {0};
        const char *path = NULL;
        if (!key_of_name(&key, entry->d_name)) {
            remove_remains(t, entry->d_name);
            continue;
        }
        if (!(path = tokens_path(t, key, ".tokens")))
            status = vb_fail_memory(err, t->folder);
        else if (vb_file_look(&facts, path, &gone) == VBLIP_OK &&
                 !add_tokens(t, (kept_tokens){key, facts.size, facts.modified_ns}))
            status = vb_fail_memory(err, t->folder);
    }
    closedir(directory);
    return status;
}

static void choose_budget(vb_tokens *t, uint64_t budget)
{
    struct statvfs disk;
    t->budget = budget;
    if (budget != UINT64_MAX)
        return;
    t->budget = 0;
    if (statvfs(t->folder, &disk) == 0) // what the cache holds is free to it
        t->budget = ((uint64_t)disk.f_bavail * disk.f_frsize + t->bytes) / 10;
    if (t->budget > most_budget)
        t->budget = most_budget;
}

static void make_tokens_room(vb_tokens *t, uint64_t bytes)
{
    while (t->count && t->bytes + bytes > t->budget) {
        kept_tokens *oldest = &t->kept[0];
        for (size_t i = 1; i < t->count; i++)
            if (t->kept[i].used_ns < oldest->used_ns)
                oldest = &t->kept[i];
        remove_tokens(t, oldest);
    }
}

vblip_status vb_tokens_open(vb_tokens **out, const char *folder, uint64_t budget,
                            vblip_error *err)
{
    *out = NULL;
    VB_TRY(vb_make_folders(folder, err));
    vb_tokens *t = calloc(1, sizeof *t);
    if (!t)
        return vb_fail_memory(err, folder);
    t->folder = strdup(folder);
    const vblip_status status =
        t->folder ? list_tokens(t, err) : vb_fail_memory(err, folder);
    if (status != VBLIP_OK) {
        vb_tokens_close(&t);
        return status;
    }
    choose_budget(t, budget);
    make_tokens_room(t, 0);
    *out = t;
    return VBLIP_OK;
}

void vb_tokens_close(vb_tokens **tokens)
{
    if (!*tokens)
        return;
    vb_string_free(&(*tokens)->path);
    free((*tokens)->folder);
    free((*tokens)->kept);
    free(*tokens);
    *tokens = NULL;
}

// ---------------------------------------------------------------------------- the files

bool vb_tokens_has(const vb_tokens *tokens, uint64_t key)
{
    return find_tokens(tokens, key) != NULL;
}

static bool tokens_read_all(int file, void *out, size_t size)
{
    uint8_t *to = out;
    while (size) {
        const ssize_t got = read(file, to, size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        to += got;
        size -= (size_t)got;
    }
    return true;
}

static float *read_tokens(int file, uint64_t key, uint64_t bytes, tokens_header *h)
{
    if (!tokens_read_all(file, h, sizeof *h) ||
        memcmp(h->magic, magic, sizeof magic) != 0 || h->version != TOKENS_VERSION)
        return NULL;
    const uint64_t values = (uint64_t)h->rows * h->cols;
    const uint64_t size = values * sizeof(float);
    if (!values || values > SIZE_MAX / sizeof(float) || bytes != sizeof *h + size)
        return NULL;
    float *out = malloc((size_t)size);
    if (!out || !tokens_read_all(file, out, (size_t)size) ||
        vb_hash_bytes(key, out, (size_t)size) != h->checksum) {
        free(out);
        return NULL;
    }
    return out;
}

bool vb_tokens_read(vb_tokens *t, uint64_t key, float **values, uint32_t *rows,
                    uint32_t *cols)
{
    kept_tokens *entry = find_tokens(t, key);
    const char *path = entry ? tokens_path(t, key, ".tokens") : NULL;
    *values = NULL;
    if (!path)
        return false;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    tokens_header h = {0};
    if (file >= 0 && fstat(file, &st) == 0)
        *values = read_tokens(file, key, (uint64_t)st.st_size, &h);
    if (*values) {
        futimens(file, NULL); // used last now
        entry->used_ns = now_ns();
    }
    if (file >= 0)
        close(file);
    if (!*values)
        remove_tokens(t, entry);
    *rows = h.rows;
    *cols = h.cols;
    return *values != NULL;
}

static bool tokens_write_all(int file, const void *bytes, size_t size)
{
    const uint8_t *from = bytes;
    while (size) {
        const ssize_t put = write(file, from, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        from += put;
        size -= (size_t)put;
    }
    return true;
}

// Under another name first, so that no part of a file is ever found.
static bool write_tokens(vb_tokens *t, uint64_t key, const tokens_header *h,
                         const float *values, size_t size)
{
    char ending[32];
    snprintf(ending, sizeof ending, ".%ld", (long)getpid());
    const char *path = tokens_path(t, key, ending);
    char *temp = path ? strdup(path) : NULL;
    if (!temp)
        return false;
    const int file = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    bool ok = file >= 0 && tokens_write_all(file, h, sizeof *h) &&
              tokens_write_all(file, values, size);
    if (file >= 0)
        ok = close(file) == 0 && ok;
    path = tokens_path(t, key, ".tokens");
    ok = ok && path && rename(temp, path) == 0;
    if (!ok)
        unlink(temp);
    free(temp);
    return ok;
}

void vb_tokens_write(vb_tokens *t, uint64_t key, const float *values, uint32_t rows,
                     uint32_t cols)
{
    const size_t size = (size_t)rows * cols * sizeof *values;
    tokens_header h = {
        .version = TOKENS_VERSION,
        .rows = rows,
        .cols = cols,
        .checksum = vb_hash_bytes(key, values, size),
    };
    vb_file_facts facts;
    vblip_error gone = {0};
    const uint64_t bytes = sizeof h + size;
    memcpy(h.magic, magic, sizeof magic);
    if (find_tokens(t, key) || bytes > t->budget)
        return;
    make_tokens_room(t, bytes);
    if (!write_tokens(t, key, &h, values, size))
        return;
    const char *path = tokens_path(t, key, ".tokens");
    if (path && vb_file_look(&facts, path, &gone) == VBLIP_OK)
        add_tokens(t, (kept_tokens){key, bytes, facts.modified_ns});
}

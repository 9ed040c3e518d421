// weights_cache.c - the weights of a model as an earlier start laid them out.
#include "cpu/context.h"

#include "base/file.h"
#include "base/hash.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SLICE = 1 << 20 }; // bytes that are hashed by one thread at a time

// -------------------------------------------------------------------------- checksums

typedef struct hashing {
    const uint8_t *bytes;
    size_t size;
    uint64_t *hashes; // of each slice
} hashing;

static vblip_status hash_slice(void *user, vb_cpu_worker *worker, uint32_t slice,
                               vblip_error *err)
{
    (void)worker, (void)err;
    const hashing *h = user;
    const size_t at = (size_t)slice * SLICE, left = h->size - at;
    h->hashes[slice] = vb_hash_bytes(0, h->bytes + at, left < SLICE ? left : SLICE);
    return VBLIP_OK;
}

// On all cores; of a mapped file it is also what reads it.
static vblip_status hash_laid_out(uint64_t *out, vb_cpu *cpu, const uint8_t *bytes,
                                  size_t size, vblip_error *err)
{
    const size_t slices = (size + SLICE - 1) / SLICE;
    hashing h = {bytes, size, malloc(slices * sizeof *h.hashes)};
    if (!h.hashes)
        return vb_fail_memory(err, "weights");
    const vb_cpu_loop loop = {
        .run = hash_slice, .user = &h, .pieces = (uint32_t)slices};
    const vblip_status status = vb_cpu_run(cpu, &loop, err);
    *out = vb_hash_bytes(0, h.hashes, slices * sizeof *h.hashes);
    free(h.hashes);
    return status;
}

// ---------------------------------------------------------------------------- layouts

// What oneDNN makes of a panel whose values are all alike in no two places near each other:
// another layout gives other bytes. `panel` has room for it.
static vblip_status hash_layout(uint64_t *out, vb_cpu *cpu, uint8_t *panel,
                                size_t panel_bytes, uint32_t rows, uint32_t cols,
                                vblip_error *err)
{
    float *values = malloc((size_t)rows * cols * sizeof *values);
    if (!values)
        return vb_fail_memory(err, "weights");
    for (uint32_t i = 0; i < rows * cols; i++) // whole numbers that every type holds
        values[i] = (float)(i * 2654435761U >> 24);
    memset(panel, 0, panel_bytes);
    const int threads = vb_product_enter();
    const vblip_status status = vb_product_pack(cpu->workers[0].oneDNN, panel, values,
                                                cols, rows, cpu->base.weights, err);
    vb_product_leave(threads);
    free(values);
    *out = vb_hash_bytes(panel_bytes, panel, panel_bytes);
    return status;
}

// The same, found once for each shape.
static vblip_status find_layout(uint64_t *out, vb_cpu *cpu, size_t panel_bytes,
                                uint32_t rows, uint32_t cols, vblip_error *err)
{
    vb_weights_cache *cache = &cpu->cache;
    for (uint32_t i = 0; i < cache->layout_count; i++) {
        const vb_panel_layout *l = &cache->layouts[i];
        if (l->rows == rows && l->cols == cols && l->bytes == panel_bytes) {
            *out = l->hash;
            return VBLIP_OK;
        }
    }
    uint8_t *panel = vb_cpu_allocate(panel_bytes);
    if (!panel)
        return vb_fail_memory(err, "weights");
    const vblip_status status =
        hash_layout(out, cpu, panel, panel_bytes, rows, cols, err);
    free(panel);
    if (status == VBLIP_OK && cache->layout_count < VB_CPU_LAYOUTS)
        cache->layouts[cache->layout_count++] =
            (vb_panel_layout){rows, cols, panel_bytes, *out};
    return status;
}

static vblip_status describe_matrix(vb_packed_matrix *out, vb_cpu *cpu,
                                    const vb_cpu_matrix *m, const char *name,
                                    vblip_error *err)
{
    const uint32_t panels = vb_divided(m->base.rows, m->panel_rows);
    uint64_t layouts[] = {m->panel_rows, 0, 0};
    if (m->base.uses & VB_USE_LINEAR) {
        const uint32_t last = m->base.rows - (panels - 1) * m->panel_rows;
        VB_TRY(find_layout(&layouts[1], cpu, m->panel_bytes, m->panel_rows,
                           m->base.cols, err));
        VB_TRY(find_layout(&layouts[2], cpu, m->panel_bytes, last, m->base.cols, err));
    }
    *out = (vb_packed_matrix){
        .name = vb_hash_bytes(0, name, strlen(name)),
        .layout = vb_hash_bytes(0, layouts, sizeof layouts),
        .rows = m->base.rows,
        .cols = m->base.cols,
        .uses = m->base.uses,
        .type = (uint32_t)m->type,
        .size = vb_cpu_matrix_bytes(m),
    };
    return VBLIP_OK;
}

// ------------------------------------------------------------------------ begin and end

static uint64_t key_of_weights(const vb_cpu *cpu, uint64_t content)
{
    uint64_t key = vb_hash_bytes(content, cpu->info.driver, strlen(cpu->info.driver));
    return vb_hash_bytes(key, cpu->info.api, strlen(cpu->info.api));
}

void vb_cpu_weights_begin(vb_device *device, vb_weights_origin origin)
{
    vb_cpu *cpu = vb_cpu_of(device);
    vb_weights_cache *cache = &cpu->cache;
    vblip_error why = {0};
    if (!cache->folder || !origin.place)
        return;
    const size_t room = strlen(cache->folder) + 64;
    cache->path = malloc(room);
    if (!cache->path)
        return;
    snprintf(cache->path, room, "%s/weights-%016llx-%s.cache", cache->folder,
             (unsigned long long)origin.place, vb_precision_name(device->weights));
    cache->key = key_of_weights(cpu, origin.content);
    const vblip_status status =
        vb_packed_open(&cache->file, cache->path, cache->key, &why);
    if (status == VBLIP_OK)
        vb_logf(&cpu->log, "weights: as they were laid out before: %s", cache->path);
    else if (access(cache->path, F_OK) == 0)
        vb_logf(&cpu->log, "weights: laid out anew: %s", why.message);
}

// Removes what a program that was killed had written of a file: it may be half a gigabyte.
static void remove_left_over(const char *folder)
{
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    while (dir && (entry = readdir(dir))) {
        int pid, number, end = 0;
        if (sscanf(entry->d_name, ".vblip-%d-%d.tmp%n", &pid, &number, &end) == 2 &&
            end && !entry->d_name[end] && pid > 0 && kill(pid, 0) != 0 &&
            errno == ESRCH)
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir)
        closedir(dir);
}

// Makes the file, empty and for its owner alone, who may be the only one to read the
// checkpoint. What is there and no regular file is left alone.
static vblip_status make_private_file(const char *path, vblip_error *err)
{
    vb_file_facts facts;
    const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file >= 0) {
        close(file);
        return VBLIP_OK;
    }
    return errno == EEXIST ? vb_file_look(&facts, path, err)
                           : vb_fail_errno(err, path, errno);
}

static void write_cache(const vb_cpu *cpu)
{
    const vb_weights_cache *cache = &cpu->cache;
    vblip_error why = {0};
    vblip_status status = vb_make_folders(cache->folder, &why);
    if (status == VBLIP_OK)
        remove_left_over(cache->folder);
    if (status == VBLIP_OK)
        status = make_private_file(cache->path, &why);
    if (status == VBLIP_OK)
        status = vb_packed_write(cache->path, cache->key, cache->made,
                                 cache->made_count, &why);
    if (status == VBLIP_OK)
        vb_logf(&cpu->log, "weights: kept for the next start: %s", cache->path);
    else
        vb_logf(&cpu->log, "weights: not kept: %s", why.message);
}

void vb_cpu_weights_end(vb_device *device, bool whole)
{
    vb_cpu *cpu = vb_cpu_of(device);
    vb_weights_cache *cache = &cpu->cache;
    if (cache->path && whole && cache->is_new)
        write_cache(cpu);
    vb_packed_release(&cache->file);
    free(cache->path);
    free(cache->made);
    cache->path = NULL;
    cache->made = NULL;
    cache->made_count = cache->made_room = 0;
    cache->is_new = false;
}

void vb_weights_cache_free(vb_weights_cache *cache)
{
    vb_packed_release(&cache->file);
    free(cache->path);
    free(cache->made);
    free(cache->folder);
}

// ------------------------------------------------------------------------- matrices

static vblip_status note_matrix(vb_weights_cache *cache, const vb_packed_matrix *matrix,
                                vblip_error *err)
{
    if (cache->made_count == cache->made_room) {
        const size_t room = cache->made_room ? 2 * cache->made_room : 256;
        vb_packed_matrix *made = realloc(cache->made, room * sizeof *made);
        if (!made)
            return vb_fail_memory(err, "weights");
        cache->made = made;
        cache->made_room = room;
    }
    cache->made[cache->made_count++] = *matrix;
    return VBLIP_OK;
}

// What fails here is no reason not to load a model: nothing more is kept. To stop is.
static vblip_status give_up_keeping(vb_cpu *cpu, const vblip_error *why,
                                    vblip_error *err)
{
    if (why->status == VBLIP_ERR_CANCELLED)
        return vb_fail(err, why->status, "%s", why->message);
    vb_logf(&cpu->log, "weights: not kept: %s", why->message);
    vb_cpu_weights_end(&cpu->base, false);
    return VBLIP_OK;
}

static vblip_status take_kept(const uint8_t **out, vb_cpu *cpu, const vb_cpu_matrix *m,
                              const char *name, vblip_error *err)
{
    vb_weights_cache *cache = &cpu->cache;
    vb_packed_matrix wanted;
    uint64_t checksum = 0;
    VB_TRY(describe_matrix(&wanted, cpu, m, name, err));
    const vb_packed_matrix *kept = vb_packed_find(cache->file, &wanted);
    if (!kept)
        return VBLIP_OK;
    VB_TRY(hash_laid_out(&checksum, cpu, kept->bytes, (size_t)kept->size, err));
    if (checksum != kept->checksum) {
        vb_logf(&cpu->log, "weights: laid out anew: %s: %s: wrong checksum",
                cache->path, name);
        return VBLIP_OK;
    }
    VB_TRY(note_matrix(cache, kept, err));
    *out = kept->bytes;
    return VBLIP_OK;
}

vblip_status vb_cpu_weights_take(const uint8_t **out, vb_cpu *cpu,
                                 const vb_cpu_matrix *m, const char *name,
                                 vblip_error *err)
{
    vblip_error why = {0};
    *out = NULL;
    if (!cpu->cache.file || take_kept(out, cpu, m, name, &why) == VBLIP_OK)
        return VBLIP_OK;
    return give_up_keeping(cpu, &why, err);
}

static vblip_status note_laid_out(vb_cpu *cpu, const vb_cpu_matrix *m, const char *name,
                                  vblip_error *err)
{
    vb_packed_matrix made;
    VB_TRY(describe_matrix(&made, cpu, m, name, err));
    made.bytes = vb_cpu_matrix_laid_out(m);
    VB_TRY(hash_laid_out(&made.checksum, cpu, made.bytes, (size_t)made.size, err));
    cpu->cache.is_new = true;
    return note_matrix(&cpu->cache, &made, err);
}

vblip_status vb_cpu_weights_keep(vb_cpu *cpu, const vb_cpu_matrix *m, const char *name,
                                 vblip_error *err)
{
    vblip_error why = {0};
    if (!cpu->cache.path || note_laid_out(cpu, m, name, &why) == VBLIP_OK)
        return VBLIP_OK;
    return give_up_keeping(cpu, &why, err);
}

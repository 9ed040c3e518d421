#include "cpu/packed.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/outfile.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { VERSION = 1, PAGE = 4096, MAX_MATRICES = 1 << 16 };

static const char magic[8] = {'v', 'b', 'l', 'i', 'p', 'P', 'K', 'W'};

typedef struct packed_header {
    char magic[8];
    uint64_t version, key, size, count, checksum;
} packed_header;

enum { ENTRY_BYTES = offsetof(vb_packed_matrix, bytes) };

struct vb_packed {
    uint8_t *bytes; // mapped
    size_t size;
    vb_packed_matrix *matrices;
    size_t count;
    unsigned holders;
};

static uint64_t checksum_of(const packed_header *header, const uint8_t *list,
                            size_t size)
{
    const uint64_t hash = vb_hash_bytes(0, header, offsetof(packed_header, checksum));
    return vb_hash_bytes(hash, list, size);
}

// -------------------------------------------------------------------------------- read

static vblip_status check_packed_header(const packed_header *h, const uint8_t *bytes,
                                        uint64_t size, uint64_t key, vblip_error *err)
{
    if (memcmp(h->magic, magic, sizeof magic) != 0)
        return vb_fail(err, VBLIP_ERR_FORMAT, "not packed weights");
    if (h->version != VERSION)
        return vb_fail(err, VBLIP_ERR_FORMAT, "version %llu, expected %d",
                       (unsigned long long)h->version, VERSION);
    if (h->size != size)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%llu bytes, expected %llu",
                       (unsigned long long)size, (unsigned long long)h->size);
    if (h->count > MAX_MATRICES || h->count * ENTRY_BYTES > size - sizeof *h)
        return vb_fail(err, VBLIP_ERR_FORMAT, "a list of %llu matrices",
                       (unsigned long long)h->count);
    if (h->checksum !=
        checksum_of(h, bytes + sizeof *h, (size_t)h->count * ENTRY_BYTES))
        return vb_fail(err, VBLIP_ERR_FORMAT, "wrong checksum");
    if (h->key != key)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED,
                       "of other weights, another processor or another build");
    return VBLIP_OK;
}

static vblip_status read_packed_list(vb_packed *file, uint64_t key, vblip_error *err)
{
    packed_header h;
    if (file->size < sizeof h)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%zu bytes, a header has %zu", file->size,
                       sizeof h);
    memcpy(&h, file->bytes, sizeof h);
    VB_TRY(check_packed_header(&h, file->bytes, file->size, key, err));
    file->count = (size_t)h.count;
    file->matrices = calloc(file->count + 1, sizeof *file->matrices);
    if (!file->matrices)
        return vb_fail_memory(err, "packed weights");
    for (size_t i = 0; i < file->count; i++) {
        vb_packed_matrix *m = &file->matrices[i];
        memcpy(m, file->bytes + sizeof h + i * ENTRY_BYTES, ENTRY_BYTES);
        if (m->at % PAGE || m->at > file->size || m->size > file->size - m->at)
            return vb_fail(err, VBLIP_ERR_FORMAT, "matrix %zu lies beyond its end", i);
        m->bytes = file->bytes + m->at;
    }
    return VBLIP_OK;
}

static vblip_status map_file(vb_packed *file, const char *path, vblip_error *err)
{
    vb_file opened;
    VB_TRY(vb_file_open(&opened, path, err));
    const size_t size = opened.size;
    void *bytes = MAP_FAILED;
    if (size)
        bytes = mmap(NULL, size, PROT_READ, MAP_SHARED, opened.descriptor, 0);
    vb_file_close(&opened);
    if (bytes == MAP_FAILED)
        return vb_fail(err, size ? VBLIP_ERR_IO : VBLIP_ERR_FORMAT, "%s: %s", path,
                       size ? "cannot be mapped" : "empty");
    file->bytes = bytes;
    file->size = size;
    return VBLIP_OK;
}

vblip_status vb_packed_open(vb_packed **out, const char *path, uint64_t key,
                            vblip_error *err)
{
    vblip_error why = {0};
    vb_packed *file = calloc(1, sizeof *file);
    *out = NULL;
    if (!file)
        return vb_fail_memory(err, "packed weights");
    file->holders = 1;
    vblip_status status = map_file(file, path, err);
    if (status == VBLIP_OK) {
        status = read_packed_list(file, key, &why);
        if (status != VBLIP_OK)
            vb_fail(err, status, "%s: %s", path, why.message);
    }
    if (status != VBLIP_OK)
        vb_packed_release(&file);
    *out = file;
    return status;
}

vb_packed *vb_packed_hold(vb_packed *file)
{
    file->holders++;
    return file;
}

void vb_packed_release(vb_packed **file)
{
    vb_packed *f = *file;
    *file = NULL;
    if (!f || --f->holders)
        return;
    if (f->bytes)
        munmap(f->bytes, f->size);
    free(f->matrices);
    free(f);
}

static bool same_matrix(const vb_packed_matrix *a, const vb_packed_matrix *b)
{
    return a->name == b->name && a->layout == b->layout && a->rows == b->rows &&
           a->cols == b->cols && a->uses == b->uses && a->type == b->type &&
           a->size == b->size;
}

const vb_packed_matrix *vb_packed_find(const vb_packed *file,
                                       const vb_packed_matrix *wanted)
{
    for (size_t i = 0; i < file->count; i++)
        if (same_matrix(&file->matrices[i], wanted))
            return &file->matrices[i];
    return NULL;
}

// ------------------------------------------------------------------------------- write

static uint64_t page_after(uint64_t at)
{
    return (at + PAGE - 1) / PAGE * PAGE;
}

static bool write_to(vb_outfile *out, uint64_t *written, uint64_t at, const void *bytes,
                     uint64_t size)
{
    static const uint8_t nothing[PAGE];
    const uint64_t gap = at - *written;
    *written = at + size;
    return vb_outfile_write(out, nothing, (size_t)gap) &&
           vb_outfile_write(out, bytes, (size_t)size);
}

static void write_packed(vb_outfile *out, const packed_header *header,
                         const uint8_t *entries, const vb_packed_matrix *list)
{
    uint64_t written = 0;
    bool ok =
        write_to(out, &written, 0, header, sizeof *header) &&
        write_to(out, &written, sizeof *header, entries, header->count * ENTRY_BYTES);
    for (uint64_t i = 0; i < header->count && ok; i++)
        ok = write_to(out, &written, list[i].at, list[i].bytes, list[i].size);
}

// What the file begins with; `entries` [count, ENTRY_BYTES].
static packed_header make_header(uint8_t *entries, vb_packed_matrix *list, size_t count,
                                 uint64_t key)
{
    packed_header header = {.version = VERSION, .key = key, .count = count};
    memcpy(header.magic, magic, sizeof magic);
    header.size = sizeof header + count * ENTRY_BYTES;
    for (size_t i = 0; i < count; i++) {
        list[i].at = page_after(header.size);
        header.size = list[i].at + list[i].size;
        memcpy(entries + i * ENTRY_BYTES, &list[i], ENTRY_BYTES);
    }
    header.checksum = checksum_of(&header, entries, count * ENTRY_BYTES);
    return header;
}

vblip_status vb_packed_write(const char *path, uint64_t key, vb_packed_matrix *list,
                             size_t count, vblip_error *err)
{
    vb_outfile out;
    uint8_t *entries = malloc((count + 1) * ENTRY_BYTES);
    if (!entries)
        return vb_fail_memory(err, "packed weights");
    const packed_header header = make_header(entries, list, count, key);
    vblip_status status = vb_outfile_open(&out, path, err);
    if (status == VBLIP_OK) {
        write_packed(&out, &header, entries, list);
        status = vb_outfile_finish(&out, err);
    }
    free(entries);
    return status;
}

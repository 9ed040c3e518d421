#include "formats/zip.h"

#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

// A checkpoint with its optimizer has some 3000 entries, with names of 30 bytes.
enum {
    MAX_ENTRIES = 1 << 16,
    MAX_NAME = 1024,
    MAX_DIRECTORY = 64 << 20, // bytes
    MAX_EXTRA = 0xFFFF,
};

// Fixed parts of the records, and where their fields lie (APPNOTE 4.3).
enum {
    LOCAL_BYTES = 30,
    CENTRAL_BYTES = 46,
    END_BYTES = 22,
    LOCATOR_BYTES = 20,
    END64_BYTES = 56,
    END64_HEAD = 12, // what the size in the record does not count
    MAX_COMMENT = 0xFFFF,
};
#define LOCAL_MAGIC   0x04034b50u
#define CENTRAL_MAGIC 0x02014b50u
#define END_MAGIC     0x06054b50u
#define LOCATOR_MAGIC 0x07064b50u
#define END64_MAGIC   0x06064b50u
#define IN_ZIP64      0xFFFFFFFFu // a 32-bit field whose value is in the ZIP64 record

enum {
    FLAG_ENCRYPTED = 1 << 0,
    FLAG_LEVEL = 3 << 1,        // how hard it was compressed
    FLAG_SIZES_FOLLOW = 1 << 3, // sizes and checksum come after the data, not before
    FLAG_STRONG = 1 << 6,
    FLAG_UTF8 = 1 << 11,
    FLAG_MASKED = 1 << 13,
};

typedef struct archive {
    vb_arena *arena;
    const vb_file *file;
    uint64_t directory, directory_size, entries;
    const uint8_t *records; // of the directory
    uint8_t *local;         // room for one local header
    vblip_error *err;
} archive;

#define FORMAT(a, ...) vb_fail((a)->err, VBLIP_ERR_FORMAT, __VA_ARGS__)

static uint64_t get(const uint8_t *at, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << (8 * i);
    return value;
}

static uint32_t get16(const uint8_t *at)
{
    return (uint32_t)get(at, 2);
}

static uint32_t get32(const uint8_t *at)
{
    return (uint32_t)get(at, 4);
}

// ----------------------------------------------------------------- the end of the file

static vblip_status fail_without_end(const archive *a)
{
    uint8_t magic[4] = {0};
    if (a->file->size >= sizeof magic)
        VB_TRY(vb_file_read_at(a->file, magic, 0, sizeof magic, a->err));
    if (get32(magic) == LOCAL_MAGIC)
        return FORMAT(a,
                      "ends at byte %zu without the directory of the zip archive: "
                      "the file is cut short: download it again",
                      a->file->size);
    return FORMAT(a, "%zu bytes that are not a zip archive", a->file->size);
}

// Where the end record lies: the one place from which a comment reaches the last byte.
// `tail` are the bytes from `first` to the last of the file.
static vblip_status find_end(const archive *a, const uint8_t *tail, size_t first,
                             size_t *out)
{
    const size_t last = a->file->size - END_BYTES;
    bool found = false;
    for (size_t at = first; at <= last; at++) {
        const uint8_t *end = tail + (at - first);
        if (end[0] != 'P' || get32(end) != END_MAGIC || get16(end + 20) != last - at)
            continue;
        if (found)
            return FORMAT(a, "two ends of a zip archive, at bytes %zu and %zu", *out,
                          at);
        *out = at;
        found = true;
    }
    return found ? VBLIP_OK : fail_without_end(a);
}

// Reads the end record, END_BYTES; *at = where it lies.
static vblip_status read_end_record(const archive *a, uint8_t *end, size_t *at)
{
    if (a->file->size < END_BYTES)
        return fail_without_end(a);
    const size_t most = END_BYTES + MAX_COMMENT;
    const size_t size = a->file->size < most ? a->file->size : most;
    const size_t first = a->file->size - size;
    uint8_t *tail = malloc(size);
    if (!tail)
        return vb_fail_memory(a->err, "zip archive");
    vblip_status status = vb_file_read_at(a->file, tail, first, size, a->err);
    if (status == VBLIP_OK)
        status = find_end(a, tail, first, at);
    if (status == VBLIP_OK)
        memcpy(end, tail + (*at - first), END_BYTES);
    free(tail);
    return status;
}

// `small` is the field of the end record that `large` of the ZIP64 record replaces.
static bool agrees(uint64_t small, uint64_t large, int bytes)
{
    return small == large || small == (IN_ZIP64 >> (32 - 8 * bytes));
}

// The ZIP64 end record, which lies right before its locator, if there is one before the
// end at *at; *at = where.
static vblip_status read_end64(archive *a, const uint8_t *end, size_t *at)
{
    uint8_t l[LOCATOR_BYTES], e[END64_BYTES];
    if (*at < LOCATOR_BYTES)
        return VBLIP_OK;
    const size_t locator = *at - LOCATOR_BYTES;
    VB_TRY(vb_file_read_at(a->file, l, locator, LOCATOR_BYTES, a->err));
    if (get32(l) != LOCATOR_MAGIC)
        return VBLIP_OK;
    uint64_t offset = get(l + 8, 8);
    if (get32(l + 4) != 0 || get32(l + 16) > 1)
        return FORMAT(a, "a zip archive in several parts");
    if (locator < END64_BYTES || offset > locator - END64_BYTES)
        return FORMAT(a, "ZIP64 end at byte %" PRIu64 ", its locator at %zu", offset,
                      locator);
    VB_TRY(vb_file_read_at(a->file, e, (size_t)offset, END64_BYTES, a->err));
    if (get32(e) != END64_MAGIC || get(e + 4, 8) != locator - offset - END64_HEAD)
        return FORMAT(a, "no ZIP64 end at byte %" PRIu64, offset);
    a->entries = get(e + 32, 8);
    a->directory_size = get(e + 40, 8);
    a->directory = get(e + 48, 8);
    if (get32(e + 16) != 0 || get32(e + 20) != 0 || get(e + 24, 8) != a->entries)
        return FORMAT(a, "a zip archive in several parts");
    if (!agrees(get16(end + 8), a->entries, 2) ||
        !agrees(get16(end + 10), a->entries, 2) ||
        !agrees(get32(end + 12), a->directory_size, 4) ||
        !agrees(get32(end + 16), a->directory, 4))
        return FORMAT(a, "the two ends of the zip archive disagree");
    *at = (size_t)offset;
    return VBLIP_OK;
}

// Where the directory is, and that nothing lies between it and the end records.
static vblip_status zip_read_end(archive *a)
{
    size_t at = 0;
    uint8_t end[END_BYTES];
    VB_TRY(read_end_record(a, end, &at));
    a->entries = get16(end + 10);
    a->directory_size = get32(end + 12);
    a->directory = get32(end + 16);
    if (get16(end + 4) != 0 || get16(end + 6) != 0 || get16(end + 8) != a->entries)
        return FORMAT(a, "a zip archive in several parts");
    VB_TRY(read_end64(a, end, &at));
    if (a->directory > at || a->directory_size != at - a->directory)
        return FORMAT(a,
                      "a directory of %" PRIu64 " bytes at byte %" PRIu64
                      ", its end at byte %zu",
                      a->directory_size, a->directory, at);
    if (a->directory_size > MAX_DIRECTORY)
        return FORMAT(a, "a directory of %" PRIu64 " bytes, at most %d expected",
                      a->directory_size, MAX_DIRECTORY);
    if (a->entries > MAX_ENTRIES || a->entries > a->directory_size / CENTRAL_BYTES)
        return FORMAT(a, "%" PRIu64 " entries in a directory of %" PRIu64 " bytes",
                      a->entries, a->directory_size);
    return VBLIP_OK;
}

// ----------------------------------------------------------------------- one entry

// What a header, central or local, says of its entry.
typedef struct header {
    uint32_t flags, method, crc;
    uint64_t stored, size; // bytes in the archive, bytes unpacked
    uint64_t offset;       // of the local header; 0 in a local header
} header;

// Replaces those of h's fields that are in the ZIP64 block of `extra`, in its order.
static bool read_extra(header *h, const uint8_t *extra, size_t size)
{
    uint64_t *fields[3] = {&h->size, &h->stored, &h->offset};
    const uint8_t *block = NULL;
    size_t left = 0;
    for (size_t at = 0; at + 4 <= size && !block;) {
        size_t length = get16(extra + at + 2);
        if (length > size - at - 4)
            return false;
        if (get16(extra + at) == 1) {
            block = extra + at + 4;
            left = length;
        }
        at += 4 + length;
    }
    for (int i = 0; i < 3; i++) {
        if (*fields[i] != IN_ZIP64)
            continue;
        if (left < 8)
            return false;
        *fields[i] = get(block, 8);
        block += 8;
        left -= 8;
    }
    return true;
}

static vblip_status zip_read_name(const archive *a, const char **out,
                                  const uint8_t *name, size_t size, size_t at)
{
    if (size == 0 || size > MAX_NAME)
        return FORMAT(a, "directory, byte %zu: a name of %zu bytes", at, size);
    for (size_t i = 0; i < size; i++)
        if (name[i] < ' ' || name[i] == 0x7F)
            return FORMAT(a, "directory, byte %zu: a name with control characters", at);
    if (!vb_utf8_valid((const char *)name, size))
        return FORMAT(a, "directory, byte %zu: a name that is not UTF-8", at);
    *out = vb_arena_string(a->arena, (const char *)name, size);
    return *out ? VBLIP_OK : vb_fail_memory(a->err, "zip directory");
}

static vblip_status check_kind(const archive *a, const char *name, const header *h)
{
    if (h->flags & (FLAG_ENCRYPTED | FLAG_STRONG | FLAG_MASKED))
        return vb_fail(a->err, VBLIP_ERR_UNSUPPORTED, "%s: encrypted", name);
    uint32_t known = FLAG_LEVEL | FLAG_SIZES_FOLLOW | FLAG_UTF8;
    if (h->flags & ~known)
        return FORMAT(a, "%s: flags 0x%04x", name, h->flags);
    if (h->method == 0 && h->stored != h->size)
        return FORMAT(a, "%s: %" PRIu64 " bytes stored as %" PRIu64, name, h->size,
                      h->stored);
    return VBLIP_OK;
}

// The local header says the same as `c` and the data lies before the directory.
static vblip_status read_local(const archive *a, vb_zip_entry *entry, const header *c)
{
    size_t name_size = strlen(entry->name);
    uint64_t least = LOCAL_BYTES + name_size + c->stored;
    if (c->stored > a->directory || c->offset > a->directory ||
        least > a->directory - c->offset)
        return FORMAT(a,
                      "%s: %" PRIu64 " bytes at byte %" PRIu64
                      ", the directory begins at %" PRIu64,
                      entry->name, c->stored, c->offset, a->directory);
    uint8_t *l = a->local;
    VB_TRY(vb_file_read_at(a->file, l, (size_t)c->offset, LOCAL_BYTES + name_size,
                           a->err));
    if (get32(l) != LOCAL_MAGIC)
        return FORMAT(a, "%s: no header at byte %" PRIu64, entry->name, c->offset);
    uint64_t extra_size = get16(l + 28);
    if (get16(l + 26) != name_size || memcmp(l + LOCAL_BYTES, entry->name, name_size))
        return FORMAT(a, "%s: another name at byte %" PRIu64, entry->name, c->offset);
    if (extra_size > a->directory - c->offset - least)
        return FORMAT(a, "%s: runs into the directory", entry->name);
    const size_t extra_at = (size_t)c->offset + LOCAL_BYTES + name_size;
    uint8_t *extra = l + LOCAL_BYTES + name_size;
    VB_TRY(vb_file_read_at(a->file, extra, extra_at, (size_t)extra_size, a->err));
    header h = {.flags = get16(l + 6),
                .method = get16(l + 8),
                .crc = get32(l + 14),
                .stored = get32(l + 18),
                .size = get32(l + 22)};
    if (!read_extra(&h, extra, (size_t)extra_size))
        return FORMAT(a, "%s: ZIP64 sizes are missing at byte %" PRIu64, entry->name,
                      c->offset);
    const bool later = h.flags & FLAG_SIZES_FOLLOW;
    const bool sizes = !later || h.size != 0 || h.stored != 0; // are there
    if (h.flags != c->flags || h.method != c->method || (!later && h.crc != c->crc) ||
        (sizes && (h.size != c->size || h.stored != c->stored)))
        return FORMAT(a,
                      "%s: its header at byte %" PRIu64 " disagrees with the directory",
                      entry->name, c->offset);
    entry->begin = (size_t)c->offset;
    entry->at = extra_at + (size_t)extra_size;
    entry->size = (size_t)c->stored;
    entry->crc = c->crc;
    entry->method = c->method;
    return VBLIP_OK;
}

// Reads the directory's record at *at of the file, which moves past it.
static vblip_status read_entry(const archive *a, vb_zip_entry *entry, size_t *at)
{
    size_t end = (size_t)(a->directory + a->directory_size), left = end - *at;
    const uint8_t *c = a->records + (*at - (size_t)a->directory);
    if (left < CENTRAL_BYTES || get32(c) != CENTRAL_MAGIC)
        return FORMAT(a, "directory, byte %zu: no entry", *at);
    size_t name_size = get16(c + 28), extra_size = get16(c + 30);
    size_t size = CENTRAL_BYTES + name_size + extra_size + get16(c + 32);
    if (size > left)
        return FORMAT(a, "directory, byte %zu: an entry past its end", *at);
    VB_TRY(zip_read_name(a, &entry->name, c + CENTRAL_BYTES, name_size, *at));
    header h = {.flags = get16(c + 8),
                .method = get16(c + 10),
                .crc = get32(c + 16),
                .stored = get32(c + 20),
                .size = get32(c + 24),
                .offset = get32(c + 42)};
    if (!read_extra(&h, c + CENTRAL_BYTES + name_size, extra_size))
        return FORMAT(a, "%s: ZIP64 sizes are missing", entry->name);
    if (get16(c + 34) != 0)
        return FORMAT(a, "a zip archive in several parts");
    VB_TRY(check_kind(a, entry->name, &h));
    *at += size;
    return read_local(a, entry, &h);
}

// ----------------------------------------------------------------------- all of them

static int zip_by_place(const void *a, const void *b)
{
    const vb_zip_entry *x = a, *y = b;
    return (x->begin > y->begin) - (x->begin < y->begin);
}

static int zip_by_name(const void *a, const void *b)
{
    return strcmp(((const vb_zip_entry *)a)->name, ((const vb_zip_entry *)b)->name);
}

static vblip_status check_apart(const archive *a, vb_zip_entry *entries, size_t count)
{
    qsort(entries, count, sizeof *entries, zip_by_place);
    for (size_t i = 1; i < count; i++)
        if (entries[i].begin < entries[i - 1].at + entries[i - 1].size)
            return FORMAT(a, "%s: overlaps %s", entries[i].name, entries[i - 1].name);
    qsort(entries, count, sizeof *entries, zip_by_name);
    for (size_t i = 1; i < count; i++)
        if (strcmp(entries[i].name, entries[i - 1].name) == 0)
            return FORMAT(a, "%s: two entries of that name", entries[i].name);
    return VBLIP_OK;
}

// Reads the records of the directory and the local headers that they name.
static vblip_status read_entries(archive *a, vb_zip_entry *entries, uint8_t *records,
                                 size_t count)
{
    size_t at = (size_t)a->directory;
    VB_TRY(vb_file_read_at(a->file, records, at, (size_t)a->directory_size, a->err));
    a->records = records;
    for (size_t i = 0; i < count; i++)
        VB_TRY(read_entry(a, &entries[i], &at));
    const size_t rest = (size_t)(a->directory + a->directory_size) - at;
    if (rest)
        return FORMAT(a, "%zu bytes after the last of %zu directory entries", rest,
                      count);
    return check_apart(a, entries, count);
}

vblip_status vb_zip_parse(vb_zip *zip, vb_arena *arena, const vb_file *file,
                          vblip_error *err)
{
    *zip = (vb_zip){0};
    archive a = {.arena = arena, .file = file, .err = err};
    VB_TRY(zip_read_end(&a));
    const size_t count = (size_t)a.entries;
    vb_zip_entry *entries = VB_ARENA_NEW(arena, vb_zip_entry, count);
    uint8_t *records = malloc((size_t)a.directory_size + 1);
    a.local = malloc(LOCAL_BYTES + MAX_NAME + MAX_EXTRA);
    vblip_status status = entries && records && a.local
                              ? read_entries(&a, entries, records, count)
                              : vb_fail_memory(err, "zip directory");
    free(a.local);
    free(records);
    VB_TRY(status);
    bool unchecked = true;
    for (size_t i = 0; i < count; i++)
        unchecked = unchecked && entries[i].crc == 0;
    for (size_t i = 0; i < count; i++)
        entries[i].unchecked = unchecked;
    *zip = (vb_zip){entries, count};
    return VBLIP_OK;
}

const vb_zip_entry *vb_zip_find(const vb_zip *zip, const char *name)
{
    const vb_zip_entry key = {.name = name};
    return zip->count ? bsearch(&key, zip->entries, zip->count, sizeof key, zip_by_name)
                      : NULL;
}

uint32_t vb_zip_crc(uint32_t crc, const void *bytes, size_t size)
{
    return (uint32_t)crc32_z(crc, bytes, size);
}

vblip_status vb_zip_check(const vb_zip_entry *entry, uint32_t crc, vblip_error *err)
{
    if (crc == entry->crc || entry->unchecked)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_FORMAT,
                   "%s: CRC-32 %08x, expected %08x: the file is damaged", entry->name,
                   crc, entry->crc);
}

#include "support/zip_writer.h"

#include <stdlib.h>
#include <string.h>

#include <zlib.h>

static void put(vb_string *s, int size, uint64_t value)
{
    char bytes[8];
    for (int i = 0; i < size; i++)
        bytes[i] = (char)(value >> (8 * i));
    if (!vb_string_append(s, bytes, (size_t)size))
        abort();
}

static void put_bytes(vb_string *s, const void *bytes, size_t size)
{
    if (!vb_string_append(s, bytes, size))
        abort();
}

// Version to the date: what local and central headers begin with.
static void put_common(const zip_writer *zip, vb_string *s, uint32_t crc)
{
    put(s, 2, zip->layout == ZIP_64 ? 45 : 20);
    put(s, 2, zip->layout == ZIP_FOLLOW ? 0x0808 : 0);
    put(s, 2, 0); // stored
    put(s, 4, 0); // time and date
    put(s, 4, crc);
}

static void put_sizes(vb_string *s, uint64_t size, const char *name, size_t extra)
{
    put(s, 4, size);
    put(s, 4, size);
    put(s, 2, strlen(name));
    put(s, 2, extra);
}

void zip_add(zip_writer *zip, const char *name, const void *data, size_t size)
{
    vb_string *s = &zip->bytes;
    if (zip->count == ZIP_MAX_ENTRIES)
        abort();
    zip->entries[zip->count].name = name;
    const uint32_t crc = (uint32_t)crc32_z(0, data, size);
    zip->entries[zip->count].size = size;
    zip->entries[zip->count].crc = crc;
    zip->entries[zip->count++].local = s->size;
    put(s, 4, 0x04034b50);
    put_common(zip, s, zip->layout == ZIP_FOLLOW ? 0 : crc);
    if (zip->layout == ZIP_PLAIN) {
        put_sizes(s, size, name, 0);
        put_bytes(s, name, strlen(name));
    } else if (zip->layout == ZIP_FOLLOW) { // with padding, as torch.save aligns
        put_sizes(s, 0, name, 7);
        put_bytes(s, name, strlen(name));
        put_bytes(s, "FB\3\0ZZZ", 7);
    } else {
        put_sizes(s, UINT32_MAX, name, 20);
        put_bytes(s, name, strlen(name));
        put(s, 4, 1 | 16 << 16);
        put(s, 8, size);
        put(s, 8, size);
    }
    put_bytes(s, data, size);
    if (zip->layout == ZIP_FOLLOW) {
        put(s, 4, 0x08074b50);
        put(s, 4, crc);
        put(s, 4, size);
        put(s, 4, size);
    }
}

static void put_central(zip_writer *zip, size_t index)
{
    vb_string *s = &zip->bytes;
    const char *name = zip->entries[index].name;
    size_t size = zip->entries[index].size, local = zip->entries[index].local;
    bool large = zip->layout == ZIP_64;
    zip->entries[index].central = s->size;
    put(s, 4, 0x02014b50);
    put(s, 2, 0);
    put_common(zip, s, zip->entries[index].crc);
    put_sizes(s, large ? UINT32_MAX : size, name, large ? 28 : 0);
    put(s, 2, 0); // comment
    put(s, 2, 0); // part
    put(s, 6, 0); // attributes
    put(s, 4, large ? UINT32_MAX : local);
    put_bytes(s, name, strlen(name));
    if (!large)
        return;
    put(s, 4, 1 | 24 << 16);
    put(s, 8, size);
    put(s, 8, size);
    put(s, 8, local);
}

static void put_end64(zip_writer *zip, size_t directory, size_t size)
{
    vb_string *s = &zip->bytes;
    zip->end64 = s->size;
    put(s, 4, 0x06064b50);
    put(s, 8, 44);
    put(s, 4, 45 | 45 << 16);
    put(s, 8, 0); // parts
    put(s, 8, zip->count);
    put(s, 8, zip->count);
    put(s, 8, size);
    put(s, 8, directory);
    zip->locator = s->size;
    put(s, 4, 0x07064b50);
    put(s, 4, 0);
    put(s, 8, zip->end64);
    put(s, 4, 1);
}

void zip_end(zip_writer *zip, const char *comment)
{
    vb_string *s = &zip->bytes;
    size_t directory = s->size;
    for (size_t i = 0; i < zip->count; i++)
        put_central(zip, i);
    size_t size = s->size - directory;
    if (zip->layout != ZIP_PLAIN)
        put_end64(zip, directory, size);
    bool large = zip->layout == ZIP_64;
    zip->end = s->size;
    put(s, 4, 0x06054b50);
    put(s, 4, 0); // parts
    put(s, 2, large ? UINT16_MAX : zip->count);
    put(s, 2, large ? UINT16_MAX : zip->count);
    put(s, 4, large ? UINT32_MAX : size);
    put(s, 4, large ? UINT32_MAX : directory);
    put(s, 2, strlen(comment));
    put_bytes(s, comment, strlen(comment));
}

void zip_patch(zip_writer *zip, size_t at, int size, uint64_t value)
{
    for (int i = 0; i < size; i++)
        zip->bytes.bytes[at + (size_t)i] = (char)(value >> (8 * i));
}

void zip_free(zip_writer *zip)
{
    vb_string_free(&zip->bytes);
    *zip = (zip_writer){0};
}

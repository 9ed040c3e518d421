// zip_writer.h - zip archives in memory, in the layouts that writers of checkpoints use,
// with room for a test to break them.
#ifndef ZIP_WRITER_H
#define ZIP_WRITER_H

#include "base/text.h"

typedef enum zip_layout {
    ZIP_PLAIN, // sizes before the data
    ZIP_FOLLOW, // as torch.save: sizes after the data, ZIP64 end records beside the others
    ZIP_64,     // every size and offset in ZIP64 fields only
} zip_layout;

enum { ZIP_MAX_ENTRIES = 8 };

// All-zero but for the layout is an archive without entries. Running out of memory or of
// entries aborts.
typedef struct zip_writer {
    zip_layout layout;
    vb_string bytes;
    struct {
        const char *name; // must live until zip_end
        size_t size;
        uint32_t crc;
        size_t local, central; // where its headers are
    } entries[ZIP_MAX_ENTRIES];
    size_t count;
    size_t end64, locator, end; // where the end records are
} zip_writer;

void zip_add(zip_writer *zip, const char *name, const void *data, size_t size);

// Appends the directory and the end; nothing may be added after it.
void zip_end(zip_writer *zip, const char *comment);

// `size` little-endian bytes of `value` at `at`.
void zip_patch(zip_writer *zip, size_t at, int size, uint64_t value);

void zip_free(zip_writer *zip);

#endif // ZIP_WRITER_H

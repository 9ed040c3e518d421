// list.h - lists of texts and paths that grow, also from files.
#ifndef VB_BASE_LIST_H
#define VB_BASE_LIST_H

#include "base/error.h"

#include <stddef.h>

// All-zero is empty. Strings are owned and NUL-terminated; `sizes` counts NUL bytes
// within. `items` ends with NULL once anything was added.
typedef struct vb_list {
    char **items;
    size_t *sizes;
    uint32_t count, capacity;
} vb_list;

// The copy, or NULL when memory runs out.
const char *vb_list_add(vb_list *list, const char *bytes, size_t size);
void vb_list_free(vb_list *list);

typedef enum vb_entries {
    VB_ENTRIES_PATHS, // empty entries are skipped
    VB_ENTRIES_TEXTS, // UTF-8 without NUL; blank lines are skipped, as is a CR at the end
    VB_ENTRIES_EXACT, // UTF-8; every entry counts, as it is
} vb_entries;

// Adds the entries of `file` ("-": standard input), each ended by `end` or by the end
// of the file.
vblip_status vb_list_read(vb_list *list, const char *file, char end, vb_entries kind,
                          vblip_error *err);

// The items of "a, b,c": blanks around them and empty ones are dropped.
vblip_status vb_list_split(vb_list *list, const char *text, vblip_error *err);

#endif // VB_BASE_LIST_H

// list.h - lists of texts and paths, from the command line and from files.
#ifndef CLI_LIST_H
#define CLI_LIST_H

#include "vblip.h"

#include <stddef.h>

// All-zero is empty. Strings are owned and NUL-terminated; `sizes` counts NUL bytes
// within. `items` ends with NULL once anything was added.
typedef struct cli_list {
    char **items;
    size_t *sizes;
    uint32_t count, capacity;
} cli_list;

// The copy, or NULL when memory runs out.
const char *cli_list_add(cli_list *list, const char *bytes, size_t size);
void cli_list_free(cli_list *list);

typedef enum cli_entries {
    CLI_ENTRIES_PATHS, // empty entries are skipped
    CLI_ENTRIES_TEXTS, // UTF-8 without NUL; blank lines are skipped, as is a CR at the end
    CLI_ENTRIES_EXACT, // UTF-8; every entry counts, as it is
} cli_entries;

// Adds the entries of `file` ("-": standard input), each ended by `end` or by the end
// of the file.
vblip_status cli_list_read(cli_list *list, const char *file, char end, cli_entries kind,
                           vblip_error *err);

// The items of "a, b,c": blanks around them and empty ones are dropped.
vblip_status cli_list_split(cli_list *list, const char *text, vblip_error *err);

#endif // CLI_LIST_H

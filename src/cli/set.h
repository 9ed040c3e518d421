// set.h - which texts were seen before, however many there are.
#ifndef CLI_SET_H
#define CLI_SET_H

#include "cli/list.h"

// All-zero is empty.
typedef struct cli_set {
    cli_list texts;
    uint32_t *slots; // hash table: place in `texts` from 1; 0 = free
    uint32_t slot_count;
} cli_set;

typedef enum cli_seen { CLI_SEEN_NEW, CLI_SEEN_BEFORE, CLI_SEEN_FAILED } cli_seen;

// Adds a copy of `text` unless it is there. CLI_SEEN_FAILED: memory ran out.
cli_seen cli_set_add(cli_set *set, const char *text);
void cli_set_free(cli_set *set);

#endif // CLI_SET_H

// cues.h - the subtitles of one recording, until a copy of it is written with them.
#ifndef CLI_CUES_H
#define CLI_CUES_H

#include "vblip_export.h"

#include <stddef.h>

// All-zero is empty.
typedef struct cli_cues {
    vblip_cue *items; // [count], whose texts are owned
    uint32_t count, capacity;
    bool failed; // memory ran out
} cli_cues;

// What lasts no time is left out.
void cli_cues_add(cli_cues *cues, int64_t start_us, int64_t end_us, const char *text,
                  size_t size);
void cli_cues_clear(cli_cues *cues);

#endif // CLI_CUES_H

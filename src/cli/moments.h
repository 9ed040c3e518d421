// moments.h - hits that something is done with: of a search, or rows on standard input.
#ifndef CLI_MOMENTS_H
#define CLI_MOMENTS_H

#include "base/arena.h"
#include "vblip_export.h"

// All-zero is none.
typedef struct cli_moments {
    vb_arena arena;      // of the paths
    vblip_moment *items; // [count]
    uint32_t count, capacity;
    uint32_t images; // hits without times, which are not in the list
} cli_moments;

vblip_status cli_moments_add(cli_moments *moments, const vblip_moment *moment,
                             bool timed, vblip_error *err);

// Reads rows of retrieve -f jsonl from standard input; VBLIP_ERR_ARGUMENT names the line.
vblip_status cli_moments_read(cli_moments *moments, vblip_error *err);

void cli_moments_free(cli_moments *moments);

#endif // CLI_MOMENTS_H

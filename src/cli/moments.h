// moments.h - hits that something is done with: of a search, or rows on standard input.
#ifndef CLI_MOMENTS_H
#define CLI_MOMENTS_H

#include "base/arena.h"
#include "vblip_export.h"

// What is known of a hit besides its moment.
typedef struct cli_finding {
    bool timed;        // else an image
    const char *query; // NULL = none
    uint32_t rank;
    bool judged; // has p_match
    float p_match;
} cli_finding;

// All-zero is none.
typedef struct cli_moments {
    vb_arena arena;        // of the strings
    vblip_moment *items;   // [count]
    cli_finding *findings; // [count]
    uint32_t count, capacity;
    bool images_too; // they are in the list
    uint32_t images; // hits without times
} cli_moments;

// A hit of a search, with the query that it is of.
vblip_status cli_moments_add(cli_moments *moments, const vblip_hit *hit,
                             const char *query, bool then, vblip_error *err);

// Reads rows of retrieve -f jsonl from standard input; VBLIP_ERR_ARGUMENT names the line.
vblip_status cli_moments_read(cli_moments *moments, vblip_error *err);

void cli_moments_free(cli_moments *moments);

#endif // CLI_MOMENTS_H

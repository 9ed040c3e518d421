// candidates.h - moments that another program found, as JSON lines, and what ITM says of them.
#ifndef CLI_CANDIDATES_H
#define CLI_CANDIDATES_H

#include "base/list.h"
#include "formats/hit_rows.h"

// A row that was read, and its score.
typedef struct cli_candidate {
    vb_hit_row row;
    uint32_t line;  // from 0
    uint32_t query; // index into the queries
    bool scored;
    float itc, itm_logits[2], p_match;
    float score; // itm_logits[1] + itc
} cli_candidate;

// All-zero is empty.
typedef struct cli_candidates {
    vb_arena arena;
    vb_list lines;
    vb_list queries; // each once, in the order of the rows
    cli_candidate *items;
    uint32_t count;
} cli_candidates;

// Reads the rows of `file` ("-": standard input), of `query`, or, where that is NULL, each of its
// own. VBLIP_ERR_ARGUMENT names the line.
vblip_status cli_candidates_read(cli_candidates *out, const char *file,
                                 const char *query, vblip_error *err);
void cli_candidates_free(cli_candidates *candidates);

// Puts those of one clip next to each other, so that each is encoded once.
void cli_candidates_by_clip(cli_candidates *candidates);
bool cli_candidates_alike(const cli_candidate *a, const cli_candidate *b);

// Puts the best of each query first, those without a score last; equal ones stay in the order
// of the rows.
void cli_candidates_by_score(cli_candidates *candidates);

#endif // CLI_CANDIDATES_H

// results.h - what the rows of tasks hold, whoever writes them: docs/cli.md.
//
// Cells point into what they are made of. `path` is the input as it was named.
#ifndef VB_OUTPUT_RESULTS_H
#define VB_OUTPUT_RESULTS_H

#include "output/rows.h"
#include "vblip.h"

enum {
    VB_CAPTION_CELLS = 5,
    VB_MATCH_CELLS = 6,
    VB_HIT_CELLS = 12,
    VB_ANSWER_CELLS = 7,
    VB_EMBED_CELLS = 4,
};

extern const vb_table vb_caption_table; // path start end caption score
void vb_caption_cells(vb_cell out[VB_CAPTION_CELLS], const char *path,
                      const vblip_caption *caption);

// path text itc itm_logits p_match calibration; `calibration` NULL = softmax
extern const vb_table vb_match_table;
void vb_match_cells(vb_cell out[VB_MATCH_CELLS], const char *path, vb_cell text,
                    const char *calibration, const vblip_match_row *row);

// query rank path start end score itc itm_logit p_match calibration, and of hits that are
// two segments then_start then_end. `query` may be absent.
extern const vb_table vb_hit_table, vb_hit_then_table;
void vb_hit_cells(vb_cell out[VB_HIT_CELLS], vb_cell query, const char *path,
                  const char *calibration, const vblip_hit *hit);

// path question answer score start end, and where answers are ranked `ranked`, of rows
// answer score.
extern const vb_table vb_generated_table, vb_ranked_table;
// Of a ranked answer: `ranked` [capacity, 2] gets the cells of the best, and `answers` has
// the candidates. NULL of what is generated.
typedef struct vb_ranking {
    vb_cell *ranked;
    uint32_t capacity;
    const char *const *answers;
} vb_ranking;
void vb_answer_cells(vb_cell out[VB_ANSWER_CELLS], const char *path, vb_cell question,
                     const vblip_answer *answer, const vb_ranking *ranking);

// path text what values: a vector; `path` and `text` absent where it is not of one
extern const vb_table vb_embed_table;
void vb_embed_cells(vb_cell out[VB_EMBED_CELLS], const char *path, vb_cell text,
                    const char *what, const vblip_features *features);

#endif // VB_OUTPUT_RESULTS_H

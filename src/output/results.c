#include "output/results.h"

#include <string.h>

static const vb_column caption_columns[] = {
    {"path", VB_CELL_TEXT, NULL},  {"start", VB_CELL_TIME, NULL},
    {"end", VB_CELL_TIME, NULL},   {"caption", VB_CELL_TEXT, NULL},
    {"score", VB_CELL_REAL, NULL},
};
const vb_table vb_caption_table = {caption_columns, VB_CAPTION_CELLS};

void vb_caption_cells(vb_cell out[VB_CAPTION_CELLS], const char *path,
                      const vblip_caption *caption)
{
    const vb_cell cells[VB_CAPTION_CELLS] = {
        vb_cell_text(path),
        vb_cell_time(caption->timed, caption->start_us),
        vb_cell_time(caption->timed, caption->end_us),
        vb_cell_text(caption->text),
        vb_cell_real((double)caption->score),
    };
    memcpy(out, cells, sizeof cells);
}

static const vb_column match_columns[] = {
    {"path", VB_CELL_TEXT, NULL},    {"text", VB_CELL_TEXT, NULL},
    {"itc", VB_CELL_REAL, NULL},     {"itm_logits", VB_CELL_PAIR, NULL},
    {"p_match", VB_CELL_REAL, NULL}, {"calibration", VB_CELL_TEXT, NULL},
};
const vb_table vb_match_table = {match_columns, VB_MATCH_CELLS};

void vb_match_cells(vb_cell out[VB_MATCH_CELLS], const char *path, vb_cell text,
                    const char *calibration, const vblip_match_row *row)
{
    const vb_cell cells[VB_MATCH_CELLS] = {
        vb_cell_text(path),
        text,
        vb_cell_real((double)row->itc),
        vb_cell_pair(row->itm_logits),
        vb_cell_real((double)row->p_match),
        vb_cell_text(calibration),
    };
    memcpy(out, cells, sizeof cells);
}

static const vb_column hit_columns[] = {
    {"query", VB_CELL_TEXT, NULL},      {"rank", VB_CELL_WHOLE, NULL},
    {"path", VB_CELL_TEXT, NULL},       {"start", VB_CELL_TIME, NULL},
    {"end", VB_CELL_TIME, NULL},        {"score", VB_CELL_REAL, NULL},
    {"itc", VB_CELL_REAL, NULL},        {"itm_logit", VB_CELL_REAL, NULL},
    {"p_match", VB_CELL_REAL, NULL},    {"calibration", VB_CELL_TEXT, NULL},
    {"then_start", VB_CELL_TIME, NULL}, {"then_end", VB_CELL_TIME, NULL},
};
enum { THEN_CELLS = 2 };
const vb_table vb_hit_table = {hit_columns, VB_HIT_CELLS - THEN_CELLS};
const vb_table vb_hit_then_table = {hit_columns, VB_HIT_CELLS};

void vb_hit_cells(vb_cell out[VB_HIT_CELLS], vb_cell query, const char *path,
                  const char *calibration, const vblip_hit *hit)
{
    vb_cell reranked[3] = {0};
    if (hit->reranked) {
        reranked[0] = vb_cell_real((double)hit->itm_logits[1]);
        reranked[1] = vb_cell_real((double)hit->p_match);
        reranked[2] = vb_cell_text(calibration);
    }
    const vb_cell cells[VB_HIT_CELLS] = {
        query,
        vb_cell_whole(hit->rank),
        vb_cell_text(path),
        vb_cell_time(hit->timed, hit->start_us),
        vb_cell_time(hit->timed, hit->end_us),
        vb_cell_real((double)hit->score),
        vb_cell_real((double)hit->itc),
        reranked[0],
        reranked[1],
        reranked[2],
        vb_cell_time(hit->timed, hit->then_start_us),
        vb_cell_time(hit->timed, hit->then_end_us),
    };
    memcpy(out, cells, sizeof cells);
}

static const vb_column ranking_columns[] = {{"answer", VB_CELL_TEXT, NULL},
                                            {"score", VB_CELL_REAL, NULL}};
static const vb_table ranking_table = {ranking_columns, 2};
static const vb_column answer_columns[] = {
    {"path", VB_CELL_TEXT, NULL},
    {"question", VB_CELL_TEXT, NULL},
    {"answer", VB_CELL_TEXT, NULL},
    {"score", VB_CELL_REAL, NULL},
    {"start", VB_CELL_TIME, NULL},
    {"end", VB_CELL_TIME, NULL},
    {"ranked", VB_CELL_ROWS, &ranking_table},
};
const vb_table vb_generated_table = {answer_columns, VB_ANSWER_CELLS - 1};
const vb_table vb_ranked_table = {answer_columns, VB_ANSWER_CELLS};

// The cell of column `ranked`.
static vb_cell ranked_cell(const vblip_answer *answer, const vb_ranking *ranking)
{
    if (!ranking || !answer->ranked)
        return (vb_cell){0};
    const uint32_t count = answer->ranked_count < ranking->capacity
                               ? answer->ranked_count
                               : ranking->capacity;
    for (uint32_t i = 0; i < count; i++) {
        const vblip_ranked_answer *r = &answer->ranked[i];
        ranking->ranked[2 * i] = vb_cell_text(ranking->answers[r->answer]);
        ranking->ranked[2 * i + 1] = vb_cell_real((double)r->score);
    }
    return vb_cell_rows(ranking->ranked, count);
}

void vb_answer_cells(vb_cell out[VB_ANSWER_CELLS], const char *path, vb_cell question,
                     const vblip_answer *answer, const vb_ranking *ranking)
{
    const vb_cell cells[VB_ANSWER_CELLS] = {
        vb_cell_text(path),
        question,
        vb_cell_text(answer->text),
        vb_cell_real((double)answer->score),
        vb_cell_time(answer->timed, answer->start_us),
        vb_cell_time(answer->timed, answer->end_us),
        ranked_cell(answer, ranking),
    };
    memcpy(out, cells, sizeof cells);
}

static const vb_column embed_columns[] = {
    {"path", VB_CELL_TEXT, NULL},
    {"text", VB_CELL_TEXT, NULL},
    {"what", VB_CELL_TEXT, NULL},
    {"values", VB_CELL_REALS, NULL},
};
const vb_table vb_embed_table = {embed_columns, VB_EMBED_CELLS};

void vb_embed_cells(vb_cell out[VB_EMBED_CELLS], const char *path, vb_cell text,
                    const char *what, const vblip_features *features)
{
    const vb_cell cells[VB_EMBED_CELLS] = {
        vb_cell_text(path),
        text,
        vb_cell_text(what),
        vb_cell_reals(features->values, features->cols),
    };
    memcpy(out, cells, sizeof cells);
}

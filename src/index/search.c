// search.c - the whole index through one scan; spans and recordings of the hits alone.
#include "index/store.h"

#include "index/scan.h"

#include <string.h>

_Static_assert((int)VB_SCAN_BLOCK == (int)VB_BLOCK_SEGMENTS,
               "a block is scanned at once");

typedef struct searching {
    const vb_index *index;
    const vb_index_query *query;
    vb_scan *scan;
    uint8_t kept[VB_BLOCK_SEGMENTS];
} searching;

static bool is_allowed(const vb_index_query *q, int64_t recording)
{
    if (recording <= 0)
        return false;
    return !q->allowed || (recording < q->allowed_count && q->allowed[recording]);
}

static vblip_status scan_block(void *user, uint64_t number, uint8_t *block,
                               vblip_error *err)
{
    (void)err;
    searching *s = user;
    const int64_t *recordings = vb_block_recordings(block);
    for (uint32_t p = 0; p < VB_BLOCK_SEGMENTS; p++)
        s->kept[p] = is_allowed(s->query, recordings[p]);
    vb_scan_take(s->scan, vb_block_vectors(block), s->kept, VB_BLOCK_SEGMENTS,
                 number * VB_BLOCK_SEGMENTS);
    return VBLIP_OK;
}

// Recording and span of a hit, from its block.
static vblip_status read_hit(vb_index_hit *hit, vb_index *index, vblip_error *err)
{
    const size_t place = hit->segment % VB_BLOCK_SEGMENTS;
    const size_t spans =
        (size_t)((uint8_t *)vb_block_spans(index->block) - index->block);
    sqlite3_blob *blob;
    int code =
        sqlite3_blob_open(index->db, "main", "blocks", "data",
                          (sqlite3_int64)(hit->segment / VB_BLOCK_SEGMENTS), 0, &blob);
    if (code != SQLITE_OK)
        return vb_index_fail(index, code, err);
    code = sqlite3_blob_read(blob, &hit->recording, sizeof hit->recording,
                             (int)(8 + place * sizeof hit->recording));
    if (code == SQLITE_OK)
        code = sqlite3_blob_read(blob, &hit->span, sizeof hit->span,
                                 (int)(spans + place * sizeof hit->span));
    sqlite3_blob_close(blob);
    return code == SQLITE_OK ? VBLIP_OK : vb_index_fail(index, code, err);
}

static vblip_status take_hits(searching *s, vb_index *index, vb_index_hit *hits,
                              uint32_t *found, vblip_error *err)
{
    for (uint32_t q = 0; q < s->query->count; q++) {
        const vb_scan_hit *best;
        found[q] = vb_scan_best(s->scan, q, &best);
        for (uint32_t i = 0; i < found[q]; i++) {
            vb_index_hit *hit = &hits[(size_t)q * s->query->best + i];
            *hit = (vb_index_hit){.segment = best[i].number, .score = best[i].score};
            VB_TRY(read_hit(hit, index, err));
        }
    }
    return VBLIP_OK;
}

vblip_status vb_index_search(vb_index *index, const vb_index_query *query,
                             vb_index_hit *hits, uint32_t *found, vblip_error *err)
{
    searching s = {.index = index, .query = query};
    VB_TRY(vb_scan_make(&s.scan, query->vectors, query->count, index->dims, query->best,
                        err));
    vblip_status status = vb_blocks_each(index, scan_block, &s, err);
    if (status == VBLIP_OK)
        status = take_hits(&s, index, hits, found, err);
    vb_scan_free(&s.scan);
    return status;
}

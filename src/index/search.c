// search.c - the whole index through one scan; spans and recordings of the hits alone.
//
// The first search reads the file block by block. When an index is searched a second time
// and has not changed, the blocks are kept in memory as they are read, and that copy is
// searched from then on, until the file changes.
#include "index/store.h"

#include "index/scan.h"

#include <stdlib.h>
#include <string.h>

_Static_assert((int)VB_SCAN_BLOCK == (int)VB_BLOCK_SEGMENTS,
               "a block is scanned at once");

typedef struct searching {
    vb_index *index;
    const vb_index_query *query;
    vb_scan *scan;
    bool keep; // blocks go to the copy
    uint8_t kept[VB_BLOCK_SEGMENTS];
} searching;

static bool is_allowed(const vb_index_query *q, int64_t recording)
{
    if (recording <= 0)
        return false;
    return !q->allowed || (recording < q->allowed_count && q->allowed[recording]);
}

static void scan_segments(searching *s, const int64_t *recordings,
                          const uint16_t *vectors, uint64_t first)
{
    for (uint32_t p = 0; p < VB_BLOCK_SEGMENTS; p++)
        s->kept[p] = is_allowed(s->query, recordings[p]);
    vb_scan_take(s->scan, vectors, s->kept, VB_BLOCK_SEGMENTS, first);
}

// ----------------------------------------------------------------------------- the file

static vblip_status scan_block(void *user, uint64_t number, uint8_t *block,
                               vblip_error *err)
{
    (void)err;
    searching *s = user;
    if (s->keep)
        vb_resident_add(s->index, number, block);
    scan_segments(s, vb_block_recordings(block), vb_block_vectors(block),
                  number * VB_BLOCK_SEGMENTS);
    return VBLIP_OK;
}

static int by_segment_of_hit(const void *left, const void *right)
{
    const vb_index_hit *a = *(vb_index_hit *const *)left;
    const vb_index_hit *b = *(vb_index_hit *const *)right;
    return a->segment < b->segment ? -1 : a->segment > b->segment;
}

static vblip_status open_block_of(sqlite3_blob **blob, vb_index *index, uint64_t number,
                                  vblip_error *err)
{
    const int code = *blob ? sqlite3_blob_reopen(*blob, (sqlite3_int64)number)
                           : sqlite3_blob_open(index->db, "main", "blocks", "data",
                                               (sqlite3_int64)number, 0, blob);
    return code == SQLITE_OK ? VBLIP_OK : vb_index_fail(index, code, err);
}

static vblip_status read_hit(vb_index_hit *hit, vb_index *index, sqlite3_blob *blob,
                             vblip_error *err)
{
    const size_t place = hit->segment % VB_BLOCK_SEGMENTS;
    const size_t spans =
        (size_t)((uint8_t *)vb_block_spans(index->block) - index->block);
    int code = sqlite3_blob_read(blob, &hit->recording, sizeof hit->recording,
                                 (int)(8 + place * sizeof hit->recording));
    if (code == SQLITE_OK)
        code = sqlite3_blob_read(blob, &hit->span, sizeof hit->span,
                                 (int)(spans + place * sizeof hit->span));
    return code == SQLITE_OK ? VBLIP_OK : vb_index_fail(index, code, err);
}

// Recordings and spans of hits, from their blocks, each of which is opened once.
static vblip_status read_hits(vb_index_hit **hits, uint32_t count, vb_index *index,
                              vblip_error *err)
{
    sqlite3_blob *blob = NULL;
    vblip_status status = VBLIP_OK;
    if (count > 1)
        qsort(hits, count, sizeof *hits, by_segment_of_hit);
    for (uint32_t i = 0; i < count && status == VBLIP_OK; i++) {
        const uint64_t number = hits[i]->segment / VB_BLOCK_SEGMENTS;
        if (i == 0 || number != hits[i - 1]->segment / VB_BLOCK_SEGMENTS)
            status = open_block_of(&blob, index, number, err);
        if (status == VBLIP_OK)
            status = read_hit(hits[i], index, blob, err);
    }
    sqlite3_blob_close(blob);
    return status;
}

// `again`: it was searched before, and is as it was.
static vblip_status scan_file(searching *s, bool again, uint64_t blocks,
                              unsigned version, vblip_error *err)
{
    vb_resident *r = &s->index->resident;
    if (again)
        s->keep = vb_resident_begin(s->index, blocks);
    else
        vb_resident_free(s->index);
    r->searched = true;
    r->version = version;
    VB_TRY(vb_blocks_each(s->index, scan_block, s, err));
    r->whole = s->keep && r->count == blocks;
    return VBLIP_OK;
}

// ----------------------------------------------------------------------------- the copy

// Segments are numbered by where they are in the copy.
static void scan_resident(searching *s)
{
    const vb_resident *r = &s->index->resident;
    for (uint64_t i = 0; i < r->count; i++) {
        const size_t at = (size_t)i * VB_BLOCK_SEGMENTS;
        const uint16_t *vectors = r->vectors + at * s->index->dims;
        if (r->full[i] && !s->query->allowed)
            vb_scan_take(s->scan, vectors, NULL, VB_BLOCK_SEGMENTS, at);
        else
            scan_segments(s, r->recordings + at, vectors, at);
    }
}

static void take_resident_hit(vb_index_hit *hit, const vb_resident *r)
{
    const size_t at = (size_t)hit->segment;
    hit->segment =
        r->numbers[at / VB_BLOCK_SEGMENTS] * VB_BLOCK_SEGMENTS + at % VB_BLOCK_SEGMENTS;
    hit->recording = r->recordings[at];
    hit->span = r->spans[at];
}

// ---------------------------------------------------------------------------- the whole

static vblip_status take_hits(searching *s, bool resident, vb_index_hit *hits,
                              uint32_t count, const vb_scan_hit *best, vblip_error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        hits[i] = (vb_index_hit){.segment = best[i].number, .score = best[i].score};
        if (resident)
            take_resident_hit(&hits[i], &s->index->resident);
    }
    if (resident)
        return VBLIP_OK;
    vb_index_hit **sorted = malloc((count ? count : 1) * sizeof *sorted);
    if (!sorted)
        return vb_fail_memory(err, "search");
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = &hits[i];
    const vblip_status status = read_hits(sorted, count, s->index, err);
    free(sorted);
    return status;
}

static vblip_status take_all_hits(searching *s, bool resident, vb_index_hit *hits,
                                  uint32_t *found, vblip_error *err)
{
    for (uint32_t q = 0; q < s->query->count; q++) {
        const vb_scan_hit *best;
        found[q] = vb_scan_best(s->scan, q, &best);
        VB_TRY(take_hits(s, resident, hits + (size_t)q * s->query->best, found[q], best,
                         err));
    }
    return VBLIP_OK;
}

// Within a transaction: the version is that of what is read.
static vblip_status search_version(searching *s, uint64_t blocks, vb_index_hit *hits,
                                   uint32_t *found, vblip_error *err)
{
    const vb_resident *r = &s->index->resident;
    unsigned version = 0;
    const int code =
        sqlite3_file_control(s->index->db, "main", SQLITE_FCNTL_DATA_VERSION, &version);
    if (code != SQLITE_OK)
        return vb_index_fail(s->index, code, err);
    const bool again = r->searched && r->version == version;
    const bool resident = again && r->whole;
    if (resident)
        scan_resident(s);
    else
        VB_TRY(scan_file(s, again, blocks, version, err));
    return take_all_hits(s, resident, hits, found, err);
}

// A statement that stands at a row holds a transaction.
static vblip_status search_held(searching *s, vb_index_hit *hits, uint32_t *found,
                                vblip_error *err)
{
    sqlite3_stmt *holder;
    bool row;
    VB_TRY(vb_statement_take(&holder, s->index, VB_SQL_BLOCK_COUNT, err));
    VB_TRY(vb_statement_step(&row, s->index, holder, err));
    const uint64_t blocks = (uint64_t)sqlite3_column_int64(holder, 0);
    const vblip_status status = search_version(s, blocks, hits, found, err);
    sqlite3_reset(holder);
    return status;
}

vblip_status vb_index_search(vb_index *index, const vb_index_query *query,
                             vb_index_hit *hits, uint32_t *found, vblip_error *err)
{
    searching s = {.index = index, .query = query};
    VB_TRY(vb_scan_make(&s.scan, query->vectors, query->count, index->dims, query->best,
                        err));
    const vblip_status status = search_held(&s, hits, found, err);
    vb_scan_free(&s.scan);
    return status;
}

vblip_status vb_index_vector(float *out, vb_index *index, const vb_index_hit *hit,
                             vblip_error *err)
{
    vb_segment span;
    VB_TRY(vb_index_reserve(index, 1, err));
    index->places[0] = hit->segment;
    return vb_blocks_read(index, hit->recording, &span, out, 1, err);
}

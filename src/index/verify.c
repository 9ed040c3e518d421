// verify.c - the whole index is read, and what names each other is held together.
#include "index/store.h"

#include <stdlib.h>
#include <string.h>

// Which recording each place has, by the blocks.
typedef struct owners {
    const vb_index *index;
    int64_t *recordings; // [capacity]
    uint64_t capacity, taken, named;
} owners;

static vblip_status check_pages(vb_index *index, vblip_error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(index->db, "PRAGMA integrity_check(1)", -1,
                                  &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    if (code != SQLITE_ROW)
        code = code == SQLITE_DONE ? SQLITE_CORRUPT : code;
    vblip_status status = VBLIP_OK;
    if (code != SQLITE_ROW)
        status = vb_index_fail(index, code, err);
    else if (strcmp((const char *)sqlite3_column_text(statement, 0), "ok") != 0)
        status = vb_index_damaged(index,
                                  (const char *)sqlite3_column_text(statement, 0), err);
    sqlite3_finalize(statement);
    return status;
}

static vblip_status see_block(void *user, uint64_t number, uint8_t *block,
                              vblip_error *err)
{
    owners *o = user;
    const uint64_t end = (number + 1) * VB_BLOCK_SEGMENTS;
    if (end > o->capacity) {
        int64_t *more = realloc(o->recordings, 2 * end * sizeof *more);
        if (!more)
            return vb_fail_memory(err, o->index->path);
        memset(more + o->capacity, 0, (2 * end - o->capacity) * sizeof *more);
        o->recordings = more;
        o->capacity = 2 * end;
    }
    const int64_t *from = vb_block_recordings(block);
    memcpy(o->recordings + number * VB_BLOCK_SEGMENTS, from,
           VB_BLOCK_SEGMENTS * sizeof *from);
    for (uint32_t p = 0; p < VB_BLOCK_SEGMENTS; p++)
        o->taken += from[p] != 0;
    return VBLIP_OK;
}

static vblip_status see_recordings(owners *o, vb_index *index, vblip_error *err)
{
    sqlite3_stmt *statement;
    bool row;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_EACH, err));
    for (;;) {
        vb_recording r;
        uint32_t count;
        VB_TRY(vb_statement_step(&row, index, statement, err));
        if (!row)
            return VBLIP_OK;
        VB_TRY(vb_recording_read(&r, &count, index, statement, err));
        for (uint32_t i = 0; i < count; i++) {
            const uint64_t place = index->places[i];
            if (place >= o->capacity || o->recordings[place] != r.id)
                return vb_index_damaged(index, "a recording's segment is not there",
                                        err);
        }
        o->named += count;
    }
}

vblip_status vb_index_verify(vb_index *index, vblip_error *err)
{
    owners o = {.index = index};
    vblip_status status = check_pages(index, err);
    if (status == VBLIP_OK)
        status = vb_blocks_each(index, see_block, &o, err);
    if (status == VBLIP_OK)
        status = see_recordings(&o, index, err);
    if (status == VBLIP_OK && o.named != o.taken)
        status = vb_index_damaged(index, "a segment is of no recording", err);
    free(o.recordings);
    return status;
}

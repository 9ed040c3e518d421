// blocks.c - vectors and spans of segments, 256 to a row of the database: a row each would
// take ten times as long to read.
#include "index/store.h"

#include "base/dtype.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

vblip_status vb_index_reserve(vb_index *index, uint32_t count, vblip_error *err)
{
    if (count <= index->place_capacity)
        return VBLIP_OK;
    uint64_t *places = realloc(index->places, count * sizeof *places);
    if (!places)
        return vb_fail_memory(err, index->path);
    index->places = places;
    index->place_capacity = count;
    return VBLIP_OK;
}

static uint64_t block_checksum(const vb_index *index, const uint8_t *block,
                               uint64_t number)
{
    return vb_hash_bytes(number, block + 8, vb_block_bytes(index) - 8);
}

static vblip_status check_block(const vb_index *index, uint64_t number,
                                const uint8_t *block, size_t size, vblip_error *err)
{
    uint64_t sum = 0;
    if (size == vb_block_bytes(index))
        memcpy(&sum, block, sizeof sum);
    if (size != vb_block_bytes(index) || sum != block_checksum(index, block, number)) {
        char what[64];
        snprintf(what, sizeof what, "block %llu is damaged",
                 (unsigned long long)number);
        return vb_index_damaged(index, what, err);
    }
    return VBLIP_OK;
}

// Opens the block, for writing if `write`, and reads it to index->block.
static vblip_status open_block(sqlite3_blob **out, vb_index *index, uint64_t number,
                               bool write, vblip_error *err)
{
    int code = sqlite3_blob_open(index->db, "main", "blocks", "data",
                                 (sqlite3_int64)number, write, out);
    if (code != SQLITE_OK)
        return vb_index_fail(index, code, err);
    const size_t size = (size_t)sqlite3_blob_bytes(*out);
    if (size == vb_block_bytes(index))
        code = sqlite3_blob_read(*out, index->block, (int)size, 0);
    vblip_status status = code == SQLITE_OK
                              ? check_block(index, number, index->block, size, err)
                              : vb_index_fail(index, code, err);
    if (status != VBLIP_OK) {
        sqlite3_blob_close(*out);
        *out = NULL;
    }
    return status;
}

// Writes `size` bytes of index->block from `at` on, only those: pages that do not change
// are not written.
static int write_part(const vb_index *index, sqlite3_blob *blob, const void *at,
                      size_t size)
{
    const size_t offset = (size_t)((const uint8_t *)at - index->block);
    return sqlite3_blob_write(blob, at, (int)size, (int)offset);
}

// Writes places first .. first + count - 1, and the checksum.
static vblip_status write_places(vb_index *index, sqlite3_blob *blob, uint64_t number,
                                 uint32_t first, uint32_t count, vblip_error *err)
{
    uint8_t *block = index->block;
    const uint64_t sum = block_checksum(index, block, number);
    const size_t row = index->dims;
    memcpy(block, &sum, sizeof sum);
    int code = write_part(index, blob, block, sizeof sum);
    if (code == SQLITE_OK)
        code = write_part(index, blob, vb_block_recordings(block) + first,
                          count * sizeof(int64_t));
    if (code == SQLITE_OK)
        code = write_part(index, blob, vb_block_spans(block) + first,
                          count * sizeof(vb_segment));
    if (code == SQLITE_OK)
        code = write_part(index, blob, vb_block_vectors(block) + first * row,
                          count * row * sizeof(uint16_t));
    return code == SQLITE_OK ? VBLIP_OK : vb_index_fail(index, code, err);
}

static vblip_status add_room(vb_index *index, uint64_t block, int64_t places,
                             vblip_error *err)
{
    sqlite3_stmt *statement;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_SET_ROOM, err));
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)block);
    sqlite3_bind_int64(statement, 2, places);
    return vb_statement_run(index, statement, err);
}

static vblip_status forget_full(vb_index *index, vblip_error *err)
{
    sqlite3_stmt *statement;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_NO_ROOM, err));
    return vb_statement_run(index, statement, err);
}

// A block that is empty, behind all others.
static vblip_status append_block(uint64_t *out, vb_index *index, vblip_error *err)
{
    sqlite3_stmt *statement;
    bool row;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_LAST_BLOCK, err));
    VB_TRY(vb_statement_step(&row, index, statement, err));
    *out = (uint64_t)(sqlite3_column_int64(statement, 0) + 1);
    sqlite3_reset(statement);
    memset(index->block, 0, vb_block_bytes(index));
    const uint64_t sum = block_checksum(index, index->block, *out);
    memcpy(index->block, &sum, sizeof sum);
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_NEW_BLOCK, err));
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)*out);
    sqlite3_bind_blob(statement, 2, index->block, (int)vb_block_bytes(index),
                      SQLITE_STATIC);
    VB_TRY(vb_statement_run(index, statement, err));
    return add_room(index, *out, VB_BLOCK_SEGMENTS, err);
}

// The first block with a free place.
static vblip_status find_room(uint64_t *out, vb_index *index, vblip_error *err)
{
    sqlite3_stmt *statement;
    bool row;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_ROOM, err));
    VB_TRY(vb_statement_step(&row, index, statement, err));
    if (row)
        *out = (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return row ? VBLIP_OK : append_block(out, index, err);
}

typedef struct segment_list {
    int64_t recording;
    const vb_segment *segments;
    const float *vectors;
    uint32_t count, added;
} segment_list;

// Fills the block in index->block with what fits; *first and *last are of its places.
static uint32_t fill_block(vb_index *index, segment_list *list, uint64_t number,
                           uint32_t *first, uint32_t *last)
{
    int64_t *recordings = vb_block_recordings(index->block);
    uint32_t filled = 0;
    for (uint32_t p = 0; p < VB_BLOCK_SEGMENTS && list->added < list->count; p++) {
        if (recordings[p])
            continue;
        recordings[p] = list->recording;
        vb_block_spans(index->block)[p] = list->segments[list->added];
        uint16_t *vector = vb_block_vectors(index->block) + (size_t)p * index->dims;
        const float *from = list->vectors + (size_t)list->added * index->dims;
        for (uint32_t d = 0; d < index->dims; d++)
            vector[d] = vb_f32_to_f16(from[d]);
        index->places[list->added++] = number * VB_BLOCK_SEGMENTS + p;
        *first = filled++ ? *first : p;
        *last = p;
    }
    return filled;
}

static vblip_status add_to_block(vb_index *index, segment_list *list, vblip_error *err)
{
    uint64_t number = 0;
    sqlite3_blob *blob;
    uint32_t first = 0, last = 0;
    VB_TRY(find_room(&number, index, err));
    VB_TRY(open_block(&blob, index, number, true, err));
    const uint32_t filled = fill_block(index, list, number, &first, &last);
    vblip_status status =
        filled ? write_places(index, blob, number, first, last - first + 1, err)
               : vb_index_damaged(index, "a block that should have room is full", err);
    sqlite3_blob_close(blob);
    VB_TRY(status);
    return add_room(index, number, -(int64_t)filled, err);
}

vblip_status vb_blocks_add(vb_index *index, int64_t recording,
                           const vb_segment *segments, const float *vectors,
                           uint32_t count, vblip_error *err)
{
    segment_list list = {recording, segments, vectors, count, 0};
    VB_TRY(vb_index_reserve(index, count, err));
    while (list.added < count) {
        VB_TRY(add_to_block(index, &list, err));
        VB_TRY(forget_full(index, err));
    }
    return VBLIP_OK;
}

// Frees those of places first .. count - 1 that lie in the block of the first; how many
// those are.
static vblip_status free_in_block(uint32_t *freed, vb_index *index, int64_t recording,
                                  uint32_t first, uint32_t count, vblip_error *err)
{
    const uint64_t number = index->places[first] / VB_BLOCK_SEGMENTS;
    sqlite3_blob *blob;
    uint32_t next = first, low = VB_BLOCK_SEGMENTS, high = 0;
    VB_TRY(open_block(&blob, index, number, true, err));
    int64_t *recordings = vb_block_recordings(index->block);
    for (; next < count && index->places[next] / VB_BLOCK_SEGMENTS == number; next++) {
        const uint32_t p = (uint32_t)(index->places[next] % VB_BLOCK_SEGMENTS);
        if (recordings[p] != recording)
            break;
        recordings[p] = 0;
        vb_block_spans(index->block)[p] = (vb_segment){0};
        memset(vb_block_vectors(index->block) + (size_t)p * index->dims, 0,
               index->dims * sizeof(uint16_t));
        low = p < low ? p : low;
        high = p > high ? p : high;
    }
    *freed = next - first;
    const vblip_status status =
        *freed ? write_places(index, blob, number, low, high - low + 1, err)
               : vb_index_damaged(index, "a segment is another recording's", err);
    sqlite3_blob_close(blob);
    VB_TRY(status);
    return add_room(index, number, *freed, err);
}

vblip_status vb_blocks_free(vb_index *index, int64_t recording, uint32_t count,
                            vblip_error *err)
{
    for (uint32_t first = 0, freed = 0; first < count; first += freed)
        VB_TRY(free_in_block(&freed, index, recording, first, count, err));
    return VBLIP_OK;
}

vblip_status vb_blocks_read(vb_index *index, int64_t recording, vb_segment *segments,
                            float *vectors, uint32_t count, vblip_error *err)
{
    uint64_t held = UINT64_MAX;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t number = index->places[i] / VB_BLOCK_SEGMENTS;
        const size_t p = index->places[i] % VB_BLOCK_SEGMENTS;
        if (number != held) {
            sqlite3_blob *blob;
            VB_TRY(open_block(&blob, index, number, false, err));
            sqlite3_blob_close(blob);
            held = number;
        }
        if (vb_block_recordings(index->block)[p] != recording)
            return vb_index_damaged(index, "a segment is another recording's", err);
        segments[i] = vb_block_spans(index->block)[p];
        const uint16_t *vector = vb_block_vectors(index->block) + p * index->dims;
        for (uint32_t d = 0; d < index->dims; d++)
            vectors[(size_t)i * index->dims + d] = vb_f16_to_f32(vector[d]);
    }
    return VBLIP_OK;
}

vblip_status vb_blocks_each(vb_index *index, vb_block_fn fn, void *user,
                            vblip_error *err)
{
    sqlite3_stmt *statement;
    bool row;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_BLOCKS, err));
    vblip_status status;
    while ((status = vb_statement_step(&row, index, statement, err)) == VBLIP_OK &&
           row) {
        const uint64_t number = (uint64_t)sqlite3_column_int64(statement, 0);
        const size_t size = (size_t)sqlite3_column_bytes(statement, 1);
        uint8_t *data = (uint8_t *)(uintptr_t)sqlite3_column_blob(statement, 1);
        // SQLite's copy does, unless a page holds the row and it lies anywhere.
        if (data && (uintptr_t)data % sizeof(int64_t) && size == vb_block_bytes(index))
            data = memcpy(index->block, data, size);
        status = check_block(index, number, data, data ? size : 0, err);
        if (status == VBLIP_OK)
            status = fn(user, number, data, err);
        if (status != VBLIP_OK)
            break;
    }
    sqlite3_reset(statement);
    return status;
}

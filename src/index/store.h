// store.h - what the files of index/ share: the database, and blocks of vectors in it.
#ifndef VB_INDEX_STORE_H
#define VB_INDEX_STORE_H

#include "index/index.h"

#include "base/text.h"

#include <sqlite3.h>

// Statements, prepared when they are first used: their texts are in statements.c.
typedef enum vb_statement {
    VB_SQL_BEGIN,
    VB_SQL_COMMIT,
    VB_SQL_ROLLBACK,
    VB_SQL_FIND_PATH,
    VB_SQL_FIND_ID,
    VB_SQL_FIND_AFTER,
    VB_SQL_EACH,
    VB_SQL_EACH_SIZED,
    VB_SQL_WRITE,
    VB_SQL_REMOVE,
    VB_SQL_NEW_ID,
    VB_SQL_ROOM,
    VB_SQL_SET_ROOM,
    VB_SQL_NO_ROOM,
    VB_SQL_LAST_BLOCK,
    VB_SQL_NEW_BLOCK,
    VB_SQL_BLOCKS,
    VB_SQL_BLOCK_COUNT,
    VB_SQL_COUNT,
    VB_SQL_FACT,
    VB_SQL_FACTS,
    VB_SQL_SET_ROOT,
    VB_STATEMENTS,
} vb_statement;

// A copy of all blocks of one version of the database, in their order.
typedef struct vb_resident {
    bool searched, whole; // whole: the copy can be searched
    unsigned version;     // of the database, when it was searched
    uint64_t count, capacity;
    uint64_t *numbers;   // [count]
    bool *full;          // [count]: every place is a recording's
    int64_t *recordings; // [count * VB_BLOCK_SEGMENTS]
    vb_segment *spans;   // the same
    uint16_t *vectors;   // [count * VB_BLOCK_SEGMENTS, dims]
} vb_resident;

struct vb_index {
    sqlite3 *db;
    sqlite3_stmt *statements[VB_STATEMENTS];
    char *path; // for messages
    bool in_memory, patient;
    uint32_t dims;
    int lock;         // descriptor of the file that keeps other writers out, or -1
    vb_string text;   // of the recording found last
    uint8_t *block;   // vb_block_bytes(), of the one in work
    uint64_t *places; // of the segments of a recording
    uint32_t place_capacity;
    vb_resident resident;
};

// ------------------------------------------------------------------------- lock.c

// Keeps other writers from the index at `path`, by a lock on a file beside it, until *out
// is closed, also by the end of the process, however that ends. `patient`: waits some
// seconds. VBLIP_ERR_IO where another process writes.
VB_CHECKED vblip_status vb_lock_take(int *out, const char *path, bool patient,
                                     vblip_error *err);

// ------------------------------------------------------------------- statements.c

// Runs statements that return no rows.
VB_CHECKED vblip_status vb_index_sql(vb_index *index, const char *text,
                                     vblip_error *err);

// A statement, reset and without parameters.
VB_CHECKED vblip_status vb_statement_take(sqlite3_stmt **out, vb_index *index,
                                          vb_statement which, vblip_error *err);
// Runs a statement that returns no rows.
VB_CHECKED vblip_status vb_statement_run(vb_index *index, sqlite3_stmt *statement,
                                         vblip_error *err);
// Steps to the next row; *row is false behind the last.
VB_CHECKED vblip_status vb_statement_step(bool *row, vb_index *index,
                                          sqlite3_stmt *statement, vblip_error *err);
// What SQLite failed with: "PATH: database disk image is malformed; ...".
vblip_status vb_index_fail(const vb_index *index, int code, vblip_error *err);
// "PATH: WHAT; `vblip index --rebuild` makes it anew".
vblip_status vb_index_damaged(const vb_index *index, const char *what,
                              vblip_error *err);

VB_CHECKED vblip_status vb_index_begin(vb_index *index, vblip_error *err);
// Commits where `status` is VBLIP_OK, else takes everything back and returns it.
VB_CHECKED vblip_status vb_index_end(vb_index *index, vblip_status status,
                                     vblip_error *err);

// ------------------------------------------------------------------------ blocks.c

// A block has room for so many segments: VB_BLOCK_SEGMENTS places.
//   checksum u64 | recording i64 [256], 0: free | start, end i64 [256] | f16 [256, dims]
// Numbers are little-endian. Place p of block b is segment b * 256 + p.
enum { VB_BLOCK_SEGMENTS = 256 };

static inline size_t vb_block_bytes(const vb_index *index)
{
    return 8 + (size_t)VB_BLOCK_SEGMENTS * (3 * 8 + 2 * (size_t)index->dims);
}
static inline int64_t *vb_block_recordings(uint8_t *block)
{
    return (int64_t *)(void *)(block + 8);
}
static inline vb_segment *vb_block_spans(uint8_t *block)
{
    return (vb_segment *)(void *)(block + 8 + 8 * (size_t)VB_BLOCK_SEGMENTS);
}
static inline uint16_t *vb_block_vectors(uint8_t *block)
{
    return (uint16_t *)(void *)(block + 8 + 24 * (size_t)VB_BLOCK_SEGMENTS);
}

// Finds room for `count` segments of a recording, writes them, and leaves in
// index->places where each is.
VB_CHECKED vblip_status vb_blocks_add(vb_index *index, int64_t recording,
                                      const vb_segment *segments, const float *vectors,
                                      uint32_t count, vblip_error *err);

// Reads spans and vectors of the first `count` of index->places, which are a recording's.
VB_CHECKED vblip_status vb_blocks_read(vb_index *index, int64_t recording,
                                       vb_segment *segments, float *vectors,
                                       uint32_t count, vblip_error *err);

// Frees the first `count` of index->places, which are a recording's.
VB_CHECKED vblip_status vb_blocks_free(vb_index *index, int64_t recording,
                                       uint32_t count, vblip_error *err);

// Calls `fn` with each block in order, whose checksum was right.
typedef vblip_status (*vb_block_fn)(void *user, uint64_t number, uint8_t *block,
                                    vblip_error *err);
VB_CHECKED vblip_status vb_blocks_each(vb_index *index, vb_block_fn fn, void *user,
                                       vblip_error *err);

// Makes room for as many places in index->places.
VB_CHECKED vblip_status vb_index_reserve(vb_index *index, uint32_t count,
                                         vblip_error *err);

// ---------------------------------------------------------------------- resident.c

// Room for a copy of so many blocks, in place of what there is; false where there is none.
bool vb_resident_begin(vb_index *index, uint64_t blocks);
void vb_resident_add(vb_index *index, uint64_t number, uint8_t *block);
void vb_resident_free(vb_index *index); // forgets that it was searched, too

// ----------------------------------------------------------------------- recordings.c

// What a statement that selects all of `recordings` has found. The segments of it go to
// index->places, their number to *segments where that is not NULL.
VB_CHECKED vblip_status vb_recording_read(vb_recording *out, uint32_t *segments,
                                          vb_index *index, sqlite3_stmt *row,
                                          vblip_error *err);

#endif // VB_INDEX_STORE_H

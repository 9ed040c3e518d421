// recordings.c - rows of the table `recordings`, each with a checksum over all its fields.
#include "index/store.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Columns, in the order of the table.
enum { ID, PATH, SIZE, MODIFIED, CONTENT, TIMED, REASON, PLACES, CHECKSUM };

static uint64_t row_checksum(const vb_recording *r, const uint64_t *places,
                             uint32_t count)
{
    const uint64_t numbers[] = {(uint64_t)r->id, r->size, (uint64_t)r->modified_ns,
                                r->content, r->timed};
    const char *reason = r->error ? r->error : "";
    uint64_t sum = vb_hash_bytes(count, numbers, sizeof numbers);
    sum = vb_hash_bytes(sum, r->path, strlen(r->path));
    sum = vb_hash_bytes(sum, reason, strlen(reason));
    return vb_hash_bytes(sum, places, count * sizeof *places);
}

// Copies path and reason to index->text, where *out points then.
static vblip_status keep_texts(vb_recording *out, vb_index *index, sqlite3_stmt *row,
                               vblip_error *err)
{
    const char *path = (const char *)sqlite3_column_text(row, PATH);
    const char *reason = (const char *)sqlite3_column_text(row, REASON);
    vb_string *text = &index->text;
    vb_string_clear(text);
    vb_string_append(text, path ? path : "", path ? strlen(path) : 0);
    vb_string_putc(text, '\0');
    const size_t at = text->size;
    vb_string_puts(text, reason ? reason : "");
    if (text->failed)
        return vb_fail_memory(err, index->path);
    out->path = text->bytes;
    out->error = reason ? text->bytes + at : NULL;
    return VBLIP_OK;
}

vblip_status vb_recording_read(vb_recording *out, uint32_t *segments, vb_index *index,
                               sqlite3_stmt *row, vblip_error *err)
{
    *out = (vb_recording){
        .id = sqlite3_column_int64(row, ID),
        .size = (uint64_t)sqlite3_column_int64(row, SIZE),
        .modified_ns = sqlite3_column_int64(row, MODIFIED),
        .content = (uint64_t)sqlite3_column_int64(row, CONTENT),
        .timed = sqlite3_column_int(row, TIMED) != 0,
    };
    VB_TRY(keep_texts(out, index, row, err));
    const void *places = sqlite3_column_blob(row, PLACES);
    const size_t size = (size_t)sqlite3_column_bytes(row, PLACES);
    const uint32_t count = (uint32_t)(size / sizeof *index->places);
    VB_TRY(vb_index_reserve(index, count ? count : 1, err));
    if (count)
        memcpy(index->places, places, count * sizeof *index->places);
    if (segments)
        *segments = count;
    if ((uint64_t)sqlite3_column_int64(row, CHECKSUM) !=
        row_checksum(out, index->places, count)) {
        char what[64];
        snprintf(what, sizeof what, "recording %lld is damaged", (long long)out->id);
        return vb_index_damaged(index, what, err);
    }
    return VBLIP_OK;
}

static vblip_status read_one(vb_recording *out, uint32_t *segments, vb_index *index,
                             sqlite3_stmt *statement, vblip_error *err)
{
    bool row;
    *out = (vb_recording){0};
    if (segments)
        *segments = 0;
    VB_TRY(vb_statement_step(&row, index, statement, err));
    const vblip_status status =
        row ? vb_recording_read(out, segments, index, statement, err) : VBLIP_OK;
    sqlite3_reset(statement);
    return status;
}

static vblip_status find_with_places(vb_recording *out, uint32_t *segments,
                                     vb_index *index, const char *path,
                                     vblip_error *err)
{
    sqlite3_stmt *statement;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_FIND_PATH, err));
    sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
    return read_one(out, segments, index, statement, err);
}

static vblip_status find_id_with_places(vb_recording *out, uint32_t *segments,
                                        vb_index *index, int64_t id, vblip_error *err)
{
    sqlite3_stmt *statement;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_FIND_ID, err));
    sqlite3_bind_int64(statement, 1, id);
    return read_one(out, segments, index, statement, err);
}

vblip_status vb_index_find(vb_recording *out, vb_index *index, const char *path,
                           vblip_error *err)
{
    return find_with_places(out, NULL, index, path, err);
}

vblip_status vb_index_find_id(vb_recording *out, vb_index *index, int64_t id,
                              vblip_error *err)
{
    return find_id_with_places(out, NULL, index, id, err);
}

vblip_status vb_index_find_after(vb_recording *out, vb_index *index, const char *path,
                                 vblip_error *err)
{
    sqlite3_stmt *statement;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_FIND_AFTER, err));
    sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC);
    return read_one(out, NULL, index, statement, err);
}

vblip_status vb_index_find_below(vb_recording *out, vb_index *index, const char *path,
                                 vblip_error *err)
{
    vb_string folder = {0};
    *out = (vb_recording){0};
    if (*path)
        VB_TRY(vb_index_find(out, index, path, err));
    if (out->id)
        return VBLIP_OK;
    vb_string_appendf(&folder, "%s%s", path, *path ? "/" : "");
    const vblip_status status =
        folder.failed ? vb_fail_memory(err, index->path)
                      : vb_index_find_after(out, index, folder.bytes, err);
    if (status == VBLIP_OK && out->id &&
        strncmp(out->path, folder.bytes, folder.size) != 0)
        *out = (vb_recording){0};
    vb_string_free(&folder);
    return status;
}

vblip_status vb_index_read(vb_found *out, vb_index *index, int64_t id, vblip_error *err)
{
    vb_recording recording;
    *out = (vb_found){0};
    VB_TRY(find_id_with_places(&recording, &out->count, index, id, err));
    if (!out->count)
        return VBLIP_OK;
    out->segments = malloc(out->count * sizeof *out->segments);
    out->vectors = malloc((size_t)out->count * index->dims * sizeof *out->vectors);
    vblip_status status = VBLIP_OK;
    if (!out->segments || !out->vectors)
        status = vb_fail_memory(err, index->path);
    else
        status =
            vb_blocks_read(index, id, out->segments, out->vectors, out->count, err);
    if (status != VBLIP_OK)
        vb_found_free(out);
    return status;
}

void vb_found_free(vb_found *found)
{
    free(found->segments);
    free(found->vectors);
    *found = (vb_found){0};
}

static vblip_status each_row(vb_index *index, sqlite3_stmt *statement,
                             vb_recording_fn fn, void *user, vblip_error *err)
{
    vb_recording recording;
    bool row;
    vblip_status status;
    while ((status = vb_statement_step(&row, index, statement, err)) == VBLIP_OK &&
           row) {
        status = vb_recording_read(&recording, NULL, index, statement, err);
        if (status == VBLIP_OK)
            status = fn(user, &recording, err);
        if (status != VBLIP_OK)
            break;
    }
    sqlite3_reset(statement);
    return status;
}

vblip_status vb_index_each(vb_index *index, vb_recording_fn fn, void *user,
                           vblip_error *err)
{
    sqlite3_stmt *statement;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_EACH, err));
    return each_row(index, statement, fn, user, err);
}

vblip_status vb_index_each_sized(vb_index *index, uint64_t size, vb_recording_fn fn,
                                 void *user, vblip_error *err)
{
    sqlite3_stmt *statement;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_EACH_SIZED, err));
    sqlite3_bind_int64(statement, 1, (sqlite3_int64)size);
    return each_row(index, statement, fn, user, err);
}

// ------------------------------------------------------------------------- changes

// The row of a recording whose segments are at the first `count` of index->places.
static vblip_status write_recording(vb_index *index, const vb_recording *r,
                                    uint32_t count, vblip_error *err)
{
    sqlite3_stmt *s;
    VB_TRY(vb_statement_take(&s, index, VB_SQL_WRITE, err));
    sqlite3_bind_int64(s, ID + 1, r->id);
    sqlite3_bind_text(s, PATH + 1, r->path, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, SIZE + 1, (sqlite3_int64)r->size);
    sqlite3_bind_int64(s, MODIFIED + 1, r->modified_ns);
    sqlite3_bind_int64(s, CONTENT + 1, (sqlite3_int64)r->content);
    sqlite3_bind_int(s, TIMED + 1, r->timed);
    if (r->error)
        sqlite3_bind_text(s, REASON + 1, r->error, -1, SQLITE_STATIC);
    sqlite3_bind_blob(s, PLACES + 1, count ? (const void *)index->places : "",
                      (int)(count * sizeof *index->places), SQLITE_STATIC);
    sqlite3_bind_int64(s, CHECKSUM + 1,
                       (sqlite3_int64)row_checksum(r, index->places, count));
    return vb_statement_run(index, s, err);
}

static vblip_status new_id(int64_t *out, vb_index *index, vblip_error *err)
{
    sqlite3_stmt *statement;
    bool row;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_NEW_ID, err));
    VB_TRY(vb_statement_step(&row, index, statement, err));
    *out = sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    return VBLIP_OK;
}

static vblip_status put_recording(vb_index *index, const vb_recording *recording,
                                  const vb_segment *segments, const float *vectors,
                                  uint32_t count, vblip_error *err)
{
    vb_recording before, now = *recording;
    uint32_t old;
    VB_TRY(find_with_places(&before, &old, index, now.path, err));
    if (before.id)
        VB_TRY(vb_blocks_free(index, before.id, old, err));
    now.id = before.id;
    if (!now.id)
        VB_TRY(new_id(&now.id, index, err));
    VB_TRY(vb_blocks_add(index, now.id, segments, vectors, count, err));
    return write_recording(index, &now, count, err);
}

vblip_status vb_index_put(vb_index *index, const vb_recording *recording,
                          const vb_segment *segments, const float *vectors,
                          uint32_t count, vblip_error *err)
{
    VB_TRY(vb_index_begin(index, err));
    return vb_index_end(
        index, put_recording(index, recording, segments, vectors, count, err), err);
}

static vblip_status remove_recording(vb_index *index, int64_t id, vblip_error *err)
{
    vb_recording before;
    uint32_t count;
    sqlite3_stmt *statement;
    VB_TRY(find_id_with_places(&before, &count, index, id, err));
    VB_TRY(vb_blocks_free(index, id, count, err));
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_REMOVE, err));
    sqlite3_bind_int64(statement, 1, id);
    return vb_statement_run(index, statement, err);
}

vblip_status vb_index_remove(vb_index *index, int64_t id, vblip_error *err)
{
    VB_TRY(vb_index_begin(index, err));
    return vb_index_end(index, remove_recording(index, id, err), err);
}

static vblip_status remove_below(uint64_t *removed, vb_index *index, const char *path,
                                 vblip_error *err)
{
    vb_recording found;
    VB_TRY(vb_index_find_below(&found, index, path, err));
    while (found.id) {
        VB_TRY(remove_recording(index, found.id, err));
        ++*removed;
        VB_TRY(vb_index_find_below(&found, index, path, err));
    }
    return VBLIP_OK;
}

vblip_status vb_index_remove_below(uint64_t *removed, vb_index *index, const char *path,
                                   vblip_error *err)
{
    *removed = 0;
    VB_TRY(vb_index_begin(index, err));
    const vblip_status status =
        vb_index_end(index, remove_below(removed, index, path, err), err);
    if (status != VBLIP_OK)
        *removed = 0;
    return status;
}

// What is known of the new path, which another file had, is removed.
static vblip_status rename_recording(vb_index *index, int64_t id, const char *path,
                                     int64_t modified_ns, vblip_error *err)
{
    vb_recording there, now;
    uint32_t count;
    VB_TRY(vb_index_find(&there, index, path, err));
    if (there.id && there.id != id)
        VB_TRY(remove_recording(index, there.id, err));
    VB_TRY(find_id_with_places(&now, &count, index, id, err));
    if (!now.id)
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "%s: no recording %lld", index->path,
                       (long long)id);
    now.path = path;
    now.modified_ns = modified_ns;
    return write_recording(index, &now, count, err);
}

vblip_status vb_index_rename(vb_index *index, int64_t id, const char *path,
                             int64_t modified_ns, vblip_error *err)
{
    VB_TRY(vb_index_begin(index, err));
    return vb_index_end(index, rename_recording(index, id, path, modified_ns, err),
                        err);
}

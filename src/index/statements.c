// statements.c - SQL, and what SQLite says when it does not go well.
#include "index/store.h"

static const char *const sql[VB_STATEMENTS] = {
    [VB_SQL_BEGIN] = "BEGIN IMMEDIATE",
    [VB_SQL_COMMIT] = "COMMIT",
    [VB_SQL_ROLLBACK] = "ROLLBACK",
    [VB_SQL_FIND_PATH] = "SELECT * FROM recordings WHERE path = ?1",
    [VB_SQL_FIND_ID] = "SELECT * FROM recordings WHERE id = ?1",
    [VB_SQL_FIND_AFTER] =
        "SELECT * FROM recordings WHERE path > ?1 ORDER BY path LIMIT 1",
    [VB_SQL_EACH] = "SELECT * FROM recordings ORDER BY path",
    [VB_SQL_EACH_SIZED] = "SELECT * FROM recordings WHERE size = ?1 ORDER BY path",
    [VB_SQL_WRITE] =
        "INSERT OR REPLACE INTO recordings VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [VB_SQL_REMOVE] = "DELETE FROM recordings WHERE id = ?1",
    // Of one that was removed the id is not used again: a reader may still have it.
    [VB_SQL_NEW_ID] = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = "
                      "'recordings'), 0) + 1",
    [VB_SQL_ROOM] = "SELECT block, places FROM room ORDER BY block LIMIT 1",
    [VB_SQL_SET_ROOM] = "INSERT INTO room VALUES (?1, ?2) "
                        "ON CONFLICT (block) DO UPDATE SET places = places + ?2",
    [VB_SQL_NO_ROOM] = "DELETE FROM room WHERE places <= 0",
    [VB_SQL_LAST_BLOCK] = "SELECT coalesce(max(number), -1) FROM blocks",
    [VB_SQL_NEW_BLOCK] = "INSERT INTO blocks VALUES (?1, ?2)",
    [VB_SQL_BLOCKS] = "SELECT number, data FROM blocks ORDER BY number",
    [VB_SQL_BLOCK_COUNT] = "SELECT count(*) FROM blocks",
    [VB_SQL_COUNT] = "SELECT count(*), coalesce(sum(error IS NOT NULL), 0), "
                     "coalesce(sum(length(segments)), 0) / 8 FROM recordings",
    [VB_SQL_FACT] = "SELECT value FROM stamp WHERE name = ?1",
    [VB_SQL_FACTS] = "SELECT name, value FROM stamp WHERE name <> 'root' ORDER BY name",
    [VB_SQL_SET_ROOT] = "UPDATE stamp SET value = ?1 WHERE name = 'root'",
};

vblip_status vb_index_damaged(const vb_index *index, const char *what, vblip_error *err)
{
    return vb_fail(err, VBLIP_ERR_FORMAT,
                   "%s: %s; `vblip index --rebuild` makes it anew", index->path, what);
}

vblip_status vb_index_fail(const vb_index *index, int code, vblip_error *err)
{
    switch (code & 0xff) {
    case SQLITE_NOMEM:
        return vb_fail_memory(err, index->path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return vb_index_damaged(index, "this is no index, or a damaged one", err);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return vb_fail(err, VBLIP_ERR_IO, "%s: another program has it locked",
                       index->path);
    default:
        return vb_fail(err, VBLIP_ERR_IO, "%s: %s", index->path,
                       index->db ? sqlite3_errmsg(index->db) : sqlite3_errstr(code));
    }
}

vblip_status vb_index_sql(vb_index *index, const char *text, vblip_error *err)
{
    const int code = sqlite3_exec(index->db, text, NULL, NULL, NULL);
    return code == SQLITE_OK ? VBLIP_OK : vb_index_fail(index, code, err);
}

vblip_status vb_statement_take(sqlite3_stmt **out, vb_index *index, vb_statement which,
                               vblip_error *err)
{
    sqlite3_stmt **at = &index->statements[which];
    if (*at) {
        sqlite3_reset(*at);
        sqlite3_clear_bindings(*at);
    } else {
        const int code = sqlite3_prepare_v3(index->db, sql[which], -1,
                                            SQLITE_PREPARE_PERSISTENT, at, NULL);
        if (code != SQLITE_OK)
            return vb_index_fail(index, code, err);
    }
    *out = *at;
    return VBLIP_OK;
}

vblip_status vb_statement_step(bool *row, vb_index *index, sqlite3_stmt *statement,
                               vblip_error *err)
{
    const int code = sqlite3_step(statement);
    *row = code == SQLITE_ROW;
    if (code == SQLITE_ROW || code == SQLITE_DONE)
        return VBLIP_OK;
    const vblip_status status = vb_index_fail(index, code, err);
    sqlite3_reset(statement);
    return status;
}

vblip_status vb_statement_run(vb_index *index, sqlite3_stmt *statement,
                              vblip_error *err)
{
    bool row = true;
    vblip_status status = VBLIP_OK;
    while (row && status == VBLIP_OK)
        status = vb_statement_step(&row, index, statement, err);
    sqlite3_reset(statement);
    return status;
}

static vblip_status run_plain(vb_index *index, vb_statement which, vblip_error *err)
{
    sqlite3_stmt *statement = NULL;
    VB_TRY(vb_statement_take(&statement, index, which, err));
    return vb_statement_run(index, statement, err);
}

vblip_status vb_index_begin(vb_index *index, vblip_error *err)
{
    return run_plain(index, VB_SQL_BEGIN, err);
}

vblip_status vb_index_end(vb_index *index, vblip_status status, vblip_error *err)
{
    vblip_error ignored = {0};
    if (status == VBLIP_OK)
        status = run_plain(index, VB_SQL_COMMIT, err);
    if (status != VBLIP_OK && !sqlite3_get_autocommit(index->db))
        (void)run_plain(index, VB_SQL_ROLLBACK, &ignored);
    return status;
}

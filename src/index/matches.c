// matches.c - one SQLite table. It does not wait for the disk: what a power cut takes is
// asked again.
#include "index/matches.h"

#include "base/hash.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    MATCHES_VERSION = 1,
    MOST_MATCHES = 1 << 20, // some 50 MB; half of them go then, those not used longest
    MATCHES_PATIENCE_MS = 1000,
};

typedef enum matches_statement {
    FIND_MATCH,
    ADD_MATCH,
    USE_MATCH,
    COUNT_MATCHES,
    FORGET_MATCHES,
    MATCHES_STATEMENTS,
} matches_statement;

static const char *const sql[MATCHES_STATEMENTS] = {
    [FIND_MATCH] = "SELECT value, used FROM matches WHERE key = ?1",
    [ADD_MATCH] = "INSERT OR REPLACE INTO matches VALUES (?1, ?2, ?3)",
    [USE_MATCH] = "UPDATE matches SET used = ?2 WHERE key = ?1",
    [COUNT_MATCHES] = "SELECT count(*) FROM matches",
    [FORGET_MATCHES] = ("DELETE FROM matches WHERE key IN (SELECT key FROM matches "
                        "ORDER BY used LIMIT ?1)"),
};

struct vb_matches {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[MATCHES_STATEMENTS];
    int64_t day; // since 1970: how long ago something was used is known by the day
    bool busy;   // another process writes: this one has waited once, and writes no more
    bool damaged; // the file goes when it is closed
};

// What a row holds: the logits, and a checksum of them with the key as the seed.
typedef struct match_value {
    float logits[2];
    uint64_t checksum;
} match_value;

static bool run_plain_sql(sqlite3 *db, const char *text)
{
    return sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK;
}

static int64_t version_of(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    int64_t version = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) ==
            SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        version = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return version;
}

// Makes the table where there is nothing yet.
static bool set_up_matches(vb_matches *m)
{
    static const char schema[] =
        "BEGIN IMMEDIATE;"
        "CREATE TABLE IF NOT EXISTS matches (key INTEGER PRIMARY KEY,"
        " value BLOB NOT NULL, used INTEGER NOT NULL) STRICT;"
        "PRAGMA user_version = 1; COMMIT;";
    _Static_assert(MATCHES_VERSION == 1, "the schema says so, too");
    sqlite3_busy_timeout(m->db, MATCHES_PATIENCE_MS);
    if (!run_plain_sql(m->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF"))
        return false;
    const int64_t version = version_of(m->db);
    if (version != MATCHES_VERSION && (version != 0 || !run_plain_sql(m->db, schema)))
        return false;
    for (int i = 0; i < MATCHES_STATEMENTS; i++)
        if (sqlite3_prepare_v3(m->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &m->statements[i], NULL) != SQLITE_OK)
            return false;
    return true;
}

static void close_matches_file(vb_matches *m)
{
    for (int i = 0; i < MATCHES_STATEMENTS; i++) {
        sqlite3_finalize(m->statements[i]);
        m->statements[i] = NULL;
    }
    sqlite3_close(m->db);
    m->db = NULL;
}

// *useless: there is something, but none of the kind; not where it is locked, or the disk
// full.
static bool open_matches_file(vb_matches *m, const char *path, bool *useless)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path, &m->db, flags, NULL) == SQLITE_OK && set_up_matches(m))
        return true;
    const int code = sqlite3_errcode(m->db) & 0xff;
    *useless = code == SQLITE_NOTADB || code == SQLITE_CORRUPT ||
               code == SQLITE_ERROR || code == SQLITE_OK || code == SQLITE_ROW ||
               code == SQLITE_DONE; // the last three: of another version
    close_matches_file(m);
    return false;
}

static void remove_matches(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    char *name = malloc(strlen(path) + 8);
    for (int i = 0; name && i < 3; i++) {
        strcpy(name, path);
        strcat(name, endings[i]);
        unlink(name);
    }
    free(name);
}

vblip_status vb_matches_open(vb_matches **out, const char *path, vblip_error *err)
{
    *out = NULL;
    vb_matches *m = calloc(1, sizeof *m);
    if (!m)
        return vb_fail_memory(err, path);
    m->day = (int64_t)time(NULL) / 86400;
    m->path = strdup(path);
    if (!m->path) {
        free(m);
        return vb_fail_memory(err, path);
    }
    bool useless = false;
    bool open = open_matches_file(m, path, &useless);
    if (!open && useless) {
        remove_matches(path);
        open = open_matches_file(m, path, &useless);
    }
    if (!open) {
        free(m->path);
        free(m);
        return vb_fail(err, VBLIP_ERR_IO, "%s: cannot be made", path);
    }
    *out = m;
    return VBLIP_OK;
}

void vb_matches_close(vb_matches **matches)
{
    if (!*matches)
        return;
    vb_matches *m = *matches;
    close_matches_file(m);
    if (m->damaged)
        remove_matches(m->path);
    free(m->path);
    free(m);
    *matches = NULL;
}

static uint64_t match_checksum(uint64_t key, const float logits[2])
{
    return vb_hash_bytes(key, logits, 2 * sizeof *logits);
}

static sqlite3_stmt *take_statement(vb_matches *m, matches_statement which,
                                    int64_t first)
{
    sqlite3_stmt *statement = m->statements[which];
    sqlite3_reset(statement);
    sqlite3_bind_int64(statement, 1, first);
    return statement;
}

// What a statement came to: a failure is as if it had not been asked for, but that nothing
// is written any more where it would be waited for again, or into a damaged file.
static void note_outcome(vb_matches *m, int code)
{
    m->busy = m->busy || (code & 0xff) == SQLITE_BUSY;
    m->damaged =
        m->damaged || (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

static bool may_write_matches(const vb_matches *m)
{
    return !m->busy && !m->damaged;
}

static void run_quietly(vb_matches *m, sqlite3_stmt *statement)
{
    note_outcome(m, sqlite3_step(statement));
    sqlite3_reset(statement);
}

bool vb_matches_find(vb_matches *m, uint64_t key, float logits[2])
{
    sqlite3_stmt *find = take_statement(m, FIND_MATCH, (int64_t)key);
    match_value value = {0};
    int64_t used = 0;
    const int code = sqlite3_step(find);
    bool found = code == SQLITE_ROW && sqlite3_column_bytes(find, 0) == sizeof value;
    note_outcome(m, code);
    if (found) {
        memcpy(&value, sqlite3_column_blob(find, 0), sizeof value);
        used = sqlite3_column_int64(find, 1);
    }
    sqlite3_reset(find);
    found = found && value.checksum == match_checksum(key, value.logits);
    if (!found)
        return false;
    memcpy(logits, value.logits, sizeof value.logits);
    if (used != m->day && may_write_matches(m)) {
        sqlite3_stmt *use = take_statement(m, USE_MATCH, (int64_t)key);
        sqlite3_bind_int64(use, 2, m->day);
        run_quietly(m, use);
    }
    return true;
}

void vb_matches_begin(vb_matches *m)
{
    if (may_write_matches(m))
        note_outcome(m, sqlite3_exec(m->db, "BEGIN IMMEDIATE", NULL, NULL, NULL));
}

void vb_matches_add(vb_matches *m, uint64_t key, const float logits[2])
{
    if (!may_write_matches(m))
        return;
    const match_value value = {{logits[0], logits[1]}, match_checksum(key, logits)};
    sqlite3_stmt *add = take_statement(m, ADD_MATCH, (int64_t)key);
    sqlite3_bind_blob(add, 2, &value, sizeof value, SQLITE_STATIC);
    sqlite3_bind_int64(add, 3, m->day);
    run_quietly(m, add);
}

void vb_matches_end(vb_matches *m)
{
    sqlite3_stmt *count = m->statements[COUNT_MATCHES];
    int64_t there = 0;
    if (sqlite3_get_autocommit(m->db)) // nothing was begun
        return;
    if (sqlite3_step(count) == SQLITE_ROW)
        there = sqlite3_column_int64(count, 0);
    sqlite3_reset(count);
    if (there > MOST_MATCHES)
        run_quietly(m, take_statement(m, FORGET_MATCHES, there - MOST_MATCHES / 2));
    if (!run_plain_sql(m->db, "COMMIT"))
        (void)run_plain_sql(m->db, "ROLLBACK");
}

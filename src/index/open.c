// open.c - the file: made, recognised, locked, closed.
#include "index/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    APPLICATION = 0x76626c70, // "vblp"
    VERSION = 1,              // of the schema below
    PATIENCE_MS = 5000,       // for a writer's transaction to end
    MOST_DIMS = 1 << 16,
    AT_APPLICATION = 68, // of an SQLite file
};

// STRICT makes SQLite hold the types.
static const char schema[] =
    "CREATE TABLE stamp (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;"
    "CREATE TABLE recordings (id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL "
    "UNIQUE,"
    " size INTEGER NOT NULL, modified INTEGER NOT NULL, content INTEGER NOT NULL,"
    " timed INTEGER NOT NULL, error TEXT, segments BLOB NOT NULL,"
    " checksum INTEGER NOT NULL) STRICT;"
    "CREATE INDEX sizes ON recordings (size);"
    "CREATE TABLE blocks (number INTEGER PRIMARY KEY, data BLOB NOT NULL) STRICT;"
    "CREATE TABLE room (block INTEGER PRIMARY KEY, places INTEGER NOT NULL) STRICT;";

// -------------------------------------------------------------------------- made anew

// Whether a file may be removed to make an index anew: it is one, or is called so, however
// damaged it is.
static vblip_status check_removable(const vb_index *index, vblip_error *err)
{
    static const char sqlite[16] = "SQLite format 3";
    uint8_t head[AT_APPLICATION + 4] = {0};
    const char *dot = strrchr(index->path, '.');
    FILE *file = fopen(index->path, "rb");
    if (!file)
        return errno == ENOENT ? VBLIP_OK : vb_fail_errno(err, index->path, errno);
    const size_t got = fread(head, 1, sizeof head, file);
    fclose(file);
    uint32_t application = 0;
    for (int i = 0; i < 4; i++)
        application = application << 8 | head[AT_APPLICATION + i];
    const bool ours = memcmp(head, sqlite, sizeof sqlite) == 0 &&
                      (application == APPLICATION || application == 0);
    if (got == 0 || ours || (dot && strcmp(dot, ".index") == 0))
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_FORMAT,
                   "%s: no index of vblip, so it is not replaced by one", index->path);
}

// With the lock held: nobody else has it open for writing.
static vblip_status remove_files(const vb_index *index, vblip_error *err)
{
    static const char *const endings[] = {"", "-wal", "-shm"};
    vblip_status status = check_removable(index, err);
    vb_string name = {0};
    for (size_t i = 0; i < 3 && status == VBLIP_OK; i++) {
        vb_string_clear(&name);
        vb_string_appendf(&name, "%s%s", index->path, endings[i]);
        if (name.failed)
            status = vb_fail_memory(err, index->path);
        else if (unlink(name.bytes) != 0 && errno != ENOENT)
            status = vb_fail_errno(err, name.bytes, errno);
    }
    vb_string_free(&name);
    return status;
}

// ----------------------------------------------------------------------------- schema

static vblip_status read_whole(int64_t *out, vb_index *index, const char *text,
                               vblip_error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(index->db, text, -1, &statement, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(statement);
    *out = code == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
    sqlite3_finalize(statement);
    return code == SQLITE_ROW ? VBLIP_OK : vb_index_fail(index, code, err);
}

static vblip_status write_stamp(vb_index *index, const vb_index_options *o,
                                vblip_error *err)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v2(index->db, "INSERT INTO stamp VALUES (?, ?)", -1,
                                  &statement, NULL);
    char dims[16];
    snprintf(dims, sizeof dims, "%u", (unsigned)o->dims);
    const vb_index_fact own[] = {{"root", o->root}, {"dims", dims}};
    for (uint32_t i = 0; i < o->stamp_count + 2 && code == SQLITE_OK; i++) {
        const vb_index_fact *fact =
            i < o->stamp_count ? &o->stamp[i] : &own[i - o->stamp_count];
        sqlite3_bind_text(statement, 1, fact->name, -1, SQLITE_STATIC);
        sqlite3_bind_text(statement, 2, fact->value, -1, SQLITE_STATIC);
        code = sqlite3_step(statement) == SQLITE_DONE ? sqlite3_reset(statement)
                                                      : sqlite3_errcode(index->db);
    }
    sqlite3_finalize(statement);
    return code == SQLITE_OK ? VBLIP_OK : vb_index_fail(index, code, err);
}

static vblip_status make_schema(vb_index *index, const vb_index_options *o,
                                vblip_error *err)
{
    char numbers[96];
    snprintf(numbers, sizeof numbers,
             "PRAGMA application_id = %d; PRAGMA user_version = %d;", APPLICATION,
             VERSION);
    VB_TRY(vb_index_sql(index, schema, err));
    VB_TRY(vb_index_sql(index, numbers, err));
    return write_stamp(index, o, err);
}

// An empty database becomes an index, in one transaction.
static vblip_status make_where_empty(vb_index *index, const vb_index_options *o,
                                     vblip_error *err)
{
    int64_t tables;
    VB_TRY(vb_index_begin(index, err));
    vblip_status status =
        read_whole(&tables, index, "SELECT count(*) FROM sqlite_schema", err);
    if (status == VBLIP_OK && tables == 0)
        status = make_schema(index, o, err);
    return vb_index_end(index, status, err);
}

// ------------------------------------------------------------------------ recognising

static vblip_status check_application(vb_index *index, vblip_error *err)
{
    int64_t application, version, tables;
    VB_TRY(read_whole(&application, index, "PRAGMA application_id", err));
    VB_TRY(read_whole(&tables, index, "SELECT count(*) FROM sqlite_schema", err));
    if (application == 0 && tables == 0) // a writer ended before it was made
        return vb_fail(err, VBLIP_ERR_IO, "%s: nothing was indexed yet", index->path);
    VB_TRY(read_whole(&version, index, "PRAGMA user_version", err));
    if (application != APPLICATION)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: a database that is no index of vblip", index->path);
    if (version > VERSION)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: version %lld, this vblip knows up to %d; a newer vblip "
                       "reads it, and `vblip index --rebuild` makes it anew",
                       index->path, (long long)version, VERSION);
    return version == VERSION ? VBLIP_OK
                              : vb_index_damaged(index, "it has no version", err);
}

static vblip_status check_fact(vb_index *index, sqlite3_stmt *statement,
                               const vb_index_fact *fact, vblip_error *err)
{
    bool row;
    sqlite3_reset(statement);
    sqlite3_bind_text(statement, 1, fact->name, -1, SQLITE_STATIC);
    VB_TRY(vb_statement_step(&row, index, statement, err));
    const char *value = row ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (value && strcmp(value, fact->value) == 0)
        return VBLIP_OK;
    return vb_fail(
        err, VBLIP_ERR_FORMAT,
        "%s: made with %s %s, this run has %s; `vblip index --rebuild` makes "
        "it anew, --index FILE another",
        index->path, fact->name, value ? value : "unknown", fact->value);
}

static vblip_status check_stamp(vb_index *index, const vb_index_options *o,
                                vblip_error *err)
{
    sqlite3_stmt *statement = NULL;
    const int code = sqlite3_prepare_v2(
        index->db, "SELECT value FROM stamp WHERE name = ?", -1, &statement, NULL);
    vblip_status status =
        code == SQLITE_OK ? VBLIP_OK : vb_index_fail(index, code, err);
    for (uint32_t i = 0; i < o->stamp_count && status == VBLIP_OK; i++)
        status = check_fact(index, statement, &o->stamp[i], err);
    sqlite3_finalize(statement);
    return status;
}

vblip_status vb_index_fact_named(const char **out, vb_index *index, const char *name,
                                 vblip_error *err)
{
    sqlite3_stmt *statement;
    bool row;
    *out = NULL;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_FACT, err));
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    VB_TRY(vb_statement_step(&row, index, statement, err));
    vb_string_clear(&index->text);
    if (row)
        vb_string_puts(&index->text, (const char *)sqlite3_column_text(statement, 0));
    sqlite3_reset(statement);
    if (index->text.failed)
        return vb_fail_memory(err, index->path);
    *out = row ? index->text.bytes : NULL;
    return VBLIP_OK;
}

vblip_status vb_index_each_fact(vb_index *index, vb_fact_fn fn, void *user,
                                vblip_error *err)
{
    sqlite3_stmt *s;
    vblip_status status;
    bool row;
    VB_TRY(vb_statement_take(&s, index, VB_SQL_FACTS, err));
    while ((status = vb_statement_step(&row, index, s, err)) == VBLIP_OK && row) {
        const vb_index_fact fact = {(const char *)sqlite3_column_text(s, 0),
                                    (const char *)sqlite3_column_text(s, 1)};
        status = fact.name && fact.value ? fn(user, &fact, err)
                                         : vb_fail_memory(err, index->path);
        if (status != VBLIP_OK)
            break;
    }
    sqlite3_reset(s);
    return status;
}

vblip_status vb_index_set_root(vb_index *index, const char *root, vblip_error *err)
{
    sqlite3_stmt *statement;
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_SET_ROOT, err));
    sqlite3_bind_text(statement, 1, root, -1, SQLITE_STATIC);
    return vb_statement_run(index, statement, err);
}

// Room for a block of the size that the file has.
static vblip_status take_dims(vb_index *index, vblip_error *err)
{
    const char *text;
    VB_TRY(vb_index_fact_named(&text, index, "dims", err));
    const long dims = text ? strtol(text, NULL, 10) : 0;
    if (dims < 16 || dims > MOST_DIMS || dims % 16)
        return vb_index_damaged(index, "the size of its vectors is not stated", err);
    if (index->dims && index->dims != (uint32_t)dims)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: vectors of %ld, this run has %u; `vblip index --rebuild` "
                       "makes it anew, --index FILE another",
                       index->path, dims, (unsigned)index->dims);
    index->dims = (uint32_t)dims;
    index->block = malloc(vb_block_bytes(index));
    return index->block ? VBLIP_OK : vb_fail_memory(err, index->path);
}

// --------------------------------------------------------------------------- the whole

// As SQLite's URI: a database that nothing writes, without a file beside it.
static int open_immutable(vb_index *index)
{
    vb_string uri = {0};
    vb_string_puts(&uri, "file:");
    for (const char *c = index->path; *c; c++)
        if (strchr("%?#", *c))
            vb_string_appendf(&uri, "%%%02x", (unsigned)*c);
        else
            vb_string_putc(&uri, *c);
    vb_string_puts(&uri, "?immutable=1");
    sqlite3_close(index->db);
    const int code = uri.failed
                         ? SQLITE_NOMEM
                         : sqlite3_open_v2(uri.bytes, &index->db,
                                           SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX |
                                               SQLITE_OPEN_URI,
                                           NULL);
    vb_string_free(&uri);
    return code;
}

static bool has_log(const vb_index *index)
{
    struct stat log;
    vb_string name = {0};
    vb_string_appendf(&name, "%s-wal", index->path);
    const bool has = name.failed || (stat(name.bytes, &log) == 0 && log.st_size > 0);
    vb_string_free(&name);
    return has;
}

// A reader of a WAL database wants files beside it, which a folder that cannot be written
// has no room for.
static int open_to_read(vb_index *index)
{
    const int flags = SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX;
    int code = sqlite3_open_v2(index->path, &index->db, flags, NULL);
    sqlite3_busy_timeout(index->db, PATIENCE_MS);
    if (code == SQLITE_OK)
        code = sqlite3_exec(index->db, "SELECT count(*) FROM sqlite_schema", NULL, NULL,
                            NULL);
    const int kind = code & 0xff;
    return (kind == SQLITE_CANTOPEN || kind == SQLITE_READONLY) && !has_log(index)
               ? open_immutable(index)
               : code;
}

static vblip_status open_database(vb_index *index, bool write, vblip_error *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    const int code = write
                         ? sqlite3_open_v2(index->in_memory ? ":memory:" : index->path,
                                           &index->db, flags, NULL)
                         : open_to_read(index);
    if (code != SQLITE_OK)
        return vb_index_fail(index, code, err);
    sqlite3_busy_timeout(index->db, PATIENCE_MS);
    sqlite3_extended_result_codes(index->db, 1);
    // The whole file is mapped: vectors are read at the speed of memory.
    VB_TRY(vb_index_sql(
        index, "PRAGMA mmap_size = 2147418112; PRAGMA trusted_schema = 0;", err));
    return write ? vb_index_sql(index,
                                "PRAGMA page_size = 8192; PRAGMA journal_mode = WAL;"
                                "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = 1;",
                                err)
                 : VBLIP_OK;
}

static vblip_status open_index(vb_index *index, const vb_index_options *o,
                               vblip_error *err)
{
    struct stat there = {0};
    if (!index->in_memory && stat(index->path, &there) != 0 && !o->write)
        return vb_fail_errno(err, index->path, errno);
    if (S_ISDIR(there.st_mode))
        return vb_fail(err, VBLIP_ERR_IO,
                       "%s: a directory, where the file of an index "
                       "is to be named",
                       index->path);
    if (o->write && !index->in_memory)
        VB_TRY(vb_index_hold(index, err));
    if (o->rebuild && !index->in_memory)
        VB_TRY(remove_files(index, err));
    VB_TRY(open_database(index, o->write, err));
    if (o->write)
        VB_TRY(make_where_empty(index, o, err));
    VB_TRY(check_application(index, err));
    VB_TRY(check_stamp(index, o, err));
    return take_dims(index, err);
}

// SQLite takes names such as ":memory:" and "file:x" for something else.
static vblip_status name_index(vb_index *index, const char *path, vblip_error *err)
{
    vb_string name = {0};
    const bool plain = path && (path[0] == ':' || strncmp(path, "file:", 5) == 0);
    vb_string_appendf(&name, "%s%s", plain ? "./" : "",
                      path ? path : "index in memory");
    if (name.failed)
        return vb_fail_memory(err, "index");
    index->path = name.bytes;
    return VBLIP_OK;
}

vblip_status vb_index_open(vb_index **out, const vb_index_options *o, vblip_error *err)
{
    vb_index *index = calloc(1, sizeof *index);
    *out = NULL;
    if (!index)
        return vb_fail_memory(err, "index");
    index->lock = -1;
    index->dims = o->dims;
    index->in_memory = !o->path;
    index->patient = o->wait;
    const vblip_status status = name_index(index, o->path, err) == VBLIP_OK
                                    ? open_index(index, o, err)
                                    : vb_fail_memory(err, "index");
    if (status != VBLIP_OK)
        vb_index_close(&index);
    *out = index;
    return status;
}

void vb_index_close(vb_index **at)
{
    vb_index *index = *at;
    if (!index)
        return;
    for (int i = 0; i < VB_STATEMENTS; i++)
        sqlite3_finalize(index->statements[i]);
    sqlite3_close(index->db);
    vb_index_release(index);
    vb_resident_free(index);
    vb_string_free(&index->text);
    free(index->places);
    free(index->block);
    free(index->path);
    free(index);
    *at = NULL;
}

const char *vb_index_path(const vb_index *index)
{
    return index->path;
}

vblip_status vb_index_snapshot(vb_index *index, vblip_error *err)
{
    vb_index_totals read;
    if (index->in_memory) // nobody else writes
        return VBLIP_OK;
    VB_TRY(vb_index_sql(index, "BEGIN", err));
    return vb_index_count(&read, index, err); // from here on
}

void vb_index_live(vb_index *index)
{
    if (!index->in_memory && !sqlite3_get_autocommit(index->db))
        sqlite3_exec(index->db, "COMMIT", NULL, NULL, NULL);
}

// The database and what a writer has not moved to it yet.
static vblip_status add_file_bytes(uint64_t *bytes, const vb_index *index,
                                   vblip_error *err)
{
    static const char *const endings[] = {"", "-wal"};
    for (size_t i = 0; i < 2; i++) {
        struct stat there;
        vb_string name = {0};
        vb_string_appendf(&name, "%s%s", index->path, endings[i]);
        if (name.failed)
            return vb_fail_memory(err, index->path);
        if (stat(name.bytes, &there) == 0)
            *bytes += (uint64_t)there.st_size;
        vb_string_free(&name);
    }
    return VBLIP_OK;
}

vblip_status vb_index_count(vb_index_totals *out, vb_index *index, vblip_error *err)
{
    sqlite3_stmt *statement;
    bool row;
    *out = (vb_index_totals){0};
    VB_TRY(vb_statement_take(&statement, index, VB_SQL_COUNT, err));
    VB_TRY(vb_statement_step(&row, index, statement, err));
    out->recordings = (uint64_t)sqlite3_column_int64(statement, 0);
    out->failed = (uint64_t)sqlite3_column_int64(statement, 1);
    out->segments = (uint64_t)sqlite3_column_int64(statement, 2);
    sqlite3_reset(statement);
    return index->in_memory ? VBLIP_OK : add_file_bytes(&out->bytes, index, err);
}

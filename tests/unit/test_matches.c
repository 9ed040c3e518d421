// test_matches.c - what ITM said is found again as it was; what is damaged is not, and a file
// of no use is made anew.
#include "index/matches.h"

#include "support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

static char file[TEMP_PATH];

static vb_matches *open_matches(void)
{
    vb_matches *matches = NULL;
    vblip_error err = {0};
    if (vb_matches_open(&matches, file, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    return matches;
}

// Odd keys: more than 63 bits too.
static uint64_t key_of(uint32_t number)
{
    return number * UINT64_C(0x9e3779b97f4a7c15);
}

static void add(vb_matches *matches, uint32_t first, uint32_t count)
{
    vb_matches_begin(matches);
    for (uint32_t i = first; i < first + count; i++)
        vb_matches_add(matches, key_of(i), (float[]){(float)i / 3, -(float)i});
    vb_matches_end(matches);
}

static bool find(vb_matches *matches, uint32_t number)
{
    float logits[2];
    if (!vb_matches_find(matches, key_of(number), logits))
        return false;
    assert_true(logits[0] == (float)number / 3 && logits[1] == -(float)number);
    return true;
}

static void run_sql(const char *text)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void test_what_was_said_is_remembered(void **state)
{
    (void)state;
    temp_path(file, temp_folder, "said");
    vb_matches *matches = open_matches(), *other = open_matches();
    assert_false(find(matches, 1));
    add(matches, 1, 5);
    for (uint32_t i = 1; i <= 5; i++)
        assert_true(find(matches, i) && find(other, i)); // of another process, too
    add(other, 4, 3);
    vb_matches_close(&matches);
    vb_matches_close(&matches);
    vb_matches_close(&other);
    matches = open_matches();
    for (uint32_t i = 1; i <= 6; i++)
        assert_true(find(matches, i));
    assert_false(find(matches, 7));
    vb_matches_close(&matches);
}

static void test_what_is_damaged_is_not_found(void **state)
{
    (void)state;
    temp_path(file, temp_folder, "damaged");
    vb_matches *matches = open_matches();
    add(matches, 1, 3);
    vb_matches_close(&matches);
    run_sql("UPDATE matches SET value = CAST(substr(value, 1, 3) || x'01' || "
            "substr(value, 5) AS BLOB) WHERE key = (SELECT min(key) FROM matches)");
    run_sql(
        "UPDATE matches SET value = x'00' WHERE key = (SELECT max(key) FROM matches)");
    matches = open_matches();
    int found = 0;
    for (uint32_t i = 1; i <= 3; i++)
        found += find(matches, i);
    assert_int_equal(found, 1);
    add(matches, 1, 3); // said anew
    for (uint32_t i = 1; i <= 3; i++)
        assert_true(find(matches, i));
    vb_matches_close(&matches);
}

static void test_a_file_of_no_use_is_made_anew(void **state)
{
    (void)state;
    static const char *const texts[] = {"PRAGMA user_version = 2",
                                        "DROP TABLE matches"};
    temp_path(file, temp_folder, "useless");
    for (size_t i = 0; i < sizeof texts / sizeof *texts + 1; i++) {
        vb_matches *matches = open_matches();
        add(matches, 1, 1);
        assert_true(find(matches, 1));
        vb_matches_close(&matches);
        if (i < sizeof texts / sizeof *texts)
            run_sql(texts[i]);
        else
            temp_write_bytes(
                file, "no database, but as long as the head of one would be", 52);
        matches = open_matches();
        assert_false(find(matches, 1));
        add(matches, 1, 1);
        assert_true(find(matches, 1));
        vb_matches_close(&matches);
    }
    // One that is locked is no less useful for that.
    sqlite3 *db;
    vb_matches *none = NULL;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    vblip_error locked = {0};
    assert_int_equal(vb_matches_open(&none, file, &locked), VBLIP_ERR_IO);
    sqlite3_close(db);
    vb_matches *kept = open_matches();
    assert_true(find(kept, 1));
    vb_matches_close(&kept);
    vblip_error err = {0};
    temp_path(file, temp_folder, "no/such/folder");
    assert_int_equal(vb_matches_open(&none, file, &err), VBLIP_ERR_IO);
    assert_null(none);
}

// A process that writes is waited for once, not for each pair.
static void test_another_writer_is_waited_for_once(void **state)
{
    (void)state;
    temp_path(file, temp_folder, "busy");
    vb_matches *matches = open_matches();
    add(matches, 1, 50);
    run_sql("UPDATE matches SET used = used - 1");
    sqlite3 *db;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    const time_t before = time(NULL);
    for (uint32_t i = 1; i <= 50; i++)
        assert_true(find(matches, i));
    add(matches, 51, 50);
    assert_true(time(NULL) - before < 20); // of 50 and more that each would take
    sqlite3_close(db);
    vb_matches_close(&matches);
    matches = open_matches();
    assert_true(find(matches, 1));
    assert_false(find(matches, 51));
    vb_matches_close(&matches);
}

// Pages in the middle: found when they are read, and gone the next time.
static void test_damaged_pages(void **state)
{
    (void)state;
    temp_path(file, temp_folder, "pages");
    vb_matches *matches = open_matches();
    add(matches, 1, 2000);
    vb_matches_close(&matches);
    size_t size;
    uint8_t *bytes = temp_read(&size, file);
    assert_true(size > 10 * 4096);
    memset(bytes + 4096, 0xa5, size - 4096);
    temp_write_bytes(file, bytes, size);
    free(bytes);
    matches = open_matches();
    for (uint32_t i = 1; i <= 2000; i++)
        assert_false(find(matches, i));
    add(matches, 1, 3);
    vb_matches_close(&matches);
    matches = open_matches();
    add(matches, 1, 3);
    vb_matches_close(&matches);
    matches = open_matches();
    assert_true(find(matches, 1) && find(matches, 3));
    vb_matches_close(&matches);
}

// Those used longest ago go first.
static void test_it_is_bounded(void **state)
{
    (void)state;
    enum { MOST = 1 << 20 };
    temp_path(file, temp_folder, "full");
    vb_matches *matches = open_matches();
    add(matches, 1, 2); // used today
    run_sql(
        "INSERT INTO matches WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
        "FROM n WHERE i < 1048576) SELECT i, zeroblob(16), 7 FROM n");
    add(matches, 3, 1);
    assert_true(find(matches, 1) && find(matches, 2) && find(matches, 3));
    vb_matches_close(&matches);
    sqlite3 *db;
    sqlite3_stmt *count;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*) FROM matches", -1, &count, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(count), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int64(count, 0), MOST / 2);
    sqlite3_finalize(count);
    sqlite3_close(db);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_said_is_remembered),
        cmocka_unit_test(test_what_is_damaged_is_not_found),
        cmocka_unit_test(test_a_file_of_no_use_is_made_anew),
        cmocka_unit_test(test_another_writer_is_waited_for_once),
        cmocka_unit_test(test_damaged_pages),
        cmocka_unit_test(test_it_is_bounded),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}

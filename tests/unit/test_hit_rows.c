// test_hit_rows.c - rows of a search are taken from any program, and nothing else is.
#include "formats/hit_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Reads an exact copy, so that ASan sees a read one byte past the end.
static vblip_status read_row(vb_hit_row *out, vb_arena *arena, const char *line,
                             size_t size, vblip_error *err)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, line, size);
    *err = (vblip_error){0};
    const vblip_status status = vb_hit_row_read(out, arena, copy, size, "line 3", err);
    free(copy);
    return status;
}

static const char whole_row[] =
    "{\"query\":\"a dog\",\"rank\":2,\"path\":\"films/a b.mp4\",\"start\":12.5,\"end\":"
    "18.040,\"score\":2.5,\"itc\":0.5,\"itm_logit\":null,\"p_match\":0.25,\"more\":[{}]"
    "}";

static void test_a_row_of_retrieve(void **state)
{
    (void)state;
    vb_arena arena = {0};
    vb_hit_row row;
    vblip_error err;
    assert_int_equal(read_row(&row, &arena, whole_row, strlen(whole_row), &err), 0);
    assert_string_equal(row.path, "films/a b.mp4");
    assert_true(row.timed && row.judged);
    assert_int_equal(row.start_us, 12500000);
    assert_int_equal(row.end_us, 18040000);
    assert_int_equal(row.rank, 2);
    assert_true(row.p_match == 0.25f);
    vb_arena_free(&arena);
}

static void test_what_a_row_may_lack(void **state)
{
    (void)state;
    static const struct {
        const char *line, *path;
        bool timed;
        int64_t end_us;
    } rows[] = {
        {"", NULL, false, 0},
        {" \t\r", NULL, false, 0},
        {"{\"path\":\"a\",\"error\":\"not readable\"}", NULL, false, 0},
        {"{\"path\":\"a.png\",\"start\":null,\"end\":null}", "a.png", false, 0},
        {"{\"path\":\"a.png\"}", "a.png", false, 0},
        {"{\"path\":\"a\",\"start\":0,\"end\":0.001}", "a", true, 1000},
        {"{\"path\":\"a\",\"start\":1,\"end\":2,\"then_start\":4,\"then_end\":5}", "a",
         true, 5000000},
        {"{\"path\":\"a\",\"start\":1,\"end\":2,\"then_end\":null}\r", "a", true,
         2000000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_arena arena = {0};
        vb_hit_row row;
        vblip_error err;
        if (read_row(&row, &arena, rows[i].line, strlen(rows[i].line), &err) !=
            VBLIP_OK)
            fail_msg("%s: %s", rows[i].line, err.message);
        assert_int_equal(row.path != NULL, rows[i].path != NULL);
        if (row.path)
            assert_string_equal(row.path, rows[i].path);
        assert_int_equal(row.timed, rows[i].timed);
        assert_int_equal(row.end_us, rows[i].end_us);
        vb_arena_free(&arena);
    }
}

static void test_refused_rows(void **state)
{
    (void)state;
    static const struct {
        const char *line, *message;
    } rows[] = {
        {"[]", "line 3: not an object: rows are those of retrieve -f jsonl"},
        {"7", "line 3: not an object: rows are those of retrieve -f jsonl"},
        {"{}", "line 3: path: missing"},
        {"{\"path\":null}", "line 3: path: missing"},
        {"{\"path\":\"\"}", "line 3: path: empty"},
        {"{\"path\":3}", "line 3: path: not a string"},
        {"{\"path\":\"a\",\"start\":1}", "line 3: end: missing"},
        {"{\"path\":\"a\",\"end\":1}", "line 3: start: missing"},
        {"{\"path\":\"a\",\"start\":\"1\",\"end\":2}",
         "line 3: start: not a number of seconds"},
        {"{\"path\":\"a\",\"start\":-1,\"end\":2}",
         "line 3: start: -1 s, expected 0 to 2678400"},
        {"{\"path\":\"a\",\"start\":1,\"end\":1e9}",
         "line 3: end: 1e+09 s, expected 0 to 2678400"},
        {"{\"path\":\"a\",\"start\":2,\"end\":2}",
         "line 3: end: 2.000 s, not behind start 2.000"},
        {"{\"path\":\"a\",\"start\":2,\"end\":3,\"then_end\":1}",
         "line 3: then_end: 1.000 s, not behind start 2.000"},
        {"{\"path\":\"a\",\"rank\":0}", "line 3: rank: 0, expected 1 to 4294967295"},
        {"{\"path\":\"a\",\"p_match\":2}", "line 3: p_match: 2, expected 0 to 1"},
        {"{\"path\":\"a\",\"path\":\"b\"}", NULL},
        {"{\"path\":\"a\"} {}", NULL},
        {"path,start,end", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_arena arena = {0};
        vb_hit_row row;
        vblip_error err;
        assert_int_not_equal(
            read_row(&row, &arena, rows[i].line, strlen(rows[i].line), &err), VBLIP_OK);
        if (rows[i].message)
            assert_string_equal(err.message, rows[i].message);
        assert_memory_equal(err.message, "line 3: ", 8);
        assert_null(row.path);
        vb_arena_free(&arena);
    }
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    for (size_t size = 1; size < strlen(whole_row); size++) {
        vb_arena arena = {0};
        vb_hit_row row;
        vblip_error err;
        assert_int_not_equal(read_row(&row, &arena, whole_row, size, &err), VBLIP_OK);
        vb_arena_free(&arena);
    }
}

static void test_members_are_handed_on_as_they_are(void **state)
{
    (void)state;
    static const char *const without[] = {"rank", "query", NULL};
    static const struct {
        const char *line, *copy;
    } rows[] = {
        {"{\"path\":\"a\"}", "\"path\":\"a\","},
        {" {\"rank\" : 3 , \"path\":\"a\" } ", "\"path\":\"a\" ,"},
        {"{\"path\":\"a\",\"r\\u0061nk\":1}", "\"path\":\"a\","},
        {"{\"path\":\"a\",\"rank\":1}", "\"path\":\"a\","},
        {"{\"x\":\"a\\\"b\",\"rank\":1,\"path\":\"a\"}",
         "\"x\":\"a\\\"b\",\"path\":\"a\","},
        {"{\"id\":12345678901234567890123,\"path\":\"a\"}",
         "\"id\":12345678901234567890123,\"path\":\"a\","},
        {"{\"query\":\"a, "
         "\\\"rank\\\":}{\",\"path\":\"a\",\"x\":[{\"rank\":1},\"]\\\\\"]}",
         "\"path\":\"a\",\"x\":[{\"rank\":1},\"]\\\\\"],"},
        {"{\"path\":\"a\",\"e\":{},\"n\":null}", "\"path\":\"a\",\"e\":{},\"n\":null,"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_arena arena = {0};
        vb_string out = {0};
        vb_hit_row row;
        vblip_error err;
        const size_t size = strlen(rows[i].line);
        assert_int_equal(read_row(&row, &arena, rows[i].line, size, &err), VBLIP_OK);
        vb_string_puts(&out, "");
        vb_hit_row_copy(&out, rows[i].line, size, without);
        assert_string_equal(out.bytes, rows[i].copy);
        vb_string_free(&out);
        vb_arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_row_of_retrieve),
        cmocka_unit_test(test_what_a_row_may_lack),
        cmocka_unit_test(test_refused_rows),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_members_are_handed_on_as_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

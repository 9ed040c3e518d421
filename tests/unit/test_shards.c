// test_shards.c - an index of shards is believed only as far as the shards bear it out.
#include "formats/shards.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static vblip_status parse(vb_shards *out, vb_arena *arena, const char *json,
                          vblip_error *err)
{
    *err = (vblip_error){0};
    size_t size = strlen(json);
    char *exact = malloc(size ? size : 1); // ASan guards the end
    assert_non_null(exact);
    memcpy(exact, json, size);
    vblip_status status =
        vb_shards_parse(out, arena, exact, size, ".safetensors", "index", err);
    free(exact);
    return status;
}

#define TWO_SHARDS                                                                     \
    "{\"metadata\":{\"total_size\":12},\"weight_map\":{\"c\":\"2.safetensors\","       \
    "\"a\":\"1.safetensors\",\"b\":\"2.safetensors\"}}"

static void test_files_are_listed_once_and_entries_by_name(void **state)
{
    (void)state;
    vb_arena arena = {0};
    vb_shards s;
    vblip_error err;
    assert_int_equal(parse(&s, &arena, TWO_SHARDS, &err), VBLIP_OK);
    assert_int_equal(s.file_count, 2);
    assert_string_equal(s.files[0], "1.safetensors");
    assert_string_equal(s.files[1], "2.safetensors");
    assert_int_equal(s.count, 3);
    static const char *const tensors[] = {"a", "b", "c"};
    static const size_t files[] = {0, 1, 1};
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(s.entries[i].tensor, tensors[i]);
        assert_int_equal(s.entries[i].file, files[i]);
    }
    vb_arena_free(&arena);
}

#define MAP(name, file) "{\"weight_map\":{" name ":" file "}}"
#define NAMED(file)     MAP("\"a\"", "\"" file "\"")
#define NOT_A_NAME(file)                                                               \
    "index: a: \"" file "\", expected the name of a .safetensors file beside the "     \
    "index"

static const struct refusal {
    const char *json, *message;
} refusals[] = {
    {"", "index: empty, not JSON"},
    {"[]", "index: not an object"},
    {"{}", "index: weight_map: expected an object of tensors and files"},
    {"{\"weight_map\":[]}", "index: weight_map: expected an object"},
    {"{\"weight_map\":{}}", "index: weight_map: expected an object"},
    {"{\"Weight_Map\":{\"a\":\"1.safetensors\"}}", "index: weight_map: expected"},
    {MAP("\"a\"", "1"), "index: a: not the name of a file"},
    {MAP("\"a\"", "null"), "index: a: not the name of a file"},
    {MAP("\"a\"", "[\"1.safetensors\"]"), "index: a: not the name of a file"},
    {MAP("\"\"", "\"1.safetensors\""), "index: a tensor without a name"},
    {"{\"weight_map\":{\"a\":\"1.safetensors\",\"a\":\"2.safetensors\"}}",
     "index: \"a\" is given twice"},
    {NAMED(""), NOT_A_NAME("")},
    {NAMED("/etc/1.safetensors"), NOT_A_NAME("/etc/1.safetensors")},
    {NAMED("../1.safetensors"), NOT_A_NAME("../1.safetensors")},
    {NAMED("sub/1.safetensors"), NOT_A_NAME("sub/1.safetensors")},
    {NAMED("..safetensors"), NOT_A_NAME("..safetensors")},
    {NAMED("."), NOT_A_NAME(".")},
    {NAMED(".."), NOT_A_NAME("..")},
    {NAMED(".safetensors"), NOT_A_NAME(".safetensors")},
    {NAMED(".hidden.safetensors"), NOT_A_NAME(".hidden.safetensors")},
    {NAMED("a\\\\b.safetensors"), NOT_A_NAME("a\\b.safetensors")},
    {NAMED("a b.safetensors"), NOT_A_NAME("a b.safetensors")},
    {NAMED("a\\nb.safetensors"), "expected the name of a .safetensors file"},
    {NAMED("1.bin"), NOT_A_NAME("1.bin")},
    {NAMED("safetensors"), NOT_A_NAME("safetensors")},
    {NAMED("1.safetensors.txt"), NOT_A_NAME("1.safetensors.txt")},
    {"{\"weight_map\":{\"a\":\"1.safetensors\"}} x", "index: more after the JSON"},
    {"{\"weight_map\":{\"a\\u0000\":\"1.safetensors\"}}", "index: not JSON at byte"},
};

static void test_an_index_that_is_none_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        vb_arena arena = {0};
        vb_shards s;
        vblip_error err;
        vblip_status status = parse(&s, &arena, refusals[i].json, &err);
        if (status != VBLIP_ERR_FORMAT || s.count || s.file_count ||
            !strstr(err.message, refusals[i].message))
            fail_msg("%s\nstatus %d, \"%s\", expected \"%s\"", refusals[i].json, status,
                     err.message, refusals[i].message);
        vb_arena_free(&arena);
    }
}

static void test_a_name_too_long_and_files_too_many_are_refused(void **state)
{
    (void)state;
    vb_arena arena = {0};
    vb_shards s;
    vblip_error err;
    char json[512];
    snprintf(json, sizeof json, "{\"weight_map\":{\"a\":\"%0244d.safetensors\"}}", 0);
    assert_int_equal(parse(&s, &arena, json, &err), VBLIP_ERR_FORMAT);
    snprintf(json, sizeof json, "{\"weight_map\":{\"a\":\"%0243d.safetensors\"}}", 0);
    assert_int_equal(parse(&s, &arena, json, &err), VBLIP_OK);

    char *many = malloc(64 * (VB_MAX_SHARDS + 2));
    assert_non_null(many);
    for (int files = VB_MAX_SHARDS; files <= VB_MAX_SHARDS + 1; files++) {
        size_t used = (size_t)sprintf(many, "{\"weight_map\":{");
        for (int i = 0; i < files; i++)
            used += (size_t)sprintf(many + used, "%s\"t%d\":\"%d.safetensors\"",
                                    i ? "," : "", i, i);
        sprintf(many + used, "}}");
        const bool fits = files <= VB_MAX_SHARDS;
        assert_int_equal(parse(&s, &arena, many, &err),
                         fits ? VBLIP_OK : VBLIP_ERR_FORMAT);
        if (!fits)
            assert_string_equal(err.message,
                                "index: 1025 files, at most 1024 expected");
    }
    free(many);
    vb_arena_free(&arena);
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    const size_t size = sizeof TWO_SHARDS - 1;
    for (size_t cut = 0; cut < size; cut++) {
        char json[sizeof TWO_SHARDS];
        vb_arena arena = {0};
        vb_shards s;
        vblip_error err;
        memcpy(json, TWO_SHARDS, cut);
        json[cut] = '\0';
        assert_int_equal(parse(&s, &arena, json, &err), VBLIP_ERR_FORMAT);
        vb_arena_free(&arena);
    }
}

// -------------------------------------------------------------------- with its files

// Tensors of the two files of TWO_SHARDS, each a letter.
static vblip_status join(const char *first, const char *second, vb_weight_list *out,
                         vb_arena *arena, vblip_error *err)
{
    static const char *const names[] = {"a", "b", "c", "d"};
    const char *const files[] = {first, second};
    vb_weight weights[2][4] = {0};
    vb_weight_list lists[2];
    vb_shards s;
    for (int f = 0; f < 2; f++) {
        lists[f] = (vb_weight_list){weights[f], strlen(files[f])};
        for (size_t i = 0; i < lists[f].count; i++)
            weights[f][i] = (vb_weight){.name = names[files[f][i] - 'a'],
                                        .dtype = f ? VB_F16 : VB_F32};
    }
    assert_int_equal(parse(&s, arena, TWO_SHARDS, err), VBLIP_OK);
    return vb_shards_join(out, arena, &s, lists, "index", err);
}

static void test_shards_become_one_list(void **state)
{
    (void)state;
    vb_arena arena = {0};
    vb_weight_list list;
    vblip_error err;
    assert_int_equal(join("a", "bc", &list, &arena, &err), VBLIP_OK);
    assert_int_equal(list.count, 3);
    assert_int_equal(vb_weight_find(&list, "a")->dtype, VB_F32);
    assert_int_equal(vb_weight_find(&list, "c")->dtype, VB_F16);
    vb_arena_free(&arena);
}

static void test_shards_that_hold_something_else_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *first, *second, *message;
    } rows[] = {
        {"", "bc", "index: a: not in 1.safetensors"},
        {"a", "c", "index: b: not in 2.safetensors"},
        {"a", "", "index: b: not in 2.safetensors"},
        {"b", "ac", "index: a: not in 1.safetensors"},
        {"ab", "c", "index: b: not in 2.safetensors"},
        {"ab", "bc", "index: b: in 1.safetensors, but the index says 2.safetensors"},
        {"a", "abc", "index: a: in 2.safetensors, but the index says 1.safetensors"},
        {"ad", "bc", "index: d: in 1.safetensors, but not in the index"},
        {"a", "bcd", "index: d: in 2.safetensors, but not in the index"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_arena arena = {0};
        vb_weight_list list;
        vblip_error err;
        assert_int_equal(join(rows[i].first, rows[i].second, &list, &arena, &err),
                         VBLIP_ERR_FORMAT);
        assert_string_equal(err.message, rows[i].message);
        assert_int_equal(list.count, 0);
        vb_arena_free(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_listed_once_and_entries_by_name),
        cmocka_unit_test(test_an_index_that_is_none_is_refused),
        cmocka_unit_test(test_a_name_too_long_and_files_too_many_are_refused),
        cmocka_unit_test(test_every_truncation_is_refused),
        cmocka_unit_test(test_shards_become_one_list),
        cmocka_unit_test(test_shards_that_hold_something_else_are_refused),
    };
    return cmocka_run_group_tests_name("shards", tests, NULL, NULL);
}

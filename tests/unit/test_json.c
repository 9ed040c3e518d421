// test_json.c - JSON is taken as the standard says, and nothing more generously.
#include "formats/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Parses an exact copy, so that ASan sees a read one byte past the end.
static vblip_status parse(cJSON **out, const char *text, size_t size, vblip_error *err)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    vblip_status status = vb_json_parse(out, copy, size, "x.json", err);
    free(copy);
    return status;
}

static const char *const good[] = {
    "{}",
    "[]",
    " null ",
    "\"\"",
    "-0.5e+3",
    "0",
    "[1,2,[3,{\"a\":\"\\\"\\\\\\u00e9\\ud83d\\ude00\"}]]\r\n\t",
    "{\"a\":{\"a\":1},\"b\":{\"a\":1}}",
    "{\"\":1}",
    "[true,false,null]",
    "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
    "\"\xf0\x9f\x98\x80\"",
};

static void test_takes_good_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        cJSON *root;
        vblip_error err = {0};
        if (parse(&root, good[i], strlen(good[i]), &err) != VBLIP_OK)
            fail_msg("%s: %s", good[i], err.message);
        cJSON_Delete(root);
    }
}

static const struct bad {
    const char *name, *text, *message;
} bad[] = {
    {"empty", "", "x.json: empty, not JSON"},
    {"only space", " \n", "not JSON"},
    {"key twice", "{\"a\":1,\"b\":2,\"a\":1}", "x.json: \"a\" is given twice"},
    {"key twice deep inside", "[{\"x\":[{\"b\":0,\"b\":0}]}]", "\"b\" is given twice"},
    {"key twice by escape", "{\"a\":1,\"\\u0061\":2}", "\"a\" is given twice"},
    {"trailing value", "{} {}", "more after the JSON, at byte 3"},
    {"trailing comma", "{},", "more after the JSON, at byte 2"},
    {"too deep", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "nested more than 32 deep"},
    {"infinite", "[1e999]", "a number too large"},
    {"infinite member", "{\"a\":-1e999}", "a: a number too large"},
    {"not a number", "[NaN]", "not JSON"},
    {"leading zero", "[01]", "not JSON at byte 1"},
    {"no digits after the point", "[1.]", "not JSON at byte 1"},
    {"no digits before the point", "[-.5]", "not JSON at byte 1"},
    {"plus sign", "[+1]", "not JSON"},
    {"empty exponent", "[1e]", "not JSON at byte 1"},
    {"hexadecimal", "[0x10]", "not JSON"},
    {"single quotes", "{'a':1}", "not JSON"},
    {"comment", "{} // x", "more after the JSON"},
    {"open string", "[\"a]", "not JSON at byte 1"},
    {"newline in a string", "[\"a\nb\"]", "not JSON at byte 1"},
    {"escaped NUL", "{\"a\\u0000b\":1}", "not JSON at byte 1"},
    {"control character", "[1,\x01 2]", "not JSON at byte 3"},
    {"not UTF-8", "\"\xff\"", "x.json: not UTF-8"},
    {"surrogate alone", "\"\\ud83d\"", "not JSON"},
    {"missing value", "{\"a\":}", "not JSON"},
    {"missing comma", "[1 2]", "not JSON"},
    {"closed by the other", "[1}", "not JSON"},
};

static void test_refuses_bad_json(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cJSON *root;
        vblip_error err = {0};
        vblip_status s = parse(&root, bad[i].text, strlen(bad[i].text), &err);
        if (s != VBLIP_ERR_FORMAT || root || !strstr(err.message, bad[i].message))
            fail_msg("%s: status %d, message \"%s\"", bad[i].name, s, err.message);
    }
}

static void test_refuses_a_nul_byte(void **state)
{
    (void)state;
    cJSON *root;
    assert_int_equal(parse(&root, "{}\0", 3, NULL), VBLIP_ERR_FORMAT);
    assert_int_equal(parse(&root, "\0{}", 3, NULL), VBLIP_ERR_FORMAT);
}

static void test_refuses_every_truncation(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1.5e3,\"\\u00e9\xc3\xa9\",{\"b\":null}],\"c\":true}";
    for (size_t size = 0; size < sizeof text - 1; size++) {
        cJSON *root;
        assert_int_equal(parse(&root, text, size, NULL), VBLIP_ERR_FORMAT);
    }
}

static void test_members_are_typed_and_bounded(void **state)
{
    (void)state;
    static const char text[] = "{\"n\":7,\"f\":0.5,\"s\":\"x\",\"b\":true,\"z\":null,"
                               "\"big\":4294967296,\"neg\":-1,\"half\":1.5}";
    cJSON *root;
    assert_int_equal(parse(&root, text, sizeof text - 1, NULL), VBLIP_OK);
    vb_json_object o = {root, "x.json", "part"};
    uint32_t n = 3;
    float f = 0;
    bool b = false;
    const char *s = NULL;
    vblip_error err = {0};
    assert_int_equal(vb_json_u32(&n, o, "n", 0, 7, NULL), VBLIP_OK);
    assert_int_equal(n, 7);
    assert_int_equal(vb_json_float(&f, o, "f", 0, 1, NULL), VBLIP_OK);
    assert_true(f == 0.5f);
    assert_int_equal(vb_json_bool(&b, o, "b", NULL), VBLIP_OK);
    assert_true(b);
    assert_int_equal(vb_json_string(&s, o, "s", NULL), VBLIP_OK);
    assert_string_equal(s, "x");

    assert_int_equal(vb_json_u32(&n, o, "absent", 0, 1, NULL), VBLIP_OK);
    assert_int_equal(vb_json_u32(&n, o, "z", 0, 1, NULL), VBLIP_OK);
    assert_int_equal(n, 7);

    assert_int_equal(vb_json_u32(&n, o, "n", 0, 6, &err), VBLIP_ERR_FORMAT);
    assert_string_equal(err.message, "x.json: part.n: 7, expected 0 to 6");
    static const char *const not_whole[] = {"f", "s", "b", "neg", "half"};
    for (size_t i = 0; i < sizeof not_whole / sizeof *not_whole; i++)
        assert_int_equal(vb_json_u32(&n, o, not_whole[i], 0, 9, NULL),
                         VBLIP_ERR_FORMAT);
    assert_int_equal(vb_json_u32(&n, o, "big", 0, UINT32_MAX, NULL), VBLIP_ERR_FORMAT);
    assert_int_equal(vb_json_float(&f, o, "f", 0.6, 1, NULL), VBLIP_ERR_FORMAT);
    assert_int_equal(vb_json_float(&f, o, "s", 0, 1, NULL), VBLIP_ERR_FORMAT);
    assert_int_equal(vb_json_bool(&b, o, "n", NULL), VBLIP_ERR_FORMAT);
    assert_int_equal(vb_json_string(&s, o, "n", NULL), VBLIP_ERR_FORMAT);
    assert_int_equal(n, 7);
    cJSON_Delete(root);
}

static void test_members_as_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *text, *value; // of "id"; NULL = none
    } cases[] = {
        {"{}", NULL},
        {"{\"a\":1}", NULL},
        {"{\"id\":1}", "1"},
        {" { \"id\" : 1.50 , \"a\":2}", "1.50"},
        {"{\"a\":2,\"id\":\"\\u0041,}\"}\n", "\"\\u0041,}\""},
        {"{\"a\":{\"id\":1},\"id\":[1, {\"id\":2}] }", "[1, {\"id\":2}]"},
        {"{\"a\":[\"id\",\"id\"],\"b\":\"id\"}", NULL},
        {"{\"id2\":1,\"i\":2,\"id\":null}", "null"},
        {"{\"\":1,\"id\":\"\"}", "\"\""},
        {"{\"id\":12345678901234567890}", "12345678901234567890"},
        {"\xEF\xBB\xBF {\"id\":1}", "1"},
        {"{\"i\\u0064\":1}", NULL}, // escaped: another spelling is not looked for
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        cJSON *root;
        const char *value = NULL;
        size_t value_size = 0;
        const size_t size = strlen(cases[i].text);
        assert_int_equal(parse(&root, cases[i].text, size, NULL), VBLIP_OK);
        const bool found =
            vb_json_member_text(&value, &value_size, cases[i].text, size, "id");
        assert_int_equal(found, cases[i].value != NULL);
        if (found) {
            assert_int_equal(value_size, strlen(cases[i].value));
            assert_memory_equal(value, cases[i].value, value_size);
        }
        cJSON_Delete(root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_good_json),
        cmocka_unit_test(test_refuses_bad_json),
        cmocka_unit_test(test_refuses_a_nul_byte),
        cmocka_unit_test(test_refuses_every_truncation),
        cmocka_unit_test(test_members_are_typed_and_bounded),
        cmocka_unit_test(test_members_as_they_are_written),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}

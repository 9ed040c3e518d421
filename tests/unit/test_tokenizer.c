// test_tokenizer.c - ids, cleaning and decoding equal the reference's, character for
// character (tests/golden/text).
#include "support/json_file.h"
#include "tokenizer/tokenizer.h"
#include "tokenizer/unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static cJSON *load_cases(const char *path)
{
    cJSON *root = json_load(path);
    assert_true(cJSON_GetArraySize(cJSON_GetObjectItem(root, "cases")) >= 50);
    return root;
}

#define EACH_CASE(item, root)                                                          \
    cJSON_ArrayForEach(item, cJSON_GetObjectItem(root, "cases"))

static const char *string_of(const cJSON *item, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItem(item, key));
    assert_non_null(text);
    return text;
}

static uint32_t number_of(const cJSON *item, const char *key)
{
    return (uint32_t)cJSON_GetNumberValue(cJSON_GetObjectItem(item, key));
}

static vb_ids ids_of(const cJSON *item)
{
    vb_ids ids = {0};
    const cJSON *id;
    cJSON_ArrayForEach(id, cJSON_GetObjectItem(item, "ids"))
        assert_true(vb_ids_append(&ids, (int32_t)cJSON_GetNumberValue(id)));
    return ids;
}

static int load_vocab(void **state)
{
    vb_vocab *vocab;
    vblip_status s = vb_vocab_load(&vocab, VB_GOLDEN "/text/vocab.txt", NULL);
    *state = vocab;
    return s == VBLIP_OK ? 0 : -1;
}

static int free_vocab(void **state)
{
    vb_vocab *vocab = *state;
    vb_vocab_free(&vocab);
    return 0;
}

static void check_ids(const vb_ids *got, const vb_ids *want, const char *text)
{
    if (got->count != want->count ||
        (want->count && memcmp(got->ids, want->ids, want->count * sizeof *want->ids)))
        fail_msg("ids differ for \"%s\": %u, expected %u", text, got->count,
                 want->count);
}

static void test_knows_the_official_vocabulary(void **state)
{
    const vb_vocab *vocab = *state;
    assert_int_equal(vb_vocab_size(vocab), 30524);
    vb_special_ids s = vb_vocab_special(vocab);
    assert_int_equal(s.pad, 0);
    assert_int_equal(s.unk, 100);
    assert_int_equal(s.cls, 101);
    assert_int_equal(s.sep, 102);
    assert_int_equal(s.mask, 103);
    assert_int_equal(s.dec, 30522);
    assert_int_equal(s.enc, 30523);
    assert_string_equal(vb_vocab_token(vocab, 3899), "dog");
    assert_string_equal(vb_vocab_token(vocab, 30523), "[ENC]");
}

static bool has_other(const char *text)
{
    const size_t size = strlen(text);
    uint32_t code;
    for (size_t at = 0; at < size; at += vb_utf8_decode(text + at, size - at, &code)) {
        assert_true(vb_utf8_decode(text + at, size - at, &code) > 0);
        if (vb_is_other(code))
            return true;
    }
    return false;
}

// Whether a character of the text that was unassigned when the vectors were made is
// assigned in the Unicode of this utf8proc: U+2B73F is, from 17 on.
static bool is_assigned_since(const cJSON *item)
{
    const cJSON *flags = cJSON_GetObjectItem(item, "flags");
    for (const cJSON *flag = flags ? flags->child : NULL; flag; flag = flag->next)
        if (strcmp(cJSON_GetStringValue(flag), "unassigned-in-unicode-14") == 0)
            return !has_other(string_of(item, "text"));
    return false;
}

static void test_ids_equal_the_reference(void **state)
{
    const vb_vocab *vocab = *state;
    cJSON *root = load_cases(VB_GOLDEN "/text/wordpiece.json");
    vb_ids got = {0};
    const cJSON *item;
    EACH_CASE(item, root)
    {
        if (is_assigned_since(item))
            continue;
        const char *text = string_of(item, "text");
        vb_ids want = ids_of(item);
        assert_int_equal(vb_tokenize(&got, vocab, text, strlen(text), 0, NULL),
                         VBLIP_OK);
        check_ids(&got, &want, text);
        vb_ids_free(&want);
    }
    vb_ids_free(&got);
    cJSON_Delete(root);
}

static void test_truncation_equals_the_reference(void **state)
{
    const vb_vocab *vocab = *state;
    cJSON *root = load_cases(VB_GOLDEN "/text/encode_padded.json");
    vb_ids got = {0};
    const cJSON *item;
    EACH_CASE(item, root)
    {
        const char *text = string_of(item, "text");
        uint32_t length = number_of(item, "max_length");
        vb_ids want = ids_of(item);
        assert_int_equal(want.count, length);
        assert_int_equal(vb_tokenize(&got, vocab, text, strlen(text), length, NULL),
                         VBLIP_OK);
        assert_true(got.count <= length);
        while (got.count < length) // padded on the right with [PAD]
            assert_true(vb_ids_append(&got, 0));
        check_ids(&got, &want, text);
        vb_ids_free(&want);
    }
    vb_ids_free(&got);
    cJSON_Delete(root);
}

typedef vblip_status clean_fn(vb_string *, const char *, size_t, uint32_t,
                              vblip_error *);

static void check_cleaning(const char *path, clean_fn *clean)
{
    cJSON *root = load_cases(path);
    const cJSON *item;
    EACH_CASE(item, root)
    {
        const char *text = string_of(item, "text");
        vb_string got = {0}; // appended to, so that what was there must stay
        assert_true(vb_string_append(&got, "x ", 2));
        assert_int_equal(
            clean(&got, text, strlen(text), number_of(item, "max_words"), NULL),
            VBLIP_OK);
        assert_memory_equal(got.bytes, "x ", 2);
        assert_string_equal(got.bytes + 2, string_of(item, "out"));
        assert_int_equal(strlen(got.bytes), got.size);
        vb_string_free(&got);
    }
    cJSON_Delete(root);
}

static void test_pre_caption_equals_the_reference(void **state)
{
    (void)state;
    check_cleaning(VB_GOLDEN "/text/pre_caption.json", vb_pre_caption);
}

static void test_pre_question_equals_the_reference(void **state)
{
    (void)state;
    check_cleaning(VB_GOLDEN "/text/pre_question.json", vb_pre_question);
}

static void test_decoding_equals_the_reference(void **state)
{
    const vb_vocab *vocab = *state;
    cJSON *root = load_cases(VB_GOLDEN "/text/decode.json");
    const cJSON *item;
    EACH_CASE(item, root)
    {
        vb_ids ids = ids_of(item);
        vb_string got = {0};
        assert_true(vb_string_append(&got, "x ", 2));
        assert_int_equal(vb_detokenize(&got, vocab, ids.ids, ids.count, NULL),
                         VBLIP_OK);
        assert_memory_equal(got.bytes, "x ", 2);
        assert_string_equal(got.bytes + 2, string_of(item, "text"));
        vb_string_free(&got);
        vb_ids_free(&ids);
    }
    cJSON_Delete(root);
}

// Pieces are cleaned one by one in the tokenizers library.
static void test_decoding_fast(void **state)
{
    const vb_vocab *vocab = *state;
    cJSON *root = load_cases(VB_GOLDEN "/generate/hf_decode.json");
    const cJSON *item;
    EACH_CASE(item, root)
    {
        vb_ids ids = ids_of(item);
        vb_string got = {0};
        assert_true(vb_string_append(&got, "x ", 2));
        assert_int_equal(vb_detokenize_fast(&got, vocab, ids.ids, ids.count, NULL),
                         VBLIP_OK);
        assert_memory_equal(got.bytes, "x ", 2);
        assert_string_equal(got.bytes + 2, string_of(item, "text"));
        vb_string_free(&got);
        vb_ids_free(&ids);
    }
    cJSON_Delete(root);
}

// Python's str.lower(): what the vectors have little of.
static void test_cleaning_lowers_like_python(void **state)
{
    (void)state;
    static const struct {
        const char *text, *lower;
    } cases[] = {
        {"\u0130stanbul", "i\u0307stanbul"},
        {"\u03a3", "\u03c3"},                         // no letter before it
        {"\u0391\u03a3", "\u03b1\u03c2"},             // ends a word
        {"\u0391\u03a3\u0391", "\u03b1\u03c3\u03b1"}, // inside one
        {"\u0391\u03a3 \u0391", "\u03b1\u03c2 \u03b1"},
        {"\u0391'\u03a3\u2019", "\u03b1'\u03c2\u2019"},           // case ignores '
        {"\u0391\u03a3'\u0391", "\u03b1\u03c3'\u03b1"},           // here too
        {"\u0391\u0301\u03a3\u0301", "\u03b1\u0301\u03c2\u0301"}, // and accents
        {"1\u03a3", "1\u03c3"},
        {"\u2160\u03a3\u24b6", "\u2170\u03c3\u24d0"}, // cased, but no letters
        {"\u2160\u03a3", "\u2170\u03c2"},
        {"\u1e9e\u01c5\u2126\u212a", "\u00df\u01c6\u03c9k"},
        {"\U00010400\u10a0\u13a0", "\U00010428\u2d00\uab70"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vb_string got = {0};
        assert_int_equal(
            vb_pre_question(&got, cases[i].text, strlen(cases[i].text), 50, NULL),
            VBLIP_OK);
        assert_string_equal(got.bytes, cases[i].lower);
        vb_string_free(&got);
    }
}

// The last of a block of ideographs that every Unicode here has, and one that none has.
static void test_last_ideographs(void **state)
{
    const vb_vocab *vocab = *state;
    static const char text[] = "\U0002a700\U0002b734 a\ufdd0";
    static const int32_t want[] = {101, 100, 100, 1037, 102};
    vb_ids ids = {0};
    assert_int_equal(vb_tokenize(&ids, vocab, text, strlen(text), 0, NULL), VBLIP_OK);
    assert_int_equal(ids.count, 5);
    assert_memory_equal(ids.ids, want, sizeof want);
    vb_ids_free(&ids);
}

static void test_nul_is_data(void **state)
{
    const vb_vocab *vocab = *state;
    vb_ids ids = {0};
    assert_int_equal(vb_tokenize(&ids, vocab, "d\0og", 4, 0, NULL), VBLIP_OK);
    assert_int_equal(ids.count, 3);
    assert_int_equal(ids.ids[1], 3899);
    vb_ids_free(&ids);
    vb_string text = {0};
    assert_int_equal(vb_pre_caption(&text, "A\0B", 3, 30, NULL), VBLIP_OK);
    assert_int_equal(text.size, 3);
    assert_memory_equal(text.bytes, "a\0b", 4);
    vb_string_free(&text);
}

static void test_refuses_text_that_is_not_utf8(void **state)
{
    const vb_vocab *vocab = *state;
    static const char *const bad[] = {
        "\x80", "a\xc3", "\xed\xa0\x80", "[SEP]\xff", "\xf4\x90\x80\x80",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t size = strlen(bad[i]);
        vblip_error err = {0};
        vb_ids ids = {0};
        assert_true(vb_ids_append(&ids, 7));
        assert_int_equal(vb_tokenize(&ids, vocab, bad[i], size, 0, &err),
                         VBLIP_ERR_ARGUMENT);
        assert_string_equal(err.message, "text: not UTF-8");
        assert_null(ids.ids);
        vb_string text = {0};
        assert_int_equal(vb_pre_caption(&text, bad[i], size, 9, NULL),
                         VBLIP_ERR_ARGUMENT);
        assert_int_equal(vb_pre_question(&text, bad[i], size, 9, NULL),
                         VBLIP_ERR_ARGUMENT);
        assert_int_equal(text.size, 0);
        vb_string_free(&text);
    }
}

static void test_refuses_bad_ids_and_lengths(void **state)
{
    const vb_vocab *vocab = *state;
    static const int32_t bad[] = {-1, 30524, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const int32_t ids[] = {1037, bad[i]};
        vblip_error err = {0};
        vb_string text = {0};
        assert_int_equal(vb_detokenize_fast(&text, vocab, ids, 2, NULL),
                         VBLIP_ERR_ARGUMENT);
        assert_int_equal(vb_detokenize(&text, vocab, ids, 2, &err), VBLIP_ERR_ARGUMENT);
        assert_non_null(strstr(err.message, "token 1: id "));
        assert_non_null(strstr(err.message, "30524"));
        assert_int_equal(text.size, 0);
        vb_string_free(&text);
    }
    vb_ids out = {0};
    assert_int_equal(vb_tokenize(&out, vocab, "a", 1, 1, NULL), VBLIP_ERR_ARGUMENT);
    assert_int_equal(vb_tokenize(&out, vocab, "a", 1, 2, NULL), VBLIP_OK);
    assert_int_equal(out.count, 2);
    vb_ids_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_knows_the_official_vocabulary),
        cmocka_unit_test(test_ids_equal_the_reference),
        cmocka_unit_test(test_truncation_equals_the_reference),
        cmocka_unit_test(test_pre_caption_equals_the_reference),
        cmocka_unit_test(test_pre_question_equals_the_reference),
        cmocka_unit_test(test_decoding_equals_the_reference),
        cmocka_unit_test(test_decoding_fast),
        cmocka_unit_test(test_cleaning_lowers_like_python),
        cmocka_unit_test(test_last_ideographs),
        cmocka_unit_test(test_nul_is_data),
        cmocka_unit_test(test_refuses_text_that_is_not_utf8),
        cmocka_unit_test(test_refuses_bad_ids_and_lengths),
    };
    return cmocka_run_group_tests_name("tokenizer", tests, load_vocab, free_vocab);
}

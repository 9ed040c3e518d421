// test_vocab.c - a vocabulary is read whole or refused with the line that is wrong.
#include "tokenizer/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define SPECIALS "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"

// Parses an exact copy, so that ASan sees a read one byte past the end.
static vblip_status parse(vb_vocab **out, const char *text, size_t size,
                          vblip_error *err)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    vblip_status status = vb_vocab_parse(out, copy, size, "vocab.txt", err);
    free(copy);
    return status;
}

static void check_pieces(const vb_vocab *vocab, const char *text, const char *pieces)
{
    vb_ids ids = {0};
    assert_int_equal(vb_tokenize(&ids, vocab, text, strlen(text), 0, NULL), VBLIP_OK);
    vb_string got = {0};
    for (uint32_t i = 1; i + 1 < ids.count; i++)
        assert_true(vb_string_appendf(&got, i > 1 ? " %s" : "%s",
                                      vb_vocab_token(vocab, ids.ids[i])));
    assert_string_equal(got.bytes, pieces);
    vb_string_free(&got);
    vb_ids_free(&ids);
}

static void test_good_files(void **state)
{
    (void)state;
    static const struct {
        const char *name, *text;
        uint32_t size;
    } good[] = {
        {"final newline", SPECIALS "a\n##b\n", 9},
        {"no final newline", SPECIALS "a\n##b", 9},
        {"CRLF", "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\na\r\n##b\r\n", 9},
        {"CRLF, last line bare",
         "[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\n[MASK]\r\na\n##b\r", 9},
        {"special tokens anywhere", "a\n[MASK]\n[SEP]\n[CLS]\n##b\n[UNK]\n[PAD]\n", 9},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        vb_vocab *vocab;
        vblip_error err = {0};
        if (parse(&vocab, good[i].text, strlen(good[i].text), &err) != VBLIP_OK)
            fail_msg("%s: %s", good[i].name, err.message);
        assert_int_equal(vb_vocab_size(vocab), good[i].size);
        vb_special_ids s = vb_vocab_special(vocab);
        assert_string_equal(vb_vocab_token(vocab, s.pad), "[PAD]");
        assert_string_equal(vb_vocab_token(vocab, s.mask), "[MASK]");
        assert_int_equal(s.dec, good[i].size - 2);
        assert_int_equal(s.enc, good[i].size - 1);
        check_pieces(vocab, "ab abb b [MASK]a", "a ##b a ##b ##b [UNK] [MASK] a");
        vb_vocab_free(&vocab);
        assert_null(vocab);
        vb_vocab_free(&vocab);
    }
}

// Then they are where the file has them, and nothing follows its lines.
static void test_a_file_may_name_dec_and_enc(void **state)
{
    (void)state;
    static const char text[] = SPECIALS "[ENC]\na\n[DEC]\n";
    vb_vocab *vocab;
    assert_int_equal(parse(&vocab, text, sizeof text - 1, NULL), VBLIP_OK);
    assert_int_equal(vb_vocab_size(vocab), 8);
    assert_int_equal(vb_vocab_special(vocab).enc, 5);
    assert_int_equal(vb_vocab_special(vocab).dec, 7);
    vb_vocab_free(&vocab);
}

static void test_longest_piece_wins_and_words_match_whole(void **state)
{
    (void)state;
    static const char text[] =
        SPECIALS "a\nabc\n##b\n##c\n##bcd\n,\n#\n\u1112\n##\u1161\n"
                 "##\u11ab\n\u8c48\n\U0001d15f";
    vb_vocab *vocab;
    assert_int_equal(parse(&vocab, text, sizeof text - 1, NULL), VBLIP_OK);
    check_pieces(vocab, "abc", "abc");
    check_pieces(vocab, "abcc", "abc ##c");
    check_pieces(vocab, "abbcd", "a ##b ##bcd");
    check_pieces(vocab, "abcd", "[UNK]"); // greedy: abc leaves ##d
    check_pieces(vocab, "abc,abcd", "abc , [UNK]");
    check_pieces(vocab, "##b", "# # [UNK]"); // no text is a continuation
    check_pieces(vocab, "\ud55c", "\u1112 ##\u1161 ##\u11ab"); // decomposed
    check_pieces(vocab, "a\uf900a", "a \u8c48 a");             // apart, then mapped
    vb_vocab_free(&vocab);
}

// Marks that are letters' companions (Mc) stay in the word, in canonical order.
static void test_marks_are_sorted(void **state)
{
    (void)state;
    static const char text[] = SPECIALS "a\n##\u302e\n##\U0001d165";
    vb_vocab *vocab;
    assert_int_equal(parse(&vocab, text, sizeof text - 1, NULL), VBLIP_OK);
    // Combining classes 216 and 224, with accents (230, 220, dropped) around them.
    check_pieces(vocab, "a\u0301\u302e\u0323\U0001d165", "a ##\U0001d165 ##\u302e");
    check_pieces(vocab, "a\U0001d165\u302e", "a ##\U0001d165 ##\u302e");
    // A dropped mark of class 0 still parts them.
    check_pieces(vocab, "a\u302e\u0941\U0001d165", "a ##\u302e ##\U0001d165");
    vb_vocab_free(&vocab);
}

static const struct bad_file {
    const char *name, *text, *message;
} bad_files[] = {
    {"empty file", "", "vocab.txt: empty"},
    {"one newline", "\n", "line 1 is empty"},
    {"empty line", SPECIALS "\na\n", "line 6 is empty"},
    {"empty last line", SPECIALS "a\n\n", "line 7 is empty"},
    {"empty CRLF line", SPECIALS "\r\na\n", "line 6 is empty"},
    {"token twice", SPECIALS "a\nb\na\n", "line 8 repeats line 6"},
    {"special token twice", SPECIALS "[PAD]", "line 6 repeats line 1"},
    {"not UTF-8", SPECIALS "a\n\xff\n", "line 7 is not UTF-8"},
    {"Latin-1", SPECIALS "caf\xe9\n", "line 6 is not UTF-8"},
    {"UTF-8 cut short by a line end", SPECIALS "\xe2\x82\n\xac", "line 6 is not UTF-8"},
    {"surrogate", SPECIALS "\xed\xa0\x80", "line 6 is not UTF-8"},
    {"carriage return inside", SPECIALS "a\rb\n", "control character in line 6"},
    {"only carriage returns", "[PAD]\r[UNK]\r[CLS]\r[SEP]\r[MASK]\r",
     "control character in line 1"},
    {"byte order mark", "\xef\xbb\xbf" SPECIALS, "no [PAD] in 5 words"},
    {"no [PAD]", "[UNK]\n[CLS]\n[SEP]\n[MASK]\n", "no [PAD] in 4 words"},
    {"no [UNK]", "[PAD]\n[CLS]\n[SEP]\n[MASK]\n", "no [UNK] in 4 words"},
    {"no [CLS]", "[PAD]\n[UNK]\n[SEP]\n[MASK]\n", "no [CLS] in 4 words"},
    {"no [SEP]", "[PAD]\n[UNK]\n[CLS]\n[MASK]\n", "no [SEP] in 4 words"},
    {"no [MASK]", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n", "no [MASK] in 4 words"},
    {"lower-case special tokens", "[pad]\n[unk]\n[cls]\n[sep]\n[mask]\n", "no [PAD]"},
};

static void test_refuses_bad_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        const struct bad_file *bad = &bad_files[i];
        vb_vocab *vocab = (vb_vocab *)&vocab;
        vblip_error err = {0};
        vblip_status s = parse(&vocab, bad->text, strlen(bad->text), &err);
        if (s != VBLIP_ERR_FORMAT || !strstr(err.message, bad->message) ||
            strncmp(err.message, "vocab.txt: ", 11) != 0 || vocab)
            fail_msg("%s: status %d, message \"%s\"", bad->name, s, err.message);
    }
}

static void test_refuses_nul_and_too_much(void **state)
{
    (void)state;
    static const char with_nul[] = SPECIALS "a\0b\n";
    vb_vocab *vocab;
    vblip_error err = {0};
    assert_int_equal(parse(&vocab, with_nul, sizeof with_nul - 1, &err),
                     VBLIP_ERR_FORMAT);
    assert_string_equal(err.message, "vocab.txt: control character in line 6");

    size_t size = (16u << 20) + 1;
    char *large = malloc(size);
    assert_non_null(large);
    memset(large, 'a', size);
    vb_error_reset(&err);
    assert_int_equal(vb_vocab_parse(&vocab, large, size, "vocab.txt", &err),
                     VBLIP_ERR_FORMAT);
    assert_string_equal(err.message,
                        "vocab.txt: 16777217 bytes, at most 16777216 expected");
    free(large);
}

// A file cut anywhere but at its final newline has lost a special token or half of one.
static void test_refuses_every_truncation(void **state)
{
    (void)state;
    static const char text[] = "a\n##\u00e9\n\U0001f600\r\n" SPECIALS;
    vb_vocab *vocab;
    for (size_t size = 0; size < sizeof text - 2; size++) {
        assert_int_equal(parse(&vocab, text, size, NULL), VBLIP_ERR_FORMAT);
        assert_null(vocab);
    }
    for (size_t size = sizeof text - 2; size < sizeof text; size++) {
        assert_int_equal(parse(&vocab, text, size, NULL), VBLIP_OK);
        vb_vocab_free(&vocab);
    }
}

static void test_missing_file_is_named(void **state)
{
    (void)state;
    vb_vocab *vocab;
    vblip_error err = {0};
    assert_int_equal(vb_vocab_load(&vocab, "no/such/vocab.txt", &err), VBLIP_ERR_IO);
    assert_string_equal(err.message, "no/such/vocab.txt: No such file or directory");
    assert_null(vocab);
}

static double seconds_to_tokenize(const vb_vocab *vocab, const char *unit, size_t size)
{
    size_t length = strlen(unit);
    char *text = malloc(size);
    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = unit[i % length];
    vb_ids ids = {0};
    clock_t start = clock();
    assert_int_equal(vb_tokenize(&ids, vocab, text, size, 0, NULL), VBLIP_OK);
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    vb_ids_free(&ids);
    free(text);
    return seconds;
}

// Texts that make a careless tokenizer quadratic: one endless word, pieces of one
// letter, marks in the wrong order. A quadratic one needs hours for a megabyte.
static void test_a_megabyte_takes_seconds(void **state)
{
    (void)state;
    vb_vocab *vocab;
    assert_int_equal(vb_vocab_load(&vocab, VB_GOLDEN "/text/vocab.txt", NULL),
                     VBLIP_OK);
    static const char *const units[] = {
        "a",           "[",  "a dog runs ",  "\xcc\xa3\xcc\x81",
        "qzxjkvqzxj ", "q,", "\xe4\xb8\xad",
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        size_t size = (1u << 20) / strlen(units[i]) * strlen(units[i]);
        assert_true(seconds_to_tokenize(vocab, units[i], size) < 20.0);
    }
    vb_vocab_free(&vocab);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_files),
        cmocka_unit_test(test_a_file_may_name_dec_and_enc),
        cmocka_unit_test(test_longest_piece_wins_and_words_match_whole),
        cmocka_unit_test(test_marks_are_sorted),
        cmocka_unit_test(test_refuses_bad_files),
        cmocka_unit_test(test_refuses_nul_and_too_much),
        cmocka_unit_test(test_refuses_every_truncation),
        cmocka_unit_test(test_missing_file_is_named),
        cmocka_unit_test(test_a_megabyte_takes_seconds),
    };
    return cmocka_run_group_tests_name("vocab", tests, NULL, NULL);
}

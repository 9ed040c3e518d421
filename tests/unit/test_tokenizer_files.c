// test_tokenizer_files.c - tokenizer folders with words, added tokens and settings of their
// own give the library's ids (tests/golden/text/hf_tokenizers.json), or are refused by name.
#include "checkpoint/tokenizer_files.h"
#include "support/json_file.h"
#include "support/temp.h"
#include "tokenizer/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// The tokenizer of the folder, for a word embedding of `rows` rows.
static vblip_status load(vb_vocab **out, const char *vocab, const char *default_vocab,
                         uint32_t rows, vblip_error *err)
{
    vb_arena arena = {0};
    vb_vocabulary about;
    *out = NULL;
    vblip_status status =
        vb_tokenizer_files_read(&about, &arena, temp_folder, vocab, default_vocab, err);
    about.rows = rows;
    if (status == VBLIP_OK)
        status = vb_vocab_make(out, &about, err);
    vb_arena_free(&arena);
    return status;
}

// ------------------------------------------------------------------ the library's ids

static void expect_ids(const char *name, const vb_vocab *vocab, const cJSON *row)
{
    const char *text = json_string(row, "text");
    const cJSON *want = json_member(row, "ids");
    vb_ids ids = {0};
    vb_string back = {0};
    assert_int_equal(vb_tokenize(&ids, vocab, text, strlen(text), 0, NULL), VBLIP_OK);
    bool same = (int)ids.count == cJSON_GetArraySize(want);
    const cJSON *id = want->child;
    for (uint32_t i = 0; same && i < ids.count; i++, id = id->next)
        same = ids.ids[i] == id->valueint;
    if (!same)
        fail_msg("%s: ids differ for \"%s\"", name, text);
    assert_int_equal(vb_detokenize_fast(&back, vocab, ids.ids, ids.count, NULL),
                     VBLIP_OK);
    if (strcmp(back.bytes, json_string(row, "decoded")) != 0)
        fail_msg("%s: \"%s\" comes back as \"%s\"", name, text, back.bytes);
    vb_string_free(&back);
    vb_ids_free(&ids);
}

// Without a list of added tokens [DEC] and [ENC] are ids, as in the original code.
static bool differs_by_design(const cJSON *files, const char *text)
{
    return !cJSON_GetObjectItem(files, "tokenizer.json") &&
           (strstr(text, "[DEC]") || strstr(text, "[ENC]"));
}

static void test_ids_equal_the_librarys(void **state)
{
    (void)state;
    cJSON *root = json_load(VB_GOLDEN "/text/hf_tokenizers.json");
    int folders = 0;
    for (const cJSON *f = json_member(root, "folders")->child; f; f = f->next) {
        const char *name = json_string(f, "name");
        const cJSON *files = json_member(f, "files");
        temp_remove(temp_folder);
        temp_make(temp_folder);
        for (const cJSON *file = files->child; file; file = file->next)
            temp_write(temp_folder, file->string, file->valuestring);
        vb_vocab *vocab;
        vblip_error err = {0};
        const uint32_t size = (uint32_t)json_number(f, "size");
        if (load(&vocab, NULL, NULL, size, &err) != VBLIP_OK)
            fail_msg("%s: %s", name, err.message);
        assert_int_equal(vb_vocab_size(vocab), size);
        for (const cJSON *c = json_member(f, "cases")->child; c; c = c->next)
            if (!differs_by_design(files, json_string(c, "text")))
                expect_ids(name, vocab, c);
        vb_vocab_free(&vocab);
        folders++;
    }
    assert_true(folders >= 14);
    cJSON_Delete(root);
}

// ------------------------------------------------------------------------ what is read

#define WORDS    "\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4"
#define MODEL(x) "\"model\":{\"type\":\"WordPiece\",\"vocab\":{" WORDS x "}}"
#define LINES    "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"

// Rows of the word embedding that no file names are [DEC] and [ENC], if there are two.
static void test_dec_and_enc_are_the_two_rows_that_nobody_names(void **state)
{
    (void)state;
    static const struct {
        const char *added;
        uint32_t rows, size;
        int32_t dec, enc;
    } cases[] = {
        {"", 0, 8, 6, 7},
        {"", 8, 8, 6, 7},
        {"", 6, 6, -1, -1},
        {"", 7, 8, 6, 7}, // of another model: the sizes differ
        {"{\"id\":6,\"content\":\"x\"}", 9, 9, 7, 8},
        {"{\"id\":6,\"content\":\"x\"},{\"id\":7,\"content\":\"y\"}", 8, 8, -1, -1},
        {"{\"id\":6,\"content\":\"[DEC]\"},{\"id\":7,\"content\":\"[ENC]\"}", 8, 8, 6,
         7},
        {"{\"id\":7,\"content\":\"[DEC]\"},{\"id\":6,\"content\":\"[ENC]\"}", 8, 8, 7,
         6},
        {"{\"id\":6,\"content\":\"[DEC]\"}", 7, 7, 6, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char json[512];
        snprintf(json, sizeof json, "{\"added_tokens\":[%s]," MODEL(",\"a\":5") "}",
                 cases[i].added);
        temp_write(temp_folder, "tokenizer.json", json);
        vb_vocab *vocab;
        vblip_error err = {0};
        if (load(&vocab, NULL, NULL, cases[i].rows, &err) != VBLIP_OK)
            fail_msg("%zu: %s", i, err.message);
        assert_int_equal(vb_vocab_size(vocab), cases[i].size);
        assert_int_equal(vb_vocab_special(vocab).dec, cases[i].dec);
        assert_int_equal(vb_vocab_special(vocab).enc, cases[i].enc);
        vb_vocab_free(&vocab);
    }
}

static void test_words_are_the_options_then_the_folders_then_the_default(void **state)
{
    (void)state;
    char given[TEMP_PATH], given_json[TEMP_PATH], fallback[TEMP_PATH];
    temp_write(temp_folder, "given/words.txt", LINES "given\n");
    temp_write(
        temp_folder, "given/words.json",
        "{\"normalizer\":{\"type\":\"BertNormalizer\"},"
        "\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"}," MODEL(",\"json\":5") "}");
    temp_write(temp_folder, "given/default.txt", LINES "default\n");
    temp_path(given, temp_folder, "given/words.txt");
    temp_path(given_json, temp_folder, "given/words.json");
    temp_path(fallback, temp_folder, "given/default.txt");
    const struct {
        const char *name, *text; // that the folder gets before
        const char *vocab, *word;
    } steps[] = {
        {NULL, NULL, NULL, "default"},
        {"vocab.txt", LINES "lines\n", NULL, "lines"},
        {"tokenizer.json", "{" MODEL(",\"library\":5") "}", NULL, "library"},
        {NULL, NULL, given, "given"},
        {NULL, NULL, given_json, "json"},
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        vb_vocab *vocab;
        vblip_error err = {0};
        if (steps[i].name)
            temp_write(temp_folder, steps[i].name, steps[i].text);
        if (load(&vocab, steps[i].vocab, fallback, 8, &err) != VBLIP_OK)
            fail_msg("%zu: %s", i, err.message);
        assert_string_equal(vb_vocab_token(vocab, 5), steps[i].word);
        vb_vocab_free(&vocab);
    }
}

// -------------------------------------------------------------------- what is refused

static const struct refusal {
    const char *file, *text;
    const char *message;
} refusals[] = {
    {"tokenizer.json", "[]", "tokenizer.json: not an object"},
    {"tokenizer.json", "{}", "tokenizer.json: model: not an object"},
    {"tokenizer.json", "{\"model\":{\"type\":\"BPE\"}}",
     "model.type: \"BPE\", expected \"WordPiece\""},
    {"tokenizer.json", "{\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"<unk>\"}}",
     "model.unk_token: \"<unk>\", expected \"[UNK]\""},
    {"tokenizer.json",
     "{\"model\":{\"type\":\"WordPiece\",\"continuing_subword_prefix\":\"@\"}}",
     "model.continuing_subword_prefix: \"@\""},
    {"tokenizer.json", "{\"model\":{\"type\":\"WordPiece\",\"vocab\":[]}}",
     "model.vocab: not an object of words"},
    {"tokenizer.json", "{" MODEL(",\"a\":6") "}",
     "model.vocab: \"a\": expected an id of its own below 6"},
    {"tokenizer.json", "{" MODEL(",\"a\":4") "}", "\"a\": expected an id of its own"},
    {"tokenizer.json", "{" MODEL(",\"a\":-1") "}", "\"a\": expected an id"},
    {"tokenizer.json", "{" MODEL(",\"\":5") "}", "\"\": expected an id"},
    {"tokenizer.json", "{" MODEL(",\"a\":5") ",\"added_tokens\":[{\"content\":\"x\"}]}",
     "added_tokens: a token without an id"},
    {"tokenizer.json", "{" MODEL(",\"a\":5") ",\"added_tokens\":[{\"id\":6}]}",
     "added token 6: no content"},
    {"tokenizer.json",
     "{" MODEL(",\"a\":5") ",\"added_tokens\":[{\"id\":8,\"content\":\"x\"}]}",
     "\"x\" has id 8, expected 6: added tokens follow the 6 words without a gap"},
    {"tokenizer.json",
     "{" MODEL(",\"a\":5") ",\"added_tokens\":[{\"id\":6,\"content\":\"a\"}]}",
     "\"a\" has id 6, expected 5"},
    {"added_tokens.json", "{\"x\":\"y\"}", "added_tokens.json: \"x\": no id"},
    {"added_tokens.json", "{\"x\":7}", "\"x\" has id 7, expected 6"},
    {"tokenizer_config.json", "{\"tokenizer_class\":\"T5Tokenizer\"}",
     "tokenizer_class: T5Tokenizer, expected BertTokenizer"},
    {"tokenizer_config.json", "{\"do_lower_case\":1}", "do_lower_case: not true or"},
    {"tokenizer_config.json", "{\"cls_token\":\"<s>\"}",
     "cls_token: \"<s>\", expected \"[CLS]\""},
    {"tokenizer_config.json", "{\"sep_token\":{\"content\":\"</s>\"}}",
     "sep_token: \"</s>\", expected \"[SEP]\""},
    {"tokenizer_config.json", "{\"added_tokens_decoder\":{\"x\":{}}}",
     "added_tokens_decoder: \"x\" is no id"},
    {"tokenizer_config.json", "{\"extra_special_tokens\":[\"<loc>\"]}",
     "extra_special_tokens: \"<loc>\" has no id: save the tokenizer again"},
};

static void test_what_is_not_berts_is_refused_by_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *r = &refusals[i];
        temp_remove(temp_folder);
        temp_make(temp_folder);
        temp_write(temp_folder, "vocab.txt", LINES "a\n");
        temp_write(temp_folder, r->file, r->text);
        vb_vocab *vocab;
        vblip_error err = {0};
        vblip_status status = load(&vocab, NULL, NULL, 8, &err);
        if (status == VBLIP_OK || vocab || !strstr(err.message, r->message))
            fail_msg("%s: status %d, message \"%s\"\nexpected \"%s\"", r->text, status,
                     err.message, r->message);
    }
    temp_remove(temp_folder);
    temp_make(temp_folder);
    vb_vocab *vocab;
    vblip_error err = {0};
    assert_int_equal(load(&vocab, NULL, NULL, 8, &err), VBLIP_ERR_IO);
    assert_non_null(strstr(err.message, ": no tokenizer.json or vocab.txt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_ids_equal_the_librarys, temp_setup,
                                        temp_teardown),
        cmocka_unit_test_setup_teardown(
            test_dec_and_enc_are_the_two_rows_that_nobody_names, temp_setup,
            temp_teardown),
        cmocka_unit_test_setup_teardown(
            test_words_are_the_options_then_the_folders_then_the_default, temp_setup,
            temp_teardown),
        cmocka_unit_test_setup_teardown(test_what_is_not_berts_is_refused_by_name,
                                        temp_setup, temp_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

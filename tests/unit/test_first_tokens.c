// test_first_tokens.c - which rows of the word embedding begin texts: those that files call
// [DEC] and [ENC], and for the library the one that config.json says, whatever it is.
#include "blip/model_internal.h"
#include "support/hf_folder.h"
#include "support/ref_device.h"
#include "support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN(id, text) "{\"id\":" #id ",\"content\":\"" text "\"}"

static const char words[] =
    "\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,"
    "\"[SEP]\":3,\"[MASK]\":4,\"a\":5,\"dog\":6,\"##s\":7,\".\":8}}";

static const struct first_case {
    const char *added; // of tokenizer.json, behind nine words
    uint32_t rows;
    int32_t dec, enc; // -1 = refused
    int32_t hf_dec, hf_enc;
    const char *refusal; // without hf
} cases[] = {
    {"", 11, 9, 10, 9, 10, NULL},
    {TOKEN(9, "[DEC]") "," TOKEN(10, "[ENC]"), 11, 9, 10, 9, 10, NULL},
    {TOKEN(9, "stent") "," TOKEN(10, "zircon"), 11, -1, -1, 9, 2,
     "tokenizer.json: row 9 is \"stent\", not [DEC]; --compat hf runs it"},
    {TOKEN(9, "[DEC]") "," TOKEN(10, "zircon"), 11, -1, -1, 9, 2,
     "tokenizer.json: row 10 is \"zircon\", not [ENC]; --compat hf runs it"},
    {TOKEN(9, "x") "," TOKEN(10, "y") "," TOKEN(11, "z"), 12, -1, -1, 9, 2,
     "row 9 is \"x\", not [DEC]"},
    {TOKEN(9, "[DEC]") "," TOKEN(10, "[ENC]") "," TOKEN(11, "z"), 12, 9, 10, 9, 10,
     NULL},
};

static vblip_status load_first(vb_model **out, vb_device *device, const char *folder,
                               vblip_compat compat, vblip_error *err)
{
    const vblip_model_options options = {.path = folder};
    const vb_model_options how = {.compat = compat};
    vb_checkpoint *checkpoint;
    *out = NULL;
    VB_TRY(vb_checkpoint_open(&checkpoint, &options, err));
    vblip_status status = vb_model_load(out, device, checkpoint, &how, err);
    vb_checkpoint_close(&checkpoint);
    return status;
}

static void write_case(const struct first_case *c, const char *folder)
{
    char json[1024];
    hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
    m->vocab = NULL;
    m->config.encoder.vocabulary = c->rows;
    for (size_t t = 0; t < m->count; t++)
        if (m->tensors[t].shape[0] == 11)
            m->tensors[t].shape[0] = c->rows;
    hf_write(m, folder);
    free(m);
    snprintf(json, sizeof json, "{\"added_tokens\":[%s],%s}", c->added, words);
    temp_write(folder, "tokenizer.json", json);
}

static void test_rows_that_begin_texts(void **state)
{
    (void)state;
    char folder[TEMP_FOLDER];
    vb_device *device;
    assert_int_equal(ref_device_open(&device, NULL, NULL), VBLIP_OK);
    temp_make(folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct first_case *c = &cases[i];
        write_case(c, folder);
        for (int hf = 0; hf < 2; hf++) {
            vb_model *model;
            vblip_error err = {0};
            const vblip_compat compat = hf ? VBLIP_COMPAT_HF : VBLIP_COMPAT_SALESFORCE;
            const vblip_status status =
                load_first(&model, device, folder, compat, &err);
            if (!hf && c->refusal) {
                assert_int_equal(status, VBLIP_ERR_UNSUPPORTED);
                assert_non_null(strstr(err.message, c->refusal));
                continue;
            }
            if (status != VBLIP_OK)
                fail_msg("%zu: %s", i, err.message);
            assert_int_equal(model->special.dec, hf ? c->hf_dec : c->dec);
            assert_int_equal(model->special.enc, hf ? c->hf_enc : c->enc);
            vb_model_free(&model);
        }
    }
    temp_remove(folder);
    vb_device_close(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows_that_begin_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

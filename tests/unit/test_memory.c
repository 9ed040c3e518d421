// test_memory.c - every allocation that fails on the host is reported as such, and leaves
// nothing behind.
#include "base/file.h"
#include "base/outfile.h"
#include "blip/sample.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/config.h"
#include "compute/pool.h"
#include "decode/decode.h"
#include "formats/safetensors.h"
#include "formats/torch_file.h"
#include "support/counting_device.h"
#include "support/fail_alloc.h"
#include "support/temp.h"
#include "tokenizer/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define VOCAB_LINES "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n##b\n"

static vblip_status parse_vocab(void *user, vblip_error *err)
{
    (void)user;
    vb_vocab *vocab;
    VB_TRY(vb_vocab_parse(&vocab, VOCAB_LINES, strlen(VOCAB_LINES), "vocab", err));
    vb_vocab_free(&vocab);
    return VBLIP_OK;
}

static vblip_status load_vocab(void *user, vblip_error *err)
{
    (void)user;
    vb_vocab *vocab;
    VB_TRY(vb_vocab_load(&vocab, VB_GOLDEN "/text/vocab.txt", err));
    vb_vocab_free(&vocab);
    return VBLIP_OK;
}

static const char long_text[] =
    "a ab abb a b [SEP] \u0130 a, a. a! a a a a a a a a a a a a a a a a a a a a a a a "
    "a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a "
    "ab";

static vblip_status tokenize(void *user, vblip_error *err)
{
    vb_ids ids = {0};
    vblip_status status = vb_tokenize(&ids, user, long_text, strlen(long_text), 0, err);
    if (status != VBLIP_OK && ids.ids)
        fail_msg("failed, but kept %u ids", ids.count);
    vb_ids_free(&ids);
    return status;
}

static vblip_status detokenize(void *user, vblip_error *err)
{
    int32_t ids[200];
    for (int i = 0; i < 200; i++)
        ids[i] = 5;
    vb_string text = {0};
    vblip_status status = vb_detokenize(&text, user, ids, 200, err);
    if (status != VBLIP_OK && text.size)
        fail_msg("failed, but kept %zu bytes", text.size);
    vb_string_free(&text);
    return status;
}

static vblip_status detokenize_fast(void *user, vblip_error *err)
{
    int32_t ids[200];
    for (int i = 0; i < 200; i++)
        ids[i] = 5;
    vb_string text = {0};
    vblip_status status = vb_detokenize_fast(&text, user, ids, 200, err);
    if (status != VBLIP_OK && text.size)
        fail_msg("failed, but kept %zu bytes", text.size);
    vb_string_free(&text);
    return status;
}

static vblip_status clean(void *user, vblip_error *err)
{
    (void)user;
    vb_string text = {0};
    vblip_status status = vb_pre_caption(&text, long_text, strlen(long_text), 30, err);
    if (status == VBLIP_OK)
        status = vb_pre_question(&text, long_text, strlen(long_text), 30, err);
    else if (text.size)
        fail_msg("failed, but kept %zu bytes", text.size);
    vb_string_free(&text);
    return status;
}

static void test_text(void **state)
{
    (void)state;
    vb_vocab *vocab;
    assert_int_equal(
        vb_vocab_parse(&vocab, VOCAB_LINES, strlen(VOCAB_LINES), "vocab", NULL),
        VBLIP_OK);
    assert_true(fail_alloc_each("parse vocab", parse_vocab, NULL) >= 2);
    assert_true(fail_alloc_each("load vocab", load_vocab, NULL) >= 5);
    assert_true(fail_alloc_each("tokenize", tokenize, vocab) >= 4);
    assert_true(fail_alloc_each("detokenize", detokenize, vocab) >= 3);
    assert_true(fail_alloc_each("detokenize fast", detokenize_fast, vocab) >= 3);
    assert_true(fail_alloc_each("clean", clean, NULL) >= 3);
    vb_vocab_free(&vocab);
}

static vblip_status parse_safetensors(void *user, vblip_error *err)
{
    vb_arena arena = {0};
    vb_safetensors st;
    vblip_status status = vb_safetensors_parse(&st, &arena, user, err);
    vb_arena_free(&arena);
    return status;
}

static vblip_status parse_torch(void *user, vblip_error *err)
{
    vb_arena arena = {0};
    vb_weight_list list;
    vblip_status status = vb_torch_parse(&list, &arena, user, err);
    vb_arena_free(&arena);
    return status;
}

static vblip_status parse_config(void *user, vblip_error *err)
{
    const char *text = user;
    vb_config_file config;
    return vb_config_parse(&config, text, strlen(text), "config", err);
}

static vblip_status open_checkpoint(void *user, vblip_error *err)
{
    const vblip_model_options options = {.path = user,
                                         .default_vocab = VB_GOLDEN "/text/vocab.txt"};
    vb_checkpoint *checkpoint;
    VB_TRY(vb_checkpoint_open(&checkpoint, &options, err));
    vb_checkpoint_close(&checkpoint);
    return VBLIP_OK;
}

static int ignore_info(void *user, const vblip_model_info *info)
{
    (void)user, (void)info;
    return 0;
}

static vblip_status inspect_checkpoint(void *user, vblip_error *err)
{
    const vblip_model_options options = {.path = user};
    return vb_checkpoint_inspect(&options, ignore_info, NULL, err);
}

static void test_checkpoint(void **state)
{
    (void)state;
    static char paths[][256] = {
        VB_CHECKPOINTS "/tiny-caption", VB_CHECKPOINTS "/tiny-caption-bin-sharded",
        VB_CHECKPOINTS "/tiny-retrieval-momentum-position-ids.pth",
        VB_CHECKPOINTS "/tiny-caption.safetensors"};
    vb_file file;
    char *text;
    size_t size;
    assert_int_equal(
        vb_file_open(&file, VB_CHECKPOINTS "/tiny-caption/model.safetensors", NULL),
        VBLIP_OK);
    assert_true(fail_alloc_each("parse safetensors", parse_safetensors, &file) >= 3);
    vb_file_close(&file);
    assert_int_equal(vb_file_read(&text, &size,
                                  VB_CHECKPOINTS "/tiny-caption/config.json", 1 << 20,
                                  NULL),
                     VBLIP_OK);
    assert_true(fail_alloc_each("parse config", parse_config, text) >= 2);
    free(text);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_true(fail_alloc_each("open checkpoint", open_checkpoint, paths[i]) >= 6);
        assert_true(fail_alloc_each("inspect", inspect_checkpoint, paths[i]) >= 6);
    }
}

static void test_torch_file(void **state)
{
    (void)state;
    static const char *const names[] = {"training.pth", "junk.pth"};
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", VB_TORCH_DATA, names[i]);
        vb_file file;
        assert_int_equal(vb_file_open(&file, path, NULL), VBLIP_OK);
        assert_true(fail_alloc_each(names[i], parse_torch, &file) >= 3);
        vb_file_close(&file);
    }
}

static vblip_status replace_file(void *user, vblip_error *err)
{
    return vb_file_replace(user, "new", 3, err);
}

static void test_file_is_whole_or_as_before(void **state)
{
    (void)state;
    char folder[TEMP_FOLDER], path[TEMP_PATH];
    temp_make(folder);
    temp_path(path, folder, "file");
    assert_true(fail_alloc_each("replace file", replace_file, path) >= 1);
    unlink(path);
    assert_int_equal(rmdir(folder), 0); // and nothing lies beside it
}

static vblip_status cut_tensors(void *user, vblip_error *err)
{
    vb_pool pool = {.device = user, .name = "test"};
    vb_tensor t;
    vblip_status status = VBLIP_OK;
    for (int i = 0; i < 3 && status == VBLIP_OK; i++)
        status = vb_pool_tensor(&t, &pool, VB_F32, 1, 1024, 1024, err);
    vb_pool_free(&pool);
    return status;
}

static void test_pool(void **state)
{
    (void)state;
    counting_device device = counting_device_make();
    assert_true(fail_alloc_each("cut tensors", cut_tensors, &device.base) >= 6);
    assert_int_equal(device.alive, 0);
}

static vblip_status draw(void *user, vblip_error *err)
{
    const vb_sample_params params = {.temperature = 1.0f, .top_p = 1.0f};
    vb_sampler sampler = {0};
    vblip_status status = vb_sampler_start(&sampler, &params, 3, err);
    const int32_t drawn = status == VBLIP_OK ? vb_sampler_draw(&sampler, user) : 0;
    assert_true(drawn >= 0 && drawn <= 2);
    vb_sampler_free(&sampler);
    return status;
}

static void test_sampling(void **state)
{
    (void)state;
    float logits[] = {1.0f, 2.0f, 3.0f};
    assert_true(fail_alloc_each("draw", draw, logits) >= 2);
}

static vblip_status read_frame(void *user, vblip_error *err)
{
    static uint8_t rgb[32 * 32 * 3];
    const vb_decode_options options = {.side = 32, .threads = 1};
    vb_video *video;
    vb_frame frame;
    VB_TRY(vb_video_open(&video, user, &options, err));
    vblip_status status = vb_video_read(video, 0, rgb, &frame, err);
    vb_video_close(&video);
    return status;
}

static void test_decode(void **state)
{
    (void)state;
    static char video[] = VB_GOLDEN "/video/clip02.avi";
    static char png[] = VB_GOLDEN "/preprocess/resize_07.png";
    static char jpeg[] = VB_GOLDEN "/../data/stills/jpeg_exif6.jpg";
    static char webp[] = VB_GOLDEN "/../data/stills/webp_exif.webp";
    assert_true(fail_alloc_each("read a video", read_frame, video) >= 4);
    assert_true(fail_alloc_each("read a PNG", read_frame, png) >= 4);
    assert_true(fail_alloc_each("read a JPEG", read_frame, jpeg) >= 5);
    assert_true(fail_alloc_each("read a WebP", read_frame, webp) >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_checkpoint),
        cmocka_unit_test(test_torch_file),
        cmocka_unit_test(test_file_is_whole_or_as_before),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_sampling),
        cmocka_unit_test(test_decode),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}

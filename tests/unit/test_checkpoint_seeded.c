// test_checkpoint_seeded.c - folders as Hugging Face writes them, and files as the original
// code writes them, open as what they are.
#include "checkpoint/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define RETRIEVAL (VBLIP_TASK_RETRIEVAL | VBLIP_TASK_ITC)
#define CAPTION   VBLIP_TASK_CAPTION
#define VQA       VBLIP_TASK_VQA
#define NLVR      VBLIP_TASK_NLVR

// Sizes as in tests/golden/README.md; tensors counted by tests/golden/tools.
static const struct folder {
    const char *name;
    uint32_t tasks, image_size;
    uint32_t vision_width, vision_layers, encoder_layers, decoder_layers;
    uint32_t cross_width; // of the decoder
    const char *dtype;
    uint64_t parameters;
} folders[] = {
    {"tiny-retrieval", RETRIEVAL, 64, 64, 2, 2, 0, 0, "F32", 2303810},
    {"tiny-caption", CAPTION, 64, 64, 2, 0, 2, 64, "F32", 4258748},
    {"tiny-vqa", VQA, 64, 64, 2, 2, 2, 64, "F32", 6378684},
    {"small-retrieval", RETRIEVAL, 96, 128, 4, 4, 0, 0, "F32", 5994114},
    {"small-caption", CAPTION, 96, 128, 4, 0, 4, 128, "F32", 9882172},
    {"small-vqa", VQA, 128, 128, 4, 4, 4, 128, "F32", 14916924},
    {"wide-retrieval", RETRIEVAL, 64, 192, 3, 3, 0, 0, "F32", 6384514},
    {"wide-caption", CAPTION, 64, 192, 3, 0, 3, 192, "F32", 10256188},
    {"wide-vqa", VQA, 96, 192, 3, 3, 3, 128, "F32", 15026620},
    {"tiny-nlvr", NLVR, 64, 64, 2, 8, 0, 0, "F32", 2824834},
    {"small-nlvr", NLVR, 96, 128, 4, 8, 0, 0, "F32", 7597058},
    {"wide-nlvr", NLVR, 64, 192, 3, 7, 0, 0, "F32", 8052354},
    {"tiny-caption-f16", CAPTION, 64, 64, 2, 0, 2, 64, "F16", 4258748},
    {"tiny-caption-bf16", CAPTION, 64, 64, 2, 0, 2, 64, "BF16", 4258748},
    {"tiny-caption-untied", CAPTION, 64, 64, 2, 0, 2, 64, "F32", 4258748},
    {"tiny-caption-tied", CAPTION, 64, 64, 2, 0, 2, 64, "F32", 2305212},
    {"tiny-caption-oldbias", CAPTION, 64, 64, 2, 0, 2, 64, "F32", 4258748},
    {"tiny-caption-grid3", CAPTION, 48, 64, 2, 0, 2, 64, "F32", 4258300},
    {"tiny-caption-grid7", CAPTION, 112, 64, 2, 0, 2, 64, "F32", 4260860},
    {"tiny-retrieval-momentum", RETRIEVAL, 64, 64, 2, 2, 0, 0, "F32", 2303810},
};

#define ORIGINAL   "original"
#define HF_FILE    "huggingface file"
#define HF_BIN     "huggingface bin"
#define HF_SHARDS  "huggingface sharded"
#define BIN_SHARDS "huggingface bin sharded"
#define PRETRAINED (RETRIEVAL | CAPTION)

// The same in other layouts. What a pretrained ViT-L has for a decoder reads images, not
// questions: its VQA decoder would have to be of another width.
static const struct stored {
    struct folder f;
    const char *layout;
    size_t files;
} stored[] = {
    {{"tiny-caption-sharded", CAPTION, 64, 64, 2, 0, 2, 64, "F32", 4258748},
     HF_SHARDS,
     2},
    {{"tiny-caption-bin", CAPTION, 64, 64, 2, 0, 2, 64, "F32", 4258748}, HF_BIN, 1},
    {{"tiny-caption-bin-sharded", CAPTION, 64, 64, 2, 0, 2, 64, "F32", 4258748},
     BIN_SHARDS,
     3},
    {{"tiny-caption-bin/pytorch_model.bin", CAPTION, 64, 64, 2, 0, 2, 64, "F32",
      4258748},
     HF_FILE,
     1},
    {{"wide-vqa/model.safetensors", VQA, 96, 192, 3, 3, 3, 128, "F32", 15026620},
     HF_FILE,
     1},
    {{"tiny-caption.safetensors", CAPTION, 64, 64, 2, 0, 2, 64, "F32", 4258748},
     ORIGINAL,
     1},
    {{"tiny-caption-bf16.pth", CAPTION, 64, 64, 2, 0, 2, 64, "BF16", 4258748},
     ORIGINAL,
     1},
    {{"tiny-caption-tied.pth", CAPTION, 64, 64, 2, 0, 2, 64, "F32", 2305212},
     ORIGINAL,
     1},
    {{"tiny-caption-grid7.pth", CAPTION, 112, 64, 2, 0, 2, 64, "F32", 4260860},
     ORIGINAL,
     1},
    {{"small-caption.pth", CAPTION, 96, 128, 4, 0, 4, 128, "F32", 9882172},
     ORIGINAL,
     1},
    {{"small-vqa.pth", VQA, 128, 128, 4, 4, 4, 128, "F32", 14916924}, ORIGINAL, 1},
    {{"small-nlvr.pth", NLVR, 96, 128, 4, 8, 0, 0, "F32", 7597058}, ORIGINAL, 1},
    {{"small-pretrain-momentum.pth", PRETRAINED | VQA, 96, 128, 4, 4, 4, 128, "F32",
      14979646},
     ORIGINAL,
     1},
    {{"wide-pretrain-momentum.pth", PRETRAINED, 64, 192, 3, 3, 3, 192, "F32", 15154622},
     ORIGINAL,
     1},
    {{"wide-vqa.pth", VQA, 96, 192, 3, 3, 3, 128, "F32", 15026620}, ORIGINAL, 1},
    {{"wide-nlvr.pth", NLVR, 64, 192, 3, 7, 0, 0, "F32", 8052354}, ORIGINAL, 1},
    {{"wide-retrieval-momentum-position-ids.pth", RETRIEVAL, 64, 192, 3, 3, 0, 0, "F32",
      6384514},
     ORIGINAL,
     1},
};

static vb_checkpoint *open_seeded(const char *name, uint32_t image_size)
{
    char path[512];
    snprintf(path, sizeof path, VB_CHECKPOINTS "/%s", name);
    vblip_model_options options = {.path = path,
                                   .image_size = image_size,
                                   .default_vocab = VB_GOLDEN "/text/vocab.txt"};
    vblip_error err = {0};
    vb_checkpoint *c;
    if (vb_checkpoint_open(&c, &options, &err) != VBLIP_OK)
        fail_msg("%s: %s", name, err.message);
    return c;
}

static uint64_t file_size(const char *path)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    return (uint64_t)st.st_size;
}

static void check_files(const vblip_model_info *info, size_t count)
{
    uint64_t bytes = 0;
    size_t n = 0;
    for (; info->files[n]; n++)
        bytes += file_size(info->files[n]);
    assert_int_equal(n, count);
    assert_int_equal(info->file_bytes, bytes);
}

static void check_seeded(const struct folder *f, const char *layout, size_t files)
{
    print_message("  %s\n", f->name);
    vb_checkpoint *c = open_seeded(f->name, 0);
    const vblip_model_info *info = vb_checkpoint_info(c);
    assert_int_equal(info->tasks, f->tasks);
    assert_int_equal(info->image_size, f->image_size);
    assert_int_equal(info->patch_size, 16);
    assert_int_equal(info->vision_width, f->vision_width);
    assert_int_equal(info->vision_layers, f->vision_layers);
    assert_int_equal(info->encoder_layers, f->encoder_layers);
    assert_int_equal(info->decoder_layers, f->decoder_layers);
    assert_int_equal(info->positions, 512);
    assert_int_equal(info->vocabulary, 30524);
    assert_int_equal(info->projection_width, f->tasks & RETRIEVAL ? 256 : 0);
    assert_string_equal(info->layout, layout);
    assert_string_equal(info->dtype, f->dtype);
    assert_int_equal(info->parameters, f->parameters);
    assert_null(info->missing[0]);
    assert_null(info->unexpected[0]);
    assert_false(info->demo);
    check_files(info, files);

    const vb_config *config = vb_checkpoint_config(c);
    assert_int_equal(config->vision.mlp, 4 * f->vision_width);
    assert_int_equal(config->decoder.cross_width, f->cross_width);
    assert_true(config->vision.eps == 1e-6f);
    assert_true(config->deviation[2] == 0.27577711f);
    if (strcmp(layout, ORIGINAL) == 0)
        assert_int_equal(config->vision.heads, f->vision_width / 64);
    vb_checkpoint_close(&c);
    assert_null(c);
}

static void test_seeded_folders_open_as_what_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        check_seeded(&folders[i], "huggingface", 1);
    for (size_t i = 0; i < sizeof stored / sizeof *stored; i++)
        check_seeded(&stored[i].f, stored[i].layout, stored[i].files);
}

static void test_heads_are_found_whatever_they_are_stored_as(void **state)
{
    (void)state;
    static const char bias[] = "text_decoder.cls.predictions.bias";
    static const char old_bias[] = "text_decoder.cls.predictions.decoder.bias";
    static const char weight[] = "text_decoder.cls.predictions.decoder.weight";
    vb_checkpoint *plain = open_seeded("tiny-caption", 0);
    vb_checkpoint *old = open_seeded("tiny-caption-oldbias", 0);
    vb_checkpoint *tied = open_seeded("tiny-caption-tied", 0);
    const vb_weight *a = vb_checkpoint_find(plain, bias);
    const vb_weight *b = vb_checkpoint_find(old, old_bias);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(vb_checkpoint_find(old, bias));
    assert_int_equal(a->size, 30524 * 4);
    uint8_t *x = malloc(a->size), *y = malloc(a->size);
    assert_non_null(x);
    assert_non_null(y);
    assert_int_equal(vb_checkpoint_read(plain, a, x, 0, a->size, NULL), VBLIP_OK);
    assert_int_equal(vb_checkpoint_read(old, b, y, 0, a->size, NULL), VBLIP_OK);
    assert_memory_equal(x, y, a->size);
    free(x);
    free(y);
    assert_non_null(vb_checkpoint_find(plain, weight));
    assert_null(vb_checkpoint_find(tied, weight));
    assert_non_null(vb_checkpoint_find(tied, bias));
    vb_checkpoint_close(&plain);
    vb_checkpoint_close(&old);
    vb_checkpoint_close(&tied);
}

static void test_image_size_does_not_touch_the_stored_positions(void **state)
{
    (void)state;
    vb_checkpoint *c = open_seeded("tiny-caption-grid3", 64);
    assert_int_equal(vb_checkpoint_config(c)->vision.image_size, 64);
    assert_int_equal(vb_checkpoint_info(c)->image_size, 64);
    const vb_weight *w =
        vb_checkpoint_find(c, "vision_model.embeddings.position_embedding");
    assert_int_equal(w->shape[1], 3 * 3 + 1);
    vb_checkpoint_close(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seeded_folders_open_as_what_they_are),
        cmocka_unit_test(test_heads_are_found_whatever_they_are_stored_as),
        cmocka_unit_test(test_image_size_does_not_touch_the_stored_positions),
    };
    return cmocka_run_group_tests_name("checkpoint_seeded", tests, NULL, NULL);
}

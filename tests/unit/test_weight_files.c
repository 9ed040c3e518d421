// test_weight_files.c - weights are read from whatever files hold them, and what is wrong with
// one is said by the name that its file has for it.
#include "checkpoint/checkpoint.h"
#include "checkpoint/names.h"
#include "checkpoint/weight_files.h"
#include "support/hf_folder.h"
#include "support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { HEAD = 16, ALL_PARTS = HF_ENCODER | HF_DECODER | HF_HEADS };

static char folder[TEMP_FOLDER]; // of the test that runs
static char path[128];           // of its file

static int setup(void **state)
{
    (void)state;
    temp_make(folder);
    snprintf(path, sizeof path, "%s/blip.safetensors", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_remove(folder);
    return 0;
}

static void must_open(vb_checkpoint **out, const char *what)
{
    vblip_model_options options = {.path = what};
    vblip_error err = {0};
    if (vb_checkpoint_open_heads(out, &options, HEAD, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
}

static void must_refuse(const char *what, vblip_status status, const char *message)
{
    vblip_model_options options = {.path = what};
    vb_checkpoint *c;
    vblip_error err = {0};
    vblip_status got = vb_checkpoint_open_heads(&c, &options, HEAD, &err);
    if (got != status || c || !strstr(err.message, message))
        fail_msg("status %d, message \"%s\"\nexpected %d, \"%s\"", got, err.message,
                 status, message);
}

// A model whose tensors have the original names.
static hf_model *make_original(int parts, uint32_t width)
{
    hf_model *m = hf_make(parts, width, 2, 2);
    for (size_t i = 0; i < m->count; i++) {
        char hf[96];
        memcpy(hf, m->tensors[i].name, sizeof hf);
        vb_name_in(m->tensors[i].name, sizeof m->tensors[i].name, hf,
                   VB_NAMING_ORIGINAL);
    }
    return m;
}

static void write_file(const hf_model *m)
{
    temp_write(folder, "vocab.txt", m->vocab);
    hf_write_weights(m, path);
}

// ------------------------------------------------------------- what files do with tensors

static void expect_values(const char *file, const char *name, const float *want,
                          size_t count)
{
    vb_arena arena = {0};
    vb_weight_files files;
    vblip_error err = {0};
    char full[256];
    float got[8] = {0};
    snprintf(full, sizeof full, VB_TORCH_DATA "/%s", file);
    if (vb_weight_files_open_file(&files, &arena, full, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    const vb_weight *w = vb_weight_find(&files.list, name);
    assert_non_null(w);
    assert_int_equal(w->dtype, VB_F32);
    assert_int_equal(w->size, count * sizeof *want);
    for (size_t i = 0; i < count; i++) // one by one
        assert_int_equal(vb_weight_files_read(&files, w, got + i, i * sizeof *got,
                                              sizeof *got, &err),
                         VBLIP_OK);
    assert_memory_equal(got, want, count * sizeof *want);
    vb_weight_files_close(&files);
    vb_arena_free(&arena);
}

static void test_strides_and_doubles_are_read_as_packed_floats(void **state)
{
    (void)state;
    expect_values("transposed.pth", "turned", (const float[]){0, 3, 1, 4, 2, 5}, 6);
    expect_values("transposed.pth", "good", (const float[]){0, 1}, 2);
    expect_values("double.pth", "w", (const float[]){0, 1}, 2);
}

static void prefix_names(hf_model *m, const char *prefix)
{
    for (size_t i = 0; i < m->count; i++) {
        char name[96];
        memcpy(name, m->tensors[i].name, sizeof name);
        snprintf(m->tensors[i].name, sizeof m->tensors[i].name, "%s%.76s", prefix,
                 name);
    }
}

// DDP, torch.compile and Lightning put the name of the wrapper before all others.
static void test_what_stands_before_all_names_is_taken_off(void **state)
{
    (void)state;
    static const char *const prefixes[] = {"module.", "_orig_mod.", "model.",
                                           "module._orig_mod.", "net.blip."};
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
        prefix_names(m, prefixes[i]);
        hf_write(m, folder);
        vb_checkpoint *c;
        must_open(&c, folder);
        assert_int_equal(vb_checkpoint_info(c)->tasks, VBLIP_TASK_CAPTION);
        assert_null(vb_checkpoint_info(c)->unexpected[0]);
        vb_checkpoint_close(&c);

        char name[128];
        snprintf(name, sizeof name, "%svision_model.post_layernorm.bias", prefixes[i]);
        hf_drop(m, name);
        hf_write(m, folder);
        must_refuse(folder, VBLIP_ERR_FORMAT, name);
        must_refuse(folder, VBLIP_ERR_FORMAT, ": missing");
        free(m);
    }
}

static void test_names_that_could_be_two_models_are_refused(void **state)
{
    (void)state;
    hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
    prefix_names(m, "model.");
    hf_add(m, "ema.vision_model.post_layernorm.bias", "F32", 32);
    hf_write(m, folder);
    must_refuse(folder, VBLIP_ERR_FORMAT, "weights under ema. and under model.: save");
    free(m);
    m = hf_make(HF_DECODER, 32, 2, 2);
    hf_add(m, "text_decoder.bert.encoder.layer.0.attention.self.query.lora_A.weight",
           "F32", 4);
    hf_write(m, folder);
    must_refuse(folder, VBLIP_ERR_UNSUPPORTED,
                "lora_A.weight: an adapter that is not merged: "
                "model.merge_and_unload()");
    free(m);
}

static void test_files_that_stand_for_others_are_named(void **state)
{
    (void)state;
    static const char *const files[][2] = {
        {"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 895\n",
         "a Git LFS pointer, not the file: git lfs pull, or hf download"},
        {"<!DOCTYPE html>\n<html>", "an HTML page, not the file"},
        {"<html>", "an HTML page, not the file"},
        {"<?xml version=\"1.0\"?><Error/>", "an XML page, not the file"},
        {"GGUF\3", "a GGUF file, expected safetensors"},
        {"Entry not found",
         "text, not weights: \"Entry not found\": download the file itself"},
        {"{\"error\":\n\"gone\"}", "text, not weights: \"{\"error\":\": download"},
        {"", "empty: download it again"},
    };
    static const char *const names[] = {"a.safetensors", "a.pth", "a.bin", "a"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
            char full[TEMP_PATH];
            temp_write(folder, names[n], files[i][0]);
            must_refuse(temp_path(full, folder, names[n]), VBLIP_ERR_FORMAT,
                        files[i][1]);
        }
}

// Not only weights: git without LFS leaves a pointer of each large file, and .gitattributes
// may count any as large.
static void test_any_file_of_a_folder_may_be_a_pointer(void **state)
{
    (void)state;
    static const char *const names[] = {
        "config.json",    "preprocessor_config.json", "processor_config.json",
        "tokenizer.json", "tokenizer_config.json",    "added_tokens.json"};
    hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char inner[TEMP_PATH], message[128];
        snprintf(inner, sizeof inner, "%s/%zu", folder, i);
        hf_write(m, inner);
        temp_write(inner, names[i], "version https://git-lfs.github.com/spec/v1\n");
        snprintf(message, sizeof message,
                 "/%s: a Git LFS pointer, not the file: git "
                 "lfs pull, or hf download",
                 names[i]);
        must_refuse(inner, VBLIP_ERR_FORMAT, message);
    }
    free(m);
}

static void test_a_file_without_an_ending_goes_by_its_bytes(void **state)
{
    (void)state;
    char full[TEMP_PATH];
    hf_model *m = make_original(HF_DECODER, 32);
    temp_write(folder, "vocab.txt", m->vocab);
    hf_write_weights(m, temp_path(full, folder, "blip"));
    free(m);
    vb_checkpoint *c;
    must_open(&c, full);
    vb_checkpoint_close(&c);
}

// ------------------------------------------------------------------------- single files

static void test_every_size_comes_from_the_tensors(void **state)
{
    (void)state;
    hf_model *m = make_original(ALL_PARTS, 32);
    write_file(m);
    free(m);
    vb_checkpoint *c;
    must_open(&c, path);
    const vb_config *config = vb_checkpoint_config(c);
    const vblip_model_info *info = vb_checkpoint_info(c);
    assert_string_equal(info->path, path);
    assert_string_equal(info->layout, "original");
    assert_string_equal(info->files[0], path);
    assert_null(info->files[1]);
    assert_int_equal(info->tasks,
                     VBLIP_TASK_RETRIEVAL | VBLIP_TASK_ITC | VBLIP_TASK_CAPTION);
    assert_int_equal(config->vision.width, 32);
    assert_int_equal(config->vision.layers, 2);
    assert_int_equal(config->vision.heads, 2);
    assert_int_equal(config->vision.mlp, 56);
    assert_int_equal(config->vision.image_size, 32);
    assert_int_equal(config->vision.patch_size, 16);
    assert_true(config->vision.eps == 1e-6f);
    assert_int_equal(config->encoder.width, 48);
    assert_int_equal(config->encoder.layers, 2);
    assert_int_equal(config->encoder.heads, 3);
    assert_int_equal(config->encoder.mlp, 40);
    assert_int_equal(config->encoder.positions, 12);
    assert_int_equal(config->encoder.vocabulary, 11);
    assert_int_equal(config->encoder.cross_width, 32);
    assert_true(config->encoder.eps == 1e-12f);
    assert_int_equal(config->decoder.layers, 2);
    assert_int_equal(config->projection, 24);
    vb_checkpoint_close(&c);
}

static void test_a_file_may_have_either_names(void **state)
{
    (void)state;
    hf_model *m = hf_make(HF_DECODER, 32, 2, 3);
    write_file(m);
    free(m);
    vb_checkpoint *c;
    must_open(&c, path);
    assert_string_equal(vb_checkpoint_info(c)->layout, "huggingface file");
    assert_int_equal(vb_checkpoint_info(c)->tasks, VBLIP_TASK_CAPTION);
    assert_int_equal(vb_checkpoint_info(c)->text_heads, 3);
    assert_int_equal(vb_checkpoint_config(c)->decoder.layers, 3);
    vb_checkpoint_close(&c);
}

static void test_a_file_goes_by_the_configuration_beside_it(void **state)
{
    (void)state;
    hf_model *m = make_original(HF_DECODER, 32);
    write_file(m);
    hf_write(m, folder);
    m->config.encoder.heads = 1;
    hf_write(m, folder);
    vb_checkpoint *c;
    must_open(&c, path);
    assert_int_equal(vb_checkpoint_info(c)->text_heads, 1);
    assert_true(vb_checkpoint_config(c)->vision.eps == 1e-5f);
    vb_checkpoint_close(&c);

    temp_write(folder, "config.json", "{");
    must_refuse(path, VBLIP_ERR_FORMAT, "/config.json: not JSON");
    free(m);
}

// A torch file with the original names stands alone: what else is in a folder of
// downloads says nothing about it.
static void test_an_original_torch_file_stands_alone(void **state)
{
    (void)state;
    vb_checkpoint *c;
    snprintf(path, sizeof path, "%s/model_base.pth", folder);
    assert_int_equal(symlink(VB_CHECKPOINTS "/small-caption.pth", path), 0);
    assert_int_equal(symlink(VB_GOLDEN "/text/vocab.txt", strcat(folder, "/vocab.txt")),
                     0);
    *strrchr(folder, '/') = '\0';
    temp_write(folder, "config.json", "{");
    vblip_model_options options = {.path = path};
    vblip_error err = {0};
    if (vb_checkpoint_open(&c, &options, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    assert_int_equal(vb_checkpoint_info(c)->text_heads, 2);
    vb_checkpoint_close(&c);
}

#define WORDS "text_encoder.embeddings.word_embeddings.weight"

// What a size is taken from, wrong. A shape of 0 dimensions drops the tensor.
static const struct damage {
    const char *tensor;
    uint32_t rank;
    uint64_t shape[VB_MAX_RANK];
    const char *message; // after the path and ": "
} damages[] = {
    {"visual_encoder.cls_token", 0, {0}, "visual_encoder.cls_token: missing"},
    {"visual_encoder.cls_token",
     1,
     {32},
     "visual_encoder.cls_token: 1 dimensions, expected 3"},
    {"visual_encoder.cls_token",
     3,
     {1, 1, 65537},
     "visual_encoder.cls_token: dimension 2 is 65537, at most 65536 expected"},
    {"visual_encoder.cls_token",
     3,
     {1, 2, 32},
     "visual_encoder.cls_token: shape 1x2x32, expected 1x1x32"},
    {"visual_encoder.cls_token",
     3,
     {1, 1, 48},
     "visual_encoder.pos_embed: shape 1x5x32, expected 1x5x48"},
    {"visual_encoder.pos_embed", 0, {0}, "visual_encoder.pos_embed: missing"},
    {"visual_encoder.pos_embed",
     2,
     {5, 32},
     "visual_encoder.pos_embed: 2 dimensions, expected 3"},
    {"visual_encoder.pos_embed",
     3,
     {1, 6, 32},
     "visual_encoder.pos_embed: 6 rows, expected a square and 1"},
    {"visual_encoder.pos_embed",
     3,
     {1, 1, 32},
     "visual_encoder.pos_embed: 1 rows, expected a square and 1"},
    {"visual_encoder.pos_embed",
     3,
     {1, 257 * 257 + 1, 1},
     "visual_encoder.pos_embed: 257 patches of 16 pixels, at most 4096 pixels "
     "expected"},
    {"visual_encoder.patch_embed.proj.weight",
     0,
     {0},
     "visual_encoder.patch_embed.proj.weight: missing"},
    {"visual_encoder.patch_embed.proj.weight",
     2,
     {32, 768},
     "visual_encoder.patch_embed.proj.weight: 2 dimensions, expected 4"},
    {"visual_encoder.patch_embed.proj.weight",
     4,
     {32, 3, 16, 257},
     "visual_encoder.patch_embed.proj.weight: dimension 3 is 257, at most 256 "
     "expected"},
    {"visual_encoder.patch_embed.proj.weight",
     4,
     {32, 3, 8, 16},
     "visual_encoder.patch_embed.proj.weight: shape 32x3x8x16, expected 32x3x16x16"},
    {"visual_encoder.blocks.0.mlp.fc1.weight",
     0,
     {0},
     "visual_encoder.blocks.0.mlp.fc1.weight: missing"},
    {"visual_encoder.blocks.1.mlp.fc1.weight",
     2,
     {57, 32},
     "visual_encoder.blocks.1.mlp.fc1.weight: shape 57x32, expected 56x32"},
    {"visual_encoder.norm.bias", 0, {0}, "visual_encoder.norm.bias: missing"},
    {"visual_encoder.blocks.1.attn.proj.bias",
     1,
     {31},
     "visual_encoder.blocks.1.attn.proj.bias: shape 31, expected 32"},
    {WORDS, 0, {0}, WORDS ": missing"},
    {WORDS, 1, {11}, WORDS ": 1 dimensions, expected 2"},
    {WORDS, 2, {11, 65537}, WORDS ": dimension 1 is 65537, at most 65536 expected"},
    {WORDS,
     2,
     {11, 32},
     "text_encoder.embeddings.position_embeddings.weight: shape 12x48, expected 12x32"},
    {"text_encoder.embeddings.position_embeddings.weight",
     2,
     {65537, 1},
     "text_encoder.embeddings.position_embeddings.weight: dimension 0 is 65537, at "
     "most 65536 "
     "expected"},
    {"text_encoder.encoder.layer.0.intermediate.dense.weight",
     0,
     {0},
     "text_encoder.encoder.layer.0.intermediate.dense.weight: missing"},
    {"text_decoder.bert.embeddings.word_embeddings.weight",
     2,
     {12, 48},
     "text_decoder.bert.embeddings.word_embeddings.weight: shape 12x48, expected "
     "11x48"},
    {"vision_proj.weight", 1, {24}, "vision_proj.weight: 1 dimensions, expected 2"},
    {"vision_proj.weight", 2, {23, 32}, "vision_proj.bias: shape 24, expected 23"},
    {"text_proj.weight", 0, {0}, "text_proj.weight: missing"},
};

static void test_a_damaged_file_is_refused_by_its_own_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        const struct damage *d = &damages[i];
        char message[256];
        hf_model *m = make_original(ALL_PARTS, 32);
        hf_tensor *t = hf_at(m, d->tensor);
        memcpy(t->shape, d->shape, sizeof t->shape);
        t->rank = d->rank;
        if (d->rank == 0)
            hf_drop(m, d->tensor);
        write_file(m);
        snprintf(message, sizeof message, "%s: %s", path, d->message);
        must_refuse(path, VBLIP_ERR_FORMAT, message);
        free(m);
    }
}

static void test_widths_that_heads_do_not_divide_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *tensor;
        uint64_t width;
        const char *message;
    } rows[] = {
        {"visual_encoder.cls_token", 40,
         ": vision width 40, expected a multiple of 16: without a config.json heads "
         "are "
         "16 wide"},
        {"visual_encoder.cls_token", 8, ": vision width 8, expected a multiple of 16"},
        {WORDS, 49, ": text width 49, expected a multiple of 16"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hf_model *m = make_original(ALL_PARTS, 32);
        hf_tensor *t = hf_at(m, rows[i].tensor);
        t->shape[t->rank - 1] = rows[i].width;
        write_file(m);
        must_refuse(path, VBLIP_ERR_UNSUPPORTED, rows[i].message);
        free(m);
    }
    // Heads of another width are for tests only.
    hf_model *m = make_original(ALL_PARTS, 32);
    write_file(m);
    free(m);
    vblip_model_options options = {.path = path};
    vblip_error err = {0};
    vb_checkpoint *c;
    assert_int_equal(vb_checkpoint_open(&c, &options, &err), VBLIP_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "vision width 32, expected a multiple of 64"));
}

static void test_files_that_hold_something_else_are_refused(void **state)
{
    (void)state;
    hf_model *m = make_original(0, 32);
    write_file(m);
    must_refuse(path, VBLIP_ERR_FORMAT, ": no text_encoder and no text_decoder");
    hf_add(m, "vision_model.post_layernorm.bias", "F32", 32);
    write_file(m);
    must_refuse(path, VBLIP_ERR_FORMAT,
                "blip.safetensors: vision_model.post_layernorm.bias: there under this "
                "name and under the original one");
    m->count = 0;
    hf_add(m, "w", "F32", 3);
    write_file(m);
    must_refuse(path, VBLIP_ERR_FORMAT,
                ": no visual_encoder and no vision_model: training that froze it");
    free(m);
    temp_write(folder, "blip.safetensors", "");
    must_refuse(path, VBLIP_ERR_FORMAT, "/blip.safetensors: empty: download it again");
    snprintf(path, sizeof path, "%s/blip.pth", folder);
    temp_write(folder, "blip.pth", "PK\x03\x04");
    must_refuse(path, VBLIP_ERR_FORMAT, "/blip.pth: ");
}

// ------------------------------------------------------------------------------- shards

#define SHARD "model-0000%d-of-00002.safetensors"

// Cuts the model in two files, the first `cut` tensors in the first, and writes an index
// that puts tensor `liar` into the other.
static void write_shards(const hf_model *m, size_t cut, size_t liar)
{
    char file[256], index[1 << 16];
    int used = snprintf(index, sizeof index, "{\"weight_map\":{");
    hf_write(m, folder);
    snprintf(file, sizeof file, "%s/model.safetensors", folder);
    assert_int_equal(unlink(file), 0);
    hf_model *part = malloc(sizeof *part);
    assert_non_null(part);
    for (int shard = 1; shard <= 2; shard++) {
        *part = *m;
        part->count = shard == 1 ? cut : m->count - cut;
        if (shard == 2)
            memmove(part->tensors, m->tensors + cut, part->count * sizeof *m->tensors);
        snprintf(file, sizeof file, "%s/" SHARD, folder, shard);
        hf_write_weights(part, file);
    }
    free(part);
    for (size_t i = 0; i < m->count; i++)
        used += snprintf(index + used, sizeof index - (size_t)used,
                         "%s\"%s\":\"" SHARD "\"", i ? "," : "", m->tensors[i].name,
                         (i < cut) != (i == liar) ? 1 : 2);
    snprintf(index + used, sizeof index - (size_t)used, "}}");
    temp_write(folder, "model.safetensors.index.json", index);
}

static void test_shards_are_one_checkpoint(void **state)
{
    (void)state;
    hf_model *m = hf_make(ALL_PARTS, 48, 2, 2);
    write_shards(m, 40, SIZE_MAX);
    free(m);
    vb_checkpoint *c;
    char file[256];
    must_open(&c, folder);
    const vblip_model_info *info = vb_checkpoint_info(c);
    assert_string_equal(info->path, folder);
    assert_string_equal(info->layout, "huggingface sharded");
    for (int i = 0; i < 2; i++) {
        snprintf(file, sizeof file, "%s/" SHARD, folder, i + 1);
        assert_string_equal(info->files[i], file);
    }
    assert_null(info->files[2]);
    vb_checkpoint_close(&c);
}

static void test_shards_are_held_against_their_index(void **state)
{
    (void)state;
    char message[256], file[256];
    hf_model *m = hf_make(ALL_PARTS, 48, 2, 2);
    write_shards(m, 40, 3);
    snprintf(
        message, sizeof message,
        "/model.safetensors.index.json: %s: not in model-00002-of-00002.safetensors",
        m->tensors[3].name);
    must_refuse(folder, VBLIP_ERR_FORMAT, message);

    // A tensor that is wrong is named after the file that it is in.
    write_shards(m, 40, SIZE_MAX);
    m->tensors[50].shape[0]++;
    write_shards(m, 40, SIZE_MAX);
    snprintf(message, sizeof message, "/model-00002-of-00002.safetensors: %s: shape ",
             m->tensors[50].name);
    must_refuse(folder, VBLIP_ERR_FORMAT, message);
    free(m);

    snprintf(file, sizeof file, "%s/" SHARD, folder, 2);
    assert_int_equal(unlink(file), 0);
    must_refuse(folder, VBLIP_ERR_IO,
                "/model-00002-of-00002.safetensors: No such file or directory");
    temp_write(folder, "model-00002-of-00002.safetensors", "\1");
    must_refuse(folder, VBLIP_ERR_FORMAT,
                "/model-00002-of-00002.safetensors: 1 bytes, too short");
    temp_write(folder, "model.safetensors.index.json", "{");
    must_refuse(folder, VBLIP_ERR_FORMAT, "/model.safetensors.index.json: not JSON");
}

// What lies beside the weights that are read first is not looked at.
static void test_layouts_are_taken_in_order(void **state)
{
    (void)state;
    static const char *const files[] = {
        "pytorch_model.bin.index.json",
        "pytorch_model.bin",
        "model.safetensors.index.json",
        "model.safetensors",
    };
    hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
    char file[256];
    hf_write(m, folder);
    free(m);
    snprintf(file, sizeof file, "%s/model.safetensors", folder);
    assert_int_equal(unlink(file), 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char message[64];
        snprintf(message, sizeof message, "/%s: ", files[i]);
        temp_write(folder, files[i], "x");
        must_refuse(folder, VBLIP_ERR_FORMAT, message);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_strides_and_doubles_are_read_as_packed_floats),
        TEST(test_what_stands_before_all_names_is_taken_off),
        TEST(test_names_that_could_be_two_models_are_refused),
        TEST(test_files_that_stand_for_others_are_named),
        TEST(test_any_file_of_a_folder_may_be_a_pointer),
        TEST(test_a_file_without_an_ending_goes_by_its_bytes),
        TEST(test_every_size_comes_from_the_tensors),
        TEST(test_a_file_may_have_either_names),
        TEST(test_a_file_goes_by_the_configuration_beside_it),
        TEST(test_an_original_torch_file_stands_alone),
        TEST(test_a_damaged_file_is_refused_by_its_own_names),
        TEST(test_widths_that_heads_do_not_divide_are_refused),
        TEST(test_files_that_hold_something_else_are_refused),
        TEST(test_shards_are_one_checkpoint),
        TEST(test_shards_are_held_against_their_index),
        TEST(test_layouts_are_taken_in_order),
    };
    return cmocka_run_group_tests_name("stored", tests, NULL, NULL);
}

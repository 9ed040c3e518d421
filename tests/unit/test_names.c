// test_names.c - the original names become Hugging Face's, and back.
#include "checkpoint/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define VIT "vision_model.encoder.layers."

// Original, Hugging Face. One row per rule of blip-spec 7.2, and what no rule is about.
static const char *const pairs[][2] = {
    {"visual_encoder.cls_token", "vision_model.embeddings.class_embedding"},
    {"visual_encoder.pos_embed", "vision_model.embeddings.position_embedding"},
    {"visual_encoder.patch_embed.proj.weight",
     "vision_model.embeddings.patch_embedding.weight"},
    {"visual_encoder.patch_embed.proj.bias",
     "vision_model.embeddings.patch_embedding.bias"},
    {"visual_encoder.blocks.0.norm1.weight", VIT "0.layer_norm1.weight"},
    {"visual_encoder.blocks.23.norm2.bias", VIT "23.layer_norm2.bias"},
    {"visual_encoder.blocks.7.attn.qkv.weight", VIT "7.self_attn.qkv.weight"},
    {"visual_encoder.blocks.7.attn.proj.bias", VIT "7.self_attn.projection.bias"},
    {"visual_encoder.blocks.11.mlp.fc1.weight", VIT "11.mlp.fc1.weight"},
    {"visual_encoder.blocks.11.mlp.fc2.bias", VIT "11.mlp.fc2.bias"},
    {"visual_encoder.norm.weight", "vision_model.post_layernorm.weight"},
    {"visual_encoder.norm.bias", "vision_model.post_layernorm.bias"},
    // what no rule is about keeps its name
    {"text_encoder.embeddings.word_embeddings.weight",
     "text_encoder.embeddings.word_embeddings.weight"},
    {"text_decoder.cls.predictions.bias", "text_decoder.cls.predictions.bias"},
    {"vision_proj.weight", "vision_proj.weight"},
    {"visual_encoder_m.norm.weight", "visual_encoder_m.norm.weight"},
    {"visual_encoder.norms.weight", "visual_encoder.norms.weight"},
    {"visual_encoder.pos_embed_2", "visual_encoder.pos_embed_2"},
    {"temp", "temp"},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static vb_weight named(const char *name)
{
    return (vb_weight){
        .name = name, .dtype = VB_F32, .rank = 1, .shape = {1}, .size = 4};
}

static void test_every_rule_goes_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < PAIRS; i++) {
        vb_arena arena = {0};
        vb_weight one[2] = {named(pairs[i][0])};
        vb_weight_list list = {one, 1};
        char back[256];
        assert_int_equal(vb_names_to_hf(&list, &arena, NULL), VBLIP_OK);
        assert_string_equal(list.weights[0].name, pairs[i][1]);
        vb_name_in(back, sizeof back, pairs[i][1], VB_NAMING_ORIGINAL);
        assert_string_equal(back, pairs[i][0]);
        vb_name_in(back, sizeof back, pairs[i][1], VB_NAMING_HF);
        assert_string_equal(back, pairs[i][1]);
        vb_arena_free(&arena);
    }
}

static void test_a_renamed_list_is_sorted(void **state)
{
    (void)state;
    vb_arena arena = {0};
    vb_weight weights[] = {named("text_proj.bias"), named("visual_encoder.norm.bias"),
                           named("visual_encoder.pos_embed"), named("vizard")};
    vb_weight_list list = {weights, 4};
    assert_int_equal(vb_naming_of(&list), VB_NAMING_ORIGINAL);
    assert_int_equal(vb_names_to_hf(&list, &arena, NULL), VBLIP_OK);
    assert_int_equal(vb_naming_of(&list), VB_NAMING_HF);
    for (size_t i = 0; i < list.count; i++)
        assert_ptr_equal(vb_weight_find(&list, list.weights[i].name), &list.weights[i]);
    assert_non_null(vb_weight_find(&list, "vision_model.post_layernorm.bias"));
    vb_arena_free(&arena);
}

static void test_one_tensor_under_both_names_is_refused(void **state)
{
    (void)state;
    vb_arena arena = {0};
    vblip_error err = {0};
    vb_weight weights[] = {named("vision_model.post_layernorm.bias"),
                           named("visual_encoder.norm.bias")};
    vb_weight_list list = {weights, 2};
    assert_int_equal(vb_names_to_hf(&list, &arena, &err), VBLIP_ERR_FORMAT);
    assert_string_equal(err.message,
                        "vision_model.post_layernorm.bias: there under this name and "
                        "under the original one");
    vb_arena_free(&arena);
}

// The original code has one parameter under both names; what it loads last stays.
static void test_the_head_is_the_word_embedding_of_the_original(void **state)
{
    (void)state;
    static const char words[] = "text_decoder.bert.embeddings.word_embeddings.weight";
    static const char head[] = "text_decoder.cls.predictions.decoder.weight";
    static const char bias[] = "text_decoder.cls.predictions.bias";
    static const char decoder_bias[] = "text_decoder.cls.predictions.decoder.bias";
    enum { LAST = 8, LAST_BIAS = 16 };
    vb_arena arena = {0};
    vb_weight weights[] = {named(words), named(bias), named(decoder_bias), named(head),
                           named("visual_encoder.cls_token")};
    weights[2].at = LAST_BIAS;
    weights[3].at = LAST;
    weights[3].dtype = VB_F16;
    weights[3].size = 2;
    vb_weight_list list = {weights, 5};
    assert_int_equal(vb_names_to_hf(&list, &arena, NULL), VBLIP_OK);
    const vb_weight *w = vb_weight_find(&list, words);
    assert_int_equal(w->at, LAST);
    assert_int_equal(w->dtype, VB_F16);
    assert_int_equal(w->size, 2);
    assert_int_equal(vb_weight_find(&list, bias)->at, LAST_BIAS);

    // A head of another shape is left for the schema to refuse.
    weights[3].shape[0] = 2;
    list = (vb_weight_list){weights, 5};
    assert_int_equal(vb_names_to_hf(&list, &arena, NULL), VBLIP_OK);
    assert_int_equal(vb_weight_find(&list, words)->at, weights[0].at);
    vb_arena_free(&arena);
}

static void test_long_names_are_cut(void **state)
{
    (void)state;
    char name[600] = "visual_encoder.norm.", cut[8];
    memset(name + strlen(name), 'x', sizeof name - strlen(name) - 1);
    vb_arena arena = {0};
    vb_weight one = named(name);
    vb_weight_list list = {&one, 1};
    assert_int_equal(vb_names_to_hf(&list, &arena, NULL), VBLIP_OK);
    assert_int_equal(strlen(list.weights[0].name), 255);
    vb_name_in(cut, sizeof cut, "vision_model.post_layernorm.bias", VB_NAMING_ORIGINAL);
    assert_string_equal(cut, "visual_");
    vb_arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_rule_goes_both_ways),
        cmocka_unit_test(test_a_renamed_list_is_sorted),
        cmocka_unit_test(test_one_tensor_under_both_names_is_refused),
        cmocka_unit_test(test_the_head_is_the_word_embedding_of_the_original),
        cmocka_unit_test(test_long_names_are_cut),
    };
    return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}

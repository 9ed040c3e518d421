// test_config.c - config.json means what Hugging Face means by it, or is refused.
#include "checkpoint/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Parses an exact copy, so that ASan sees a read one byte past the end.
static vblip_status parse_part(vb_config_file *out, const char *text, size_t size,
                               bool processor, vblip_error *err)
{
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    vblip_status status = processor ? vb_config_parse_processor(out, &(bool){0}, copy,
                                                                size, "p.json", err)
                                    : vb_config_parse(out, copy, size, "c.json", err);
    free(copy);
    return status;
}

static vb_config_file parse_good(const char *text)
{
    vb_config_file c;
    vblip_error err = {0};
    if (parse_part(&c, text, strlen(text), false, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    return c;
}

// The least that a Hugging Face file of an official model states (blip-spec 7.4).
static const char official[] = "{\"model_type\":\"blip\","
                               "\"text_config\":{\"num_attention_heads\":12}}";

static void test_fields_left_out_have_the_librarys_defaults(void **state)
{
    (void)state;
    vb_config_file c = parse_good(official);
    assert_int_equal(c.vision.width, 768);
    assert_int_equal(c.vision.mlp, 3072);
    assert_int_equal(c.vision.layers, 12);
    assert_int_equal(c.vision.heads, 12);
    assert_int_equal(c.vision.image_size, 384);
    assert_int_equal(c.stored_size, 384);
    assert_int_equal(c.vision.patch_size, 16);
    assert_true(c.vision.eps == 1e-5f);
    assert_int_equal(c.text.width, 768);
    assert_int_equal(c.text.mlp, 3072);
    assert_int_equal(c.text.layers, 12);
    assert_int_equal(c.text.heads, 12);
    assert_int_equal(c.text.positions, 512);
    assert_int_equal(c.text.vocabulary, 30524);
    assert_true(c.text.eps == 1e-12f);
    assert_int_equal(c.projection, 256);
    assert_int_equal(c.bos, -1);
    assert_int_equal(c.sep, -1);
    assert_true(c.mean[0] == 0.48145466f && c.mean[1] == 0.4578275f);
    assert_true(c.deviation[0] == 0.26862954f && c.deviation[2] == 0.27577711f);
    assert_string_equal(c.architecture, "");
    assert_false(c.demo);
}

static void test_every_field_that_is_stated_counts(void **state)
{
    (void)state;
    vb_config_file c = parse_good(
        "{\"model_type\":\"blip\",\"architectures\":[\"BlipForQuestionAnswering\"],"
        "\"image_text_hidden_size\":128,\"vblip_demo\":true,\"projection_dim\":5,"
        "\"vision_config\":{\"hidden_size\":192,\"intermediate_size\":700,"
        "\"num_hidden_layers\":5,\"num_attention_heads\":3,\"image_size\":[96,96],"
        "\"patch_size\":8,\"layer_norm_eps\":1e-6,\"hidden_act\":\"gelu\"},"
        "\"text_config\":{\"vocab_size\":432,\"hidden_size\":160,"
        "\"intermediate_size\":640,\"num_hidden_layers\":3,\"num_attention_heads\":10,"
        "\"max_position_embeddings\":64,\"layer_norm_eps\":1e-9,\"bos_token_id\":430,"
        "\"sep_token_id\":3,\"pad_token_id\":null,\"encoder_hidden_size\":999,"
        "\"position_embedding_type\":\"absolute\"}}");
    assert_int_equal(c.vision.width, 192);
    assert_int_equal(c.vision.mlp, 700);
    assert_int_equal(c.vision.layers, 5);
    assert_int_equal(c.vision.heads, 3);
    assert_int_equal(c.vision.image_size, 96);
    assert_int_equal(c.vision.patch_size, 8);
    assert_true(c.vision.eps == 1e-6f);
    assert_int_equal(c.text.width, 160);
    assert_int_equal(c.text.mlp, 640);
    assert_int_equal(c.text.layers, 3);
    assert_int_equal(c.text.heads, 10);
    assert_int_equal(c.text.positions, 64);
    assert_int_equal(c.text.vocabulary, 432);
    assert_true(c.text.eps == 1e-9f);
    assert_int_equal(c.projection, 128);
    assert_int_equal(c.bos, 430);
    assert_int_equal(c.sep, 3);
    assert_string_equal(c.architecture, "BlipForQuestionAnswering");
    assert_true(c.demo);
}

static const char processor[] =
    "{\"do_normalize\":true,\"do_rescale\":true,\"do_resize\":true,\"do_pad\":true,"
    "\"image_mean\":[0.5,0.25,0],\"image_std\":[1,2,0.5],\"resample\":3,"
    "\"rescale_factor\":0.00392156862745098,\"size\":{\"height\":480,\"width\":480}}";

static void test_processor_says_what_the_model_is_shown(void **state)
{
    (void)state;
    vb_config_file c = parse_good(official);
    assert_int_equal(parse_part(&c, processor, sizeof processor - 1, true, NULL),
                     VBLIP_OK);
    assert_int_equal(c.vision.image_size, 480);
    assert_int_equal(c.stored_size, 384);
    assert_true(c.mean[0] == 0.5f && c.mean[1] == 0.25f && c.mean[2] == 0.0f);
    assert_true(c.deviation[0] == 1.0f && c.deviation[1] == 2.0f);

    c = parse_good(official);
    assert_int_equal(parse_part(&c, "{\"size\":224}", 12, true, NULL), VBLIP_OK);
    assert_int_equal(c.vision.image_size, 224);
    assert_true(c.mean[0] == 0.48145466f);

    c = parse_good(official);
    assert_int_equal(parse_part(&c, "{}", 2, true, NULL), VBLIP_OK);
    assert_int_equal(c.vision.image_size, 384);
}

// A processor_config.json keeps it under a key, or leaves it to another file.
static void test_a_processor_of_images_inside_another(void **state)
{
    (void)state;
    static const char inside[] =
        "{\"image_processor\":{\"size\":{\"height\":224,\"width\":224},\"image_mean\":"
        "0.5,"
        "\"do_center_crop\":true,\"crop_size\":224},\"processor_class\":"
        "\"BlipProcessor\"}";
    static const char elsewhere[] = "{\"processor_class\":\"BlipProcessor\"}";
    vb_config_file c = parse_good(official);
    bool found;
    assert_int_equal(vb_config_parse_processor(&c, &found, inside, sizeof inside - 1,
                                               "p.json", NULL),
                     VBLIP_OK);
    assert_true(found);
    assert_int_equal(c.vision.image_size, 224);
    assert_true(c.mean[0] == 0.5f && c.mean[1] == 0.5f && c.mean[2] == 0.5f);
    assert_int_equal(vb_config_parse_processor(&c, &found, elsewhere,
                                               sizeof elsewhere - 1, "p.json", NULL),
                     VBLIP_OK);
    assert_false(found);
}

static void test_both_names_of_the_exact_gelu(void **state)
{
    (void)state;
    vb_config_file c;
    static const char text[] =
        "{\"model_type\":\"blip\",\"text_config\":{\"num_attention_heads\":12,"
        "\"hidden_act\":\"gelu_python\"},\"vision_config\":{\"hidden_act\":\"gelu\"}}";
    assert_int_equal(parse_part(&c, text, sizeof text - 1, false, NULL), VBLIP_OK);
}

#define CONFIG(more) "{\"model_type\":\"blip\"," more "}"
#define VISION(more)                                                                   \
    CONFIG("\"text_config\":{\"num_attention_heads\":12},\"vision_config\":{" more "}")
#define TEXT(more) CONFIG("\"text_config\":{\"num_attention_heads\":12," more "}")

enum { BAD = VBLIP_ERR_FORMAT, NOT_READ = VBLIP_ERR_UNSUPPORTED };

static const struct refusal {
    const char *name, *text;
    int status;
    const char *message;
} refused_configs[] = {
    {"not JSON", "{", BAD, "c.json: not JSON"},
    {"not an object", "[]", BAD, "c.json: not an object"},
    {"another model", "{\"model_type\":\"blip-2\"}", NOT_READ,
     "c.json: model_type: \"blip-2\", expected \"blip\""},
    {"no model type", "{}", BAD, "c.json: model_type: not stated"},
    {"model type a number", "{\"model_type\":1}", BAD, "model_type: not a string"},
    {"key twice", CONFIG("\"model_type\":\"blip\""), BAD, "given twice"},
    {"text heads left out", CONFIG("\"text_config\":{}"), BAD,
     "c.json: text_config.num_attention_heads: not stated; add it (12 in every"},
    {"text section left out", CONFIG("\"vision_config\":{}"), BAD,
     "text_config.num_attention_heads: not stated"},
    {"text section a list", CONFIG("\"text_config\":[]"), BAD,
     "text_config: not an object"},
    {"heads do not divide", TEXT("\"hidden_size\":760"), NOT_READ,
     "text_config.num_attention_heads: 12 heads of a width of 760"},
    {"head of 8", TEXT("\"hidden_size\":96"), NOT_READ, "12 heads of a width of 96"},
    {"head of 144", TEXT("\"hidden_size\":1728"), NOT_READ, "up to 128"},
    {"vision heads", VISION("\"num_attention_heads\":7"), NOT_READ,
     "vision_config.num_attention_heads: 7 heads"},
    {"no heads", VISION("\"num_attention_heads\":0"), BAD, "0, expected 1 to"},
    {"width a string", VISION("\"hidden_size\":\"768\""), BAD, "not a whole number"},
    {"width a fraction", VISION("\"hidden_size\":768.5"), BAD, "not a whole number"},
    {"width negative", VISION("\"hidden_size\":-768"), BAD, "not a whole number"},
    {"width enormous", VISION("\"hidden_size\":1048576"), BAD,
     "1048576, expected 16 to 65536"},
    {"width past 2^53", VISION("\"hidden_size\":1e300"), BAD, "not a whole number"},
    {"number infinite", VISION("\"hidden_size\":1e999"), BAD, "too large"},
    {"no layers", VISION("\"num_hidden_layers\":0"), BAD, "0, expected 1 to 1024"},
    {"layers enormous", TEXT("\"num_hidden_layers\":1025"), BAD, "expected 1 to 1024"},
    {"vocabulary enormous", TEXT("\"vocab_size\":4294967295"), BAD, "vocab_size"},
    {"no positions", TEXT("\"max_position_embeddings\":1"), BAD, "1, expected 2"},
    {"activation", VISION("\"hidden_act\":\"gelu_new\""), NOT_READ,
     "vision_config.hidden_act: \"gelu_new\", expected \"gelu\""},
    {"text activation", TEXT("\"hidden_act\":\"relu\""), NOT_READ,
     "text_config.hidden_act: \"relu\""},
    {"quantised", CONFIG("\"quantization_config\":{\"quant_method\":\"bitsandbytes\"}"),
     NOT_READ, "quantization_config: quantised weights (bitsandbytes): load them with"},
    {"relative positions", TEXT("\"position_embedding_type\":\"relative_key\""),
     NOT_READ, "position_embedding_type"},
    {"epsilon of 0", VISION("\"layer_norm_eps\":0"), BAD, "layer_norm_eps: 0"},
    {"epsilon of 1", TEXT("\"layer_norm_eps\":1"), BAD, "layer_norm_eps: 1"},
    {"epsilon a string", TEXT("\"layer_norm_eps\":\"1e-12\""), BAD, "not a number"},
    {"image not square", VISION("\"image_size\":[384,224]"), NOT_READ,
     "vision_config.image_size: 384x224, expected a square"},
    {"image of three sides", VISION("\"image_size\":[384,384,3]"), BAD, "image_size"},
    {"image not of patches", VISION("\"image_size\":380"), NOT_READ,
     "vision_config.image_size: 380, not a multiple of the patch of 16"},
    {"image enormous", VISION("\"image_size\":1000000"), BAD, "expected 1 to 4096"},
    {"image pair enormous", VISION("\"image_size\":[8192,8192]"), BAD, "8192"},
    {"patch of 0", VISION("\"patch_size\":0"), BAD, "patch_size: 0"},
    {"patch pair of 0", VISION("\"patch_size\":[0,0]"), BAD, "patch_size: 0"},
    {"architectures a string",
     CONFIG("\"architectures\":\"x\",\"text_config\":{\"num_attention_heads\":12}"),
     BAD, "architectures: not a list of names"},
    {"id negative", TEXT("\"bos_token_id\":-1"), BAD, "bos_token_id"},
};

static const struct refusal refused_processors[] = {
    {"not JSON", "{\"size\":}", BAD, "p.json: not JSON"},
    {"not an object", "3", BAD, "p.json: not an object"},
    {"other filter", "{\"resample\":2}", NOT_READ, "resample: 2, expected 3"},
    {"not square", "{\"size\":{\"height\":384,\"width\":224}}", NOT_READ,
     "size: 384x224, expected a square"},
    {"shortest edge", "{\"size\":{\"shortest_edge\":384}}", NOT_READ,
     "size: expected height and width"},
    {"shortest edge too", "{\"size\":{\"height\":32,\"width\":32,\"shortest_edge\":8}}",
     NOT_READ, "size: expected height and width"},
    {"size a string", "{\"size\":\"384\"}", BAD, "size: not a whole number"},
    {"size not of patches", "{\"size\":100}", NOT_READ, "size: 100, not a multiple"},
    {"size of 0", "{\"size\":0}", BAD, "size: 0, expected 1 to 4096"},
    {"size enormous", "{\"size\":{\"height\":8192,\"width\":8192}}", BAD,
     "size.height: 8192"},
    {"no rescaling", "{\"do_rescale\":false}", NOT_READ, "do_rescale: false"},
    {"no normalising", "{\"do_normalize\":false}", NOT_READ, "do_normalize: false"},
    {"switch a number", "{\"do_resize\":1}", BAD, "do_resize: not true or false"},
    {"factor", "{\"rescale_factor\":1}", NOT_READ, "rescale_factor: 1, expected 1/255"},
    {"crop", "{\"do_center_crop\":true,\"crop_size\":{\"height\":224,\"width\":224}}",
     NOT_READ, "crop_size: 224, expected the images' 384: nothing is cropped"},
    {"two channels", "{\"image_mean\":[0.5,0.5]}", BAD, "image_mean: not three"},
    {"mean a number too large", "{\"image_mean\":11}", BAD, "image_mean: 11, expected"},
    {"mean a word", "{\"image_mean\":\"0.5\"}", BAD, "image_mean: not three"},
    {"inside, other filter", "{\"image_processor\":{\"resample\":0}}", NOT_READ,
     "p.json: image_processor.resample: 0, expected 3"},
    {"inside, a list", "{\"image_processor\":[]}", BAD,
     "image_processor: not an object"},
    {"mean of strings", "{\"image_mean\":[\"0\",\"0\",\"0\"]}", BAD, "not three"},
    {"deviation of 0", "{\"image_std\":[0.2,0,0.2]}", BAD, "image_std: 0, expected"},
    {"deviation negative", "{\"image_std\":[0.2,0.2,-1]}", BAD, "image_std: -1"},
};

static bool is_zero(const vb_config_file *c)
{
    static const vb_config_file zero;
    return memcmp(c, &zero, sizeof zero) == 0;
}

static void check_refusals(const struct refusal *rows, size_t count, bool is_processor)
{
    for (size_t i = 0; i < count; i++) {
        const struct refusal *r = &rows[i];
        vb_config_file c = parse_good(official);
        vblip_error err = {0};
        int s = parse_part(&c, r->text, strlen(r->text), is_processor, &err);
        if (s != r->status || !strstr(err.message, r->message) || !is_zero(&c))
            fail_msg("%s: status %d, message \"%s\"", r->name, s, err.message);
    }
}

static void test_refuses_what_is_not_a_blip(void **state)
{
    (void)state;
    check_refusals(refused_configs, sizeof refused_configs / sizeof *refused_configs,
                   false);
}

static void test_refuses_other_processing(void **state)
{
    (void)state;
    check_refusals(refused_processors,
                   sizeof refused_processors / sizeof *refused_processors, true);
}

static void test_refuses_every_truncation(void **state)
{
    (void)state;
    vb_config_file c;
    for (size_t size = 0; size < sizeof official - 1; size++)
        assert_int_equal(parse_part(&c, official, size, false, NULL), VBLIP_ERR_FORMAT);
    for (size_t size = 0; size < sizeof processor - 1; size++) {
        c = parse_good(official);
        assert_int_equal(parse_part(&c, processor, size, true, NULL), VBLIP_ERR_FORMAT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_left_out_have_the_librarys_defaults),
        cmocka_unit_test(test_every_field_that_is_stated_counts),
        cmocka_unit_test(test_processor_says_what_the_model_is_shown),
        cmocka_unit_test(test_a_processor_of_images_inside_another),
        cmocka_unit_test(test_both_names_of_the_exact_gelu),
        cmocka_unit_test(test_refuses_what_is_not_a_blip),
        cmocka_unit_test(test_refuses_other_processing),
        cmocka_unit_test(test_refuses_every_truncation),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}

// test_checkpoint.c - a checkpoint is taken for what its tensors are, and a damaged one
// is refused by the name of what is wrong.
#include "checkpoint/checkpoint.h"
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

#define R (VBLIP_TASK_RETRIEVAL | VBLIP_TASK_ITC)
#define C VBLIP_TASK_CAPTION
#define Q VBLIP_TASK_VQA
#define N VBLIP_TASK_NLVR

static vblip_status open_folder(vb_checkpoint **out, uint32_t tasks, vblip_error *err)
{
    vblip_model_options options = {.path = temp_folder, .tasks = tasks};
    *err = (vblip_error){0};
    return vb_checkpoint_open(out, &options, err);
}

static void must_open(vb_checkpoint **out, uint32_t tasks)
{
    vblip_error err;
    if (open_folder(out, tasks, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
}

static void must_refuse(uint32_t tasks, vblip_status status, const char *message)
{
    vb_checkpoint *c;
    vblip_error err;
    vblip_status got = open_folder(&c, tasks, &err);
    if (got != status || c || !strstr(err.message, message))
        fail_msg("status %d, message \"%s\"\nexpected %d, \"%s\"", got, err.message,
                 status, message);
}

// ------------------------------------------------------------------------------ tasks

enum { ALL_PARTS = HF_ENCODER | HF_DECODER | HF_HEADS };

static const char captioner[] = "BlipForConditionalGeneration";
static const char answerer[] = "BlipForQuestionAnswering";
static const char retriever[] = "BlipForImageTextRetrieval";

// Text width is 48: a vision width of 48 leaves open what the decoder reads.
static const struct kind {
    const char *name;
    int parts;
    uint32_t width;
    const char *class;
    uint32_t tasks;
} kinds[] = {
    {"retrieval", HF_ENCODER | HF_HEADS, 32, retriever, R},
    {"retrieval, class not named", HF_ENCODER | HF_HEADS, 48, "", R},
    {"caption", HF_DECODER, 32, captioner, C},
    {"caption, class not named", HF_DECODER, 48, "", C},
    {"caption, class wrong", HF_DECODER, 48, answerer, C},
    {"answers, widths tell", HF_ENCODER | HF_DECODER | HF_ANSWERS, 32, "", Q},
    {"answers, widths alike", HF_ENCODER | HF_DECODER, 48, answerer, Q},
    {"answers, widths alike, class not named", HF_ENCODER | HF_DECODER, 48, "", Q},
    {"captions beside a text encoder", HF_ENCODER | HF_DECODER, 48, captioner, C | Q},
    {"all, by its tensors", ALL_PARTS, 48, retriever, R | C | Q},
    {"all, whatever the class", ALL_PARTS, 48, answerer, R | C | Q},
    {"pretrained, wide ViT", ALL_PARTS, 32, "", R | C},
    {"retrieval and answers", ALL_PARTS | HF_ANSWERS, 32, "", R | Q},
    {"decoder of the image alone, wide ViT", HF_ENCODER | HF_DECODER, 32, captioner, C},
    {"no heads", HF_ENCODER, 32, "", VBLIP_TASK_FEATURES},
    {"no heads, whatever the class", HF_ENCODER, 48, retriever, VBLIP_TASK_FEATURES},
    {"NLVR2 encoder", HF_ENCODER | HF_NLVR, 32, "BLIP_NLVR", N},
    {"NLVR2 encoder, class wrong", HF_ENCODER | HF_NLVR, 48, retriever, N},
};

static void test_tensors_decide_the_tasks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        print_message("  %s\n", kinds[i].name);
        hf_model *m = hf_make(kinds[i].parts, kinds[i].width, 2, 2);
        m->architecture = kinds[i].class;
        hf_write(m, temp_folder);
        free(m);
        vb_checkpoint *c;
        must_open(&c, 0);
        assert_int_equal(vb_checkpoint_info(c)->tasks, kinds[i].tasks);
        vb_checkpoint_close(&c);
    }
}

static void test_a_task_it_is_not_for_is_refused_with_what_it_holds(void **state)
{
    (void)state;
    hf_model *m = hf_make(ALL_PARTS, 32, 2, 2);
    hf_write(m, temp_folder);
    char message[128];
    snprintf(message, sizeof message, "%s: this checkpoint holds: retrieval, caption",
             temp_folder);
    must_refuse(Q, VBLIP_ERR_UNSUPPORTED, message);
    must_refuse(R | Q, VBLIP_ERR_UNSUPPORTED, message);
    free(m);

    m = hf_make(0, 32, 2, 2);
    hf_write(m, temp_folder);
    must_refuse(0, VBLIP_ERR_UNSUPPORTED,
                ": this checkpoint holds: no task: beside the vision model");
    free(m);

    m = hf_make(HF_ENCODER, 32, 2, 2);
    hf_write(m, temp_folder);
    must_refuse(VBLIP_TASK_ITC, VBLIP_ERR_UNSUPPORTED,
                ": no vision_proj, text_proj or itm_head, so no ITC and no ITM: ");
    free(m);
}

// A feature extractor; the class of a folder is not asked.
static void test_without_an_itm_head_it_is_for_itc(void **state)
{
    (void)state;
    for (int captions = 0; captions < 2; captions++) {
        hf_model *m = hf_make(captions ? ALL_PARTS : HF_ENCODER | HF_HEADS, 32, 2, 2);
        hf_drop(m, "itm_head.weight");
        hf_drop(m, "itm_head.bias");
        m->architecture = retriever;
        hf_write(m, temp_folder);
        free(m);
        vb_checkpoint *c;
        must_open(&c, 0);
        assert_int_equal(vb_checkpoint_info(c)->tasks,
                         VBLIP_TASK_ITC | (captions ? C : 0));
        assert_int_equal(vb_checkpoint_info(c)->projection_width, 24);
        assert_null(vb_checkpoint_info(c)->missing[0]);
        vb_checkpoint_close(&c);
        must_open(&c, VBLIP_TASK_ITC);
        vb_checkpoint_close(&c);
        must_refuse(VBLIP_TASK_RETRIEVAL, VBLIP_ERR_UNSUPPORTED,
                    ": no itm_head, so no ITM: this checkpoint holds: itc, ");
    }
}

// What fine-tuning for NLVR2 adds cannot come from anything else.
static void test_an_nlvr_encoder_is_whole_or_refused(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "text_encoder.encoder.layer.0.crossattention.self0.query.weight",
        "text_encoder.encoder.layer.1.crossattention.self1.value.bias",
        "text_encoder.encoder.layer.0.crossattention.output.dense1.weight",
        "text_encoder.encoder.layer.0.crossattention.output.LayerNorm.bias",
        "text_encoder.encoder.layer.1.crossattention.output.merge_layer.weight",
        "cls_head.0.weight",
        "cls_head.2.bias",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char message[160];
        hf_model *m = hf_make(HF_ENCODER | HF_NLVR, 32, 2, 2);
        hf_drop(m, parts[i]);
        hf_write(m, temp_folder);
        snprintf(message, sizeof message, "%s: missing", parts[i]);
        must_refuse(0, VBLIP_ERR_FORMAT, message);
        must_refuse(R, VBLIP_ERR_UNSUPPORTED, ": this checkpoint holds: nlvr");
        free(m);
    }

    hf_model *m = hf_make(HF_ENCODER | HF_NLVR, 32, 2, 2);
    static const char merge[] =
        "text_encoder.encoder.layer.1.crossattention.output.merge_layer.weight";
    hf_at(m, merge)->shape[1] = 48;
    hf_write(m, temp_folder);
    must_refuse(0, VBLIP_ERR_FORMAT, "merge_layer.weight: shape 48x48, expected 48x96");
    free(m);
}

static void test_where_an_nlvr_encoder_begins_to_merge(void **state)
{
    (void)state;
    static const char merge[] = "crossattention.output.merge_layer.";
    hf_model *m = hf_make(HF_ENCODER | HF_NLVR, 32, 7, 7);
    vb_checkpoint *c;
    hf_write(m, temp_folder);
    must_open(&c, 0);
    assert_true(vb_checkpoint_config(c)->encoder.nlvr);
    assert_int_equal(vb_checkpoint_config(c)->encoder.merge_from, 1);
    vb_checkpoint_close(&c);

    for (size_t i = m->count; i-- > 0;) // none: the 7th must merge, as the original's
        if (strstr(m->tensors[i].name, merge))
            m->tensors[i] = m->tensors[--m->count];
    hf_write(m, temp_folder);
    must_refuse(0, VBLIP_ERR_FORMAT,
                "layer.6.crossattention.output.merge_layer.weight"
                ": missing");
    free(m);

    // A pretrained encoder could be copied to both images, but not what comes after.
    m = hf_make(ALL_PARTS, 32, 2, 2);
    hf_write(m, temp_folder);
    must_refuse(N, VBLIP_ERR_UNSUPPORTED,
                ": this checkpoint holds: retrieval, caption");
    free(m);
}

// ------------------------------------------------------------------------------ sizes

static void test_towers_may_differ_in_depth_and_mlp(void **state)
{
    (void)state;
    static const struct {
        uint32_t stated_layers, stated_mlp;
        const char *refusal; // NULL = opens
    } rows[] = {
        {2, 40, NULL},
        {3, 40, NULL},
        {2, 64, NULL},
        {4, 40, "text_config.num_hidden_layers: 4, but "},
        {2, 41, "intermediate.dense.weight: shape 40x48, expected 41x48"},
    };
    hf_model *m = hf_make(ALL_PARTS, 48, 2, 3);
    for (size_t i = 0; i < m->count; i++) {
        hf_tensor *t = &m->tensors[i];
        bool decoder = strstr(t->name, "text_decoder.bert.encoder.") != NULL;
        for (uint32_t d = 0; decoder && d < t->rank; d++)
            if (t->shape[d] == 40)
                t->shape[d] = 64;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        m->config.encoder.layers = rows[i].stated_layers;
        m->config.encoder.mlp = rows[i].stated_mlp;
        hf_write(m, temp_folder);
        if (rows[i].refusal) {
            must_refuse(0, VBLIP_ERR_FORMAT, rows[i].refusal);
            continue;
        }
        vb_checkpoint *c;
        must_open(&c, 0);
        const vb_config *config = vb_checkpoint_config(c);
        assert_int_equal(config->encoder.layers, 2);
        assert_int_equal(config->decoder.layers, 3);
        assert_int_equal(config->encoder.mlp, 40);
        assert_int_equal(config->decoder.mlp, 64);
        assert_int_equal(config->vision.mlp, 56);
        vb_checkpoint_close(&c);
    }
    free(m);
}

static void test_every_size_comes_from_the_checkpoint(void **state)
{
    (void)state;
    hf_model *m = hf_make(ALL_PARTS | HF_ANSWERS, 32, 1, 2);
    hf_write(m, temp_folder);
    vb_checkpoint *c;
    must_open(&c, 0);
    const vb_config *config = vb_checkpoint_config(c);
    assert_int_equal(config->vision.width, 32);
    assert_int_equal(config->vision.heads, 2);
    assert_int_equal(config->vision.layers, 2);
    assert_int_equal(config->encoder.width, 48);
    assert_int_equal(config->encoder.heads, 3);
    assert_int_equal(config->encoder.positions, 12);
    assert_int_equal(config->encoder.vocabulary, 11);
    assert_int_equal(config->encoder.cross_width, 32);
    assert_int_equal(config->decoder.cross_width, 48);
    assert_int_equal(config->projection, 24);
    assert_int_equal(vb_vision_tokens(&config->vision), 5);
    vb_checkpoint_close(&c);
    free(m);
}

// What config.json states and the tensors do not bear out.
static void test_configuration_and_tensors_must_agree(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t offset; // in vb_config
        uint32_t value;
        const char *message;
    } rows[] = {
        {"vision layers", offsetof(vb_config, vision.layers), 3,
         "config.json: vision_config.num_hidden_layers: 3, but "},
        {"vision width", offsetof(vb_config, vision.width), 64,
         "vision_model.embeddings.class_embedding: shape 1x1x32, expected 1x1x64"},
        {"vision mlp", offsetof(vb_config, vision.mlp), 57,
         "layers.0.mlp.fc1.weight: shape 56x32, expected 57x32"},
        {"image", offsetof(vb_config, vision.image_size), 48,
         "position_embedding: shape 1x5x32, expected 1x10x32"},
        {"patch", offsetof(vb_config, vision.patch_size), 8, "shape 1x5x32, expected"},
        {"text layers", offsetof(vb_config, encoder.layers), 1,
         "config.json: text_config.num_hidden_layers: 1, but "},
        {"text width", offsetof(vb_config, encoder.width), 96,
         "word_embeddings.weight: shape 11x48, expected 11x96"},
        {"vocabulary", offsetof(vb_config, encoder.vocabulary), 12,
         "model.safetensors: text_encoder.embeddings.word_embeddings.weight: shape "
         "11x48, expected 12x48"},
        {"positions", offsetof(vb_config, encoder.positions), 13,
         "position_embeddings.weight: shape 12x48, expected 13x48"},
        {"projection", offsetof(vb_config, projection), 25,
         "vision_proj.weight: shape 24x32, expected 25x32"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        print_message("  %s\n", rows[i].name);
        hf_model *m = hf_make(ALL_PARTS | HF_ANSWERS, 32, 2, 2);
        *(uint32_t *)(void *)((char *)&m->config + rows[i].offset) = rows[i].value;
        if (m->config.vision.width == 64)
            m->config.vision.heads = 4;
        hf_write(m, temp_folder);
        must_refuse(0, VBLIP_ERR_FORMAT, rows[i].message);
        free(m);
    }
}

static void test_image_size_is_a_multiple_of_the_patch(void **state)
{
    (void)state;
    hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
    hf_write(m, temp_folder);
    static const struct {
        uint32_t size;
        vblip_status status;
    } rows[] = {{0, VBLIP_OK},
                {16, VBLIP_OK},
                {96, VBLIP_OK},
                {24, VBLIP_ERR_ARGUMENT},
                {4112, VBLIP_ERR_ARGUMENT},
                {UINT32_MAX, VBLIP_ERR_ARGUMENT}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vblip_model_options options = {.path = temp_folder, .image_size = rows[i].size};
        vb_checkpoint *c;
        assert_int_equal(vb_checkpoint_open(&c, &options, NULL), rows[i].status);
        if (c)
            assert_int_equal(vb_checkpoint_config(c)->vision.image_size,
                             rows[i].size ? rows[i].size : 32);
        vb_checkpoint_close(&c);
    }

    // The processor may show the model another size than its positions are for.
    m->processor = "{\"size\":64}";
    hf_write(m, temp_folder);
    vb_checkpoint *c;
    must_open(&c, 0);
    assert_int_equal(vb_checkpoint_info(c)->image_size, 64);
    vb_checkpoint_close(&c);

    // That of a processor_config.json goes before; one without leaves it as it is.
    temp_write(temp_folder, "processor_config.json",
               "{\"image_processor\":{\"size\":96}}");
    must_open(&c, 0);
    assert_int_equal(vb_checkpoint_info(c)->image_size, 96);
    vb_checkpoint_close(&c);
    temp_write(temp_folder, "processor_config.json",
               "{\"processor_class\":\"BlipProcessor\"}");
    must_open(&c, 0);
    assert_int_equal(vb_checkpoint_info(c)->image_size, 64);
    vb_checkpoint_close(&c);
    free(m);
}

// ----------------------------------------------------------------------------- damage

static bool is_optional(const char *name)
{
    return strcmp(name, "text_decoder.cls.predictions.decoder.weight") == 0;
}

static void test_each_tensor_is_missed(void **state)
{
    (void)state;
    hf_model *m = hf_make(ALL_PARTS, 48, 2, 2);
    hf_model *cut = hf_make(ALL_PARTS, 48, 2, 2);
    assert_int_equal(m->count, 3 + 2 * 12 + 2 + 4 + 2 * 26 + 4 + 2 * 26 + 6 + 6 + 1);
    hf_write(m, temp_folder);
    for (size_t i = 0; i < m->count; i++) {
        const char *name = m->tensors[i].name;
        *cut = *m;
        hf_drop(cut, name);
        hf_write(cut, temp_folder);
        char message[160];
        snprintf(message, sizeof message, "model.safetensors: %s: missing", name);
        vb_checkpoint *c;
        if (is_optional(name)) {
            must_open(&c, 0);
            vb_checkpoint_close(&c);
        } else {
            must_refuse(0, VBLIP_ERR_FORMAT, message);
        }
    }
    free(m);
    free(cut);
}

static void test_each_tensor_has_its_shape_and_type(void **state)
{
    (void)state;
    hf_model *m = hf_make(ALL_PARTS, 48, 2, 2);
    for (size_t i = 0; i < m->count; i++) {
        hf_tensor *t = &m->tensors[i], was = *t;
        char message[160];
        snprintf(message, sizeof message, "model.safetensors: %s: shape ", t->name);
        t->shape[t->rank - 1]++;
        hf_write(m, temp_folder);
        must_refuse(0, VBLIP_ERR_FORMAT, message);

        *t = was;
        t->shape[0]++;
        hf_write(m, temp_folder);
        must_refuse(0, VBLIP_ERR_FORMAT, message);

        *t = was;
        snprintf(t->dtype, sizeof t->dtype, "I64");
        snprintf(message, sizeof message,
                 "model.safetensors: %s: type I64, expected F32, F16 or BF16", t->name);
        hf_write(m, temp_folder);
        must_refuse(0, VBLIP_ERR_FORMAT, message);
        *t = was;
    }
    hf_tensor *t = hf_at(m, "itm_head.bias");
    t->rank = 2;
    t->shape[1] = 1;
    hf_write(m, temp_folder);
    must_refuse(0, VBLIP_ERR_FORMAT, "itm_head.bias: shape 2x1, expected 2");
    *t = (hf_tensor){.name = "itm_head.bias", .dtype = "I16", .rank = 1, .shape = {2}};
    hf_write(m, temp_folder);
    must_refuse(0, VBLIP_ERR_UNSUPPORTED,
                "model.safetensors: itm_head.bias: type I16, expected F32");
    free(m);

    // The width that is wrong is the one that tells answers from captions.
    m = hf_make(HF_ENCODER | HF_DECODER | HF_ANSWERS, 32, 2, 2);
    hf_at(m, "text_decoder.bert.encoder.layer.0.crossattention.self.key.weight")
        ->shape[1] = 49;
    hf_write(m, temp_folder);
    must_refuse(0, VBLIP_ERR_FORMAT,
                "layer.0.crossattention.self.key.weight: shape 48x49, expected 48x48");
    free(m);
}

// Damage to one task does not stand in the way of another.
static void test_only_what_is_asked_for_must_be_whole(void **state)
{
    (void)state;
    hf_model *m = hf_make(ALL_PARTS, 48, 2, 2);
    hf_drop(m, "text_decoder.cls.predictions.transform.dense.bias");
    hf_write(m, temp_folder);
    must_refuse(0, VBLIP_ERR_FORMAT, "predictions.transform.dense.bias: missing");
    must_refuse(C, VBLIP_ERR_FORMAT, "predictions.transform.dense.bias: missing");
    must_refuse(Q, VBLIP_ERR_FORMAT, "predictions.transform.dense.bias: missing");
    vb_checkpoint *c;
    must_open(&c, R);
    assert_int_equal(vb_checkpoint_info(c)->tasks, R);
    assert_int_equal(vb_checkpoint_config(c)->decoder.layers, 0);
    assert_int_equal(vb_checkpoint_config(c)->encoder.layers, 2);
    vb_checkpoint_close(&c);

    hf_drop(m, "itm_head.weight");
    hf_write(m, temp_folder);
    must_refuse(R, VBLIP_ERR_FORMAT, "itm_head.weight: missing");
    free(m);
}

static void test_quantised_weights_are_refused_by_name(void **state)
{
    (void)state;
    hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
    hf_drop(m, "vision_model.encoder.layers.0.self_attn.qkv.weight");
    hf_add(m, "vision_model.encoder.layers.0.self_attn.qkv._packed_params.dtype", "F32",
           1);
    hf_write(m, temp_folder);
    free(m);
    must_refuse(0, VBLIP_ERR_UNSUPPORTED, "_params.dtype: quantised weights: save the");
}

static void test_layer_numbers_are_not_trusted(void **state)
{
    (void)state;
    static const char *const names[] = {
        "vision_model.encoder.layers.1024.layer_norm1.bias",
        "vision_model.encoder.layers.4294967296.layer_norm1.bias",
        "vision_model.encoder.layers.00001.layer_norm1.bias",
        "text_decoder.bert.encoder.layer.99999999999999999999.x",
        "text_decoder.bert.encoder.layer.-1.x",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
        hf_add(m, names[i], "F32", 32);
        hf_write(m, temp_folder);
        vb_checkpoint *c;
        must_open(&c, 0);
        assert_string_equal(vb_checkpoint_info(c)->unexpected[0], names[i]);
        vb_checkpoint_close(&c);
        free(m);
    }
    hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
    hf_add(m, "vision_model.encoder.layers.1023.layer_norm1.bias", "F32", 32);
    hf_write(m, temp_folder);
    must_refuse(0, VBLIP_ERR_FORMAT, "vision_config.num_hidden_layers: 2, but ");
    free(m);
}

// ------------------------------------------------------------------------- vocabulary

static void test_vocabulary_is_the_models(void **state)
{
    (void)state;
    static const struct {
        int32_t bos, sep; // of config.json; -1 = not stated
        uint32_t size;
        const char *message; // NULL = right
    } rows[] = {
        {-1, -1, 11, NULL},
        {9, 3, 11, NULL},
        {-1, -1, 9, "vocab.txt: 7 lines, but the word embedding of "},
        {-1, -1, 9, "has 11 rows, which is 9 lines + 2"},
        {-1, -1, 12, "vocab.txt: 10 lines, but the word embedding of "},
        {30522, -1, 11,
         "config.json: text_config.bos_token_id: 30522, but [DEC] is 9 in "},
        {-1, 102, 11, "config.json: text_config.sep_token_id: 102, but [SEP] is 3 in "},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
        m->bos = rows[i].bos;
        m->sep = rows[i].sep;
        hf_write(m, temp_folder);
        vb_checkpoint *c;
        must_open(&c, 0);
        vblip_error err = {0};
        const vblip_status status =
            vb_checkpoint_check_vocabulary(c, rows[i].size, 9, 3, &err);
        assert_int_equal(status, rows[i].message ? VBLIP_ERR_FORMAT : VBLIP_OK);
        if (rows[i].message)
            assert_non_null(strstr(err.message, rows[i].message));
        vb_checkpoint_close(&c);
        free(m);
    }
}

static void test_vocabulary_is_the_options_then_the_folders_then_the_default(
    void **state)
{
    (void)state;
    hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
    const char *text = m->vocab;
    m->vocab = NULL;
    hf_write(m, temp_folder);
    must_refuse(0, VBLIP_ERR_IO,
                ": no tokenizer.json or vocab.txt: name one with --vocab");

    temp_write(temp_folder, "other.txt", text);
    char other[128], beside[128];
    snprintf(other, sizeof other, "%s/other.txt", temp_folder);
    snprintf(beside, sizeof beside, "%s/vocab.txt", temp_folder);
    vblip_model_options options = {.path = temp_folder, .default_vocab = other};
    vb_checkpoint *c;
    assert_int_equal(vb_checkpoint_open(&c, &options, NULL), VBLIP_OK);
    assert_string_equal(vb_checkpoint_vocabulary(c)->path, other);
    vb_checkpoint_close(&c);

    temp_write(temp_folder, "vocab.txt", text);
    assert_int_equal(vb_checkpoint_open(&c, &options, NULL), VBLIP_OK);
    assert_string_equal(vb_checkpoint_vocabulary(c)->path, beside);
    vb_checkpoint_close(&c);

    options.vocab = other;
    assert_int_equal(vb_checkpoint_open(&c, &options, NULL), VBLIP_OK);
    assert_string_equal(vb_checkpoint_vocabulary(c)->path, other);
    vb_checkpoint_close(&c);
    free(m);
}

// ---------------------------------------------------------------------------- inspect

typedef struct seen {
    size_t count;
    vblip_model_info infos[4];
    char missing[4][96], unexpected[4][96]; // the first of each
    size_t missing_count[4], unexpected_count[4];
    int answer;
} seen;

static int see(void *user, const vblip_model_info *info)
{
    seen *s = user;
    size_t i = s->count++;
    assert_true(i < 4);
    s->infos[i] = *info;
    for (const char *const *m = info->missing; *m; m++)
        if (s->missing_count[i]++ == 0)
            snprintf(s->missing[i], 96, "%s", *m);
    for (const char *const *u = info->unexpected; *u; u++)
        if (s->unexpected_count[i]++ == 0)
            snprintf(s->unexpected[i], 96, "%s", *u);
    return s->answer;
}

static void test_inspect_lists_what_is_missing_and_unexpected(void **state)
{
    (void)state;
    hf_model *m = hf_make(ALL_PARTS, 48, 2, 2);
    hf_drop(m, "itm_head.bias");
    hf_drop(m, "text_encoder.encoder.layer.1.crossattention.self.key.weight");
    hf_add(m, "cls_head.0.bias", "F32", 48);
    hf_add(m, "some_counter", "I64", 1);
    static const char *const leftovers[] = {
        "text_encoder.embeddings.position_ids",
        "text_decoder.bert.embeddings.position_ids",
        "visual_encoder_m.norm.bias",
        "text_encoder_m.embeddings.LayerNorm.bias",
        "vision_proj_m.bias",
        "text_proj_m.bias",
        "image_queue",
        "text_queue",
        "idx_queue",
        "ptr_queue",
        "queue_ptr",
        "temp",
    };
    for (size_t i = 0; i < sizeof leftovers / sizeof *leftovers; i++)
        hf_add(m, leftovers[i], "I64", 3);
    m->vocab = NULL; // what a checkpoint holds does not depend on it
    hf_write(m, temp_folder);
    free(m);

    seen s = {0};
    vblip_model_options options = {.path = temp_folder};
    assert_int_equal(vb_checkpoint_inspect(&options, see, &s, NULL), VBLIP_OK);
    assert_int_equal(s.count, 1);
    assert_int_equal(s.infos[0].tasks, R | C | Q);
    assert_int_equal(s.missing_count[0], 2);
    assert_string_equal(s.missing[0],
                        "text_encoder.encoder.layer.1.crossattention.self.key.weight");
    assert_int_equal(s.unexpected_count[0], 2);
    assert_string_equal(s.unexpected[0], "cls_head.0.bias");

    s = (seen){.answer = 1};
    assert_int_equal(vb_checkpoint_inspect(&options, see, &s, NULL),
                     VBLIP_ERR_CANCELLED);
}

static void test_inspect_says_how_weights_are_stored(void **state)
{
    (void)state;
    hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
    for (size_t i = 0; i < m->count; i++)
        snprintf(m->tensors[i].dtype, sizeof m->tensors[i].dtype, "BF16");
    hf_add(m, "temp", "F32", 1); // not a weight in use
    hf_write(m, temp_folder);
    seen s = {0};
    vblip_model_options options = {.path = temp_folder};
    assert_int_equal(vb_checkpoint_inspect(&options, see, &s, NULL), VBLIP_OK);
    assert_string_equal(s.infos[0].dtype, "BF16");
    uint64_t parameters = s.infos[0].parameters;

    snprintf(m->tensors[0].dtype, sizeof m->tensors[0].dtype, "F32");
    hf_write(m, temp_folder);
    s = (seen){0};
    assert_int_equal(vb_checkpoint_inspect(&options, see, &s, NULL), VBLIP_OK);
    assert_string_equal(s.infos[0].dtype, "mixed");
    assert_int_equal(s.infos[0].parameters, parameters);
    free(m);
}

// -------------------------------------------------------------------------- model sets

static void write_member(const char *name, int parts)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", temp_folder, name);
    hf_model *m = hf_make(parts, 32, 2, 2);
    hf_write(m, path);
    free(m);
}

static void check_member(uint32_t task, const char *name)
{
    vb_checkpoint *c;
    must_open(&c, task);
    const char *path = vb_checkpoint_info(c)->path;
    assert_string_equal(path + strlen(path) - strlen(name), name);
    vb_checkpoint_close(&c);
}

static void test_of_a_set_the_member_for_the_task_is_opened(void **state)
{
    (void)state;
    write_member("retrieval", ALL_PARTS); // captions too
    check_member(0, "/retrieval");
    check_member(C, "/retrieval");
    write_member("caption", HF_DECODER);
    check_member(R, "/retrieval");
    check_member(C, "/caption");
    check_member(R | C, "/retrieval");
    must_refuse(Q, VBLIP_ERR_UNSUPPORTED, ": this model set holds: retrieval, caption");
    must_refuse(0, VBLIP_ERR_ARGUMENT, ": a model set, and no task named");
    write_member("vqa", HF_ENCODER | HF_DECODER | HF_ANSWERS);
    check_member(Q, "/vqa");
    write_member("nlvr", HF_ENCODER | HF_NLVR);
    check_member(N, "/nlvr");

    seen s = {0};
    vblip_model_options options = {.path = temp_folder};
    assert_int_equal(vb_checkpoint_inspect(&options, see, &s, NULL), VBLIP_OK);
    assert_int_equal(s.count, 4);
    assert_int_equal(s.infos[0].tasks, R | C);
    assert_int_equal(s.infos[2].tasks, Q);
    assert_int_equal(s.infos[3].tasks, N);
}

// -------------------------------------------------------------------------- the files

static void test_files_that_are_not_read_are_named(void **state)
{
    (void)state;
    must_refuse(0, VBLIP_ERR_FORMAT,
                ": no config.json, neither here nor in retrieval/");
    temp_write(
        temp_folder, "config.json",
        "{\"model_type\":\"blip\",\"text_config\":{\"num_attention_heads\":12}}");
    must_refuse(0, VBLIP_ERR_IO, ": no model.safetensors");
    char loop[96];
    snprintf(loop, sizeof loop, "%s/tf_model.h5", temp_folder);
    assert_int_equal(symlink(loop, loop), 0);
    must_refuse(0, VBLIP_ERR_IO, "/tf_model.h5: Too many levels of symbolic links");
    assert_int_equal(unlink(loop), 0);
    static const char *const others[] = {"flax_model.msgpack", "tf_model.h5"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        char message[128];
        snprintf(message, sizeof message,
                 ": no weights but %s, expected model.safetensors", others[i]);
        temp_write(temp_folder, others[i], "x");
        must_refuse(0, VBLIP_ERR_UNSUPPORTED, message);
    }
}

static void test_broken_files_are_named(void **state)
{
    (void)state;
    hf_model *m = hf_make(HF_DECODER, 32, 2, 2);
    hf_write(m, temp_folder);
    temp_write(temp_folder, "model.safetensors", "\1\2\3\4\5\6\7\10\11");
    must_refuse(0, VBLIP_ERR_FORMAT, "/model.safetensors: a header of ");
    temp_write(temp_folder, "model.safetensors", "");
    must_refuse(0, VBLIP_ERR_FORMAT, "/model.safetensors: empty: download it again");
    hf_write(m, temp_folder);
    temp_write(temp_folder, "preprocessor_config.json", "{\"size\":");
    must_refuse(0, VBLIP_ERR_FORMAT, "/preprocessor_config.json: not JSON at byte 8");
    hf_write(m, temp_folder);
    temp_write(temp_folder, "config.json", "{\"model_type\":\"blip\"");
    must_refuse(0, VBLIP_ERR_FORMAT, "/config.json: not JSON");
    hf_write(m, temp_folder);
    free(m);

    vb_checkpoint *c;
    vblip_error err = {0};
    assert_int_equal(vb_checkpoint_open(&c, NULL, &err), VBLIP_ERR_ARGUMENT);
    assert_int_equal(vb_checkpoint_open(&c, &(vblip_model_options){0}, NULL),
                     VBLIP_ERR_ARGUMENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, temp_setup, temp_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_tensors_decide_the_tasks),
        TEST(test_a_task_it_is_not_for_is_refused_with_what_it_holds),
        TEST(test_without_an_itm_head_it_is_for_itc),
        TEST(test_an_nlvr_encoder_is_whole_or_refused),
        TEST(test_where_an_nlvr_encoder_begins_to_merge),
        TEST(test_towers_may_differ_in_depth_and_mlp),
        TEST(test_every_size_comes_from_the_checkpoint),
        TEST(test_configuration_and_tensors_must_agree),
        TEST(test_image_size_is_a_multiple_of_the_patch),
        TEST(test_each_tensor_is_missed),
        TEST(test_each_tensor_has_its_shape_and_type),
        TEST(test_only_what_is_asked_for_must_be_whole),
        TEST(test_quantised_weights_are_refused_by_name),
        TEST(test_layer_numbers_are_not_trusted),
        TEST(test_vocabulary_is_the_models),
        TEST(test_vocabulary_is_the_options_then_the_folders_then_the_default),
        TEST(test_inspect_lists_what_is_missing_and_unexpected),
        TEST(test_inspect_says_how_weights_are_stored),
        TEST(test_of_a_set_the_member_for_the_task_is_opened),
        TEST(test_files_that_are_not_read_are_named),
        TEST(test_broken_files_are_named),
    };
    return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}

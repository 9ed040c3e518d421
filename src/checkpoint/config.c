#include "checkpoint/config.h"

#include "formats/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const vb_config_file defaults = {
    .vision = {.width = 768,
               .layers = 12,
               .heads = 12,
               .mlp = 3072,
               .image_size = 384,
               .patch_size = 16,
               .eps = 1e-5f},
    .stored_size = 384,
    .text = {.width = 768,
             .layers = 12,
             .mlp = 3072,
             .positions = 512,
             .vocabulary = 30524,
             .eps = 1e-12f},
    .projection = 256,
    .bos = -1,
    .sep = -1,
    .mean = {0.48145466f, 0.4578275f, 0.40821073f},
    .deviation = {0.26862954f, 0.26130258f, 0.27577711f},
};

uint32_t vb_grid_of(uint32_t patches)
{
    uint32_t grid = 0;
    while ((uint64_t)(grid + 1) * (grid + 1) <= patches)
        grid++;
    return grid;
}

vb_config_file vb_config_defaults(void)
{
    return defaults;
}

typedef struct member {
    const char *key;
    size_t offset; // in vb_config_file
    uint32_t min, max;
} member;

#define AT(field) offsetof(vb_config_file, field)

static const member top_members[] = {
    {"image_text_hidden_size", AT(projection), 1, VB_MAX_WIDTH},
    {NULL, 0, 0, 0},
};

static const member vision_members[] = {
    {"hidden_size", AT(vision.width), 16, VB_MAX_WIDTH},
    {"intermediate_size", AT(vision.mlp), 1, VB_MAX_MLP},
    {"num_hidden_layers", AT(vision.layers), 1, VB_MAX_LAYERS},
    {"num_attention_heads", AT(vision.heads), 1, VB_MAX_WIDTH},
    {NULL, 0, 0, 0},
};

static const member text_members[] = {
    {"vocab_size", AT(text.vocabulary), 3, VB_MAX_VOCABULARY},
    {"hidden_size", AT(text.width), 16, VB_MAX_WIDTH},
    {"intermediate_size", AT(text.mlp), 1, VB_MAX_MLP},
    {"num_hidden_layers", AT(text.layers), 1, VB_MAX_LAYERS},
    {"num_attention_heads", AT(text.heads), 1, VB_MAX_WIDTH},
    {"max_position_embeddings", AT(text.positions), 2, VB_MAX_POSITIONS},
    {NULL, 0, 0, 0},
};

static vblip_status read_members(vb_config_file *out, vb_json_object object,
                                 const member *members, vblip_error *err)
{
    for (const member *m = members; m->key; m++) {
        uint32_t *field = (uint32_t *)(void *)((char *)out + m->offset);
        VB_TRY(vb_json_u32(field, object, m->key, m->min, m->max, err));
    }
    return VBLIP_OK;
}

// "gelu" is the exact erf form, the only one BLIP has (blip-spec 1.2); "gelu_python" is
// the library's other way to write it.
static vblip_status read_activation(vb_json_object object, vblip_error *err)
{
    const char *value = "gelu";
    VB_TRY(vb_json_string(&value, object, "hidden_act", err));
    if (strcmp(value, "gelu_python") == 0)
        return VBLIP_OK;
    return vb_json_expect(object, "hidden_act", "gelu", err);
}

// A side in pixels, written as one number or as two equal ones.
static vblip_status read_side(uint32_t *out, vb_json_object object, const char *key,
                              uint32_t max, vblip_error *err)
{
    const cJSON *value = vb_json_get(object, key);
    if (!cJSON_IsArray(value))
        return vb_json_u32(out, object, key, 1, max, err);
    uint64_t side[2];
    if (cJSON_GetArraySize(value) != 2 || !vb_json_whole(&side[0], value->child) ||
        !vb_json_whole(&side[1], value->child->next))
        return vb_json_fail(object, key, VBLIP_ERR_FORMAT, err,
                            "expected one whole number or two");
    if (side[0] != side[1])
        return vb_json_fail(object, key, VBLIP_ERR_UNSUPPORTED, err,
                            "%.0fx%.0f, expected a square", value->child->valuedouble,
                            value->child->next->valuedouble);
    if (side[0] < 1 || side[0] > max)
        return vb_json_fail(object, key, VBLIP_ERR_FORMAT, err,
                            "%.0f, expected 1 to %u", value->child->valuedouble, max);
    *out = (uint32_t)side[0];
    return VBLIP_OK;
}

// An object of the file; absent = one without members.
static vblip_status read_section(vb_json_object *out, vb_json_object file,
                                 const char *key, vblip_error *err)
{
    const cJSON *value = vb_json_get(file, key);
    *out = (vb_json_object){value, file.subject, key};
    if (value && !cJSON_IsObject(value))
        return vb_json_fail(file, key, VBLIP_ERR_FORMAT, err, "not an object");
    return VBLIP_OK;
}

static vblip_status check_heads(vb_json_object object, uint32_t width, uint32_t heads,
                                vblip_error *err)
{
    uint32_t head = width / heads;
    if (width % heads == 0 && head % 16 == 0 && head <= VB_MAX_HEAD)
        return VBLIP_OK;
    return vb_json_fail(object, "num_attention_heads", VBLIP_ERR_UNSUPPORTED, err,
                        "%u heads of a width of %u; a head must be a multiple of 16, "
                        "up to %d",
                        heads, width, VB_MAX_HEAD);
}

static vblip_status config_check_size(vb_json_object object, const char *key,
                                      uint32_t size, uint32_t patch, vblip_error *err)
{
    if (size % patch == 0)
        return VBLIP_OK;
    return vb_json_fail(object, key, VBLIP_ERR_UNSUPPORTED, err,
                        "%u, not a multiple of the patch of %u", size, patch);
}

static vblip_status read_vision(vb_config_file *out, vb_json_object file,
                                vblip_error *err)
{
    vb_json_object vision;
    VB_TRY(read_section(&vision, file, "vision_config", err));
    VB_TRY(read_members(out, vision, vision_members, err));
    VB_TRY(read_side(&out->stored_size, vision, "image_size", VB_MAX_IMAGE, err));
    VB_TRY(read_side(&out->vision.patch_size, vision, "patch_size", VB_MAX_PATCH, err));
    out->vision.image_size = out->stored_size;
    VB_TRY(vb_json_float(&out->vision.eps, vision, "layer_norm_eps", 1e-30, 0.1, err));
    VB_TRY(read_activation(vision, err));
    VB_TRY(check_heads(vision, out->vision.width, out->vision.heads, err));
    return config_check_size(vision, "image_size", out->stored_size,
                             out->vision.patch_size, err);
}

static vblip_status config_read_id(int32_t *out, vb_json_object object, const char *key,
                                   vblip_error *err)
{
    uint32_t id = UINT32_MAX;
    VB_TRY(vb_json_u32(&id, object, key, 0, VB_MAX_VOCABULARY, err));
    *out = id == UINT32_MAX ? -1 : (int32_t)id;
    return VBLIP_OK;
}

static vblip_status read_text(vb_config_file *out, vb_json_object file,
                              vblip_error *err)
{
    vb_json_object text;
    VB_TRY(read_section(&text, file, "text_config", err));
    VB_TRY(read_members(out, text, text_members, err));
    VB_TRY(vb_json_float(&out->text.eps, text, "layer_norm_eps", 1e-30, 0.1, err));
    VB_TRY(read_activation(text, err));
    VB_TRY(vb_json_expect(text, "position_embedding_type", "absolute", err));
    VB_TRY(config_read_id(&out->bos, text, "bos_token_id", err));
    VB_TRY(config_read_id(&out->sep, text, "sep_token_id", err));
    if (out->text.heads == 0)
        return vb_json_fail(text, "num_attention_heads", VBLIP_ERR_FORMAT, err,
                            "not stated; add it (12 in every official BLIP)");
    return check_heads(text, out->text.width, out->text.heads, err);
}

static vblip_status read_architecture(vb_config_file *out, vb_json_object file,
                                      vblip_error *err)
{
    const cJSON *list = vb_json_get(file, "architectures");
    if (!list || (cJSON_IsArray(list) && !list->child))
        return VBLIP_OK;
    if (!cJSON_IsArray(list) || !cJSON_IsString(list->child))
        return vb_json_fail(file, "architectures", VBLIP_ERR_FORMAT, err,
                            "not a list of names");
    snprintf(out->architecture, sizeof out->architecture, "%s",
             list->child->valuestring);
    return VBLIP_OK;
}

// Weights that stand for others: only their library knows which.
static vblip_status refuse_quantized(vb_json_object file, vblip_error *err)
{
    static const char key[] = "quantization_config";
    const char *method = "unnamed";
    vb_json_object section;
    VB_TRY(read_section(&section, file, key, err));
    if (!section.json)
        return VBLIP_OK;
    VB_TRY(vb_json_string(&method, section, "quant_method", err));
    return vb_json_fail(file, key, VBLIP_ERR_UNSUPPORTED, err,
                        "quantised weights (%.40s): load them with the library, call "
                        "dequantize() and save_pretrained()",
                        method);
}

static vblip_status read_config(vb_config_file *out, vb_json_object file,
                                vblip_error *err)
{
    *out = defaults;
    if (!cJSON_IsObject(file.json))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: not an object", file.subject);
    if (!vb_json_get(file, "model_type"))
        return vb_json_fail(file, "model_type", VBLIP_ERR_FORMAT, err,
                            "not stated, expected \"blip\"");
    VB_TRY(vb_json_expect(file, "model_type", "blip", err));
    VB_TRY(refuse_quantized(file, err));
    VB_TRY(read_architecture(out, file, err));
    VB_TRY(read_members(out, file, top_members, err));
    VB_TRY(vb_json_bool(&out->demo, file, "vblip_demo", err));
    VB_TRY(read_vision(out, file, err));
    return read_text(out, file, err);
}

vblip_status vb_config_parse(vb_config_file *out, const char *json, size_t size,
                             const char *subject, vblip_error *err)
{
    *out = (vb_config_file){0};
    cJSON *root;
    VB_TRY(vb_json_parse(&root, json, size, subject, err));
    vblip_status status = read_config(out, (vb_json_object){root, subject, ""}, err);
    cJSON_Delete(root);
    if (status != VBLIP_OK)
        *out = (vb_config_file){0};
    return status;
}

// ------------------------------------------------------------------ the processor

static vblip_status read_channels(float out[3], vb_json_object object, const char *key,
                                  double min, double max, vblip_error *err)
{
    const cJSON *value = vb_json_get(object, key);
    if (!value)
        return VBLIP_OK;
    const bool one = cJSON_IsNumber(value); // of all three channels
    if (!one && (!cJSON_IsArray(value) || cJSON_GetArraySize(value) != 3))
        return vb_json_fail(object, key, VBLIP_ERR_FORMAT, err, "not three numbers");
    const cJSON *c = one ? value : value->child;
    for (int i = 0; i < 3; i++, c = one ? c : c->next) {
        if (!cJSON_IsNumber(c))
            return vb_json_fail(object, key, VBLIP_ERR_FORMAT, err,
                                "not three numbers");
        if (!(c->valuedouble >= min && c->valuedouble <= max))
            return vb_json_fail(object, key, VBLIP_ERR_FORMAT, err,
                                "%g, expected %g to %g", c->valuedouble, min, max);
        out[i] = (float)c->valuedouble;
    }
    return VBLIP_OK;
}

// 384, or {"height": 384, "width": 384}.
static vblip_status read_size(uint32_t *out, vb_json_object file, const char *key,
                              vblip_error *err)
{
    const cJSON *size = vb_json_get(file, key);
    if (!cJSON_IsObject(size))
        return read_side(out, file, key, VB_MAX_IMAGE, err);
    vb_json_object object = {size, file.subject, key};
    uint32_t height = 0, width = 0;
    VB_TRY(vb_json_u32(&height, object, "height", 1, VB_MAX_IMAGE, err));
    VB_TRY(vb_json_u32(&width, object, "width", 1, VB_MAX_IMAGE, err));
    if (height == 0 || width == 0 || cJSON_GetArraySize(size) != 2)
        return vb_json_fail(file, key, VBLIP_ERR_UNSUPPORTED, err,
                            "expected height and width");
    if (height != width)
        return vb_json_fail(file, key, VBLIP_ERR_UNSUPPORTED, err,
                            "%ux%u, expected a square", height, width);
    *out = height;
    return VBLIP_OK;
}

// The library crops since version 5, and did not for BLIP before: only a crop that takes
// nothing away is the same to all.
static vblip_status check_crop(vb_json_object file, uint32_t side, vblip_error *err)
{
    bool crops = false;
    uint32_t crop = side;
    VB_TRY(vb_json_bool(&crops, file, "do_center_crop", err));
    if (!crops)
        return VBLIP_OK;
    VB_TRY(read_size(&crop, file, "crop_size", err));
    if (crop != side)
        return vb_json_fail(file, "crop_size", VBLIP_ERR_UNSUPPORTED, err,
                            "%u, expected the images' %u: nothing is cropped", crop,
                            side);
    return VBLIP_OK;
}

// Steps that vblip always does.
static const char *const steps[] = {"do_resize", "do_rescale", "do_normalize"};

static vblip_status check_steps(vb_json_object file, vblip_error *err)
{
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        bool done = true;
        VB_TRY(vb_json_bool(&done, file, steps[i], err));
        if (!done)
            return vb_json_fail(file, steps[i], VBLIP_ERR_UNSUPPORTED, err,
                                "false, expected true");
    }
    float factor = 1.0f / 255;
    VB_TRY(vb_json_float(&factor, file, "rescale_factor", 0, 1, err));
    if (fabsf(factor * 255 - 1) > 1e-5f)
        return vb_json_fail(file, "rescale_factor", VBLIP_ERR_UNSUPPORTED, err,
                            "%g, expected 1/255", (double)factor);
    uint32_t filter = 3; // PIL's BICUBIC
    VB_TRY(vb_json_u32(&filter, file, "resample", 0, 100, err));
    if (filter != 3)
        return vb_json_fail(file, "resample", VBLIP_ERR_UNSUPPORTED, err,
                            "%u, expected 3 (bicubic)", filter);
    return VBLIP_OK;
}

// Whether the file is a processor_config.json: one for several modalities.
static bool is_composed(vb_json_object file)
{
    return vb_json_get(file, "image_processor") ||
           (vb_json_get(file, "processor_class") && !vb_json_get(file, "size") &&
            !vb_json_get(file, "image_mean") &&
            !vb_json_get(file, "image_processor_type"));
}

static vblip_status read_processor(vb_config_file *config, bool *found,
                                   vb_json_object file, vblip_error *err)
{
    if (!cJSON_IsObject(file.json))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: not an object", file.subject);
    if (is_composed(file)) {
        VB_TRY(read_section(&file, file, "image_processor", err));
        if (!file.json)
            return VBLIP_OK;
    }
    *found = true;
    VB_TRY(check_steps(file, err));
    VB_TRY(read_size(&config->vision.image_size, file, "size", err));
    VB_TRY(check_crop(file, config->vision.image_size, err));
    VB_TRY(read_channels(config->mean, file, "image_mean", -10, 10, err));
    VB_TRY(read_channels(config->deviation, file, "image_std", 1e-4, 10, err));
    return config_check_size(file, "size", config->vision.image_size,
                             config->vision.patch_size, err);
}

vblip_status vb_config_parse_processor(vb_config_file *config, bool *found,
                                       const char *json, size_t size,
                                       const char *subject, vblip_error *err)
{
    cJSON *root;
    *found = false;
    vblip_status status = vb_json_parse(&root, json, size, subject, err);
    if (status == VBLIP_OK)
        status =
            read_processor(config, found, (vb_json_object){root, subject, ""}, err);
    cJSON_Delete(root); // accepts NULL
    if (status != VBLIP_OK)
        *config = (vb_config_file){0};
    return status;
}

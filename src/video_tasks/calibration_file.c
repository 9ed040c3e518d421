#include "video_tasks/calibration_file.h"

#include "formats/json.h"
#include "output/json_out.h"
#include "video_tasks/calibration.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, HASH_DIGITS = 16 };

#define AT(field) offsetof(vblip_calibration, field)

static const struct real_member {
    const char *key;
    size_t offset;
    double least, most;
} reals[] = {
    {"temperature", AT(temperature), VB_TEMPERATURE_LEAST, VB_TEMPERATURE_MOST},
    {"bias", AT(bias), -VB_BIAS_MOST, VB_BIAS_MOST},
    {"ece_before", AT(ece_before), 0, 1},
    {"ece_after", AT(ece_after), 0, 1},
    {"brier_before", AT(brier_before), 0, 1},
    {"brier_after", AT(brier_after), 0, 1},
};

static const struct count_member {
    const char *key;
    size_t offset;
    uint32_t least, most;
} counts[] = {
    {"image_size", AT(image_size), 1, 1 << 16},
    {"frames", AT(frames), 1, 1024},
    {"pairs", AT(pairs), 1, UINT32_MAX},
    {"matches", AT(matches), 0, UINT32_MAX},
};

// Members that are one of two strings; the place in the list is the value.
static const char *const compats[] = {
    [VBLIP_COMPAT_SALESFORCE] = "salesforce", [VBLIP_COMPAT_HF] = "hf"};
static const char *const tokens[] = {"enc", "cls"};

#define LENGTH(list) (sizeof(list) / sizeof *(list))

// -------------------------------------------------------------------------------- reading

static vblip_status need_member(vb_json_object o, const char *key, vblip_error *err)
{
    if (vb_json_get(o, key))
        return VBLIP_OK;
    return vb_json_fail(o, key, VBLIP_ERR_FORMAT, err, "missing");
}

static vblip_status read_version(vb_json_object o, vblip_error *err)
{
    uint32_t version = 0;
    VB_TRY(need_member(o, "version", err));
    VB_TRY(vb_json_u32(&version, o, "version", 1, UINT32_MAX, err));
    if (version == VERSION)
        return VBLIP_OK;
    return vb_json_fail(o, "version", VBLIP_ERR_UNSUPPORTED, err,
                        "%u, written by a newer vblip: this one reads %d",
                        (unsigned)version, VERSION);
}

static vblip_status read_either(uint32_t *out, vb_json_object o, const char *key,
                                const char *const names[2], vblip_error *err)
{
    const char *name = "";
    VB_TRY(need_member(o, key, err));
    VB_TRY(vb_json_string(&name, o, key, err));
    for (*out = 0; *out < 2; ++*out)
        if (strcmp(name, names[*out]) == 0)
            return VBLIP_OK;
    return vb_json_fail(o, key, VBLIP_ERR_FORMAT, err, "\"%.40s\", expected %s or %s",
                        name, names[0], names[1]);
}

static vblip_status read_model_hash(uint64_t *out, vb_json_object o, vblip_error *err)
{
    const char *digits = "";
    VB_TRY(need_member(o, "model", err));
    VB_TRY(vb_json_string(&digits, o, "model", err));
    if (strlen(digits) != HASH_DIGITS ||
        strspn(digits, "0123456789abcdef") != HASH_DIGITS)
        return vb_json_fail(o, "model", VBLIP_ERR_FORMAT, err,
                            "\"%.40s\", expected %d hexadecimal digits", digits,
                            HASH_DIGITS);
    *out = strtoull(digits, NULL, 16);
    return VBLIP_OK;
}

static vblip_status read_calibration_members(vblip_calibration *out, vb_json_object o,
                                             vblip_error *err)
{
    uint32_t compat, token;
    VB_TRY(read_version(o, err));
    for (size_t i = 0; i < LENGTH(reals); i++) {
        const struct real_member *m = &reals[i];
        VB_TRY(need_member(o, m->key, err));
        VB_TRY(vb_json_float((void *)((char *)out + m->offset), o, m->key, m->least,
                             m->most, err));
    }
    for (size_t i = 0; i < LENGTH(counts); i++) {
        const struct count_member *m = &counts[i];
        VB_TRY(need_member(o, m->key, err));
        VB_TRY(vb_json_u32((void *)((char *)out + m->offset), o, m->key, m->least,
                           m->most, err));
    }
    VB_TRY(read_model_hash(&out->model, o, err));
    VB_TRY(read_either(&compat, o, "compat", compats, err));
    VB_TRY(read_either(&token, o, "itm_token", tokens, err));
    out->compat = (vblip_compat)compat;
    out->itm_cls = token == 1;
    if (out->matches <= out->pairs)
        return VBLIP_OK;
    return vb_json_fail(o, "matches", VBLIP_ERR_FORMAT, err, "%u, of %u pairs",
                        (unsigned)out->matches, (unsigned)out->pairs);
}

vblip_status vb_calibration_parse(vblip_calibration *out, const char *text, size_t size,
                                  const char *subject, vblip_error *err)
{
    cJSON *json = NULL;
    *out = (vblip_calibration){0};
    VB_TRY(vb_json_parse(&json, text, size, subject, err));
    const vb_json_object o = {.json = json, .subject = subject, .where = ""};
    vblip_status status = cJSON_IsObject(json) ? read_calibration_members(out, o, err)
                                               : vb_fail(err, VBLIP_ERR_FORMAT,
                                                         "%s: not an object", subject);
    cJSON_Delete(json);
    if (status != VBLIP_OK)
        *out = (vblip_calibration){0};
    return status;
}

// -------------------------------------------------------------------------------- writing

void vb_calibration_write(vb_string *out, const vblip_calibration *c)
{
    vb_string_appendf(out, "{\n  \"version\": %d", VERSION);
    for (size_t i = 0; i < LENGTH(reals); i++) {
        const float *value = (const void *)((const char *)c + reals[i].offset);
        vb_string_appendf(out, ",\n  \"%s\": ", reals[i].key);
        vb_json_put_real(out, (double)*value);
    }
    for (size_t i = 0; i < LENGTH(counts); i++) {
        const uint32_t *value = (const void *)((const char *)c + counts[i].offset);
        vb_string_appendf(out, ",\n  \"%s\": %" PRIu32, counts[i].key, *value);
    }
    vb_string_appendf(out,
                      ",\n  \"model\": \"%016" PRIx64 "\",\n  \"compat\": \"%s\",\n"
                      "  \"itm_token\": \"%s\"\n}\n",
                      c->model, compats[c->compat], tokens[c->itm_cls]);
}

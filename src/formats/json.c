#include "formats/json.h"

#include "base/text.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ------------------------------------------------------- before cJSON sees the text

static size_t digits(const char *text, size_t size, size_t at)
{
    size_t n = 0;
    while (at + n < size && text[at + n] >= '0' && text[at + n] <= '9')
        n++;
    return n;
}

// The length of the JSON number at the start of `text`, 0 when it is none. cJSON hands
// what looks like one to strtod, which also takes 01 and "1.".
static size_t json_number_length(const char *text, size_t size)
{
    size_t i = text[0] == '-';
    size_t whole = digits(text, size, i);
    if (whole == 0 || (whole > 1 && text[i] == '0'))
        return 0;
    i += whole;
    if (i < size && text[i] == '.') {
        size_t fraction = digits(text, size, i + 1);
        if (fraction == 0)
            return 0;
        i += 1 + fraction;
    }
    if (i < size && (text[i] == 'e' || text[i] == 'E')) {
        i++;
        if (i < size && (text[i] == '+' || text[i] == '-'))
            i++;
        size_t exponent = digits(text, size, i);
        if (exponent == 0)
            return 0;
        i += exponent;
    }
    return i;
}

// The length of the string literal at the start of `text`, 0 when it has no end or
// holds a NUL or control character.
static size_t string_length(const char *text, size_t size)
{
    for (size_t i = 1; i < size; i++) {
        if (text[i] == '"')
            return i + 1;
        if ((unsigned char)text[i] < 0x20)
            return 0;
        if (text[i] != '\\')
            continue;
        if (size - i >= 6 && memcmp(text + i, "\\u0000", 6) == 0)
            return 0;
        i++;
    }
    return 0;
}

// Steps over one token. 0 = a token that JSON does not have.
static size_t token_length(const char *text, size_t size)
{
    unsigned char c = (unsigned char)text[0];
    if (c == '"')
        return string_length(text, size);
    if (c == '-' || isdigit(c))
        return json_number_length(text, size);
    bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    return c > 0x20 || space;
}

static vblip_status scan(const char *text, size_t size, const char *subject,
                         vblip_error *err)
{
    if (size == 0)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: empty, not JSON", subject);
    if (!vb_utf8_valid(text, size))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: not UTF-8", subject);
    size_t depth = 0;
    for (size_t i = 0; i < size;) {
        if (text[i] == '{' || text[i] == '[')
            depth++;
        else if ((text[i] == '}' || text[i] == ']') && depth > 0)
            depth--;
        if (depth > VB_JSON_DEPTH)
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: nested more than %d deep",
                           subject, VB_JSON_DEPTH);
        size_t length = token_length(text + i, size - i);
        if (length == 0)
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: not JSON at byte %zu", subject,
                           i);
        i += length;
    }
    return VBLIP_OK;
}

// -------------------------------------------------------- after cJSON made the tree

static int compare_strings(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// Sorted, so that a header of a million keys costs no more than its sorting.
static vblip_status check_keys(const cJSON *object, const char *subject,
                               vblip_error *err)
{
    size_t count = 0;
    for (const cJSON *c = object->child; c; c = c->next)
        count++;
    if (count < 2)
        return VBLIP_OK;
    const char **keys = malloc(count * sizeof *keys);
    if (!keys)
        return vb_fail_memory(err, subject);
    size_t n = 0;
    for (const cJSON *c = object->child; c; c = c->next)
        keys[n++] = c->string;
    qsort(keys, count, sizeof *keys, compare_strings);
    vblip_status status = VBLIP_OK;
    for (size_t i = 1; i < count && status == VBLIP_OK; i++)
        if (strcmp(keys[i - 1], keys[i]) == 0)
            status = vb_fail(err, VBLIP_ERR_FORMAT, "%s: \"%s\" is given twice",
                             subject, keys[i]);
    free(keys);
    return status;
}

// Recursion is bounded by VB_JSON_DEPTH.
static vblip_status check_tree(const cJSON *value, const char *subject,
                               vblip_error *err)
{
    if (cJSON_IsNumber(value) && !isfinite(value->valuedouble))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %s%sa number too large", subject,
                       value->string ? value->string : "", value->string ? ": " : "");
    if (cJSON_IsObject(value))
        VB_TRY(check_keys(value, subject, err));
    if (cJSON_IsObject(value) || cJSON_IsArray(value))
        for (const cJSON *c = value->child; c; c = c->next)
            VB_TRY(check_tree(c, subject, err));
    return VBLIP_OK;
}

// `text` is NUL-terminated at `size`.
static vblip_status parse_terminated(cJSON **out, const char *text, size_t size,
                                     const char *subject, vblip_error *err)
{
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, size + 1, &end, false);
    size_t at = end ? (size_t)(end - text) : 0;
    if (!root)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: not JSON at byte %zu", subject, at);
    vblip_status status = VBLIP_OK;
    while (at < size && strchr(" \t\r\n", text[at]))
        at++;
    if (at < size)
        status = vb_fail(err, VBLIP_ERR_FORMAT, "%s: more after the JSON, at byte %zu",
                         subject, at);
    if (status == VBLIP_OK)
        status = check_tree(root, subject, err);
    if (status != VBLIP_OK) {
        cJSON_Delete(root);
        return status;
    }
    *out = root;
    return VBLIP_OK;
}

vblip_status vb_json_parse(cJSON **out, const char *text, size_t size,
                           const char *subject, vblip_error *err)
{
    *out = NULL;
    VB_TRY(scan(text, size, subject, err));
    char *copy = malloc(size + 1); // cJSON is given a terminator to run into
    if (!copy)
        return vb_fail_memory(err, subject);
    if (size)
        memcpy(copy, text, size);
    copy[size] = '\0';
    vblip_status status = parse_terminated(out, copy, size, subject, err);
    free(copy);
    return status;
}

// --------------------------------------------------------------------------- members

vblip_status vb_json_fail(vb_json_object object, const char *key, vblip_status status,
                          vblip_error *err, const char *format, ...)
{
    char what[192];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return vb_fail(err, status, "%s: %s%s%s: %s", object.subject, object.where,
                   object.where[0] ? "." : "", key, what);
}

const cJSON *vb_json_get(vb_json_object object, const char *key)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(object.json, key);
    return cJSON_IsNull(value) ? NULL : value;
}

bool vb_json_whole(uint64_t *out, const cJSON *value)
{
    const double limit = 9007199254740992.0; // 2^53
    if (!cJSON_IsNumber(value))
        return false;
    double number = value->valuedouble;
    if (!(number >= 0 && number <= limit) || number != floor(number))
        return false;
    *out = (uint64_t)number;
    return true;
}

vblip_status vb_json_u32(uint32_t *out, vb_json_object object, const char *key,
                         uint32_t min, uint32_t max, vblip_error *err)
{
    const cJSON *value = vb_json_get(object, key);
    uint64_t number;
    if (!value)
        return VBLIP_OK;
    if (!vb_json_whole(&number, value))
        return vb_json_fail(object, key, VBLIP_ERR_FORMAT, err, "not a whole number");
    if (number < min || number > max)
        return vb_json_fail(object, key, VBLIP_ERR_FORMAT, err,
                            "%.0f, expected %u to %u", value->valuedouble, min, max);
    *out = (uint32_t)number;
    return VBLIP_OK;
}

vblip_status vb_json_float(float *out, vb_json_object object, const char *key,
                           double min, double max, vblip_error *err)
{
    const cJSON *value = vb_json_get(object, key);
    if (!value)
        return VBLIP_OK;
    if (!cJSON_IsNumber(value))
        return vb_json_fail(object, key, VBLIP_ERR_FORMAT, err, "not a number");
    if (!(value->valuedouble >= min && value->valuedouble <= max))
        return vb_json_fail(object, key, VBLIP_ERR_FORMAT, err, "%g, expected %g to %g",
                            value->valuedouble, min, max);
    *out = (float)value->valuedouble;
    return VBLIP_OK;
}

vblip_status vb_json_bool(bool *out, vb_json_object object, const char *key,
                          vblip_error *err)
{
    const cJSON *value = vb_json_get(object, key);
    if (!value)
        return VBLIP_OK;
    if (!cJSON_IsBool(value))
        return vb_json_fail(object, key, VBLIP_ERR_FORMAT, err, "not true or false");
    *out = cJSON_IsTrue(value);
    return VBLIP_OK;
}

vblip_status vb_json_string(const char **out, vb_json_object object, const char *key,
                            vblip_error *err)
{
    const cJSON *value = vb_json_get(object, key);
    if (!value)
        return VBLIP_OK;
    if (!cJSON_IsString(value))
        return vb_json_fail(object, key, VBLIP_ERR_FORMAT, err, "not a string");
    *out = value->valuestring;
    return VBLIP_OK;
}

vblip_status vb_json_expect(vb_json_object object, const char *key,
                            const char *expected, vblip_error *err)
{
    const char *value = expected;
    VB_TRY(vb_json_string(&value, object, key, err));
    if (strcmp(value, expected) == 0)
        return VBLIP_OK;
    return vb_json_fail(object, key, VBLIP_ERR_UNSUPPORTED, err,
                        "\"%.40s\", expected \"%s\"", value, expected);
}

static bool is_json_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Steps over the value, and the blanks around it, that begins at `at`; the place of what
// follows it.
static size_t past_value(const char *text, size_t size, size_t at)
{
    size_t depth = 0;
    while (at < size) {
        const char c = text[at];
        if (depth == 0 && (c == ',' || c == '}' || c == ']' || c == ':'))
            return at;
        if (c == '{' || c == '[')
            depth++;
        else if (c == '}' || c == ']')
            depth--;
        const size_t length = token_length(text + at, size - at);
        at += length ? length : size - at;
    }
    return size;
}

bool vb_json_member_text(const char **value, size_t *value_size, const char *text,
                         size_t size, const char *key)
{
    static const char mark[] = "\xEF\xBB\xBF"; // of byte order, which cJSON skips
    const size_t key_size = strlen(key);
    size_t at = size > 3 && memcmp(text, mark, 3) == 0 ? 3 : 0;
    while (at < size && is_json_space(text[at]))
        at++;
    for (at++; at < size; at++) { // behind the brace, and each comma
        while (at < size && is_json_space(text[at]))
            at++;
        const char *name = text + at;
        const size_t colon = past_value(text, size, at);
        size_t first = colon + 1, end = past_value(text, size, first);
        at = end;
        if (end >= size || colon < (size_t)(name - text) + key_size + 2 ||
            memcmp(name + 1, key, key_size) != 0 || name[key_size + 1] != '"')
            continue;
        while (first < end && is_json_space(text[first]))
            first++;
        while (end > first && is_json_space(text[end - 1]))
            end--;
        *value = text + first;
        *value_size = end - first;
        return true;
    }
    return false;
}

#include "datasets/annotations.h"

#include "base/text.h"
#include "formats/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef enum text_form { NO_TEXT, ONE_TEXT, TEXTS } text_form;

// The keys of each kind. Of several the first that is there counts.
static const struct kind {
    const char *videos[3]; // names of a video or image
    const char *images[3]; // names of an image
    const char *pair;      // names of two images
    const char *text;
    text_form form;
    const char *expected; // NULL = none
    bool truth;           // what is expected is true or false
    const char *ids[4];   // numbers, needed; none = not
} kinds[VB_ANNOTATION_KINDS] = {
    [VB_ANNOTATED_CAPTIONS] = {.videos = {"clip_name", "video"},
                               .images = {"image"},
                               .text = "caption",
                               .form = TEXTS},
    [VB_ANNOTATED_ANSWERS] = {.videos = {"video", "video_id"},
                              .images = {"image"},
                              .text = "question",
                              .form = ONE_TEXT,
                              .expected = "answer"},
    [VB_ANNOTATED_IMAGES] = {.images = {"image"}, .ids = {"image_id", "img_id", "id"}},
    [VB_ANNOTATED_QUESTIONS] = {.images = {"image"},
                                .text = "question",
                                .form = ONE_TEXT,
                                .ids = {"question_id"}},
    [VB_ANNOTATED_STATEMENTS] = {.pair = "images",
                                 .text = "sentence",
                                 .form = ONE_TEXT,
                                 .expected = "label",
                                 .truth = true},
    [VB_ANNOTATED_PAIRS] = {.videos = {"path", "video"},
                            .images = {"image"},
                            .text = "caption",
                            .form = ONE_TEXT},
    [VB_ANNOTATED_MATCHES] = {.videos = {"path", "video"},
                              .images = {"image"},
                              .text = "caption",
                              .form = ONE_TEXT,
                              .expected = "match",
                              .truth = true},
};

// One object on its way into an annotation.
typedef struct reading {
    vb_arena *arena;
    const struct kind *kind;
    vb_json_object object;
    vb_annotation *out;
} reading;

static vblip_status annotation_fail(const reading *r, const char *key, vblip_error *err,
                                    const char *what)
{
    return vb_json_fail(r->object, key, VBLIP_ERR_FORMAT, err, "%s", what);
}

static vblip_status annotation_keep(const char **out, const reading *r,
                                    const char *text, vblip_error *err)
{
    *out = vb_arena_string(r->arena, text, strlen(text));
    return *out ? VBLIP_OK : vb_fail_memory(err, r->object.subject);
}

// ------------------------------------------------------------------------------ names

// The value of the first of `keys` that is there; NULL when none is.
static const cJSON *first_of(const reading *r, const char *const *keys,
                             const char **key)
{
    for (; *keys; keys++) {
        const cJSON *value = vb_json_get(r->object, *keys);
        if (value) {
            *key = *keys;
            return value;
        }
    }
    return NULL;
}

static vblip_status keep_name(const char **out, const reading *r, const cJSON *value,
                              const char *key, vblip_error *err)
{
    if (!cJSON_IsString(value))
        return annotation_fail(r, key, err, "not a string");
    if (!value->valuestring[0])
        return annotation_fail(r, key, err, "is empty");
    return annotation_keep(out, r, value->valuestring, err);
}

static vblip_status read_pair(reading *r, vblip_error *err)
{
    const char *key = r->kind->pair;
    const cJSON *value = vb_json_get(r->object, key);
    if (!value)
        return annotation_fail(r, key, err, "missing");
    if (!cJSON_IsArray(value) || cJSON_GetArraySize(value) != 2)
        return annotation_fail(r, key, err, "not a list of two");
    r->out->is_image = true;
    VB_TRY(keep_name(&r->out->media[0], r, value->child, key, err));
    return keep_name(&r->out->media[1], r, value->child->next, key, err);
}

static vblip_status no_name(const reading *r, vblip_error *err)
{
    char keys[96] = "";
    const char *const *const lists[] = {r->kind->videos, r->kind->images};
    for (int l = 0; l < 2; l++)
        for (const char *const *key = lists[l]; *key; key++)
            snprintf(keys + strlen(keys), sizeof keys - strlen(keys), "%s%s",
                     keys[0] ? " or " : "", *key);
    return annotation_fail(r, keys, err, "missing");
}

static vblip_status read_media_name(reading *r, vblip_error *err)
{
    const char *key = NULL;
    const cJSON *value = first_of(r, r->kind->videos, &key);
    if (!value) {
        value = first_of(r, r->kind->images, &key);
        r->out->is_image = value != NULL;
    }
    if (!value)
        return no_name(r, err);
    uint64_t number;
    if (r->out->is_image || !vb_json_whole(&number, value))
        return keep_name(&r->out->media[0], r, value, key, err);
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, number);
    r->out->is_number = true;
    return annotation_keep(&r->out->media[0], r, digits, err);
}

// ------------------------------------------------------------------------------ texts

static vblip_status read_texts(reading *r, vblip_error *err)
{
    const char *key = r->kind->text;
    if (r->kind->form == NO_TEXT)
        return VBLIP_OK;
    const cJSON *value = vb_json_get(r->object, key);
    if (!value)
        return annotation_fail(r, key, err, "missing");
    const bool list = r->kind->form == TEXTS && cJSON_IsArray(value);
    const cJSON *text = list ? value->child : value;
    const int count = list ? cJSON_GetArraySize(value) : 1;
    if (count == 0)
        return annotation_fail(r, key, err, "an empty list");
    const char **texts = VB_ARENA_NEW(r->arena, const char *, (size_t)count);
    if (!texts)
        return vb_fail_memory(err, r->object.subject);
    for (int i = 0; i < count; i++, text = text->next) {
        if (!cJSON_IsString(text))
            return annotation_fail(r, key, err,
                                   list ? "not a list of strings" : "not a string");
        VB_TRY(annotation_keep(&texts[i], r, text->valuestring, err));
    }
    r->out->texts = texts;
    r->out->text_count = (uint32_t)count;
    return VBLIP_OK;
}

// An answer, or what a statement or pair is: "True", "False", true or false.
static vblip_status read_expected(reading *r, vblip_error *err)
{
    const char *key = r->kind->expected;
    if (!key)
        return VBLIP_OK;
    const cJSON *value = vb_json_get(r->object, key);
    if (!value)
        return annotation_fail(r, key, err, "missing");
    const bool truth = r->kind->truth;
    if (truth && cJSON_IsBool(value)) {
        r->out->expected = cJSON_IsTrue(value) ? "True" : "False";
        return VBLIP_OK;
    }
    if (!cJSON_IsString(value))
        return annotation_fail(r, key, err,
                               truth ? "neither true nor false" : "not a string");
    if (truth && strcmp(value->valuestring, "True") != 0 &&
        strcmp(value->valuestring, "False") != 0)
        return annotation_fail(r, key, err, "neither true nor false");
    return annotation_keep(&r->out->expected, r, value->valuestring, err);
}

// ----------------------------------------------------------------------------- numbers

bool vb_number_in_name(uint64_t *out, const char *name)
{
    const char *slash = strrchr(name, '/');
    name = slash ? slash + 1 : name;
    const char *dot = strrchr(name, '.');
    const char *end = dot ? dot : name + strlen(name);
    const char *at = end;
    while (at > name && at[-1] >= '0' && at[-1] <= '9')
        at--;
    if (at == end || end - at > 18)
        return false;
    *out = 0;
    for (; at < end; at++)
        *out = *out * 10 + (uint64_t)(*at - '0');
    return true;
}

static vblip_status read_annotation_id(reading *r, vblip_error *err)
{
    const bool in_name = r->kind->form == NO_TEXT; // may be
    const char *key = r->kind->ids[0];
    if (!key)
        return VBLIP_OK;
    const cJSON *value = first_of(r, r->kind->ids, &key);
    r->out->has_id = true;
    if (value && !vb_json_whole(&r->out->id, value))
        return annotation_fail(r, key, err, "not a whole number");
    if (value || (in_name && vb_number_in_name(&r->out->id, r->out->media[0])))
        return VBLIP_OK;
    return annotation_fail(r, key, err,
                           in_name ? "missing, and the image's name ends in no number"
                                   : "missing");
}

static vblip_status read_object(vb_annotation *out, vb_arena *arena, const cJSON *json,
                                vb_annotation_kind kind, const char *subject,
                                vblip_error *err)
{
    reading r = {
        .arena = arena,
        .kind = &kinds[kind],
        .object = {.json = json, .subject = subject, .where = ""},
        .out = out,
    };
    if (!cJSON_IsObject(json))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: not an object", subject);
    VB_TRY(r.kind->pair ? read_pair(&r, err) : read_media_name(&r, err));
    VB_TRY(read_texts(&r, err));
    VB_TRY(read_expected(&r, err));
    return read_annotation_id(&r, err);
}

// ------------------------------------------------------------------------------- files

enum { SUBJECT = 300 }; // bytes of "FILE:LINE"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Whether the first thing in `text` is a list.
static bool is_list(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size && is_space(text[i]))
        i++;
    return i < size && text[i] == '[';
}

static vblip_status annotations_allocate(vb_annotations *out, vb_arena *arena,
                                         size_t count, const char *subject,
                                         vblip_error *err)
{
    if (count > UINT32_MAX / 2)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "%s: more than %u annotations",
                       subject, UINT32_MAX / 2);
    out->items = VB_ARENA_NEW(arena, vb_annotation, count);
    return out->items ? VBLIP_OK : vb_fail_memory(err, subject);
}

static vblip_status read_annotation_list(vb_annotations *out, vb_arena *arena,
                                         const cJSON *list, vb_annotation_kind kind,
                                         const char *subject, vblip_error *err)
{
    out->listed = true;
    VB_TRY(annotations_allocate(out, arena, (size_t)cJSON_GetArraySize(list), subject,
                                err));
    for (const cJSON *entry = list->child; entry; entry = entry->next) {
        vb_annotation *item = &out->items[out->count++];
        char where[SUBJECT];
        item->at = out->count;
        snprintf(where, sizeof where, "%.270s: entry %" PRIu32, subject, item->at);
        VB_TRY(read_object(item, arena, entry, kind, where, err));
    }
    return VBLIP_OK;
}

static vblip_status parse_list(vb_annotations *out, vb_arena *arena, const char *text,
                               size_t size, vb_annotation_kind kind,
                               const char *subject, vblip_error *err)
{
    cJSON *json = NULL;
    VB_TRY(vb_json_parse(&json, text, size, subject, err));
    vblip_status status = read_annotation_list(out, arena, json, kind, subject, err);
    cJSON_Delete(json);
    return status;
}

static vblip_status parse_line(vb_annotation *out, vb_arena *arena, const char *line,
                               size_t size, vb_annotation_kind kind,
                               const char *subject, vblip_error *err)
{
    char where[SUBJECT];
    snprintf(where, sizeof where, "%.270s:%" PRIu32, subject, out->at);
    cJSON *json = NULL;
    VB_TRY(vb_json_parse(&json, line, size, where, err));
    vblip_status status = read_object(out, arena, json, kind, where, err);
    cJSON_Delete(json);
    return status;
}

static vblip_status parse_lines(vb_annotations *out, vb_arena *arena, const char *text,
                                size_t size, vb_annotation_kind kind,
                                const char *subject, vblip_error *err)
{
    VB_TRY(annotations_allocate(out, arena, vb_lines_count(text, size), subject, err));
    vb_lines lines = {.text = text, .size = size};
    const char *line;
    size_t length;
    while (vb_lines_next(&lines, &line, &length)) {
        vb_annotation *item = &out->items[out->count++];
        item->at = lines.number;
        VB_TRY(parse_line(item, arena, line, length, kind, subject, err));
    }
    return VBLIP_OK;
}

vblip_status vb_annotations_parse(vb_annotations *out, vb_arena *arena,
                                  const char *text, size_t size,
                                  vb_annotation_kind kind, const char *subject,
                                  vblip_error *err)
{
    *out = (vb_annotations){0};
    vblip_status status = is_list(text, size)
                              ? parse_list(out, arena, text, size, kind, subject, err)
                              : parse_lines(out, arena, text, size, kind, subject, err);
    if (status == VBLIP_OK && out->count == 0)
        status = vb_fail(err, VBLIP_ERR_FORMAT, "%s: holds no annotation", subject);
    if (status != VBLIP_OK)
        *out = (vb_annotations){0};
    return status;
}

// ----------------------------------------------------------------------------- answers

static vblip_status keep_answer(const char **out, vb_arena *arena, const char *text,
                                size_t size, uint32_t at, const char *subject,
                                vblip_error *err)
{
    if (memchr(text, '\0', size) || !vb_utf8_valid(text, size))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: answer %" PRIu32 ": not UTF-8",
                       subject, at);
    *out = vb_arena_string(arena, text, size);
    return *out ? VBLIP_OK : vb_fail_memory(err, subject);
}

static vblip_status answers_of_list(const char **out, uint32_t *count, vb_arena *arena,
                                    const cJSON *list, const char *subject,
                                    vblip_error *err)
{
    for (const cJSON *entry = list->child; entry; entry = entry->next) {
        if (!cJSON_IsString(entry))
            return vb_fail(err, VBLIP_ERR_FORMAT,
                           "%s: answer %" PRIu32 ": not a string", subject, *count + 1);
        VB_TRY(keep_answer(&out[*count], arena, entry->valuestring,
                           strlen(entry->valuestring), *count + 1, subject, err));
        ++*count;
    }
    return VBLIP_OK;
}

static vblip_status parse_answer_list(const char *const **out, uint32_t *count,
                                      vb_arena *arena, const char *text, size_t size,
                                      const char *subject, vblip_error *err)
{
    cJSON *json = NULL;
    VB_TRY(vb_json_parse(&json, text, size, subject, err));
    const char **answers =
        VB_ARENA_NEW(arena, const char *, (size_t)cJSON_GetArraySize(json));
    *out = answers;
    vblip_status status =
        answers ? answers_of_list(answers, count, arena, json, subject, err)
                : vb_fail_memory(err, subject);
    cJSON_Delete(json);
    return status;
}

static vblip_status parse_answer_lines(const char *const **out, uint32_t *count,
                                       vb_arena *arena, const char *text, size_t size,
                                       const char *subject, vblip_error *err)
{
    const char **answers =
        VB_ARENA_NEW(arena, const char *, vb_lines_count(text, size));
    if (!answers)
        return vb_fail_memory(err, subject);
    *out = answers;
    vb_lines lines = {.text = text, .size = size};
    const char *line;
    size_t length;
    while (vb_lines_next(&lines, &line, &length)) {
        if (line[length - 1] == '\r')
            length--;
        VB_TRY(keep_answer(&answers[*count], arena, line, length, *count + 1, subject,
                           err));
        ++*count;
    }
    return VBLIP_OK;
}

vblip_status vb_answers_parse(const char *const **out, uint32_t *count, vb_arena *arena,
                              const char *text, size_t size, const char *subject,
                              vblip_error *err)
{
    *out = NULL;
    *count = 0;
    vblip_status status =
        is_list(text, size)
            ? parse_answer_list(out, count, arena, text, size, subject, err)
            : parse_answer_lines(out, count, arena, text, size, subject, err);
    if (status == VBLIP_OK && *count == 0)
        status = vb_fail(err, VBLIP_ERR_FORMAT, "%s: holds no answer", subject);
    if (status != VBLIP_OK) {
        *out = NULL;
        *count = 0;
    }
    return status;
}

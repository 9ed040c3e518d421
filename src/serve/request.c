#include "serve/request.h"

#include <math.h>
#include <string.h>

typedef enum field_kind {
    FIELD_TEXT,
    FIELD_NUMBER,
    FIELD_WHOLE,
    FIELD_FLAG,
    FIELD_TEXTS,
} field_kind;

typedef struct request_field {
    const char *name;
    unsigned kinds; // of requests that have it: 1 << VB_REQUEST_SEARCH | ...
    field_kind kind;
    bool required;
    size_t offset;
    double least, most; // of numbers; of texts: bytes
} request_field;

#define SEARCH   (1u << VB_REQUEST_SEARCH)
#define ASK      (1u << VB_REQUEST_ASK)
#define CAPTIONS (1u << VB_REQUEST_CAPTIONS)
#define IN(name) offsetof(vb_request, name)

enum { MOST_TEXT = 4096, MOST_GLOB = 255 };
// The end of 2261, behind which nanoseconds do not count.
static const double LAST_DATE_S = 9214646399, MONTH_S = 2678400;

static const request_field fields[] = {
    {"query", SEARCH, FIELD_TEXT, false, IN(query), 1, MOST_TEXT},
    {"then", SEARCH, FIELD_TEXT, false, IN(then), 1, MOST_TEXT},
    {"within", SEARCH, FIELD_NUMBER, false, IN(within_s), 0.001, 86400},
    {"like", SEARCH, FIELD_TEXT, false, IN(like), 1, MOST_GLOB},
    {"by_recording", SEARCH, FIELD_FLAG, false, IN(by_recording), 0, 0},
    {"min_p", SEARCH, FIELD_NUMBER, false, IN(min_p), 0, 1},
    {"dedupe", SEARCH, FIELD_NUMBER, false, IN(dedupe), 0, 1},
    {"rerank", SEARCH, FIELD_WHOLE, false, IN(rerank), 0, 1000},
    {"top", SEARCH, FIELD_WHOLE, false, IN(top), 1, 200},
    {"offset", SEARCH, FIELD_WHOLE, false, IN(offset), 0, 100000},
    {"include", SEARCH, FIELD_TEXTS, false, IN(include), 1, MOST_GLOB},
    {"exclude", SEARCH, FIELD_TEXTS, false, IN(exclude), 1, MOST_GLOB},
    {"since", SEARCH, FIELD_NUMBER, false, IN(since_s), 0, LAST_DATE_S},
    {"until", SEARCH, FIELD_NUMBER, false, IN(until_s), 0, LAST_DATE_S},
    {"recording", ASK | CAPTIONS, FIELD_TEXT, true, IN(recording), 1, MOST_GLOB},
    {"start", SEARCH | ASK | CAPTIONS, FIELD_NUMBER, false, IN(start_s), 0, MONTH_S},
    {"end", SEARCH | ASK | CAPTIONS, FIELD_NUMBER, false, IN(end_s), 0, MONTH_S},
    {"question", ASK, FIELD_TEXT, true, IN(question), 1, MOST_TEXT},
    {"answers", ASK, FIELD_TEXTS, false, IN(answers), 1, MOST_TEXT},
    {"every", CAPTIONS, FIELD_NUMBER, false, IN(every_s), 0.1, 3600},
    {"shots", CAPTIONS, FIELD_FLAG, false, IN(shots), 0, 0},
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

static const request_field *request_field_named(vb_request_kind kind, const char *name)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields[i].kinds & 1u << kind && strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static vblip_status check_text(const request_field *f, const char *text,
                               vblip_error *err)
{
    const size_t size = strlen(text);
    if (size < (size_t)f->least || size > (size_t)f->most)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %zu bytes, expected %.0f to %.0f",
                       f->name, size, f->least, f->most);
    return VBLIP_OK;
}

static vblip_status read_request_texts(vb_request_texts *out, const request_field *f,
                                       const cJSON *value, vblip_error *err)
{
    const cJSON *item;
    if (!cJSON_IsArray(value))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: expected a list of texts", f->name);
    cJSON_ArrayForEach(item, value)
    {
        if (!cJSON_IsString(item))
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: expected a list of texts",
                           f->name);
        if (out->count == VB_REQUEST_TEXTS)
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: more than %d texts", f->name,
                           (int)VB_REQUEST_TEXTS);
        VB_TRY(check_text(f, item->valuestring, err));
        out->items[out->count++] = item->valuestring;
    }
    return VBLIP_OK;
}

static vblip_status read_request_number(double *out, const request_field *f,
                                        const cJSON *value, vblip_error *err)
{
    const double number = value->valuedouble;
    if (!cJSON_IsNumber(value))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: expected a number", f->name);
    if (!(number >= f->least && number <= f->most))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %.15g, expected %.15g to %.15g",
                       f->name, number, f->least, f->most);
    if (f->kind == FIELD_WHOLE && number != floor(number))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %g, expected a whole number",
                       f->name, number);
    *out = number;
    return VBLIP_OK;
}

static vblip_status read_request_field(vb_request *out, const request_field *f,
                                       const cJSON *value, vblip_error *err)
{
    char *at = (char *)out + f->offset;
    switch (f->kind) {
    case FIELD_TEXT:
        if (!cJSON_IsString(value))
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: expected a text", f->name);
        *(const char **)(void *)at = value->valuestring;
        return check_text(f, value->valuestring, err);
    case FIELD_FLAG:
        if (!cJSON_IsBool(value))
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: expected true or false",
                           f->name);
        *(bool *)(void *)at = cJSON_IsTrue(value);
        return VBLIP_OK;
    case FIELD_TEXTS:
        return read_request_texts((vb_request_texts *)(void *)at, f, value, err);
    case FIELD_NUMBER:
    case FIELD_WHOLE:
        break;
    }
    return read_request_number((double *)(void *)at, f, value, err);
}

// What only shows in several fields.
static vblip_status check_request(const vb_request *r, vb_request_kind kind,
                                  vblip_error *err)
{
    const struct {
        bool bad;
        const char *message;
    } rules[] = {
        {kind == VB_REQUEST_SEARCH && !r->query && !r->like,
         "query: missing, and there is no `like`"},
        {r->end_s != 0 && r->end_s <= r->start_s, "end: not behind start"},
        {kind == VB_REQUEST_SEARCH && !r->like && (r->start_s != 0 || r->end_s != 0),
         "start, end: only with `like`"},
        {r->like && (r->then || r->min_p > 0 || r->rerank > 0),
         "like: not together with then, min_p or rerank"},
        {r->within_s > 0 && !r->then, "within: only with `then`"},
        {r->until_s > 0 && r->until_s < r->since_s, "until: before since"},
        {r->shots && r->every_s > 0, "every: not together with shots"},
        {kind == VB_REQUEST_CAPTIONS && r->end_s <= 0 && r->start_s > 0,
         "start: only with `end`"},
        {kind == VB_REQUEST_CAPTIONS && r->end_s > 0 && (r->shots || r->every_s > 0),
         "end: not together with every or shots"},
    };
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        if (rules[i].bad)
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s", rules[i].message);
    return VBLIP_OK;
}

vblip_status vb_request_read(vb_request *out, vb_request_kind kind, const char *body,
                             size_t size, vblip_error *err)
{
    const cJSON *member;
    *out = (vb_request){.rerank = VB_REQUEST_AUTO};
    VB_TRY(vb_json_parse(&out->json, body, size, "body", err));
    if (!cJSON_IsObject(out->json))
        return vb_fail(err, VBLIP_ERR_FORMAT, "body: expected an object");
    cJSON_ArrayForEach(member, out->json)
    {
        const request_field *f = request_field_named(kind, member->string);
        if (!f)
            return vb_fail(err, VBLIP_ERR_FORMAT, "%.100s: not a field of this request",
                           member->string);
        VB_TRY(read_request_field(out, f, member, err));
    }
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields[i].required && fields[i].kinds & 1u << kind &&
            !cJSON_HasObjectItem(out->json, fields[i].name))
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: missing", fields[i].name);
    return check_request(out, kind, err);
}

void vb_request_free(vb_request *request)
{
    cJSON_Delete(request->json);
    request->json = NULL;
}

#include "serve/request.h"

#include "output/json_out.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum field_kind {
    FIELD_TEXT,
    FIELD_NUMBER,
    FIELD_WHOLE,
    FIELD_FLAG,
    FIELD_TEXTS,
    FIELD_CHOICE, // one of the words of `choices`
    FIELD_AUTO,   // a whole number, or "auto"
    FIELD_EVERY,  // seconds, or "12f": so many frames
    FIELD_NAME,   // of the job itself: `id` and `op`, which are read before
} field_kind;

typedef struct request_field {
    const char *name;
    unsigned kinds; // of requests that have it: 1 << VB_REQUEST_SEARCH | ...
    field_kind kind;
    bool required;
    size_t offset;
    double least, most; // of numbers; of texts: bytes
    const char *const *choices;
} request_field;

#define SEARCH   (1u << VB_REQUEST_SEARCH)
#define ASK      (1u << VB_REQUEST_ASK)
#define CAPTIONS (1u << VB_REQUEST_CAPTIONS)
#define CAPTION  (1u << VB_JOB_CAPTION)
#define QA       (1u << VB_JOB_ASK)
#define MATCH    (1u << VB_JOB_MATCH)
#define EMBED    (1u << VB_JOB_EMBED)
#define RETRIEVE (1u << VB_JOB_RETRIEVE)
#define FIND     (1u << VB_TOOL_SEARCH)
#define TELL     (1u << VB_TOOL_CAPTION)
#define REPLY    (1u << VB_TOOL_ASK)
#define COMPARE  (1u << VB_TOOL_MATCH)
#define SHOW     (1u << VB_TOOL_SHOW)
#define MOMENTS  (CAPTION | QA | MATCH | EMBED) // of jobs about one recording
#define JOBS     (MOMENTS | RETRIEVE)
#define IN(name) offsetof(vb_request, name)

enum { MOST_TEXT = 4096, MOST_GLOB = 255, MOST_PATH = 4096, MOST_JOB_TEXT = 65536 };
// The end of 2261, behind which nanoseconds do not count.
static const double LAST_DATE_S = 9214646399, MONTH_S = 2678400;

static const char *const features[] = {
    [VB_WHAT_ITC_IMAGE] = "itc-image", [VB_WHAT_ITC_TEXT] = "itc-text", NULL};
static const char *const ways[] = {"segment", "video", NULL};
static const char *const first_tokens[] = {"enc", "cls", NULL};

// Bounds of jobs are those of the options of the command line (cli/option_table.c), which
// a test compares.
static const request_field fields[] = {
    {"query", SEARCH, FIELD_TEXT, false, IN(query), 1, MOST_TEXT, NULL},
    {"then", SEARCH, FIELD_TEXT, false, IN(then), 1, MOST_TEXT, NULL},
    {"within", SEARCH | RETRIEVE, FIELD_NUMBER, false, IN(within_s), 0.001, 86400,
     NULL},
    {"like", SEARCH, FIELD_TEXT, false, IN(like), 1, MOST_GLOB, NULL},
    {"by_recording", SEARCH, FIELD_FLAG, false, IN(by_recording), 0, 0, NULL},
    {"min_p", SEARCH | RETRIEVE, FIELD_NUMBER, false, IN(min_p), 0, 1, NULL},
    {"dedupe", SEARCH, FIELD_NUMBER, false, IN(dedupe), 0, 1, NULL},
    {"rerank", SEARCH, FIELD_AUTO, false, IN(rerank), 0, 1000, NULL},
    {"top", SEARCH, FIELD_WHOLE, false, IN(top), 1, 200, NULL},
    {"offset", SEARCH, FIELD_WHOLE, false, IN(offset), 0, 100000, NULL},
    {"include", SEARCH | RETRIEVE, FIELD_TEXTS, false, IN(include), 1, MOST_GLOB, NULL},
    {"exclude", SEARCH | RETRIEVE, FIELD_TEXTS, false, IN(exclude), 1, MOST_GLOB, NULL},
    {"since", SEARCH, FIELD_NUMBER, false, IN(since_s), 0, LAST_DATE_S, NULL},
    {"until", SEARCH, FIELD_NUMBER, false, IN(until_s), 0, LAST_DATE_S, NULL},
    {"recording", ASK | CAPTIONS, FIELD_TEXT, true, IN(recording), 1, MOST_GLOB, NULL},
    {"start", SEARCH | ASK | CAPTIONS | MOMENTS, FIELD_NUMBER, false, IN(start_s), 0,
     MONTH_S, NULL},
    {"end", SEARCH | ASK | CAPTIONS | MOMENTS, FIELD_NUMBER, false, IN(end_s), 0,
     MONTH_S, NULL},
    {"question", ASK, FIELD_TEXT, true, IN(question), 1, MOST_TEXT, NULL},
    {"answers", ASK, FIELD_TEXTS, false, IN(answers), 1, MOST_TEXT, NULL},
    {"every", CAPTIONS, FIELD_NUMBER, false, IN(every_s), 0.1, 3600, NULL},
    {"shots", CAPTIONS | CAPTION, FIELD_FLAG, false, IN(shots), 0, 0, NULL},

    {"id", JOBS, FIELD_NAME, false, 0, 0, 0, NULL},
    {"op", JOBS, FIELD_NAME, false, 0, 0, 0, NULL},
    {"path", CAPTION | QA | MATCH, FIELD_TEXT, true, IN(path), 1, MOST_PATH, NULL},
    {"path", EMBED | RETRIEVE, FIELD_TEXT, false, IN(path), 1, MOST_PATH, NULL},
    {"texts", QA | MATCH | RETRIEVE, FIELD_TEXTS, true, IN(texts), 0, MOST_JOB_TEXT,
     NULL},
    {"texts", EMBED, FIELD_TEXTS, false, IN(texts), 0, MOST_JOB_TEXT, NULL},
    {"frames", JOBS, FIELD_WHOLE, false, IN(frames), 1, 1024, NULL},
    {"answers", QA, FIELD_TEXTS, false, IN(answers), 0, MOST_JOB_TEXT, NULL},
    {"k_test", QA, FIELD_WHOLE, false, IN(k_test), 1, 1000000, NULL},
    {"segment", QA | RETRIEVE, FIELD_TEXT, false, IN(segment), 1, MOST_GLOB, NULL},
    {"every", CAPTION, FIELD_EVERY, false, IN(every_s), 0.001, 86400, NULL},
    {"count", CAPTION, FIELD_WHOLE, false, IN(count), 1, 1000000, NULL},
    {"prompt", CAPTION, FIELD_TEXT, false, IN(prompt), 0, MOST_JOB_TEXT, NULL},
    {"beams", CAPTION | QA, FIELD_WHOLE, false, IN(beams), 1, 64, NULL},
    {"max_length", CAPTION | QA, FIELD_WHOLE, false, IN(max_length), 1, 512, NULL},
    {"min_length", CAPTION | QA, FIELD_WHOLE, false, IN(min_length), 1, 512, NULL},
    {"repetition_penalty", CAPTION, FIELD_NUMBER, false, IN(repetition_penalty), 0.01,
     100, NULL},
    {"sample", CAPTION, FIELD_FLAG, false, IN(sample), 0, 0, NULL},
    {"top_p", CAPTION, FIELD_NUMBER, false, IN(top_p), 0.001, 1, NULL},
    {"top_k", CAPTION, FIELD_WHOLE, false, IN(top_k), 0, 1000000, NULL},
    {"temperature", CAPTION, FIELD_NUMBER, false, IN(temperature), 0.01, 100, NULL},
    {"seed", CAPTION, FIELD_WHOLE, false, IN(seed), 0, UINT32_MAX, NULL},
    {"samples", CAPTION, FIELD_WHOLE, false, IN(samples), 1, 1000, NULL},
    {"merge", CAPTION, FIELD_FLAG, false, IN(merge), 0, 0, NULL},
    {"same_picture", CAPTION, FIELD_NUMBER, false, IN(same_picture), 0, 1, NULL},
    {"itm_token", MATCH, FIELD_CHOICE, false, IN(itm_token), 0, 0, first_tokens},
    {"what", EMBED, FIELD_CHOICE, false, IN(what), 0, 0, features},
    {"then", RETRIEVE, FIELD_TEXT, false, IN(then), 0, MOST_JOB_TEXT, NULL},
    {"dedupe", RETRIEVE, FIELD_NUMBER, false, IN(dedupe), 0.1, 1, NULL},
    {"rerank", RETRIEVE, FIELD_AUTO, false, IN(rerank), 0, 1000000, NULL},
    {"top", RETRIEVE, FIELD_WHOLE, false, IN(top), 1, 1000000, NULL},
    {"offset", RETRIEVE, FIELD_WHOLE, false, IN(offset), 0, 1000000000, NULL},
    {"by", RETRIEVE, FIELD_CHOICE, false, IN(by), 0, 0, ways},
    {"index", RETRIEVE, FIELD_TEXT, false, IN(index), 1, MOST_PATH, NULL},
    {"no_index", RETRIEVE, FIELD_FLAG, false, IN(no_index), 0, 0, NULL},

    {"query", FIND, FIELD_TEXT, true, IN(query), 1, MOST_TEXT, NULL},
    {"top", FIND, FIELD_WHOLE, false, IN(top), 1, 100, NULL},
    {"min_p", FIND, FIELD_NUMBER, false, IN(min_p), 0, 1, NULL},
    {"then", FIND, FIELD_TEXT, false, IN(then), 1, MOST_TEXT, NULL},
    {"within", FIND, FIELD_NUMBER, false, IN(within_s), 0.001, 86400, NULL},
    {"path", TELL | REPLY | COMPARE | SHOW, FIELD_TEXT, true, IN(path), 1, MOST_PATH,
     NULL},
    {"question", REPLY, FIELD_TEXT, true, IN(question), 1, MOST_TEXT, NULL},
    {"answers", REPLY, FIELD_TEXTS, false, IN(answers), 1, MOST_TEXT, NULL},
    {"texts", COMPARE, FIELD_TEXTS, true, IN(texts), 1, MOST_TEXT, NULL},
    {"start", TELL | REPLY | COMPARE, FIELD_NUMBER, false, IN(start_s), 0, MONTH_S,
     NULL},
    {"end", TELL | REPLY | COMPARE, FIELD_NUMBER, false, IN(end_s), 0, MONTH_S, NULL},
    {"every", TELL, FIELD_NUMBER, false, IN(every_s), 0.1, 86400, NULL},
    {"count", TELL, FIELD_WHOLE, false, IN(count), 1, 1000, NULL},
    {"shots", TELL, FIELD_FLAG, false, IN(shots), 0, 0, NULL},
    {"time", SHOW, FIELD_NUMBER, false, IN(time_s), 0, MONTH_S, NULL},
    {"width", SHOW, FIELD_WHOLE, false, IN(width), 16, 1024, NULL},
};
enum { FIELD_COUNT = sizeof fields / sizeof *fields };

static bool is_job(vb_request_kind kind)
{
    return kind >= VB_JOB_CAPTION;
}

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
                                       const cJSON *value, uint32_t most,
                                       vblip_error *err)
{
    const cJSON *item;
    uint32_t count = 0;
    if (!cJSON_IsArray(value))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: expected a list of texts", f->name);
    cJSON_ArrayForEach(item, value)
    {
        if (!cJSON_IsString(item))
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: expected a list of texts",
                           f->name);
        if (count++ == most)
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: more than %u texts", f->name,
                           (unsigned)most);
        VB_TRY(check_text(f, item->valuestring, err));
    }
    if (f->required && !count)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: holds none", f->name);
    if (!count)
        return VBLIP_OK;
    out->items = calloc(count + (size_t)1, sizeof *out->items);
    if (!out->items)
        return vb_fail_memory(err, f->name);
    cJSON_ArrayForEach(item, value) out->items[out->count++] = item->valuestring;
    return VBLIP_OK;
}

static vblip_status read_request_number(double *out, const request_field *f,
                                        const cJSON *value, vblip_error *err)
{
    const double number = value->valuedouble;
    if (!cJSON_IsNumber(value))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: expected a number%s", f->name,
                       f->kind == FIELD_AUTO ? ", or \"auto\"" : "");
    if (!(number >= f->least && number <= f->most))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %.15g, expected %.15g to %.15g",
                       f->name, number, f->least, f->most);
    if (f->kind != FIELD_NUMBER && f->kind != FIELD_EVERY && number != floor(number))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %g, expected a whole number",
                       f->name, number);
    *out = number;
    return VBLIP_OK;
}

static vblip_status read_request_choice(double *out, const request_field *f,
                                        const cJSON *value, vblip_error *err)
{
    const char *given = cJSON_IsString(value) ? value->valuestring : "";
    char list[128];
    size_t size = 0;
    for (uint32_t i = 0; f->choices[i]; i++) {
        if (strcmp(given, f->choices[i]) == 0) {
            *out = i;
            return VBLIP_OK;
        }
        size += (size_t)snprintf(list + size, sizeof list - size, "%s%s", i ? ", " : "",
                                 f->choices[i]);
    }
    return vb_fail(err, VBLIP_ERR_FORMAT, "%s: expected one of: %s", f->name, list);
}

// "12f"
static vblip_status read_request_frames(double *out, const request_field *f,
                                        const char *text, vblip_error *err)
{
    static const double most = 1000000000;
    const size_t digits = strspn(text, "0123456789");
    const double number = digits && digits < 11 ? strtod(text, NULL) : 0;
    if (strcmp(text + digits, "f") != 0 || number < 1 || number > most)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: expected seconds, or frames from \"1f\" to \"%.0ff\"",
                       f->name, most);
    *out = number;
    return VBLIP_OK;
}

static vblip_status read_request_field(vb_request *out, vb_request_kind kind,
                                       const request_field *f, const cJSON *value,
                                       vblip_error *err)
{
    char *at = (char *)out + f->offset;
    switch (f->kind) {
    case FIELD_NAME:
        return VBLIP_OK;
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
        return read_request_texts((vb_request_texts *)(void *)at, f, value,
                                  is_job(kind) ? VB_JOB_TEXTS : VB_REQUEST_TEXTS, err);
    case FIELD_CHOICE:
        return read_request_choice((double *)(void *)at, f, value, err);
    case FIELD_AUTO:
        if (cJSON_IsString(value) && strcmp(value->valuestring, "auto") == 0) {
            *(double *)(void *)at = VB_REQUEST_AUTO;
            return VBLIP_OK;
        }
        break;
    case FIELD_EVERY:
        if (cJSON_IsString(value))
            return read_request_frames(&out->every_frames, f, value->valuestring, err);
        break;
    case FIELD_NUMBER:
    case FIELD_WHOLE:
        break;
    }
    return read_request_number((double *)(void *)at, f, value, err);
}

typedef struct request_rule {
    bool bad;
    const char *message;
} request_rule;

static vblip_status hold_rules(const request_rule *rules, size_t count,
                               vblip_error *err)
{
    for (size_t i = 0; i < count; i++)
        if (rules[i].bad)
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s", rules[i].message);
    return VBLIP_OK;
}

static vblip_status check_caption_job(const vb_request *r, vblip_error *err)
{
    const bool every = r->every_s > 0 || r->every_frames > 0;
    const bool moment = r->start_s > 0 || r->end_s > 0;
    const bool draws = r->top_p > 0 || r->top_k >= 0 || r->temperature > 0 ||
                       r->seed > 0 || r->samples > 0;
    const request_rule rules[] = {
        {every && r->count > 0, "count: not together with every"},
        {r->shots && (every || r->count > 0),
         "shots: not together with every or count"},
        {draws && !r->sample,
         "top_p, top_k, temperature, seed, samples: only with sample"},
        {r->sample && r->beams > 0, "beams: not together with sample"},
        {r->samples > 1 && (r->merge || r->same_picture > 0),
         "samples: 1 is allowed with merge and same_picture"},
        {moment &&
             (every || r->count > 0 || r->shots || r->merge || r->same_picture > 0),
         "start, end: not together with every, count, shots, merge or same_picture"},
    };
    return hold_rules(rules, sizeof rules / sizeof *rules, err);
}

static vblip_status check_job(const vb_request *r, vb_request_kind kind,
                              vblip_error *err)
{
    const bool moment = r->start_s > 0 || r->end_s > 0;
    const bool generates = r->beams > 0 || r->max_length > 0 || r->min_length > 0;
    const bool embeds = kind == VB_JOB_EMBED, retrieves = kind == VB_JOB_RETRIEVE;
    const bool of_text = r->what > 0;
    const request_rule rules[] = {
        {kind == VB_JOB_ASK && r->k_test > 0 && !r->answers.count,
         "k_test: only with answers"},
        {kind == VB_JOB_ASK && generates && r->answers.count,
         "beams, max_length, min_length: not together with answers, which are ranked"},
        {kind == VB_JOB_ASK && r->segment && moment,
         "segment: not together with start or end"},
        {embeds && r->what < 0, "what: missing"},
        {embeds && of_text && (r->path || moment || r->frames > 0),
         "path, start, end, frames: not with itc-text"},
        {embeds && of_text && !r->texts.count, "texts: missing"},
        {embeds && !of_text && r->texts.count, "texts: not with itc-image"},
        {embeds && !of_text && !r->path, "path: missing"},
        {retrieves && !r->path && !r->index, "path: missing, and there is no `index`"},
        {retrieves && r->no_index && r->index, "no_index: not together with index"},
        {retrieves && !r->path && r->segment,
         "segment: not without path, where the index is searched as it is"},
        {retrieves && r->min_p > 0 && r->rerank == 0,
         "min_p: not with rerank 0, which gives no P(match)"},
    };
    VB_TRY(hold_rules(rules, sizeof rules / sizeof *rules, err));
    return kind == VB_JOB_CAPTION || kind == VB_TOOL_CAPTION ? check_caption_job(r, err)
                                                             : VBLIP_OK;
}

// What only shows in several fields.
static vblip_status check_request(const vb_request *r, vb_request_kind kind,
                                  vblip_error *err)
{
    const request_rule rules[] = {
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
    VB_TRY(hold_rules(rules, sizeof rules / sizeof *rules, err));
    return is_job(kind) ? check_job(r, kind, err) : VBLIP_OK;
}

static const vb_request nothing_asked = {
    .rerank = VB_REQUEST_AUTO,
    .top_k = VB_REQUEST_UNSET,
    .what = VB_REQUEST_UNSET,
    .by = VB_REQUEST_UNSET,
    .itm_token = VB_REQUEST_UNSET,
};

// Reads the members of an object.
static vblip_status take_members(vb_request *out, vb_request_kind kind,
                                 const cJSON *object, vblip_error *err)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, object)
    {
        const request_field *f = request_field_named(kind, member->string);
        if (!f)
            return vb_fail(err, VBLIP_ERR_FORMAT, "%.100s: not a field of this request",
                           member->string);
        VB_TRY(read_request_field(out, kind, f, member, err));
    }
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields[i].required && fields[i].kinds & 1u << kind &&
            !cJSON_GetObjectItemCaseSensitive(object, fields[i].name))
            return vb_fail(err, VBLIP_ERR_FORMAT, "%s: missing", fields[i].name);
    return check_request(out, kind, err);
}

vblip_status vb_request_read(vb_request *out, vb_request_kind kind, const char *body,
                             size_t size, vblip_error *err)
{
    *out = nothing_asked;
    VB_TRY(vb_json_parse(&out->json, body, size, "body", err));
    if (!cJSON_IsObject(out->json))
        return vb_fail(err, VBLIP_ERR_FORMAT, "body: expected an object");
    return take_members(out, kind, out->json, err);
}

static const char *const ops[] = {
    [VB_JOB_CAPTION] = "caption",   [VB_JOB_ASK] = "ask",
    [VB_JOB_MATCH] = "match",       [VB_JOB_EMBED] = "embed",
    [VB_JOB_RETRIEVE] = "retrieve",
};

static vblip_status read_op(vb_request_kind *out, const cJSON *job, vblip_error *err)
{
    const cJSON *op = cJSON_GetObjectItemCaseSensitive(job, "op");
    if (!op)
        return vb_fail(err, VBLIP_ERR_FORMAT, "op: missing");
    for (int kind = VB_JOB_CAPTION; kind <= VB_JOB_RETRIEVE; kind++)
        if (cJSON_IsString(op) && strcmp(op->valuestring, ops[kind]) == 0) {
            *out = (vb_request_kind)kind;
            return VBLIP_OK;
        }
    return vb_fail(err, VBLIP_ERR_FORMAT,
                   "op: expected one of: caption, ask, match, embed, retrieve");
}

static void keep_id(vb_string *id, const char *line, size_t size)
{
    const char *text;
    size_t text_size;
    if (!vb_json_member_text(&text, &text_size, line, size, "id"))
        return;
    vb_string_clear(id);
    vb_string_append(id, text, text_size);
}

vblip_status vb_request_read_job(vb_request *out, vb_request_kind *kind, vb_string *id,
                                 const char *line, size_t size, vblip_error *err)
{
    *out = nothing_asked;
    *kind = VB_REQUEST_KINDS;
    vb_string_clear(id);
    vb_string_puts(id, "null");
    VB_TRY(vb_json_parse(&out->json, line, size, "job", err));
    if (!cJSON_IsObject(out->json))
        return vb_fail(err, VBLIP_ERR_FORMAT, "job: expected an object");
    keep_id(id, line, size);
    if (id->failed)
        return vb_fail_memory(err, "id");
    VB_TRY(read_op(kind, out->json, err));
    return take_members(out, *kind, out->json, err);
}

// ------------------------------------------------------------------------------ tools

vblip_status vb_request_take(vb_request *out, vb_request_kind kind,
                             const cJSON *arguments, vblip_error *err)
{
    *out = nothing_asked;
    VB_TRY(take_members(out, kind, arguments, err));
    const char *text = kind == VB_TOOL_SEARCH ? out->query : out->question;
    if (!text)
        return VBLIP_OK;
    out->texts.items = calloc(2, sizeof *out->texts.items);
    if (!out->texts.items)
        return vb_fail_memory(err, "arguments");
    out->texts.items[out->texts.count++] = text;
    return VBLIP_OK;
}

// What an argument is, for those who choose it.
static const struct {
    const char *name, *about;
} abouts[] = {
    {"query", "what is seen: a short description in English, such as a caption"},
    {"top", "most hits (10)"},
    {"min_p", "leave out hits that match with less than this probability (0)"},
    {"then", "what is seen after that in the same recording: a hit is both"},
    {"within", "longest time between the two, in seconds (60)"},
    {"path", "a recording or picture, as search names it"},
    {"question", "a question in English about what is seen"},
    {"answers", "possible answers, to be ranked (one is made up)"},
    {"texts", "short descriptions in English"},
    {"start", "where the part that counts begins, in seconds (the start)"},
    {"end", "where it ends, in seconds (the end)"},
    {"every", "one caption per so many seconds, instead of count"},
    {"count", "so many captions, spread over the recording (10)"},
    {"shots", "one caption per shot instead"},
    {"time", "in seconds (0)"},
    {"width", "of the picture in pixels (512)"},
};

static const char *about_argument(const char *name)
{
    for (size_t i = 0; i < sizeof abouts / sizeof *abouts; i++)
        if (strcmp(abouts[i].name, name) == 0)
            return abouts[i].about;
    return "";
}

static void put_argument(vb_string *out, const request_field *f)
{
    static const char *const types[] = {
        [FIELD_TEXT] = "string",  [FIELD_NUMBER] = "number", [FIELD_WHOLE] = "integer",
        [FIELD_FLAG] = "boolean", [FIELD_TEXTS] = "array",
    };
    const char *about = about_argument(f->name);
    vb_string_appendf(out, "\"%s\":{\"type\":\"%s\"", f->name, types[f->kind]);
    if (f->kind == FIELD_NUMBER || f->kind == FIELD_WHOLE)
        vb_string_appendf(out, ",\"minimum\":%.15g,\"maximum\":%.15g", f->least,
                          f->most);
    if (f->kind == FIELD_TEXTS)
        vb_string_appendf(
            out, ",\"items\":{\"type\":\"string\"},\"minItems\":1,\"maxItems\":%d",
            (int)VB_JOB_TEXTS);
    vb_string_puts(out, ",\"description\":");
    vb_json_put_string(out, about, strlen(about));
    vb_string_putc(out, '}');
}

void vb_request_schema(vb_string *out, vb_request_kind kind)
{
    const char *comma = "";
    vb_string_puts(out, "{\"type\":\"object\",\"properties\":{");
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields[i].kinds & 1u << kind) {
            vb_string_puts(out, comma);
            put_argument(out, &fields[i]);
            comma = ",";
        }
    vb_string_puts(out, "},\"required\":[");
    comma = "";
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (fields[i].kinds & 1u << kind && fields[i].required) {
            vb_string_appendf(out, "%s\"%s\"", comma, fields[i].name);
            comma = ",";
        }
    vb_string_puts(out, "],\"additionalProperties\":false}");
}

void vb_request_free(vb_request *request)
{
    vb_request_texts *const lists[] = {&request->include, &request->exclude,
                                       &request->answers, &request->texts};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        free(lists[i]->items);
        *lists[i] = (vb_request_texts){0};
    }
    cJSON_Delete(request->json);
    request->json = NULL;
}

#include "formats/hit_rows.h"

#include "formats/json.h"

#include <math.h>
#include <string.h>

static const double most_seconds = 31.0 * 86400; // that are read of a recording

// `there` stays false where the member is absent or null.
static vblip_status read_seconds(bool *there, int64_t *out, vb_json_object row,
                                 const char *key, vblip_error *err)
{
    const cJSON *value = vb_json_get(row, key);
    *there = value != NULL;
    if (!value)
        return VBLIP_OK;
    if (!cJSON_IsNumber(value))
        return vb_json_fail(row, key, VBLIP_ERR_FORMAT, err, "not a number of seconds");
    if (!(value->valuedouble >= 0 && value->valuedouble <= most_seconds))
        return vb_json_fail(row, key, VBLIP_ERR_FORMAT, err, "%g s, expected 0 to %.0f",
                            value->valuedouble, most_seconds);
    *out = llround(value->valuedouble * 1e6);
    return VBLIP_OK;
}

static vblip_status read_hit_times(vb_hit_row *out, vb_json_object row,
                                   vblip_error *err)
{
    bool start, end, then;
    int64_t then_end_us;
    VB_TRY(read_seconds(&start, &out->start_us, row, "start", err));
    VB_TRY(read_seconds(&end, &out->end_us, row, "end", err));
    VB_TRY(read_seconds(&then, &then_end_us, row, "then_end", err));
    if (start != end)
        return vb_json_fail(row, start ? "end" : "start", VBLIP_ERR_FORMAT, err,
                            "missing");
    out->timed = start;
    if (start && then)
        out->end_us = then_end_us;
    if (start && out->end_us <= out->start_us)
        return vb_json_fail(row, then ? "then_end" : "end", VBLIP_ERR_FORMAT, err,
                            "%.3f s, not behind start %.3f", (double)out->end_us / 1e6,
                            (double)out->start_us / 1e6);
    return VBLIP_OK;
}

static vblip_status read_hit_members(vb_hit_row *out, vb_arena *arena,
                                     vb_json_object row, vblip_error *err)
{
    const char *path = NULL, *error = NULL, *query = NULL;
    VB_TRY(vb_json_string(&error, row, "error", err));
    if (error)
        return VBLIP_OK;
    VB_TRY(vb_json_string(&path, row, "path", err));
    if (!path || !*path)
        return vb_json_fail(row, "path", VBLIP_ERR_FORMAT, err,
                            path ? "empty" : "missing");
    VB_TRY(read_hit_times(out, row, err));
    VB_TRY(vb_json_u32(&out->rank, row, "rank", 1, UINT32_MAX, err));
    out->judged = vb_json_get(row, "p_match") != NULL;
    VB_TRY(vb_json_float(&out->p_match, row, "p_match", 0, 1, err));
    VB_TRY(vb_json_string(&query, row, "query", err));
    out->path = vb_arena_string(arena, path, strlen(path));
    out->query = query ? vb_arena_string(arena, query, strlen(query)) : NULL;
    return out->path && (out->query || !query) ? VBLIP_OK
                                               : vb_fail_memory(err, row.subject);
}

vblip_status vb_hit_row_read(vb_hit_row *out, vb_arena *arena, const char *line,
                             size_t size, const char *subject, vblip_error *err)
{
    cJSON *json = NULL;
    *out = (vb_hit_row){0};
    if (vb_line_is_blank(line, size))
        return VBLIP_OK;
    VB_TRY(vb_json_parse(&json, line, size, subject, err));
    const vb_json_object row = {.json = json, .subject = subject, .where = ""};
    const vblip_status status =
        cJSON_IsObject(json)
            ? read_hit_members(out, arena, row, err)
            : vb_fail(err, VBLIP_ERR_FORMAT,
                      "%s: not an object: rows are those of retrieve -f jsonl",
                      subject);
    cJSON_Delete(json);
    if (status != VBLIP_OK)
        *out = (vb_hit_row){0};
    return status;
}

// ------------------------------------------------------------------- rows that are handed on

// What of an object is text between quotes.
static const char *string_end(const char *at)
{
    for (at++; *at != '"'; at++)
        at += *at == '\\';
    return at + 1;
}

// Behind the value at `at`: its comma, or the end of the object.
static const char *value_end(const char *at, const char *end)
{
    int depth = 0;
    while (at < end && (depth || (*at != ',' && *at != '}'))) {
        depth += *at == '{' || *at == '[';
        depth -= *at == '}' || *at == ']';
        at = *at == '"' ? string_end(at) : at + 1;
    }
    return at;
}

// Whether `key`, between its quotes, is one of `names`, however it is escaped.
static bool is_named_so(const char *key, size_t size, const char *const *names)
{
    cJSON *name = cJSON_ParseWithLength(key, size);
    while (name && *names && strcmp(name->valuestring, *names) != 0)
        names++;
    const bool named = name && *names;
    cJSON_Delete(name);
    return named;
}

void vb_hit_row_copy(vb_string *out, const char *line, size_t size,
                     const char *const *without)
{
    const char *end = line + size, *at = memchr(line, '"', size);
    while (at) {
        const char *key_end = string_end(at);
        const char *colon = memchr(key_end, ':', (size_t)(end - key_end));
        const char *stop = value_end(colon + 1, end);
        if (!is_named_so(at, (size_t)(key_end - at), without)) {
            vb_string_append(out, at, (size_t)(stop - at));
            vb_string_putc(out, ',');
        }
        at =
            stop < end && *stop == ',' ? memchr(stop, '"', (size_t)(end - stop)) : NULL;
    }
}

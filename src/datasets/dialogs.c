#include "datasets/dialogs.h"

#include "base/text.h"
#include "formats/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SUBJECT = 300 }; // bytes of "FILE: dialog N"

// One object on its way into a dialog.
typedef struct reading {
    vb_arena *arena;
    vb_json_object object;
} reading;

static vblip_status dialog_fail(const reading *r, const char *key, vblip_error *err,
                                const char *what)
{
    return vb_json_fail(r->object, key, VBLIP_ERR_FORMAT, err, "%s", what);
}

static vblip_status dialog_keep(const char **out, const reading *r, const char *text,
                                vblip_error *err)
{
    *out = vb_arena_string(r->arena, text, strlen(text));
    return *out ? VBLIP_OK : vb_fail_memory(err, r->object.subject);
}

static vblip_status read_string(const char **out, const reading *r, const char *key,
                                bool needed, vblip_error *err)
{
    const char *text = NULL;
    VB_TRY(vb_json_string(&text, r->object, key, err));
    if (text)
        return dialog_keep(out, r, text, err);
    return needed ? dialog_fail(r, key, err, "missing") : VBLIP_OK;
}

// The list at `key`, or an empty one; NULL with a message when it is something else.
static vblip_status read_list(const cJSON **out, uint32_t *count, const reading *r,
                              const char *key, vblip_error *err)
{
    *out = vb_json_get(r->object, key);
    *count = 0;
    if (!*out)
        return VBLIP_OK;
    if (!cJSON_IsArray(*out))
        return dialog_fail(r, key, err, "not a list");
    *count = (uint32_t)cJSON_GetArraySize(*out);
    *out = (*out)->child;
    return VBLIP_OK;
}

static vblip_status read_turns(vb_dialog *out, const reading *r, vblip_error *err)
{
    const cJSON *entry;
    VB_TRY(read_list(&entry, &out->turn_count, r, "history", err));
    vb_turn *turns = VB_ARENA_NEW(r->arena, vb_turn, out->turn_count);
    if (!turns)
        return vb_fail_memory(err, r->object.subject);
    for (uint32_t i = 0; i < out->turn_count; i++, entry = entry->next) {
        char where[32];
        snprintf(where, sizeof where, "history[%" PRIu32 "]", i);
        const reading turn = {r->arena, {entry, r->object.subject, where}};
        if (!cJSON_IsObject(entry))
            return dialog_fail(r, where, err, "not an object");
        VB_TRY(read_string(&turns[i].question, &turn, "question", true, err));
        VB_TRY(read_string(&turns[i].answer, &turn, "answer", true, err));
    }
    out->turns = turns;
    return VBLIP_OK;
}

static vblip_status read_candidates(vb_dialog *out, const reading *r, vblip_error *err)
{
    static const char key[] = "candidates";
    const cJSON *entry;
    VB_TRY(read_list(&entry, &out->candidate_count, r, key, err));
    if (!out->candidate_count)
        return dialog_fail(r, key, err, "none given");
    const char **list = VB_ARENA_NEW(r->arena, const char *, out->candidate_count);
    if (!list)
        return vb_fail_memory(err, r->object.subject);
    for (uint32_t i = 0; i < out->candidate_count; i++, entry = entry->next) {
        if (!cJSON_IsString(entry))
            return dialog_fail(r, key, err, "not a list of strings");
        VB_TRY(dialog_keep(&list[i], r, entry->valuestring, err));
    }
    out->candidates = list;
    return VBLIP_OK;
}

static vblip_status read_dialog(vb_dialogs *out, vb_arena *arena, const cJSON *json,
                                const char *subject, vblip_error *err)
{
    char where[SUBJECT];
    vb_dialog *dialog = &out->items[out->count++];
    snprintf(where, sizeof where, "%.270s: dialog %" PRIu32, subject, out->count);
    const reading r = {arena, {json, where, ""}};
    if (!cJSON_IsObject(json))
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: not an object", where);
    VB_TRY(read_string(&dialog->caption, &r, "caption", false, err));
    VB_TRY(read_turns(dialog, &r, err));
    VB_TRY(read_string(&dialog->question, &r, "question", true, err));
    return read_candidates(dialog, &r, err);
}

static vblip_status dialogs_allocate(vb_dialogs *out, vb_arena *arena, size_t count,
                                     const char *subject, vblip_error *err)
{
    if (count == 0)
        return vb_fail(err, VBLIP_ERR_FORMAT, "%s: holds no dialog", subject);
    out->items = VB_ARENA_NEW(arena, vb_dialog, count);
    return out->items ? VBLIP_OK : vb_fail_memory(err, subject);
}

// One object, or a list of them.
static vblip_status read_value(vb_dialogs *out, vb_arena *arena, const cJSON *json,
                               const char *subject, vblip_error *err)
{
    const bool list = cJSON_IsArray(json);
    const cJSON *entry = list ? json->child : json;
    const size_t count = list ? (size_t)cJSON_GetArraySize(json) : 1;
    VB_TRY(dialogs_allocate(out, arena, count, subject, err));
    for (size_t i = 0; i < count; i++, entry = entry->next)
        VB_TRY(read_dialog(out, arena, entry, subject, err));
    return VBLIP_OK;
}

static vblip_status read_line(vb_dialogs *out, vb_arena *arena, const char *line,
                              size_t size, const char *subject, vblip_error *err)
{
    char where[SUBJECT];
    cJSON *json = NULL;
    snprintf(where, sizeof where, "%.270s: dialog %" PRIu32, subject, out->count + 1);
    VB_TRY(vb_json_parse(&json, line, size, where, err));
    vblip_status status = read_dialog(out, arena, json, subject, err);
    cJSON_Delete(json);
    return status;
}

static vblip_status read_lines(vb_dialogs *out, vb_arena *arena, const char *text,
                               size_t size, const char *subject, vblip_error *err)
{
    VB_TRY(dialogs_allocate(out, arena, vb_lines_count(text, size), subject, err));
    vb_lines lines = {.text = text, .size = size};
    const char *line;
    size_t length;
    while (vb_lines_next(&lines, &line, &length))
        VB_TRY(read_line(out, arena, line, length, subject, err));
    return VBLIP_OK;
}

// Whether the first line is more than the beginning of a value.
static bool is_lines(const char *text, size_t size)
{
    vb_lines lines = {.text = text, .size = size};
    const char *line;
    size_t length;
    cJSON *json = NULL;
    if (!memchr(text, '\n', size) || !vb_lines_next(&lines, &line, &length))
        return false;
    const bool whole = vb_json_parse(&json, line, length, "", NULL) == VBLIP_OK;
    const bool found = whole && cJSON_IsObject(json);
    cJSON_Delete(json);
    return found;
}

static vblip_status read_one_text(vb_dialogs *out, vb_arena *arena, const char *text,
                                  size_t size, const char *subject, vblip_error *err)
{
    cJSON *json = NULL;
    VB_TRY(vb_json_parse(&json, text, size, subject, err));
    vblip_status status = read_value(out, arena, json, subject, err);
    cJSON_Delete(json);
    return status;
}

vblip_status vb_dialogs_parse(vb_dialogs *out, vb_arena *arena, const char *text,
                              size_t size, const char *subject, vblip_error *err)
{
    *out = (vb_dialogs){0};
    vblip_status status = is_lines(text, size)
                              ? read_lines(out, arena, text, size, subject, err)
                              : read_one_text(out, arena, text, size, subject, err);
    if (status != VBLIP_OK)
        *out = (vb_dialogs){0};
    return status;
}

#include "serve/tools.h"

#include "base/path.h"
#include "output/json_out.h"
#include "vblip_export.h"
#include "vblip_library.h"

#include <stdlib.h>
#include <string.h>

enum { TOOL_WIDTH = 512, TOOL_CAPTIONS = 10 };

static const vb_tool tools_there[] = {
    {"search", "Search recordings",
     "Finds moments of the recordings that show what a short description says, the "
     "best "
     "first: path, start and end in seconds (null of a picture), and p_match, how "
     "probable it is that the description is right.",
     VB_TOOL_SEARCH},
    {"caption", "Describe a recording",
     "Describes a picture, frames of a recording, or with start and end one moment of "
     "it, in a sentence each.",
     VB_TOOL_CAPTION},
    {"ask", "Ask about a recording",
     "Answers a question about a picture, a recording or a moment of it, in a word or "
     "two.",
     VB_TOOL_ASK},
    {"match", "Compare descriptions",
     "Tells how well descriptions match a picture, a recording or a moment of it: "
     "p_match is the probability that one does.",
     VB_TOOL_MATCH},
    {"show", "Show a moment",
     "Shows a picture, or what is seen in a recording at a time.", VB_TOOL_SHOW},
};
enum { TOOL_COUNT = sizeof tools_there / sizeof *tools_there };

const vb_tool *vb_tool_named(const char *name)
{
    for (size_t i = 0; i < TOOL_COUNT; i++)
        if (strcmp(tools_there[i].name, name) == 0)
            return &tools_there[i];
    return NULL;
}

void vb_tools_list(vb_string *out)
{
    for (size_t i = 0; i < TOOL_COUNT; i++) {
        const vb_tool *tool = &tools_there[i];
        vb_string_appendf(out, "%s{\"name\":\"%s\",\"title\":\"%s\",\"description\":",
                          i ? "," : "[", tool->name, tool->title);
        vb_json_put_string(out, tool->about, strlen(tool->about));
        vb_string_puts(out, ",\"inputSchema\":");
        vb_request_schema(out, tool->kind);
        vb_string_puts(out, ",\"annotations\":{\"readOnlyHint\":true,"
                            "\"openWorldHint\":false}}");
    }
    vb_string_putc(out, ']');
}

// ------------------------------------------------------------------ what may be seen

static vblip_status add_root(vb_list *roots, const char *path, vblip_error *err)
{
    vb_arena arena = {0};
    const char *absolute;
    vblip_status status = vb_path_absolute(&absolute, &arena, path, err);
    if (status == VBLIP_OK && !vb_list_add(roots, absolute, strlen(absolute)))
        status = vb_fail_memory(err, path);
    vb_arena_free(&arena);
    return status;
}

typedef struct index_root {
    vb_list *roots;
    vblip_error failed;
} index_root;

static int on_index_root(void *user, const vblip_index_info *info)
{
    index_root *to = user;
    return add_root(to->roots, info->root, &to->failed) != VBLIP_OK;
}

static vblip_status list_roots(vb_list *roots, const vb_jobs_options *o,
                               vblip_error *err)
{
    for (uint32_t i = 0; i < o->path_count; i++)
        VB_TRY(add_root(roots, o->paths[i], err));
    if (o->path_count)
        return VBLIP_OK;
    index_root to = {.roots = roots};
    const vblip_status status = vblip_index_describe(o->index, on_index_root, &to, err);
    return to.failed.status == VBLIP_OK
               ? status
               : vb_fail(err, to.failed.status, "%s", to.failed.message);
}

// Whether `path` is, links followed, in what is searched.
static vblip_status check_seen(const vb_tools *tools, const char *path,
                               vblip_error *err)
{
    vb_arena arena = {0};
    const char *absolute = NULL;
    bool seen = false;
    if (vb_path_absolute(&absolute, &arena, path, NULL) == VBLIP_OK)
        for (uint32_t i = 0; i < tools->roots.count && !seen; i++)
            seen = vb_path_below(tools->roots.items[i], absolute) != NULL;
    vb_arena_free(&arena);
    return seen ? VBLIP_OK
                : vb_fail(err, VBLIP_ERR_ARGUMENT,
                          "%.300s: not there, or not one of the recordings that are "
                          "searched",
                          path);
}

vblip_status vb_tools_open(vb_tools *out, const vb_jobs_options *options,
                           vblip_error *err)
{
    *out = (vb_tools){.jobs = {.options = options}};
    return list_roots(&out->roots, options, err);
}

void vb_tools_close(vb_tools *tools)
{
    vb_jobs_free(&tools->jobs);
    vb_list_free(&tools->roots);
    vb_string_free(&tools->rows);
}

// ------------------------------------------------------------------------------- calls

static vblip_status show_moment(const vb_request *r, vb_string *out, vblip_error *err)
{
    uint8_t *bytes;
    uint64_t size;
    const uint32_t width = r->width > 0 ? (uint32_t)r->width & ~1u : TOOL_WIDTH;
    const vblip_status status = vblip_thumbnail(
        &bytes, &size, r->path, (int64_t)(r->time_s * 1e6 + 0.5), width, err);
    if (status != VBLIP_OK) {
        vb_error_subject(err, r->path);
        return status;
    }
    vb_string_puts(out, "{\"content\":[{\"type\":\"image\",\"data\":");
    vb_json_put_base64(out, bytes, size);
    vb_string_puts(out, ",\"mimeType\":\"image/jpeg\"}],\"isError\":false}");
    free(bytes);
    return VBLIP_OK;
}

// The rows, as text for those who only read that, and as they are.
static vblip_status tell_rows(vb_tools *tools, vb_request_kind kind,
                              const vb_request *r, vb_string *out, vblip_error *err)
{
    vb_string text = {0};
    vb_string_clear(&tools->rows);
    VB_TRY(vb_jobs_do(&tools->jobs, kind, r, &tools->rows, err));
    vb_string_putc(&text, '[');
    if (tools->rows.size)
        vb_string_append(&text, tools->rows.bytes, tools->rows.size);
    vb_string_putc(&text, ']');
    if (text.failed) {
        vb_string_free(&text);
        return vb_fail_memory(err, "rows");
    }
    vb_string_puts(out, "{\"content\":[{\"type\":\"text\",\"text\":");
    vb_json_put_string(out, text.bytes, text.size);
    vb_string_puts(out, "}],\"structuredContent\":{\"rows\":");
    vb_string_append(out, text.bytes, text.size);
    vb_string_puts(out, "},\"isError\":false}");
    vb_string_free(&text);
    return VBLIP_OK;
}

static vblip_status call_tool(vb_tools *tools, const vb_tool *tool, vb_request *r,
                              vb_string *out, vblip_error *err)
{
    if (r->path)
        VB_TRY(check_seen(tools, r->path, err));
    if (tool->kind == VB_TOOL_SHOW)
        return show_moment(r, out, err);
    const bool chosen = r->start_s > 0 || r->end_s > 0 || r->every_s > 0 || r->shots;
    if (tool->kind == VB_TOOL_CAPTION && !chosen && r->count <= 0)
        r->count = TOOL_CAPTIONS;
    return tell_rows(tools, tool->kind, r, out, err);
}

void vb_tool_call(vb_tools *tools, const vb_tool *tool, const cJSON *arguments,
                  vb_string *out)
{
    vb_request r;
    vblip_error err = {0};
    vblip_status status = vb_request_take(&r, tool->kind, arguments, &err);
    if (status == VBLIP_OK)
        status = call_tool(tools, tool, &r, out, &err);
    vb_request_free(&r);
    if (status == VBLIP_OK)
        return;
    vb_string_puts(out, "{\"content\":[{\"type\":\"text\",\"text\":");
    vb_json_put_string(out, err.message, strlen(err.message));
    vb_string_puts(out, "}],\"isError\":true}");
}

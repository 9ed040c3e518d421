#include "serve/mcp.h"

#include "output/json_out.h"
#include "serve/tools.h"

#include <string.h>

// Of JSON-RPC 2.0.
typedef enum rpc_error {
    RPC_NONE = 0,
    RPC_PARSE = -32700,
    RPC_REQUEST = -32600,
    RPC_METHOD = -32601,
    RPC_PARAMS = -32602,
    RPC_INTERNAL = -32603,
} rpc_error;

typedef struct mcp_server {
    const vb_mcp_options *options;
    vb_tools tools;
    bool initialized;
    vb_string id;     // of the request in work, as it is written
    vb_string result; // of it
} mcp_server;

// ---------------------------------------------------------------------------- methods

// The revisions that this is an implementation of, the latest first. That of 2025-03-26 has
// batches, which no other has.
static const char *const revisions[] = {"2025-11-25", "2025-06-18", "2024-11-05"};

static const char instructions[] =
    "Recordings that can be searched by what is seen in them. search finds moments, "
    "with path, start and end in seconds; show, ask, caption and match tell more about "
    "one. The models are small: describe in a few plain words, and look at what was "
    "found.";

static rpc_error mcp_initialize(mcp_server *s, const cJSON *params, vblip_error *err)
{
    const cJSON *asked = cJSON_GetObjectItemCaseSensitive(params, "protocolVersion");
    const char *revision = revisions[0];
    if (!cJSON_IsString(asked)) {
        (void)vb_fail(err, VBLIP_ERR_FORMAT, "protocolVersion: missing, or no text");
        return RPC_PARAMS;
    }
    for (size_t i = 0; i < sizeof revisions / sizeof *revisions; i++)
        if (strcmp(asked->valuestring, revisions[i]) == 0)
            revision = revisions[i];
    s->initialized = true;
    vb_string_appendf(&s->result,
                      "{\"protocolVersion\":\"%s\",\"capabilities\":{\"tools\":{}},"
                      "\"serverInfo\":{\"name\":\"vblip\",\"version\":\"%s\"},"
                      "\"instructions\":",
                      revision, vblip_version());
    vb_json_put_string(&s->result, instructions, strlen(instructions));
    vb_string_putc(&s->result, '}');
    return RPC_NONE;
}

static rpc_error mcp_ping(mcp_server *s, const cJSON *params, vblip_error *err)
{
    (void)params;
    (void)err;
    vb_string_puts(&s->result, "{}");
    return RPC_NONE;
}

static rpc_error mcp_list_tools(mcp_server *s, const cJSON *params, vblip_error *err)
{
    if (cJSON_GetObjectItemCaseSensitive(params, "cursor")) {
        (void)vb_fail(err, VBLIP_ERR_FORMAT, "cursor: not one of this server's");
        return RPC_PARAMS;
    }
    vb_string_puts(&s->result, "{\"tools\":");
    vb_tools_list(&s->result);
    vb_string_putc(&s->result, '}');
    return RPC_NONE;
}

static rpc_error mcp_call_tool(mcp_server *s, const cJSON *params, vblip_error *err)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(params, "name");
    const cJSON *arguments = cJSON_GetObjectItemCaseSensitive(params, "arguments");
    if (!cJSON_IsString(name))
        (void)vb_fail(err, VBLIP_ERR_FORMAT, "name: missing, or no text");
    else if (arguments && !cJSON_IsObject(arguments))
        (void)vb_fail(err, VBLIP_ERR_FORMAT, "arguments: expected an object");
    else if (!vb_tool_named(name->valuestring))
        (void)vb_fail(err, VBLIP_ERR_FORMAT, "%.64s: unknown tool", name->valuestring);
    if (err->status != VBLIP_OK)
        return RPC_PARAMS;
    vb_tool_call(&s->tools, vb_tool_named(name->valuestring), arguments, &s->result);
    return RPC_NONE;
}

typedef struct mcp_method {
    const char *name;
    bool always; // also before initialize
    rpc_error (*fn)(mcp_server *s, const cJSON *params, vblip_error *err);
} mcp_method;

static const mcp_method methods[] = {
    {"initialize", true, mcp_initialize},
    {"ping", true, mcp_ping},
    {"tools/list", false, mcp_list_tools},
    {"tools/call", false, mcp_call_tool},
};

// --------------------------------------------------------------------------- messages

static bool is_rpc_id(const cJSON *id)
{
    return cJSON_IsString(id) || cJSON_IsNumber(id);
}

static rpc_error refuse_message(vblip_error *err, rpc_error code, const char *message)
{
    (void)vb_fail(err, VBLIP_ERR_FORMAT, "%s", message);
    return code;
}

static rpc_error do_request(mcp_server *s, const cJSON *message, const char *method,
                            vblip_error *err)
{
    const cJSON *params = cJSON_GetObjectItemCaseSensitive(message, "params");
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        const mcp_method *m = &methods[i];
        if (strcmp(m->name, method) != 0)
            continue;
        if (!m->always && !s->initialized)
            return refuse_message(err, RPC_REQUEST, "initialize comes first");
        if (params && !cJSON_IsObject(params))
            return refuse_message(err, RPC_PARAMS, "params: expected an object");
        return m->fn(s, params, err);
    }
    (void)vb_fail(err, VBLIP_ERR_FORMAT, "%.64s: unknown method", method);
    return RPC_METHOD;
}

// What to answer, if anything: nothing is, to notifications and to answers.
static rpc_error do_message(mcp_server *s, const cJSON *message, const char *line,
                            size_t size, bool *answers, vblip_error *err)
{
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(message, "id");
    const cJSON *method = cJSON_GetObjectItemCaseSensitive(message, "method");
    const cJSON *rpc = cJSON_GetObjectItemCaseSensitive(message, "jsonrpc");
    const char *text;
    size_t text_size;
    if (!cJSON_IsObject(message))
        return refuse_message(err, RPC_REQUEST, "message: expected an object");
    if (is_rpc_id(id) && vb_json_member_text(&text, &text_size, line, size, "id")) {
        vb_string_clear(&s->id);
        vb_string_append(&s->id, text, text_size);
    }
    if (!cJSON_IsString(rpc) || strcmp(rpc->valuestring, "2.0") != 0)
        return refuse_message(err, RPC_REQUEST, "jsonrpc: expected \"2.0\"");
    *answers = method && id;
    if (!method && (cJSON_GetObjectItemCaseSensitive(message, "result") ||
                    cJSON_GetObjectItemCaseSensitive(message, "error")))
        return RPC_NONE;
    if (method && !id)
        return RPC_NONE;
    *answers = true;
    if (!is_rpc_id(id))
        return refuse_message(err, RPC_REQUEST, "id: expected a text or a number");
    if (!cJSON_IsString(method))
        return refuse_message(err, RPC_REQUEST, "method: missing, or no text");
    return do_request(s, message, method->valuestring, err);
}

static void put_answer_to_message(vb_string *out, const mcp_server *s, rpc_error code,
                                  const vblip_error *err)
{
    vb_string_puts(out, "{\"jsonrpc\":\"2.0\",\"id\":");
    vb_string_append(out, s->id.bytes, s->id.size);
    if (code == RPC_NONE) {
        vb_string_puts(out, ",\"result\":");
        vb_string_append(out, s->result.bytes, s->result.size);
    } else {
        vb_string_appendf(out, ",\"error\":{\"code\":%d,\"message\":", (int)code);
        vb_json_put_string(out, err->message, strlen(err->message));
        vb_string_putc(out, '}');
    }
    vb_string_puts(out, "}\n");
}

static void answer_message(void *server, vb_line kind, const char *line, size_t size,
                           vb_string *out)
{
    mcp_server *s = server;
    cJSON *message = NULL;
    vblip_error err = {0};
    rpc_error code = RPC_PARSE;
    bool answers = true;
    vb_string_clear(&s->id);
    vb_string_puts(&s->id, "null");
    vb_string_clear(&s->result);
    if (kind == VB_LINE_TOO_LONG)
        (void)vb_fail(&err, VBLIP_ERR_FORMAT, "message: a line of more than %d bytes",
                      (int)VB_MOST_LINE);
    else if (vb_json_parse(&message, line, size, "message", &err) == VBLIP_OK)
        code = do_message(s, message, line, size, &answers, &err);
    if (code == RPC_NONE && s->result.failed)
        code = refuse_message(&err, RPC_INTERNAL, "out of memory");
    cJSON_Delete(message);
    if (answers)
        put_answer_to_message(out, s, code, &err);
}

vblip_status vb_mcp(const vb_mcp_options *options, vblip_error *err)
{
    mcp_server s = {.options = options};
    vblip_status status = vb_tools_open(&s.tools, &options->jobs, err);
    if (status == VBLIP_OK)
        status = vb_answer_lines(&options->lines, answer_message, &s, err);
    vb_tools_close(&s.tools);
    vb_string_free(&s.id);
    vb_string_free(&s.result);
    return status;
}

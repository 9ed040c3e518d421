// request.h - what requests ask for: the bodies of those over HTTP (serve/openapi.json), the
// jobs of a worker and the arguments of tools (docs/cli.md).
#ifndef VB_SERVE_REQUEST_H
#define VB_SERVE_REQUEST_H

#include "base/text.h"
#include "formats/json.h"

#include <stddef.h>

typedef enum vb_request_kind {
    VB_REQUEST_SEARCH, // over HTTP
    VB_REQUEST_ASK,
    VB_REQUEST_CAPTIONS,
    VB_JOB_CAPTION, // of a worker, by `op`
    VB_JOB_ASK,
    VB_JOB_MATCH,
    VB_JOB_EMBED,
    VB_JOB_RETRIEVE,
    VB_TOOL_SEARCH, // of a server for agents
    VB_TOOL_CAPTION,
    VB_TOOL_ASK,
    VB_TOOL_MATCH,
    VB_TOOL_SHOW,
    VB_REQUEST_KINDS,
} vb_request_kind;

enum {
    VB_REQUEST_TEXTS = 256, // of a list over HTTP
    VB_JOB_TEXTS = 4096,    // and of a job
    VB_REQUEST_AUTO = -2,
    VB_REQUEST_UNSET = -1,
};

// The choices of `what`.
enum { VB_WHAT_ITC_IMAGE, VB_WHAT_ITC_TEXT };

// Texts of a list, NULL behind the last; none: items is NULL.
typedef struct vb_request_texts {
    const char **items;
    uint32_t count;
} vb_request_texts;

// Strings point into `json`. A field that was not given is 0 or NULL, unless it says else.
typedef struct vb_request {
    cJSON *json; // NULL: what was read belongs to somebody else
    const char *query, *then, *question;
    const char *like;      // a recording: hits are to be like the part below of it
    const char *recording; // that is asked about
    double start_s, end_s; // end 0 = to its end
    double within_s, every_s;
    double min_p, dedupe;
    double since_s, until_s; // since 1970
    double top, offset;      // whole numbers
    double rerank;           // the same; VB_REQUEST_AUTO
    bool by_recording, shots;
    vb_request_texts include, exclude, answers;

    // Of jobs alone.
    const char *path, *prompt, *segment, *index;
    vb_request_texts texts;
    double frames, count, every_frames, beams, max_length, min_length, samples, k_test;
    double seed, top_k; // top_k 0 = all, VB_REQUEST_UNSET
    double repetition_penalty, top_p, temperature, same_picture;
    double what, by, itm_token; // choices by number; VB_REQUEST_UNSET
    bool sample, merge, no_index;

    double time_s, width; // of a picture; width 0 = default
} vb_request;

// Reads the `size` bytes of a body. VBLIP_ERR_FORMAT names the field that is wrong: of
// another type, out of range, not known, or missing. vb_request_free frees it even then.
VB_CHECKED vblip_status vb_request_read(vb_request *out, vb_request_kind kind,
                                        const char *body, size_t size,
                                        vblip_error *err);

// Reads a job, {"id": ..., "op": "caption", ...}. `id` gets the JSON that names it, as it is
// written: null where it has none, or none can be told.
VB_CHECKED vblip_status vb_request_read_job(vb_request *out, vb_request_kind *kind,
                                            vb_string *id, const char *line,
                                            size_t size, vblip_error *err);

// Reads the arguments of a tool, which must outlive the request; NULL = none. A query, and a
// question, are its texts.
VB_CHECKED vblip_status vb_request_take(vb_request *out, vb_request_kind kind,
                                        const cJSON *arguments, vblip_error *err);

// Appends the JSON Schema of the arguments of a tool.
void vb_request_schema(vb_string *out, vb_request_kind kind);

void vb_request_free(vb_request *request);

#endif // VB_SERVE_REQUEST_H

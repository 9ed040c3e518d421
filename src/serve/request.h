// request.h - what the bodies of requests ask for (serve/openapi.json).
#ifndef VB_SERVE_REQUEST_H
#define VB_SERVE_REQUEST_H

#include "formats/json.h"

#include <stddef.h>

typedef enum vb_request_kind {
    VB_REQUEST_SEARCH,
    VB_REQUEST_ASK,
    VB_REQUEST_CAPTIONS,
} vb_request_kind;

enum { VB_REQUEST_TEXTS = 256, VB_REQUEST_AUTO = -2 };

// Texts of a list, NULL behind the last.
typedef struct vb_request_texts {
    const char *items[VB_REQUEST_TEXTS + 1];
    uint32_t count;
} vb_request_texts;

// Strings point into `json`. A field that was not given is 0 or NULL.
typedef struct vb_request {
    cJSON *json;
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
} vb_request;

// Reads the `size` bytes of a body. VBLIP_ERR_FORMAT names the field that is wrong: of
// another type, out of range, not known, or missing. vb_request_free frees it even then.
VB_CHECKED vblip_status vb_request_read(vb_request *out, vb_request_kind kind,
                                        const char *body, size_t size,
                                        vblip_error *err);
void vb_request_free(vb_request *request);

#endif // VB_SERVE_REQUEST_H

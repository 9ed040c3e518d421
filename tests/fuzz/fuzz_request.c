// fuzz_request.c - bodies of requests to `vblip serve`, of all kinds, and ranges.
#include "serve/range.h"
#include "serve/request.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int kind = VB_REQUEST_SEARCH; kind <= VB_REQUEST_CAPTIONS; kind++) {
        vb_request request;
        vblip_error err = {0};
        const vblip_status status = vb_request_read(&request, (vb_request_kind)kind,
                                                    (const char *)data, size, &err);
        if ((status == VBLIP_OK) != (err.message[0] == '\0'))
            abort();
        vb_request_free(&request);
    }
    char header[128];
    const size_t taken = size < sizeof header - 1 ? size : sizeof header - 1;
    memcpy(header, data, taken);
    header[taken] = '\0';
    const vb_range range = vb_range_read(header, 1000);
    if (range.first > 1000 || range.count > 1000 - range.first)
        abort();
    return 0;
}

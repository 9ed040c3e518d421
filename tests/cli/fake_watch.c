// fake_watch.c - a stream that shows all that is looked for, at once.
#include "cli/fake_vblip.h"
#include "vblip_watch.h"

#include <string.h>

vblip_status vblip_watch_stream(vblip_model *model, const char *address,
                                const char *const *texts, uint32_t count,
                                const vblip_watch_options *options, vblip_event_fn fn,
                                void *user, vblip_error *err)
{
    (void)model, (void)texts;
    if (fake_has(address, "nowhere"))
        return fake_fail(err, VBLIP_ERR_IO, "rtsp://nowhere: Connection refused");
    const char *path = strcmp(address, "-") == 0 ? "-" : "rtsp://camera/1";
    options->began(user, path);
    for (uint32_t i = 0; i < count; i++) {
        const vblip_event event = {
            .text = i,
            .path = path,
            .start_us = 1500000,
            .end_us = 1500000 + (options->window_us ? options->window_us : 8000000),
            .score = 2.5f,
            .itc = 0.5f,
            .p_match = options->min_p,
            .picture = (const uint8_t *)"JPEG",
            .picture_size = options->picture_width ? 4 : 0,
        };
        if (fn(user, &event))
            return fake_cancelled(err);
    }
    return VBLIP_OK;
}

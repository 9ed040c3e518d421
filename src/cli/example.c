#include "cli/example.h"

#include "cli/args.h"
#include "cli/date.h"

#include <string.h>
#include <unistd.h>

// START-END or START- behind an '@'.
static bool read_span(int64_t *start_us, int64_t *end_us, const char *part)
{
    const char *dash = strchr(part, '-');
    *end_us = 0;
    return dash && cli_clock_read(start_us, part, (size_t)(dash - part)) &&
           (!dash[1] || cli_clock_read(end_us, dash + 1, strlen(dash + 1)));
}

vblip_status cli_example_read(vblip_example *out, vb_arena *arena, const char *text,
                              float weight, vblip_error *err)
{
    const char *at = strrchr(text, '@');
    size_t size = strlen(text);
    *out = (vblip_example){.weight = weight};
    if (at && access(text, F_OK) != 0 &&
        read_span(&out->start_us, &out->end_us, at + 1)) {
        const bool open_end = at[strlen(at) - 1] == '-';
        if (!open_end && out->end_us <= out->start_us)
            return cli_misuse(err, "%.400s: ends before it begins", text);
        size = (size_t)(at - text);
    } else {
        out->start_us = out->end_us = 0;
    }
    out->path = vb_arena_string(arena, text, size);
    return out->path ? VBLIP_OK : vb_fail_memory(err, text);
}

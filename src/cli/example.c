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

// Whether the first `size` bytes of `text` name a file.
static bool is_file(vb_arena *arena, const char *text, size_t size)
{
    const char *path = vb_arena_string(arena, text, size);
    return path && access(path, F_OK) == 0;
}

vblip_status cli_example_read(vblip_example *out, vb_arena *arena, const char *text,
                              float weight, vblip_error *err)
{
    const char *at = strrchr(text, '@');
    size_t size = strlen(text);
    *out = (vblip_example){.weight = weight};
    if (at && access(text, F_OK) != 0) {
        const size_t before = (size_t)(at - text);
        const bool span = read_span(&out->start_us, &out->end_us, at + 1);
        if (!span && is_file(arena, text, before))
            return cli_misuse(err,
                              "%.400s: behind '@' START-END is expected, in seconds or "
                              "as 1:20-1:25.5",
                              text);
        if (span && at[strlen(at) - 1] != '-' && out->end_us <= out->start_us)
            return cli_misuse(err, "%.400s: ends before it begins", text);
        size = span ? before : size;
        if (!span)
            out->start_us = out->end_us = 0;
    }
    out->path = vb_arena_string(arena, text, size);
    return out->path ? VBLIP_OK : vb_fail_memory(err, text);
}

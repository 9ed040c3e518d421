#include "output/playlists.h"

#include <inttypes.h>
#include <string.h>

// A name of any bytes: how many there are comes first.
static void put_counted(vb_string *out, const char *bytes, size_t size)
{
    vb_string_appendf(out, "%%%zu%%", size);
    vb_string_append(out, bytes, size);
}

static void put_edl_seconds(vb_string *out, int64_t time_us)
{
    const uint64_t us = time_us < 0 ? (uint64_t)-time_us : (uint64_t)time_us;
    vb_string_appendf(out, "%s%" PRIu64 ".%06u", time_us < 0 ? "-" : "", us / 1000000,
                      (unsigned)(us % 1000000));
}

void vb_edl_write(vb_string *out, const vb_playlist_item *items, uint32_t count)
{
    vb_string_puts(out, "# mpv EDL v0\n");
    for (uint32_t i = 0; i < count; i++) {
        const vb_playlist_item *item = &items[i];
        vb_string title = {0};
        vb_playlist_title(&title, item);
        put_counted(out, item->path, strlen(item->path));
        vb_string_putc(out, ',');
        put_edl_seconds(out, item->zero_us + item->start_us);
        vb_string_putc(out, ',');
        put_edl_seconds(out, item->end_us - item->start_us);
        vb_string_puts(out, ",title=");
        put_counted(out, title.bytes ? title.bytes : "", title.size);
        vb_string_putc(out, '\n');
        out->failed = out->failed || title.failed;
        vb_string_free(&title);
    }
}

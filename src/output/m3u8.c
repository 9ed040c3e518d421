#include "output/playlists.h"

#include "output/json_out.h"

#include <ctype.h>
#include <string.h>

const char *vb_file_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void vb_file_url(vb_string *out, const char *path)
{
    vb_string_puts(out, "file://");
    for (; *path; path++) {
        const unsigned char c = (unsigned char)*path;
        if (c < 0x80 && (isalnum(c) || strchr("/-._~", c)))
            vb_string_putc(out, *path);
        else
            vb_string_appendf(out, "%%%02X", c);
    }
}

static void put_on_one_line(vb_string *out, const char *text)
{
    for (; *text; text++)
        vb_string_putc(out, (unsigned char)*text < ' ' ? ' ' : *text);
}

void vb_playlist_title(vb_string *out, const vb_playlist_item *item)
{
    vb_string_appendf(out, "%u  ", item->rank);
    if (item->judged)
        vb_string_appendf(out, "%.2f  ", (double)item->p_match);
    put_on_one_line(out, vb_file_name(item->path));
    if (item->query) {
        vb_string_puts(out, "  ");
        put_on_one_line(out, item->query);
    }
}

static bool has_controls(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ')
            return true;
    return false;
}

void vb_m3u8_write(vb_string *out, const vb_playlist_item *items, uint32_t count)
{
    vb_string_puts(out, "#EXTM3U\n");
    for (uint32_t i = 0; i < count; i++) {
        const vb_playlist_item *item = &items[i];
        vb_string_puts(out, "#EXTINF:");
        vb_json_put_time(out, item->end_us - item->start_us);
        vb_string_putc(out, ',');
        vb_playlist_title(out, item);
        vb_string_puts(out, "\n#EXTVLCOPT:start-time=");
        vb_json_put_time(out, item->lead_us + item->start_us);
        vb_string_puts(out, "\n#EXTVLCOPT:stop-time=");
        vb_json_put_time(out, item->lead_us + item->end_us);
        vb_string_putc(out, '\n');
        if (has_controls(item->path))
            vb_file_url(out, item->path);
        else
            vb_string_puts(out, item->path);
        vb_string_putc(out, '\n');
    }
}

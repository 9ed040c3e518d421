#include "output/clip_names.h"

#include <inttypes.h>
#include <string.h>

enum { MOST_STEM = 160 }; // bytes: file systems take 255 in all

static void put_minutes(vb_string *out, int64_t time_us)
{
    const int64_t seconds = time_us / 1000000;
    if (seconds >= 3600)
        vb_string_appendf(out, "%02" PRId64 "h", seconds / 3600);
    vb_string_appendf(out, "%02dm%02ds", (int)(seconds / 60 % 60), (int)(seconds % 60));
}

// Of "folder/film.mp4": "film", cut where no character is torn.
static void put_stem(vb_string *out, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    size_t size = dot && dot > name ? (size_t)(dot - name) : strlen(name);
    if (size > MOST_STEM)
        for (size = MOST_STEM; size && (name[size] & 0xC0) == 0x80; size--)
            continue;
    vb_string_append(out, name, size);
}

bool vb_clip_name(vb_string *out, vb_set *names, const vb_clip_label *label)
{
    const size_t begin = out->size;
    for (unsigned number = 1; !out->failed; number++) {
        out->size = begin;
        vb_string_appendf(out, "%s/", label->folder);
        put_stem(out, label->path);
        vb_string_putc(out, '_');
        put_minutes(out, label->start_us);
        vb_string_putc(out, '-');
        put_minutes(out, label->end_us);
        if (number > 1)
            vb_string_appendf(out, "-%u", number);
        if (!vb_string_puts(out, label->extension))
            return false;
        const vb_seen seen = vb_set_add(names, out->bytes + begin);
        if (seen != VB_SEEN_BEFORE)
            return seen == VB_SEEN_NEW;
    }
    return false;
}

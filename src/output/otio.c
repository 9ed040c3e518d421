#include "output/playlists.h"

#include "output/json_out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

static void put_text(vb_string *out, const char *text)
{
    vb_json_put_string(out, text, strlen(text));
}

// Frames a second.
typedef struct otio_rate {
    uint64_t num, den;
} otio_rate;

static otio_rate rate_of_item(const vb_playlist_item *item)
{
    const bool known = item->rate_num && item->rate_den;
    return known ? (otio_rate){item->rate_num, item->rate_den} : (otio_rate){25, 1};
}

static void put_rational(vb_string *out, const char *name, double frames,
                         otio_rate rate)
{
    const uint64_t trillion = 1000000000000;
    vb_string_appendf(out,
                      "\"%s\":{\"OTIO_SCHEMA\":\"RationalTime.1\",\"rate\":%" PRIu64
                      ".%012" PRIu64 ",\"value\":%" PRId64 "}",
                      name, rate.num / rate.den,
                      rate.num % rate.den * trillion / rate.den, (int64_t)frames);
}

static double frames_at_time(int64_t time_us, otio_rate rate)
{
    return round((double)time_us / 1e6 * (double)rate.num / (double)rate.den);
}

// Frames from `start_us` to `end_us`, at least one.
static void put_range(vb_string *out, const char *name, int64_t start_us,
                      int64_t end_us, otio_rate rate)
{
    const double first = frames_at_time(start_us, rate),
                 end = frames_at_time(end_us, rate);
    vb_string_appendf(out, "\"%s\":{\"OTIO_SCHEMA\":\"TimeRange.1\",", name);
    put_rational(out, "start_time", first, rate);
    vb_string_putc(out, ',');
    put_rational(out, "duration", end > first ? end - first : 1, rate);
    vb_string_putc(out, '}');
}

// What every item of a timeline has, and we have nothing to say of.
static const char common[] =
    "\"source_range\":null,\"effects\":[],\"markers\":[],\"enabled\":true";

static void put_metadata(vb_string *out, const vb_playlist_item *item)
{
    vb_string_puts(out, "\"metadata\":{\"vblip\":{\"query\":");
    if (item->query)
        put_text(out, item->query);
    else
        vb_string_puts(out, "null");
    vb_string_appendf(out, ",\"rank\":%u,\"p_match\":", item->rank);
    vb_json_put_real(out, item->judged ? (double)item->p_match : (double)NAN);
    vb_string_puts(out, "}}");
}

static void put_otio_clip(vb_string *out, const vb_playlist_item *item)
{
    const otio_rate rate = rate_of_item(item);
    vb_string url = {0};
    vb_file_url(&url, item->path);
    vb_string_puts(out, "{\"OTIO_SCHEMA\":\"Clip.1\",\"name\":");
    put_text(out, vb_file_name(item->path));
    vb_string_putc(out, ',');
    put_metadata(out, item);
    vb_string_putc(out, ',');
    put_range(out, "source_range", item->start_us, item->end_us, rate);
    vb_string_puts(out, ",\"effects\":[],\"markers\":[],\"enabled\":true,"
                        "\"media_reference\":{\"OTIO_SCHEMA\":\"ExternalReference.1\","
                        "\"name\":\"\",\"metadata\":{},");
    put_range(out, "available_range", 0, item->duration_us, rate);
    vb_string_puts(out, ",\"available_image_bounds\":null,\"target_url\":");
    vb_json_put_string(out, url.bytes, url.size);
    vb_string_puts(out, "}}");
    out->failed = out->failed || url.failed;
    vb_string_free(&url);
}

void vb_otio_write(vb_string *out, const vb_playlist_item *items, uint32_t count)
{
    vb_string_appendf(
        out,
        "{\"OTIO_SCHEMA\":\"Timeline.1\",\"name\":\"vblip\",\"metadata\":{},"
        "\"global_start_time\":null,\n"
        "\"tracks\":{\"OTIO_SCHEMA\":\"Stack.1\",\"name\":\"tracks\",\"metadata\":{},%"
        "s,"
        "\"children\":[\n"
        "{\"OTIO_SCHEMA\":\"Track.1\",\"name\":\"hits\",\"kind\":\"Video\","
        "\"metadata\":{},"
        "%s,\"children\":[",
        common, common);
    for (uint32_t i = 0; i < count; i++) {
        vb_string_puts(out, i ? ",\n" : "\n");
        put_otio_clip(out, &items[i]);
    }
    vb_string_puts(out, count ? "\n]}\n]}}\n" : "]}\n]}}\n");
}

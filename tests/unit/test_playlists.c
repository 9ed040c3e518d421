// test_playlists.c - lists for players, to the byte: names of any bytes, clocks that begin
// late, rates that are no whole number.
#include "output/playlists.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const vb_playlist_item items[] = {
    {
        .path = "/films/a, b%c.mp4",
        .start_us = 72000000,
        .end_us = 80000000,
        .query = "a\ndog",
        .rank = 1,
        .judged = true,
        .p_match = 0.96875f,
        .duration_us = 100000000,
        .zero_us = 1480000,
        .lead_us = 21000,
        .rate_num = 25,
        .rate_den = 1,
    },
    {
        .path = "/films/\xC3\xA9\xFF\n.mkv",
        .start_us = 0,
        .end_us = 1001000,
        .rank = 2,
        .duration_us = 2002000,
        .zero_us = -40000,
        .rate_num = 30000,
        .rate_den = 1001,
    },
};
enum { ITEMS = sizeof items / sizeof *items };

static void check_list(void (*write)(vb_string *, const vb_playlist_item *, uint32_t),
                       uint32_t count, const char *expected)
{
    vb_string out = {0};
    write(&out, items, count);
    assert_false(out.failed);
    assert_string_equal(out.bytes, expected);
    vb_string_free(&out);
}

static void test_m3u8(void **state)
{
    (void)state;
    check_list(vb_m3u8_write, ITEMS,
               "#EXTM3U\n"
               "#EXTINF:8.000,1  0.97  a, b%c.mp4  a dog\n"
               "#EXTVLCOPT:start-time=72.021\n"
               "#EXTVLCOPT:stop-time=80.021\n"
               "/films/a, b%c.mp4\n"
               "#EXTINF:1.001,2  \xC3\xA9\xFF .mkv\n"
               "#EXTVLCOPT:start-time=0.000\n"
               "#EXTVLCOPT:stop-time=1.001\n"
               "file:///films/%C3%A9%FF%0A.mkv\n");
    check_list(vb_m3u8_write, 0, "#EXTM3U\n");
}

static void test_edl(void **state)
{
    (void)state;
    check_list(
        vb_edl_write, ITEMS,
        "# mpv EDL v0\n"
        "%17%/films/a, b%c.mp4,73.480000,8.000000,title=%26%1  0.97  a, b%c.mp4  "
        "a dog\n"
        "%15%/films/\xC3\xA9\xFF\n.mkv,-0.040000,1.001000,title=%11%2  "
        "\xC3\xA9\xFF .mkv\n");
    check_list(vb_edl_write, 0, "# mpv EDL v0\n");
}

#define COMMON "\"source_range\":null,\"effects\":[],\"markers\":[],\"enabled\":true"
#define HEAD                                                                           \
    "{\"OTIO_SCHEMA\":\"Timeline.1\",\"name\":\"vblip\",\"metadata\":{},"              \
    "\"global_start_time\":null,\n"                                                    \
    "\"tracks\":{\"OTIO_SCHEMA\":\"Stack.1\",\"name\":\"tracks\",\"metadata\":{}"      \
    "," COMMON ",\"children\":[\n"                                                     \
    "{\"OTIO_SCHEMA\":\"Track.1\",\"name\":\"hits\",\"kind\":\"Video\",\"metadata\":"  \
    "{}," COMMON ",\"children\":["
#define TIME(name, rate, value)                                                        \
    "\"" name "\":{\"OTIO_SCHEMA\":\"RationalTime.1\",\"rate\":" rate                  \
    ",\"value\":" value "}"
#define RANGE(name, rate, start, duration)                                             \
    "\"" name "\":{\"OTIO_SCHEMA\":\"TimeRange.1\"," TIME(                             \
        "start_time", rate, start) "," TIME("duration", rate, duration) "}"
#define MEDIA(rate, duration, url)                                                     \
    ",\"effects\":[],\"markers\":[],\"enabled\":true,\"media_reference\":{"            \
    "\"OTIO_SCHEMA\":\"ExternalReference.1\",\"name\":\"\",\"metadata\":{}," RANGE(    \
        "available_range", rate, "0",                                                  \
        duration) ",\"available_image_bounds\":null,\"target_url\":\"" url "\"}}"

static void test_otio(void **state)
{
    (void)state;
    check_list(
        vb_otio_write, ITEMS,
        HEAD
        "\n{\"OTIO_SCHEMA\":\"Clip.1\",\"name\":\"a, b%c.mp4\",\"metadata\":{"
        "\"vblip\":{\"query\":\"a\\ndog\",\"rank\":1,\"p_match\":0.96875}}," RANGE(
            "source_range", "25.000000000000", "1800", "200")
            MEDIA(
                "25.000000000000", "2500",
                "file:///films/a%2C%20b%25c.mp4") ",\n{\"OTIO_SCHEMA\":\"Clip.1\","
                                                  "\"name\":\"\xC3\xA9\xEF\xBF\xBD\\n."
                                                  "mkv\","
                                                  "\"metadata\":{\"vblip\":{\"query\":"
                                                  "null,\"rank\":2,\"p_match\":null}}"
                                                  "," RANGE("source_range",
                                                            "29.970029970029", "0",
                                                            "30")
                                                      MEDIA(
                                                          "29.970029970029", "60",
                                                          "file:///films/"
                                                          "%C3%A9%FF%0A.mkv") "\n]}\n]}"
                                                                              "}\n");
    check_list(vb_otio_write, 0, HEAD "]}\n]}}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_m3u8),
        cmocka_unit_test(test_edl),
        cmocka_unit_test(test_otio),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

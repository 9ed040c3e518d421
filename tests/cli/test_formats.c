// test_formats.c - every byte of the machine formats and of subtitles.
#include "output/json_out.h"
#include "output/rows.h"
#include "output/subtitles.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const vb_column ranked_columns[] = {{"answer", VB_CELL_TEXT, NULL},
                                           {"score", VB_CELL_REAL, NULL}};
static const vb_table ranked_table = {ranked_columns, 2};

static const vb_column columns[] = {
    {"path", VB_CELL_TEXT, NULL},
    {"rank", VB_CELL_WHOLE, NULL},
    {"start", VB_CELL_TIME, NULL},
    {"score", VB_CELL_REAL, NULL},
    {"itm_logits", VB_CELL_PAIR, NULL},
    {"ids", VB_CELL_IDS, NULL},
    {"pieces", VB_CELL_STRINGS, NULL},
    {"demo", VB_CELL_FLAG, NULL},
    {"ranked", VB_CELL_ROWS, &ranked_table},
};
static const vb_table table = {columns, sizeof columns / sizeof *columns};

// A full row, a failed input, a row with nothing but a path.
static void write_all(vb_string *out, vb_format format)
{
    static const float logits[2] = {-1.5f, 0.1f};
    static const int32_t ids[] = {101, 1037, -1};
    static const char *const pieces[] = {"[CLS]", "a", "\"##b"};
    const vb_cell ranked[] = {vb_cell_text("yes"), vb_cell_real(-0.25),
                              vb_cell_text("no"), vb_cell_real(-3)};
    const vb_cell full[] = {vb_cell_text("a\tb,\"c\"\\\nd"),
                            vb_cell_whole(18446744073709551615u),
                            vb_cell_time(true, 72000499),
                            vb_cell_real((double)0.1f),
                            vb_cell_pair(logits),
                            vb_cell_ids(ids, 3),
                            vb_cell_strings(pieces, 3),
                            vb_cell_flag(true),
                            vb_cell_rows(ranked, 2)};
    vb_cell empty[sizeof columns / sizeof *columns] = {0};
    empty[0] = vb_cell_text("b.mp4");
    vb_rows rows = {.format = format, .table = &table};
    vb_rows_begin(&rows, out);
    vb_rows_add(&rows, out, full);
    vb_rows_failure(&rows, out, "x\xFF.mp4", "no \"video\" stream");
    vb_rows_add(&rows, out, empty);
    vb_rows_end(&rows, out);
}

#define FULL_OBJECT                                                                    \
    "{\"path\":\"a\\tb,\\\"c\\\"\\\\\\nd\",\"rank\":18446744073709551615,"             \
    "\"start\":72.000,\"score\":0.100000001,\"itm_logits\":[-1.5,0.100000001],"        \
    "\"ids\":[101,1037,-1],\"pieces\":[\"[CLS]\",\"a\",\"\\\"##b\"],\"demo\":true,"    \
    "\"ranked\":[{\"answer\":\"yes\",\"score\":-0.25},{\"answer\":\"no\","             \
    "\"score\":-3}]}"
#define FAILURE_OBJECT                                                                 \
    "{\"path\":\"x\xEF\xBF\xBD.mp4\",\"error\":\"no \\\"video\\\" stream\"}"
#define EMPTY_OBJECT                                                                   \
    "{\"path\":\"b.mp4\",\"rank\":null,\"start\":null,\"score\":null,"                 \
    "\"itm_logits\":null,\"ids\":null,\"pieces\":null,\"demo\":null,\"ranked\":null}"

static const struct {
    vb_format format;
    const char *text;
} expected[] = {
    {VB_FORMAT_JSON, "[\n" FULL_OBJECT ",\n" FAILURE_OBJECT ",\n" EMPTY_OBJECT "\n]\n"},
    {VB_FORMAT_JSONL, FULL_OBJECT "\n" FAILURE_OBJECT "\n" EMPTY_OBJECT "\n"},
    {VB_FORMAT_CSV,
     "path,rank,start,score,itm_logit_0,itm_logit_1,ids,pieces,demo,ranked\n"
     "\"a\tb,\"\"c\"\"\\\nd\",18446744073709551615,72.000,0.100000001,-1.5,0.100000001,"
     "101 1037 -1,\"[CLS] a \"\"##b\",true,"
     "\"[{\"\"answer\"\":\"\"yes\"\",\"\"score\"\":-0.25},"
     "{\"\"answer\"\":\"\"no\"\",\"\"score\"\":-3}]\"\n"
     "b.mp4,,,,,,,,,\n"},
    {VB_FORMAT_TSV,
     "path\trank\tstart\tscore\titm_logit_0\titm_logit_1\tids\tpieces\tdemo\tranked\n"
     "a\\tb,\"c\"\\\\\\nd\t18446744073709551615\t72.000\t0.100000001\t-1.5\t0.100000001"
     "\t101 1037 -1\t[CLS] a \"##b\ttrue\t"
     "[{\"answer\":\"yes\",\"score\":-0.25},{\"answer\":\"no\",\"score\":-3}]\n"
     "b.mp4\t\t\t\t\t\t\t\t\t\n"},
};

static void test_rows_are_exact_in_every_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        vb_string out = {0};
        write_all(&out, expected[i].format);
        assert_false(out.failed);
        assert_string_equal(out.bytes, expected[i].text);
        vb_string_free(&out);
    }
}

static void test_no_rows_is_still_a_document(void **state)
{
    (void)state;
    static const struct {
        vb_format format;
        const char *text;
    } none[] = {
        {VB_FORMAT_JSON, "[]\n"},
        {VB_FORMAT_JSONL, ""},
        {VB_FORMAT_CSV, "answer,score\n"},
        {VB_FORMAT_TSV, "answer\tscore\n"},
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        vb_string out = {0};
        vb_rows rows = {.format = none[i].format, .table = &ranked_table};
        vb_rows_begin(&rows, &out);
        vb_rows_end(&rows, &out);
        vb_string_puts(&out, "");
        assert_string_equal(out.bytes, none[i].text);
        vb_string_free(&out);
    }
}

static const struct string_row {
    const char *text;
    size_t size;
    const char *json;
} string_rows[] = {
    {"", 0, "\"\""},
    {"a\0b", 3, "\"a\\u0000b\""},
    {"\b\f\n\r\t\"\\/", 8, "\"\\b\\f\\n\\r\\t\\\"\\\\/\""},
    {"\x01\x1F\x7F", 3, "\"\\u0001\\u001f\\u007f\""},
    {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\xB6", 9,
     "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x90\xB6\""},
    {"\xC3", 1, "\"\xEF\xBF\xBD\""},
    {"\xC0\x80", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {"\xED\xA0\x80", 3, "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    {"a\xE2\x82z", 4, "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\""},
};

static void test_json_strings_are_valid_whatever_the_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof string_rows / sizeof *string_rows; i++) {
        vb_string out = {0};
        vb_json_put_string(&out, string_rows[i].text, string_rows[i].size);
        assert_string_equal(out.bytes, string_rows[i].json);
        vb_string_free(&out);
    }
}

static void check_reals(void)
{
    static const struct {
        double value;
        const char *text;
    } reals[] = {
        {0, "0"},
        {1, "1"},
        {-0.5, "-0.5"},
        {1e-20, "1e-20"},
        {1.5e20, "1.5e+20"},
        {1.0 / 3, "0.333333333"},
        {16777217, "16777217"},
        {(double)NAN, "null"},
        {(double)INFINITY, "null"},
        {-(double)INFINITY, "null"},
    };
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        vb_string out = {0};
        vb_json_put_real(&out, reals[i].value);
        assert_string_equal(out.bytes, reals[i].text);
        vb_string_free(&out);
    }
}

static void test_reals_have_a_decimal_point_in_every_locale(void **state)
{
    (void)state;
    check_reals();
    static const char *const locales[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "ps_AF.UTF-8"};
    for (size_t i = 0; i < sizeof locales / sizeof *locales; i++)
        if (setlocale(LC_ALL, locales[i])) // those that the machine has
            check_reals();
    setlocale(LC_ALL, "C");
}

static void test_times_round_to_the_millisecond(void **state)
{
    (void)state;
    static const struct {
        int64_t us;
        const char *seconds, *clock;
    } times[] = {
        {0, "0.000", "00:00:00.000"},
        {499, "0.000", "00:00:00.000"},
        {500, "0.001", "00:00:00.001"},
        {1000000, "1.000", "00:00:01.000"},
        {72000000, "72.000", "00:01:12.000"},
        {59999999, "60.000", "00:01:00.000"},
        {359999999000, "359999.999", "99:59:59.999"},
        {360000000000, "360000.000", "100:00:00.000"},
        {-5, "0.000", "00:00:00.000"},
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        vb_string seconds = {0}, clock = {0};
        vb_json_put_time(&seconds, times[i].us);
        vb_clock(&clock, times[i].us, '.');
        assert_string_equal(seconds.bytes, times[i].seconds);
        assert_string_equal(clock.bytes, times[i].clock);
        vb_string_free(&seconds);
        vb_string_free(&clock);
    }
}

static void write_cues(vb_string *out, vb_format format)
{
    vb_subtitles s = {.format = format};
    vb_subtitles_begin(&s, out);
    vb_subtitles_add(&s, out, 0, 1500000, "a dog");
    vb_subtitles_add(&s, out, 1500000, 2000000, " \n");
    vb_subtitles_add(&s, out, 2000000, 2000000, "a <b>cat</b>\n& co");
}

static void test_subtitles_are_exact(void **state)
{
    (void)state;
    vb_string srt = {0}, vtt = {0};
    write_cues(&srt, VB_FORMAT_SRT);
    write_cues(&vtt, VB_FORMAT_VTT);
    assert_string_equal(srt.bytes, "1\n00:00:00,000 --> 00:00:01,500\na dog\n\n"
                                   "2\n00:00:02,000 --> 00:00:02,001\n"
                                   "a <b>cat</b> & co\n\n");
    assert_string_equal(vtt.bytes, "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\na dog\n\n"
                                   "00:00:02.000 --> 00:00:02.001\n"
                                   "a &lt;b&gt;cat&lt;/b&gt; &amp; co\n\n");
    vb_string_free(&srt);
    vb_string_free(&vtt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_exact_in_every_format),
        cmocka_unit_test(test_no_rows_is_still_a_document),
        cmocka_unit_test(test_json_strings_are_valid_whatever_the_bytes),
        cmocka_unit_test(test_reals_have_a_decimal_point_in_every_locale),
        cmocka_unit_test(test_times_round_to_the_millisecond),
        cmocka_unit_test(test_subtitles_are_exact),
    };
    return cmocka_run_group_tests_name("formats", tests, NULL, NULL);
}

// test_formats.c - every byte of the machine formats and of subtitles.
#include "output/cue_lines.h"
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

// Titles that are no names, an object, and rows of what failed.
static void test_titles_and_objects(void **state)
{
    (void)state;
    static const vb_column members[] = {{"a \"b\"", VB_CELL_TEXT, NULL},
                                        {"c,\td", VB_CELL_REAL, NULL}};
    static const vb_table object = {members, 2};
    static const vb_column titled[] = {{"path", VB_CELL_TEXT, NULL},
                                       {"x, \"y\"\n\tz", VB_CELL_OBJECT, &object},
                                       {"error", VB_CELL_TEXT, NULL}};
    static const vb_table titles = {titled, 3};
    const vb_cell answers[] = {vb_cell_text("\"1\""), vb_cell_real(-2)};
    const vb_cell cells[] = {vb_cell_text("p"), vb_cell_object(answers), {0}};
#define OBJECT                                                                         \
    "{\"path\":\"p\",\"x, \\\"y\\\"\\n\\tz\":{\"a "                                    \
    "\\\"b\\\"\":\"\\\"1\\\"\",\"c,\\td\":-2},"                                        \
    "\"error\":null}\n{\"path\":\"q,\",\"error\":\"no\"}\n"
    static const struct {
        vb_format format;
        const char *text;
    } cases[] = {
        {VB_FORMAT_JSONL, OBJECT},
        {VB_FORMAT_CSV,
         "path,\"x, \"\"y\"\"\n\tz\",error\n"
         "p,\"{\"\"a \\\"\"b\\\"\"\"\":\"\"\\\"\"1\\\"\"\"\",\"\"c,\\td\"\":-2}\",\n"
         "\"q,\",,no\n"},
        {VB_FORMAT_TSV, "path\tx, \"y\"\\n\\tz\terror\n"
                        "p\t{\"a \\\\\"b\\\\\"\":\"\\\\\"1\\\\\"\",\"c,\\\\td\":-2}\t\n"
                        "q,\t\tno\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vb_string out = {0};
        vb_rows rows = {
            .format = cases[i].format, .table = &titles, .failed_rows = true};
        vb_rows_begin(&rows, &out);
        vb_rows_add(&rows, &out, cells);
        vb_rows_failure(&rows, &out, "q,", "no");
        vb_rows_end(&rows, &out);
        assert_string_equal(out.bytes, cases[i].text);
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

static void test_bytes_as_base64(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     "f",     "fo",    "foo",
                                        "foob", "fooba", "foobar"};
    static const char *const coded[] = {
        "\"\"",         "\"Zg==\"",     "\"Zm8=\"",     "\"Zm9v\"",
        "\"Zm9vYg==\"", "\"Zm9vYmE=\"", "\"Zm9vYmFy\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        vb_string out = {0};
        vb_json_put_base64(&out, (const uint8_t *)texts[i], strlen(texts[i]));
        assert_string_equal(out.bytes, coded[i]);
        vb_string_free(&out);
    }
    static const uint8_t extremes[] = {0xff, 0xef, 0xbe, 0};
    vb_string out = {0};
    vb_json_put_base64(&out, extremes, sizeof extremes);
    assert_string_equal(out.bytes, "\"/+++AA==\"");
    vb_string_free(&out);
}

static void test_a_row_alone(void **state)
{
    (void)state;
    static const vb_column two[] = {{"a", VB_CELL_TEXT, NULL},
                                    {"v", VB_CELL_REALS, NULL}};
    static const vb_table pair = {two, 2};
    static const float values[] = {1, -0.5f, NAN};
    const vb_cell cells[] = {vb_cell_text(NULL), vb_cell_reals(values, 3)};
    vb_string out = {0};
    vb_row_json(&out, &pair, cells);
    vb_row_failure_json(&out, "p", "e");
    assert_string_equal(
        out.bytes, "{\"a\":null,\"v\":[1,-0.5,null]}{\"path\":\"p\",\"error\":\"e\"}");
    vb_string_free(&out);
}

// As PostgreSQL's COPY reads it: no header, and null is not the empty text.
static void test_rows_for_copy(void **state)
{
    (void)state;
    static const float reals[] = {0.5f, -1};
    static const vb_column three[] = {{"path", VB_CELL_TEXT, NULL},
                                      {"start", VB_CELL_TIME, NULL},
                                      {"vector", VB_CELL_REALS, NULL}};
    static const vb_table copied = {three, 3};
    vb_rows rows = {.format = VB_FORMAT_PGCOPY, .table = &copied};
    vb_string out = {0};
    const vb_cell full[] = {vb_cell_text("a\tb\nc\rd\\\"e,"),
                            vb_cell_time(true, 1500000), vb_cell_reals(reals, 2)};
    const vb_cell empty[] = {vb_cell_text(""), {0}, {0}};
    vb_rows_begin(&rows, &out);
    vb_rows_add(&rows, &out, full);
    vb_rows_add(&rows, &out, empty);
    vb_rows_end(&rows, &out);
    assert_string_equal(out.bytes, "a\\tb\\nc\\rd\\\\\"e,\t1.500\t[0.5,-1]\n"
                                   "\t\\N\t\\N\n");
    vb_string_free(&out);
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

static const struct cue_lines_case {
    const char *text, *lines; // parted by |
} cue_lines_cases[] = {
    {"", ""},
    {" \n\t", ""},
    {"a dog", "a dog"},
    {" a\n dog  on\ta beach\r\n", "a dog on a beach"},
    // 42 characters, then 43
    {"a woman in a red coat walks her dog slowly",
     "a woman in a red coat walks her dog slowly"},
    {"a woman in a red coat walks her dogs slowly",
     "a woman in a red coat|walks her dogs slowly"},
    // two lines are even, the second rather longer
    {"a man riding a horse along a sandy beach at sunset",
     "a man riding a horse along|a sandy beach at sunset"},
    {"a group of people standing around an old wooden table",
     "a group of people standing|around an old wooden table"},
    // three lines become two pairs
    {"a man in a suit stands behind a table with many bottles on it while another man "
     "looks on",
     "a man in a suit stands|behind a table with|many bottles on it while|another man "
     "looks on"},
    // characters, not bytes
    {"übergrößenträgerüberprüfungsäöüßäöüßäöüßäö",
     "übergrößenträgerüberprüfungsäöüßäöüßäöüßäö"},
    {"一只狗在海滩上奔跑一只狗在海滩上奔跑一只狗在海滩上奔跑一只狗在海滩上奔跑一只狗在"
     "海滩上",
     "一只狗在海滩上奔跑一只狗在海滩上奔跑一只狗|"
     "在海滩上奔跑一只狗在海滩上奔跑一只狗在海滩上"},
    // a word that no line holds
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa|aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    {"see aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa end",
     "see aaaaaaaaaaaaaaa|aaaaaaaaaaaaaaaaaaaaa|aaaaaaaaaaaaaaaaaaaaa|end"},
};

static void test_lines_can_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cue_lines_cases / sizeof *cue_lines_cases; i++) {
        const struct cue_lines_case *c = &cue_lines_cases[i];
        vb_string lines = {0};
        uint32_t line_count = *c->lines != 0;
        for (const char *at = c->lines; *at; at++)
            line_count += *at == '|';
        vb_string_puts(&lines, "");
        assert_int_equal(vb_cue_lines(&lines, c->text), line_count);
        for (size_t at = 0; at < lines.size; at++)
            if (lines.bytes[at] == '\n')
                lines.bytes[at] = '|';
        assert_string_equal(lines.bytes, c->lines);
        vb_string_free(&lines);
    }
}

// Whatever the words: no line is longer than 42, none is empty, nothing is lost.
static void test_no_line_is_too_long(void **state)
{
    (void)state;
    uint64_t random = 7;
    for (int run = 0; run < 3000; run++) {
        vb_string text = {0}, lines = {0};
        const int words = 1 + run % 40;
        for (int i = 0; i < words; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            const int size = 1 + (int)(random >> 33) % (run % 3 == 0 ? 60 : 9);
            for (int j = 0; j < size; j++)
                vb_string_puts(&text, "é");
            vb_string_puts(&text, i + 1 < words ? " " : "");
        }
        const uint32_t count = vb_cue_lines(&lines, text.bytes);
        uint32_t seen = 1, taken = 0, letters[2] = {0};
        for (size_t at = 0; at < lines.size; at++) {
            const bool end = lines.bytes[at] == '\n';
            taken = end ? 0 : taken + ((lines.bytes[at] & 0xc0) != 0x80);
            seen += end;
            assert_true(taken <= 42 && !(end && lines.bytes[at - 1] == '\n'));
            letters[0] += (unsigned char)lines.bytes[at] == 0xc3;
        }
        for (size_t at = 0; at < text.size; at++)
            letters[1] += (unsigned char)text.bytes[at] == 0xc3;
        assert_int_equal(seen, count);
        assert_int_equal(letters[0], letters[1]);
        vb_string_free(&text);
        vb_string_free(&lines);
    }
}

static void write_cues(vb_string *out, vb_format format)
{
    vb_subtitles s = {.format = format};
    vb_subtitles_begin(&s, out);
    vb_subtitles_add(&s, out, 0, 1500000, "a dog");
    vb_subtitles_add(&s, out, 1500000, 2000000, " \n");
    vb_subtitles_add(&s, out, 2000000, 2000000, "a <b>cat</b>\n& co");
    vb_subtitles_end(&s, out);
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

static void test_cues_stay_long_enough(void **state)
{
    (void)state;
    static const struct {
        int64_t start_ms, end_ms;
        const char *text, *cues; // since the row before
    } rows[] = {
        {0, 200, "short", ""},
        // the next one leaves room for a second
        {1500, 1700, "crowded", "1\n00:00:00,000 --> 00:00:01,000\nshort\n\n"},
        // or for less
        {2100, 3600,
         "a man in a suit stands behind a table with many bottles on it while another "
         "man looks on",
         "2\n00:00:01,500 --> 00:00:02,100\ncrowded\n\n"},
        // four lines are two pairs; what was not seen in between is no one's
        {5000, 5100, "end",
         "3\n00:00:02,100 --> 00:00:02,833\na man in a suit stands\nbehind a table "
         "with\n\n"
         "4\n00:00:02,833 --> 00:00:03,600\nmany bottles on it while\nanother man "
         "looks "
         "on\n\n"},
    };
    vb_subtitles s = {.format = VB_FORMAT_SRT};
    vb_string out = {0};
    vb_string_puts(&out, "");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_subtitles_add(&s, &out, rows[i].start_ms * 1000, rows[i].end_ms * 1000,
                         rows[i].text);
        assert_string_equal(out.bytes, rows[i].cues);
        vb_string_clear(&out);
    }
    vb_subtitles_end(&s, &out); // behind the last one the recording may be over
    assert_string_equal(out.bytes, "5\n00:00:05,000 --> 00:00:05,100\nend\n\n");
    vb_string_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_exact_in_every_format),
        cmocka_unit_test(test_titles_and_objects),
        cmocka_unit_test(test_no_rows_is_still_a_document),
        cmocka_unit_test(test_json_strings_are_valid_whatever_the_bytes),
        cmocka_unit_test(test_bytes_as_base64),
        cmocka_unit_test(test_a_row_alone),
        cmocka_unit_test(test_rows_for_copy),
        cmocka_unit_test(test_reals_have_a_decimal_point_in_every_locale),
        cmocka_unit_test(test_times_round_to_the_millisecond),
        cmocka_unit_test(test_lines_can_be_read),
        cmocka_unit_test(test_no_line_is_too_long),
        cmocka_unit_test(test_subtitles_are_exact),
        cmocka_unit_test(test_cues_stay_long_enough),
    };
    return cmocka_run_group_tests_name("formats", tests, NULL, NULL);
}

// test_cut_command.c - hits that become files and lists, over a fake library.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const fake_row refused_rows[] = {
    {"cut|-", 2, "",
     "vblip: cut: missing -o FOLDER, --reel FILE or "
     "--contact-sheet FILE\n"},
    {"cut|-|-o|-", 2, "", "vblip: -o -: cut writes files to a folder\n"},
    {"cut|-|--reel|-", 2, "", "vblip: --reel -: cut writes a file\n"},
    {"cut|-|-o|f|--reel|r.mp4", 2, "", "vblip: --reel: not allowed together with -o\n"},
    {"cut|-|--contact-sheet|-", 2, "",
     "vblip: --contact-sheet -: a PNG goes to a file\n"},
    {"cut|-|--contact-sheet|s.png|--exact", 2, "",
     "vblip: --exact, --pad: only allowed with -o or --reel\n"},
    {"retrieve|v|q|-y", 2, "", "vblip: --overwrite: only allowed with *"},
    {"retrieve|v|q|-o|x|--contact-sheet|x", 2, "", "vblip: *"},
    {"cut|-|q|-o|f", 2, "",
     "vblip: -: stands for rows, and is the only operand then\n"},
    {"cut|-|-e|q|-o|f", 2, "",
     "vblip: -: stands for rows, and is the only operand then\n"},
    {"cut|-o|f", 2, "",
     "vblip: cut: missing a PATH and a query; see: vblip help cut\n"},
    {"cut|q|-o|f", 2, "",
     "vblip: cut: missing a PATH (the last operand is the query); *"},
    {"cut|-|-o|f|--top|3", 2, "",
     "vblip: --top: not allowed with rows on standard input\n"},
    {"cut|-|-o|f|--min-p|.5", 2, "",
     "vblip: --min-p: not allowed with rows on standard input\n"},
    {"cut|-|-o|f|--like|x.png", 2, "",
     "vblip: -: stands for rows, and is the only operand then\n"},
    {"cut|-|-o|f|--unlike|x.png", 2, "",
     "vblip: --unlike: not allowed with rows on standard input\n"},
    {"cut|-|-o|f|--rebuild", 2, "",
     "vblip: --rebuild: not allowed with rows on standard input\n"},
    {"cut|-|-o|f|--pad|-1", 2, "", "vblip: --pad -1: a number from 0 to 3600 *"},
    {"cut|v|q|-o|f|--mpv", 2, "", "vblip: --mpv: *"},
    {"cut|v|q|-o|f|-f|srt", 2, "", "vblip: --format srt: allowed for cut: *"},
    {"cut|v|q|-o|f|-f|edl", 2, "", "vblip: --format edl: allowed for cut: *"},
    {"retrieve|v|q|--exact", 2, "", "vblip: --exact: *"},
    {"caption|v|-f|edl", 2, "",
     "vblip: --format edl: allowed for caption: text, tsv, csv, json, jsonl, srt, "
     "vtt\n"},
    {"retrieve|v|q|-o|x.srt", 2, "",
     "vblip: -o x.srt: allowed for retrieve: text, tsv, csv, json, jsonl, m3u8, edl, "
     "otio\n"},
    {"retrieve|v|q|--mpv|-f|edl", 2, "", "vblip: --mpv: not allowed together with *"},
};

static void test_refusals(void **state)
{
    (void)state;
    check_rows(refused_rows, sizeof refused_rows / sizeof *refused_rows);
    assert_int_not_equal(access("f", F_OK), 0);
}

static const fake_row searched_rows[] = {
    {"cut|dir|q|-o|hits|--top|1", 0,
     "hits/a_01m12s-01m20s.mp4  00:01:11.500-00:01:20.000  dir/a.mp4\n", ""},
    {"cut|dir|q|-o|hits|--top|1", 2, "",
     "vblip: hits/a_01m12s-01m20s.mp4: exists; --overwrite (-y) replaces it\n"},
    {"cut|dir|q|-o|hits/|--top|1|-y|--exact|--pad|2.5|-f|csv", 0,
     "path,start,end,file,at,cut_start,cut_end\n"
     "dir/a.mp4,72.000,80.000,hits/a_01m12s-01m20s.mkv,0.000,72.000,82.500\n",
     ""},
    {"cut|dir|q|--then|x|-o|hits|--top|1", 0,
     "hits/a_01m12s-01m35s.mp4  00:01:11.500-00:01:35.000  dir/a.mp4\n", ""},
    {"retrieve|x.png|q|--contact-sheet|one.png", 0, "1  0.97  x.png\n", ""},
    {"retrieve|x.png|q|--contact-sheet|one.png", 2, "",
     "vblip: one.png: exists; --overwrite (-y) replaces it\n"},
    {"cut|x.png|q|-o|images", 0, "",
     "vblip: 1 hit is left out: an image has no moments\n"},
};

static void test_searches_are_cut(void **state)
{
    (void)state;
    check_rows(searched_rows, sizeof searched_rows / sizeof *searched_rows);
    expect_file("one.png", "q\n1 x.png\n");
    expect_file("hits/a_01m12s-01m20s.mkv", "dir/a.mp4 2500000\n");
    assert_int_not_equal(access("images", F_OK), 0);
}

static void run_rows(result *r, const char *line, const char *rows)
{
    put_text("rows.jsonl", rows);
    run_with(r, line, "rows.jsonl", NULL, "demo");
}

static void check_run(const char *line, const char *rows, int code, const char *out,
                      const char *err)
{
    result r;
    run_rows(&r, line, rows);
    if (r.code != code || !is_as_expected(r.out, out) || !is_as_expected(r.err, err))
        fail_msg("%s: %d\n%s%s", line, r.code, r.out, r.err);
}

static const char two_rows[] = "{\"path\":\"a.mp4\",\"start\":1,\"end\":2}\n"
                               "\n"
                               "{\"path\":\"tracks.mp4\",\"start\":3,\"end\":5}\n";

static void test_rows_are_cut(void **state)
{
    (void)state;
    check_run("cut|-|-o|clips", two_rows, 0,
              "clips/a_00m01s-00m02s.mp4  00:00:00.500-00:00:02.000  a.mp4\n"
              "clips/tracks_00m03s-00m05s.mp4  00:00:02.500-00:00:05.000  tracks.mp4\n",
              "vblip: tracks.mp4: 2 tracks are left out, which "
              "clips/tracks_00m03s-00m05s.mp4 cannot hold\n");
    check_run("cut|-|--reel|reel.mp4|--exact|-q|-f|jsonl", two_rows, 0,
              "{\"path\":\"a.mp4\",\"start\":1.000,\"end\":2.000,\"file\":\"reel.mp4\","
              "\"at\":0.000,\"cut_start\":1.000,\"cut_end\":2.000}\n"
              "{\"path\":\"tracks.mp4\",\"start\":3.000,\"end\":5.000,\"file\":"
              "\"reel.mp4\",\"at\":1.000,\"cut_start\":3.000,\"cut_end\":5.000}\n",
              "");
    check_run("cut|-|--contact-sheet|sheet.png", two_rows, 0, "", "");
    expect_file("sheet.png", "-\n1 a.mp4\n2 tracks.mp4\n");
    check_run("cut|-|--contact-sheet|sheet.png", two_rows, 2, "",
              "vblip: sheet.png: exists; --overwrite (-y) replaces it\n");
    check_run("cut|-|-o|none", "", 0, "", "no match\n");
    check_run("cut|-|-o|none", "{\"path\":\"a\",\"error\":\"gone\"}\n", 0, "",
              "no match\n");
    const char *const untimed = "{\"path\":\"a.png\",\"start\":null,\"end\":null}\n"
                                "{\"path\":\"b.gif\"}\n"
                                "{\"path\":\"a.mp4\"}\n";
    check_run("cut|-|-o|none", untimed, 2, "",
              "vblip: standard input, line 3: a.mp4: a video, and the row says neither "
              "start nor end, in seconds; rows of retrieve say both\n");
    assert_int_not_equal(access("none", F_OK), 0);
    check_run("cut|-|-o|none|--exit-status", "", 1, "", "no match\n");
    check_run("cut|-|-o|none", "{\"path\":\"a\",\"start\":1,\"end\":2}\nx\n", 2, "",
              "vblip: standard input, line 2: *");
    check_run("cut|-|-o|some",
              "{\"path\":\"broken.mp4\",\"start\":1,\"end\":2}\n"
              "{\"path\":\"b.mp4\",\"start\":1,\"end\":2}\n",
              3, "some/b_00m01s-00m02s.mp4  00:00:00.500-00:00:02.000  b.mp4\n",
              "vblip: broken.mp4: damaged: 3 of 5 frames decode\n");
    assert_int_not_equal(access("none", F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_searches_are_cut),
        cmocka_unit_test(test_rows_are_cut),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

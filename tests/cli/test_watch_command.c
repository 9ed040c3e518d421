// test_watch_command.c - what `vblip watch` refuses, over a fake library.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const fake_row watch_rows[] = {
    {"watch", 2, "",
     "vblip: watch: missing a DIRECTORY or a stream; see: vblip help watch\n"},
    {"watch|.", 2, "", "vblip: watch: missing --alert TEXT; see: vblip help watch\n"},
    {"watch|.|dir|--alert|a", 2, "",
     "vblip: dir: one DIRECTORY, or one stream, is allowed\n"},
    {"watch|.|--alert|\xff", 2, "", "vblip: alert 1: not valid UTF-8 at byte 1\n"},
    {"watch|.|--alert|a|--rerank|0|--min-p|0", 2, "",
     "vblip: --rerank 0: gives no P(match), which alerts go by\n"},
    {"watch|.|--alert|a|-o|f.jsonl", 2, "", "vblip: -o: not allowed for watch, *"},
    {"watch|.|--alert|a|-f|csv", 2, "", "vblip: --format: allowed for watch: jsonl\n"},
    {"watch|.|--alert|a|--min-p|2", 2, "", "vblip: --min-p 2: *"},
    {"watch|.|--alert|a|-e|q", 2, "", "vblip: -e: not an option of watch; *"},
    {"watch|.|--alert|a|--thumbnails|./t", 2, "",
     "vblip: --thumbnails ./t: lies in ., where each would be a new image\n"},
    // streams
    {"watch|rtsp://nowhere|--alert|a", 4, "",
     "vblip: rtsp://nowhere: Connection refused\n"},
    {"watch|file:///etc/passwd|--alert|a", 2, "",
     "vblip: file:///etc/passwd: no stream of that kind is read; allowed: http, *"},
    {"watch|ftp://u:secret@h/1|--alert|a", 2, "", "vblip: ftp://h/1: no stream *"},
    {"watch|-|--alert|a|--all", 2, "",
     "vblip: --all: only allowed with a DIRECTORY, not with a stream\n"},
    {"watch|-|--alert|a|--include|*", 2, "", "vblip: --include: only allowed *"},
    {"watch|-|--alert|a|--exclude|*", 2, "", "vblip: --exclude: only allowed *"},
    {"watch|-|--alert|a|-j|2", 2, "", "vblip: --jobs: only allowed *"},
    {"watch|-|--alert|a|--fail-fast", 2, "", "vblip: --fail-fast: only allowed *"},
    {"watch|-|--alert|a|--segment|shots", 2, "",
     "vblip: --segment shots: a stream has no end to wait for; auto, or seconds are "
     "allowed\n"},
    {"watch|-|rtsp://h|--alert|a", 2, "",
     "vblip: rtsp://h: one DIRECTORY, or one stream, is allowed\n"},
    // directories
    {"watch|nowhere|--alert|a", 4, "", "vblip: nowhere: No such file or directory\n"},
    {"watch|/dev/null|--alert|a", 4, "", "vblip: /dev/null: Not a directory\n"},
    {"watch|.|--alert|a|--device|none", 5, "", "vblip: *"},
};

static void test_refusals(void **state)
{
    (void)state;
    check_rows(watch_rows, sizeof watch_rows / sizeof *watch_rows);
}

static void test_streams(void **state)
{
    (void)state;
    result r;
    run(&r, "watch|rtsp://u:secret@camera/1|--alert|a|--alert|b");
    assert_int_equal(r.code, 0);
    assert_non_null(strstr(r.out, "\"alert\":\"a\",\"path\":\"rtsp://camera/1\","
                                  "\"start\":1.500,\"end\":9.500,\"p_match\":0.5,"
                                  "\"itc\":0.5,\"score\":2.5,"));
    assert_non_null(strstr(r.out, "\"alert\":\"b\""));
    assert_non_null(strstr(r.err, "watching rtsp://camera/1\n"));
    run(&r, "watch|-|--alert|a|--segment|2.5|--min-p|0.25|-q|--thumbnails|pictures|"
            "--exec|echo $VBLIP_PATH $VBLIP_END $VBLIP_THUMBNAIL");
    assert_int_equal(r.code, 0);
    assert_non_null(strstr(r.out, "\"start\":1.500,\"end\":4.000,\"p_match\":0.25,"));
    assert_non_null(strstr(r.out, "Z-stdin_00m01s-00m04s.jpg\"}\n"));
    assert_non_null(strstr(r.err, "- 4.000 pictures/20"));
    assert_null(strstr(r.err, "watching"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_streams)};
    return cmocka_run_group_tests_name("watch command", tests, enter_folder,
                                       leave_folder);
}

// test_searches.c - searches for more than a query, over a fake library.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const fake_row search_rows[] = {
    {"retrieve|v|q|--by|day", 2, "", "vblip: --by day: allowed: segment, video\n"},
    {"retrieve|v|q|--since|tomorrow", 2, "",
     "vblip: --since tomorrow: a date from 1970 to 2261 *"},
    {"retrieve|v|q|--until|2026-02-29", 2, "",
     "vblip: --until 2026-02-29: a date from 1970 to 2261 *"},
    {"retrieve|v|q|--until|2026-02-28T24:00", 2, "",
     "vblip: --until 2026-02-28T24:00: a date *"},
    {"retrieve|v|q|--since|2026-05-02|--until|2026-05-01", 2, "",
     "vblip: --until 2026-05-01: before *"},
    {"retrieve|v|q|--calibration|x|--rerank|0", 2, "",
     "vblip: --calibration: not allowed *"},
    {"retrieve|v|--like|p|--calibration|x", 2, "",
     "vblip: --calibration: not allowed *"},
    {"retrieve|v|q|--weight|2", 2, "",
     "vblip: --weight: only allowed with --like or --unlike\n"},
    {"retrieve|v|--like|p|--rerank|5", 2, "",
     "vblip: --like, --unlike: not allowed together *"},
    {"retrieve|v|--like|p|--min-p|.5", 2, "",
     "vblip: --like, --unlike: not allowed together *"},
    {"retrieve|v|--like|p|--then|x", 2, "",
     "vblip: --then: not allowed together with --like *"},
    {"retrieve|v|--like|", 2, "", "vblip: --like: an empty path\n"},
    {"retrieve|v|q|--unlike|", 2, "", "vblip: --unlike: an empty path\n"},
    {"retrieve|--like|p", 2, "",
     "vblip: retrieve: missing a PATH; see: vblip help retrieve\n"},
    {"retrieve|v|q|--within|5", 2, "", "vblip: --within: only allowed with --then\n"},
    {"retrieve|v|q|--then|\xFF", 2, "", "vblip: --then: not valid UTF-8 at byte 1\n"},
    {"retrieve|v|q|--mpv|-l", 2, "", "vblip: --mpv: not allowed together with *"},
    {"retrieve|v|q|--mpv|-f|csv", 2, "", "vblip: --mpv: not allowed together with *"},
    {"retrieve|--index|i|q|--rebuild", 2, "",
     "vblip: --rebuild, --retry-failed, --segment: not allowed *"},
    {"retrieve|--index|i|q|--segment|5", 2, "",
     "vblip: --rebuild, --retry-failed, --segment: not allowed *"},
    {"retrieve|dir|q|--then|x|--top|1", 0,
     "1  0.97  00:01:12.000-00:01:20.000  00:01:30.000-00:01:35.000  dir/a.mp4\n", ""},
    {"retrieve|x.png|q|--then|x", 0, "1  0.97  x.png\n", ""},
    {"retrieve|dir|q|--then|x|--top|1|-f|csv", 0,
     "query,rank,path,start,end,score,itc,itm_logit,p_match,calibration,then_start,"
     "then_end\n"
     "q,1,dir/a.mp4,72.000,80.000,2.5,0.5,2,0.96875,,90.000,95.000\n",
     ""},
    {"retrieve|dir|--like|x.png|--top|1|-f|csv", 0,
     "query,rank,path,start,end,score,itc,itm_logit,p_match,calibration\n"
     ",1,dir/a.mp4,72.000,80.000,2.5,0.5,2,0.96875,\n",
     ""},
    {"retrieve|dir|--like|missing.png", 4, "", "vblip: missing.png: No such file *"},
    {"retrieve|dir|--like|x.png@3", 2, "", "vblip: x.png@3: behind '@' START-END is *"},
    {"retrieve|dir|--like|x.png@3-2", 2, "",
     "vblip: x.png@3-2: ends before it begins\n"},
    {"retrieve|a.mp4|x.png|q|--mpv", 0,
     "mpv --start=00:01:12.000 --end=00:01:20.000 -- 'a.mp4'\nmpv -- 'x.png'\n", ""},
    {"retrieve|it's.mp4|-e|one|-e|two|--mpv|--then|x", 0,
     "# one\nmpv --start=00:01:12.000 --end=00:01:35.000 -- 'it'\\''s.mp4'\n"
     "\n# two\nmpv --start=00:01:12.000 --end=00:01:35.000 -- 'it'\\''s.mp4'\n",
     ""},
};

static void test_rows_of_searches(void **state)
{
    (void)state;
    put_text("x.png", "");
    check_rows(search_rows, sizeof search_rows / sizeof *search_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows_of_searches)};
    return cmocka_run_group_tests_name("searches", tests, enter_folder, leave_folder);
}

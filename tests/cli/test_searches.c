// test_searches.c - searches for more than a query, over a fake library.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const fake_row search_rows[] = {
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
    check_rows(search_rows, sizeof search_rows / sizeof *search_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows_of_searches)};
    return cmocka_run_group_tests_name("searches", tests, enter_folder, leave_folder);
}

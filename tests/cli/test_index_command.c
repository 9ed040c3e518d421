// test_index_command.c - vblip index over a fake library, and retrieve where the index is in
// use: what they print, and the exit status they end with.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const fake_row index_rows[] = {
    {"retrieve|dir|q|--index|locked.index", 0,
     "1  0.97  00:01:12.000-00:01:20.000  dir/a.mp4\n"
     "2  0.25  00:01:12.000-00:01:20.000  dir/b.mp4\n",
     "vblip: 2 files changed, but the index cannot be written now: what it holds is "
     "searched\n"},
    {"index|dir", 0,
     "films.index\n  of          /films\n  recordings  12, 1 of them could not be "
     "read\n"
     "  segments    34\n  size        5678 bytes\n",
     ""},
    {"index|dir|-f|csv", 0,
     "index,root,recordings,failed,segments,bytes\nfilms.index,/films,12,1,34,5678\n",
     ""},
    {"index|dir|--index|locked.index", 4, "",
     "vblip: locked.index: another vblip writes it\n"},
    {"index|dir|--stats|-f|csv", 0,
     "index,root,recordings,failed,segments,bytes\nfilms.index,/films,12,1,34,5678\n",
     ""},
    {"index|--list|-f|jsonl", 3,
     "{\"path\":\"a.mp4\",\"size\":100,\"error\":null}\n"
     "{\"path\":\"b.mp4\",\"size\":200,\"error\":\"not a video or image\"}\n",
     "vblip: broken.index: block 3 is damaged\n"},
    {"index|--list|dir", 0, "a.mp4\nb.mp4  not a video or image\n", ""},
    {"index|--verify|--index|broken.index", 4, "",
     "vblip: broken.index: block 3 is damaged\n"},
    {"index|--stats|never", 0, "", "no index\n"},
    {"index|--remove|a|never", 3, "films.index\n  forgotten   3 of a\n",
     "vblip: broken.index: block 3 is damaged\nvblip: never: in no index\n"},
    {"index|--remove|a|b|--index|films.index|-f|csv", 0,
     "path,index,removed\na,films.index,3\nb,films.index,3\n", ""},
    {"index|--remove|never|--index|films.index|-f|jsonl", 4, "",
     "vblip: never: in no index\n"},
    {"index|--remap|/old=.|--index|films.index", 0,
     "moved.index\n  of          .\n  was of      /old\n", ""},
    {"index|--remap|/old=.|-f|csv", 3,
     "index,root,old_index,old_root\nmoved.index,.,films.index,/old\n",
     "vblip: broken.index: block 3 is damaged\n"},
    {"index|--remap|/old=/no/such", 4, "", "vblip: /no/such: no such directory\n"},
    {"index|--remap|/never=.|--index|films.index", 4, "",
     "vblip: /never: no index is of it, or of a directory in it\n"},
    {"merge|a.index|b.index|c.index|-o|all.index", 0,
     "all.index\n  of          /films\n  recordings  12, 1 of them could not be "
     "read\n"
     "  segments    34\n  size        5678 bytes\n",
     "vblip: a.mp4: b.index has another file of that path, which stands\n"
     "vblip: a.mp4: c.index has another file of that path, which is left out\n"},
    {"merge|a.index|-o|all.csv|-f|csv", 0,
     "index,root,recordings,failed,segments,bytes\nall.csv,/films,12,1,34,5678\n", ""},
    {"merge|a.index|-o|there.index", 2, "", "vblip: there.index: is there already\n"},
    {"merge|broken.index|-yo|there.index", 4, "",
     "vblip: broken.index: block 3 is damaged\n"},
};

static void test_indexes_are_shown(void **state)
{
    (void)state;
    check_rows(index_rows, sizeof index_rows / sizeof *index_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_indexes_are_shown)};
    return cmocka_run_group_tests_name("index", tests, enter_folder, leave_folder);
}

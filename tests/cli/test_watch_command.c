// test_watch_command.c - what `vblip watch` refuses, over a fake library.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const fake_row watch_rows[] = {
    {"watch", 2, "", "vblip: watch: missing a DIRECTORY; see: vblip help watch\n"},
    {"watch|.", 2, "", "vblip: watch: missing --alert TEXT; see: vblip help watch\n"},
    {"watch|.|dir|--alert|a", 2, "", "vblip: dir: one DIRECTORY is allowed\n"},
    {"watch|.|--alert|\xff", 2, "", "vblip: alert 1: not valid UTF-8 at byte 1\n"},
    {"watch|.|--alert|a|--rerank|0|--min-p|0", 2, "",
     "vblip: --rerank 0: gives no P(match), which alerts go by\n"},
    {"watch|.|--alert|a|-o|f.jsonl", 2, "", "vblip: -o: not allowed for watch, *"},
    {"watch|.|--alert|a|-f|csv", 2, "", "vblip: --format: allowed for watch: jsonl\n"},
    {"watch|.|--alert|a|--min-p|2", 2, "", "vblip: --min-p 2: *"},
    {"watch|.|--alert|a|-e|q", 2, "", "vblip: -e: not an option of watch; *"},
    {"watch|.|--alert|a|--thumbnails|./t", 2, "",
     "vblip: --thumbnails ./t: lies in ., where each would be a new image\n"},
    {"watch|rtsp://camera/1|--alert|a", 2, "",
     "vblip: rtsp://camera/1: an address, not a directory; vblip never goes online: "
     "name a directory of this machine\n"},
    {"watch|nowhere|--alert|a", 4, "", "vblip: nowhere: No such file or directory\n"},
    {"watch|/dev/null|--alert|a", 4, "", "vblip: /dev/null: Not a directory\n"},
    {"watch|.|--alert|a|--device|none", 5, "", "vblip: *"},
};

static void test_refusals(void **state)
{
    (void)state;
    check_rows(watch_rows, sizeof watch_rows / sizeof *watch_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refusals)};
    return cmocka_run_group_tests_name("watch command", tests, enter_folder,
                                       leave_folder);
}

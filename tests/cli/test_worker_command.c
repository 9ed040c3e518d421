// test_worker_command.c - what `vblip worker` begins with, and what it refuses, over a fake library.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const fake_row worker_rows[] = {
    {"worker|--model|m", 0,
     "{\"model\":\"m\",\"tasks\":31,\"calibration\":\"its own\"}\n", ""},
    {"worker|--model|m|--calibration|none", 0,
     "{\"model\":\"m\",\"tasks\":31,\"calibration\":\"none\"}\n", ""},
    {"worker|-f|jsonl", 0, "{*", "*"},
    {"worker|a.mp4", 2, "", "vblip: a.mp4: worker takes no operands\n"},
    {"worker|-o|x", 2, "",
     "vblip: -o: not allowed here: answers go to standard output, as they come\n"},
    {"worker|-f|csv", 2, "", "vblip: --format: allowed for worker: jsonl\n"},
    {"worker|--top|3", 2, "", "vblip: --top: not an option of worker; *"},
    {"worker|--model|nomodel", 4, "", "vblip: nomodel: *"},
    {"worker|--calibration|missing.json", 4, "", "vblip: missing.json: *"},
    {"worker|--device|none", 5, "", "vblip: *"},
};

static void test_working(void **state)
{
    (void)state;
    check_rows(worker_rows, sizeof worker_rows / sizeof *worker_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_working)};
    return cmocka_run_group_tests_name("worker command", tests, enter_folder,
                                       leave_folder);
}

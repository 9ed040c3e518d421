// test_mcp_command.c - what `vblip mcp` lets agents search, and what it refuses, over a fake library.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const fake_row mcp_rows[] = {
    {"mcp|dir", 0, "1 paths, index by directory, segment auto, frames 0, include all\n",
     "*"},
    {"mcp|dir|dir|--index|i|--segment|shots|--frames|4|--include|*.mp4", 0,
     "2 paths, index i, segment shots, frames 4, include *.mp4\n", "*"},
    {"mcp|--index|i", 0, "0 paths, index i, segment auto, frames 0, include all\n",
     "*"},
    {"mcp", 2, "", "vblip: mcp: 2 indexes, expected one; name a directory, or *"},
    {"mcp|-", 2, "", "vblip: -: standard input has the messages\n"},
    {"mcp|dir|-o|x", 2, "",
     "vblip: -o: not allowed here: answers go to standard output, as they come\n"},
    {"mcp|dir|-f|csv", 2, "", "vblip: --format: allowed for mcp: jsonl\n"},
    {"mcp|dir|--top|3", 2, "", "vblip: --top: not an option of mcp; *"},
    {"mcp|dir|--segment|x", 2, "", "vblip: --segment*"},
    {"mcp|dir|--model|nomodel", 4, "", "vblip: nomodel: *"},
    {"mcp|dir|--device|none", 5, "", "vblip: *"},
    {"mcp|missing.mp4", 4, "*", "vblip: missing.mp4: *"},
};

static void test_serving_agents(void **state)
{
    (void)state;
    check_rows(mcp_rows, sizeof mcp_rows / sizeof *mcp_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_serving_agents)};
    return cmocka_run_group_tests_name("mcp command", tests, enter_folder,
                                       leave_folder);
}

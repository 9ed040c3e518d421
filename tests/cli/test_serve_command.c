// test_serve_command.c - what `vblip serve` serves, and what it refuses to, over a fake library.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define TOKEN "0123456789abcdef"

static const fake_row serve_rows[] = {
    {"serve|dir", 0, "",
     "127.0.0.1 port 8642, token none, 2 inputs, index by directory*"},
    {"serve|dir|--port|0|--index|i", 0, "",
     "127.0.0.1 port 0, token none, 2 inputs, index i*"},
    {"serve|--index|i", 0, "", "127.0.0.1 port 8642, token none, 0 inputs, index i*"},
    {"serve|dir|--bind|::1|--port|65535", 0, "", "::1 port 65535, token none*"},
    {"serve|dir|--bind|0.0.0.0|--token|" TOKEN, 0, "",
     "0.0.0.0 port 8642, for others, token " TOKEN "*"},
    {"serve", 2, "", "vblip: serve: 2 indexes, expected one; name a directory, or *"},
    {"serve|dir|--bind|0.0.0.0", 2, "",
     "vblip: --bind 0.0.0.0: others could search and read the recordings; --token "
     "TOKEN lets in those who know it\n"},
    {"serve|dir|--token|short", 2, "",
     "vblip: --token: 5 characters, expected 8 to 128\n"},
    {"serve|dir|--token|a b c d e f", 2, "",
     "vblip: --token: only letters, digits and - . _ ~ are allowed, for it stands in "
     "an address\n"},
    {"serve|dir|--port|65536", 2, "", "vblip: --port 65536: *"},
    {"serve|dir|--port|http", 2, "", "vblip: --port http: *"},
    {"serve|dir|--no-index", 2, "", "vblip: --no-index: not an option of serve; *"},
    {"serve|dir|-e|q", 2, "", "vblip: -e: not an option of serve; *"},
    {"serve|dir|--model|nomodel", 4, "", "vblip: nomodel: *"},
    {"serve|dir|--device|none", 5, "", "vblip: *"},
    {"serve|missing.mp4", 4, "", "vblip: missing.mp4: *"},
};

static void test_serving(void **state)
{
    (void)state;
    check_rows(serve_rows, sizeof serve_rows / sizeof *serve_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_serving)};
    return cmocka_run_group_tests_name("serve command", tests, enter_folder,
                                       leave_folder);
}

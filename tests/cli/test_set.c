// test_set.c - every text is new once, also after the table has grown many times.
#include "cli/set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_each_text_is_new_once(void **state)
{
    (void)state;
    enum { TEXTS = 20000 };
    cli_set set = {0};
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < TEXTS; i++) {
            char text[32];
            snprintf(text, sizeof text, "folder/clip-%d.mp4", i);
            assert_int_equal(cli_set_add(&set, text),
                             round ? CLI_SEEN_BEFORE : CLI_SEEN_NEW);
        }
    assert_int_equal(set.texts.count, TEXTS);
    assert_string_equal(set.texts.items[7], "folder/clip-7.mp4"); // in order
    assert_int_equal(cli_set_add(&set, ""), CLI_SEEN_NEW);
    assert_int_equal(cli_set_add(&set, ""), CLI_SEEN_BEFORE);
    cli_set_free(&set);
    assert_int_equal(cli_set_add(&set, ""), CLI_SEEN_NEW); // empty again
    cli_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_text_is_new_once)};
    return cmocka_run_group_tests_name("set", tests, NULL, NULL);
}

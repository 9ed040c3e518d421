// test_set.c - every text is new once, also after the table has grown many times.
#include "base/set.h"

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
    vb_set set = {0};
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < TEXTS; i++) {
            char text[32];
            snprintf(text, sizeof text, "folder/clip-%d.mp4", i);
            assert_int_equal(vb_set_add(&set, text),
                             round ? VB_SEEN_BEFORE : VB_SEEN_NEW);
        }
    assert_int_equal(set.texts.count, TEXTS);
    assert_string_equal(set.texts.items[7], "folder/clip-7.mp4"); // in order
    assert_int_equal(vb_set_add(&set, ""), VB_SEEN_NEW);
    assert_int_equal(vb_set_add(&set, ""), VB_SEEN_BEFORE);
    vb_set_free(&set);
    assert_int_equal(vb_set_add(&set, ""), VB_SEEN_NEW); // empty again
    vb_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_text_is_new_once)};
    return cmocka_run_group_tests_name("set", tests, NULL, NULL);
}

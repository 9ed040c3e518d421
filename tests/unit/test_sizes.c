// test_sizes.c - which packets stand out, and that they are told of when those behind are known.
#include "decode/sizes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { COUNT = 60 };

// The one packet that stands out; COUNT for none.
static uint32_t find_large(const uint32_t *bytes)
{
    vb_sizes sizes = {0};
    uint32_t found = COUNT;
    for (uint32_t i = 0; i < COUNT; i++)
        if (vb_sizes_add(&sizes, bytes[i])) {
            assert_int_equal(found, COUNT);
            assert_true(i >= VB_SIZES_AROUND);
            found = i - VB_SIZES_AROUND;
        }
    return found;
}

static void test_what_stands_out(void **state)
{
    (void)state;
    uint32_t bytes[COUNT];
    for (uint32_t i = 0; i < COUNT; i++)
        bytes[i] = i % 3 ? 100 : 1000; // B B P
    assert_int_equal(find_large(bytes), COUNT);
    bytes[30] = 1690;
    assert_int_equal(find_large(bytes), COUNT);
    bytes[30] = 1700;
    assert_int_equal(find_large(bytes), 30);
    bytes[31] = 5000;
    assert_int_equal(find_large(bytes), 31);
    bytes[20] = UINT32_MAX;
    bytes[31] = 100;
    bytes[30] = 1000;
    assert_int_equal(find_large(bytes), 20);
    for (uint32_t i = 0; i < COUNT; i++)
        bytes[i] = 0; // keys alone
    assert_int_equal(find_large(bytes), COUNT);
}

// The first packets have none in front of them; the last are not known to stand out.
static void test_at_the_ends(void **state)
{
    (void)state;
    uint32_t bytes[COUNT];
    for (uint32_t at = 0; at < COUNT; at++) {
        for (uint32_t i = 0; i < COUNT; i++)
            bytes[i] = i == at ? 300 : 100;
        assert_int_equal(find_large(bytes), at + VB_SIZES_AROUND < COUNT ? at : COUNT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_stands_out),
        cmocka_unit_test(test_at_the_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

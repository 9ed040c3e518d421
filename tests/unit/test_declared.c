// test_declared.c - the size that a header declares is read right, or not at all.
#include "decode/declared.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define EBML    "\x1A\x45\xDF\xA3"
#define SEGMENT "\x18\x53\x80\x67"

static const struct head {
    const char *name;
    const char *bytes;
    size_t size;
    uint64_t declared;
} heads[] = {
#define HEAD(name, text, value)                                                        \
    {                                                                                  \
        name, text, sizeof text - 1, value                                             \
    }
    HEAD("AVI", "RIFF\x70\x15\x13\0AVI LIST", 0x131570 + 8),
    HEAD("AVI that was never finished", "RIFF\0\0\0\0AVI LIST", 0),
    HEAD("AVI from a pipe",
         "RIFF\xFF\xFF\xFF\xFF"
         "AVI LIST",
         0),
    HEAD("another RIFF", "RIFF\x70\x15\x13\0WAVEfmt ", 0),
    HEAD("Matroska",
         EBML "\x83"
              "abc" SEGMENT "\x01\0\0\0\0\x01\x67\x98",
         20 + 0x16798),
    HEAD("sizes of one byte", EBML "\x80" SEGMENT "\x85", 10 + 5),
    HEAD("sizes of four bytes",
         EBML "\x10\0\0\x01"
              "a" SEGMENT "\x10\0\x01\0",
         17 + 256),
    HEAD("size unknown, one byte", EBML "\x80" SEGMENT "\xFF", 0),
    HEAD("size unknown, eight bytes",
         EBML "\x80" SEGMENT "\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 0),
    HEAD("size of nine bytes", EBML "\x80" SEGMENT "\0\x01\0\0\0\0\0\0\0", 0),
    HEAD("header beyond what was read", EBML "\xFE" SEGMENT "\x85", 0),
    HEAD("no segment",
         EBML "\x80"
              "abcd\x85",
         0),
    HEAD("mp4",
         "\0\0\0\x20"
         "ftypisom",
         0),
    HEAD("nothing", "", 0),
};

static uint64_t declared_by(const char *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    uint64_t value = vb_declared_size(copy, size);
    free(copy);
    return value;
}

static void test_reads_the_declared_size(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        uint64_t got = declared_by(heads[i].bytes, heads[i].size);
        if (got != heads[i].declared)
            fail_msg("%s: %llu, expected %llu", heads[i].name, (unsigned long long)got,
                     (unsigned long long)heads[i].declared);
    }
}

static void test_a_shorter_head_declares_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        for (size_t size = 0; size < heads[i].size; size++) {
            uint64_t got = declared_by(heads[i].bytes, size);
            assert_true(got == 0 || got == heads[i].declared);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_the_declared_size),
        cmocka_unit_test(test_a_shorter_head_declares_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// test_exif.c - which way up a file says it is, and what a broken one cannot do.
#include "decode/exif.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// Orientation 6 in a TIFF directory that holds one other tag before it.
#define LITTLE                                                                         \
    "II*\0\x08\0\0\0\x02\0\x10\x01\x02\0\x01\0\0\0A\0\0\0\x12\x01\x03\0\x01\0\0\0"     \
    "\x06\0\0\0\0\0\0\0"
#define BIG                                                                            \
    "MM\0*\0\0\0\x08\0\x02\x01\x10\0\x02\0\0\0\x01"                                    \
    "A\0\0\0\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
#define JPEG "\xFF\xD8\xFF\xE0\0\x06JFIF"
#define APP1                                                                           \
    "\xFF\xE1\0\x2E"                                                                   \
    "Exif\0\0" // 38 bytes of TIFF
#define PNG  "\x89PNG\r\n\x1A\n\0\0\0\x01IHDR?crc1"
#define WEBP "RIFF\x99\0\0\0WEBPVP8X\x03\0\0\0abc\0" // padded to even

static const struct file {
    const char *name;
    const char *bytes;
    size_t size;
    uint32_t orientation;
} files[] = {
#define FILE_OF(name, text, value)                                                     \
    {                                                                                  \
        name, text, sizeof text - 1, value                                             \
    }
    FILE_OF("JPEG, little endian", JPEG APP1 LITTLE "\xFF\xDA", 6),
    FILE_OF("JPEG, big endian", JPEG APP1 BIG "\xFF\xDA", 6),
    FILE_OF("JPEG with fill bytes",
            "\xFF\xD8\xFF\xFF\xFF\xE1\0\x2E"
            "Exif\0\0" BIG,
            6),
    FILE_OF("PNG",
            PNG "\0\0\0\x26"
                "eXIf" BIG "crc2",
            6),
    FILE_OF("WebP", WEBP "EXIF\x26\0\0\0" LITTLE, 6),
    FILE_OF("WebP with JPEG's prefix",
            WEBP "EXIF\x2C\0\0\0"
                 "Exif\0\0" LITTLE,
            6),
    FILE_OF("nothing", "", 1),
    FILE_OF("another kind", "GIF89a" APP1 LITTLE, 1),
    FILE_OF("EXIF behind the pixels", JPEG "\xFF\xDA\0\x02" APP1 LITTLE, 1),
    FILE_OF("EXIF behind the end",
            PNG "\0\0\0\0IENDcrc\0\0\0\x26"
                "eXIf" BIG,
            1),
    FILE_OF("a segment of no size", "\xFF\xD8\xFF\xE0\0\0" APP1 LITTLE, 1),
    FILE_OF("another byte order",
            JPEG "\xFF\xE1\0\x2E"
                 "Exif\0\0"
                 "XX*\0" LITTLE,
            1),
    FILE_OF("directory beyond the end", JPEG APP1 "II*\0\xFF\xFF\xFF\xFF", 1),
    FILE_OF("more entries than bytes", JPEG APP1 "II*\0\x08\0\0\0\xFF\xFF", 1),
    FILE_OF("orientation 9",
            JPEG APP1 "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0", 1),
    FILE_OF("orientation 0",
            JPEG APP1 "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0", 1),
    FILE_OF("orientation as text",
            JPEG APP1 "II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x01\0\0\0\x06\0\0\0", 1),
};

// In a block of just that size, so that a byte too far is found.
static uint32_t orientation_of(const char *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    uint32_t value = vb_exif_orientation(copy, size);
    free(copy);
    return value;
}

static void test_finds_the_orientation_or_calls_it_upright(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        uint32_t got = orientation_of(files[i].bytes, files[i].size);
        if (got != files[i].orientation)
            fail_msg("%s: %u, expected %u", files[i].name, got, files[i].orientation);
    }
}

static void test_every_truncation_is_upright_or_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (size_t size = 0; size < files[i].size; size++) {
            uint32_t got = orientation_of(files[i].bytes, size);
            assert_true(got == 1 || got == files[i].orientation);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_the_orientation_or_calls_it_upright),
        cmocka_unit_test(test_every_truncation_is_upright_or_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// test_pipeline_cache.c - a cache file gives back what was put in, and nothing else is
// ever handed to a driver.
#include "gpu/cache_file.h"

#include "base/file.h"
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    DATA = 40,
    PIPELINES = 2,
    AT_DATA = VB_CACHE_HEADER_BYTES + PIPELINES * 16,
    SIZE = AT_DATA + DATA,
    CHECKSUM = 120
};

static const vb_specialised pipelines[PIPELINES] = {{20, {3, 2, 0x01020304}},
                                                    {1, {0, 0, 0}}};

static const vb_cache_key key = {
    .device = {1, 2, 3},
    .driver = {4, 5},
    .pipelines = {6, 7, 8, 9},
    .shaders = 0x0123456789abcdef,
    .driver_version = 77,
    .vendor_id = 0x10005,
    .device_id = 3,
};

static const vb_verdicts verdicts = {
    .tested = 0x8400000003, .passed = 2, .begun = 0x1000004, .again = 4};

// The driver's data as Vulkan demands it to begin.
static void make_data(uint8_t data[DATA])
{
    memset(data, 0xab, DATA);
    memset(data, 0, 16);
    data[0] = 32;
    data[4] = 1;
    data[8] = 5, data[10] = 1;
    data[12] = 3;
    memcpy(data + 16, key.pipelines, 16);
}

// A good file in memory of its exact size.
static uint8_t *make_file(void)
{
    uint8_t data[DATA];
    make_data(data);
    vb_cache_entry entry = {
        .verdicts = verdicts, .pipeline_count = PIPELINES, .data = data, .size = DATA};
    memcpy(entry.pipelines, pipelines, sizeof pipelines);
    vb_string file = {0};
    assert_int_equal(vb_cache_format(&file, &entry, &key, NULL), VBLIP_OK);
    assert_int_equal(file.size, SIZE);
    uint8_t *bytes = malloc(SIZE);
    assert_non_null(bytes);
    memcpy(bytes, file.bytes, SIZE);
    vb_string_free(&file);
    return bytes;
}

static void fix_checksum(uint8_t *bytes)
{
    const uint64_t hash =
        vb_hash_bytes(vb_hash_bytes(0, bytes, CHECKSUM), bytes + VB_CACHE_HEADER_BYTES,
                      SIZE - VB_CACHE_HEADER_BYTES);
    for (int i = 0; i < 8; i++)
        bytes[CHECKSUM + i] = (uint8_t)(hash >> (8 * i));
}

static void test_gives_back_what_was_written(void **state)
{
    (void)state;
    uint8_t *bytes = make_file(), data[DATA];
    make_data(data);
    vb_cache_entry entry;
    assert_int_equal(vb_cache_parse(&entry, bytes, SIZE, &key, NULL), VBLIP_OK);
    assert_memory_equal(&entry.verdicts, &verdicts, sizeof verdicts);
    assert_int_equal(entry.pipeline_count, PIPELINES);
    assert_memory_equal(entry.pipelines, pipelines, sizeof pipelines);
    assert_int_equal(entry.size, DATA);
    assert_memory_equal(entry.data, data, DATA);
    free(bytes);
}

static void test_verdicts_stand_without_pipelines(void **state)
{
    (void)state;
    const vb_cache_entry none = {.verdicts = {.tested = 1}};
    vb_string file = {0};
    vb_cache_entry entry;
    assert_int_equal(vb_cache_format(&file, &none, &key, NULL), VBLIP_OK);
    assert_int_equal(
        vb_cache_parse(&entry, (const uint8_t *)file.bytes, file.size, &key, NULL),
        VBLIP_OK);
    assert_int_equal(entry.verdicts.tested, 1);
    assert_int_equal(entry.verdicts.passed, 0);
    assert_int_equal(entry.size, 0);
    vb_string_free(&file);
}

// One byte changed and the checksum made right again: what only a check of meaning sees.
static const struct bad_file {
    const char *name;
    size_t at;
    vblip_status status;
} bad_files[] = {
    {"magic", 0, VBLIP_ERR_FORMAT},
    {"version", 8, VBLIP_ERR_FORMAT},
    {"header size", 12, VBLIP_ERR_FORMAT},
    {"another device", 16, VBLIP_ERR_UNSUPPORTED},
    {"another driver", 33, VBLIP_ERR_UNSUPPORTED},
    {"another pipeline cache UUID", 50, VBLIP_ERR_UNSUPPORTED},
    {"other shaders", 71, VBLIP_ERR_UNSUPPORTED},
    {"another driver version", 72, VBLIP_ERR_UNSUPPORTED},
    {"more pipelines than bytes", 76, VBLIP_ERR_FORMAT},
    {"more pipelines than there can be", 79, VBLIP_ERR_FORMAT},
    {"passed without a test", 88, VBLIP_ERR_FORMAT},
    {"tested and not at an end", 100, VBLIP_ERR_FORMAT},
    {"twice and not once", 104, VBLIP_ERR_FORMAT},
    {"data size", 112, VBLIP_ERR_FORMAT},
    {"data size, high", 119, VBLIP_ERR_FORMAT},
};

// The same of the driver's data, which is then left out, and the verdicts stay.
static const struct bad_data {
    const char *name;
    size_t at;
} bad_data[] = {
    {"driver header size", AT_DATA},
    {"driver header version", AT_DATA + 4},
    {"driver data of another vendor", AT_DATA + 8},
    {"driver data of another device", AT_DATA + 12},
    {"driver data of another driver", AT_DATA + 16},
};

static void test_refuses_bad_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_files / sizeof *bad_files; i++) {
        uint8_t *bytes = make_file();
        bytes[bad_files[i].at] ^= 0x84;
        fix_checksum(bytes);
        vb_cache_entry entry;
        vblip_error err = {0};
        vblip_status status = vb_cache_parse(&entry, bytes, SIZE, &key, &err);
        if (status != bad_files[i].status || !err.message[0] || entry.data ||
            entry.verdicts.tested)
            fail_msg("%s: status %d, message \"%s\"", bad_files[i].name, status,
                     err.message);
        free(bytes);
    }
}

static void test_verdicts_stand_without_bad_data(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_data / sizeof *bad_data; i++) {
        uint8_t *bytes = make_file();
        bytes[bad_data[i].at] ^= 0x84;
        fix_checksum(bytes);
        vb_cache_entry entry;
        vblip_error err = {0};
        if (vb_cache_parse(&entry, bytes, SIZE, &key, NULL) != VBLIP_OK || entry.data ||
            entry.size || entry.verdicts.tested != verdicts.tested ||
            entry.verdicts.passed != verdicts.passed ||
            entry.pipeline_count != PIPELINES)
            fail_msg("%s", bad_data[i].name);
        assert_int_equal(vb_cache_check_data(bytes + AT_DATA, DATA, &key, &err),
                         VBLIP_ERR_FORMAT);
        assert_true(err.message[0]);
        free(bytes);
    }
}

// Mesa 26 gives less than the header that Vulkan asks for.
static void test_refuses_data_without_a_whole_header(void **state)
{
    (void)state;
    uint8_t data[DATA];
    make_data(data);
    for (size_t size = 0; size <= DATA; size++) {
        uint8_t *cut = malloc(size ? size : 1);
        assert_non_null(cut);
        memcpy(cut, data, size);
        assert_int_equal(vb_cache_check_data(cut, size, &key, NULL),
                         size == 0 || size >= 32 ? VBLIP_OK : VBLIP_ERR_FORMAT);
        free(cut);
    }
}

static void test_refuses_every_changed_bit(void **state)
{
    (void)state;
    for (size_t bit = 0; bit < 8 * SIZE; bit++) {
        uint8_t *bytes = make_file();
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        vb_cache_entry entry;
        assert_int_equal(vb_cache_parse(&entry, bytes, SIZE, &key, NULL),
                         VBLIP_ERR_FORMAT);
        free(bytes);
    }
}

static void test_refuses_every_truncation(void **state)
{
    (void)state;
    uint8_t *bytes = make_file();
    for (size_t size = 0; size < SIZE; size++) {
        uint8_t *cut = malloc(size ? size : 1);
        assert_non_null(cut);
        memcpy(cut, bytes, size);
        vb_cache_entry entry;
        assert_int_equal(vb_cache_parse(&entry, cut, size, &key, NULL),
                         VBLIP_ERR_FORMAT);
        free(cut);
    }
    free(bytes);
}

// Where it is not, no fuzzer comes past the header.
static void test_corpus_is_of_this_version(void **state)
{
    (void)state;
    char *bytes;
    size_t size;
    vb_cache_key of_file = {.vendor_id = 0x10005};
    vb_cache_entry entry;
    assert_int_equal(vb_file_read(&bytes, &size, VB_CORPUS "/good", 1 << 20, NULL),
                     VBLIP_OK);
    assert_true(size > VB_CACHE_HEADER_BYTES);
    memcpy(of_file.device, bytes + 16, sizeof of_file.device);
    memcpy(of_file.driver, bytes + 32, sizeof of_file.driver);
    memcpy(of_file.pipelines, bytes + 48, sizeof of_file.pipelines);
    memcpy(&of_file.shaders, bytes + 64, sizeof of_file.shaders);
    memcpy(&of_file.driver_version, bytes + 72, sizeof of_file.driver_version);
    assert_int_equal(
        vb_cache_parse(&entry, (const uint8_t *)bytes, size, &of_file, NULL), VBLIP_OK);
    assert_true(entry.size > 0 && entry.verdicts.begun && entry.pipeline_count > 1);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gives_back_what_was_written),
        cmocka_unit_test(test_corpus_is_of_this_version),
        cmocka_unit_test(test_verdicts_stand_without_pipelines),
        cmocka_unit_test(test_refuses_bad_files),
        cmocka_unit_test(test_verdicts_stand_without_bad_data),
        cmocka_unit_test(test_refuses_data_without_a_whole_header),
        cmocka_unit_test(test_refuses_every_changed_bit),
        cmocka_unit_test(test_refuses_every_truncation),
    };
    return cmocka_run_group_tests_name("pipeline_cache", tests, NULL, NULL);
}

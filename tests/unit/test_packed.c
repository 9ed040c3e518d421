// test_packed.c - packed weights come back as they were written, and a file with anything
// wrong is not taken for one.
#include "cpu/packed.h"

#include "base/hash.h"
#include "support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KEY = 77, HEADER = 48, ENTRY = 56, AT_CHECKSUM = 40 };

static char path[TEMP_PATH];
static const uint8_t first[5000] = {1, 2, 3}, second[64] = {4};

static void make_list(vb_packed_matrix list[2])
{
    list[0] = (vb_packed_matrix){.name = 1,
                                 .layout = 2,
                                 .checksum = 3,
                                 .rows = 4,
                                 .cols = 5,
                                 .uses = 1,
                                 .size = sizeof first,
                                 .bytes = first};
    list[1] = list[0];
    list[1].name = 9;
    list[1].size = sizeof second;
    list[1].bytes = second;
}

// A good file, read back: `*size` bytes, to be freed.
static uint8_t *write_good(size_t *size)
{
    vb_packed_matrix list[2];
    make_list(list);
    temp_path(path, temp_folder, "weights");
    assert_int_equal(vb_packed_write(path, KEY, list, 2, NULL), VBLIP_OK);
    return temp_read(size, path);
}

static vblip_status open_bytes(const uint8_t *bytes, size_t size, vblip_error *err)
{
    vb_packed *file;
    temp_write_bytes(path, bytes, size);
    const vblip_status status = vb_packed_open(&file, path, KEY, err);
    assert_true((file != NULL) == (status == VBLIP_OK));
    vb_packed_release(&file);
    return status;
}

static void mend_checksum(uint8_t *bytes, size_t count)
{
    const uint64_t hash = vb_hash_bytes(vb_hash_bytes(0, bytes, AT_CHECKSUM),
                                        bytes + HEADER, count * ENTRY);
    memcpy(bytes + AT_CHECKSUM, &hash, sizeof hash);
}

static void test_comes_back(void **state)
{
    (void)state;
    size_t size;
    vb_packed_matrix list[2];
    vb_packed *file;
    make_list(list);
    free(write_good(&size));
    assert_int_equal(vb_packed_open(&file, path, KEY, NULL), VBLIP_OK);
    for (int i = 0; i < 2; i++) {
        const vb_packed_matrix *found = vb_packed_find(file, &list[i]);
        assert_non_null(found);
        assert_int_equal(found->checksum, 3);
        assert_memory_equal(found->bytes, list[i].bytes, list[i].size);
    }
    vb_packed *held = vb_packed_hold(file);
    const vb_packed_matrix *found = vb_packed_find(file, &list[1]);
    vb_packed_release(&file);
    assert_null(file);
    assert_memory_equal(found->bytes, second, sizeof second); // still mapped
    vb_packed_release(&held);
}

// Everything that makes a matrix another one.
static void test_finds_none_that_differs(void **state)
{
    (void)state;
    size_t size;
    vb_packed *file;
    vb_packed_matrix list[2];
    make_list(list);
    free(write_good(&size));
    assert_int_equal(vb_packed_open(&file, path, KEY, NULL), VBLIP_OK);
    vb_packed_matrix others[7];
    for (int i = 0; i < 7; i++)
        others[i] = list[0];
    others[0].name++;
    others[1].layout++;
    others[2].rows++;
    others[3].cols++;
    others[4].uses++;
    others[5].type++;
    others[6].size--;
    for (int i = 0; i < 7; i++)
        assert_null(vb_packed_find(file, &others[i]));
    vb_packed_release(&file);
}

// One number changed and the checksum made right again: what only its meaning tells.
static void test_refuses(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        uint64_t value;
        bool mended;
        vblip_status status;
        const char *message;
    } rows[] = {
        {0, 0, true, VBLIP_ERR_FORMAT, "not packed weights"},
        {8, 2, true, VBLIP_ERR_FORMAT, "version 2, expected 1"},
        {16, KEY + 1, true, VBLIP_ERR_UNSUPPORTED,
         "of other weights, another processor or another build"},
        {24, 1, true, VBLIP_ERR_FORMAT, "bytes, expected 1"},
        {32, 1 << 17, false, VBLIP_ERR_FORMAT, "a list of 131072 matrices"},
        {32, 250, false, VBLIP_ERR_FORMAT, "a list of 250 matrices"},
        {32, 1, false, VBLIP_ERR_FORMAT, "wrong checksum"},
        {HEADER, 2, false, VBLIP_ERR_FORMAT, "wrong checksum"},
        {HEADER + 40, 1 << 20, true, VBLIP_ERR_FORMAT, "matrix 0 lies beyond its end"},
        {HEADER + 48, 100, true, VBLIP_ERR_FORMAT, "matrix 0 lies beyond its end"},
        {HEADER + 48, 1 << 20, true, VBLIP_ERR_FORMAT, "matrix 0 lies beyond its end"},
        {HEADER + ENTRY + 48, UINT64_MAX / 4096 * 4096, true, VBLIP_ERR_FORMAT,
         "matrix 1 lies beyond its end"},
    };
    size_t size;
    uint8_t *good = write_good(&size), *bad = malloc(size);
    assert_non_null(bad);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vblip_error err = {0};
        memcpy(bad, good, size);
        memcpy(bad + rows[i].at, &rows[i].value, sizeof rows[i].value);
        if (rows[i].mended)
            mend_checksum(bad, 2);
        assert_int_equal(open_bytes(bad, size, &err), rows[i].status);
        assert_non_null(strstr(err.message, rows[i].message));
        assert_non_null(strstr(err.message, path));
    }
    free(bad);
    free(good);
}

static void test_refuses_every_cut(void **state)
{
    (void)state;
    size_t size;
    uint8_t *good = write_good(&size);
    for (size_t cut = 0; cut < size; cut += cut < 300 ? 1 : 97)
        assert_int_equal(open_bytes(good, cut, NULL), VBLIP_ERR_FORMAT);
    assert_int_equal(open_bytes(good, size, NULL), VBLIP_OK);
    free(good);
}

static void test_says_what_cannot_be_opened(void **state)
{
    (void)state;
    vb_packed *file;
    vblip_error err = {0};
    assert_int_equal(vb_packed_open(&file, "/nowhere/w", KEY, &err), VBLIP_ERR_IO);
    assert_null(file);
    vb_packed_matrix list[2];
    make_list(list);
    assert_int_equal(vb_packed_write("/nowhere/w", KEY, list, 2, &err), VBLIP_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_back),
        cmocka_unit_test(test_finds_none_that_differs),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_refuses_every_cut),
        cmocka_unit_test(test_says_what_cannot_be_opened),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}

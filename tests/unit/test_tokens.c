// test_tokens.c - visual tokens on disk: what is read is what was written, the least recently
// used goes first, and a file that lies is removed.
#include "index/tokens.h"

#include "support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { ROWS = 6, COLS = 32, HEADER = 32, BYTES = HEADER + ROWS * COLS * 4 };

static char folder[TEMP_PATH];

static vb_tokens *open_tokens_of(const char *name, uint64_t budget)
{
    vb_tokens *tokens = NULL;
    vblip_error err = {0};
    temp_path(folder, temp_folder, name);
    if (vb_tokens_open(&tokens, folder, budget, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    return tokens;
}

// Long enough apart for the clock of files to tell.
static void wait_a_tick(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 12000000}, NULL);
}

static void write_numbers(vb_tokens *tokens, uint64_t key)
{
    float values[ROWS * COLS];
    for (int i = 0; i < ROWS * COLS; i++)
        values[i] = (float)key + (float)i / 1024;
    wait_a_tick();
    vb_tokens_write(tokens, key, values, ROWS, COLS);
}

static bool read_numbers(vb_tokens *tokens, uint64_t key)
{
    float *values;
    uint32_t rows, cols;
    wait_a_tick();
    if (!vb_tokens_read(tokens, key, &values, &rows, &cols))
        return false;
    assert_int_equal(rows, ROWS);
    assert_int_equal(cols, COLS);
    for (int i = 0; i < ROWS * COLS; i++)
        assert_true(values[i] == (float)key + (float)i / 1024);
    free(values);
    return true;
}

static void test_what_is_written_is_read(void **state)
{
    (void)state;
    vb_tokens *tokens = open_tokens_of("written", 100 * BYTES);
    for (uint64_t key = 1; key <= 5; key++)
        write_numbers(tokens, key << 40 | key);
    vb_tokens_close(&tokens);
    tokens = open_tokens_of("written", 100 * BYTES);
    for (uint64_t key = 1; key <= 5; key++) {
        assert_true(vb_tokens_has(tokens, key << 40 | key));
        assert_true(read_numbers(tokens, key << 40 | key));
    }
    assert_false(vb_tokens_has(tokens, 6));
    assert_false(read_numbers(tokens, 6));
    vb_tokens_close(&tokens);
    vb_tokens_close(&tokens);
}

static void test_the_least_recently_used_goes(void **state)
{
    (void)state;
    vb_tokens *tokens = open_tokens_of("budget", 3 * BYTES);
    for (uint64_t key = 1; key <= 3; key++)
        write_numbers(tokens, key);
    vb_tokens_close(&tokens);
    tokens = open_tokens_of("budget", 3 * BYTES);
    assert_true(read_numbers(tokens, 1)); // known by the time of its file
    vb_tokens_close(&tokens);
    tokens = open_tokens_of("budget", 3 * BYTES);
    write_numbers(tokens, 4);
    assert_true(vb_tokens_has(tokens, 1) && !vb_tokens_has(tokens, 2));
    vb_tokens_close(&tokens);
    tokens = open_tokens_of("budget", 2 * BYTES - 1); // less than there is
    assert_false(read_numbers(tokens, 1));
    assert_false(read_numbers(tokens, 3));
    assert_true(read_numbers(tokens, 4));
    vb_tokens_close(&tokens);
    tokens = open_tokens_of("budget", 10);
    write_numbers(tokens, 9);
    assert_false(vb_tokens_has(tokens, 9) || vb_tokens_has(tokens, 4));
    vb_tokens_close(&tokens);
}

static void test_a_file_that_lies_is_removed(void **state)
{
    (void)state;
    char path[TEMP_PATH + 32];
    vb_tokens *tokens = open_tokens_of("lies", 100 * BYTES);
    write_numbers(tokens, 7);
    snprintf(path, sizeof path, "%s/%016x.tokens", folder, 7);
    size_t size;
    uint8_t *good = temp_read(&size, path);
    assert_int_equal(size, BYTES);
    for (size_t at = 0; at <= size; at += 7) { // a byte turned, and a file cut
        for (int cut = 0; cut <= 1; cut++) {
            if (at == size && !cut)
                continue;
            uint8_t *bad = malloc(size);
            assert_non_null(bad);
            memcpy(bad, good, size);
            bad[at < size ? at : 0] ^= 0x10;
            temp_write_bytes(path, cut ? good : bad, cut ? at : size);
            free(bad);
            vb_tokens *again = open_tokens_of("lies", 100 * BYTES);
            float *values;
            uint32_t rows, cols;
            const bool reserved = !cut && at >= 20 && at < 24;
            const bool whole = cut && at == size;
            const bool read = vb_tokens_read(again, 7, &values, &rows, &cols);
            assert_true(read == (reserved || whole));
            assert_true(vb_tokens_has(again, 7) == read);
            assert_true((access(path, F_OK) == 0) == read);
            free(values);
            vb_tokens_close(&again);
        }
    }
    free(good);
    vb_tokens_close(&tokens);
}

static void test_a_folder_that_cannot_be(void **state)
{
    (void)state;
    vb_tokens *tokens = NULL;
    vblip_error err = {0};
    char path[TEMP_PATH];
    temp_write(temp_folder, "file", "x");
    assert_int_equal(
        vb_tokens_open(&tokens, temp_path(path, temp_folder, "file/in"), 1, &err),
        VBLIP_ERR_IO);
    assert_null(tokens);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_is_read),
        cmocka_unit_test(test_the_least_recently_used_goes),
        cmocka_unit_test(test_a_file_that_lies_is_removed),
        cmocka_unit_test(test_a_folder_that_cannot_be),
    };
    return cmocka_run_group_tests_name("tokens", tests, temp_setup, temp_teardown);
}

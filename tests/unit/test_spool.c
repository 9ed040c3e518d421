// test_spool.c - standard input becomes a file, up to a limit.
#include "terminal/spool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { MIB = 1 << 20 };

// Standard input becomes a file of `size` bytes "x".
static void give(size_t size)
{
    FILE *file = tmpfile();
    assert_non_null(file);
    for (size_t i = 0; i < size; i++)
        fputc('x', file);
    rewind(file);
    assert_true(dup2(fileno(file), STDIN_FILENO) >= 0);
    fclose(file);
}

static void test_up_to_the_limit(void **state)
{
    (void)state;
    vb_spool spool;
    vblip_error err = {0};
    give(MIB);
    assert_int_equal(vb_spool_stdin(&spool, "/tmp", MIB, &err), VBLIP_OK);
    FILE *file = fopen(spool.path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    assert_int_equal(ftell(file), MIB);
    fclose(file);
    vb_spool_close(&spool);

    give(MIB + 1);
    assert_int_equal(vb_spool_stdin(&spool, "/tmp", MIB, &err), VBLIP_ERR_UNSUPPORTED);
    assert_string_equal(err.message, "standard input: more than 1 MiB; save it to a "
                                     "file and name that");
    assert_int_equal(spool.path[0], '\0');
}

static void test_no_folder(void **state)
{
    (void)state;
    vb_spool spool;
    vblip_error err = {0};
    assert_int_equal(vb_spool_stdin(&spool, "/nonexistent", MIB, &err), VBLIP_ERR_IO);
    assert_non_null(strstr(err.message, "/nonexistent"));
    vb_spool_close(&spool); // of nothing
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_up_to_the_limit),
        cmocka_unit_test(test_no_folder),
    };
    return cmocka_run_group_tests_name("spool", tests, NULL, NULL);
}

// test_bundled.c - what is installed is found beside whatever file holds the code.
#include "api/bundled.h"
#include "support/temp.h"
#include "vblip_lab.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[TEMP_FOLDER];

static int setup(void **state)
{
    (void)state;
    temp_make(folder);
    temp_write(folder, "prefix/share/vblip/words.txt", "a\n");
    temp_write(folder, "moved/models/words.txt", "a\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    temp_remove(folder);
    return 0;
}

#define INSTALLED "prefix/share/vblip/words.txt"

static void test_installed_path(void **state)
{
    (void)state;
    static const struct {
        const char *file, *name, *found;
    } cases[] = {
        {"prefix/bin/vblip", "words.txt", INSTALLED},
        {"prefix/lib/libvblip.so.0", "words.txt", INSTALLED},
        {"prefix/lib/x86_64-linux-gnu/libvblip.so.0", "words.txt", INSTALLED},
        {"prefix/lib/x86_64-linux-gnu/deeper/libvblip.so.0", "words.txt", NULL},
        {"moved/build/release/vblip", "words.txt", "moved/models/words.txt"},
        {"prefix/bin/vblip", "other.txt", NULL},
        {"elsewhere/bin/vblip", "words.txt", NULL},
        {"prefix", "words.txt", NULL},
    };
    char file[TEMP_PATH], wanted[TEMP_PATH];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *path =
            vb_installed_path(temp_path(file, folder, cases[i].file), cases[i].name);
        if (cases[i].found)
            assert_string_equal(path, temp_path(wanted, folder, cases[i].found));
        else
            assert_null(path);
        free(path);
    }
    assert_null(vb_installed_path("vblip", "words.txt"));
    assert_null(vb_installed_path("", "words.txt"));
}

// The library is linked into this program.
static void test_loaded_from(void **state)
{
    (void)state;
    char self[PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(size > 0);
    self[size] = '\0';
    char *file = vb_loaded_from();
    assert_string_equal(file, self);
    free(file);
}

// Not installed, what the source holds is used.
static void test_source(void **state)
{
    (void)state;
    const char *vocab = vblip_bundled_vocab();
    assert_non_null(vocab);
    assert_int_equal(access(vocab, R_OK), 0);
    assert_ptr_equal(vblip_bundled_vocab(), vocab);
    const char *model = vblip_bundled_model();
    assert_true(!model || access(model, R_OK) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_installed_path),
        cmocka_unit_test(test_loaded_from),
        cmocka_unit_test(test_source),
    };
    return cmocka_run_group_tests_name("bundled", tests, setup, teardown);
}

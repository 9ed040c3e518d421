// test_clip_names.c - a clip's name says of what and when it is, and is its own.
#include "output/clip_names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int64_t start_s, end_s;
        const char *name;
    } rows[] = {
        {"films/clip-02.mp4", 12, 18, "out/clip-02_00m12s-00m18s.mkv"},
        {"clip-02.mov", 12, 18, "out/clip-02_00m12s-00m18s-2.mkv"},
        {"other/clip-02.mp4", 12, 18, "out/clip-02_00m12s-00m18s-3.mkv"},
        {"a.b.mp4", 59, 60, "out/a.b_00m59s-01m00s.mkv"},
        {".hidden", 3599, 3600, "out/.hidden_59m59s-01h00m00s.mkv"},
        {"none", 360000, 360001, "out/none_100h00m00s-100h00m01s.mkv"},
    };
    vb_set names = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vb_string name = {0};
        const vb_clip_label label = {"out", rows[i].path, ".mkv",
                                     rows[i].start_s * 1000000,
                                     rows[i].end_s * 1000000};
        assert_true(vb_clip_name(&name, &names, &label));
        assert_string_equal(name.bytes, rows[i].name);
        vb_string_free(&name);
    }
    vb_set_free(&names);
}

static void test_long_names_are_cut_between_characters(void **state)
{
    (void)state;
    char path[400] = "x";
    for (int i = 0; i < 120; i++)
        strcat(path, "\xC3\xA9");
    vb_set names = {0};
    vb_string name = {0};
    const vb_clip_label label = {"out", path, ".mp4", 0, 1000000};
    assert_true(vb_clip_name(&name, &names, &label));
    assert_true(name.size < 200);
    assert_true(vb_utf8_valid(name.bytes, name.size));
    vb_string_free(&name);
    vb_set_free(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_names_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

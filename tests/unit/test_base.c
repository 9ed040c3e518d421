// test_base.c - errors keep the first message, arenas align, text and files round-trip.
#include "base/arena.h"
#include "base/dtype.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/outfile.h"
#include "base/path.h"
#include "base/segmenting.h"
#include "base/text.h"
#include "support/temp.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void test_control_characters_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written;
    } cases[] = {
        {"", ""},
        {"a\nb\t\r", "a\\nb\\t\\r"},
        {"\x1b[2J\x7f\x01", "\\x1b[2J\\x7f\\x01"},
        {"na\xc3\xafve \xc2\x9b"
         "1m \xff",
         "na\xc3\xafve \\u009b1m \xff"},
        {"caf\xc2", "caf\xc2"}, // cut short
    };
    char out[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t size = vb_escape_controls(out, sizeof out, cases[i].text);
        assert_string_equal(out, cases[i].written);
        assert_int_equal(size, strlen(out));
    }
    assert_int_equal(vb_escape_controls(out, 4, "ab\ncd"), 2); // nothing is cut in two
    assert_string_equal(out, "ab");
    assert_int_equal(vb_escape_controls(out, 1, "a"), 0);
}

static void test_first_message_wins(void **state)
{
    (void)state;
    vblip_error err = {0};
    assert_int_equal(vb_fail(&err, VBLIP_ERR_IO, "a: %d\nb", 1), VBLIP_ERR_IO);
    assert_int_equal(vb_fail(&err, VBLIP_ERR_FORMAT, "second"), VBLIP_ERR_FORMAT);
    assert_string_equal(err.message, "a: 1\\nb");
    assert_int_equal(err.status, VBLIP_ERR_IO);
    vb_error_prefix(&err, "file");
    assert_string_equal(err.message, "file: a: 1\\nb");
    vb_error_reset(&err);
    assert_int_equal(err.status, VBLIP_OK);
    assert_int_equal(vb_fail(NULL, VBLIP_ERR_IO, "x"), VBLIP_ERR_IO);
}

static void test_arena_aligns_and_refuses_overflow(void **state)
{
    (void)state;
    vb_arena arena = {0};
    for (size_t i = 0; i < 100; i++) {
        char *at = vb_arena_alloc(&arena, i * 97, 3);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < i * 97 * 3; j++)
            assert_int_equal(at[j], 0);
        memset(at, 0xAA, i * 97 * 3);
    }
    assert_null(vb_arena_alloc(&arena, SIZE_MAX / 2, 3));
    assert_string_equal(vb_arena_string(&arena, "abcd", 3), "abc");
    vb_arena_free(&arena);
    assert_null(arena.head);
}

static void test_halves_widen_exactly(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 65536; bits++) {
        int e = (int)(bits >> 10 & 31);
        double f = bits & 1023;
        double v = e == 31  ? (f != 0.0 ? (double)NAN : (double)INFINITY)
                   : e == 0 ? ldexp(f, -24)
                            : ldexp(1024 + f, e - 25);
        float got = vb_f16_to_f32((uint16_t)bits);
        if (isnan(v))
            assert_true(isnan(got));
        else
            assert_true((double)got == (bits & 0x8000 ? -v : v));
    }
    assert_true(vb_bf16_to_f32(0x3f80) == 1.0f);
    const uint16_t two[] = {0x3c00, 0xc000};
    float wide[2];
    vb_widen(wide, two, VB_F16, 2);
    assert_true(wide[0] == 1.0f && wide[1] == -2.0f);
}

// Every half comes back; between neighbours the nearest is taken, half way the even one.
static void test_floats_narrow_to_the_nearest_half(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 0x7c00; bits++) {
        const float below = vb_f16_to_f32((uint16_t)bits);
        const float above = bits < 0x7bff ? vb_f16_to_f32((uint16_t)(bits + 1)) : 65536;
        const float middle = below + (above - below) / 2; // exact
        const uint32_t even = bits + (bits & 1);
        assert_int_equal(vb_f32_to_f16(below), bits);
        assert_int_equal(vb_f32_to_f16(-below), bits | 0x8000);
        assert_int_equal(vb_f32_to_f16(middle), even);
        assert_int_equal(vb_f32_to_f16(nextafterf(middle, below)), bits);
        assert_int_equal(vb_f32_to_f16(-nextafterf(middle, above)),
                         0x8000 | (bits + 1));
    }
    assert_int_equal(vb_f32_to_f16(INFINITY), 0x7c00);
    assert_int_equal(vb_f32_to_f16(-1e38F), 0xfc00);
    assert_int_equal(vb_f32_to_f16(1e-45F), 0);
    assert_true(isnan(vb_f16_to_f32(vb_f32_to_f16(NAN))));
}

static void test_hashes_are_xxh3(void **state)
{
    (void)state;
    assert_true(vb_hash_bytes(0, "", 0) == UINT64_C(0x2d06800538d394c2));
    const uint64_t foo = vb_hash_bytes(0, "foo", 3);
    assert_true(vb_hash_bytes(foo, "bar", 3) != vb_hash_bytes(0, "bar", 3));
    uint64_t file = 0;
    vblip_error err = {0};
    assert_int_equal(vb_hash_file(&file, "/nowhere", NULL, NULL, &err), VBLIP_ERR_IO);
    assert_string_equal(err.message, "/nowhere: No such file or directory");
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        bool valid;
    } cases[] = {
        {"", true},
        {"abc", true},
        {"\xc3\xa9", true},
        {"\xe2\x82\xac", true},
        {"\xf0\x9f\x90\xb6", true},
        {"\x80", false},
        {"\xc0\x80", false},
        {"\xc3", false},
        {"\xe0\x80\x80", false},
        {"\xed\xa0\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\xff", false},
        {"a\xe2\x82", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(vb_utf8_valid(cases[i].bytes, strlen(cases[i].bytes)),
                         cases[i].valid);
    for (uint32_t code = 0; code <= 0x10FFFF; code++) {
        if (code >= 0xD800 && code < 0xE000)
            continue;
        char bytes[4];
        uint32_t back;
        size_t length = vb_utf8_encode(bytes, code);
        assert_int_equal(vb_utf8_decode(bytes, length, &back), length);
        assert_int_equal(back, code);
    }
}

static void test_strings_grow(void **state)
{
    (void)state;
    vb_string s = {0};
    for (int i = 0; i < 1000; i++)
        assert_true(vb_string_appendf(&s, "%d,", i));
    assert_int_equal(strlen(s.bytes), s.size);
    assert_memory_equal(s.bytes + s.size - 4, "999,", 4);
    vb_string_free(&s);
}

static void test_blank_lines_are_numbered_and_skipped(void **state)
{
    (void)state;
    static const char text[] = "\n a\r\n \t\r\n\nb";
    vb_lines lines = {.text = text, .size = sizeof text - 1};
    const char *line;
    size_t size;
    assert_int_equal(vb_lines_count(text, sizeof text - 1), 2);
    assert_true(vb_lines_next(&lines, &line, &size));
    assert_int_equal(lines.number, 2);
    assert_int_equal(size, 3);
    assert_memory_equal(line, " a\r", 3);
    assert_true(vb_lines_next(&lines, &line, &size));
    assert_int_equal(lines.number, 5);
    assert_int_equal(size, 1);
    assert_memory_equal(line, "b", 1);
    assert_false(vb_lines_next(&lines, &line, &size));
    assert_int_equal(vb_lines_count(text, 0), 0);
}

static void test_a_failed_string_stays_failed(void **state)
{
    (void)state;
    vb_string s = {0};
    assert_true(vb_string_puts(&s, "kept"));
    assert_false(vb_string_append(&s, "x", SIZE_MAX / 2)); // more than there can be
    assert_true(s.failed);
    assert_false(vb_string_putc(&s, 'x'));
    assert_false(vb_string_appendf(&s, "%d", 1));
    assert_string_equal(s.bytes, "kept");
    vb_string_clear(&s);
    assert_true(vb_string_putc(&s, 'y'));
    assert_string_equal(s.bytes, "y");
    vb_string_free(&s);
}

static void test_files_are_replaced_whole(void **state)
{
    (void)state;
    char folder[TEMP_FOLDER];
    temp_make(folder);
    char path[TEMP_PATH], missing[TEMP_PATH];
    temp_path(path, folder, "file");
    temp_path(missing, folder, "no/file");

    assert_int_equal(vb_file_replace(path, "one", 3, NULL), VBLIP_OK);
    assert_int_equal(vb_file_replace(path, "three", 5, NULL), VBLIP_OK);
    vb_file file;
    assert_int_equal(vb_file_open(&file, path, NULL), VBLIP_OK);
    assert_int_equal(file.size, 5);
    vb_file_close(&file);

    char *text;
    size_t size;
    vblip_error err = {0};
    assert_int_equal(vb_file_read(&text, &size, path, 4, &err), VBLIP_ERR_FORMAT);
    assert_non_null(strstr(err.message, "5 bytes, at most 4"));
    assert_int_equal(vb_file_read(&text, &size, path, 5, NULL), VBLIP_OK);
    assert_string_equal(text, "three");
    free(text);
    static const char pointer[] = "version https://git-lfs.github.com/spec/v1\n";
    assert_int_equal(vb_file_replace(path, pointer, sizeof pointer - 1, NULL),
                     VBLIP_OK);
    vb_error_reset(&err);
    assert_int_equal(vb_file_read(&text, &size, path, 99, &err), VBLIP_ERR_FORMAT);
    assert_non_null(strstr(err.message, "file: a Git LFS pointer, not the file: "));

    vb_error_reset(&err);
    assert_int_equal(vb_file_replace(missing, "x", 1, &err), VBLIP_ERR_IO);
    assert_non_null(strstr(err.message, "No such file"));
    vb_error_reset(&err);
    assert_int_equal(vb_file_open(&file, folder, &err), VBLIP_ERR_IO);
    assert_non_null(strstr(err.message, "not a regular file"));
    unlink(path);
    rmdir(folder);
}

static mode_t mode_of(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_mode & 07777;
}

// A new file has the mode that any program gives it, an old one keeps its own.
static void test_replaced_files_have_their_modes(void **state)
{
    (void)state;
    char folder[TEMP_FOLDER];
    temp_make(folder);
    char path[TEMP_PATH];
    temp_path(path, folder, "file");
    const mode_t mask = umask(027);
    assert_int_equal(vb_file_replace(path, "one", 3, NULL), VBLIP_OK);
    assert_int_equal(mode_of(path), 0640);
    assert_int_equal(chmod(path, 0604), 0);
    assert_int_equal(vb_file_replace(path, "two", 3, NULL), VBLIP_OK);
    assert_int_equal(mode_of(path), 0604);
    umask(mask);
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

// What a link leads to is written, there or not, and the link stays a link.
static void test_links_are_followed(void **state)
{
    (void)state;
    char folder[TEMP_FOLDER];
    temp_make(folder);
    char file[TEMP_PATH], near[TEMP_PATH], far[TEMP_PATH], round[TEMP_PATH];
    char to[TEMP_PATH];
    temp_path(file, folder, "file");
    temp_path(near, folder, "near");
    temp_path(far, folder, "far");
    temp_path(round, folder, "round");
    assert_int_equal(symlink("file", near), 0);
    assert_int_equal(symlink(near, far), 0);
    assert_int_equal(symlink("round", round), 0);
    for (int old = 0; old < 2; old++) {
        char *text;
        size_t size;
        assert_int_equal(vb_file_replace(far, old ? "two" : "one", 3, NULL), VBLIP_OK);
        assert_int_equal(vb_file_read(&text, &size, file, 9, NULL), VBLIP_OK);
        assert_string_equal(text, old ? "two" : "one");
        free(text);
        assert_int_equal(readlink(far, to, sizeof to), strlen(near));
        assert_int_equal(readlink(near, to, sizeof to), 4);
    }
    vblip_error err = {0};
    assert_int_equal(vb_file_replace(round, "x", 1, &err), VBLIP_ERR_IO);
    assert_non_null(strstr(err.message, "symbolic links"));
    const char *const all[] = {file, near, far, round};
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(unlink(all[i]), 0);
    assert_int_equal(rmdir(folder), 0);
}

// A file that was cut short or written to while it was open is an error, not a signal.
static void test_a_file_that_changed_while_open_is_refused(void **state)
{
    (void)state;
    char path[] = "/tmp/vblip-base-XXXXXX", bytes[8];
    const int fd = mkstemp(path);
    vb_file file;
    vblip_error err = {0};
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "01234567", 8), 8);
    assert_int_equal(vb_file_open(&file, path, NULL), VBLIP_OK);
    assert_int_equal(vb_file_read_at(&file, bytes, 3, 5, &err), VBLIP_OK);
    assert_memory_equal(bytes, "34567", 5);
    assert_int_equal(vb_file_read_at(&file, bytes, 8, 0, &err), VBLIP_OK);

    assert_int_equal(ftruncate(fd, 7), 0);
    for (size_t at = 0; at < 8; at++) {
        vb_error_reset(&err);
        assert_int_equal(vb_file_read_at(&file, bytes, at, 1, &err), VBLIP_ERR_IO);
        assert_non_null(strstr(err.message, "7 bytes, but 8 when it was opened"));
    }
    const struct timespec later[] = {{.tv_sec = 1}, {.tv_sec = 1}};
    vb_error_reset(&err);
    assert_int_equal(ftruncate(fd, 8), 0);
    assert_int_equal(futimens(fd, later), 0);
    assert_int_equal(vb_file_read_at(&file, bytes, 0, 1, &err), VBLIP_ERR_IO);
    assert_non_null(strstr(err.message, "written to since it was opened"));
    vb_file_close(&file);
    assert_false(file.open);
    vb_file_close(&file); // of nothing
    close(fd);
    unlink(path);
}

static void test_the_folder_of_a_path(void **state)
{
    (void)state;
    static const char *const rows[][2] = {
        {"model.pth", "."},
        {"/model.pth", "/"},
        {"a/model.pth", "a"},
        {"/a/b/c", "/a/b"},
    };
    vb_arena arena = {0};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(vb_path_folder(&arena, rows[i][0]), rows[i][1]);
    vb_arena_free(&arena);
}

static void test_rules_of_segments_are_read_and_written(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written;
        vb_segment_rule rule;
    } rows[] = {
        {"auto", "auto", VB_SEGMENTS_AUTO},
        {"whole", "whole", VB_SEGMENTS_WHOLE},
        {"shots", "shots", VB_SEGMENTS_SHOTS},
        {"0.1", "0.100000 s", VB_SEGMENTS_LENGTH},
        {"2.3", "2.300000 s", VB_SEGMENTS_LENGTH},
        {"86400", "86400.000000 s", VB_SEGMENTS_LENGTH},
    };
    static const char *const refused[] = {"",      "shot", "0",   "0.09", "-3",
                                          "86401", "5s",   "nan", "inf"};
    vb_segmenting how;
    vblip_error err = {0};
    char text[VB_SEGMENTING_TEXT];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(vb_segmenting_read(&how, rows[i].text, "segment", &err),
                         VBLIP_OK);
        assert_int_equal(how.rule, rows[i].rule);
        vb_segmenting_write(text, &how);
        assert_string_equal(text, rows[i].written);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        vb_error_reset(&err);
        assert_int_equal(vb_segmenting_read(&how, refused[i], "segment", &err),
                         VBLIP_ERR_ARGUMENT);
    }
    vb_error_reset(&err);
    assert_int_equal(vb_segmenting_read(&how, "shot", "--segment", &err),
                     VBLIP_ERR_ARGUMENT);
    assert_string_equal(err.message, "--segment shot: auto, whole, shots, or 0.1 to "
                                     "86400 seconds are allowed");
}

// FOLDER/NAME is what its links lead to, or stays as it is written where nothing is.
static void test_spellings_of_a_path(void **state)
{
    (void)state;
    char folder[TEMP_FOLDER], real[TEMP_PATH], link[TEMP_PATH], path[2 * TEMP_PATH];
    vb_list list = {0};
    vblip_error err = {0};
    temp_make(folder);
    assert_int_equal(mkdir(temp_path(real, folder, "disk"), 0777), 0);
    assert_int_equal(symlink("disk", temp_path(link, folder, "link")), 0);
    assert_int_equal(chdir(folder), 0);
    char current[TEMP_PATH], expected[2][2 * TEMP_PATH];
    assert_non_null(getcwd(current, sizeof current));
    static const struct {
        const char *path, *spelled, *resolved; // below `current`
    } rows[] = {
        {"link/a.mp4", "/link/a.mp4", "/disk/a.mp4"},
        {"./link//no/../no/a.mp4/", "/link/no/a.mp4", "/disk/no/a.mp4"},
        {"link", "/link", "/disk"},
        {"no/link", "/no/link", NULL},
        {"link/..", "", NULL},
        {"x/../../../../../../../../../..", NULL, NULL}, // the root, and no further
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(expected[0], sizeof expected[0], "%s%s",
                 rows[i].spelled ? current : "/",
                 rows[i].spelled ? rows[i].spelled : "");
        snprintf(expected[1], sizeof expected[1], "%s%s", current,
                 rows[i].resolved ? rows[i].resolved : "");
        assert_int_equal(vb_path_spellings(&list, rows[i].path, &err), VBLIP_OK);
        assert_string_equal(list.items[0], expected[0]);
        assert_int_equal(list.count, rows[i].resolved ? 2 : 1);
        if (rows[i].resolved)
            assert_string_equal(list.items[1], expected[1]);
        vb_list_free(&list);
        snprintf(path, sizeof path, "%s/%s", current, rows[i].path);
        assert_int_equal(vb_path_spellings(&list, path, &err), VBLIP_OK);
        assert_string_equal(list.items[0], expected[0]);
        vb_list_free(&list);
    }
    assert_int_equal(vb_path_spellings(&list, "", &err), VBLIP_ERR_IO);
    assert_int_equal(chdir("/"), 0);
    temp_remove(folder);

    char wide[] = "/films/2024/may";
    vb_path_widen(wide, "/films/2024/may/a.mp4");
    assert_string_equal(wide, "/films/2024/may");
    vb_path_widen(wide, "/films/2025");
    assert_string_equal(wide, "/films");
    vb_path_widen(wide, "/films2");
    assert_string_equal(wide, "/");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control_characters_are_written),
        cmocka_unit_test(test_first_message_wins),
        cmocka_unit_test(test_arena_aligns_and_refuses_overflow),
        cmocka_unit_test(test_halves_widen_exactly),
        cmocka_unit_test(test_floats_narrow_to_the_nearest_half),
        cmocka_unit_test(test_hashes_are_xxh3),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_strings_grow),
        cmocka_unit_test(test_blank_lines_are_numbered_and_skipped),
        cmocka_unit_test(test_a_failed_string_stays_failed),
        cmocka_unit_test(test_files_are_replaced_whole),
        cmocka_unit_test(test_replaced_files_have_their_modes),
        cmocka_unit_test(test_links_are_followed),
        cmocka_unit_test(test_a_file_that_changed_while_open_is_refused),
        cmocka_unit_test(test_the_folder_of_a_path),
        cmocka_unit_test(test_rules_of_segments_are_read_and_written),
        cmocka_unit_test(test_spellings_of_a_path),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}

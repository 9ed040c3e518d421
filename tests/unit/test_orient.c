// test_orient.c - pictures are turned upright as EXIF and display matrices ask.
#include "decode/orient.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libavutil/display.h>
#include <libavutil/pixfmt.h>

// The picture "abc/def" of one-byte pixels, turned upright.
static const struct turn {
    uint32_t exif;
    const char *upright;
    int32_t matrix[4]; // a, b, c, d of the display matrix that asks for the same
} turns[] = {
    {1, "abcdef", {1, 0, 0, 1}},   {2, "cbafed", {-1, 0, 0, 1}},
    {3, "fedcba", {-1, 0, 0, -1}}, {4, "defabc", {1, 0, 0, -1}},
    {5, "adbecf", {0, 1, 1, 0}},   {6, "daebfc", {0, 1, -1, 0}},
    {7, "fcebda", {0, -1, -1, 0}}, {8, "cfbead", {0, -1, 1, 0}},
};

static void test_exif_values_turn_the_picture(void **state)
{
    (void)state;
    uint8_t stored[] = "abcdef";
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        uint32_t orientation = vb_orientation_from_exif(turns[i].exif);
        ptrdiff_t width = orientation & VB_TRANSPOSE ? 2 : 3;
        uint8_t upright[7] = "";
        vb_orient_plane((vb_plane){upright, width}, (vb_plane){stored, 3}, 3, 2, 1,
                        orientation);
        assert_string_equal((char *)upright, turns[i].upright);
    }
    assert_int_equal(vb_orientation_from_exif(0), 0);
    assert_int_equal(vb_orientation_from_exif(9), 0);
    assert_int_equal(vb_orientation_from_exif(UINT32_MAX), 0);
}

static void test_matrices_ask_for_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++) {
        const int32_t *m = turns[i].matrix;
        int32_t matrix[9] = {
            m[0] * 65536, m[1] * 65536, 0, m[2] * 65536, m[3] * 65536, 0, 0, 0,
            1 << 30};
        assert_int_equal(vb_orientation_from_matrix(matrix),
                         vb_orientation_from_exif(turns[i].exif));
    }
    assert_int_equal(vb_orientation_from_matrix(NULL), 0);
    int32_t askew[9];
    av_display_rotation_set(askew, 30.0);
    assert_int_equal(vb_orientation_from_matrix(askew), 0);
}

// What ffmpeg writes for rotations: not every zero in them is one.
static void test_matrices_of_ffmpeg_are_read(void **state)
{
    (void)state;
    static const struct {
        double angle;
        uint32_t exif;
    } rows[] = {{0, 1}, {90, 8}, {-90, 6}, {180, 3}, {-180, 3}, {270, 6}, {360, 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int32_t matrix[9];
        av_display_rotation_set(matrix, -rows[i].angle); // it turns the other way
        assert_int_equal(vb_orientation_from_matrix(matrix),
                         vb_orientation_from_exif(rows[i].exif));
    }
}

static void test_a_turned_image_swaps_its_sides(void **state)
{
    (void)state;
    vb_image image = {.rgb = malloc(18), .width = 3, .height = 2};
    assert_non_null(image.rgb);
    for (uint8_t i = 0; i < 18; i++)
        image.rgb[i] = i;
    assert_int_equal(vb_orient_image(&image, vb_orientation_from_exif(6), NULL),
                     VBLIP_OK);
    assert_int_equal(image.width, 2);
    assert_int_equal(image.height, 3);
    static const uint8_t turned[18] = {9, 10, 11, 0,  1,  2,  12, 13, 14,
                                       3, 4,  5,  15, 16, 17, 6,  7,  8};
    assert_memory_equal(image.rgb, turned, 18);
    free(image.rgb);
}

static void test_chroma_that_would_not_fit_is_not_turned(void **state)
{
    (void)state;
    static const struct {
        int format;
        bool flip, transpose;
    } rows[] = {
        {AV_PIX_FMT_YUV420P, true, true},  {AV_PIX_FMT_YUV444P10, true, true},
        {AV_PIX_FMT_NV12, true, true},     {AV_PIX_FMT_RGB24, true, true},
        {AV_PIX_FMT_YUV422P, true, false}, {AV_PIX_FMT_YUYV422, false, false},
        {AV_PIX_FMT_PAL8, false, false},   {AV_PIX_FMT_MONOBLACK, false, false},
        {AV_PIX_FMT_NONE, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(vb_orient_can(rows[i].format, VB_FLIP_X), rows[i].flip);
        assert_int_equal(vb_orient_can(rows[i].format, VB_TRANSPOSE),
                         rows[i].transpose);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exif_values_turn_the_picture),
        cmocka_unit_test(test_matrices_ask_for_the_same),
        cmocka_unit_test(test_matrices_of_ffmpeg_are_read),
        cmocka_unit_test(test_a_turned_image_swaps_its_sides),
        cmocka_unit_test(test_chroma_that_would_not_fit_is_not_turned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

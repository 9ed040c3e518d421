// test_still.c - image files become the pixels that PIL makes of them.
#include "decode/decode.h"
#include "decode/resize.h"
#include "decode/still.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define STILLS VB_GOLDEN "/../data/stills/"

enum { LIMIT = 1 << 20 }; // pixels

static vb_image read_image(const char *path, bool ignore_orientation)
{
    vb_image image;
    vblip_error err = {0};
    if (vb_still_read(&image, path, LIMIT, ignore_orientation, &err) != VBLIP_OK)
        fail_msg("%s: %s", path, err.message);
    return image;
}

static vb_image read_still(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s%s", STILLS, name);
    return read_image(path, false);
}

static vb_image read_expected(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%sexpected/%.*s.png", STILLS,
             (int)(strrchr(name, '.') - name), name);
    return read_image(path, false);
}

// `largest` and `mean` bound the differences of two images of the same size.
static void compare(const char *name, const vb_image *got, const vb_image *expected,
                    int largest, double mean)
{
    if (got->width != expected->width || got->height != expected->height)
        fail_msg("%s: %ux%u, expected %ux%u", name, got->width, got->height,
                 expected->width, expected->height);
    size_t size = (size_t)got->width * got->height * 3;
    int worst = 0;
    double sum = 0.0;
    for (size_t i = 0; i < size; i++) {
        int d = abs(got->rgb[i] - expected->rgb[i]);
        worst = d > worst ? d : worst;
        sum += d;
    }
    if (worst > largest || sum / (double)size > mean)
        fail_msg("%s: differs by up to %d, %.3f in the mean; %d, %.3f allowed", name,
                 worst, sum / (double)size, largest, mean);
}

static void test_lossless_formats_are_exact(void **state)
{
    (void)state;
    static const char *const names[] = {
        "png_rgb.png",     "png_rgba.png",
        "png_grey.png",    "png_grey_alpha.png",
        "png_palette.png", "png_palette_clear.png",
        "png_bilevel.png", "png_grey2.png",
        "png_grey4.png",   "png_grey16.png",
        "png_rgb48.png",   "png_exif.png",
        "bmp_rgb.bmp",     "bmp_rgba.bmp",
        "bmp_palette.bmp", "bmp_grey.bmp",
        "bmp_bilevel.bmp", "webp_lossless.webp",
        "webp_exif.webp",  "webp_lossless_alpha.webp",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        vb_image got = read_still(names[i]), expected = read_expected(names[i]);
        compare(names[i], &got, &expected, 0, 0.0);
        free(got.rgb);
        free(expected.rgb);
    }
}

// libjpeg and libwebp round elsewhere than FFmpeg does.
static void test_lossy_formats_are_close(void **state)
{
    (void)state;
    static const char *const names[] = {
        "jpeg_444.jpg",         "jpeg_422.jpg",    "jpeg_420.jpg",
        "jpeg_grey.jpg",        "jpeg_exif1.jpg",  "jpeg_exif2.jpg",
        "jpeg_exif3.jpg",       "jpeg_exif4.jpg",  "jpeg_exif5.jpg",
        "jpeg_exif6.jpg",       "jpeg_exif7.jpg",  "jpeg_exif8.jpg",
        "jpeg_progressive.jpg", "webp_lossy.webp", "webp_lossy_alpha.webp",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        vb_image got = read_still(names[i]), expected = read_expected(names[i]);
        compare(names[i], &got, &expected, 3, 0.2);
        free(got.rgb);
        free(expected.rgb);
    }
}

static void test_orientation_can_be_left_alone(void **state)
{
    (void)state;
    vb_image got = read_image(STILLS "jpeg_exif6.jpg", true);
    vb_image upright = read_image(STILLS "jpeg_exif1.jpg", false);
    compare("jpeg_exif6.jpg", &got, &upright, 0, 0.0);
    free(got.rgb);
    free(upright.rgb);
}

// Opened as an input, an image is one frame without a time, resized as PIL does it.
static void test_an_image_is_one_frame(void **state)
{
    (void)state;
    enum { SIDE = 32 };
    static const char *const names[] = {"png_rgb.png", "png_exif.png",
                                        "gif_single.gif"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s%s", STILLS, names[i]);
        vb_video *video;
        vblip_error err = {0};
        if (vb_video_open(&video, path, &(vb_decode_options){.side = SIDE}, &err))
            fail_msg("%s: %s", path, err.message);
        vb_image expected = read_expected(names[i]);
        const vb_video_info *info = vb_video_describe(video);
        assert_true(info->still);
        assert_int_equal(info->frames, 1);
        assert_int_equal(info->readable, 1);
        assert_int_equal(info->duration_us, 0);
        assert_int_equal(info->width, expected.width);
        assert_int_equal(info->height, expected.height);
        assert_int_equal(vb_video_time(video, 0), 0);
        assert_int_equal(vb_video_index_at(video, 5000000), 0);

        uint8_t rgb[SIDE * SIDE * 3], resized[SIDE * SIDE * 3];
        vb_frame frame;
        assert_int_equal(vb_resize_bicubic(resized, SIDE, &expected, NULL), VBLIP_OK);
        assert_int_equal(vb_video_read(video, 0, rgb, &frame, NULL), VBLIP_OK);
        assert_memory_equal(rgb, resized, sizeof rgb);
        assert_int_equal(vb_video_read(video, 1, rgb, &frame, &err),
                         VBLIP_ERR_ARGUMENT);
        assert_null(frame.rgb);
        free(expected.rgb);
        vb_video_close(&video);
    }
}

static void test_what_is_no_image_is_refused(void **state)
{
    (void)state;
    vb_image image;
    vblip_error err = {0};
    assert_int_equal(
        vb_still_read(&image, STILLS "webp_moving.webp", LIMIT, false, &err),
        VBLIP_ERR_FORMAT);
    assert_string_equal(err.message, "broken or unsupported webp image");
    err = (vblip_error){0};
    assert_int_equal(vb_still_read(&image, STILLS "png_rgb.png", 900, false, &err),
                     VBLIP_ERR_UNSUPPORTED);
    assert_string_equal(err.message, "37x25 pixels, at most 900 in all are read");
    err = (vblip_error){0};
    assert_int_equal(vb_still_read(&image, STILLS "gone.png", LIMIT, false, &err),
                     VBLIP_ERR_IO);
    assert_string_equal(err.message, "No such file or directory");
    assert_null(image.rgb);
}

// Every beginning of a file is refused or is an image; none is anything else.
static void test_cut_images_do_no_harm(void **state)
{
    (void)state;
    static const char *const names[] = {"png_palette.png", "jpeg_exif6.jpg",
                                        "webp_lossy_alpha.webp", "webp_exif.webp",
                                        "bmp_bilevel.bmp"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[512], cut[] = "/tmp/vblip-still-XXXXXX";
        snprintf(path, sizeof path, "%s%s", STILLS, names[i]);
        char bytes[8192];
        FILE *file = fopen(path, "rb");
        assert_non_null(file);
        size_t size = fread(bytes, 1, sizeof bytes, file);
        fclose(file);
        assert_in_range(size, 1, sizeof bytes - 1);
        int fd = mkstemp(cut);
        assert_true(fd >= 0);
        uint32_t refused = 0;
        for (size_t n = 1; n < size; n++) {
            assert_int_equal(pwrite(fd, bytes + n - 1, 1, (off_t)n - 1), 1);
            vb_image image;
            vblip_error err = {0};
            if (vb_still_read(&image, cut, LIMIT, false, &err) != VBLIP_OK) {
                assert_null(image.rgb);
                assert_true(err.message[0] != '\0');
                refused++;
            }
            free(image.rgb);
        }
        close(fd);
        unlink(cut);
        assert_true(refused > size / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lossless_formats_are_exact),
        cmocka_unit_test(test_lossy_formats_are_close),
        cmocka_unit_test(test_orientation_can_be_left_alone),
        cmocka_unit_test(test_an_image_is_one_frame),
        cmocka_unit_test(test_what_is_no_image_is_refused),
        cmocka_unit_test(test_cut_images_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

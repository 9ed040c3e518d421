// test_still.c - image files become the very pixels that PIL makes of them.
#include "decode/decode.h"
#include "decode/resize.h"
#include "decode/still.h"

#include <dirent.h>
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
    if (vb_still_read(&image, NULL, path, LIMIT, ignore_orientation, &err) != VBLIP_OK)
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

static void assert_equal_images(const char *name, const vb_image *got,
                                const vb_image *expected)
{
    if (got->width != expected->width || got->height != expected->height)
        fail_msg("%s: %ux%u, expected %ux%u", name, got->width, got->height,
                 expected->width, expected->height);
    size_t size = (size_t)got->width * got->height * 3;
    for (size_t i = 0; i < size; i++)
        if (got->rgb[i] != expected->rgb[i])
            fail_msg("%s: byte %zu of %zu is %u, expected %u", name, i, size,
                     got->rgb[i], expected->rgb[i]);
}

// Whether the folder's file `name` is read as a still image.
static bool is_still(const char *name)
{
    static const char *const ends[] = {".png", ".bmp", ".jpg", ".webp"};
    const char *end = strrchr(name, '.');
    bool known = false;
    for (size_t i = 0; end && i < sizeof ends / sizeof *ends; i++)
        known = known || strcmp(end, ends[i]) == 0;
    return known && strncmp(name, "refused_", strlen("refused_")) != 0;
}

static void test_every_still_is_equal_to_pil(void **state)
{
    (void)state;
    DIR *folder = opendir(STILLS);
    assert_non_null(folder);
    uint32_t compared = 0;
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        if (!is_still(entry->d_name))
            continue;
        vb_image got = read_still(entry->d_name);
        vb_image expected = read_expected(entry->d_name);
        assert_equal_images(entry->d_name, &got, &expected);
        vb_image_free(&got);
        vb_image_free(&expected);
        compared++;
    }
    closedir(folder);
    assert_int_equal(compared, 64);
}

static void test_orientation_can_be_left_alone(void **state)
{
    (void)state;
    vb_image got = read_image(STILLS "jpeg_exif6.jpg", true);
    vb_image upright = read_image(STILLS "jpeg_exif1.jpg", false);
    assert_equal_images("jpeg_exif6.jpg", &got, &upright);
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
    static const struct {
        const char *name;
        uint64_t max_pixels;
        vblip_status status;
        const char *message;
    } files[] = {
        {"refused_two_components.jpg", LIMIT, VBLIP_ERR_UNSUPPORTED,
         "JPEG image of 2 components, 1, 3 or 4 are read"},
        {"png_rgb.png", 900, VBLIP_ERR_UNSUPPORTED,
         "37x25 pixels, at most 900 in all are read"},
        {"jpeg_progressive.jpg", 900, VBLIP_ERR_UNSUPPORTED,
         "37x25 pixels, at most 900 in all are read"},
        {"webp_lossy.webp", 900, VBLIP_ERR_UNSUPPORTED,
         "37x25 pixels, at most 900 in all are read"},
        {"gone.png", LIMIT, VBLIP_ERR_IO, "No such file or directory"},
        {"README.md", LIMIT, VBLIP_ERR_FORMAT, "not an image"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s%s", STILLS, files[i].name);
        vb_image image;
        vblip_error err = {0};
        assert_int_equal(
            vb_still_read(&image, NULL, path, files[i].max_pixels, false, &err),
            files[i].status);
        assert_string_equal(err.message, files[i].message);
        assert_null(image.rgb);
    }
}

// ---------------------------------------------------------------------------- damage

typedef struct file_bytes {
    uint8_t bytes[8192];
    size_t size;
} file_bytes;

static file_bytes load(const char *name)
{
    file_bytes loaded;
    char path[512];
    snprintf(path, sizeof path, "%s%s", STILLS, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    loaded.size = fread(loaded.bytes, 1, sizeof loaded.bytes, file);
    fclose(file);
    assert_true(loaded.size >= 1 && loaded.size < sizeof loaded.bytes);
    return loaded;
}

// Decodes the first `size` bytes, in a block of just that size.
static vblip_status decode_start(vb_image *image, const file_bytes *file, size_t size,
                                 vblip_error *err)
{
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, file->bytes, size);
    vblip_status status = vb_still_decode(image, copy, size, LIMIT, false, err);
    if (status != VBLIP_OK) {
        assert_null(image->rgb);
        assert_true(err->message[0] != '\0');
    }
    free(copy);
    return status;
}

// No JPEG or WebP that lacks its end is an image; a PNG or BMP may be one when what it
// lacks is no pixels.
static void test_cut_images_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t spare; // bytes at the end that may be missing
    } files[] = {
        {"png_palette.png", 16},
        {"bmp_bilevel.bmp", 75}, // the padding of its rows
        {"jpeg_444.jpg", 0},
        {"jpeg_exif6.jpg", 0},
        {"jpeg_grey.jpg", 0},
        {"jpeg_ycck.jpg", 0},
        {"jpeg_arithmetic.jpg", 0},
        {"jpeg_progressive.jpg", 0},
        {"jpeg_restart_progressive.jpg", 0},
        {"webp_lossy.webp", 0},
        {"webp_lossy_alpha.webp", 0},
        {"webp_palette.webp", 0},
        {"webp_exif.webp", 0},
        {"webp_moving_offset.webp", 0},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        file_bytes file = load(files[i].name);
        for (size_t size = 1; size < file.size; size++) {
            vb_image image;
            vblip_error err = {0};
            if (decode_start(&image, &file, size, &err) == VBLIP_OK &&
                file.size - size > files[i].spare)
                fail_msg("%s: %zu of %zu bytes make an image", files[i].name, size,
                         file.size);
            vb_image_free(&image);
        }
    }
}

// What each file has at `at` bytes after `mark` is overwritten.
static void test_damaged_images_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *name, *mark;
        size_t mark_size, at;
        const char *bytes;
        size_t size;
        const char *message;
    } files[] = {
#define DAMAGE(name, mark, at, bytes, message)                                         \
    {name, mark, sizeof mark - 1, at, bytes, sizeof bytes - 1, message}
        DAMAGE("jpeg_444.jpg", "\xFF\xDB", 1, "\xFE", // a comment
               "JPEG image: Quantization table 0x00 was not defined"),
        DAMAGE("jpeg_444.jpg", "\xFF\xC0", 5, "\0\0",
               "JPEG image: Empty JPEG image (DNL not supported)"),
        DAMAGE("jpeg_444.jpg", "\xFF\xC0", 1, "\xC3", NULL), // lossless
        DAMAGE("jpeg_444.jpg", "\xFF\xC0", 4, "\x0C", NULL), // 12 bits
        DAMAGE("webp_lossless.webp", "VP8L", 8, "?",
               "broken or unsupported WebP image"),
        DAMAGE("webp_exif.webp", "VP8X", 12, "?", "broken or unsupported WebP image"),
        DAMAGE("webp_lossy.webp", "\x9D\x01\x2A", 0, "?",
               "broken or unsupported WebP image"),
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        file_bytes file = load(files[i].name);
        size_t at = 0;
        while (memcmp(file.bytes + at, files[i].mark, files[i].mark_size) != 0)
            assert_true(++at < file.size);
        memcpy(file.bytes + at + files[i].at, files[i].bytes, files[i].size);
        vb_image image;
        vblip_error err = {0};
        vblip_status status = decode_start(&image, &file, file.size, &err);
        if (status == VBLIP_OK)
            fail_msg("damage %zu, in %s, goes unseen", i, files[i].name);
        if (files[i].message)
            assert_string_equal(err.message, files[i].message);
    }
}

// Damage within the scan leaves a picture: its rows above are the whole one's.
static void test_damaged_scans_are_shown(void **state)
{
    (void)state;
    static const struct {
        const char *name, *mark;
        size_t at;
        const char *bytes;
        size_t size;
        const char *warning;
    } files[] = {
        {"jpeg_444.jpg", "\xFF\xDA", 120, "\xFF\xD9", 2,
         "Corrupt JPEG data: premature end of data segment"},
        {"jpeg_444.jpg", "\xFF\xDA", 120, "\xFF\0\xFF\0\xFF\0", 6,
         "Corrupt JPEG data: bad Huffman code"},
        {"jpeg_restart.jpg", "\xFF\xD1", 0, "\xFF\xD5", 2,
         "Corrupt JPEG data: found marker 0xd5 instead of RST1"},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        file_bytes file = load(files[i].name);
        vb_image whole, image;
        vblip_error err = {0};
        assert_int_equal(decode_start(&whole, &file, file.size, &err), VBLIP_OK);
        size_t at = 0;
        while (memcmp(file.bytes + at, files[i].mark, 2) != 0)
            assert_true(++at < file.size);
        memcpy(file.bytes + at + files[i].at, files[i].bytes, files[i].size);
        if (decode_start(&image, &file, file.size, &err) != VBLIP_OK)
            fail_msg("%s: %s", files[i].name, err.message);
        assert_int_equal(image.width, whole.width);
        assert_int_equal(image.height, whole.height);
        assert_memory_equal(image.rgb, whole.rgb, 3); // the first block
        assert_string_equal(whole.warning, "");
        char warning[VB_WARNING];
        snprintf(warning, sizeof warning, "damaged, shown all the same: %s",
                 files[i].warning);
        assert_string_equal(image.warning, warning);
        vb_image_free(&whole);
        vb_image_free(&image);
    }
}

// BMP files whose reserved bytes are set, and pictures of kinds that are not read.
static void test_kinds_are_told_by_their_first_bytes(void **state)
{
    (void)state;
    file_bytes file = load("bmp_rgb.bmp");
    vb_image plain, image;
    vblip_error err = {0};
    assert_int_equal(decode_start(&plain, &file, file.size, &err), VBLIP_OK);
    memcpy(file.bytes + 6, "\1\2\3\4", 4);
    assert_int_equal(decode_start(&image, &file, file.size, &err), VBLIP_OK);
    assert_memory_equal(image.rgb, plain.rgb, (size_t)image.width * image.height * 3);
    vb_image_free(&plain);
    vb_image_free(&image);
    static const char *const brands[][2] = {
        {"heic", "HEIC"}, {"mif1", "HEIF"}, {"avif", "AVIF"}};
    for (size_t i = 0; i < sizeof brands / sizeof *brands; i++) {
        uint8_t head[VB_STILL_HEAD] = "\0\0\0\x18"
                                      "ftyp";
        char message[80];
        memcpy(head + 8, brands[i][0], 4);
        snprintf(message, sizeof message,
                 "%s pictures are not read: convert them to JPEG or PNG", brands[i][1]);
        err = (vblip_error){0};
        assert_int_equal(vb_still_check(head, &err), VBLIP_ERR_UNSUPPORTED);
        assert_string_equal(err.message, message);
    }
    uint8_t film[VB_STILL_HEAD] = "\0\0\0\x18"
                                  "ftypisom";
    assert_int_equal(vb_still_check(film, &err), VBLIP_OK);
}

// FFmpeg itself would call it broken.
static void test_a_large_png_says_its_size(void **state)
{
    (void)state;
    file_bytes file = load("png_rgb.png");
    vb_image image;
    vblip_error err = {0};
    memcpy(file.bytes + 16, "\0\0\x4E\x20\0\0\x4E\x20", 8);
    assert_int_equal(
        vb_still_decode(&image, file.bytes, file.size, 16384 * 16384, false, &err),
        VBLIP_ERR_UNSUPPORTED);
    assert_string_equal(err.message,
                        "20000x20000 pixels, at most 268435456 in all are read");
}

static void test_damage_is_not_printed(void **state)
{
    (void)state;
    file_bytes file = load("jpeg_444.jpg");
    vb_image image;
    vblip_error err = {0};
    FILE *printed = tmpfile();
    int standard = dup(STDERR_FILENO);
    assert_non_null(printed);
    assert_true(standard >= 0 && dup2(fileno(printed), STDERR_FILENO) >= 0);
    vblip_status status = decode_start(&image, &file, file.size / 2, &err);
    assert_true(dup2(standard, STDERR_FILENO) >= 0);
    close(standard);
    assert_int_equal(status, VBLIP_ERR_FORMAT);
    assert_int_equal(lseek(fileno(printed), 0, SEEK_END), 0);
    fclose(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_still_is_equal_to_pil),
        cmocka_unit_test(test_orientation_can_be_left_alone),
        cmocka_unit_test(test_an_image_is_one_frame),
        cmocka_unit_test(test_what_is_no_image_is_refused),
        cmocka_unit_test(test_cut_images_are_refused),
        cmocka_unit_test(test_damaged_images_are_refused),
        cmocka_unit_test(test_damaged_scans_are_shown),
        cmocka_unit_test(test_kinds_are_told_by_their_first_bytes),
        cmocka_unit_test(test_a_large_png_says_its_size),
        cmocka_unit_test(test_damage_is_not_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

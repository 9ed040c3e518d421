// test_resize.c - images become the very pixels PIL makes of them.
#include "decode/resize.h"
#include "decode/still.h"

#include "support/digest.h"
#include "support/json_file.h"
#include "support/seeded_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

// SEEDED.md section 5
static void test_formula_images_are_the_documented_ones(void **state)
{
    (void)state;
    static const struct {
        uint64_t index;
        uint32_t width, height;
        const char *sha256;
    } images[] = {
        {0, 64, 64, "a690018b2f02de5acf110066495017ed88f83b136ab25fbc3be41a17e5c46bcb"},
        {1, 96, 96, "8ba4e9f91b26d1be16843f01f9fc0be1b80292b2b09268de7a551429ad6dd734"},
        {7, 37, 53, "7418e1f7e99cfddc495d6749a6e071eb3173eb3c415dcbbcd485b9b3f57f6bc6"},
        {1000, 384, 384,
         "4454f101dbb7dbab45e6d151484e3afefcced611203032fba496919bceb78235"},
        {12, 1, 1, "66b4cad4ad9a3d2b42ce77b301430d54a887d652b77814ca33c136e2cbdbdcfe"},
    };
    for (size_t i = 0; i < sizeof images / sizeof *images; i++) {
        size_t size = (size_t)images[i].width * images[i].height * 3;
        uint8_t *rgb = malloc(size);
        assert_non_null(rgb);
        seeded_image(rgb, images[i].index, images[i].width, images[i].height, 1);
        char hex[65];
        sha256_hex(hex, rgb, size);
        assert_string_equal(hex, images[i].sha256);
        free(rgb);
    }
}

// The PNG that some cases come with holds the same pixels.
static void check_png(const cJSON *item, const uint8_t *expected, uint32_t side)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(item, "png");
    if (!name)
        return;
    char path[512];
    snprintf(path, sizeof path, "%s/preprocess/%s", VB_GOLDEN, name->valuestring);
    vb_image png;
    assert_int_equal(vb_still_read(&png, NULL, path, 1 << 20, false, NULL), VBLIP_OK);
    assert_int_equal(png.width, side);
    assert_int_equal(png.height, side);
    assert_memory_equal(png.rgb, expected, (size_t)side * side * 3);
    free(png.rgb);
}

static void test_resizes_bit_for_bit_like_pil(void **state)
{
    (void)state;
    cJSON *json = json_load(VB_GOLDEN "/preprocess/resize_bicubic.json");
    int cases = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json_member(json, "cases"))
    {
        vb_image image = {.width = (uint32_t)json_number(item, "width"),
                          .height = (uint32_t)json_number(item, "height")};
        uint32_t side = (uint32_t)json_number(item, "out_width");
        assert_int_equal(side, json_number(item, "out_height"));
        size_t in_size = (size_t)image.width * image.height * 3;
        size_t out_size = (size_t)side * side * 3;
        image.rgb = malloc(in_size);
        uint8_t *out = malloc(out_size);
        assert_non_null(image.rgb);
        assert_non_null(out);
        seeded_image(image.rgb, (uint64_t)json_number(item, "image"), image.width,
                     image.height, (uint64_t)json_number(item, "series"));
        char hex[65];
        sha256_hex(hex, image.rgb, in_size);
        assert_string_equal(hex, json_string(item, "source_sha256"));
        assert_int_equal(vb_resize_bicubic(out, side, &image, NULL), VBLIP_OK);
        sha256_hex(hex, out, out_size);
        assert_string_equal(hex, json_string(item, "sha256"));
        check_png(item, out, side);
        free(out);
        free(image.rgb);
        cases++;
    }
    assert_int_equal(cases, 16);
    cJSON_Delete(json);
}

// At every scale the weights of an output add up to one.
static void test_flat_images_stay_flat_at_any_scale(void **state)
{
    (void)state;
    for (uint32_t in = 1; in <= 40; in++)
        for (uint32_t side = 1; side <= 40; side++) {
            uint8_t src[40 * 40 * 3], out[40 * 40 * 3];
            memset(src, 255, sizeof src);
            vb_image image = {.rgb = src, .width = in, .height = in};
            assert_int_equal(vb_resize_bicubic(out, side, &image, NULL), VBLIP_OK);
            for (uint32_t i = 0; i < side * side * 3; i++)
                assert_int_equal(out[i], 255);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formula_images_are_the_documented_ones),
        cmocka_unit_test(test_resizes_bit_for_bit_like_pil),
        cmocka_unit_test(test_flat_images_stay_flat_at_any_scale),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// test_decode.c - frames are the very pixels that the reference's reader gave.
#include "decode/decode.h"
#include "decode/still.h"

#include "support/digest.h"
#include "support/json_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static vb_video *open_golden(const char *folder, const char *file, uint32_t side)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s%s", VB_GOLDEN, folder, file);
    vblip_error err = {0};
    vb_video *video;
    if (vb_video_open(&video, path, &(vb_decode_options){.side = side}, &err))
        fail_msg("%s: %s", path, err.message);
    return video;
}

// The frames named by `indices`, one below the other.
static uint8_t *read_strip(vb_video *video, const cJSON *indices, uint32_t side)
{
    size_t size = (size_t)side * side * 3;
    size_t count = (size_t)cJSON_GetArraySize(indices);
    uint8_t *strip = malloc(size * count);
    assert_non_null(strip);
    for (size_t i = 0; i < count; i++) {
        uint64_t index = (uint64_t)cJSON_GetArrayItem(indices, (int)i)->valuedouble;
        vb_frame frame;
        assert_int_equal(vb_video_read(video, index, strip + i * size, &frame, NULL),
                         VBLIP_OK);
        assert_int_equal(frame.index, index);
        assert_int_equal(frame.side, side);
        assert_ptr_equal(frame.rgb, strip + i * size);
    }
    return strip;
}

// Whether the picture of a strip has as many frames; then they are the same pixels.
static bool matches_png(const char *path, const uint8_t *strip, uint32_t side,
                        uint32_t frames)
{
    vb_image png;
    assert_int_equal(vb_still_read(&png, NULL, path, 1 << 24, false, NULL), VBLIP_OK);
    assert_int_equal(png.width, side);
    const bool same_count = png.height == side * frames;
    if (same_count)
        assert_memory_equal(strip, png.rgb, (size_t)png.width * png.height * 3);
    free(png.rgb);
    return same_count;
}

// preprocess/video holds a picture for each file and side: of four of its frames.
static bool matches_picture(const char *file, const uint8_t *strip, uint32_t side,
                            uint32_t frames)
{
    char name[64], path[512];
    snprintf(name, sizeof name, "%s", strrchr(file, '/') + 1);
    *strrchr(name, '.') = '_';
    snprintf(path, sizeof path, "%s/preprocess/video/%s_S%u.png", VB_GOLDEN, name,
             side);
    return matches_png(path, strip, side, frames);
}

static void test_reference_files_give_decords_frames(void **state)
{
    (void)state;
    cJSON *json = json_load(VB_GOLDEN "/preprocess/video_frames.json");
    int cases = 0, pictures = 0;
    const cJSON *item;
    cJSON_ArrayForEach(item, json_member(json, "cases"))
    {
        if (!cJSON_IsNumber(json_member(item, "side")))
            continue; // frames at their own size, which nothing here asks for
        uint32_t side = (uint32_t)json_number(item, "side");
        const cJSON *indices = json_member(item, "indices");
        vb_video *video = open_golden("", json_string(item, "file"), side);
        assert_int_equal(vb_video_describe(video)->frames, json_number(item, "frames"));
        uint8_t *strip = read_strip(video, indices, side);
        char hex[65];
        sha256_hex(hex, strip,
                   (size_t)side * side * 3 * (size_t)cJSON_GetArraySize(indices));
        assert_string_equal(hex, json_string(item, "sha256"));
        pictures += matches_picture(json_string(item, "file"), strip, side,
                                    (uint32_t)cJSON_GetArraySize(indices));
        free(strip);
        vb_video_close(&video);
        cases++;
    }
    assert_int_equal(cases, 18);
    assert_int_equal(pictures, 6);
    cJSON_Delete(json);
}

static void check_strips(const cJSON *list, int *cases)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        uint32_t side = (uint32_t)json_number(item, "side");
        const cJSON *indices = json_member(item, "indices");
        vb_video *video = open_golden("video/", json_string(item, "file"), side);
        assert_int_equal(vb_video_describe(video)->frames, json_number(item, "frames"));
        uint8_t *strip = read_strip(video, indices, side);
        char path[512];
        snprintf(path, sizeof path, "%s/video/%s", VB_GOLDEN,
                 json_string(item, "strip"));
        assert_true(
            matches_png(path, strip, side, (uint32_t)cJSON_GetArraySize(indices)));
        free(strip);
        vb_video_close(&video);
        ++*cases;
    }
}

static void test_clips_give_decords_frames(void **state)
{
    (void)state;
    static const char *const files[] = {"/video/video_tiny.json",
                                        "/video/video_small.json"};
    for (size_t i = 0; i < 2; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s%s", VB_GOLDEN, files[i]);
        cJSON *json = json_load(path);
        int cases = 0;
        check_strips(json_member(json, "videos"), &cases);
        check_strips(json_member(json, "qa"), &cases);
        assert_true(cases > 12);
        cJSON_Delete(json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_files_give_decords_frames),
        cmocka_unit_test(test_clips_give_decords_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

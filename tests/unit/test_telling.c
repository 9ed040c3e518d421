// test_telling.c - frames that are black, white, faded or blurred are left out, and no other.
#include "video_tasks/telling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SIDE = 96, VALUES = SIDE * SIDE, FRAMES = 8 };

// Shapes with edges and some texture, different from frame to frame; gray.
static void draw(float *out, unsigned seed)
{
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            seed = seed * 1103515245 + 12345;
            const int moved = x + (int)(seed >> 30);
            const bool shape = (moved / 12 + y / 17) % 2 != 0;
            out[y * SIDE + x] =
                (shape ? 170.0f : 70.0f) + (float)((moved * 7 + y * 13) % 23);
        }
}

// The mean over a square, `radius` pixels to each side.
static void blur(float *values, int radius)
{
    static float out[VALUES];
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            float sum = 0;
            int count = 0;
            for (int v = y - radius; v <= y + radius; v++)
                for (int u = x - radius; u <= x + radius; u++)
                    if (v >= 0 && v < SIDE && u >= 0 && u < SIDE) {
                        sum += values[v * SIDE + u];
                        count++;
                    }
            out[y * SIDE + x] = sum / (float)count;
        }
    memcpy(values, out, sizeof out);
}

typedef enum kind { SHARP, BLACK, WHITE, FADED, DIMMED, BLURRED, NOISE } kind;

static void make_frame(uint8_t *rgb, kind what, unsigned seed)
{
    static float values[VALUES];
    draw(values, seed);
    if (what == BLURRED)
        blur(values, 4);
    for (int i = 0; i < VALUES; i++) {
        float v = values[i];
        seed = seed * 1103515245 + 12345;
        if (what == BLACK || what == WHITE)
            v = (what == BLACK ? 4.0f : 250.0f) + (float)(seed >> 30);
        if (what == FADED)
            v = 0.2f * v;
        if (what == DIMMED)
            v = 0.6f * v;
        if (what == NOISE)
            v = (float)(seed >> 24);
        rgb[3 * i] = rgb[3 * i + 1] = rgb[3 * i + 2] = (uint8_t)v;
    }
}

// Frames of these kinds, of which those marked 'k' are kept.
static void check(const kind kinds[FRAMES], const char *kept, uint32_t count)
{
    static uint8_t pixels[FRAMES][VALUES * 3];
    vb_frame frames[FRAMES];
    for (uint32_t i = 0; i < count; i++) {
        make_frame(pixels[i], kinds[i], i + 1);
        frames[i] = (vb_frame){.rgb = pixels[i], .side = SIDE};
    }
    const uint32_t found = vb_keep_telling(frames, count);
    char got[FRAMES + 1] = "--------";
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < found; k++)
            if (frames[k].rgb == pixels[i])
                got[i] = 'k';
    got[count] = '\0';
    assert_string_equal(got, kept);
    for (uint32_t k = 0; k + 1 < found; k++)
        assert_true(frames[k].rgb < frames[k + 1].rgb); // in their order
}

static void test_what_tells_is_kept(void **state)
{
    (void)state;
    static const struct {
        kind kinds[FRAMES];
        const char *kept;
        uint32_t count;
    } cases[] = {
        {{SHARP, SHARP, SHARP, SHARP, SHARP, SHARP, SHARP, SHARP}, "kkkkkkkk", 8},
        {{BLACK, SHARP, SHARP, WHITE, SHARP, SHARP, SHARP, BLACK}, "-kk-kkk-", 8},
        {{FADED, SHARP, SHARP, SHARP, SHARP, SHARP, SHARP, FADED}, "-kkkkkk-", 8},
        {{DIMMED, SHARP, DIMMED, SHARP, SHARP, SHARP, SHARP, SHARP}, "kkkkkkkk", 8},
        {{SHARP, BLURRED, SHARP, SHARP, SHARP, BLURRED, SHARP, SHARP}, "k-kkk-kk", 8},
        // Most of them are blurred.
        {{SHARP, BLURRED, BLURRED, BLURRED, BLURRED, BLURRED, SHARP, BLURRED},
         "k-----k-",
         8},
        // One that is odd does not make the others blurred.
        {{SHARP, SHARP, SHARP, NOISE, SHARP, SHARP, SHARP, SHARP}, "kkkkkkkk", 8},
        // All alike: nothing says that they are blurred.
        {{BLURRED, BLURRED, BLURRED, BLURRED}, "kkkk", 4},
        {{SHARP, BLURRED}, "k-", 2},
        {{BLACK, FADED, SHARP, SHARP, BLURRED, WHITE, BLACK, BLACK}, "--kk----", 8},
        {{BLACK}, "k", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i].kinds, cases[i].kept, cases[i].count);
}

static void test_one_is_left(void **state)
{
    (void)state;
    static uint8_t pixels[3][VALUES * 3];
    vb_frame frames[3];
    for (uint32_t i = 0; i < 3; i++) {
        make_frame(pixels[i], i == 1 ? WHITE : BLACK, i + 1);
        frames[i] = (vb_frame){.rgb = pixels[i], .side = SIDE};
    }
    assert_int_equal(vb_keep_telling(frames, 3), 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_tells_is_kept),
        cmocka_unit_test(test_one_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// test_shots.c - shots of films made here: cuts, dissolves and fades are found where they
// are; flashes, noise and a moving camera begin none.
#include "video_tasks/shots.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 400, SHOT = 60 };

static uint8_t film[MOST][VB_SHOT_BYTES], begins[MOST];
static uint32_t length;
static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

// A picture of waves of random lengths and directions, over which the camera pans.
enum { WAVES = 4 };
typedef struct scene {
    double x[3][WAVES], y[3][WAVES], phase[3][WAVES];
} scene;

static double between(double least, double most)
{
    return least + (most - least) * draw(1000) / 1000;
}

static scene make_scene(void)
{
    scene s;
    for (int c = 0; c < 3; c++)
        for (int w = 0; w < WAVES; w++) {
            s.x[c][w] = between(-0.9, 0.9);
            s.y[c][w] = between(-0.9, 0.9);
            s.phase[c][w] = between(0, 6.28);
        }
    return s;
}

static void draw_frame(uint8_t *rgb, const scene *s, double pan)
{
    for (int i = 0; i < VB_SHOT_SIDE * VB_SHOT_SIDE; i++)
        for (int c = 0; c < 3; c++) {
            const double x = i % VB_SHOT_SIDE + pan, y = i / VB_SHOT_SIDE;
            double value = 126 + draw(5); // noise
            for (int w = 0; w < WAVES; w++)
                value += 30 * sin(s->x[c][w] * x + s->y[c][w] * y + s->phase[c][w]);
            rgb[3 * i + c] = (uint8_t)value;
        }
}

// `pan` in pixels a frame.
static void add_shot(uint32_t frames, double pan)
{
    const scene s = make_scene();
    for (uint32_t i = 0; i < frames; i++)
        draw_frame(film[length++], &s, pan * i);
}

// Frame `at` becomes share * itself + (1 - share) * other.
static void mix(uint32_t at, const uint8_t *other, double share)
{
    for (int i = 0; i < VB_SHOT_BYTES; i++)
        film[at][i] = (uint8_t)(film[at][i] * share + other[i] * (1 - share));
}

static void expect_shots(const uint32_t *expected, uint32_t count, uint32_t tolerance)
{
    const vb_shot_frames frames = {film[0], length, 25};
    uint32_t found = 0;
    assert_int_equal(vb_shots_mark(begins, &frames, NULL), VBLIP_OK);
    for (uint32_t i = 0; i < length; i++) {
        if (!begins[i])
            continue;
        if (found == count || i + tolerance < expected[found] ||
            i > expected[found] + tolerance)
            fail_msg("a shot begins at %u", i);
        found++;
    }
    assert_int_equal(found, count);
}

static int begin_film(void **state)
{
    (void)state;
    length = 0;
    seed = 7;
    return 0;
}

static void test_cuts(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++)
        add_shot(SHOT, 0.2 * i);
    const uint32_t expected[] = {SHOT, 2 * SHOT, 3 * SHOT};
    expect_shots(expected, 3, 0);
}

static void test_short_shots(void **state)
{
    (void)state;
    add_shot(SHOT, 0);
    add_shot(6, 0);
    add_shot(SHOT, 0.3);
    const uint32_t expected[] = {SHOT, SHOT + 6};
    expect_shots(expected, 2, 0);
}

static void test_a_flash_is_no_cut(void **state)
{
    (void)state;
    uint8_t white[VB_SHOT_BYTES];
    memset(white, 255, sizeof white);
    add_shot(3 * SHOT, 0.03);
    mix(50, white, 0.2);
    mix(100, white, 0.1); // over two frames
    mix(101, white, 0.3);
    expect_shots(NULL, 0, 0);
}

static void test_a_moving_camera_is_no_cut(void **state)
{
    (void)state;
    add_shot(2 * SHOT, 0.8); // the picture is left in less than two seconds
    expect_shots(NULL, 0, 0);
}

// As in animation, where a picture stands for two or three frames.
static void test_repeated_frames_are_no_cuts(void **state)
{
    (void)state;
    for (uint32_t every = 2; every <= 3; every++) {
        length = 0;
        add_shot(2 * SHOT, 0.7);
        for (uint32_t i = 0; i < length; i++)
            memcpy(film[i], film[i - i % every], VB_SHOT_BYTES);
        expect_shots(NULL, 0, 0);
    }
}

static void test_dissolves(void **state)
{
    (void)state;
    static const uint32_t widths[] = {10, 16, 24};
    uint32_t expected[3];
    const scene first = make_scene();
    scene before = first;
    for (uint32_t i = 0; i < SHOT; i++)
        draw_frame(film[length++], &before, 0);
    for (int d = 0; d < 3; d++) {
        const scene next = make_scene();
        uint8_t other[VB_SHOT_BYTES];
        for (uint32_t i = 0; i < widths[d]; i++) {
            draw_frame(film[length], &before, 0);
            draw_frame(other, &next, 0);
            mix(length, other, 1 - (i + 1) / (double)(widths[d] + 1));
            length++;
        }
        expected[d] = length - widths[d] / 2;
        for (uint32_t i = 0; i < SHOT; i++)
            draw_frame(film[length++], &next, 0);
        before = next;
    }
    expect_shots(expected, 3, 8);
}

static void test_fades(void **state)
{
    (void)state;
    static const uint8_t black[VB_SHOT_BYTES];
    add_shot(SHOT, 0.2);
    add_shot(SHOT, 0.2);
    for (uint32_t i = 0; i < 12; i++) {
        mix(SHOT - 1 - i, black, i / 12.0);
        mix(SHOT + i, black, i / 12.0);
    }
    const uint32_t expected[] = {SHOT};
    expect_shots(expected, 1, 3);
}

static void test_few_frames(void **state)
{
    (void)state;
    expect_shots(NULL, 0, 0);
    add_shot(1, 0);
    expect_shots(NULL, 0, 0);
    add_shot(1, 0);
    const uint32_t second[] = {1};
    expect_shots(second, 1, 0);
}

static void test_black_at_either_end_is_no_fade(void **state)
{
    (void)state;
    memset(film, 0, 20 * sizeof film[0]);
    length = 20;
    expect_shots(NULL, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_cuts, begin_film),
        cmocka_unit_test_setup(test_short_shots, begin_film),
        cmocka_unit_test_setup(test_a_flash_is_no_cut, begin_film),
        cmocka_unit_test_setup(test_a_moving_camera_is_no_cut, begin_film),
        cmocka_unit_test_setup(test_repeated_frames_are_no_cuts, begin_film),
        cmocka_unit_test_setup(test_dissolves, begin_film),
        cmocka_unit_test_setup(test_fades, begin_film),
        cmocka_unit_test_setup(test_few_frames, begin_film),
        cmocka_unit_test_setup(test_black_at_either_end_is_no_fade, begin_film),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// test_cuts.c - shots of a recording made up here: where key frames are, what is decoded for
// them, and what damage does.
#include "video_tasks/cuts.h"
#include "video_tasks/shots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/resource.h>

enum { FRAME_US = 40000, NEVER = 1 << 30 };

// Pictures that change at `cuts`, and key frames every so many frames.
struct vb_video {
    vb_video_info info;
    uint32_t key_every;
    bool even;                         // packets tell of no cut
    uint32_t shot;                     // frames; a picture is told by its number
    const uint32_t *cuts;              // instead of `shot`: [cut_count]
    uint32_t cut_count, pictures;      // that come again after so many
    uint32_t damaged_from, damaged_to; // frames that cannot be read
    uint32_t black;                    // frames, between every two pictures
    uint32_t fails_at;                 // with another error
    uint32_t read, alone;              // so many were
};

static uint32_t picture_of(const vb_video *v, uint64_t index)
{
    uint32_t number = 0;
    if (!v->cuts)
        number = (uint32_t)(index / v->shot);
    while (number < v->cut_count && v->cuts[number] <= index)
        number++;
    return v->pictures ? number % v->pictures : number;
}

static const vb_video_info *describe_made(const vb_video *video)
{
    return &video->info;
}

static int64_t time_made(const vb_video *video, uint64_t index)
{
    (void)video;
    return (int64_t)index * FRAME_US;
}

static uint64_t next_made_key(const vb_video *video, uint64_t index)
{
    const uint64_t key = (index + video->key_every - 1) / video->key_every;
    return key * video->key_every < video->info.frames ? key * video->key_every
                                                       : video->info.frames;
}

static bool has_large_made(const vb_video *v, uint64_t from, uint64_t end)
{
    for (uint64_t i = from + 1; i < end; i++)
        if (!v->even && i % v->key_every && picture_of(v, i) != picture_of(v, i - 1))
            return true;
    return false;
}

// Stripes, brighter and darker, of a place and width that the picture's number gives.
static vblip_status read_small_made(vb_video *v, uint64_t index, bool alone,
                                    uint32_t side, uint8_t *rgb, vblip_error *err)
{
    assert_int_equal(side, VB_SHOT_SIDE);
    assert_true(index < v->info.frames);
    if (index == v->fails_at)
        return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped");
    if (index >= v->damaged_from && index < v->damaged_to)
        return vb_fail(err, VBLIP_ERR_IO, "damaged");
    const uint32_t picture = picture_of(v, index);
    *(alone ? &v->alone : &v->read) += 1;
    if (index && picture_of(v, index) !=
                     picture_of(v, index > v->black ? index - v->black : 0)) {
        memset(rgb, 0, VB_SHOT_BYTES);
        return VBLIP_OK;
    }
    for (uint32_t y = 0; y < side; y++)
        memset(rgb + (size_t)y * side * 3,
               40 + (int)((picture * 89 + y / (2 + picture % 5) * 61) % 170), side * 3);
    return VBLIP_OK;
}

static uint64_t place_made(const vb_video *v, uint64_t index)
{
    assert_true(index < v->info.frames);
    return index * 1000;
}

static const vb_frames made = {
    .describe = describe_made,
    .place = place_made,
    .time = time_made,
    .next_key = next_made_key,
    .has_large = has_large_made,
    .read_small = read_small_made,
};

static vb_video make_film(uint32_t frames, uint32_t key_every)
{
    return (vb_video){.info = {.frames = frames,
                               .readable = frames,
                               .duration_us = (int64_t)frames * FRAME_US},
                      .key_every = key_every,
                      .shot = NEVER,
                      .fails_at = NEVER};
}

// A search that goes on a group of frames at a time finds the same.
static void expect_step_by_step(const vb_cuts *expected, vb_video film)
{
    vb_cuts cuts = {0};
    vb_cut_search *search = NULL;
    const uint64_t groups = film.info.frames / film.key_every + 1;
    uint64_t steps = 0;
    assert_int_equal(vb_cut_search_open(&search, &made, &film, NULL), VBLIP_OK);
    for (bool done = false; !done; steps++)
        assert_int_equal(vb_cut_search_more(search, &cuts, 1, &done, NULL), VBLIP_OK);
    assert_true(steps <= groups && (steps > 1 || groups < 24));
    assert_int_equal(cuts.count, expected->count);
    assert_memory_equal(cuts.frames, expected->frames,
                        cuts.count * sizeof *cuts.frames);
    vb_cut_search_close(&search);
    vb_cuts_free(&cuts);
}

static void expect_cuts(vb_video *film, const uint32_t *expected, uint32_t count)
{
    vb_cuts cuts = {0};
    const vb_video again = *film;
    assert_int_equal(vb_cuts_find(&cuts, &made, film, NULL), VBLIP_OK);
    assert_int_equal(cuts.frames[0], 0);
    for (uint32_t i = 0; i < count && i + 1 < cuts.count; i++)
        assert_int_equal(cuts.frames[i + 1], expected[i]);
    assert_int_equal(cuts.count, count + 1);
    expect_step_by_step(&cuts, again);
    vb_cuts_free(&cuts);
}

static const uint32_t some_cuts[] = {30, 75, 200, 207, 333, 349};
enum { SOME_CUTS = sizeof some_cuts / sizeof *some_cuts, SOME_FRAMES = 400 };

static void test_cuts_wherever_key_frames_are(void **state)
{
    (void)state;
    static const uint32_t every[] = {1, 2, 5, 12, 25, 50, 75, 100, 250, NEVER};
    for (size_t i = 0; i < sizeof every / sizeof *every; i++) {
        vb_video film = make_film(SOME_FRAMES, every[i]);
        film.cuts = some_cuts;
        film.cut_count = SOME_CUTS;
        expect_cuts(&film, some_cuts, SOME_CUTS);
        film.even = true;
        expect_cuts(&film, some_cuts, SOME_CUTS);
    }
}

static void test_one_frame(void **state)
{
    (void)state;
    vb_video film = make_film(1, 1);
    expect_cuts(&film, NULL, 0);
    film.damaged_to = 1;
    expect_cuts(&film, NULL, 0);
    film = make_film(2, 1);
    expect_cuts(&film, NULL, 0);
}

// Of a picture that stands, two frames a second at most are looked at; of others what is
// between key frames that differ, and a few behind.
static void test_only_what_may_hold_a_cut_is_decoded(void **state)
{
    (void)state;
    static const uint32_t cut[] = {500};
    vb_video film = make_film(1000, 1);
    expect_cuts(&film, NULL, 0);
    assert_true(film.alone >= 70 && film.alone <= 90);
    assert_true(film.read <= 12); // behind the last key frame
    film = make_film(1000, 50);
    film.cuts = cut;
    film.cut_count = 1;
    expect_cuts(&film, cut, 1);
    assert_int_equal(film.alone, 20);
    assert_int_equal(film.read, 50 + 30 + 50);
}

// A shot between two of the same picture is found where packets tell of it, or key frames
// are far apart.
static void test_a_shot_within_a_long_group(void **state)
{
    (void)state;
    static const uint32_t cuts[] = {110, 190};
    vb_video film = make_film(500, 100);
    film.cuts = cuts;
    film.cut_count = film.pictures = 2;
    expect_cuts(&film, cuts, 2);
    film.even = true;
    expect_cuts(&film, NULL, 0);
    film.key_every = 350;
    expect_cuts(&film, cuts, 2);
}

// Two key frames that are both black do not tell that nothing lies between them.
static void test_key_frames_in_fades(void **state)
{
    (void)state;
    static const uint32_t cuts[] = {98, 198}, seen[] = {98, 103, 198, 203};
    vb_video film = make_film(300, 100);
    film.cuts = cuts;
    film.cut_count = 2;
    film.black = 5;
    film.even = true;
    expect_cuts(&film, seen, 4);
}

static void test_damage_is_passed_over(void **state)
{
    (void)state;
    static const uint32_t behind[] = {30, 80, 200, 207, 333, 349};
    for (uint32_t every = 10; every <= SOME_FRAMES; every *= 2) {
        vb_video film = make_film(SOME_FRAMES, every);
        film.cuts = some_cuts;
        film.cut_count = SOME_CUTS;
        film.damaged_from = 60;
        film.damaged_to = 80;
        expect_cuts(&film, behind, SOME_CUTS);
        film.damaged_from = 0;
        film.damaged_to = SOME_FRAMES;
        expect_cuts(&film, NULL, 0);
    }
}

static void test_other_failures_end_it(void **state)
{
    (void)state;
    for (uint32_t at = 0; at < 400; at += 100) {
        vb_video film = make_film(SOME_FRAMES, 100);
        vb_cuts cuts = {0};
        vblip_error err = {0};
        film.fails_at = at;
        assert_int_equal(vb_cuts_find(&cuts, &made, &film, &err), VBLIP_ERR_CANCELLED);
        assert_string_equal(err.message, "stopped");
        vb_cuts_free(&cuts);
    }
}

static long peak_kib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

// Two hours without a key frame: small frames of all would be 550 MB. Runs are judged in
// parts, and a cut at the seam of two is found once.
static void test_memory_does_not_grow(void **state)
{
    (void)state;
    vb_video film = make_film(180000, NEVER);
    vb_cuts cuts = {0};
    film.shot = 97;
    const long before = peak_kib();
    assert_int_equal(vb_cuts_find(&cuts, &made, &film, NULL), VBLIP_OK);
    assert_true(peak_kib() - before < 64 * 1024);
    assert_int_equal(cuts.count, 180000 / 97 + 1);
    for (uint32_t i = 0; i < cuts.count; i++)
        assert_int_equal(cuts.frames[i], i * UINT64_C(97));
    vb_cuts_free(&cuts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts_wherever_key_frames_are),
        cmocka_unit_test(test_one_frame),
        cmocka_unit_test(test_only_what_may_hold_a_cut_is_decoded),
        cmocka_unit_test(test_a_shot_within_a_long_group),
        cmocka_unit_test(test_key_frames_in_fades),
        cmocka_unit_test(test_damage_is_passed_over),
        cmocka_unit_test(test_other_failures_end_it),
        cmocka_unit_test(test_memory_does_not_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

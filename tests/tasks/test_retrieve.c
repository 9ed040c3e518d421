// test_retrieve.c - hits come in the right order, each clip is encoded once, and what
// fell out of the cache is encoded again.
#include "support/fakes.h"
#include "vblip_library.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const texts[] = {"0", "1", "2"};

typedef struct log {
    char lines[2048]; // "query:path " of every hit
    vblip_hit last;
    uint32_t hits, stop_after; // 0 = never
    char failures[512];
    uint32_t fail_stop;
    uint64_t frames_done, frames_total, pairs_done, pairs_total;
    uint32_t progress_stop, progress_calls;
} log_of;

static int on_hit(void *user, const vblip_hit *hit)
{
    assert_int_equal(hit->input, hit->path[0] - 'a'); // clips "a", "b", ...
    log_of *log = user;
    size_t at = strlen(log->lines);
    snprintf(log->lines + at, sizeof log->lines - at, "%u:%s ", hit->query, hit->path);
    log->last = *hit;
    return ++log->hits == log->stop_after;
}

static int on_failed(void *user, const vblip_failure *failure)
{
    assert_int_equal(failure->input, failure->path[0] - 'a'); // clips "a", "b", ...
    log_of *log = user;
    fake_add_failure(log->failures, sizeof log->failures, failure);
    return log->fail_stop != 0;
}

static int on_progress(void *user, const vblip_progress *progress)
{
    log_of *log = user;
    assert_true(progress->total == 0 || progress->done <= progress->total);
    if (strcmp(progress->unit, "frames") == 0) {
        log->frames_done = progress->done;
        log->frames_total = progress->total;
    } else {
        assert_string_equal(progress->unit, "pairs");
        log->pairs_done = progress->done;
        log->pairs_total = progress->total;
    }
    return ++log->progress_calls == log->progress_stop;
}

static vblip_status retrieve(fake_world *world, vb_task task, uint32_t queries,
                             vblip_retrieve_options options, log_of *log,
                             vblip_error *err)
{
    const vblip_job job = {.failed = on_failed, .progress = on_progress, .user = log};
    options.job = &job;
    vblip_status status =
        vb_task_retrieve(&task, texts, queries, &options, on_hit, log, err);
    assert_int_equal(world->model.live, 0); // nothing leaks, whatever happened
    return status;
}

// Four clips, two queries.
static void make_small(fake_world *world)
{
    fake_world_make(world, 4, 100);
    static const float itc[2][4] = {{0.1f, 0.4f, 0.3f, 0.2f}, {0.5f, 0.5f, 0.1f, 0.5f}};
    static const float logit[2][4] = {{5, 1, 2, 3}, {0, 0, 9, 0}};
    for (int q = 0; q < 2; q++)
        for (int c = 0; c < 4; c++) {
            world->model.itc[q][c] = itc[q][c];
            world->model.logit[q][c] = logit[q][c];
        }
}

static void test_hits_are_ranked(void **state)
{
    (void)state;
    static const struct {
        vblip_retrieve_options options;
        const char *lines;
    } cases[] = {
        // All reranked: by logit + itc; equal scores keep the order of the inputs.
        {{.top = 0}, "0:a 0:d 0:c 0:b 1:c 1:a 1:b 1:d "},
        // ITC alone.
        {{.rerank = -1}, "0:b 0:c 0:d 0:a 1:a 1:b 1:d 1:c "},
        // The best two by ITC are reranked and stay before the others.
        {{.rerank = 2}, "0:c 0:b 0:d 0:a 1:a 1:b 1:d 1:c "},
        {{.rerank = 3}, "0:d 0:c 0:b 0:a 1:a 1:b 1:d 1:c "},
        {{.top = 2}, "0:a 0:d 1:c 1:a "},
        {{.top = 3, .rerank = 1}, "0:b 0:c 0:d 1:a 1:b 1:d "},
        // p_match of logits -1 and 1 is 0.88, of 0 and 0 it is 0.5.
        {{.min_p = 0.9f}, "0:a 0:d 0:c 1:c "},
        {{.min_p = 0.5f, .rerank = 2}, "0:c 0:b 1:a 1:b "},
        {{.min_p = 0.9f, .top = 1}, "0:a 1:c "},
        {{.min_p = 1.0f}, "1:c "}, // of logits -9 and 9 it rounds to 1
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int threads = 0; threads <= 1; threads++) {
            fake_world world;
            make_small(&world);
            log_of log = {0};
            vb_task task = fake_task(&world, threads);
            assert_int_equal(retrieve(&world, task, 2, cases[i].options, &log, NULL),
                             VBLIP_OK);
            assert_string_equal(log.lines, cases[i].lines);
            assert_string_equal(log.failures, "");
            for (int c = 0; c < 4; c++) {
                assert_int_equal(world.model.encoded[c], 1); // once for all queries
                assert_int_equal(world.clips[c].opened, 1);
            }
            assert_int_equal(world.model.frames, 8);
            assert_int_equal(world.model.text_calls, 2);
            assert_int_equal(log.frames_done, 32);
            assert_int_equal(log.frames_total, 32);
            assert_int_equal(log.pairs_done, log.pairs_total);
            assert_int_equal(log.pairs_done, world.model.itm_texts);
        }
}

// The others were not asked about: however bad a candidate is, they are behind it.
static void test_candidates_stay_before_the_others(void **state)
{
    (void)state;
    fake_world world;
    make_small(&world);
    world.model.logit[0][1] = -20.0f;
    world.model.logit[0][2] = -10.0f;
    log_of log = {0};
    vblip_retrieve_options options = {.rerank = 2};
    assert_int_equal(retrieve(&world, fake_task(&world, false), 1, options, &log, NULL),
                     VBLIP_OK);
    assert_string_equal(log.lines, "0:c 0:b 0:d 0:a ");
}

static void test_a_hit_says_what_is_known(void **state)
{
    (void)state;
    fake_world world;
    make_small(&world);
    log_of log = {0};
    vblip_retrieve_options options = {.top = 1, .rerank = 2};
    assert_int_equal(retrieve(&world, fake_task(&world, false), 1, options, &log, NULL),
                     VBLIP_OK);
    assert_string_equal(log.last.path, "c");
    assert_int_equal(log.last.rank, 1);
    assert_true(log.last.reranked && log.last.timed);
    assert_int_equal(log.last.start_us, 0);
    assert_int_equal(log.last.end_us, 4000000);
    // Vectors of clips are kept in f16.
    assert_true(fabsf(log.last.itc - 0.3f) < 1e-3f);
    assert_true(log.last.score == 2.0f + log.last.itc);
    assert_true(log.last.itm_logits[0] == -2.0f && log.last.itm_logits[1] == 2.0f);
    assert_true(fabs((double)log.last.p_match - 1 / (1 + exp(-4.0))) < 1e-6);

    world.clips[1].still = true;
    world.clips[1].frames = 1;
    log = (log_of){0};
    options.rerank = -1;
    assert_int_equal(retrieve(&world, fake_task(&world, false), 1, options, &log, NULL),
                     VBLIP_OK);
    assert_string_equal(log.last.path, "b");
    assert_false(log.last.reranked || log.last.timed);
    assert_int_equal(log.last.end_us, 0);
    assert_true(fabsf(log.last.score - 0.4f) < 1e-3f && log.last.p_match == 0.0f);
    assert_int_equal(log.frames_total, 3 * 8 + 1); // an image is one frame
    assert_int_equal(log.frames_done, 3 * 8 + 1);
}

static void test_nan_is_last(void **state)
{
    (void)state;
    fake_world world;
    make_small(&world);
    world.model.itc[0][1] = NAN;
    log_of log = {0};
    vblip_retrieve_options options = {.rerank = -1};
    assert_int_equal(retrieve(&world, fake_task(&world, false), 1, options, &log, NULL),
                     VBLIP_OK);
    assert_string_equal(log.lines, "0:c 0:d 0:a 0:b ");
}

// Eight clips of 100 bytes each, three queries; results must not depend on the cache.
static void test_what_the_cache_lost_is_encoded_again(void **state)
{
    (void)state;
    static const struct {
        uint64_t budget, itm_bytes;
        uint32_t encoded;
        uint32_t live; // visuals; at most those that fit, and one
    } cases[] = {
        {10000, 0, 8, 8},                     // all fit
        {800, 0, 8, 8},   {799, 0, 9, 8},     // one was lost
        {300, 0, 13, 4},  {300, 5000, 13, 4}, // keys and values do not push others out
        {100, 0, 15, 2},  {0, 0, 15, 2},      // the last one is always there
    };
    char lines[2048] = "";
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int threads = 0; threads <= 1; threads++) {
            fake_world world;
            fake_world_make(&world, 8, 20);
            for (int q = 0; q < 3; q++)
                for (int c = 0; c < 8; c++) {
                    world.model.itc[q][c] = (float)((c * 5 + q * 3) % 8) / 8;
                    world.model.logit[q][c] = (float)((c * 3 + q) % 8);
                }
            world.model.itm_bytes = cases[i].itm_bytes;
            log_of log = {0};
            vb_task task = fake_task(&world, threads);
            world.ops.cache_bytes = cases[i].budget;
            assert_int_equal(retrieve(&world, task, 3,
                                      (vblip_retrieve_options){.top = 0}, &log, NULL),
                             VBLIP_OK);
            assert_int_equal(world.model.encode_calls, cases[i].encoded);
            assert_int_equal(world.model.most_live, cases[i].live);
            for (int c = 0; c < 8; c++)
                assert_int_equal(world.model.itm_calls[c], 1); // all queries at once
            assert_int_equal(log.pairs_done, 24);
            assert_int_equal(log.pairs_total, 24);
            if (!lines[0])
                memcpy(lines, log.lines, sizeof lines);
            assert_string_equal(log.lines, lines);
        }
}

static void on_warning(void *user, const vblip_failure *damage)
{
    log_of *log = user;
    fake_add_failure(log->failures, sizeof log->failures, damage);
}

// Once, also when it is read twice.
static void test_damage_that_is_shown_is_said(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, 3, 20);
    world.clips[1].warning = "scratched";
    log_of log = {0};
    vb_task task = fake_task(&world, false);
    world.ops.cache_bytes = 0;
    const vblip_job job = {.warned = on_warning, .user = &log};
    const vblip_retrieve_options options = {.job = &job};
    assert_int_equal(vb_task_retrieve(&task, texts, 1, &options, on_hit, &log, NULL),
                     VBLIP_OK);
    assert_int_equal(world.model.encoded[1], 2);
    assert_string_equal(log.failures, "b|scratched;");
}

// With K < n only candidates are encoded again.
static void test_only_candidates_are_encoded_again(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, 8, 20);
    for (int c = 0; c < 8; c++)
        world.model.itc[0][c] = (float)(c == 2 || c == 5);
    log_of log = {0};
    vb_task task = fake_task(&world, false);
    world.ops.cache_bytes = 0;
    assert_int_equal(
        retrieve(&world, task, 1, (vblip_retrieve_options){.rerank = 2}, &log, NULL),
        VBLIP_OK);
    for (int c = 0; c < 8; c++)
        assert_int_equal(world.model.encoded[c], c == 2 || c == 5 ? 2 : 1);
}

// The candidates come first and the cache holds three: they are there still.
static void test_the_cache_keeps_candidates(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, 8, 20);
    for (int c = 0; c < 8; c++) {
        world.model.itc[0][c] = c == 0 ? 0.9f : -0.1f * (float)c;
        world.model.itc[1][c] = c == 1 ? 0.4f : 0.01f * (float)c;
    }
    log_of log = {0};
    vb_task task = fake_task(&world, false);
    world.ops.cache_bytes = 300;
    assert_int_equal(
        retrieve(&world, task, 2, (vblip_retrieve_options){.rerank = 1}, &log, NULL),
        VBLIP_OK);
    assert_int_equal(world.model.encode_calls, 8);
}

// Thirty clips of which one is at hand: with `auto` a processor encodes sixteen others anew,
// a GPU all of them; what ITM was not asked about stays behind what it was.
static void test_auto_asks_what_is_affordable(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++) {
        fake_world world;
        fake_world_make(&world, 16, 20);
        for (uint32_t c = 0; c < 16; c++)
            world.clips[c + 16] = world.clips[c];
        static const char *const more[] = {"q", "r", "s", "t", "u", "v", "w",
                                           "x", "y", "z", "{", "|", "}", "~"};
        for (uint32_t c = 0; c < 14; c++)
            world.clips[c + 16].path = more[c];
        world.clip_count = 30;
        for (int c = 0; c < 30; c++)
            world.model.itc[0][c] = 1.0f - 0.03f * (float)c;
        log_of log = {0};
        vb_task task = fake_task(&world, threads);
        world.ops.cache_bytes = 0; // the last one is there
        assert_int_equal(
            retrieve(&world, task, 1,
                     (vblip_retrieve_options){.rerank = VBLIP_RERANK_AUTO, .top = 30},
                     &log, NULL),
            VBLIP_OK);
        const uint32_t asked = threads ? 30 : 17;
        assert_int_equal(log.hits, 30);
        assert_int_equal(log.pairs_done, asked);
        for (uint32_t c = 0; c < 29; c++)
            assert_int_equal(world.model.encoded[c], c < asked - 1 ? 2 : 1);
        assert_int_equal(world.model.encoded[29], 1);
    }
}

static int stop_at_pairs(void *user, const vblip_progress *progress)
{
    (void)user;
    return strcmp(progress->unit, "pairs") == 0 && progress->done;
}

// Who stops it has asked about the likeliest.
static void test_the_likeliest_is_encoded_first(void **state)
{
    (void)state;
    for (int best = 0; best < 3; best++) {
        fake_world world;
        make_small(&world);
        world.model.itc[0][best] = 0.9f;
        vb_task task = fake_task(&world, 0);
        world.ops.cache_bytes = 0; // the last one is there
        const vblip_job job = {.progress = stop_at_pairs};
        const vblip_retrieve_options options = {.job = &job, .rerank = 1};
        log_of log = {0};
        assert_int_equal(
            vb_task_retrieve(&task, texts, 1, &options, on_hit, &log, NULL),
            VBLIP_ERR_CANCELLED);
        for (int c = 0; c < 4; c++)
            assert_int_equal(world.model.encoded[c], c == best ? 2 : 1);
        fake_world all;
        make_small(&all);
        all.model.itc[0][best] = 0.9f;
        all.model.itc[0][3] = -1; // the one that is there is no candidate
        vb_task every = fake_task(&all, 0);
        all.ops.cache_bytes = 0;
        const vblip_retrieve_options three = {.job = &job, .rerank = 3};
        assert_int_equal(vb_task_retrieve(&every, texts, 1, &three, on_hit, &log, NULL),
                         VBLIP_ERR_CANCELLED);
        for (int c = 0; c < 4; c++)
            assert_int_equal(all.model.encoded[c], c == best ? 2 : 1);
    }
}

static void test_one_bad_input_does_not_stop_the_others(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++) {
        fake_world world;
        make_small(&world);
        world.clips[1].error = "not a video";
        world.clips[2].truncated = 40; // of 100: frame 48 does not decode
        log_of log = {0};
        vb_task task = fake_task(&world, threads);
        world.inputs[3].error = "No such file or directory";
        assert_int_equal(
            retrieve(&world, task, 2, (vblip_retrieve_options){.top = 0}, &log, NULL),
            VBLIP_OK);
        assert_string_equal(log.lines, "0:a 1:a ");
        assert_string_equal(log.failures,
                            "b|not a video;c|truncated: 40 of 100 frames decode;"
                            "d|No such file or directory;");
        assert_int_equal(log.frames_total, 8);
        assert_int_equal(log.pairs_done, 2);
    }
}

static void test_a_file_cut_behind_the_last_sample(void **state)
{
    (void)state;
    fake_world world;
    make_small(&world);
    world.clips[1].cut = 99; // the last sample is frame 84
    log_of log = {0};
    assert_int_equal(retrieve(&world, fake_task(&world, false), 1,
                              (vblip_retrieve_options){.top = 0}, &log, NULL),
                     VBLIP_OK);
    assert_string_equal(log.failures, "b|truncated: 99 of 100 frames decode;");
    assert_string_equal(log.lines, "0:a 0:d 0:c ");
}

static void test_nothing_can_be_read(void **state)
{
    (void)state;
    fake_world world;
    make_small(&world);
    for (int c = 0; c < 4; c++)
        world.clips[c].error = "bad";
    log_of log = {0};
    assert_int_equal(retrieve(&world, fake_task(&world, true), 2,
                              (vblip_retrieve_options){.top = 0}, &log, NULL),
                     VBLIP_OK);
    assert_string_equal(log.failures, "a|bad;b|bad;c|bad;d|bad;");
    assert_int_equal(log.hits, 0);
}

// A file that goes away between the two passes fails then, and is no hit.
static void test_a_clip_that_goes_away(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++) {
        fake_world world;
        make_small(&world);
        world.clips[0].fail_from = 2;
        log_of log = {0};
        vb_task task = fake_task(&world, threads);
        world.ops.cache_bytes = 0;
        assert_int_equal(
            retrieve(&world, task, 2, (vblip_retrieve_options){.top = 0}, &log, NULL),
            VBLIP_OK);
        assert_string_equal(log.failures, "a|gone;");
        assert_string_equal(log.lines, "0:d 0:c 0:b 1:c 1:b 1:d ");
    }
}

static void test_callbacks_stop_the_job(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++) {
        vblip_error err = {0};
        fake_world world;
        make_small(&world);
        log_of log = {.stop_after = 3};
        assert_int_equal(retrieve(&world, fake_task(&world, threads), 2,
                                  (vblip_retrieve_options){.top = 0}, &log, &err),
                         VBLIP_ERR_CANCELLED);
        assert_int_equal(err.status, VBLIP_ERR_CANCELLED);
        assert_int_equal(log.hits, 3); // what was reported stands

        make_small(&world);
        world.clips[1].error = "bad";
        log = (log_of){.fail_stop = 1};
        assert_int_equal(retrieve(&world, fake_task(&world, threads), 2,
                                  (vblip_retrieve_options){.top = 0}, &log, NULL),
                         VBLIP_ERR_CANCELLED);
        assert_int_equal(world.model.encode_calls, 1);

        for (uint32_t stop = 1; stop <= 8; stop++) { // 4 clips, then 4 groups of pairs
            make_small(&world);
            log = (log_of){.progress_stop = stop};
            assert_int_equal(retrieve(&world, fake_task(&world, threads), 2,
                                      (vblip_retrieve_options){.top = 0}, &log, NULL),
                             VBLIP_ERR_CANCELLED);
            assert_int_equal(log.hits, 0);
            assert_int_equal(log.progress_calls, stop);
        }
    }
}

static void test_a_failing_device_stops_the_job(void **state)
{
    (void)state;
    for (uint32_t call = 1; call <= 7; call++)
        for (int threads = 0; threads <= 1; threads++) {
            vblip_error err = {0};
            fake_world world;
            make_small(&world);
            world.model.fail_encode = call;
            log_of log = {0};
            vb_task task = fake_task(&world, threads);
            world.ops.cache_bytes = 0; // 4 calls, then 3 more
            assert_int_equal(retrieve(&world, task, 2,
                                      (vblip_retrieve_options){.top = 0}, &log, &err),
                             VBLIP_ERR_DEVICE);
            assert_string_equal(err.message, "fake: device lost");
            assert_int_equal(log.hits, 0);
            assert_string_equal(log.failures, "");
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hits_are_ranked),
        cmocka_unit_test(test_candidates_stay_before_the_others),
        cmocka_unit_test(test_a_hit_says_what_is_known),
        cmocka_unit_test(test_nan_is_last),
        cmocka_unit_test(test_what_the_cache_lost_is_encoded_again),
        cmocka_unit_test(test_damage_that_is_shown_is_said),
        cmocka_unit_test(test_only_candidates_are_encoded_again),
        cmocka_unit_test(test_the_cache_keeps_candidates),
        cmocka_unit_test(test_auto_asks_what_is_affordable),
        cmocka_unit_test(test_the_likeliest_is_encoded_first),
        cmocka_unit_test(test_one_bad_input_does_not_stop_the_others),
        cmocka_unit_test(test_a_file_cut_behind_the_last_sample),
        cmocka_unit_test(test_nothing_can_be_read),
        cmocka_unit_test(test_a_clip_that_goes_away),
        cmocka_unit_test(test_callbacks_stop_the_job),
        cmocka_unit_test(test_a_failing_device_stops_the_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// test_caption.c - rows tile the file, neighbours merge, and a file that breaks keeps
// the rows before the break.
#include "base/random.h"
#include "support/fakes.h"
#include "support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

typedef struct log {
    char rows[4096]; // "path start-end text;" in ms; no times for an image
    float score;
    uint32_t count, stop_after;
    char failures[512];
    uint32_t fail_stop, progress_calls, progress_stop;
    uint64_t done, total, first_total;
} log_of;

static int on_caption(void *user, const vblip_caption *caption)
{
    assert_int_equal(caption->input, caption->path[0] - 'a'); // clips "a", "b", ...
    log_of *log = user;
    size_t at = strlen(log->rows);
    if (caption->timed)
        snprintf(log->rows + at, sizeof log->rows - at, "%s %d-%d %s;", caption->path,
                 (int)(caption->start_us / 1000), (int)(caption->end_us / 1000),
                 caption->text);
    else
        snprintf(log->rows + at, sizeof log->rows - at, "%s %s;", caption->path,
                 caption->text);
    log->score = caption->score;
    return ++log->count == log->stop_after;
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
    assert_string_equal(progress->unit, "captions");
    assert_true(progress->done <= progress->total);
    assert_true(progress->done > 0 || progress->seconds_left < 0);
    if (log->progress_calls++ == 0)
        log->first_total = progress->total;
    log->done = progress->done;
    log->total = progress->total;
    return log->progress_calls == log->progress_stop;
}

static vblip_status caption(fake_world *world, vb_task task,
                            vblip_caption_options options, log_of *log,
                            vblip_error *err)
{
    vblip_job job = options.job ? *options.job : (vblip_job){0};
    job.failed = on_failed;
    job.user = log;
    options.job = &job;
    world->model.may_mix = true;
    vblip_status status = vb_task_caption(&task, &options, on_caption, log, err);
    assert_int_equal(world->model.live, 0);
    return status;
}

static const char *const story[] = {"x", "x", "y", "x", "x", "x"};

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        vblip_caption_options options;
        bool story;
        const char *rows;
        uint32_t encoded;
    } cases[] = {
        {{.every_us = 0}, false, "a 0-240 frame 0;", 1},
        {{.every_us = 80000},
         false,
         "a 0-80 frame 0;a 80-160 frame 2;a 160-240 frame 4;",
         3},
        {{.every_us = 100000},
         false,
         "a 0-100 frame 0;a 100-200 frame 2;a 200-240 frame 5;",
         3},
        {{.every_frames = 4}, false, "a 0-160 frame 0;a 160-240 frame 4;", 2},
        {{.count = 2}, false, "a 0-120 frame 0;a 120-240 frame 3;", 2},
        // A frame that lasts for several intervals has one row.
        {{.every_us = 20000, .count = 0},
         false,
         "a 0-40 frame 0;a 40-80 frame 1;a 80-120 frame 2;a 120-160 frame 3;"
         "a 160-200 frame 4;a 200-240 frame 5;",
         6},
        {{.every_frames = 1},
         true,
         "a 0-40 x;a 40-80 x;a 80-120 y;a 120-160 x;a 160-200 x;a 200-240 x;",
         6},
        {{.every_frames = 1, .merge = true},
         true,
         "a 0-80 x;a 80-120 y;a 120-240 x;",
         6},
        {{.every_frames = 6, .merge = true}, true, "a 0-240 x;", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int threads = 0; threads <= 1; threads++) {
            fake_world world;
            fake_world_make(&world, 1, 6);
            world.model.captions = cases[i].story ? story : NULL;
            log_of log = {0};
            assert_int_equal(caption(&world, fake_task(&world, threads),
                                     cases[i].options, &log, NULL),
                             VBLIP_OK);
            assert_string_equal(log.rows, cases[i].rows);
            assert_int_equal(world.model.encode_calls, 1); // all together
            assert_int_equal(world.model.frames, cases[i].encoded);
            assert_int_equal(world.model.made, 1); // one visual, used again
        }
}

static void test_a_merged_score_is_the_mean(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, 1, 6);
    world.model.captions = story;
    log_of log = {0};
    vblip_caption_options options = {.every_frames = 1, .merge = true};
    assert_int_equal(caption(&world, fake_task(&world, false), options, &log, NULL),
                     VBLIP_OK);
    assert_true(log.score == -4.0f); // of frames 3, 4, 5, which score -3, -4, -5
}

// Six frames of 40 ms; the cosine of 20 degrees is 0.94, of 40 0.77.
static void test_neighbours_of_one_picture_merge(void **state)
{
    (void)state;
    static const struct {
        float degrees[6], scores[6], same;
        const char *captions[6];
        const char *rows;
    } cases[] = {
        // words flicker while the picture stays: the likeliest stand
        {{0, 5, 3, 8, 90, 95},
         {-2, -1, -3, -2, -1, -2},
         0.9f,
         {"u", "v", "w", "v", "x", "y"},
         "a 0-160 v;a 160-240 x;"},
        // it drifts: what is no longer what was described is another
        {{0, 20, 40, 60, 80, 100},
         {-1, -2, -3, -4, -5, -6},
         0.9f,
         {"u", "v", "w", "x", "y", "z"},
         "a 0-80 u;a 80-160 w;a 160-240 y;"},
        // also where a later text of it is likelier
        {{0, 20, 40, 60, 80, 100},
         {-6, -5, -4, -3, -2, -1},
         0.9f,
         {"u", "v", "w", "x", "y", "z"},
         "a 0-80 v;a 80-160 x;a 160-240 z;"},
        // but the same words go on to describe it
        {{0, 20, 40, 60, 80, 100},
         {-1, -1, -1, -1, -1, -1},
         0.9f,
         {"u", "u", "u", "v", "v", "u"},
         "a 0-160 u;a 160-240 v;"},
        // other pictures with the same words are one, as always
        {{0, 90, 180, 0, 90, 180},
         {-1, -1, -1, -1, -1, -1},
         0.9f,
         {"u", "u", "v", "v", "w", "u"},
         "a 0-80 u;a 80-160 v;a 160-200 w;a 200-240 u;"},
        // by text alone
        {{0, 0, 0, 0, 0, 0},
         {-1, -1, -1, -1, -1, -1},
         0.0f,
         {"u", "u", "v", "v", "w", "u"},
         "a 0-80 u;a 80-160 v;a 160-200 w;a 200-240 u;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (uint32_t batch = 1; batch <= 8; batch++) {
            fake_world world;
            fake_world_make(&world, 1, 6);
            world.model.captions = cases[i].captions;
            world.model.scores = cases[i].scores;
            world.model.degrees = cases[i].degrees;
            log_of log = {0};
            const vblip_caption_options options = {.every_frames = 1,
                                                   .merge = true,
                                                   .same_picture = cases[i].same,
                                                   .job = &(vblip_job){.batch = batch}};
            assert_int_equal(
                caption(&world, fake_task(&world, false), options, &log, NULL),
                VBLIP_OK);
            assert_string_equal(log.rows, cases[i].rows);
        }
}

static void test_files_follow_each_other(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++) {
        fake_world world;
        fake_world_make(&world, 4, 6);
        world.model.captions = story; // merging does not cross files
        world.clips[1].still = true;
        world.clips[1].frames = 1;
        world.clips[2].error = "not a video";
        log_of log = {0};
        vblip_caption_options options = {.merge = true,
                                         .job = &(vblip_job){.progress = on_progress}};
        assert_int_equal(
            caption(&world, fake_task(&world, threads), options, &log, NULL), VBLIP_OK);
        assert_string_equal(log.rows, "a 0-240 x;b x;d 0-240 x;");
        assert_string_equal(log.failures, "c|not a video;");
        // Taken to be one each before the first caption; one of four has none.
        assert_int_equal(log.first_total, 4);
        assert_int_equal(log.total, 3);
        for (uint32_t i = 0; i < 4; i++)
            assert_int_equal(world.clips[i].opened, 1);
        assert_int_equal(log.done, 3);
    }
}

static void test_a_truncated_file_keeps_its_rows(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++)
        for (int merge = 0; merge <= 1; merge++) {
            fake_world world;
            fake_world_make(&world, 2, 6);
            world.clips[0].truncated = 2;
            world.model.captions = story;
            log_of log = {0};
            vblip_caption_options options = {.every_frames = 1,
                                             .merge = merge,
                                             .job =
                                                 &(vblip_job){.progress = on_progress}};
            assert_int_equal(
                caption(&world, fake_task(&world, threads), options, &log, NULL),
                VBLIP_OK);
            assert_string_equal(log.failures, "a|truncated: 2 of 6 frames decode;");
            assert_string_equal(log.rows,
                                merge ? "a 0-80 x;b 0-80 x;b 80-120 y;b 120-240 x;"
                                      : "a 0-40 x;a 40-80 x;b 0-40 x;b 40-80 x;"
                                        "b 80-120 y;b 120-160 x;b 160-200 x;"
                                        "b 200-240 x;");
            assert_int_equal(log.first_total, 12);
            assert_int_equal(log.total, 8); // four will not come
            assert_int_equal(log.done, 8);
        }
}

// What is behind damage is captioned, and not merged with what is before it.
static void test_captions_go_on_behind_damage(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++)
        for (int merge = 0; merge <= 1; merge++) {
            fake_world world;
            fake_world_make(&world, 2, 6);
            world.clips[0].damaged_from = 1;
            world.clips[0].damaged_to = 4;
            static const char *const same[] = {"x", "x", "x", "x", "x", "x"};
            world.model.captions = same;
            log_of log = {0};
            vblip_caption_options options = {.every_frames = 1,
                                             .merge = merge,
                                             .job =
                                                 &(vblip_job){.progress = on_progress}};
            assert_int_equal(
                caption(&world, fake_task(&world, threads), options, &log, NULL),
                VBLIP_OK);
            assert_string_equal(log.failures, "a|damaged: 3 of 6 frames decode;");
            assert_string_equal(log.rows,
                                merge ? "a 0-40 x;a 160-240 x;b 0-240 x;"
                                      : "a 0-40 x;a 160-200 x;a 200-240 x;"
                                        "b 0-40 x;b 40-80 x;b 80-120 x;b 120-160 x;"
                                        "b 160-200 x;b 200-240 x;");
            assert_int_equal(log.total, 9); // three do not come
            assert_int_equal(log.done, 9);
        }
}

// No caption looks behind the cut, yet the file counts as failed.
static void test_a_file_cut_behind_the_last_caption(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, 1, 6);
    world.clips[0].cut = 5;
    log_of log = {0};
    vblip_caption_options options = {.every_frames = 4};
    assert_int_equal(caption(&world, fake_task(&world, false), options, &log, NULL),
                     VBLIP_OK);
    assert_string_equal(log.rows, "a 0-160 frame 0;a 160-240 frame 4;");
    assert_string_equal(log.failures, "a|truncated: 5 of 6 frames decode;");
}

// Nor into a hole, nor into what is joined to the file.
static void test_what_no_caption_saw_is_missed(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, 2, 6);
    world.clips[0].lost = 2;
    world.clips[1].unread_bytes = 77;
    log_of log = {0};
    vblip_caption_options options = {.every_frames = 6};
    assert_int_equal(caption(&world, fake_task(&world, false), options, &log, NULL),
                     VBLIP_OK);
    assert_string_equal(log.rows, "a 0-240 frame 0;b 0-240 frame 0;");
    assert_string_equal(log.failures, "a|damaged: 4 of 6 frames decode;"
                                      "b|another recording is joined to it, of 77 "
                                      "bytes, which are not read;");
}

static void on_warning(void *user, const vblip_failure *damage)
{
    assert_int_equal(damage->input, damage->path[0] - 'a');
    log_of *log = user;
    fake_add_failure(log->failures, sizeof log->failures, damage);
}

static void test_damage_that_is_shown_is_said(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, 2, 6);
    world.clips[1].warning = "scratched";
    log_of log = {0};
    vblip_caption_options options = {.every_frames = 6,
                                     .job = &(vblip_job){.warned = on_warning}};
    assert_int_equal(caption(&world, fake_task(&world, false), options, &log, NULL),
                     VBLIP_OK);
    assert_string_equal(log.rows, "a 0-240 frame 0;b 0-240 frame 0;");
    assert_string_equal(log.failures, "b|scratched;");
}

static void test_stopping_keeps_what_is_finished(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++) {
        fake_world world;
        vblip_error err = {0};
        vblip_caption_options options = {.every_frames = 1,
                                         .merge = true,
                                         .job = &(vblip_job){.progress = on_progress}};
        fake_world_make(&world, 2, 6);
        world.model.captions = story;
        log_of log = {.progress_stop = 4}; // both are open, after two captions
        assert_int_equal(
            caption(&world, fake_task(&world, threads), options, &log, &err),
            VBLIP_ERR_CANCELLED);
        assert_string_equal(log.rows, "a 0-80 x;");
        assert_int_equal(err.status, VBLIP_ERR_CANCELLED);

        fake_world_make(&world, 2, 6);
        world.model.captions = story;
        log = (log_of){.stop_after = 1};
        assert_int_equal(
            caption(&world, fake_task(&world, threads), options, &log, NULL),
            VBLIP_ERR_CANCELLED);
        assert_string_equal(log.rows, "a 0-80 x;"); // never called again

        fake_world_make(&world, 2, 6);
        world.clips[0].error = "bad";
        log = (log_of){.fail_stop = 1};
        assert_int_equal(
            caption(&world, fake_task(&world, threads), options, &log, NULL),
            VBLIP_ERR_CANCELLED);
        assert_string_equal(log.rows, "");

        fake_world_make(&world, 2, 6);
        world.model.fail_encode = 2;
        log = (log_of){0};
        options.job = &(vblip_job){.batch = 1};
        vb_error_reset(&err);
        assert_int_equal(
            caption(&world, fake_task(&world, threads), options, &log, &err),
            VBLIP_ERR_DEVICE);
        assert_string_equal(err.message, "fake: device lost");
        assert_string_equal(log.rows, "a 0-40 frame 0;");
    }
}

// Frames of several files are captioned together, at most as many as asked for; rows and
// failures come in the order of the files, and a failure that nothing waits for at once.
static void test_batches(void **state)
{
    (void)state;
    static const struct {
        uint32_t batch, calls, last;
    } cases[] = {{0, 2, 4}, {1, 12, 1}, {5, 3, 2}, {100, 2, 4}};
    for (int threads = 0; threads <= 1; threads++)
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
            fake_world world;
            fake_world_make(&world, 5, 6);
            world.clips[0].error = "not a video";
            world.clips[2].error = "nor this";
            world.clips[3].frames = 5;
            world.clips[4].frames = 1;
            world.clips[4].still = true;
            log_of log = {0};
            const vblip_caption_options options = {
                .every_frames = 1, .job = &(vblip_job){.batch = cases[i].batch}};
            assert_int_equal(
                caption(&world, fake_task(&world, threads), options, &log, NULL),
                VBLIP_OK);
            assert_string_equal(log.rows,
                                "b 0-40 frame 0;b 40-80 frame 1;b 80-120 frame 2;"
                                "b 120-160 frame 3;b 160-200 frame 4;b 200-240 frame 5;"
                                "d 0-40 frame 0;d 40-80 frame 1;d 80-120 frame 2;"
                                "d 120-160 frame 3;d 160-200 frame 4;e frame 0;");
            assert_string_equal(log.failures, "a|not a video;c|nor this;");
            assert_int_equal(world.model.encode_calls, cases[i].calls);
            assert_int_equal(world.model.frames, cases[i].last);
        }
}

// However long the file: frames are read one by one into the same two buffers (ASan
// would see a third), and only those that are captioned.
static void test_long_files(void **state)
{
    (void)state;
    fake_world world;
    fake_world_make(&world, 1, 60000);
    log_of log = {.stop_after = 0};
    vblip_caption_options options = {.every_us = 40000000};
    assert_int_equal(caption(&world, fake_task(&world, true), options, &log, NULL),
                     VBLIP_OK);
    assert_int_equal(log.count, 60);
    assert_int_equal(world.clips[0].read, 60);
}

// Samples of a frame follow each other; each draws from the stream of its frame and its
// own number, whichever frames and files there are besides.
static void test_samples(void **state)
{
    (void)state;
    for (int threads = 0; threads <= 1; threads++) {
        fake_world world;
        char want[512] = "";
        log_of log = {0};
        const vblip_caption_options options = {
            .every_us = 60000,
            .sample = true,
            .seed = 7,
            .samples = 2,
            .job = &(vblip_job){.progress = on_progress}};
        static const struct {
            char path;
            uint64_t frame;
            int start, end;
        } spans[] = {{'a', 0, 0, 60}, {'a', 1, 60, 120}, {'a', 3, 120, 160},
                     {'b', 0, 0, 60}, {'b', 1, 60, 120}, {'b', 3, 120, 160}};
        for (size_t i = 0; i < sizeof spans / sizeof *spans; i++)
            for (uint64_t sample = 0; sample < 2; sample++) {
                size_t at = strlen(want);
                snprintf(
                    want + at, sizeof want - at, "%c %d-%d frame %u %016llx;",
                    spans[i].path, spans[i].start, spans[i].end,
                    (unsigned)spans[i].frame,
                    (unsigned long long)vb_random_stream(7, spans[i].frame, sample));
            }
        fake_world_make(&world, 2, 4);
        assert_int_equal(
            caption(&world, fake_task(&world, threads), options, &log, NULL), VBLIP_OK);
        assert_string_equal(log.rows, want);
        assert_int_equal(world.model.encode_calls, 1); // once for both samples
        assert_int_equal(world.model.frames, 6);
        assert_int_equal(log.first_total, 12);
        assert_int_equal(log.done, 12);
    }
}

// Samples of frames that do not decode are no longer waited for.
static void test_samples_of_a_truncated_file(void **state)
{
    (void)state;
    fake_world world;
    log_of log = {0};
    const vblip_caption_options options = {.every_frames = 1,
                                           .sample = true,
                                           .samples = 3,
                                           .job =
                                               &(vblip_job){.progress = on_progress}};
    fake_world_make(&world, 1, 6);
    world.clips[0].truncated = 2;
    assert_int_equal(caption(&world, fake_task(&world, false), options, &log, NULL),
                     VBLIP_OK);
    assert_int_equal(log.count, 6);
    assert_int_equal(log.first_total, 18);
    assert_int_equal(log.total, 6);
    assert_int_equal(log.done, 6);
}

// A day's recording that comes first says little of the short clips behind it: what they
// hold is taken to be as much less as their files are.
static void test_progress_by_the_size_of_files(void **state)
{
    (void)state;
    enum { DAY = 1000, CLIP = 5 };
    static const uint8_t bytes[100 * DAY];
    fake_world world;
    log_of log = {0};
    const vblip_caption_options options = {
        .every_frames = 1, .job = &(vblip_job){.progress = on_progress}};
    temp_write_bytes("a", bytes, 100 * DAY);
    temp_write_bytes("b", bytes, 100 * CLIP);
    temp_write_bytes("c", bytes, 200 * CLIP);
    fake_world_make(&world, 3, CLIP);
    world.clips[0].frames = DAY;
    log.progress_stop = 1; // nothing more is to be seen
    assert_int_equal(caption(&world, fake_task(&world, false), options, &log, NULL),
                     VBLIP_ERR_CANCELLED);
    assert_int_equal(log.first_total, DAY + CLIP + 2 * CLIP);
}

// A row for each shot: of its middle, or of what is left of it where frames are plain or
// cannot be read.
static void test_shots(void **state)
{
    (void)state;
    static const struct {
        fake_clip clip;
        const char *rows, *failures;
    } cases[] = {
        {{.frames = 100},
         "a 0-1000 frame 12;a 1000-2000 frame 37;a 2000-3000 frame 62;"
         "a 3000-4000 frame 87;",
         ""},
        {{.frames = 100, .plain_from = 10, .plain_to = 25},
         "a 0-1000 frame 5;a 1000-2000 frame 37;a 2000-3000 frame 62;"
         "a 3000-4000 frame 87;",
         ""},
        {{.frames = 50, .plain_from = 25, .plain_to = 50},
         "a 0-1000 frame 12;a 1000-2000 frame 26;",
         ""},
        {{.frames = 50, .damaged_from = 37, .damaged_to = 38},
         "a 0-1000 frame 12;a 1000-2000 frame 41;",
         "a|damaged: 49 of 50 frames decode;"},
        {{.frames = 100, .damaged_from = 50, .damaged_to = 75},
         "a 0-1000 frame 12;a 1000-3000 frame 35;a 3000-4000 frame 87;",
         "a|damaged: 75 of 100 frames decode;"},
        {{.frames = 100, .truncated = 60},
         "a 0-1000 frame 12;a 1000-2000 frame 37;a 2000-4000 frame 53;",
         "a|truncated: 60 of 100 frames decode;"},
        {{.frames = 40, .lost = 3},
         "a 0-1000 frame 12;a 1000-1600 frame 32;",
         "a|damaged: 37 of 40 frames decode;"},
        {{.frames = 3}, "a 0-120 frame 1;", ""},
        {{.frames = 1}, "a 0-40 frame 0;", ""},
        {{.frames = 1, .still = true}, "a frame 0;", ""},
        {{.frames = 9, .damaged_to = 9}, "", "a|damaged: 0 of 9 frames decode;"},
        {{.error = "not a video"}, "", "a|not a video;"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int threads = 0; threads <= 1; threads++) {
            fake_world world;
            log_of log = {0};
            const vblip_caption_options options = {
                .shots = true, .job = &(vblip_job){.progress = on_progress}};
            fake_world_make(&world, 1, 1);
            world.clips[0] = cases[i].clip;
            world.clips[0].path = "a";
            world.clips[0].frame_us = 40000;
            world.clips[0].shot = 25;
            assert_int_equal(
                caption(&world, fake_task(&world, threads), options, &log, NULL),
                VBLIP_OK);
            assert_string_equal(log.rows, cases[i].rows);
            assert_string_equal(log.failures, cases[i].failures);
            assert_int_equal(world.clips[0].opened, 1);
            assert_int_equal(log.first_total, 0); // before the shots are found
            assert_int_equal(log.done, log.total);
            assert_int_equal(log.done, log.count);
        }
}

static void test_shots_merge_and_have_samples(void **state)
{
    (void)state;
    static const char *const same[100] = {
        [12] = "x", [37] = "x", [62] = "y", [87] = "x"};
    fake_world world;
    log_of merged = {0}, drawn = {0};
    fake_world_make(&world, 1, 100);
    world.clips[0].shot = 25;
    world.model.captions = same;
    vblip_caption_options options = {.shots = true, .merge = true};
    assert_int_equal(caption(&world, fake_task(&world, false), options, &merged, NULL),
                     VBLIP_OK);
    assert_string_equal(merged.rows, "a 0-2000 x;a 2000-3000 y;a 3000-4000 x;");
    options = (vblip_caption_options){.shots = true, .sample = true, .samples = 2};
    assert_int_equal(caption(&world, fake_task(&world, false), options, &drawn, NULL),
                     VBLIP_OK);
    assert_string_equal(drawn.rows, "a 0-1000 x;a 0-1000 x;a 1000-2000 x;"
                                    "a 1000-2000 x;a 2000-3000 y;a 2000-3000 y;"
                                    "a 3000-4000 x;a 3000-4000 x;");
}

// As the model wants it.
static void test_orientation(void **state)
{
    (void)state;
    for (int as_stored = 0; as_stored <= 1; as_stored++) {
        fake_world world;
        log_of log = {0};
        fake_world_make(&world, 1, 1);
        vb_task task = fake_task(&world, false);
        world.ops.ignore_orientation = as_stored;
        assert_int_equal(caption(&world, task, (vblip_caption_options){0}, &log, NULL),
                         VBLIP_OK);
        assert_int_equal(world.clips[0].as_stored, as_stored);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_a_merged_score_is_the_mean),
        cmocka_unit_test(test_neighbours_of_one_picture_merge),
        cmocka_unit_test(test_files_follow_each_other),
        cmocka_unit_test(test_a_truncated_file_keeps_its_rows),
        cmocka_unit_test(test_captions_go_on_behind_damage),
        cmocka_unit_test(test_a_file_cut_behind_the_last_caption),
        cmocka_unit_test(test_what_no_caption_saw_is_missed),
        cmocka_unit_test(test_damage_that_is_shown_is_said),
        cmocka_unit_test(test_stopping_keeps_what_is_finished),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_long_files),
        cmocka_unit_test_setup_teardown(test_progress_by_the_size_of_files, temp_enter,
                                        temp_leave),
        cmocka_unit_test(test_orientation),
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_samples_of_a_truncated_file),
        cmocka_unit_test(test_shots),
        cmocka_unit_test(test_shots_merge_and_have_samples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

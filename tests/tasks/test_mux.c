// test_mux.c - copies with subtitles of films whose frames carry their number (make_media.py):
// read by ffprobe, and frame by frame.
#include "vblip_export.h"

#include "support/counted.h"
#include "support/temp.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum { MOST_TIMES = 256 };

static const uint32_t spans[][2] = {{0, 17}, {17, 31}, {40, 41}, {41, 60}};
enum { SPANS = sizeof spans / sizeof *spans };

static char *in_media(char out[TEMP_PATH], const char *name)
{
    snprintf(out, TEMP_PATH, "%s/%s", VB_MEDIA, name);
    return out;
}

static vblip_status mux(const char *out, const char *path,
                        const vblip_mux_options *options, vblip_error *err)
{
    vblip_cue cues[SPANS];
    for (uint32_t i = 0; i < SPANS; i++)
        cues[i] = (vblip_cue){(int64_t)spans[i][0] * COUNTED_FRAME_US,
                              (int64_t)spans[i][1] * COUNTED_FRAME_US,
                              "a <dog> & a cat\non a beach"};
    return vblip_mux(out, path, cues, SPANS, options, NULL, err);
}

// What ffprobe prints of the packets of a stream, a number a line. Returns how many.
static uint32_t probe(double times[MOST_TIMES], const char *path, const char *stream,
                      const char *entry)
{
    char command[2 * TEMP_PATH];
    uint32_t count = 0;
    snprintf(command, sizeof command,
             "ffprobe -v error -select_streams %s -show_entries packet=%s,size -of "
             "csv=p=0 '%s' | tr , ' '",
             stream, entry, path);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    double size; // ffprobe shows what parts cues in mp4: an empty one
    while (count < MOST_TIMES && fscanf(pipe, "%lf %lf", &times[count], &size) == 2)
        count += size > 2;
    assert_int_equal(pclose(pipe), 0);
    return count;
}

static double least(const double *times, uint32_t count)
{
    double least = HUGE_VAL;
    for (uint32_t i = 0; i < count; i++)
        least = times[i] < least ? times[i] : least;
    return least;
}

// Cues begin and end with the frames that they are about, within a millisecond or a tick.
static void check_cue_times(const char *path)
{
    double picture[MOST_TIMES], starts[MOST_TIMES], lasting[MOST_TIMES];
    const double zero = least(picture, probe(picture, path, "v:0", "pts_time"));
    assert_int_equal(probe(starts, path, "s:0", "pts_time"), SPANS);
    assert_int_equal(probe(lasting, path, "s:0", "duration_time"), SPANS);
    for (uint32_t i = 0; i < SPANS; i++)
        if (fabs(starts[i] - zero - spans[i][0] * 0.04) > 0.0011 ||
            fabs(lasting[i] - (spans[i][1] - spans[i][0]) * 0.04) > 0.0011)
            fail_msg("%s: cue %u from %f for %f s, the picture begins at %f", path, i,
                     starts[i], lasting[i], zero);
}

static void check_pictures(const char *path, bool closely)
{
    vblip_error err;
    vb_video *video = counted_open(path);
    assert_int_equal(vb_video_describe(video)->frames, COUNTED_FRAMES);
    for (uint32_t i = 0; i < COUNTED_FRAMES; i++) {
        const int64_t time_us = vb_video_time(video, i);
        if (counted_read(video, i, &err) != (int)i)
            fail_msg("%s: frame %u is another", path, i);
        if (closely && llabs(time_us - (int64_t)i * COUNTED_FRAME_US) > 1000)
            fail_msg("%s: frame %u is shown at %lld us", path, i, (long long)time_us);
    }
    vb_video_close(&video);
}

static void mux_film(const char *name, const char *extension)
{
    char path[TEMP_PATH], out[TEMP_PATH], file[64];
    const vblip_mux_options options = {.overwrite = true};
    vblip_error err;
    in_media(path, name);
    snprintf(file, sizeof file, "%s%s", name, extension);
    temp_path(out, temp_folder, file);
    if (mux(out, path, &options, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    check_pictures(out, !strstr(name, "mpeg2"));
    if (system("command -v ffprobe >/dev/null") == 0)
        check_cue_times(out);
}

static bool has_b_frames_in_avi(const char *name) // which says not when they are shown
{
    return strstr(name, "264") || strstr(name, "mpeg2") ? strstr(name, ".avi") != NULL
                                                        : false;
}

static void test_copies_of_all_films(void **state)
{
    (void)state;
    DIR *folder = opendir(VB_MEDIA);
    const struct dirent *entry;
    uint32_t films = 0;
    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        const char *name = entry->d_name;
        if (strncmp(name, "counted_", 8) != 0 || strstr(name, ".rgb") ||
            strstr(name, ".times") || strstr(name, "sizes") || strstr(name, "fast") ||
            has_b_frames_in_avi(name))
            continue;
        mux_film(name, vblip_cut_extension(name, false));
        mux_film(name, ".mkv");
        films++;
    }
    closedir(folder);
    assert_true(films > 20);
}

static void test_mux_refuses(void **state)
{
    (void)state;
    static const char film[] = VB_MEDIA "/counted_h264_open.mp4";
    static const vblip_cue good[] = {{0, 1000, "a"}, {1000, 2000, "b"}};
    static const struct {
        const char *out, *path;
        vblip_cue cues[2];
        vblip_mux_options options;
        vblip_status status;
        const char *message; // after the folder of `out`, where it begins with that
    } cases[] = {
        {"x.avi",
         film,
         {{0}},
         {0},
         VBLIP_ERR_ARGUMENT,
         "x.avi: mp4, m4v, mov, mkv or webm can be written"},
        {"there.mp4",
         film,
         {{0}},
         {0},
         VBLIP_ERR_ARGUMENT,
         "there.mp4: exists; --overwrite (-y) replaces it"},
        {"no/x.mp4",
         film,
         {{0}},
         {0},
         VBLIP_ERR_IO,
         "no/x.mp4: No such file or directory"},
        {"x.mp4",
         "/nowhere.mp4",
         {{0}},
         {0},
         VBLIP_ERR_IO,
         "/nowhere.mp4: No such file or directory"},
        {"x.webm",
         film,
         {{0}},
         {0},
         VBLIP_ERR_UNSUPPORTED,
         VB_MEDIA
         "/counted_h264_open.mp4: h264 cannot be copied to webm; mkv takes it"},
        {"x.mkv",
         VB_MEDIA "/counted_h264_open.avi",
         {{0}},
         {0},
         VBLIP_ERR_UNSUPPORTED,
         VB_MEDIA "/counted_h264_open.avi: says not when its frames are shown: no copy "
                  "of it can"},
        {"x.mp4",
         film,
         {{5, 5, "a"}, {6, 7, "b"}},
         {0},
         VBLIP_ERR_ARGUMENT,
         "cues: number 1 is from 0.000 to 0.000 s"},
        {"x.mp4",
         film,
         {{5000, 6000, "a"}, {4000, 7000, "b"}},
         {0},
         VBLIP_ERR_ARGUMENT,
         "cues: number 2 is from 0.004 to 0.007 s"},
        {"x.mp4",
         film,
         {{0, 1, "a"}, {2, 3, "\xff"}},
         {0},
         VBLIP_ERR_ARGUMENT,
         "cues: number 2 is not valid UTF-8"},
        {"x.mp4", film, {{0, 1, "a"}, {2, 3, NULL}}, {0}, VBLIP_ERR_ARGUMENT, "cues"},
        {"x.mp4", film, {{0}}, {.chapter_count = 1}, VBLIP_ERR_ARGUMENT, "chapters"},
    };
    char there[TEMP_PATH], text[16];
    temp_path(there, temp_folder, "there.mp4");
    FILE *file = fopen(there, "w");
    assert_true(file && fputs("mine", file) >= 0 && fclose(file) == 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[TEMP_PATH];
        struct stat info;
        vblip_error err = {0};
        temp_path(out, temp_folder, cases[i].out);
        const vblip_cue *cues = cases[i].cues[0].end_us ? cases[i].cues : good;
        const vblip_status status =
            vblip_mux(out, cases[i].path, cues, 2, &cases[i].options, NULL, &err);
        if (status != cases[i].status || !strstr(err.message, cases[i].message))
            fail_msg("case %zu: %d, %s", i, status, err.message);
        assert_true(stat(out, &info) != 0 || strcmp(cases[i].out, "there.mp4") == 0);
    }
    file = fopen(there, "r");
    assert_true(file && fgets(text, sizeof text, file) && fclose(file) == 0);
    assert_string_equal(text, "mine");
}

static void test_a_film_is_not_its_own_copy(void **state)
{
    (void)state;
    char path[TEMP_PATH], link[TEMP_PATH], command[3 * TEMP_PATH];
    const vblip_mux_options options = {.overwrite = true};
    vblip_error err;
    temp_path(path, temp_folder, "film.mp4");
    temp_path(link, temp_folder, "link.mp4");
    snprintf(command, sizeof command,
             "cp '%s/counted_h264_open.mp4' '%s' && ln -s "
             "film.mp4 '%s'",
             VB_MEDIA, path, link);
    assert_int_equal(system(command), 0);
    assert_int_equal(mux(path, path, &options, &err), VBLIP_ERR_ARGUMENT);
    assert_int_equal(mux(link, path, &options, &err), VBLIP_ERR_ARGUMENT);
    assert_non_null(strstr(err.message, "link.mp4: is the recording itself"));
    check_pictures(path, true);
    assert_int_equal(mux(NULL, path, &options, &err), VBLIP_ERR_ARGUMENT);
    assert_int_equal(mux(path, NULL, &options, &err), VBLIP_ERR_ARGUMENT);
}

static int stop(void *user)
{
    return ++*(int *)user > 5;
}

static void test_a_copy_that_is_stopped_leaves_nothing(void **state)
{
    (void)state;
    char path[TEMP_PATH], out[TEMP_PATH];
    struct stat info;
    int asked = 0;
    const vblip_mux_options options = {.stopped = stop, .stopped_user = &asked};
    vblip_error err;
    in_media(path, "counted_h264_open.mkv");
    temp_path(out, temp_folder, "stopped.mkv");
    assert_int_equal(mux(out, path, &options, &err), VBLIP_ERR_CANCELLED);
    assert_int_equal(stat(out, &info), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copies_of_all_films),
        cmocka_unit_test(test_mux_refuses),
        cmocka_unit_test(test_a_film_is_not_its_own_copy),
        cmocka_unit_test(test_a_copy_that_is_stopped_leaves_nothing),
    };
    return cmocka_run_group_tests_name("mux", tests, temp_setup, temp_teardown);
}

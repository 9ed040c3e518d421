// test_quiet.c - decoding leaves FFmpeg's log level, which belongs to the whole process,
// alone, and prints nothing of files that are whole; when silenced, of no file.
#include "base/file.h"
#include "decode/decode.h"

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

#include <libavutil/log.h>

enum { SIDE = 64 };

// Whatever comes of it.
static void read_some(const char *path)
{
    static _Alignas(16) uint8_t rgb[SIDE * SIDE * 3];
    vb_video *video;
    vb_frame frame;
    const vb_decode_options options = {.side = SIDE};
    if (vb_video_open(&video, path, &options, NULL) != VBLIP_OK)
        return;
    uint64_t count = vb_video_describe(video)->frames;
    for (uint64_t i = 0; i < count; i += 7) {
        vblip_status status = vb_video_read(video, i, rgb, &frame, NULL);
        (void)status;
    }
    vb_video_close(&video);
}

// The file with noise in it, from `seed`.
static void read_damaged(const char *path, uint32_t seed)
{
    char *bytes, damaged[] = "/tmp/vblip-quiet-XXXXXX";
    size_t size;
    if (vb_file_read(&bytes, &size, path, 1 << 26, NULL) != VBLIP_OK)
        return; // it stands for another file, and says so
    for (int i = 0; size && i < 60; i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[seed % size] = (char)(seed >> 24);
    }
    int file = mkstemp(damaged);
    assert_true(file >= 0);
    assert_int_equal(write(file, bytes, size), size);
    close(file);
    read_some(damaged);
    unlink(damaged);
    free(bytes);
}

// With `noise`, damaged copies of the files, else the files.
static void read_folder(const char *folder, bool noise)
{
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        const char *dot = strrchr(entry->d_name, '.');
        if (entry->d_name[0] == '.' || !dot || strcmp(dot, ".rgb") == 0 ||
            strcmp(dot, ".times") == 0)
            continue;
        if (!noise)
            read_some(path);
        for (uint32_t seed = 1; noise && seed <= 3; seed++)
            read_damaged(path, seed);
    }
    closedir(directory);
}

// What is printed while all media are read.
static void listen(char *out, size_t size, bool noise)
{
    FILE *said = tmpfile();
    assert_non_null(said);
    int terminal = dup(STDERR_FILENO);
    dup2(fileno(said), STDERR_FILENO);
    read_folder(VB_MEDIA, noise);
    read_folder(VB_GOLDEN "/../data/stills", noise);
    dup2(terminal, STDERR_FILENO);
    close(terminal);
    rewind(said);
    out[fread(out, 1, size - 1, said)] = '\0';
    fclose(said);
}

static void test_the_level_is_the_applications(void **state)
{
    (void)state;
    char said[2048];
    listen(said, sizeof said, false);
    assert_int_equal(av_log_get_level(), AV_LOG_INFO);
    assert_string_equal(said, "");
    av_log_set_level(AV_LOG_PANIC);
    vb_decode_silence();
    assert_int_equal(av_log_get_level(), AV_LOG_PANIC);
    av_log_set_level(AV_LOG_INFO);
}

static void test_silence_is_complete(void **state)
{
    (void)state;
    char said[2048];
    vb_decode_silence();
    listen(said, sizeof said, true);
    assert_string_equal(said, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_level_is_the_applications),
        cmocka_unit_test(test_silence_is_complete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

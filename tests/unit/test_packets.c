// test_packets.c - what the table of a container tells is what reading the packets tells.
#include "decode/packets.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const int64_t day_us = INT64_C(86400) * 1000000;

typedef vblip_status (*list_fn)(vb_packets *out, vb_source *source,
                                int64_t max_duration_us, vblip_error *err);

// The packets of a file, and how many bytes it took. False when it is no video.
static bool list(vb_packets *out, uint64_t *bytes, const char *path, list_fn how)
{
    vb_source source;
    vblip_error err = {0};
    const vb_decode_options options = {.max_pixels = 1 << 28};
    if (vb_source_open(&source, path, &options, &err) != VBLIP_OK)
        return false;
    if (how(out, &source, day_us, &err) != VBLIP_OK)
        fail_msg("%s: %s", path, err.message);
    *bytes = vb_reader_bytes_read(source.reader);
    vb_source_close(&source);
    return true;
}

static void compare(const char *path, const vb_packets *listed, const vb_packets *read,
                    bool same_keys)
{
    const struct {
        const char *what;
        int64_t listed, read;
    } numbers[] = {
        {"count", (int64_t)listed->count, (int64_t)read->count},
        {"readable", (int64_t)listed->readable, (int64_t)read->readable},
        {"by order", listed->by_order, read->by_order},
        {"end", listed->end, read->end},
        {"reordering", listed->reordering, read->reordering},
        {"first pts", listed->first_pts, read->first_pts},
        {"first dts", listed->first_dts, read->first_dts},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (numbers[i].listed != numbers[i].read)
            fail_msg("%s: %s: %lld listed, %lld read", path, numbers[i].what,
                     (long long)numbers[i].listed, (long long)numbers[i].read);
    for (uint64_t i = 0; i < read->count; i++) {
        const vb_packet *a = &listed->items[i], *b = &read->items[i];
        if (a->time != b->time || a->position != b->position ||
            (a->key != b->key && (same_keys || a->key)))
            fail_msg("%s: packet %u: %lld %u %u listed, %lld %u %u read", path,
                     (unsigned)i, (long long)a->time, a->position, a->key,
                     (long long)b->time, b->position, b->key);
    }
}

// Lists a file both ways. True when that was through its table.
static bool check_file(const char *path)
{
    vb_packets listed, read;
    uint64_t listed_bytes, read_bytes;
    if (!list(&listed, &listed_bytes, path, vb_packets_list))
        return false;
    assert_true(list(&read, &read_bytes, path, vb_packets_read));
    // A recovery point is a key packet to the codec, but in no table.
    compare(path, &listed, &read, !strstr(path, "refresh.mp4"));
    bool through_table = listed.through_table;
    vb_packets_free(&listed);
    vb_packets_free(&read);
    return through_table;
}

static int check_folder(const char *folder, int *files)
{
    int through_table = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        char path[1024];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        const char *dot = strrchr(entry->d_name, '.');
        if (entry->d_name[0] == '.' || !dot || strcmp(dot, ".rgb") == 0)
            continue;
        through_table += check_file(path);
        ++*files;
    }
    closedir(directory);
    return through_table;
}

static void test_a_table_tells_what_reading_tells(void **state)
{
    (void)state;
    int files = 0;
    assert_true(check_folder(VB_MEDIA, &files) >= 20);
    assert_true(check_folder(VB_GOLDEN "/video", &files) >= 7);
    assert_int_equal(check_folder(VB_GOLDEN "/../../examples/clips", &files), 16);
    assert_true(files > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_table_tells_what_reading_tells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

// test_inputs.c - paths stand for the files that cli.md 1 says they stand for.
#include "decode/inputs.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

// Every test runs in a folder of its own, made here and removed afterwards.
static int enter_folder(void **state)
{
    char *folder = strdup("/tmp/vblip-inputs-XXXXXX");
    *state = folder;
    return folder && mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *st, int type,
                        struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path);
}

static int leave_folder(void **state)
{
    int failed = chdir("/") | nftw(*state, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(*state);
    return failed;
}

// "dir/" makes a folder, "name -> target" a link, anything else an empty file.
static void make(const char *const *entries)
{
    for (; *entries; entries++) {
        const char *arrow = strstr(*entries, " -> ");
        char name[128];
        size_t size = arrow ? (size_t)(arrow - *entries) : strlen(*entries);
        assert_true(size < sizeof name);
        memcpy(name, *entries, size);
        name[size] = '\0';
        if (arrow) {
            assert_int_equal(symlink(arrow + 4, name), 0);
        } else if (name[size - 1] == '/') {
            assert_int_equal(mkdir(name, 0777), 0);
        } else {
            FILE *file = fopen(name, "w");
            assert_non_null(file);
            fclose(file);
        }
    }
}

#define MAKE(...) make((const char *const[]){__VA_ARGS__, NULL})

// `expected` lists "path", or "path: error".
static void expect(const char *const *paths, const vblip_inputs_options *options,
                   const char *const *expected)
{
    uint32_t count = 0;
    while (paths[count])
        count++;
    vb_inputs inputs;
    vblip_error err = {0};
    if (vb_inputs_expand(&inputs, paths, count, options, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    uint32_t i = 0;
    for (; i < inputs.count && expected[i]; i++) {
        char got[256];
        snprintf(got, sizeof got, "%s%s%s", inputs.items[i].path,
                 inputs.items[i].error ? ": " : "",
                 inputs.items[i].error ? inputs.items[i].error : "");
        assert_string_equal(got, expected[i]);
    }
    if (i < inputs.count)
        fail_msg("%s was not expected", inputs.items[i].path);
    if (expected[i])
        fail_msg("%s is missing", expected[i]);
    vb_inputs_free(&inputs);
    assert_null(inputs.items);
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static void test_directories_are_walked_in_byte_order(void **state)
{
    (void)state;
    MAKE("d/", "d/b.mp4", "d/a/", "d/a/z.png", "d/a/Z.png", "d/a.mp4", "d/B.mp4",
         "d/\xC3\xA9.mp4", "d/a/deep/", "d/a/deep/x.gif");
    expect(LIST("d"), NULL,
           LIST("d/B.mp4", "d/a/Z.png", "d/a/deep/x.gif", "d/a/z.png", "d/a.mp4",
                "d/b.mp4", "d/\xC3\xA9.mp4"));
}

static void test_only_known_extensions_count_whatever_their_case(void **state)
{
    (void)state;
    MAKE("d/", "d/1.MP4", "d/2.Jpeg", "d/3.txt", "d/4mp4", "d/5.mp4.part", "d/6.m2ts",
         "d/7.", "d/8.webp", "d/9.tar.webm");
    expect(LIST("d"), NULL,
           LIST("d/1.MP4", "d/2.Jpeg", "d/6.m2ts", "d/8.webp", "d/9.tar.webm"));
}

static void expect_skipped(const char *path, const vblip_inputs_options *options,
                           const char *skipped, uint32_t count)
{
    vb_inputs inputs;
    assert_int_equal(vb_inputs_expand(&inputs, &path, 1, options, NULL), VBLIP_OK);
    assert_string_equal(inputs.skipped, skipped);
    assert_int_equal(inputs.skipped_count, count);
    vb_inputs_free(&inputs);
}

static void test_media_that_is_not_read_is_counted(void **state)
{
    (void)state;
    static const char *const globs[] = {"*.mp4", NULL};
    const vblip_inputs_options chosen = {.include = globs};
    MAKE("d/", "d/a.mp4", "d/b.HEIC", "d/e/", "d/e/c.heic", "d/e/g.mxf", "d/notes.txt",
         "d/heic", "d/.x.heic", "f.heic");
    expect_skipped("d", NULL, "heic 2, mxf 1", 3);
    expect_skipped("d", &chosen, "", 0);
    expect_skipped("f.heic", NULL, "", 0); // named: it is looked at
}

static void test_dot_files_and_dot_folders_are_skipped(void **state)
{
    (void)state;
    MAKE("d/", "d/.hidden.mp4", "d/.cache/", "d/.cache/a.mp4", "d/seen.mp4");
    expect(LIST("d"), NULL, LIST("d/seen.mp4"));
}

static void test_rows_keep_the_operand_as_typed(void **state)
{
    (void)state;
    MAKE("d/", "d/a.mp4", "n.txt");
    expect(LIST("d///", "./d", "d/../d", "n.txt", "d/a.mp4", "-"), NULL,
           LIST("d/a.mp4", "./d/a.mp4", "d/../d/a.mp4", "n.txt", "d/a.mp4", "-"));
}

static void test_what_cannot_be_read_is_named_and_the_rest_goes_on(void **state)
{
    (void)state;
    MAKE("d/", "d/a.mp4", "d/gone.mp4 -> nowhere", "empty/", "empty/x.txt", "f/");
    assert_int_equal(mkfifo("f/pipe.mp4", 0666), 0);
    expect(LIST("missing.mp4", "empty/", "d", "f"), NULL,
           LIST("missing.mp4: No such file or directory", "empty/: no videos or images",
                "d/a.mp4", "d/gone.mp4: No such file or directory",
                "f/pipe.mp4: not a regular file"));
}

static void test_an_unreadable_folder_is_a_failed_input(void **state)
{
    (void)state;
    MAKE("d/", "d/locked/", "d/z.mp4");
    assert_int_equal(chmod(".", 0755) | chmod("d/locked", 0), 0);
    uid_t user = geteuid();
    if (user == 0) // who may read everything
        assert_int_equal(seteuid(65534), 0);
    expect(LIST("d"), NULL, LIST("d/locked: Permission denied", "d/z.mp4"));
    assert_int_equal(seteuid(user), 0);
    assert_int_equal(chmod("d/locked", 0700), 0);
}

static void test_links_are_followed_once(void **state)
{
    (void)state;
    MAKE("other/", "other/o.mp4", "d/", "d/a.mp4", "d/file.mp4 -> a.mp4", "d/self -> .",
         "d/up -> ..", "d/x -> ../other", "d/y -> ../other", "linked -> d");
    // `up` leads to the folder that holds d, so to d again, which is being read.
    expect(LIST("d"), NULL,
           LIST("d/a.mp4", "d/file.mp4", "d/up/other/o.mp4", "d/x/o.mp4"));
    expect(LIST("linked/x"), NULL, LIST("linked/x/o.mp4"));
}

static void test_links_in_circles_end(void **state)
{
    (void)state;
    MAKE("a/", "b/", "a/1.mp4", "b/2.mp4", "a/to -> ../b", "b/to -> ../a");
    expect(LIST("a", "b"), NULL,
           LIST("a/1.mp4", "a/to/2.mp4", "b/2.mp4", "b/to/1.mp4"));
}

static void test_globs_choose_by_relative_name(void **state)
{
    (void)state;
    MAKE("d/", "d/s/", "d/a1.mp4", "d/a2.png", "d/s/a3.mp4", "d/s/b.mp4", "a9.mp4");
    static const struct {
        const char *include[3], *exclude[3], *expected[5];
    } rows[] = {
        {{"*.mp4"}, {NULL}, {"d/a1.mp4", "d/s/a3.mp4", "d/s/b.mp4", "a9.mp4"}},
        {{"a?.*"}, {NULL}, {"d/a1.mp4", "d/a2.png", "a9.mp4"}},
        {{"s/*", "*.png"}, {NULL}, {"d/a2.png", "d/s/a3.mp4", "d/s/b.mp4", "a9.mp4"}},
        {{"*.mp4"}, {"s/*"}, {"d/a1.mp4", "a9.mp4"}},
        {{NULL}, {"*.mp4"}, {"d/a2.png", "a9.mp4"}},
        {{"*.webm"}, {NULL}, {"d: no videos or images match the globs", "a9.mp4"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        vblip_inputs_options options = {
            .include = rows[i].include[0] ? rows[i].include : NULL,
            .exclude = rows[i].exclude[0] ? rows[i].exclude : NULL,
        };
        expect(LIST("d", "a9.mp4"), &options, rows[i].expected); // named: always tried
    }
}

static void test_holds_many_files(void **state)
{
    (void)state;
    MAKE("d/");
    for (int i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "d/%03d.mp4", i);
        MAKE(name);
    }
    vb_inputs inputs;
    assert_int_equal(vb_inputs_expand(&inputs, LIST("d"), 1, NULL, NULL), VBLIP_OK);
    assert_int_equal(inputs.count, 1000);
    for (uint32_t i = 0; i < 1000; i++) {
        char name[32];
        snprintf(name, sizeof name, "d/%03u.mp4", i);
        assert_string_equal(inputs.items[i].path, name);
    }
    vb_inputs_free(&inputs);
}

// Every file is in one shard, which its name below the directory decides.
static void test_shards_share_out_the_files(void **state)
{
    (void)state;
    MAKE("d/", "d/s/", "d/s/a.mp4");
    for (int i = 0; i < 60; i++) {
        char name[32];
        snprintf(name, sizeof name, "d/%d.mp4", i);
        MAKE(name);
    }
    static const char *const spellings[] = {"d", "./d/", "d/../d"};
    for (uint32_t shards = 1; shards <= 7; shards += 3) {
        uint32_t total = 0, counts[3];
        for (uint32_t shard = 1; shard <= shards; shard++) {
            const vblip_inputs_options options = {.shard = shard, .shards = shards};
            for (int k = 0; k < 3; k++) {
                vb_inputs inputs;
                assert_int_equal(
                    vb_inputs_expand(&inputs, &spellings[k], 1, &options, NULL),
                    VBLIP_OK);
                counts[k] = inputs.count;
                for (uint32_t i = 0; i < inputs.count; i++)
                    assert_true(vb_shard_takes(shard, shards,
                                               inputs.items[i].path +
                                                   strlen(spellings[k]) +
                                                   (k == 1 ? 0 : 1)));
                vb_inputs_free(&inputs);
            }
            assert_int_equal(counts[0], counts[1]);
            assert_int_equal(counts[0], counts[2]);
            assert_true(counts[0] > 61 / shards / 3);
            total += counts[0];
        }
        assert_int_equal(total, 61);
    }
}

// Work that was shared out must be found again by later versions.
static void test_shards_stay_as_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint32_t shard; // of 8
    } rows[] = {{"a.mp4", 4}, {"b.mp4", 3}, {"2026/05/x.mkv", 1}, {"/m/y.mov", 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint32_t shard = 1; shard <= 8; shard++)
            if (vb_shard_takes(shard, 8, rows[i].name) != (shard == rows[i].shard))
                fail_msg("%s: shard %u", rows[i].name, shard);
}

static void test_what_cannot_be_looked_at_is_in_every_shard(void **state)
{
    (void)state;
    MAKE("d/", "a.mp4");
    for (uint32_t shard = 1; shard <= 3; shard++) {
        const vblip_inputs_options options = {.shard = shard, .shards = 3};
        expect(LIST("d", "gone"), &options,
               LIST("d: no videos or images", "gone: No such file or directory"));
        if (vb_shard_takes(shard, 3, "a.mp4"))
            expect(LIST("a.mp4"), &options, LIST("a.mp4"));
        else
            expect(LIST("a.mp4"), &options, LIST(NULL));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, enter_folder, leave_folder)

static void test_what_is_not_kept_is_in_no_folder(void **state)
{
    (void)state;
    static const char *const entries[] = {"sooner/",
                                          "sooner/a.mp4",
                                          "sooner/b.mp4",
                                          "sooner/c.mp4",
                                          "later/",
                                          "later/d.mp4",
                                          NULL};
    static const char *const paths[] = {"sooner", "x.mp4", "later"};
    make(entries);
    vb_inputs inputs;
    assert_int_equal(vb_inputs_expand(&inputs, paths, 3, NULL, NULL), VBLIP_OK);
    assert_int_equal(inputs.count, 5);
    vb_inputs_keep(&inputs, (const bool[]){false, true, true, false, true});
    assert_int_equal(inputs.count, 3);
    assert_string_equal(inputs.items[0].path, "sooner/b.mp4");
    assert_string_equal(inputs.items[2].path, "later/d.mp4");
    assert_int_equal(inputs.folders[0].first, 0);
    assert_int_equal(inputs.folders[0].count, 2);
    assert_int_equal(inputs.folders[1].first, 2);
    assert_int_equal(inputs.folders[1].count, 1);
    vb_inputs_free(&inputs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_directories_are_walked_in_byte_order),
        TEST(test_only_known_extensions_count_whatever_their_case),
        TEST(test_media_that_is_not_read_is_counted),
        TEST(test_dot_files_and_dot_folders_are_skipped),
        TEST(test_rows_keep_the_operand_as_typed),
        TEST(test_what_cannot_be_read_is_named_and_the_rest_goes_on),
        TEST(test_an_unreadable_folder_is_a_failed_input),
        TEST(test_links_are_followed_once),
        TEST(test_links_in_circles_end),
        TEST(test_globs_choose_by_relative_name),
        TEST(test_holds_many_files),
        TEST(test_what_is_not_kept_is_in_no_folder),
        TEST(test_shards_share_out_the_files),
        TEST(test_shards_stay_as_they_are),
        TEST(test_what_cannot_be_looked_at_is_in_every_shard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

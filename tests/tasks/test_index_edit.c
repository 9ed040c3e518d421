// test_index_edit.c - indexes that are changed without a model: recordings are forgotten,
// disks are elsewhere, indexes are merged; and what is searched behind that.
#include "support/library_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int keep_index_path(void *user, const char *path)
{
    snprintf(user, TEMP_PATH, "%s", path);
    return 0;
}

// The only index in the data folder.
static void find_index(char out[TEMP_PATH])
{
    vblip_error err;
    out[0] = '\0';
    api_ok(vblip_index_each(data, NULL, keep_index_path, out, &err), &err);
    assert_true(out[0] != '\0');
}

static void test_recordings_are_forgotten(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    const vblip_library_options kept = {.data_dir = data};
    char file[TEMP_PATH], there[TEMP_PATH], gone[TEMP_PATH];
    seen_hits seen;
    vblip_error err;
    start_over();
    search_folder(model, &seen, kept);
    find_index(file);
    remove_file("b.mp4"); // what is not there is forgotten as well
    const char *const paths[] = {temp_path(there, media, "a.mp4"), "/nowhere/at/all",
                                 temp_path(gone, media, "b.mp4"), there};
    uint64_t removed[4];
    api_ok(vblip_index_remove(file, paths, 4, removed, &err), &err);
    const uint64_t expected[] = {1, 0, 1, 0};
    assert_memory_equal(removed, expected, sizeof removed);
    vblip_index_changes changes = search_folder(model, &seen, kept);
    assert_int_equal(changes.added, 1); // what is still there comes back
    assert_int_equal(changes.unchanged + changes.removed, 0);
    const char *const folder[] = {media};
    api_ok(vblip_index_remove(file, folder, 1, removed, &err), &err);
    assert_int_equal(removed[0], 1);
    api_refused(vblip_index_remove(file, NULL, 1, removed, &err), VBLIP_ERR_ARGUMENT,
                &err, "paths");
    api_refused(vblip_index_remove(file, (const char *const[]){""}, 1, removed, &err),
                VBLIP_ERR_ARGUMENT, &err, "a path");
    api_refused(vblip_index_remove(NULL, folder, 1, removed, &err), VBLIP_ERR_ARGUMENT,
                &err, "index");
    api_refused(vblip_index_remove(gone, folder, 1, removed, &err), VBLIP_ERR_IO, &err,
                gone);
    vblip_model_free(&model);
}

typedef struct seen_remap {
    char path[TEMP_PATH], root[TEMP_PATH], old_root[TEMP_PATH];
    uint32_t count;
} seen_remap;

static int keep_remapped(void *user, const vblip_index_remapped *remapped)
{
    seen_remap *seen = user;
    snprintf(seen->path, sizeof seen->path, "%s", remapped->path);
    snprintf(seen->root, sizeof seen->root, "%s", remapped->root);
    snprintf(seen->old_root, sizeof seen->old_root, "%s", remapped->old_root);
    seen->count++;
    return 0;
}

// `media` is at `to` now.
static void move_media(const char *to)
{
    assert_int_equal(rename(media, to), 0);
    snprintf(media, sizeof media, "%s", to);
}

static void expect_all_known(vblip_model *model)
{
    seen_hits seen;
    const vblip_index_changes changes =
        search_folder(model, &seen, (vblip_library_options){.data_dir = data});
    assert_int_equal(changes.unchanged, 2);
    assert_int_equal(changes.segments + changes.added + changes.unkept, 0);
    assert_int_equal(seen.count, 2);
}

static void test_a_disk_that_moved(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    char before[TEMP_PATH], after[TEMP_PATH], there[TEMP_PATH], here[TEMP_PATH];
    seen_hits hits;
    seen_remap seen = {0};
    vblip_error err;
    start_over();
    search_folder(model, &hits, (vblip_library_options){.data_dir = data});
    find_index(before);
    memcpy(here, media, sizeof here);
    temp_path(there, temp_folder, "another disk");
    api_refused(vblip_index_remap(before, here, there, keep_remapped, &seen, &err),
                VBLIP_ERR_IO, &err, "no such directory");
    move_media(there);
    api_ok(vblip_index_remap(before, here, there, keep_remapped, &seen, &err), &err);
    assert_int_equal(seen.count, 1);
    find_index(after);
    assert_string_equal(seen.path, after);
    assert_string_not_equal(before, after);
    assert_string_equal(strrchr(seen.root, '/'), "/another disk");
    expect_all_known(model);
    api_ok(vblip_index_remap(after, here, there, keep_remapped, &seen, &err), &err);
    assert_int_equal(seen.count, 1); // there is nothing left to do

    // A kill between the two steps: the file has its new name, and the old root in it.
    move_media(here);
    api_ok(vblip_index_remap(after, there, here, keep_remapped, &seen, &err), &err);
    assert_string_equal(seen.path, before);
    assert_int_equal(rename(before, after), 0);
    move_media(there);
    expect_all_known(model);
    api_ok(vblip_index_remap(after, here, there, keep_remapped, &seen, &err), &err);
    assert_int_equal(seen.count, 3);
    assert_string_equal(seen.path, after);
    vblip_index_info info;
    char root[TEMP_PATH];
    snprintf(root, sizeof root, "%s", seen.root);
    api_ok(vblip_index_describe(after, keep_info, &info, &err), &err);
    assert_int_equal(info.recordings, 2);
    api_ok(vblip_index_remap(after, there, "/", keep_remapped, &seen, &err), &err);
    assert_string_equal(seen.old_root, root);
    assert_string_equal(seen.root, "/");
    api_ok(vblip_index_remap(seen.path, "/", there, keep_remapped, &seen, &err), &err);
    assert_string_equal(seen.path, after);

    // Both disks have one: none is touched.
    snprintf(media, sizeof media, "%s", here);
    assert_int_equal(mkdir(media, 0777), 0);
    copy_clip("a.mp4", 0);
    copy_clip("b.mp4", 1);
    search_folder(model, &hits, (vblip_library_options){.data_dir = data});
    api_refused(vblip_index_remap(before, here, there, keep_remapped, &seen, &err),
                VBLIP_ERR_IO, &err, "has an index already");
    expect_all_known(model);
    snprintf(media, sizeof media, "%s", there);
    expect_all_known(model);
    api_refused(vblip_index_remap(after, "", there, keep_remapped, &seen, &err),
                VBLIP_ERR_ARGUMENT, &err, "from");
    api_refused(vblip_index_remap(after, here, there, NULL, &seen, &err),
                VBLIP_ERR_ARGUMENT, &err, "fn");
    vblip_model_free(&model);
}

typedef struct seen_merge {
    uint32_t count, taken, differs;
    bool stop;
} seen_merge;

static int keep_merged(void *user, const vblip_merged *merged)
{
    seen_merge *seen = user;
    seen->count++;
    seen->taken += merged->taken;
    seen->differs += merged->differs;
    return seen->stop;
}

// Of folder `name` in media, whose clips are `first` and `first` + 1, with an index of its
// own.
static void index_folder(vblip_model *model, const char *name, int first,
                         const char *index, uint32_t frames)
{
    char path[TEMP_PATH], clips[2][TEMP_PATH], whole[TEMP_PATH];
    seen_hits seen;
    assert_int_equal(mkdir(temp_path(path, media, name), 0777), 0);
    for (int i = 0; i < 2; i++) {
        snprintf(clips[i], sizeof clips[i], "%s/%d.mp4", name, i);
        copy_clip(clips[i], first + i);
    }
    memcpy(whole, media, sizeof whole);
    snprintf(media, sizeof media, "%s", path);
    search_folder(
        model, &seen,
        (vblip_library_options){.index = index, .frames = frames, .write = true});
    memcpy(media, whole, sizeof whole);
}

static void test_indexes_are_merged(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    char a[TEMP_PATH], b[TEMP_PATH], other[TEMP_PATH], c[TEMP_PATH];
    seen_hits memory, merged;
    seen_merge seen = {0};
    vblip_index_info info;
    vblip_error err;
    start_over();
    remove_file("a.mp4");
    remove_file("b.mp4");
    index_folder(model, "2024", 0, temp_path(a, temp_folder, "a.index"), 0);
    index_folder(model, "2025", 2, temp_path(b, temp_folder, "b.index"), 0);
    const char *const both[] = {a, b}, *const one[] = {a};
    temp_path(c, temp_folder, "c.index");
    api_ok(vblip_index_merge(c, both, 2, false, keep_merged, &seen, &err), &err);
    assert_true(seen.count == 4 && seen.taken == 4 && seen.differs == 0);
    api_ok(vblip_index_verify(c, &err), &err);
    api_ok(vblip_index_describe(c, keep_info, &info, &err), &err);
    assert_int_equal(info.recordings, 4);

    // Nothing is encoded, and every hit is what it is without an index.
    search_folder(model, &memory, (vblip_library_options){0});
    const vblip_index_changes changes =
        search_folder(model, &merged, (vblip_library_options){.index = c});
    assert_int_equal(changes.unchanged, 4);
    assert_int_equal(changes.segments, 0);
    assert_string_equal(merged.lines, memory.lines);
    assert_memory_equal(merged.itc, memory.itc, sizeof memory.itc);
    assert_memory_equal(merged.logits, memory.logits, sizeof memory.logits);

    api_refused(vblip_index_merge(c, both, 2, false, keep_merged, &seen, &err),
                VBLIP_ERR_ARGUMENT, &err, "is there already; --overwrite");
    api_ok(vblip_index_merge(c, one, 1, true, keep_merged, &seen, &err), &err);
    api_ok(vblip_index_describe(c, keep_info, &info, &err), &err);
    assert_int_equal(info.recordings, 2);
    api_refused(vblip_index_merge(a, both, 2, true, keep_merged, &seen, &err),
                VBLIP_ERR_ARGUMENT, &err, "is merged, so it is not replaced");
    temp_write(temp_folder, "text", "somebody's");
    api_refused(vblip_index_merge(temp_path(c, temp_folder, "text"), both, 2, true,
                                  keep_merged, &seen, &err),
                VBLIP_ERR_FORMAT, &err, "so it is not replaced");
    temp_path(c, temp_folder, "d.index");
    seen.stop = true;
    api_refused(vblip_index_merge(c, both, 2, false, keep_merged, &seen, &err),
                VBLIP_ERR_CANCELLED, &err, "");
    assert_int_not_equal(access(c, F_OK), 0);
    assert_int_not_equal(access(temp_path(c, temp_folder, ".d.index.merging"), F_OK),
                         0);
    index_folder(model, "2026", 0, temp_path(other, temp_folder, "other.index"), 4);
    const char *const unlike[] = {a, other};
    api_refused(vblip_index_merge(c, unlike, 2, false, keep_merged, &seen, &err),
                VBLIP_ERR_FORMAT, &err, "made with frames 4");
    assert_non_null(strstr(err.message, "a.index with 8; only indexes"));
    api_refused(vblip_index_merge(c, both, 0, false, keep_merged, &seen, &err),
                VBLIP_ERR_ARGUMENT, &err, "indexes");
    vblip_model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recordings_are_forgotten),
        cmocka_unit_test(test_a_disk_that_moved),
        cmocka_unit_test(test_indexes_are_merged),
    };
    return cmocka_run_group_tests_name("index_edit", tests, library_setup,
                                       library_teardown);
}

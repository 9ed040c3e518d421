// test_library.c - recordings are encoded once, and found from then on: new, changed, moved,
// copied, removed and failed files; what another process writes is searched as it is.
#include "support/api_fixture.h"
#include "support/temp.h"
#include "vblip_library.h"

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

static const char *const query[] = {"a dog runs on the beach"};

static char media[TEMP_PATH], data[TEMP_PATH];

// A golden clip under another name.
static void copy_clip(const char *name, int number)
{
    char from[512], to[TEMP_PATH];
    size_t size;
    static const int names[] = {0, 1, 4, 5}; // those in mp4
    snprintf(from, sizeof from, "%s/video/clip%02d.mp4", VB_GOLDEN, names[number]);
    uint8_t *bytes = temp_read(&size, from);
    temp_write_bytes(temp_path(to, media, name), bytes, size);
    free(bytes);
}

static void remove_file(const char *name)
{
    char path[TEMP_PATH];
    assert_int_equal(unlink(temp_path(path, media, name)), 0);
}

// A folder of clips a.mp4 (0), b.mp4 (1), and no index.
static void start_over(void)
{
    static int run;
    char name[32];
    snprintf(name, sizeof name, "media%d", ++run);
    temp_path(media, temp_folder, name);
    assert_int_equal(mkdir(media, 0777), 0);
    snprintf(name, sizeof name, "data%d", run);
    temp_path(data, temp_folder, name);
    copy_clip("a.mp4", 0);
    copy_clip("b.mp4", 1);
}

typedef struct seen_hits {
    char lines[1024]; // "NAME " of every hit
    float itc[8], logits[8];
    uint32_t count;
    char failures[512];
} seen_hits;

static int keep_library_hit(void *user, const vblip_hit *hit)
{
    seen_hits *seen = user;
    const size_t at = strlen(seen->lines);
    snprintf(seen->lines + at, sizeof seen->lines - at, "%s ",
             strrchr(hit->path, '/') + 1);
    seen->itc[seen->count % 8] = hit->itc;
    seen->logits[seen->count++ % 8] = hit->itm_logits[1];
    return 0;
}

// Of a recording that is not among the inputs.
static int keep_far_hit(void *user, const vblip_hit *hit)
{
    assert_int_equal(hit->input, UINT32_MAX);
    assert_true(strncmp(hit->path, media, strlen(media)) == 0);
    return keep_library_hit(user, hit);
}

static int keep_library_failure(void *user, const vblip_failure *failure)
{
    seen_hits *seen = user;
    const size_t at = strlen(seen->failures);
    snprintf(seen->failures + at, sizeof seen->failures - at, "%s: %s;",
             strrchr(failure->path, '/') + 1, failure->message);
    return 0;
}

// One run of a program: everything is opened, searched and closed again.
static vblip_index_changes search_folder(vblip_model *model, seen_hits *seen,
                                         vblip_library_options options)
{
    vblip_inputs *inputs = NULL;
    vblip_library *library = NULL;
    vblip_index_changes changes;
    const char *path = media;
    const vblip_job job = {.failed = keep_library_failure, .user = seen};
    const vblip_retrieve_options ranking = {.job = &job};
    const vblip_search_options search = {.retrieve = &ranking};
    vblip_error err;
    *seen = (seen_hits){0};
    api_ok(vblip_inputs_open(&inputs, &path, 1, NULL, &err), &err);
    api_ok(vblip_library_open(&library, model, inputs, &options, &err), &err);
    api_ok(vblip_library_retrieve(library, query, 1, &search, &changes,
                                  keep_library_hit, seen, &err),
           &err);
    vblip_library_close(&library);
    assert_null(library);
    vblip_inputs_close(&inputs);
    return changes;
}

static void test_a_second_search_encodes_nothing(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", 0);
    seen_hits memory, first, second, third;
    start_over();
    const vblip_index_changes none =
        search_folder(model, &memory, (vblip_library_options){0});
    assert_int_equal(none.added, 2);
    const vblip_library_options kept = {.data_dir = data};
    const vblip_index_changes made = search_folder(model, &first, kept);
    assert_int_equal(made.added, 2);
    assert_int_equal(made.segments, 2);
    const uint64_t before = vblip_model_counts(model).frames_encoded;
    const vblip_index_changes again = search_folder(model, &second, kept);
    assert_int_equal(again.unchanged, 2);
    assert_int_equal(again.added + again.segments, 0);
    assert_int_equal(vblip_model_counts(model).frames_encoded - before, 0);
    const vblip_library_options bare = {.data_dir = data, .tokens_bytes = UINT64_MAX};
    search_folder(model, &third, bare); // without the tokens that ITM has read
    assert_int_equal(vblip_model_counts(model).frames_encoded - before, 16);
    // Not a bit depends on where the vectors lie.
    assert_string_equal(first.lines, memory.lines);
    assert_string_equal(second.lines, memory.lines);
    assert_memory_equal(first.itc, memory.itc, sizeof memory.itc);
    assert_memory_equal(second.itc, memory.itc, sizeof memory.itc);
    assert_memory_equal(second.logits, memory.logits, sizeof memory.logits);
    assert_memory_equal(third.logits, memory.logits, sizeof memory.logits);
    vblip_model_free(&model);
}

static void test_files_come_and_go(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    const vblip_library_options kept = {.data_dir = data};
    seen_hits seen;
    char path[TEMP_PATH], other[TEMP_PATH];
    start_over();
    search_folder(model, &seen, kept);

    copy_clip("c.mp4", 2); // new
    vblip_index_changes changes = search_folder(model, &seen, kept);
    assert_int_equal(changes.added, 1);
    assert_int_equal(changes.unchanged, 2);
    assert_int_equal(seen.count, 3);

    assert_int_equal(
        rename(temp_path(path, media, "a.mp4"), temp_path(other, media, "z.mp4")), 0);
    copy_clip("copy.mp4", 2); // the same as c.mp4
    changes = search_folder(model, &seen, kept);
    assert_int_equal(changes.moved, 2);
    assert_int_equal(changes.added + changes.segments + changes.removed, 0);
    assert_int_equal(seen.count, 4);
    assert_non_null(strstr(seen.lines, "z.mp4"));
    assert_null(strstr(seen.lines, "a.mp4"));
    assert_non_null(strstr(seen.lines, "copy.mp4"));

    copy_clip("b.mp4", 3); // other content
    remove_file("c.mp4");
    changes = search_folder(model, &seen, kept);
    assert_int_equal(changes.changed, 1);
    assert_int_equal(changes.removed, 1);
    assert_int_equal(changes.segments, 1);
    assert_int_equal(seen.count, 3);

    copy_clip("b.mp4", 3); // touched
    changes = search_folder(model, &seen, kept);
    assert_int_equal(changes.moved, 1);
    assert_int_equal(changes.segments, 0);

    changes = search_folder(model, &seen,
                            (vblip_library_options){.data_dir = data, .rebuild = true});
    assert_int_equal(changes.added, 3);
    vblip_model_free(&model);
}

static void test_failures_are_remembered(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    vblip_library_options kept = {.data_dir = data};
    seen_hits seen;
    start_over();
    temp_write(media, "bad.mp4", "no video at all, but some bytes");
    vblip_index_changes changes = search_folder(model, &seen, kept);
    assert_int_equal(changes.failed, 1);
    char said[sizeof seen.failures];
    memcpy(said, seen.failures, sizeof said);
    assert_non_null(strstr(said, "bad.mp4: "));
    changes = search_folder(model, &seen, kept);
    assert_int_equal(changes.failed, 1);
    assert_int_equal(changes.unchanged, 2);
    assert_string_equal(seen.failures, said); // word for word
    kept.retry_failed = true;
    changes = search_folder(model, &seen, kept);
    assert_int_equal(changes.failed, 1);
    assert_string_equal(seen.failures, said);
    copy_clip("bad.mp4", 2); // mended
    kept.retry_failed = false;
    changes = search_folder(model, &seen, kept);
    assert_int_equal(changes.changed, 1);
    assert_int_equal(changes.failed, 0);
    assert_int_equal(seen.count, 3);
    vblip_model_free(&model);
}

// A folder that is empty may be a disk that is not there: nothing is forgotten.
static void test_an_empty_folder_forgets_nothing(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    const vblip_library_options kept = {.data_dir = data};
    seen_hits seen;
    start_over();
    search_folder(model, &seen, kept);
    remove_file("a.mp4");
    remove_file("b.mp4");
    vblip_index_changes changes = search_folder(model, &seen, kept);
    assert_int_equal(changes.removed, 0);
    assert_int_equal(seen.count, 0);
    copy_clip("a.mp4", 0);
    copy_clip("b.mp4", 1);
    changes = search_folder(model, &seen, kept);
    assert_int_equal(changes.segments, 0);
    assert_int_equal(seen.count, 2);
    vblip_model_free(&model);
}

static int keep_info(void *user, const vblip_index_info *info)
{
    *(vblip_index_info *)user = *info;
    return 0;
}

static int count_recordings(void *user, const vblip_index_recording *recording)
{
    assert_null(recording->error);
    assert_true(recording->size > 0 && strchr(recording->path, '/') == NULL);
    ++*(uint32_t *)user;
    return 0;
}

static int count_indexes(void *user, const char *path)
{
    assert_non_null(strstr(path, "named.index"));
    ++*(uint32_t *)user;
    return 0;
}

static void test_an_index_that_is_named(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    char file[TEMP_PATH];
    vblip_index_info info;
    uint32_t count = 0;
    seen_hits seen;
    vblip_error err;
    start_over();
    const vblip_library_options named = {
        .index = temp_path(file, temp_folder, "named.index"), .write = true};
    assert_int_equal(search_folder(model, &seen, named).added, 2);
    assert_int_equal(search_folder(model, &seen, named).unchanged, 2);
    api_ok(vblip_index_verify(file, &err), &err);
    api_ok(vblip_index_describe(file, keep_info, &info, &err), &err);
    assert_int_equal(info.recordings, 2);
    assert_int_equal(info.segments, 2);
    api_ok(vblip_index_list(file, count_recordings, &count, &err), &err);
    assert_int_equal(count, 2);
    count = 0;
    api_ok(vblip_index_each(temp_folder, media, count_indexes, &count, &err), &err);
    assert_int_equal(count, 1);
    api_ok(vblip_index_each(temp_folder, "/usr", count_indexes, &count, &err), &err);
    assert_int_equal(count, 1);
    api_ok(vblip_index_each(temp_folder, NULL, count_indexes, &count, &err), &err);
    assert_int_equal(count, 2);

    // Without inputs all that it holds is searched: ITM reads what it read before.
    const vblip_library_options reading = {.index = file};
    search_folder(model, &seen, reading);
    const char *const nothing[] = {NULL};
    vblip_inputs *none = NULL;
    vblip_library *all = NULL;
    api_ok(vblip_inputs_open(&none, nothing, 0, NULL, &err), &err);
    api_ok(vblip_library_open(&all, model, none, &reading, &err), &err);
    const uint64_t before = vblip_model_counts(model).frames_decoded;
    seen_hits near = seen;
    seen = (seen_hits){0};
    api_ok(vblip_library_retrieve(all, query, 1, NULL, NULL, keep_far_hit, &seen, &err),
           &err);
    assert_int_equal(vblip_model_counts(model).frames_decoded, before);
    assert_string_equal(seen.lines, near.lines);
    assert_memory_equal(seen.itc, near.itc, sizeof near.itc);
    assert_memory_equal(seen.logits, near.logits, sizeof near.logits);
    vblip_library_close(&all);
    vblip_inputs_close(&none);

    // What vectors depend on is not mixed.
    const vblip_library_options fewer = {.index = file, .frames = 4};
    const char *path = media;
    vblip_inputs *inputs = NULL;
    vblip_library *library = NULL;
    api_ok(vblip_inputs_open(&inputs, &path, 1, NULL, &err), &err);
    api_refused(vblip_library_open(&library, model, inputs, &fewer, &err),
                VBLIP_ERR_FORMAT, &err, "frames 8, this run has 4");
    vblip_inputs_close(&inputs);
    // Files from elsewhere have another root.
    path = VB_GOLDEN "/video/clip00.mp4";
    api_ok(vblip_inputs_open(&inputs, &path, 1, NULL, &err), &err);
    api_refused(vblip_library_open(&library, model, inputs, &named, &err),
                VBLIP_ERR_ARGUMENT, &err, "not below");
    vblip_inputs_close(&inputs);
    vblip_model_free(&model);
}

// What is not there goes to no index, beside what does.
static void test_a_file_of_a_named_index_is_missing(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    char there[TEMP_PATH], missing[TEMP_PATH], file[TEMP_PATH];
    vblip_index_changes changes;
    vblip_inputs *inputs = NULL;
    vblip_library *library = NULL;
    vblip_error err;
    start_over();
    const char *const paths[] = {temp_path(there, media, "a.mp4"),
                                 temp_path(missing, media, "missing.mp4")};
    const vblip_library_options named = {
        .index = temp_path(file, temp_folder, "missing.index"), .write = true};
    seen_hits seen = {0};
    const vblip_job job = {.failed = keep_library_failure, .user = &seen};
    api_ok(vblip_inputs_open(&inputs, paths, 2, NULL, &err), &err);
    api_ok(vblip_library_open(&library, model, inputs, &named, &err), &err);
    api_ok(vblip_library_update(library, &job, &changes, &err), &err);
    assert_int_equal(changes.added, 1);
    assert_int_equal(changes.failed, 1);
    assert_string_equal(seen.failures, "missing.mp4: No such file or directory;");
    vblip_library_close(&library);
    vblip_inputs_close(&inputs);
    vblip_model_free(&model);
}

static void test_segments_are_hits(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    seen_hits seen;
    start_over();
    const vblip_index_changes changes = search_folder(
        model, &seen, (vblip_library_options){.data_dir = data, .segment = "0.5"});
    assert_true(changes.segments > 2);
    assert_int_equal(seen.count, changes.segments < 10 ? changes.segments : 10);
    vblip_model_free(&model);
}

static void test_library_refuses(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    vblip_model *caption = api_load("tiny-caption", VBLIP_TASK_CAPTION);
    vblip_inputs *inputs = NULL;
    vblip_library *library = NULL;
    const char *path = media, *const bad[] = {"\xff"};
    char missing[TEMP_PATH];
    vblip_error err;
    start_over();
    api_ok(vblip_inputs_open(&inputs, &path, 1, NULL, &err), &err);
    const struct {
        vblip_library_options options;
        vblip_status status;
        const char *says;
    } cases[] = {
        {{.segment = "often"}, VBLIP_ERR_ARGUMENT, "segment: often"},
        {{.segment = "0"}, VBLIP_ERR_ARGUMENT, "segment: 0"},
        {{.frames = 100000}, VBLIP_ERR_ARGUMENT, "frames"},
        {{.index = temp_path(missing, temp_folder, "no/such/folder")},
         VBLIP_ERR_IO,
         "no/such/folder"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        api_refused(
            vblip_library_open(&library, model, inputs, &cases[i].options, &err),
            cases[i].status, &err, cases[i].says);
    api_refused(vblip_library_open(NULL, model, inputs, NULL, &err), VBLIP_ERR_ARGUMENT,
                &err, "out");
    api_refused(vblip_library_open(&library, NULL, inputs, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "model");
    api_refused(vblip_library_open(&library, model, NULL, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "inputs");
    api_refused(vblip_library_open(&library, caption, inputs, NULL, &err),
                VBLIP_ERR_UNSUPPORTED, &err, "");
    api_ok(vblip_library_open(&library, model, inputs, NULL, &err), &err);
    api_ok(vblip_library_describe(library, keep_info, NULL, &err), &err); // of none
    api_refused(vblip_library_describe(NULL, keep_info, NULL, &err), VBLIP_ERR_ARGUMENT,
                &err, "library");
    api_refused(vblip_index_each(NULL, NULL, count_indexes, NULL, &err),
                VBLIP_ERR_ARGUMENT, &err, "data_dir");
    api_refused(vblip_library_update(NULL, NULL, NULL, &err), VBLIP_ERR_ARGUMENT, &err,
                "library");
    seen_hits seen = {0};
    api_refused(vblip_library_retrieve(library, bad, 1, NULL, NULL, keep_library_hit,
                                       &seen, &err),
                VBLIP_ERR_ARGUMENT, &err, "");
    api_refused(
        vblip_library_retrieve(library, query, 1, NULL, NULL, NULL, &seen, &err),
        VBLIP_ERR_ARGUMENT, &err, "fn");
    vblip_library_close(&library);
    vblip_library_close(&library);
    vblip_inputs_close(&inputs);
    api_refused(vblip_index_describe(NULL, keep_info, NULL, &err), VBLIP_ERR_ARGUMENT,
                &err, "path");
    api_refused(vblip_index_verify(missing, &err), VBLIP_ERR_IO, &err, missing);
    api_refused(vblip_index_list(missing, count_recordings, NULL, &err), VBLIP_ERR_IO,
                &err, missing);
    vblip_model_free(&caption);
    vblip_model_free(&model);
}

static int library_setup(void **state)
{
    return temp_setup(state) || api_setup(state);
}

static int library_teardown(void **state)
{
    return api_teardown(state) || temp_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_search_encodes_nothing),
        cmocka_unit_test(test_files_come_and_go),
        cmocka_unit_test(test_failures_are_remembered),
        cmocka_unit_test(test_an_empty_folder_forgets_nothing),
        cmocka_unit_test(test_an_index_that_is_named),
        cmocka_unit_test(test_a_file_of_a_named_index_is_missing),
        cmocka_unit_test(test_segments_are_hits),
        cmocka_unit_test(test_library_refuses),
    };
    return cmocka_run_group_tests_name("library", tests, library_setup,
                                       library_teardown);
}

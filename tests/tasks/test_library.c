// test_library.c - recordings are encoded once, and found from then on: new, changed, moved,
// copied, removed and failed files; what another process writes is searched as it is.
#include "support/library_fixture.h"

#include <fcntl.h>
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

// Of a recording that is not among the inputs.
static int keep_far_hit(void *user, const vblip_hit *hit)
{
    assert_int_equal(hit->input, UINT32_MAX);
    assert_true(strncmp(hit->path, media, strlen(media)) == 0);
    return keep_library_hit(user, hit);
}

static void test_a_second_search_encodes_nothing(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", 0);
    seen_hits memory, first, second, third, fourth;
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
    // What ITM said is enough, and what it read is.
    char path[TEMP_PATH], pattern[2 * TEMP_PATH];
    snprintf(pattern, sizeof pattern, "rm '%s'/*.tokens",
             temp_path(path, data, "tokens"));
    assert_int_equal(system(pattern), 0);
    search_folder(model, &fourth, kept);
    assert_int_equal(vblip_model_counts(model).frames_encoded - before, 0);
    assert_memory_equal(fourth.logits, memory.logits, sizeof memory.logits);
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

// Segments in their order, each with a vector of length 1 but for f16.
static int check_segment(void *user, const vblip_index_segment *segment)
{
    uint32_t *seen = user;
    double square = 0;
    for (uint32_t i = 0; i < segment->dims; i++)
        square += (double)segment->vector[i] * (double)segment->vector[i];
    assert_true(square > 0.99 && square < 1.01);
    assert_int_equal(segment->number, *seen);
    assert_int_equal(segment->total, 2);
    assert_int_equal(segment->path[0], '/');
    assert_non_null(strstr(segment->path, *seen ? "/b.mp4" : "/a.mp4"));
    assert_true(segment->timed && segment->end_us > segment->start_us);
    ++*seen;
    return *seen == 3;
}

static int stop_at_once(void *user, const vblip_index_segment *segment)
{
    (void)user;
    (void)segment;
    return 1;
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
    api_ok(vblip_index_export(file, check_segment, &count, &err), &err);
    assert_int_equal(count, 2);
    api_refused(vblip_index_export(file, stop_at_once, NULL, &err), VBLIP_ERR_CANCELLED,
                &err, "");
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
        {{.segment = "often"}, VBLIP_ERR_ARGUMENT, "segment often"},
        {{.segment = "0"}, VBLIP_ERR_ARGUMENT, "segment 0: auto"},
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
    api_refused(vblip_index_export(missing, stop_at_once, NULL, &err), VBLIP_ERR_IO,
                &err, missing);
    api_refused(vblip_index_export(missing, NULL, NULL, &err), VBLIP_ERR_ARGUMENT, &err,
                "fn");
    api_refused(vblip_index_list(missing, count_recordings, NULL, &err), VBLIP_ERR_IO,
                &err, missing);
    vblip_model_free(&caption);
    vblip_model_free(&model);
}

// ---------------------------------------------------------------- more than a query

// Hits of one search, as they came.
enum { MOST_KEPT = 64 };
typedef struct kept_hits {
    vblip_hit items[MOST_KEPT];
    char names[MOST_KEPT][16];
    uint32_t count;
} kept_hits;

static int keep_whole_hit(void *user, const vblip_hit *hit)
{
    kept_hits *kept = user;
    assert_true(kept->count < MOST_KEPT);
    assert_int_equal(hit->rank, kept->items[0].rank + kept->count);
    snprintf(kept->names[kept->count], 16, "%s", strrchr(hit->path, '/') + 1);
    kept->items[kept->count++] = *hit;
    return 0;
}

// Half seconds of the clips in `media`, by ITC.
static kept_hits search_halves(vblip_model *model, const char *text,
                               vblip_search_options options)
{
    vblip_inputs *inputs = NULL;
    vblip_library *library = NULL;
    const char *path = media;
    const vblip_library_options half = {.data_dir = data, .segment = "0.5"};
    vblip_retrieve_options ranking = {.top = MOST_KEPT, .rerank = -1};
    kept_hits kept = {0};
    vblip_error err;
    if (options.retrieve)
        ranking = *options.retrieve;
    options.retrieve = &ranking;
    kept.items[0].rank = options.offset + 1;
    api_ok(vblip_inputs_open(&inputs, &path, 1, NULL, &err), &err);
    api_ok(vblip_library_open(&library, model, inputs, &half, &err), &err);
    api_ok(vblip_library_retrieve(library, &text, text != NULL, &options, NULL,
                                  keep_whole_hit, &kept, &err),
           &err);
    vblip_library_close(&library);
    vblip_inputs_close(&inputs);
    return kept;
}

static void same_hit(const kept_hits *a, uint32_t i, const kept_hits *b, uint32_t j)
{
    assert_true(i < a->count && j < b->count);
    assert_string_equal(a->names[i], b->names[j]);
    assert_int_equal(a->items[i].start_us, b->items[j].start_us);
    assert_true(a->items[i].score == b->items[j].score);
}

static void test_pages_and_kinds(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    start_over();
    copy_clip("copy.mp4", 0); // of a.mp4: the same scores
    const kept_hits all = search_halves(model, query[0], (vblip_search_options){0});
    assert_true(all.count > 8);
    for (uint32_t top = 1; top < 6; top += 2)
        for (uint32_t from = 0; from < all.count + top; from += top) {
            const vblip_retrieve_options page = {.top = top, .rerank = -1};
            const kept_hits some = search_halves(
                model, query[0],
                (vblip_search_options){.retrieve = &page, .offset = from});
            const uint32_t left = from < all.count ? all.count - from : 0;
            assert_int_equal(some.count, left < top ? left : top);
            for (uint32_t i = 0; i < some.count; i++)
                same_hit(&some, i, &all, from + i);
        }

    const vblip_retrieve_options three = {.top = 3, .rerank = -1};
    const kept_hits best =
        search_halves(model, query[0],
                      (vblip_search_options){.retrieve = &three, .by_recording = true});
    assert_int_equal(best.count, 3);
    for (uint32_t i = 0, at = 0; i < 3; i++) { // the first of each
        while (strcmp(all.names[at], best.names[i]) != 0)
            at++;
        same_hit(&best, i, &all, at);
        for (uint32_t k = 0; k < i; k++)
            assert_string_not_equal(best.names[k], best.names[i]);
        at = 0;
    }

    const kept_hits unlike =
        search_halves(model, query[0], (vblip_search_options){.same = 0.99999f});
    for (uint32_t i = 0; i < unlike.count; i++)
        assert_string_not_equal(unlike.names[i], "copy.mp4");
    assert_true(unlike.count > 1 && unlike.count < all.count);
    vblip_model_free(&model);
}

static void test_examples_are_queries(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    char path[TEMP_PATH];
    start_over();
    const kept_hits text = search_halves(model, query[0], (vblip_search_options){0});
    uint32_t one = 0;
    while (strcmp(text.names[one], "b.mp4") != 0 || text.items[one].start_us == 0)
        one++;
    vblip_example example = {.path = temp_path(path, media, "b.mp4"),
                             .start_us = text.items[one].start_us,
                             .end_us = text.items[one].end_us,
                             .weight = 1};
    vblip_search_options options = {.examples = &example, .example_count = 1};
    const kept_hits like = search_halves(model, NULL, options);
    assert_string_equal(like.names[0], "b.mp4"); // that part itself
    assert_int_equal(like.items[0].start_us, example.start_us);
    assert_true(like.items[0].itc > 0.999f && !like.items[0].reranked);
    // A sum of one text and nothing worth mentioning is that text; the other way round too.
    example.weight = 1e-6f;
    const kept_hits nearly = search_halves(model, query[0], options);
    example.weight = 1e6f;
    const kept_hits mostly = search_halves(model, query[0], options);
    for (uint32_t i = 0; i < like.count; i++) {
        assert_string_equal(nearly.names[i], text.names[i]);
        assert_string_equal(mostly.names[i], like.names[i]);
    }
    // What hits are to be unlike is the last of all.
    example.weight = -1e6f;
    const kept_hits unlike = search_halves(model, query[0], options);
    assert_string_equal(unlike.names[unlike.count - 1], "b.mp4");
    assert_int_equal(unlike.items[unlike.count - 1].start_us, example.start_us);
    vblip_model_free(&model);
}

static void test_one_after_the_other(void **state)
{
    (void)state;
    static const char *const after = "two cats sleep";
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    start_over();
    const kept_hits first = search_halves(model, query[0], (vblip_search_options){0});
    const kept_hits then = search_halves(model, after, (vblip_search_options){0});
    const kept_hits both = search_halves(
        model, query[0], (vblip_search_options){.then = after, .within_us = 500000});
    assert_true(both.count > 2);
    for (uint32_t i = 0; i < both.count; i++) {
        const vblip_hit *hit = &both.items[i];
        float a = 0, b = 0, best = -2;
        for (uint32_t k = 0; k < first.count; k++) // of the same clip alone
            if (strcmp(first.names[k], both.names[i]) == 0 &&
                first.items[k].start_us == hit->start_us)
                a = first.items[k].itc;
        for (uint32_t k = 0; k < then.count; k++) {
            const int64_t gap_us = then.items[k].start_us - hit->end_us;
            if (strcmp(then.names[k], both.names[i]) != 0)
                continue;
            if (gap_us >= 0 && gap_us <= 500000 && then.items[k].itc > best)
                best = then.items[k].itc;
            if (then.items[k].start_us == hit->then_start_us)
                b = then.items[k].itc;
        }
        assert_true(b == best && hit->itc == a + b);
        assert_true(hit->then_start_us >= hit->end_us);
        assert_true(i == 0 || both.items[i - 1].score >= hit->score);
    }
    // ITM is asked about both: a logit for each, and the product of the probabilities.
    const vblip_retrieve_options asked = {.top = 2};
    const kept_hits judged = search_halves(
        model, query[0],
        (vblip_search_options){.retrieve = &asked, .then = after, .within_us = 500000});
    assert_int_equal(judged.count, 2);
    assert_true(judged.items[0].reranked);
    assert_float_equal(judged.items[0].score,
                       judged.items[0].itc + judged.items[0].itm_logits[1], 1e-5);
    assert_true(judged.items[0].p_match > 0 && judged.items[0].p_match < 1);
    vblip_model_free(&model);
}

static void test_times_of_files(void **state)
{
    (void)state;
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    char path[TEMP_PATH];
    start_over();
    const struct timespec old[] = {{.tv_sec = 1000}, {.tv_sec = 1000, .tv_nsec = 7}};
    assert_int_equal(utimensat(AT_FDCWD, temp_path(path, media, "a.mp4"), old, 0), 0);
    const int64_t at = 1000 * INT64_C(1000000000) + 7;
    const struct {
        int64_t since_ns, until_ns;
        bool a, b;
    } cases[] = {{0, 0, true, true},        {at, 0, true, true},
                 {at + 1, 0, false, true},  {0, at, true, false},
                 {0, at - 1, false, false}, {at, at, true, false},
                 {1, INT64_MAX, true, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const kept_hits found =
            search_halves(model, query[0],
                          (vblip_search_options){.since_ns = cases[i].since_ns,
                                                 .until_ns = cases[i].until_ns});
        bool a = false, b = false;
        for (uint32_t k = 0; k < found.count; k++) {
            a |= strcmp(found.names[k], "a.mp4") == 0;
            b |= strcmp(found.names[k], "b.mp4") == 0;
        }
        assert_int_equal(a, cases[i].a);
        assert_int_equal(b, cases[i].b);
    }
    vblip_model_free(&model);
}

static void test_searches_are_refused(void **state)
{
    (void)state;
    const vblip_retrieve_options asked = {.rerank = 5}, sure = {.min_p = 0.5f};
    const vblip_example none = {.weight = 1}, nothing = {.path = "x"},
                        away = {.path = "x", .weight = -1},
                        back = {.path = "x", .start_us = 5, .end_us = 4, .weight = 1},
                        like = {.path = "missing.mp4", .weight = 1};
    static const char *const globs[] = {"*", NULL};
    const struct {
        vblip_search_options options;
        const char *text, *what;
    } cases[] = {
        {{.examples = &none, .example_count = 1},
         "q",
         "examples: number 1 has no path"},
        {{.examples = &nothing, .example_count = 1}, "q", "x: weight 0, expected *"},
        {{.examples = &away, .example_count = 1},
         NULL,
         "examples: none that hits are *"},
        {{.examples = &back, .example_count = 1}, "q", "x: from 0.000 to 0.000 s is *"},
        {{.examples = &like, .example_count = 1, .retrieve = &asked},
         "q",
         "examples: *"},
        {{.examples = &like, .example_count = 1, .retrieve = &sure},
         "q",
         "examples: *"},
        {{.examples = &like, .example_count = 1, .then = "x"},
         "q",
         "then: not allowed *"},
        {{.example_count = 1}, "q", "examples"},
        {{.within_us = 1}, "q", "within_us: only allowed with `then`"},
        {{.within_us = -1, .then = "x"}, "q", "within_us: below 0"},
        {{.then = "\xFF"}, "q", "then: number 1 is not valid UTF-8"},
        {{.include = globs}, "q", "include, exclude: only allowed without inputs*"},
        {{.exclude = globs}, "q", "include, exclude: only allowed without inputs*"},
        {{.same = 1.5f}, "q", "same: a cosine from 0 to 1 is expected"},
        {{.since_ns = 2, .until_ns = 1}, "q", "until_ns: before since_ns"},
        {{0}, NULL, "queries: none given"},
        {{.examples = &like, .example_count = 1}, "q", "missing.mp4: No such file *"},
    };
    vblip_model *model = api_load("tiny-retrieval", VBLIP_TASK_RETRIEVAL);
    vblip_inputs *inputs = NULL;
    vblip_library *library = NULL;
    const char *path = media;
    vblip_error err;
    kept_hits kept = {0};
    start_over();
    api_ok(vblip_inputs_open(&inputs, &path, 1, NULL, &err), &err);
    api_ok(vblip_library_open(&library, model, inputs, NULL, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t size = strcspn(cases[i].what, "*");
        assert_true(vblip_library_retrieve(library, &cases[i].text,
                                           cases[i].text != NULL, &cases[i].options,
                                           NULL, keep_whole_hit, &kept,
                                           &err) != VBLIP_OK);
        if (strncmp(err.message, cases[i].what, size) != 0)
            fail_msg("%s, not %s", err.message, cases[i].what);
    }
    vblip_library_close(&library);
    vblip_inputs_close(&inputs);
    vblip_model_free(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_second_search_encodes_nothing),
        cmocka_unit_test(test_files_come_and_go),
        cmocka_unit_test(test_failures_are_remembered),
        cmocka_unit_test(test_an_empty_folder_forgets_nothing),
        cmocka_unit_test(test_an_index_that_is_named),
        cmocka_unit_test(test_pages_and_kinds),
        cmocka_unit_test(test_examples_are_queries),
        cmocka_unit_test(test_one_after_the_other),
        cmocka_unit_test(test_times_of_files),
        cmocka_unit_test(test_searches_are_refused),
        cmocka_unit_test(test_a_file_of_a_named_index_is_missing),
        cmocka_unit_test(test_segments_are_hits),
        cmocka_unit_test(test_library_refuses),
    };
    return cmocka_run_group_tests_name("library", tests, library_setup,
                                       library_teardown);
}

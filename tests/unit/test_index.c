// test_index.c - a library on disk: what is put is found, also after a kill at any moment;
// what is damaged, newer, another's or in use is refused with one line.
#include "base/hash.h"
#include "index/index.h"

#include "support/index_fixture.h"
#include "support/temp.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { MANY = 700 };

// A path in the folder of the tests; one at a time.
static const char *here(const char *name)
{
    static char path[TEMP_PATH];
    return temp_path(path, temp_folder, name);
}

// The vector of segment `i` of recording `n`: a coordinate of its own, so that the query
// for it finds it.
static void fill_vector(float *vector, int n, int i)
{
    memset(vector, 0, DIMS * sizeof *vector);
    vector[n % DIMS] = 1;
    vector[(n / DIMS + 1) % DIMS] += 0.25F;
    vector[DIMS - 1] += (float)i / 1024;
}

static void put(vb_index *index, int n, uint32_t count)
{
    char path[32];
    vb_segment *segments = calloc(count + 1, sizeof *segments);
    float *vectors = calloc(count + 1, DIMS * sizeof *vectors);
    vblip_error err = {0};
    snprintf(path, sizeof path, "clip %04d.mp4", n);
    for (uint32_t i = 0; i < count; i++) {
        segments[i] = (vb_segment){1000 * (int64_t)i, 1000 * (int64_t)i + 1000};
        fill_vector(vectors + (size_t)i * DIMS, n, (int)i);
    }
    const vb_recording r = {.path = path,
                            .size = 100 + (uint64_t)n,
                            .modified_ns = n,
                            .content = 7000 + (uint64_t)n,
                            .timed = true,
                            .error = count ? NULL : "cut short"};
    if (vb_index_put(index, &r, segments, vectors, count, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    free(vectors);
    free(segments);
}

static void expect_totals(vb_index *index, uint64_t recordings, uint64_t failed,
                          uint64_t segments)
{
    vb_index_totals totals;
    assert_int_equal(vb_index_count(&totals, index, NULL), VBLIP_OK);
    assert_int_equal(totals.recordings, recordings);
    assert_int_equal(totals.failed, failed);
    assert_int_equal(totals.segments, segments);
}

static void expect_sound(vb_index *index)
{
    vblip_error err = {0};
    if (vb_index_verify(index, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
}

// Segment `i` of recording `n` is the best hit for its own vector.
static void expect_found(vb_index *index, int n, int i, const char *path)
{
    float vector[DIMS];
    vb_index_hit hits[3];
    uint32_t found;
    vb_recording r;
    vblip_error err = {0};
    fill_vector(vector, n, i);
    const vb_index_query query = {.vectors = vector, .count = 1, .best = 3};
    assert_int_equal(vb_index_search(index, &query, hits, &found, &err), VBLIP_OK);
    assert_true(found > 0);
    assert_int_equal(vb_index_find_id(&r, index, hits[0].recording, &err), VBLIP_OK);
    assert_string_equal(r.path, path);
    assert_true(hits[0].span.end_us == hits[0].span.start_us + 1000);
}

static void test_what_is_put_is_found(void **state)
{
    (void)state;
    const char *path = here("found");
    vb_index *index = open_at(path, true);
    vblip_error err = {0};
    for (int n = 0; n < 20; n++)
        put(index, n, (uint32_t)n % 7);
    expect_totals(index, 20, 3, 57);
    expect_sound(index);
    vb_index_close(&index);

    index = open_at(path, false); // a reader
    expect_totals(index, 20, 3, 57);
    expect_found(index, 5, 4, "clip 0005.mp4");
    vb_recording r;
    assert_int_equal(vb_index_find(&r, index, "clip 0007.mp4", &err), VBLIP_OK);
    assert_true(r.id > 0 && r.size == 107 && r.modified_ns == 7 && r.content == 7007);
    assert_string_equal(r.error, "cut short");
    assert_int_equal(vb_index_find(&r, index, "nothing", &err), VBLIP_OK);
    assert_int_equal(r.id, 0);
    expect_sound(index);
    vb_index_close(&index);
}

// A recording that is written again, longer, shorter or as one that cannot be read, has
// what was written last; places that became free are used again.
static void test_places_are_used_again(void **state)
{
    (void)state;
    vb_index *index = open_at(here("again"), true);
    static const uint32_t counts[] = {MANY, 3, 300, 0, 1};
    for (int n = 0; n < 4; n++)
        put(index, n, 90);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        put(index, 1, counts[i]);
        expect_sound(index);
        expect_totals(index, 4, counts[i] == 0, 270 + counts[i]);
    }
    vb_index_totals before, after;
    assert_int_equal(vb_index_count(&before, index, NULL), VBLIP_OK);
    for (int i = 0; i < 10; i++)
        put(index, 2, MANY);
    vb_recording r;
    assert_int_equal(vb_index_find(&r, index, "clip 0002.mp4", NULL), VBLIP_OK);
    assert_int_equal(vb_index_remove(index, r.id, NULL), VBLIP_OK);
    assert_int_equal(vb_index_find(&r, index, "clip 0002.mp4", NULL), VBLIP_OK);
    assert_int_equal(r.id, 0);
    expect_sound(index);
    expect_totals(index, 3, 0, 181);
    vb_index_close(&index); // the log goes into the file
    index = open_at(here("again"), false);
    assert_int_equal(vb_index_count(&after, index, NULL), VBLIP_OK);
    assert_true(after.bytes <= before.bytes + 400000);
    vb_index_close(&index);
}

static void test_a_file_that_moved(void **state)
{
    (void)state;
    vb_index *index = open_at(here("moved"), true);
    vb_recording r;
    for (int n = 0; n < 3; n++)
        put(index, n, 2);
    assert_int_equal(vb_index_find(&r, index, "clip 0000.mp4", NULL), VBLIP_OK);
    assert_int_equal(vb_index_rename(index, r.id, "clip 0002.mp4", 55, NULL), VBLIP_OK);
    expect_totals(index, 2, 0, 4); // what was known of the new path is gone
    expect_sound(index);
    expect_found(index, 0, 1, "clip 0002.mp4");
    vblip_error err = {0};
    assert_int_equal(vb_index_rename(index, 99, "x", 0, &err), VBLIP_ERR_ARGUMENT);
    vb_index_close(&index);
}

static vblip_status count_rows(void *user, const vb_recording *r, vblip_error *err)
{
    char *last = user;
    (void)err;
    assert_true(strcmp(last, r->path) < 0); // by path
    snprintf(last, TEMP_PATH, "%s", r->path);
    return strcmp(r->path, "clip 0003.mp4") == 0 ? VBLIP_ERR_CANCELLED : VBLIP_OK;
}

static void test_rows_come_by_path_until_stopped(void **state)
{
    (void)state;
    char last[TEMP_PATH] = "";
    vb_index *index = open_at(here("rows"), true);
    for (int n = 5; n >= 0; n--)
        put(index, n, 1);
    assert_int_equal(vb_index_each(index, count_rows, last, NULL), VBLIP_ERR_CANCELLED);
    assert_string_equal(last, "clip 0003.mp4");
    last[0] = '\0';
    assert_int_equal(vb_index_each_sized(index, 101, count_rows, last, NULL), VBLIP_OK);
    assert_string_equal(last, "clip 0001.mp4");
    vb_index_close(&index);
}

static void test_only_allowed_recordings(void **state)
{
    (void)state;
    vb_index *index = open_at(here("allowed"), true);
    float vector[DIMS];
    vb_index_hit hits[9];
    uint32_t found;
    uint8_t allowed[4] = {0, 0, 1, 0}; // by id; the fifth is beyond the array
    for (int n = 0; n < 5; n++)
        put(index, n, 2);
    fill_vector(vector, 0, 0);
    const vb_index_query query = {.vectors = vector,
                                  .count = 1,
                                  .best = 9,
                                  .allowed = allowed,
                                  .allowed_count = 4};
    assert_int_equal(vb_index_search(index, &query, hits, &found, NULL), VBLIP_OK);
    assert_int_equal(found, 2);
    assert_int_equal(hits[0].recording, 2);
    assert_int_equal(hits[1].recording, 2);
    vb_index_close(&index);
}

// The best hit of recording `n`'s first segment, and how many there are.
static uint32_t search_for(vb_index *index, int n, vb_index_hit hits[9])
{
    float vector[DIMS];
    uint32_t found;
    vblip_error err = {0};
    fill_vector(vector, n, 0);
    const vb_index_query query = {.vectors = vector, .count = 1, .best = 9};
    if (vb_index_search(index, &query, hits, &found, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    return found;
}

// The first search reads the file, the second keeps what it reads, the third has that; they
// find the same. What is written in between, here or by another, is found by the next.
static void expect_changes_found(vb_index *reader, vb_index *writer)
{
    vb_index_hit first[9] = {{0}}, hits[9] = {{0}};
    vb_recording r;
    for (int n = 1; n < 4; n++) {
        put(writer, n, MANY);
        const uint32_t count = search_for(reader, n, first);
        assert_int_equal(count, 9);
        for (int again = 0; again < 3; again++) {
            assert_int_equal(search_for(reader, n, hits), count);
            assert_memory_equal(hits, first, sizeof hits);
        }
        assert_int_equal(vb_index_find_id(&r, reader, hits[0].recording, NULL),
                         VBLIP_OK);
        assert_int_equal(r.size, 100 + n);
    }
    for (int n = 3; n > 0; n--) {
        char path[32];
        snprintf(path, sizeof path, "clip %04d.mp4", n);
        assert_int_equal(vb_index_find(&r, writer, path, NULL), VBLIP_OK);
        assert_int_equal(vb_index_remove(writer, r.id, NULL), VBLIP_OK);
        for (int again = 0; again < 3; again++) {
            const uint32_t count = search_for(reader, n, hits);
            assert_int_equal(count, n > 1 ? 9 : 0);
            for (uint32_t i = 0; i < count; i++)
                assert_true(hits[i].recording != r.id);
        }
    }
}

static void test_searches_see_every_change(void **state)
{
    (void)state;
    const char *path = here("changes");
    vb_index *writer = open_at(path, true), *reader = open_at(path, false);
    expect_changes_found(reader, writer);
    vb_index_close(&reader);
    expect_changes_found(writer, writer);
    vb_index_close(&writer);
    writer = open_at(NULL, true);
    expect_changes_found(writer, writer);
    vb_index_close(&writer);
}

// ------------------------------------------------------------------------------ refusals

static void expect_refused(const char *path, const vb_index_options *options,
                           vblip_status status, const char *message)
{
    vb_index *index;
    vblip_error err = {0};
    const vblip_status got = vb_index_open(&index, options, &err);
    if (got == VBLIP_OK)
        vb_index_close(&index);
    if (got != status || !strstr(err.message, message) ||
        strncmp(err.message, path, strlen(path)) != 0)
        fail_msg("%s: %d, expected %d \"%s\"", err.message, got, status, message);
    assert_null(index);
}

static void test_another_stamp_is_refused(void **state)
{
    (void)state;
    const char *path = here("stamp");
    vb_index *index = open_at(path, true);
    vb_index_close(&index);
    const vb_index_fact other[] = {{"model", "ffff"}, {"frames", "8"}};
    const vb_index_fact more[] = {{"model", "0123abcd"}, {"precision", "bf16"}};
    vb_index_options options = options_of(path, false);
    options.stamp = other;
    expect_refused(
        path, &options, VBLIP_ERR_FORMAT,
        "made with model 0123abcd, this run has ffff; `vblip index --rebuild`");
    options.stamp = more;
    expect_refused(path, &options, VBLIP_ERR_FORMAT, "made with precision unknown");
}

static void test_what_is_no_index_is_refused(void **state)
{
    (void)state;
    const char *path = here("none");
    vb_index_options options = options_of(path, false);
    expect_refused(path, &options, VBLIP_ERR_IO, "No such file");
    temp_write_bytes(path, "not a database at all, but long enough to be looked at",
                     54);
    expect_refused(path, &options, VBLIP_ERR_FORMAT, "no index, or a damaged one");
    options.write = true;
    expect_refused(path, &options, VBLIP_ERR_FORMAT, "no index, or a damaged one");
    temp_write_bytes(path, "", 0);
    options.write = false;
    expect_refused(path, &options, VBLIP_ERR_IO, "nothing was indexed yet");
    options.path = here("no/folder");
    options.write = true;
    expect_refused(options.path, &options, VBLIP_ERR_IO, "No such file");
}

// Another program's database, and one of a newer vblip: bytes 60 and 68 of the header.
static void test_other_versions_are_refused(void **state)
{
    (void)state;
    char path[TEMP_PATH];
    temp_path(path, temp_folder, "version");
    vb_index *index = open_at(path, true);
    vb_index_close(&index);
    size_t size;
    uint8_t *bytes = temp_read(&size, path);
    const vb_index_options options = options_of(path, false);
    bytes[63] = 2;
    temp_write_bytes(path, bytes, size);
    expect_refused(path, &options, VBLIP_ERR_FORMAT,
                   "version 2, this vblip knows up to 1");
    bytes[63] = 1;
    bytes[71] ^= 1;
    temp_write_bytes(path, bytes, size);
    expect_refused(path, &options, VBLIP_ERR_FORMAT, "no index of vblip");
    free(bytes);
}

// ------------------------------------------------------------------------------- damage

// Opens, reads everything and searches; false where one of them says what is wrong.
static bool reads_well(const char *path, vblip_error *err)
{
    const vb_index_options options = options_of(path, false);
    float vector[DIMS];
    vb_index_hit hits[4];
    uint32_t found;
    vb_index *index;
    fill_vector(vector, 1, 0);
    const vb_index_query query = {.vectors = vector, .count = 1, .best = 4};
    if (vb_index_open(&index, &options, err) != VBLIP_OK)
        return false;
    const bool well = vb_index_verify(index, err) == VBLIP_OK &&
                      vb_index_search(index, &query, hits, &found, err) == VBLIP_OK;
    vb_index_close(&index);
    return well;
}

// Damage is found, or what the index holds is what it held: the bytes were of no use, as
// those of a free page, or zeros were cut off. True when it was found.
static bool is_found_or_harmless(const char *path)
{
    vblip_error err = {0};
    if (!reads_well(path, &err)) {
        assert_true(err.message[0] && !strchr(err.message, '\n'));
        return true;
    }
    vb_index *index = open_at(path, false);
    expect_totals(index, 40, 0, 120);
    vb_index_close(&index);
    return false;
}

static void test_damage_anywhere(void **state)
{
    (void)state;
    char path[TEMP_PATH], broken[TEMP_PATH];
    temp_path(path, temp_folder, "whole");
    temp_path(broken, temp_folder, "broken");
    vb_index *index = open_at(path, true);
    for (int n = 0; n < 40; n++)
        put(index, n, 1 + (uint32_t)n % 5);
    vb_index_close(&index);
    size_t size;
    uint8_t *bytes = temp_read(&size, path);
    uint32_t found = 0, tried = 0;
    for (size_t at = 0; at < size; at += at < 200 ? 1 : 61) {
        bytes[at] ^= 0x10;
        temp_write_bytes(broken, bytes, size);
        found += is_found_or_harmless(broken);
        tried++;
        bytes[at] ^= 0x10;
    }
    assert_true(found > tried / 4);
    found = tried = 0;
    for (size_t cut = 0; cut < size; cut += 997) {
        temp_write_bytes(broken, bytes, cut);
        found += is_found_or_harmless(broken);
        tried++;
    }
    assert_true(found > tried / 4 * 3); // the last page is zeros: places that are free
    free(bytes);
}

// ------------------------------------------------------------------- several processes

static void test_one_writer_many_readers(void **state)
{
    (void)state;
    char path[TEMP_PATH];
    temp_path(path, temp_folder, "shared");
    vb_index *index = open_at(path, true);
    put(index, 1, 3);
    const pid_t child = fork();
    if (child == 0) { // another process may read, and not write
        const vb_index_options write = options_of(path, true);
        vb_index *other;
        vblip_error err = {0};
        char who[64];
        snprintf(who, sizeof who, "another vblip writes it (process %ld)",
                 (long)getppid());
        const bool refused = vb_index_open(&other, &write, &err) == VBLIP_ERR_IO &&
                             strstr(err.message, who);
        const vb_index_options read = options_of(path, false);
        const bool reads = vb_index_open(&other, &read, &err) == VBLIP_OK &&
                           vb_index_verify(other, &err) == VBLIP_OK;
        _exit(refused && reads ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    vb_index_close(&index);
}

// A writer is killed again and again: what was reported as put is there, and all is sound.
static void test_a_writer_that_is_killed(void **state)
{
    (void)state;
    char path[TEMP_PATH];
    temp_path(path, temp_folder, "killed");
    int done = 0;
    for (int round = 0; round < 12; round++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        const pid_t child = fork();
        if (child == 0) {
            vb_index *index = open_at(path, true);
            for (int n = done;; n++) {
                put(index, n, 1 + (uint32_t)n % 9);
                if (write(ends[1], &n, sizeof n) != sizeof n)
                    _exit(1);
            }
        }
        close(ends[1]);
        const struct timespec while_it_writes = {0, (3 + 5 * (long)round) * 1000000};
        nanosleep(&while_it_writes, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        for (int n; read(ends[0], &n, sizeof n) == sizeof n;)
            done = n + 1;
        close(ends[0]);
        vb_index *index = open_at(path, true);
        expect_sound(index);
        vb_index_totals totals;
        assert_int_equal(vb_index_count(&totals, index, NULL), VBLIP_OK);
        assert_true(totals.recordings == (uint64_t)done ||
                    totals.recordings == (uint64_t)done + 1);
        done = (int)totals.recordings;
        vb_index_close(&index);
    }
    assert_true(done > 10);
}

static void test_content_hash(void **state)
{
    (void)state;
    uint64_t a, b, c;
    vblip_error err = {0};
    temp_write_bytes(here("a"), "what it holds", 13);
    assert_int_equal(vb_hash_file(&a, here("a"), NULL, NULL, &err), VBLIP_OK);
    temp_write_bytes(here("b"), "what it holds", 13);
    assert_int_equal(vb_hash_file(&b, here("b"), NULL, NULL, &err), VBLIP_OK);
    temp_write_bytes(here("b"), "what it held!", 13);
    assert_int_equal(vb_hash_file(&c, here("b"), NULL, NULL, &err), VBLIP_OK);
    assert_true(a == b && a != c);
    assert_int_equal(vb_hash_file(&a, here("c"), NULL, NULL, &err), VBLIP_ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_put_is_found),
        cmocka_unit_test(test_places_are_used_again),
        cmocka_unit_test(test_a_file_that_moved),
        cmocka_unit_test(test_rows_come_by_path_until_stopped),
        cmocka_unit_test(test_only_allowed_recordings),
        cmocka_unit_test(test_searches_see_every_change),
        cmocka_unit_test(test_another_stamp_is_refused),
        cmocka_unit_test(test_what_is_no_index_is_refused),
        cmocka_unit_test(test_other_versions_are_refused),
        cmocka_unit_test(test_damage_anywhere),
        cmocka_unit_test(test_one_writer_many_readers),
        cmocka_unit_test(test_a_writer_that_is_killed),
        cmocka_unit_test(test_content_hash),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}

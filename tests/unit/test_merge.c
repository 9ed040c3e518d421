// test_merge.c - indexes that are joined, get another name, or forget: nothing that is to
// stay is lost, whatever moment a kill comes at.
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

enum { SEGMENTS = 5 };

static void put(vb_index *index, const vb_recording *recording, uint32_t seed)
{
    vb_segment segments[SEGMENTS];
    float vectors[SEGMENTS * DIMS];
    vblip_error err = {0};
    for (int i = 0; i < SEGMENTS; i++)
        segments[i] = (vb_segment){1000 * (int64_t)i + seed, 1000 * (int64_t)i + 1000};
    for (int i = 0; i < SEGMENTS * DIMS; i++) {
        seed = seed * 1664525 + 1013904223;
        vectors[i] = (float)(int32_t)seed / 4e9F;
    }
    if (vb_index_put(index, recording, segments, vectors,
                     recording->error ? 0 : SEGMENTS, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
}

static void put_named(vb_index *index, const char *path)
{
    put(index, &(vb_recording){.path = path, .size = 7, .content = 1, .timed = true},
        (uint32_t)strlen(path));
}

static bool holds(vb_index *index, const char *path)
{
    vb_recording r;
    assert_int_equal(vb_index_find(&r, index, path, NULL), VBLIP_OK);
    return r.id != 0;
}

static void expect_sound(vb_index *index, uint64_t recordings)
{
    vblip_error err = {0};
    vb_index_totals totals;
    if (vb_index_verify(index, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    assert_int_equal(vb_index_count(&totals, index, NULL), VBLIP_OK);
    assert_int_equal(totals.recordings, recordings);
}

// --------------------------------------------------------------------------- forgetting

static void test_a_folder_is_forgotten_and_no_neighbour(void **state)
{
    (void)state;
    static const char *const names[] = {"a.mp4",     "a/b.mp4", "a/b/c.mp4",
                                        "a/b/d.mp4", "a0.mp4",  "a/c.mp4"};
    static const struct {
        const char *path;
        uint64_t removed;
    } cases[] = {{"nothing", 0}, {"a/", 0}, {"a/b", 2}, {"a/b", 0},
                 {"a.mp4", 1},   {"a", 2},  {"", 1},    {"", 0}};
    char path[TEMP_PATH];
    vb_index *index = open_at(temp_path(path, temp_folder, "forget"), true);
    uint64_t left = sizeof names / sizeof *names, removed;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        put_named(index, names[i]);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vb_recording found;
        assert_int_equal(vb_index_find_below(&found, index, cases[i].path, NULL),
                         VBLIP_OK);
        assert_int_equal(found.id != 0, cases[i].removed != 0);
        assert_int_equal(vb_index_remove_below(&removed, index, cases[i].path, NULL),
                         VBLIP_OK);
        if (removed != cases[i].removed)
            fail_msg("%s: %llu", cases[i].path, (unsigned long long)removed);
        left -= removed;
        expect_sound(index, left);
    }
    vb_index_close(&index);
}

// ------------------------------------------------------------------------------- joining

typedef struct seen_merged {
    uint32_t count, differs, taken;
} seen_merged;

static vblip_status count_merged(void *user, const vb_merged *merged, vblip_error *err)
{
    seen_merged *seen = user;
    (void)err;
    seen->count++;
    seen->differs += merged->differs;
    seen->taken += merged->taken;
    return strcmp(merged->path, "stop") == 0 ? VBLIP_ERR_CANCELLED : VBLIP_OK;
}

// What `path` is in one index, to the bit, is what `other` is in another.
static void expect_same(vb_index *index, const char *path, vb_index *from,
                        const char *other)
{
    vb_recording a, b;
    vb_found left, right;
    vblip_error err = {0};
    assert_int_equal(vb_index_find(&a, index, path, &err), VBLIP_OK);
    assert_int_equal(vb_index_find(&b, from, other, &err), VBLIP_OK);
    assert_true(a.id && b.id && a.size == b.size && a.modified_ns == b.modified_ns);
    assert_true(a.content == b.content && a.timed == b.timed);
    assert_string_equal(a.error ? a.error : "", b.error ? b.error : "");
    assert_int_equal(vb_index_read(&left, index, a.id, &err), VBLIP_OK);
    assert_int_equal(vb_index_read(&right, from, b.id, &err), VBLIP_OK);
    assert_int_equal(left.count, right.count);
    if (left.count) {
        assert_memory_equal(left.segments, right.segments,
                            left.count * sizeof *left.segments);
        assert_memory_equal(left.vectors, right.vectors,
                            left.count * DIMS * sizeof *left.vectors);
    }
    vb_found_free(&left);
    vb_found_free(&right);
}

static void test_what_is_joined_is_the_same_to_the_bit(void **state)
{
    (void)state;
    char path[TEMP_PATH], name[32], joined[40];
    vb_index *a = open_at(temp_path(path, temp_folder, "a"), true);
    vb_index *b = open_at(temp_path(path, temp_folder, "b"), true);
    vb_index *c = open_at(temp_path(path, temp_folder, "c"), true);
    seen_merged seen = {0};
    for (uint32_t n = 0; n < 300; n++) {
        snprintf(name, sizeof name, "clip %03u.mp4", (unsigned)n);
        const vb_recording r = {.path = name,
                                .size = 10 + n,
                                .modified_ns = n,
                                .content = UINT64_MAX - n,
                                .timed = n % 2,
                                .error = n % 9 ? NULL : "cut short"};
        put(n % 2 ? a : b, &r, n);
    }
    assert_int_equal(vb_index_merge(c, a, "", count_merged, &seen, NULL), VBLIP_OK);
    assert_int_equal(vb_index_merge(c, b, "b/", count_merged, &seen, NULL), VBLIP_OK);
    assert_int_equal(vb_index_merge(c, a, "", count_merged, &seen, NULL), VBLIP_OK);
    assert_int_equal(seen.count, 450);
    assert_int_equal(seen.taken, 300);
    assert_int_equal(seen.differs, 0);
    expect_sound(c, 300);
    for (uint32_t n = 0; n < 300; n++) {
        snprintf(name, sizeof name, "clip %03u.mp4", (unsigned)n);
        snprintf(joined, sizeof joined, "b/%s", name);
        expect_same(c, n % 2 ? name : joined, n % 2 ? a : b, name);
    }
    put_named(b, "stop");
    assert_int_equal(vb_index_merge(c, b, "b/", count_merged, &seen, NULL), VBLIP_OK);
    assert_int_equal(vb_index_merge(c, b, "", count_merged, &seen, NULL),
                     VBLIP_ERR_CANCELLED);
    vb_index_close(&a);
    vb_index_close(&b);
    vb_index_close(&c);
}

static void test_of_two_recordings_one_stands(void **state)
{
    (void)state;
    static const struct {
        vb_recording there, came;
        bool differs, taken;
    } cases[] = {
        {{.content = 1, .modified_ns = 5}, {.content = 1, .modified_ns = 5}, false, 0},
        {{.content = 1, .modified_ns = 5}, {.content = 1, .modified_ns = 6}, false, 1},
        {{.content = 1, .modified_ns = 5}, {.content = 2, .modified_ns = 6}, true, 1},
        {{.content = 1, .modified_ns = 6}, {.content = 2, .modified_ns = 5}, true, 0},
        {{.content = 1, .modified_ns = 5}, {.content = 2, .modified_ns = 5}, true, 0},
        {{.content = 1}, {.content = 1, .size = 9}, true, 0},
        {{.content = 1}, {.error = "x", .modified_ns = 9}, false, 0},
        {{.content = 1}, {.error = "x", .modified_ns = 9, .size = 9}, true, 0},
        {{.error = "x", .modified_ns = 9}, {.content = 1}, false, 1},
        {{.error = "x", .modified_ns = 9, .size = 9}, {.content = 1}, true, 1},
        {{.error = "x"}, {.error = "y", .modified_ns = 9}, false, 1},
    };
    char path[TEMP_PATH];
    temp_path(path, temp_folder, "two");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vb_index *index = open_at(NULL, true), *from = open_at(NULL, true);
        vb_recording there = cases[i].there, came = cases[i].came;
        seen_merged seen = {0};
        there.path = came.path = "clip.mp4";
        put(index, &there, 1);
        put(from, &came, 2);
        assert_int_equal(vb_index_merge(index, from, "", count_merged, &seen, NULL),
                         VBLIP_OK);
        if (seen.differs != cases[i].differs || seen.taken != cases[i].taken)
            fail_msg("case %zu: differs %u, taken %u", i, (unsigned)seen.differs,
                     (unsigned)seen.taken);
        if (seen.taken)
            expect_same(index, "clip.mp4", from, "clip.mp4");
        expect_sound(index, 1);
        vb_index_close(&index);
        vb_index_close(&from);
    }
}

// ------------------------------------------------------------------------- another name

static void test_an_index_gets_another_name(void **state)
{
    (void)state;
    char from[TEMP_PATH], to[TEMP_PATH], beside[TEMP_PATH + 8];
    temp_path(from, temp_folder, "from.index");
    temp_path(to, temp_folder, "to.index");
    vblip_error err = {0};
    vb_index *index = open_at(from, true);
    put_named(index, "one.mp4");
    assert_int_equal(vb_index_move(&index, to, false, &err), VBLIP_OK);
    assert_null(index);
    static const char *const endings[] = {"", "-wal", "-shm", "-journal", ".lock"};
    for (size_t i = 0; i < 5; i++) {
        snprintf(beside, sizeof beside, "%s%s", from, endings[i]);
        assert_int_not_equal(access(beside, F_OK), 0);
    }
    index = open_at(to, true);
    assert_true(holds(index, "one.mp4"));
    expect_sound(index, 1);
    vb_index_close(&index);

    index = open_at(from, true); // another, which does not replace it unasked
    put_named(index, "two.mp4");
    put_named(index, "three.mp4");
    assert_int_equal(vb_index_move(&index, to, false, &err), VBLIP_ERR_IO);
    assert_non_null(strstr(err.message, "is there already"));
    assert_true(holds(index, "two.mp4"));
    vb_index *reader = open_at(to, false); // nor while it is open
    assert_true(holds(reader, "one.mp4"));
    err = (vblip_error){0};
    assert_int_equal(vb_index_move(&index, to, true, &err), VBLIP_ERR_IO);
    assert_non_null(strstr(err.message, "another program has it locked"));
    vb_index_close(&reader);
    err = (vblip_error){0};
    if (vb_index_move(&index, to, true, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    index = open_at(to, true);
    expect_sound(index, 2);
    vb_index_close(&index);

    temp_write(temp_folder, "text.index", "no index, and somebody's");
    index = open_at(from, true);
    char text[TEMP_PATH];
    assert_int_equal(
        vb_index_move(&index, temp_path(text, temp_folder, "text.index"), true, NULL),
        VBLIP_ERR_FORMAT);
    vb_index_discard(&index);
    assert_null(index);
    for (size_t i = 0; i < 5; i++) {
        snprintf(beside, sizeof beside, "%s%s", from, endings[i]);
        assert_int_not_equal(access(beside, F_OK), 0);
    }
}

static void wait_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

// Who waits for the lock of a name that an index leaves holds the lock that others see.
static void test_a_lock_that_is_removed(void **state)
{
    (void)state;
    char from[TEMP_PATH], to[TEMP_PATH];
    temp_path(from, temp_folder, "left.index");
    temp_path(to, temp_folder, "entered.index");
    int ends[2];
    char byte = 0;
    assert_int_equal(pipe(ends), 0);
    vb_index *index = open_at(from, true);
    const pid_t child = fork();
    if (child == 0) {
        vb_index_options options = options_of(from, true);
        options.wait = true;
        vb_index *other;
        const bool opened = vb_index_open(&other, &options, NULL) == VBLIP_OK;
        if (write(ends[1], opened ? "y" : "n", 1) != 1)
            _exit(1);
        wait_ms(10000);
        _exit(0);
    }
    wait_ms(200); // it waits for the lock
    assert_int_equal(vb_index_move(&index, to, false, NULL), VBLIP_OK);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    const vb_index_options options = options_of(from, true);
    assert_int_equal(vb_index_open(&index, &options, NULL), VBLIP_ERR_IO);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(ends[0]);
    close(ends[1]);
}

static void test_a_mover_that_is_killed(void **state)
{
    (void)state;
    char names[2][TEMP_PATH];
    temp_path(names[0], temp_folder, "here.index");
    temp_path(names[1], temp_folder, "there.index");
    vb_index *index = open_at(names[0], true);
    put_named(index, "one.mp4");
    vb_index_close(&index);
    uint64_t count = 1;
    for (int round = 0; round < 25; round++) {
        const bool moved = access(names[1], F_OK) == 0;
        const pid_t child = fork();
        if (child == 0)
            for (int at = moved;; at = !at) {
                index = open_at(names[at], true);
                if (vb_index_move(&index, names[!at], false, NULL) != VBLIP_OK)
                    _exit(1);
            }
        wait_ms(3 + round * 3 % 17);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        const bool there = access(names[1], F_OK) == 0;
        assert_true(there != (access(names[0], F_OK) == 0)); // one of them
        index = open_at(names[there], true);
        expect_sound(index, count);
        char name[32];
        snprintf(name, sizeof name, "round %d.mp4", round);
        put_named(index, name);
        expect_sound(index, ++count);
        vb_index_close(&index);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_folder_is_forgotten_and_no_neighbour),
        cmocka_unit_test(test_what_is_joined_is_the_same_to_the_bit),
        cmocka_unit_test(test_of_two_recordings_one_stands),
        cmocka_unit_test(test_an_index_gets_another_name),
        cmocka_unit_test(test_a_lock_that_is_removed),
        cmocka_unit_test(test_a_mover_that_is_killed),
    };
    return cmocka_run_group_tests(tests, temp_setup, temp_teardown);
}

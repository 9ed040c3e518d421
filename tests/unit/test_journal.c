// test_journal.c - what was finished before a run was killed is found again, at whatever
// byte it was killed; what is no journal is refused.
#include "output/journal.h"
#include "support/temp.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char whole[] = "#vblip-filter 1 stamp\n"
                            "{\"path\":\"a\"}\n#1 k d\n"
                            "#2 d d\n"
                            "#5 ! !\n"
                            "{\"path\":\"b\"}\n{\"path\":\"b\"}\n#7 k k\n";

static void expect_file(const char *path, const char *bytes)
{
    char text[512];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = '\0';
    assert_string_equal(text, bytes);
}

static bool there(const char *path)
{
    return access(path, F_OK) == 0;
}

static void add(vb_journal *j, uint64_t pair, const char *rows, bool failed, bool web,
                bool synthetic)
{
    vb_string text = {0};
    vb_string_puts(&text, rows);
    assert_true(vb_journal_add(j, pair, &text, failed, web, synthetic));
    vb_string_free(&text);
}

static void test_a_whole_run(void **state)
{
    (void)state;
    vb_journal j;
    vblip_error err = {0};
    assert_int_equal(vb_journal_open(&j, "out", "stamp", &err), VBLIP_OK);
    assert_int_equal(j.last, 0);
    add(&j, 1, "{\"path\":\"a\"}\n", false, true, false);
    add(&j, 2, "", false, false, false);
    add(&j, 5, "", true, false, false);
    add(&j, 7, "{\"path\":\"b\"}\n{\"path\":\"b\"}\n", false, true, true);
    expect_file("out.partial", whole); // at every moment, not only at the end
    assert_false(there("out"));
    assert_int_equal(vb_journal_finish(&j, "out", &err), VBLIP_OK);
    expect_file("out", "{\"path\":\"a\"}\n{\"path\":\"b\"}\n{\"path\":\"b\"}\n");
    assert_false(there("out.partial"));
    remove("out");
}

// Killed at any byte: pairs that were finished are known, the rest is written again.
static void test_every_truncation(void **state)
{
    (void)state;
    static const struct {
        const char *upto;
        uint64_t last, pairs, web, synthetic, failed;
    } stages[] = {{"stamp\n", 0, 0, 0, 0, 0},
                  {"#1 k d\n", 1, 1, 1, 0, 0},
                  {"#2 d d\n", 2, 2, 1, 0, 0},
                  {"#5 ! !\n", 5, 3, 1, 0, 1},
                  {"#7 k k\n", 7, 4, 2, 1, 1}};
    for (size_t size = 0; size < sizeof whole; size++) {
        size_t at = 0, finished = 0;
        for (size_t s = 0; s < 5; s++) {
            const size_t end = (size_t)(strstr(whole, stages[s].upto) - whole) +
                               strlen(stages[s].upto);
            if (end <= size) {
                at = s;
                finished = end;
            }
        }
        vb_journal j;
        vblip_error err = {0};
        temp_write_bytes("out.partial", whole, size);
        if (vb_journal_open(&j, "out", "stamp", &err) != VBLIP_OK)
            fail_msg("%zu bytes: %s", size, err.message);
        assert_int_equal(j.last, stages[at].last);
        assert_int_equal(j.pairs, stages[at].pairs);
        assert_int_equal(j.web_kept, stages[at].web);
        assert_int_equal(j.synthetic_kept, stages[at].synthetic);
        assert_int_equal(j.failed, stages[at].failed);
        add(&j, 9, "{}\n", false, false, true);
        vb_journal_close(&j);
        char expected[512];
        snprintf(expected, sizeof expected, "%.*s{}\n#9 d k\n",
                 (int)(finished ? finished : strlen("#vblip-filter 1 stamp\n")), whole);
        expect_file("out.partial", expected);
    }
    remove("out.partial");
}

static void test_other_files_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"#vblip-filter 1 other\n#1 k k\n", "of a run with other pairs"},
        {"#vblip-filter 2 stamp\n", "of a run with other pairs"},
        {"notes\n", "of a run with other pairs"},
        {"notes", "of a run with other pairs"},
        {"#vblip-filter 1 stamp\nnotes\n", "line 2: not of vblip filter"},
        {"#vblip-filter 1 stamp\n\n", "line 2: not of vblip filter"},
        {"#vblip-filter 1 stamp\n#\n", "line 2: not of"},
        {"#vblip-filter 1 stamp\n#1\n", "line 2: not of"},
        {"#vblip-filter 1 stamp\n#1 k\n", "line 2: not of"},
        {"#vblip-filter 1 stamp\n#1 k x\n", "line 2: not of"},
        {"#vblip-filter 1 stamp\n#1 ! k\n", "line 2: not of"},
        {"#vblip-filter 1 stamp\n#1 k !\n", "line 2: not of"},
        {"#vblip-filter 1 stamp\n#1 k k k\n", "line 2: not of"},
        {"#vblip-filter 1 stamp\n#0 k k\n", "line 2: not of"},
        {"#vblip-filter 1 stamp\n#-1 k k\n", "line 2: not of"},
        {"#vblip-filter 1 stamp\n#99999999999999999999 k k\n", "line 2: not of"},
        {"#vblip-filter 1 stamp\n#3 k k\n{}\n#3 k k\n", "line 4: not of"},
        {"#vblip-filter 1 stamp\n#3 k k\n#2 k k\n", "line 3: not of"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        vb_journal j;
        vblip_error err = {0};
        temp_write_bytes("out.partial", cases[i].text, strlen(cases[i].text));
        assert_int_equal(vb_journal_open(&j, "out", "stamp", &err), VBLIP_ERR_ARGUMENT);
        if (strncmp(err.message, "out.partial: ", 13) != 0 ||
            !strstr(err.message, cases[i].message))
            fail_msg("%s: \"%s\"", cases[i].text, err.message);
        assert_null(j.stream);
        expect_file("out.partial", cases[i].text); // not touched
    }
    remove("out.partial");
}

// Two processes: the second is told, until the first is killed.
static void test_one_run_at_a_time(void **state)
{
    (void)state;
    int ready[2];
    char byte = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        vb_journal j;
        byte = vb_journal_open(&j, "out", "stamp", NULL) == VBLIP_OK ? 'y' : 'n';
        (void)!write(ready[1], &byte, 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    vb_journal j;
    vblip_error err = {0};
    char expected[128];
    snprintf(expected, sizeof expected,
             "out.partial: in use by another run, process %ld", (long)child);
    assert_int_equal(vb_journal_open(&j, "out", "stamp", &err), VBLIP_ERR_IO);
    assert_string_equal(err.message, expected);
    expect_file("out.partial", "#vblip-filter 1 stamp\n");
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(vb_journal_open(&j, "out", "stamp", NULL), VBLIP_OK);
    vb_journal_discard(&j);
    close(ready[0]);
    close(ready[1]);
}

static void test_files_that_cannot_be_written(void **state)
{
    (void)state;
    vb_journal j;
    vblip_error err = {0};
    assert_int_equal(vb_journal_open(&j, "no/out", "stamp", &err), VBLIP_ERR_IO);
    assert_string_equal(err.message, "no/out.partial: No such file or directory");
    assert_int_equal(vb_journal_open(&j, "out", "stamp", NULL), VBLIP_OK);
    err = (vblip_error){0};
    assert_int_equal(vb_journal_finish(&j, "no/out", &err), VBLIP_ERR_IO);
    assert_true(there("out.partial")); // nothing that was finished is lost
    vb_journal_discard(&j);
    assert_false(there("out.partial"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_run),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_other_files_are_refused),
        cmocka_unit_test(test_one_run_at_a_time),
        cmocka_unit_test(test_files_that_cannot_be_written),
    };
    return cmocka_run_group_tests(tests, temp_enter, temp_leave);
}

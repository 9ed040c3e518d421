// test_filter.c - vblip filter over a fake library: what is kept of a run that stopped.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

// A device that is lost at the third pair: what is finished stays, and the next run does
// the rest alone.
static void test_a_filter_goes_on(void **state)
{
    (void)state;
    static const char rows_of_one[] = "{\"path\":\"one.png\",\"caption\":\"a dog\","
                                      "\"source\":\"web\",\"p_match\":0.75}\n";
    static const char rows_of_three[] =
        "{\"path\":\"three.png\",\"caption\":\"a cat\",\"source\":\"synthetic\","
        "\"p_match\":0.5}\n";
    static const char summary[] =
        "vblip: 3 pairs, 1 failed; web: 1 kept, 1 dropped (50.0 %); synthetic: 1 kept, "
        "1 dropped (50.0 %)\n";
    char both[512], said[512];
    snprintf(both, sizeof both, "%s%s", rows_of_one, rows_of_three);
    snprintf(said, sizeof said, "vblip: two.png: gone\n%s", summary);
    result r;
    put_text("pairs", "x");
    run(&r, "filter|pairs|-o|clean.jsonl");
    assert_int_equal(r.code, 3);
    assert_string_equal(r.err, said);
    expect_file("clean.jsonl", both);
    assert_int_equal(access("clean.jsonl.partial", F_OK), -1);
    remove("clean.jsonl");

    put_text("lost", "x");
    run(&r, "filter|lost|-o|clean.jsonl");
    assert_int_equal(r.code, 5);
    assert_string_equal(r.err, "vblip: two.png: gone\nvblip: llvmpipe: device lost\n");
    assert_int_equal(access("clean.jsonl", F_OK), -1);
    put_text("lost", "y"); // other pairs
    run(&r, "filter|lost|-o|clean.jsonl");
    assert_int_equal(r.code, 2);
    rename("pairs", "lost.not");
    put_text("lost", "x");
    run(&r, "filter|lost|-o|clean.jsonl|--min-p|0.75");
    assert_int_equal(r.code, 2);
    rename("lost", "pairs"); // the name is not part of the run
    run(&r, "filter|pairs|-o|clean.jsonl|-q");
    assert_int_equal(r.code, 3);
    assert_string_equal(r.err, "");
    expect_file("clean.jsonl", both);
    remove("clean.jsonl");

    run(&r, "filter|none|-o|clean.jsonl");
    assert_int_equal(r.code, 4);
    assert_string_equal(r.err, "vblip: none: No such file or directory\n");
    run(&r, "filter|pairs|-o|/dev/full");
    assert_int_equal(r.code, 2);
    run(&r, "filter|pairs|-o|no/clean.jsonl");
    assert_int_equal(r.code, 4);
    assert_string_equal(r.err,
                        "vblip: no/clean.jsonl.partial: No such file or directory\n");
    run(&r, "filter|pairs|-o|x.jsonl|--model|nomodel");
    assert_int_equal(r.code, 4);
    assert_int_equal(access("x.jsonl.partial", F_OK), -1);
    put_text("torn", "x");
    run(&r, "filter|torn|-o|x.jsonl|--model|nomodel");
    assert_int_equal(r.code, 4);
    assert_string_equal(r.err, "vblip: torn:2: not JSON\n");
    assert_int_equal(access("x.jsonl.partial", F_OK), -1);
    remove("torn");
    remove("pairs");
    remove("lost.not");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_filter_goes_on)};
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}

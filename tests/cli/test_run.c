// test_run.c - vblip run over a fake library: three commands on the same inputs, and what is
// refused before any of them begins.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NO_MODEL "|--model|nomodel"
#define TABLE    "path,who?,color?,error\ndir/a.mp4,yes,blue,\ndir/b.mp4,yes,blue,\n"

static const fake_row refused_runs[] = {
    {"run|-|--caption|srt|--questions|Q|-f|csv" NO_MODEL, 2, "",
     "vblip: -: its subtitles go to standard output, where the table is; *"},
    {"run|dir" NO_MODEL, 2, "",
     "vblip: run: missing --index, --caption or --questions; see: vblip help run\n"},
    {"run|dir|--caption|none" NO_MODEL, 2, "",
     "vblip: run: missing --index, --caption or --questions; see: vblip help run\n"},
    {"run|--index" NO_MODEL, 2, "",
     "vblip: run: missing a PATH; see: vblip help run\n"},
    {"run|dir|--caption" NO_MODEL "|--caption", 2, "", "vblip: --caption *"},
    {"run|dir|--caption|ass" NO_MODEL, 2, "", "vblip: --caption ass: *"},
    {"run|dir|--index|--every|2" NO_MODEL, 2, "",
     "vblip: --every, --count, --shots, --overwrite: only allowed with --caption\n"},
    {"run|dir|--index|-y" NO_MODEL, 2, "",
     "vblip: --every, --count, --shots, --overwrite: only allowed with --caption\n"},
    {"run|dir|--index|--answers|a" NO_MODEL, 2, "",
     "vblip: --answers, --answers-file, --scores: only allowed with --questions\n"},
    {"run|dir|--index|-o|x.csv" NO_MODEL, 2, "",
     "vblip: -o, --format: only allowed with --questions, whose table they are "
     "about\n"},
    {"run|dir|--questions|Q" NO_MODEL, 2, "",
     "vblip: --questions: --format tsv, csv, json or jsonl is needed, or -o FILE with "
     "such an ending\n"},
    {"run|dir|--questions|Q|-f|csv|-o|x.srt|--caption|srt" NO_MODEL, 2, "",
     "vblip: -o: is named as a subtitle file\n"},
    {"run|dir|--caption|srt|--retry-failed" NO_MODEL, 2, "",
     "vblip: --retry-failed: only allowed with --index\n"},
    {"run|dir|--caption|srt|--segment|2" NO_MODEL, 2, "",
     "vblip: --segment: only allowed with --index or --questions\n"},
    {"run|dir|--index|--table" NO_MODEL, 2, "",
     "vblip: --table: not an option of run; *"},
    // What one of the commands refuses: once, and none begins.
    {"run|a.mp4|--index|--caption|srt|--questions|torn|-f|csv" NO_MODEL, 2, "",
     "vblip: torn: line 1: no answer behind the =\n"},
    {"run|a.mp4|--index|--caption|srt|--questions|Q|-f|csv|--answers| ," NO_MODEL, 2,
     "", "vblip: --answers: holds no answer\n"},
    {"run|a.mp4|--index|--caption|srt|--questions|Q|-o|Q|-f|csv" NO_MODEL, 2, "",
     "vblip: -o Q: is read as --questions\n"},
    {"run|taken.mp4|--index|--caption|srt|--questions|Q|-o|old.csv" NO_MODEL, 2, "",
     "vblip: taken.srt: exists; --overwrite (-y) replaces it\n"},
    {"run|a.mp4|--index|--caption|srt|--device|none", 5, "", "vblip: *"},
    {"run|a.mp4|--index|--caption|srt|--questions|Q|-o|old.csv" NO_MODEL, 4, "",
     "vblip: nomodel: *"},
    {"run|alone.mp4|--caption|srt|--index|--questions|Q|-o|old.csv", 2, "",
     "vblip: alone.mp4: kept in no index\n"},
    {"run|a.mp4|--caption|srt|--questions|Q|-o|old.csv|--model|caption-only", 4, "",
     "vblip: caption-only: this checkpoint holds: caption\n"},
};

// A part knows what the others read.
static void test_captions_replace_no_questions(void **state)
{
    static const fake_row row = {
        "run|a.mp4|--caption|srt|--questions|a.srt|-f|csv|-o|k.csv|-y" NO_MODEL, 2, "",
        "vblip: a.srt: is read as --questions\n"};
    (void)state;
    put_text("a.srt", "who?\n");
    check_rows(&row, 1);
    expect_file("a.srt", "who?\n");
    assert_int_equal(remove("a.srt"), 0);
}

static void test_what_is_refused(void **state)
{
    (void)state;
    put_text("Q", "who?\ncolor? = red, blue\n");
    put_text("torn", "who? =\n");
    put_text("taken.mp4", "");
    put_text("taken.srt", "mine");
    put_text("old.csv", "old");
    check_rows(refused_runs, sizeof refused_runs / sizeof *refused_runs);
    expect_file("taken.srt", "mine");
    expect_file("old.csv", "old");
    assert_int_not_equal(access("a.srt", F_OK), 0);
    assert_int_not_equal(access("alone.srt", F_OK), 0);
}

static const fake_row runs[] = {
    {"run|dir|--index|-v", 0, "", "*"},
    {"run|dir|--questions|Q|-f|csv", 0, TABLE, ""},
    {"run|dir|--index|--questions|Q|-f|csv|--scores", 0,
     "path,who?,who? score,color?,color? score,error\n"
     "dir/a.mp4,yes,-0.5,blue,-0.5,\ndir/b.mp4,yes,-0.5,blue,-0.5,\n",
     ""},
    {"run|-a|some|--index|--questions|Q|-f|jsonl|--segment|2", 3,
     "{\"path\":\"bad.mp4\",\"error\":\"no video stream\"}\n"
     "{\"path\":\"a.mp4\",\"start\":0.000,\"end\":2.000,\"answers\":{\"who?\":"
     "\"segment 2\",\"color?\":\"blue\"}}\n*",
     "vblip: bad.mp4: no video stream\n"},
    // Said once, by whoever comes first.
    {"run|scratched.mp4|--caption|srt|--questions|Q|-f|tsv|-y", 0,
     "path\twho?\tcolor?\terror\nscratched.mp4\tyes\tblue\t\n",
     "vblip: scratched.mp4: damaged\n"},
    {"run|dir|--index|--questions|Q|-f|csv|--shard|2/2", 0,
     "path,who?,color?,error\ndir/b.mp4,yes,blue,\n", ""},
    {"run|dir|--index|--caption|srt|--questions|Q|-f|csv|--shard|3/3|-y", 0,
     "path,who?,color?,error\n", ""},
    {"run|album|--caption|vtt|--index|-y", 4, "", "*"}, // there is no such folder
    {"run|bad.mp4|--caption|srt|--questions|Q|-f|csv", 4,
     "path,who?,color?,error\nbad.mp4,,,no video stream\n",
     "vblip: bad.mp4: no video stream\n"},
    {"run|lost.mp4|--caption|srt|--questions|Q|-f|csv", 5, "path,who?,color?,error\n",
     "*"},
};

static void test_runs(void **state)
{
    (void)state;
    put_text("Q", "who?\ncolor? = red, blue\n");
    put_text("some", "bad.mp4\na.mp4\n");
    check_rows(runs, sizeof runs / sizeof *runs);
}

// A share without files leaves what is no table alone.
static void test_an_empty_share(void **state)
{
    (void)state;
    result r;
    put_text("old.srt", "old");
    run(&r, "caption|a.mp4|-f|srt|-o|old.srt|--shard|2/2");
    assert_int_equal(r.code, 0);
    expect_file("old.srt", "old");
    run(&r, "embed|a.mp4|--what|itc-image|-o|old.srt|--shard|2/2");
    assert_int_equal(r.code, 0);
    expect_file("old.srt", "old");
    run(&r, "qa|a.mp4|q|-o|rows.csv|--shard|2/2");
    assert_int_equal(r.code, 0);
    expect_file("rows.csv", "path,question,answer,score,start,end\n");
}

static void test_files_of_a_run(void **state)
{
    (void)state;
    result r;
    put_text("Q", "who?\ncolor? = red, blue\n");
    put_text("clip.mp4", "");
    run(&r, "run|clip.mp4|--index|--caption|srt|--questions|Q|-o|table.csv");
    assert_int_equal(r.code, 0);
    assert_string_equal(r.out, "");
    expect_file("clip.srt", FAKE_SRT);
    expect_file("table.csv", "path,who?,color?,error\nclip.mp4,yes,blue,\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_captions_replace_no_questions),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_an_empty_share),
        cmocka_unit_test(test_files_of_a_run),
    };
    return cmocka_run_group_tests_name("run", tests, enter_folder, leave_folder);
}

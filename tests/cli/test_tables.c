// test_tables.c - qa --table, and questions with answers of their own, over a fake library.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ANSWERED "\"answers\":{\"who?\":\"yes\",\"color?\":\"none\"}"
#define SCORED   "\"scores\":{\"who?\":-0.5,\"color?\":-0.5}"

static const fake_row table_rows[] = {
    {"qa|dir|--questions|Q|--table|-f|csv", 0,
     "path,who?,color?,error\ndir/a.mp4,yes,none,\ndir/b.mp4,yes,none,\n", ""},
    {"qa|x.png|--questions|Q|--table|-f|tsv|--scores", 0,
     "path\twho?\twho? score\tcolor?\tcolor? score\terror\n"
     "x.png\tyes\t-0.5\tnone\t-0.5\t\n",
     ""},
    {"qa|a.mp4|--questions|Q|--table|-f|jsonl|--segment|2|--scores", 0,
     "{\"path\":\"a.mp4\",\"start\":0.000,\"end\":2.000,\"answers\":{\"who?\":"
     "\"segment 2\",\"color?\":\"none\"}," SCORED "}\n"
     "{\"path\":\"a.mp4\",\"start\":2.000,\"end\":2.500,\"answers\":{\"who?\":"
     "\"segment 2\",\"color?\":\"none\"}," SCORED "}\n",
     ""},
    {"qa|x.png|--questions|Q|--table|-f|json", 0,
     "[\n{\"path\":\"x.png\"," ANSWERED "}\n]\n", ""},
    {"qa|x.png|--questions|Q|--table|-f|json|--segment|auto", 0,
     "[\n{\"path\":\"x.png\",\"start\":null,\"end\":null,\"answers\":{\"who?\":"
     "\"segment auto\",\"color?\":\"none\"}}\n]\n",
     ""},
    // Answers for all others than those that have their own.
    {"qa|x.png|--questions|Q|--table|-f|csv|--answers|up,down", 0,
     "path,who?,color?,error\nx.png,down,none,\n", ""},
    // Titles are cells like others.
    {"qa|x.png|a \"b\", c|--table|-f|csv", 0,
     "path,\"a \"\"b\"\", c\",error\nx.png,yes,\n", ""},
    {"qa|x.png|a \"b\"|--table|-f|jsonl", 0,
     "{\"path\":\"x.png\",\"answers\":{\"a \\\"b\\\"\":\"yes\"}}\n", ""},
    // What failed has a row, too.
    {"qa|-a|some|--questions|Q|--table|-f|csv", 3,
     "path,who?,color?,error\na.mp4,yes,none,\nbad.mp4,,,no video stream\n", "*"},
    {"qa|-a|some|--questions|Q|--table|-f|jsonl", 3,
     "{\"path\":\"a.mp4\"," ANSWERED "}\n{\"path\":\"bad.mp4\",\"error\":\"*", "*"},
    // Rows of another kind.
    {"qa|x.png|--questions|Q|-f|jsonl", 0,
     "{\"path\":\"x.png\",\"question\":\"who?\",\"answer\":\"yes\",\"score\":-0.5,"
     "\"start\":null,\"end\":null,\"ranked\":null}\n"
     "{\"path\":\"x.png\",\"question\":\"color?\",\"answer\":\"none\",\"score\":-0.5,"
     "\"start\":null,\"end\":null,\"ranked\":[{\"answer\":\"none\",\"score\":-0.5},"
     "{\"answer\":\"blue\",\"score\":-1},{\"answer\":\"red\",\"score\":-1.5}]}\n",
     ""},
    {"qa|x.png|--questions|Q|--k-test|2|-f|csv", 0,
     "path,question,answer,score,start,end,ranked\nx.png,who?,yes,-0.5,,,\n"
     "x.png,color?,none,-0.5,,,\"[{\"\"answer\"\":\"\"none\"\",\"\"score\"\":-0.5},"
     "{\"\"answer\"\":\"\"blue\"\",\"\"score\"\":-1}]\"\n",
     ""},
};

#define NO_MODEL "|--model|nomodel"

static const fake_row refused_tables[] = {
    {"qa|x.png|who?|--table|-f|csv|who?" NO_MODEL, 2, "",
     "vblip: question 2: the table has a column who? already\n"},
    {"qa|x.png|who?|--table|-f|json|who?" NO_MODEL, 2, "",
     "vblip: question 2: the table has a column who? already\n"},
    {"qa|x.png|who?|who? score|--table|-f|csv|--scores" NO_MODEL, 2, "",
     "vblip: question 2: the table has a column who? score already\n"},
    {"qa|x.png|error|--table|-f|tsv" NO_MODEL, 2, "",
     "vblip: question 1: the table has a column error already\n"},
    {"qa|x.png|--questions|torn|--table|-f|csv" NO_MODEL, 2, "",
     "vblip: torn: line 2: an empty answer\n"},
    {"qa|x.png|--questions|none|--table|-f|csv" NO_MODEL, 2, "",
     "vblip: none: holds no question\n"},
    {"qa|x.png|--questions|nofile" NO_MODEL, 2, "",
     "vblip: nofile: No such file or directory\n"},
    {"qa|x.png|--questions|Q|--table|-o|Q|-f|csv" NO_MODEL, 2, "",
     "vblip: -o Q: is read as --questions\n"},
    {"qa|x.png|--questions|ranked|--beams|2" NO_MODEL, 2, "",
     "vblip: --beams, --max-length, --min-length: every question has answers to rank, "
     "none is generated\n"},
    {"qa|x.png|--questions|plain|--k-test|2" NO_MODEL, 2, "",
     "vblip: --k-test: no question has answers to rank\n"},
    {"qa|v|q|--table", 2, "",
     "vblip: --table: only allowed with --format tsv, csv, json or jsonl\n"},
    {"qa|v|--dialog|f|--table|-f|csv", 2, "",
     "vblip: --table: not allowed together with --dialog\n"},
    {"qa|v|q|-f|csv|--scores", 2, "", "vblip: --scores: only allowed with --table\n"},
    {"qa|v|q|-f|csv|--table|--scores=f", 2, "", "vblip: --scores: takes no value\n"},
    {"eval|retrieval|--annotations|f|--scores", 2, "",
     "vblip: --scores: a value is missing: FILE\n"},
    {"match|v|q|--table", 2, "", "vblip: --table: not an option of match; *"},
};

static void test_tables(void **state)
{
    (void)state;
    put_text("Q", "# about pictures\nwho?\ncolor? = red, blue, none\n");
    put_text("torn", "who?\ncolor? = red,,\n");
    put_text("none", "# nothing\n\n");
    put_text("ranked", "color? = red, blue\n");
    put_text("plain", "color?\n");
    put_text("some", "a.mp4\nbad.mp4\n");
    check_rows(table_rows, sizeof table_rows / sizeof *table_rows);
    check_rows(refused_tables, sizeof refused_tables / sizeof *refused_tables);
}

// What is said of a table of which nothing could be made leaves what was there.
static void test_a_file_that_is_there(void **state)
{
    (void)state;
    result r;
    put_text("old.csv", "old");
    run(&r, "qa|bad.mp4|who?|--table|-o|old.csv");
    assert_int_equal(r.code, 4);
    expect_file("old.csv", "old");
    run(&r, "qa|x.png|who?|--table|-o|old.csv");
    assert_int_equal(r.code, 0);
    expect_file("old.csv", "path,who?,error\nx.png,yes,\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_a_file_that_is_there),
    };
    return cmocka_run_group_tests_name("tables", tests, enter_folder, leave_folder);
}

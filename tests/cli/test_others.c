// test_others.c - what goes to other systems and comes from them, over a fake library: export and
// rerank.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const fake_row exports[] = {
    {"export|films.index", 0,
     "{\"path\":\"/films/"
     "a\\tb.mp4\",\"start\":0.000,\"end\":1.500,\"vector\":[0.5,-0.25]}"
     "\n{\"path\":\"/films/"
     "a\\tb.mp4\",\"start\":1.500,\"end\":3.000,\"vector\":[1,0]}\n"
     "{\"path\":\"/films/c,d.png\",\"start\":null,\"end\":null,\"vector\":[0,"
     "9.99999972e-10]}\n",
     ""},
    {"export|films.index|-f|csv", 0,
     "path,start,end,vector\n/films/a\tb.mp4,0.000,1.500,\"[0.5,-0.25]\"\n*", ""},
    {"export|films.index|-f|csv|--no-vectors", 0,
     "path,start,end\n/films/a\tb.mp4,0.000,1.500\n/films/a\tb.mp4,1.500,3.000\n"
     "\"/films/c,d.png\",,\n",
     ""},
    {"export|films.index|-f|pgcopy", 0,
     "/films/a\\tb.mp4\t0.000\t1.500\t[0.5,-0.25]\n"
     "/films/a\\tb.mp4\t1.500\t3.000\t[1,0]\n"
     "/films/c,d.png\t\\N\t\\N\t[0,9.99999972e-10]\n",
     ""},
    {"export|empty.index|-f|json", 0, "[]\n", ""},
    {"export|empty.index|-f|pgcopy", 0, "", ""},
    {"export|broken.index", 4, "", "vblip: broken.index: block 3 is damaged\n"},
    {"export", 2, "", "vblip: export: missing an INDEX; see: vblip help export\n"},
    {"export|a.index|b.index", 2, "",
     "vblip: b.index: one INDEX is allowed; vblip merge joins several\n"},
    {"export|a.index|-f|text", 2, "",
     "vblip: --format text: allowed for export: tsv, csv, json, jsonl, pgcopy, npy\n"},
    {"export|a.index|-f|srt", 2, "", "vblip: --format srt: allowed for export: *"},
    {"caption|a.mp4|-f|npy", 2, "",
     "vblip: --format npy: allowed for caption: text, tsv, csv, json, jsonl, srt, "
     "vtt\n"},
    {"export|a.index|-f|npy|--no-vectors", 2, "",
     "vblip: --no-vectors: not allowed with --format npy, which is vectors alone\n"},
    {"export|mine.index|-o|mine.index-wal", 2, "",
     "vblip: -o mine.index-wal: is a file of the index\n"},
    {"export|mine.index|-o|mine.index", 2, "", "vblip: -o mine.index: is an input\n"},
};

static void test_exports(void **state)
{
    (void)state;
    put_text("mine.index", "mine");
    put_text("mine.index-wal", "log");
    check_rows(exports, sizeof exports / sizeof *exports);
    expect_file("mine.index", "mine");
    expect_file("mine.index-wal", "log");
}

// What numpy.load reads: the header is as long as it says, and ends where 64 divides.
static void test_a_matrix(void **state)
{
    (void)state;
    static const char header[] =
        "\x93NUMPY\1\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";
    static const float values[] = {0.5f, -0.25f, 1, 0, 0, 1e-9f};
    result r;
    char bytes[512] = {0};
    run(&r, "export|films.index|-o|v.npy");
    assert_int_equal(r.code, 0);
    FILE *file = fopen("v.npy", "rb");
    assert_non_null(file);
    const size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    assert_int_equal(size, 128 + sizeof values);
    assert_memory_equal(bytes, header, sizeof header - 1);
    assert_int_equal(bytes[8], 128 - 10);
    assert_int_equal(bytes[127], '\n');
    assert_memory_equal(bytes + 128, values, sizeof values);
    run(&r, "export|empty.index|-o|none.npy");
    assert_int_equal(r.code, 0);
    put_text("kept.npy", "a matrix");
    run(&r, "export|torn.index|-o|kept.npy"); // in the middle of the vectors
    assert_int_equal(r.code, 4);
    assert_string_equal(r.err, "vblip: torn.index: block 4 is damaged\n");
    expect_file("kept.npy", "a matrix");
}

#define OF_CATS                                                                        \
    ",\"score\":-3.75,\"itc\":0.25,\"itm_logit\":-4,\"p_match\":0.125,"                \
    "\"calibration\":null}\n"

static const fake_row reranked[] = {
    // All that a candidate had comes back, digit by digit; what was said of it before goes.
    {"rerank|two|dog"
     "|--model|m",
     0,
     "{\"id\":9007199254740993,\"path\":\"b.mp4\",\"start\":8.25,\"end\":9,\"more\":{"
     "\"a\":"
     "[1,\"}\"]} "
     ",\"query\":\"dog\",\"rank\":1,\"score\":5.5,\"itc\":0.25,\"itm_logit\":"
     "5.25,"
     "\"p_match\":0.875,\"calibration\":null}\n"
     "{\"path\": "
     "\"a.mp4\",\"start\":1,\"end\":2,\"query\":\"dog\",\"rank\":2,\"score\":"
     "-1.75,\"itc\":0.25,\"itm_logit\":-2,\"p_match\":0.125,\"calibration\":null}\n",
     ""},
    {"rerank|two|dog|--top|1|--model|m", 0, "{\"id\":9007199254740993,*", ""},
    {"rerank|two|dog|--min-p|0.9|--model|m", 0, "", ""},
    {"rerank|own|--model|m", 0,
     "{\"path\":\"a\",\"query\":\"cats\",\"rank\":1" OF_CATS
     "{\"path\":\"a\",\"query\":\"cats\",\"rank\":2" OF_CATS
     "{\"path\":\"a\",\"query\":\"ox\",\"rank\":1,\"score\":-1.75,*",
     ""},
    {"rerank|some|dog|--model|m", 3,
     "{\"path\":\"bad.mp4\",\"error\":\"no video stream\"}\n{\"path\":\"a.mp4\",*",
     "vblip: bad.mp4: no video stream\n"},
    {"rerank|behind|dog|--model|m", 3,
     "{\"path\":\"short.mp4\",\"error\":\"nothing from 9.000 s on\"}\n"
     "{\"path\":\"a.mp4\",*",
     "vblip: short.mp4: nothing from 9.000 s on\n"},
    {"rerank|all-bad|dog|--model|m", 4,
     "{\"path\":\"bad.mp4\",\"error\":\"no video stream\"}\n",
     "vblip: bad.mp4: no video stream\n"},
    {"rerank|lost|dog|--model|m", 5, "", "vblip: device lost\n"},
    {"rerank|nothing|dog|--model|m", 0, "", ""},
    {"rerank|two|--model|m", 2, "",
     "vblip: two, line 1: query: missing; name one for all behind the file\n"},
    {"rerank|torn|dog|--model|m", 2, "", "vblip: torn, line 2: *"},
    {"rerank|gone|dog|--model|m", 2, "", "vblip: gone: No such file or directory\n"},
    {"rerank", 2, "",
     "vblip: rerank: missing a file of candidates; see: vblip help rerank\n"},
    {"rerank|two|a|dog", 2, "", "vblip: dog: one query is allowed\n"},
    {"rerank|two|dog|-f|csv", 2, "", "vblip: --format: allowed for rerank: jsonl\n"},
    {"rerank|two|dog|-o|two|--model|m", 2, "", "vblip: -o two: is an input\n"},
    {"rerank|far|dog|-o|far.jsonl|--model|m", 2, "",
     "vblip: -o far.jsonl: is a candidate\n"},
    {"rerank|held|dog|-o|held.mp4|--model|m", 2, "",
     "vblip: -o held.mp4: may be an input: it is among the videos and images\n"},
};

static void test_reranked(void **state)
{
    (void)state;
    put_text("two",
             "{\"path\": \"a.mp4\", \"start\":1,\"end\":2, \"rank\":2,\"score\":0.5}\n"
             "\n{ \"id\":9007199254740993,\"path\":\"b.mp4\",\"start\":8.25,"
             "\"end\":9,\"more\":{\"a\":[1,\"}\"]} }\n");
    put_text("own",
             "{\"path\":\"a\",\"query\":\"cats\"}\n{\"path\":\"a\",\"query\":\"ox\"}\n"
             "{\"path\":\"a\",\"query\":\"cats\"}\n");
    put_text("some",
             "{\"path\":\"bad.mp4\"}\n{\"path\":\"a.mp4\"}\n{\"path\":\"bad.mp4\"}\n");
    put_text("behind", "{\"path\":\"short.mp4\",\"start\":9,\"end\":10}\n"
                       "{\"path\":\"a.mp4\"}\n");
    put_text("all-bad", "{\"path\":\"bad.mp4\"}\n");
    put_text("lost", "{\"path\":\"lost.mp4\"}\n");
    put_text("nothing", "\n{\"path\":\"x.mp4\",\"error\":\"gone\"}\n");
    put_text("torn", "{\"path\":\"a.mp4\"}\n{\"path\":\n");
    put_text("held", "{\"path\":\"held.mp4\"}\n");
    put_text("held.mp4", "film");
    put_text("far", "{\"path\":\"far.jsonl\"}\n");
    put_text("far.jsonl", "film");
    check_rows(reranked, sizeof reranked / sizeof *reranked);
    expect_file("held.mp4", "film");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exports),
        cmocka_unit_test(test_a_matrix),
        cmocka_unit_test(test_reranked),
    };
    return cmocka_run_group_tests_name("others", tests, enter_folder, leave_folder);
}

// test_replacing.c - files that no run may replace: what it reads, and what it was not
// asked to (cli.md 2 and 5).
#include "cli/run_fake.h"

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

// "kept" is read by every one of these lines, under one name or another.
static const struct guarded {
    const char *line, *message;
} guarded[] = {
    {"caption|kept|-o|./kept", "-o ./kept: is an input"},
    {"caption|kept|-o|hard", "-o hard: is an input"},
    {"caption|./hard|-o|soft", "-o soft: is an input"},
    {"caption|-a|kept|-o|soft", "-o soft: is read as -a"},
    {"tokenize|-a|kept|-o|kept|--vocab|v", "-o kept: is read as -a"},
    {"tokenize|a|-o|kept|--vocab|soft", "-o kept: is read as --vocab"},
    {"retrieve|dir|--queries|hard|-o|kept", "-o kept: is read as --queries"},
    {"reason|a|b|--statements|kept|-o|kept", "-o kept: is read as --statements"},
    {"embed|--what|text|--texts|kept|-o|kept", "-o kept: is read as --texts"},
    {"qa|a.mp4|--questions|kept|-o|kept", "-o kept: is read as --questions"},
    {"qa|a.mp4|q|--answers-file|kept|-o|kept", "-o kept: is read as --answers-file"},
    {"qa|a.mp4|--dialog|kept|-o|kept", "-o kept: is read as --dialog"},
    {"eval|qa|--annotations|kept|-o|kept", "-o kept: is read as --annotations"},
    {"eval|qa|--annotations|kept|--predictions|soft",
     "--predictions soft: is read as --annotations"},
    {"eval|retrieval|--annotations|kept|--scores|hard",
     "--scores hard: is read as --annotations"},
    {"eval|vqa|--annotations|list|--answers-file|kept|-o|kept",
     "-o kept: is read as --answers-file"},
    {"filter|kept|-o|hard", "-o hard: is an input"},
    {"filter|new.partial|-o|new", "new.partial: is an input"},
    {"caption|a.mp4|--model|kept|-o|fake/1.bin",
     "-o fake/1.bin: is a file of the model"},
    {"models|-o|fake/config.json", "-o fake/config.json: is a file of the model"},
    {"filter|list|--captioner|kept|-o|fake/1.bin",
     "-o fake/1.bin: is a file of the model"},
    {"eval|caption|--images|media|-o|media/../media/a.png",
     "-o media/../media/a.png: may be an input: it is among the videos and images"},
    {"eval|caption|--annotations|media/list|-o|media/a.png",
     "-o media/a.png: may be an input: it is among the videos and images"},
    {"filter|list|--root|media|-o|media/a.png",
     "-o media/a.png: may be an input: it is among the videos and images"},
    // nor may two results be one file
    {"eval|qa|--annotations|list|--predictions|x|-o|./x", "x: two results in one file"},
    {"eval|qa|--annotations|list|--predictions|x|-o|lost",
     "x: two results in one file"},
    {"eval|qa|--annotations|list|--predictions|./kept|-o|hard",
     "./kept: two results in one file"},
};

static void test_nothing_that_is_read_is_replaced(void **state)
{
    (void)state;
    result r;
    assert_int_equal(mkdir("media", 0777) | mkdir("fake", 0777), 0);
    assert_int_equal(symlink("kept", "soft") | symlink("x", "lost"), 0);
    static const char *const files[] = {
        "kept",        "list",       "fake/1.bin", "fake/config.json",
        "media/a.png", "media/list", "new.partial"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        put_text(files[i], "old");
    assert_int_equal(link("kept", "hard"), 0);
    for (size_t i = 0; i < sizeof guarded / sizeof *guarded; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "vblip: %s\n", guarded[i].message);
        run(&r, guarded[i].line);
        if (r.code != 2 || strcmp(r.err, expected) != 0)
            fail_msg("%s: exit %d, %s", guarded[i].line, r.code, r.err);
    }
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        expect_file(files[i], "old");
    assert_int_equal(access("x", F_OK), -1);

    // what is not read may be replaced, also beside what is
    put_text("media/old.csv", "old");
    run(&r, "eval|caption|--images|media|-o|media/old.csv");
    assert_int_equal(r.code, 0);
    expect_file("media/old.csv", "image_id,caption\n42,a dog\n7,\"a \"\"cat\"\"\"\n");
    assert_int_equal(system("rm -r media fake kept list soft hard lost new.partial"),
                     0);
}

// Each line with the file that stands in its way; none writes anything.
static const struct in_the_way {
    const char *line, *message;
} in_the_way[] = {
    {"caption|-f|srt|new.mp4|clip.mp4",
     "clip.srt: exists; --overwrite (-y) replaces it"},
    {"caption|-f|srt|./clip.mkv", "./clip.srt: exists; --overwrite (-y) replaces it"},
    {"caption|-f|srt|link.mp4", "link.srt: exists; --overwrite (-y) replaces it"},
    {"caption|-f|srt|clip.mp4|--model|nomodel",
     "clip.srt: exists; --overwrite (-y) replaces it"},
    // what is read stays, whatever is asked for
    {"caption|-f|srt|-y|clip.srt", "clip.srt: is an input"},
    {"caption|-f|srt|-y|clip.mp4|link.srt", "clip.srt: is an input"},
    {"caption|-f|srt|-y|-a|list.srt", "list.srt: is read as -a"},
    {"caption|-f|vtt|-y|v.mp4|--vocab|v.vtt", "v.vtt: is read as --vocab"},
    // one input, one file
    {"caption|-f|srt|new.mp4|new.mp4",
     "new.mp4: given twice; it can have subtitles once"},
    {"caption|-f|srt|new.mp4|x.png|./new.mp4",
     "./new.mp4: given twice; it can have subtitles once"},
    {"caption|-f|srt|dir|here/dir/b.mp4",
     "here/dir/b.mp4: given twice; it can have subtitles once"},
    {"caption|-f|srt|new.mp4|new.mkv.avi|new.mkv",
     "new.mkv: its subtitles would be those of another input: new.mkv.srt"},
};

static void test_subtitles_replace_nothing_unasked(void **state)
{
    (void)state;
    result r;
    put_text("clip.srt", "mine");
    put_text("list.srt", "list.mp4\n");
    put_text("v.vtt", "words");
    assert_int_equal(mkdir("dir", 0777), 0);
    assert_int_equal(symlink("clip.srt", "link.srt") | symlink(".", "here"), 0);
    for (size_t i = 0; i < sizeof in_the_way / sizeof *in_the_way; i++) {
        char expected[256];
        snprintf(expected, sizeof expected, "vblip: %s\n", in_the_way[i].message);
        run(&r, in_the_way[i].line);
        if (r.code != 2 || strcmp(r.err, expected) != 0)
            fail_msg("%s: exit %d, %s", in_the_way[i].line, r.code, r.err);
    }
    expect_file("clip.srt", "mine");
    expect_file("list.srt", "list.mp4\n");
    expect_file("v.vtt", "words");
    assert_int_equal(access("new.srt", F_OK), -1);

    run(&r, "caption|-f|srt|-y|link.mp4");
    assert_int_equal(r.code, 0);
    expect_file("clip.srt", FAKE_SRT);
    put_text("clip.srt", "mine");
    run(&r, "caption|-o|clip.srt|clip.mp4"); // named: replaced
    assert_int_equal(r.code, 0);
    expect_file("clip.srt", FAKE_SRT);

    // a file named - is not standard output
    put_text("-", "mine");
    run_with(&r, "caption|-|-f|srt", "clip.srt", NULL, "fake");
    assert_int_equal(r.code, 0);
    assert_string_equal(r.out, FAKE_SRT);
    expect_file("-", "mine");

    // a picture beside a video leaves it the name, and is in nobody's way
    put_text("p.png.srt", "mine");
    run(&r, "caption|-f|srt|p.png|p.mp4");
    expect_file("p.srt", FAKE_SRT);
    expect_file("p.png.srt", "mine");
    assert_int_equal(system("rm -r clip.srt list.srt v.vtt dir link.srt here p.* ./-"),
                     0);
}

// What has subtitles is not looked at again, by the name that it had among all inputs.
static void test_inputs_that_have_subtitles_are_left_out(void **state)
{
    (void)state;
    result r;
    put_text("a.srt", "mine");
    run(&r, "caption|-f|srt|--skip-existing|a.mp4|b.mp4|a.mkv|bad.mp4");
    assert_int_equal(r.code, 3);
    assert_string_equal(r.err,
                        "vblip: 1 of 4 inputs left out: it has subtitles already\n"
                        "vblip: bad.mp4: no video stream\n");
    expect_file("a.srt", "mine");
    expect_file("b.srt", FAKE_SRT);
    expect_file("a.mkv.srt", FAKE_SRT);

    // nothing left is no failure, and no model is loaded for it
    run(&r, "caption|-f|srt|--skip-existing|a.mp4|b.mp4|a.mkv|--model|nomodel");
    assert_int_equal(r.code, 0);
    assert_string_equal(r.err, "vblip: 3 of 3 inputs left out: they have subtitles "
                               "already\n");
    assert_string_equal(r.out, "");
    run(&r, "caption|-f|srt|a.mp4|b.mp4");
    assert_int_equal(r.code, 2);
    run(&r, "caption|-f|vtt|-q|--skip-existing|a.mp4"); // srt is another file
    assert_int_equal(r.code, 0);
    assert_string_equal(r.err, "");
    assert_int_equal(system("rm a.srt b.srt a.mkv.srt a.vtt"), 0);
}

static void test_copies_with_subtitles(void **state)
{
    (void)state;
    static const char copy[] = "0-2000000 a dog on a beach\n2000000-2500000 a cat\n";
    result r;
    run(&r, "caption|--mux|new.mp4|data.mkv|new.avi|x.png|short.mp4|unmuxed.mp4");
    assert_int_equal(r.code, 3);
    assert_string_equal(r.out, "");
    assert_string_equal(r.err,
                        "vblip: data.captions.mkv: without 2 tracks of data.mkv\n"
                        "vblip: x.png: an image has no times, subtitles need them\n"
                        "vblip: short.mp4: truncated: 3 of 9 frames\n"
                        "vblip: unmuxed.mp4: cannot be copied\n");
    expect_file("new.captions.mp4", copy);
    expect_file("data.captions.mkv", copy);
    expect_file("new.captions.mkv", copy); // an avi takes none
    assert_int_equal(access("short.captions.mp4", F_OK), -1);
    run(&r, "caption|--mux|late.mp4|--chapters|-o|out.mkv");
    assert_int_equal(r.code, 0);
    expect_file("out.mkv", "2000000-4000000 a dog on a beach\n4000000-4500000 a cat\n"
                           "chapter a dog on a beach\nchapter a cat\n");
    run(&r, "caption|--mux|unmuxed.mp4");
    assert_int_equal(r.code, 4);
    run(&r, "caption|--mux|nowhere/a.mp4");
    assert_int_equal(r.code, 4);
    assert_string_equal(r.err,
                        "vblip: nowhere/a.captions.mp4: No such file or directory\n");
    assert_int_equal(system("rm new.captions.* data.captions.mkv out.mkv"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_that_is_read_is_replaced),
        cmocka_unit_test(test_subtitles_replace_nothing_unasked),
        cmocka_unit_test(test_inputs_that_have_subtitles_are_left_out),
        cmocka_unit_test(test_copies_with_subtitles),
    };
    return cmocka_run_group_tests_name("replacing", tests, enter_folder, leave_folder);
}

// test_segments.c - captions of shots and answers about segments, over a fake library.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ECHO                                                                           \
    "every 0 us 0 frames, count 0, prompt -, beams 0, length 0 to 0, penalty 0, "      \
    "frames 0, batch 0, jobs 0"
#define DOGS                                                                           \
    "00:00:00.000  a dog on a beach\n00:00:01.000  a dog on a beach\n"                 \
    "00:00:02.000  a cat\n"

static const fake_row segment_rows[] = {
    {"caption|options.png", 0, ECHO "\n", ""},
    {"caption|options.png|--shots", 0, ECHO ", shots\n", ""},
    {"caption|a.mp4|--shots|-f|srt|-o|-", 0, FAKE_SRT, ""},
    {"caption|long.mp4|--shots", 0,
     DOGS, // who asks for few is told no way to ask for less
     "vblip: 600 captions, about 40 min on llvmpipe\n"},
    {"qa|a.mp4|who?|--segment|shots", 0,
     "00:00:00.000-00:00:02.000\tsegment shots\n"
     "00:00:02.000-00:00:02.500\tsegment shots\n",
     ""},
    {"qa|a.mp4|who?|what?|--segment|2", 0,
     "a.mp4\twho?\t00:00:00.000-00:00:02.000\tsegment 2\n"
     "a.mp4\twhat?\t00:00:00.000-00:00:02.000\tsegment 2\n"
     "a.mp4\twho?\t00:00:02.000-00:00:02.500\tsegment 2\n"
     "a.mp4\twhat?\t00:00:02.000-00:00:02.500\tsegment 2\n",
     ""},
    {"qa|x.png|who?|--segment|auto", 0, "\tsegment auto\n", ""},
    {"qa|dir|w|--segment|2|-f|csv", 0,
     "path,question,answer,score,start,end\n"
     "dir/a.mp4,w,segment 2,-0.5,0.000,2.000\n"
     "dir/a.mp4,w,segment 2,-0.5,2.000,2.500\n"
     "dir/b.mp4,w,segment 2,-0.5,0.000,2.000\n"
     "dir/b.mp4,w,segment 2,-0.5,2.000,2.500\n",
     ""},
    {"qa|a.mp4|w|--answers|red,green|--k-test|1|--segment|2|-f|jsonl", 0,
     "{\"path\":\"a.mp4\",\"question\":\"w\",\"answer\":\"green\",\"score\":-0.5,"
     "\"start\":0.000,\"end\":2.000,\"ranked\":[{\"answer\":\"green\",\"score\":-0.5}]"
     "}\n"
     "{\"path\":\"a.mp4\",\"question\":\"w\",\"answer\":\"green\",\"score\":-0.5,"
     "\"start\":2.000,\"end\":2.500,\"ranked\":[{\"answer\":\"green\",\"score\":-0.5}]"
     "}\n",
     ""},
    {"qa|a.mp4|who?|--segment|often|--model|nomodel", 2, "",
     "vblip: --segment often: auto, whole, shots, or 0.1 to 86400 seconds are "
     "allowed\n"},
    {"caption|a.mp4|--shots|--count|3|--model|nomodel", 2, "",
     "vblip: --shots: not allowed together with --every or --count\n"},
};

static void test_rows_of_segments(void **state)
{
    (void)state;
    check_rows(segment_rows, sizeof segment_rows / sizeof *segment_rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows_of_segments)};
    return cmocka_run_group_tests_name("segments", tests, enter_folder, leave_folder);
}

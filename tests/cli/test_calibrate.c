// test_calibrate.c - vblip calibrate over a fake library, and what P(match) goes by elsewhere:
// what they print, and the exit status they end with.
#include "cli/run_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TABLES                                                                         \
    "             softmax                     calibrated\n"                            \
    "P(match)        pairs  mean P  observed     pairs  mean P  observed\n"            \
    "0.0 to 0.1          3   0.062     0.000         0       -         -\n"            \
    "0.1 to 0.2          0       -         -         4   0.125     0.250\n"            \
    "0.2 to 0.3          0       -         -         0       -         -\n"            \
    "0.3 to 0.4          0       -         -         0       -         -\n"            \
    "0.4 to 0.5          0       -         -         0       -         -\n"            \
    "0.5 to 0.6          0       -         -         0       -         -\n"            \
    "0.6 to 0.7          0       -         -         0       -         -\n"            \
    "0.7 to 0.8          0       -         -         0       -         -\n"            \
    "0.8 to 0.9          0       -         -         0       -         -\n"            \
    "0.9 to 1.0          1   0.938     1.000         0       -         -\n"            \
    "ECE                              0.0625                      0.1250\n"            \
    "Brier                            0.0000                      0.2500\n"

#define HEADER "p_match,temperature,bias,pairs,matches,ece,brier,bins\n"

static const struct calibrate_row {
    const char *line;
    int code;
    const char *out, *err; // `out`: how it begins
} calibrate_rows[] = {
    {"calibrate|pairs", 0,
     TABLES "temperature 2.0000, bias -0.5000: of 4 pairs, 1 of which match; "
            "fake/calibration.json\n",
     ""},
    {"calibrate|pairs|-o|c.json|--itm-token|cls", 0,
     TABLES "temperature 4.0000, bias -0.5000: of 4 pairs, 1 of which match; c.json\n",
     ""},
    {"calibrate|pairs|-o|c.json|-f|csv", 0,
     HEADER
     "softmax,1,0,4,1,0.0625,0,\"[{\"\"from\"\":0,\"\"to\"\":0.1,\"\"pairs\"\":3,"
     "\"\"mean_p\"\":0.0625,\"\"observed\"\":0},{\"\"from\"\":0.1,\"\"to\"\":0.2,"
     "\"\"pairs\"\":0,\"\"mean_p\"\":null,\"\"observed\"\":null},",
     ""},
    {"calibrate|few", 4, "", "vblip: few: 1 pairs match, 3 do not\n"},
    {"calibrate|bad", 3, "",
     "vblip: three.png: No such file or directory\nvblip: bad: 1 of 3 could not be "
     "read\n"},
    {"calibrate|missing", 4, "", "vblip: missing: No such file or directory\n"},
    {"calibrate|torn|--model|nomodel", 4, "", "vblip: torn:2: not JSON\n"},
    {"calibrate|pairs|--model|caption-only", 4, "",
     "vblip: caption-only: this checkpoint holds: caption\n"},
    {"match|a.mp4|one|-f|csv|--model|fitted", 0,
     "path,text,itc,itm_logit_0,itm_logit_1,p_match,calibration\n"
     "a.mp4,one,0.25,-1,1.5,0.9375,fitted/calibration.json\n",
     ""},
    {"match|a.mp4|one|--model|fitted|--frames|4", 0, "0.94  0.250  a.mp4  one\n",
     "vblip: fitted/calibration.json: fitted with 8 frames, not 4: not used, P(match) "
     "is plain softmax\n"},
    {"retrieve|dir|q|-f|csv|--rerank|1|--model|fitted", 0,
     "query,rank,path,start,end,score,itc,itm_logit,p_match,calibration\n"
     "q,1,dir/a.mp4,72.000,80.000,2.5,0.5,2,0.96875,fitted/calibration.json\n"
     "q,2,dir/b.mp4,72.000,80.000,0.5,0.5,,,\n",
     ""},
    {"retrieve|dir|q|--top|1|--rerank|0|--frames|4|--model|fitted", 0,
     "1  0.50  00:01:12.000-00:01:20.000  dir/a.mp4\n", ""},
    {"match|a.mp4|one|--calibration|lost.json", 4, "",
     "vblip: lost.json: No such file or directory\n"},
    {"match|a.mp4|one|--calibration|none", 0, "0.94  0.250  a.mp4  one\n", ""},
    {"match|a.mp4|one|--calibration|kept.json|-o|kept.json", 2, "",
     "vblip: -o kept.json: is read as --calibration\n"},
};

static void test_what_is_printed(void **state)
{
    (void)state;
    put_text("kept.json", "{}");
    for (size_t i = 0; i < sizeof calibrate_rows / sizeof *calibrate_rows; i++) {
        const struct calibrate_row *row = &calibrate_rows[i];
        result r;
        run(&r, row->line);
        if (r.code != row->code || strncmp(r.out, row->out, strlen(row->out)) != 0 ||
            strcmp(r.err, row->err) != 0)
            fail_msg("%s: exit %d\n-- out\n%s-- err\n%s", row->line, r.code, r.out,
                     r.err);
    }
    expect_file("kept.json", "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_printed)};
    return cmocka_run_group_tests_name("calibrate", tests, enter_folder, leave_folder);
}

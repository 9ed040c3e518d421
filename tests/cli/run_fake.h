// run_fake.h - runs the program over a fake library, in a folder of the test's own.
#ifndef CLI_RUN_FAKE_H
#define CLI_RUN_FAKE_H

#include <stdbool.h>
#include <stddef.h>

enum { MOST_OUTPUT = 1 << 14 };

typedef struct result {
    int code; // -1 = killed
    char out[MOST_OUTPUT], err[MOST_OUTPUT];
} result;

size_t read_file(char *text, size_t size,
                 const char *path); // NUL-terminated; "" if none
void write_file(const char *path, const char *bytes, size_t size);
void put_text(const char *path, const char *text);

// Fails unless the file at `path` holds exactly `expected`.
void expect_file(const char *path, const char *expected);

// What the fake sees in a video, as .srt.
#define FAKE_SRT                                                                       \
    "1\n00:00:00,000 --> 00:00:02,000\na dog on a beach\n\n"                           \
    "2\n00:00:02,000 --> 00:00:02,500\na cat\n\n"

// Runs the program on `line`, words parted by '|'. `input` and `output` are files, or
// NULL. The environment holds nothing but VBLIP_MODEL=`model` and HOME.
void run_with(result *r, const char *line, const char *input, const char *output,
              const char *model);
void run(result *r, const char *line);

// What a command line prints, and the exit status it ends with. A trailing * ends a
// comparison.
typedef struct fake_row {
    const char *line;
    int code;
    const char *out, *err;
} fake_row;
bool is_as_expected(const char *text, const char *expected);
void check_rows(const fake_row *rows, size_t count);

// Group setup and teardown: every test runs in a new folder.
int enter_folder(void **state);
int leave_folder(void **state);

#endif // CLI_RUN_FAKE_H

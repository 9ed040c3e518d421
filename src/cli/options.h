// options.h - the table of every option: how it is parsed, checked and explained.
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "cli/args.h"

#include <stddef.h>

typedef enum cli_kind {
    CLI_FLAG,    // bool
    CLI_STRING,  // const char *
    CLI_STRINGS, // cli_words; may be given several times
    CLI_COUNT,   // uint32_t from `least` to `most`
    CLI_COUNTS,  // uint32_t[CLI_MOST_COUNTS + 1] of such above 0, ended by 0
    CLI_REAL,    // float from `least` to `most`
    CLI_CHOICE,  // uint32_t, index into `choices`
    CLI_EVERY,   // T or Nf: every_us or every_frames
    CLI_PART,    // I/N: cli_shard
} cli_kind;

// What the value of a CLI_STRING names.
typedef enum cli_file {
    CLI_FILE_NONE,
    CLI_FILE_LIST,    // a file of entries that are read; "-" is standard input
    CLI_FILE_READ,    // a file that the library reads
    CLI_FILE_WRITTEN, // a file that is written; "-" is standard output
    CLI_FILE_MODEL,   // a checkpoint: files that are read
} cli_file;

enum { CLI_MAX_CHOICES = 13 };

typedef struct cli_option {
    char letter;       // 0 = none
    const char *name;  // without "--"; NULL = none
    uint32_t commands; // bit per cli_command
    cli_kind kind;
    size_t offset;  // of its field in cli_args
    cli_file file;  // no result may replace what is read
    bool same_rows; // it is about how the work is done or shown: no row depends on it
    bool or_none;   // CLI_FILE_READ: "none" names no file
    bool automatic; // CLI_COUNT: "auto" stands for CLI_NOT_GIVEN
    double least, most; // CLI_COUNT, CLI_COUNTS, CLI_REAL
    const char *choices[CLI_MAX_CHOICES];
    const char *value; // how help names the value
    const char *help;  // one line
} cli_option;

#define CLI_ALL_COMMANDS ((1u << CLI_COMMAND_COUNT) - 1u)

// In option_table.c. Ends with an entry that has neither letter nor name.
extern const cli_option cli_options[];

// The options of cli_options that stand for `--name` (size bytes) or `-letter`. Where several
// commands give a name to options of their own: that of `command`, else the first.
const cli_option *cli_option_of(cli_command command, const char *name, size_t size);
const cli_option *cli_option_by_name(const char *name, size_t size);
const cli_option *cli_option_by_letter(char letter);
const cli_option *cli_option_by_label(const char *label); // "--name" or "-l"

// The value of a CLI_STRING; NULL when it was not given.
const char *cli_option_string(const cli_option *option, const cli_args *args);

// How choice `value` of --`option` is typed: "f16".
const char *cli_choice_name(const char *option, uint32_t value);

// The name of the file that is read for the option; NULL when it is not given, not of the
// command, or names none.
const char *cli_option_file_read(const cli_option *option, const cli_args *args);

// Checks `value` and stores it in `args`. `label` (label_size bytes) is the option as
// typed.
vblip_status cli_option_apply(const cli_option *option, cli_args *args,
                              const char *label, int label_size, const char *value,
                              vblip_error *err);

#endif // CLI_OPTIONS_H

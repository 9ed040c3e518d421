// args.h - what the user asked for: the table of commands, and one struct that parse.c
// fills from argv.
//
// Pure, as are options.c (one table, from which the help texts are made as well),
// operands.c and check.c: they read no file, no environment and no clock.
#ifndef CLI_ARGS_H
#define CLI_ARGS_H

#include "base/error.h"
#include "output/rows.h"
#include "terminal/progress.h"
#include "vblip_lab.h"

typedef enum cli_command {
    CLI_RETRIEVE,
    CLI_CUT,
    CLI_INDEX,
    CLI_MERGE,
    CLI_EXPORT,
    CLI_RERANK,
    CLI_QA,
    CLI_CAPTION,
    CLI_COMMAND_RUN,
    CLI_MATCH,
    CLI_REASON,
    CLI_EMBED,
    CLI_EVAL,
    CLI_FILTER,
    CLI_CALIBRATE,
    CLI_SHOTS,
    CLI_SERVE,
    CLI_WATCH,
    CLI_WORKER,
    CLI_MCP,
    CLI_TOKENIZE,
    CLI_MODELS,
    CLI_DOCTOR,
    CLI_BENCH,
    CLI_COMMAND_COUNT, // also: no command
    CLI_HELP_OPTIONS,  // pages of help that are about no command
    CLI_HELP_GLOSSARY,
    CLI_HELP_MAN, // what other programs read
    CLI_HELP_BASH,
    CLI_HELP_ZSH,
    CLI_HELP_FISH,
} cli_command;

// How a command reads its operands.
typedef enum cli_takes {
    CLI_TAKES_PATHS_THEN_QUERY, // PATH... "query", or PATH... with -e or --queries
    CLI_TAKES_PATH_THEN_TEXTS,  // PATH "text"..., or "text"... with -a
    CLI_TAKES_PAIR_THEN_TEXTS,  // LEFT RIGHT "text"..., or "text"... with -a
    CLI_TAKES_PATHS,
    CLI_TAKES_PATHS_FOR_WHAT, // as --what needs, and texts from --text
    CLI_TAKES_TEXTS,
    CLI_TAKES_PROTOCOL,  // eval: retrieval, qa, ...
    CLI_TAKES_ONE_FILE,  // filter, calibrate: PAIRS
    CLI_TAKES_INDEXES,   // merge: INDEX...
    CLI_TAKES_ONE_INDEX, // export
    CLI_TAKES_ROWS,      // rerank: a file of rows, and a query or none
    CLI_TAKES_ANY_PATHS, // PATH..., or none
    CLI_TAKES_ONE_PATH,  // one PATH, or no operand
    CLI_TAKES_DIRECTORY, // watch: one, and texts from --alert
    CLI_TAKES_NAMES,     // any number of names, or none
    CLI_TAKES_NOTHING,
} cli_takes;

typedef struct cli_command_traits {
    const char *name;
    cli_takes operands;
    const char *texts; // what messages call one of its texts
} cli_command_traits;

extern const cli_command_traits cli_commands[CLI_COMMAND_COUNT];

const char *cli_command_name(cli_command command);

// The choices of `run --caption`.
typedef enum cli_run_caption {
    CLI_CAPTION_NONE,
    CLI_CAPTION_SRT,
    CLI_CAPTION_VTT,
} cli_run_caption;

typedef enum cli_action { CLI_RUN, CLI_HELP, CLI_VERSION } cli_action;

enum { CLI_WHAT_UNSET = 5, CLI_MOST_COUNTS = 16 };

// Strings of argv; NULL-terminated when count > 0.
typedef struct cli_words {
    const char **items;
    uint32_t count;
} cli_words;

// One of so many parts of the inputs, from 1; all-zero is all.
typedef struct cli_shard {
    uint32_t index, count;
} cli_shard;

// A number that was not given, where 0 may be.
#define CLI_NOT_GIVEN UINT32_MAX

typedef struct cli_args {
    cli_action action;
    cli_command command;

    // What is worked on, as typed. For `models` paths holds the operand, for `bench`
    // texts holds the names.
    cli_words paths, texts;
    const char *list;       // -a: file of paths; of texts for tokenize
    bool list_nul;          // -0: its entries are ended by NUL
    const char *texts_file; // --queries, --questions, --statements, --texts

    // common options; a number that was not given is 0
    const char *model, *vocab, *device, *hwaccel, *kernels, *output;
    uint32_t precision; // 0 auto, 1 f32, 2 f16, 3 bf16
    uint32_t threads;   // 0 = by cores
    bool cache_weights;
    uint32_t compat; // 0 salesforce, 1 hf: vblip_compat
    uint32_t image_size, frames, batch, jobs;
    uint32_t format;   // vb_format; settled when parsing ends
    uint32_t progress; // vb_progress_style
    cli_shard shard;
    bool raw_text, fail_fast, quiet, verbose, validate, profile;

    // retrieve
    uint32_t top, rerank; // rerank 0 = ITC only, CLI_NOT_GIVEN = auto
    float cache_gb;       // below 0: not given
    float min_p;
    cli_words include, exclude;
    bool files_only, null_paths, exit_status, mpv;
    cli_words like, unlike; // PATH, or PATH@START-END
    float weight;           // of each of those; 0 = default
    const char *then;       // what is to follow
    float within_s;         // 0 = default
    uint32_t by;            // 0 segment, 1 video
    float dedupe;           // a cosine; 0 = nothing is left out
    uint32_t offset;
    const char *since, *until; // dates

    // retrieve, index; the rule also qa
    const char *index;   // file; NULL: one for each directory, in the data folder
    const char *segment; // rule, as typed; NULL = auto, of qa whole
    bool no_index, rebuild, retry_failed;
    bool index_stats, index_list, index_verify, index_remove;
    const char *remap; // OLD=NEW

    const char *contact_sheet; // a picture of all hits; also of cut

    // cut
    bool rows;        // the operand - alone: hits are rows on standard input
    const char *reel; // one file for all hits, instead of -o
    float pad_s;
    bool exact;

    // export
    bool no_vectors;

    // serve
    uint32_t port; // CLI_NOT_GIVEN = default
    const char *bind, *token;

    // watch
    bool watch_all;
    const char *thumbnails, *exec; // a folder; a command

    // match
    uint32_t itm_token; // 0 enc, 1 cls, CLI_NOT_GIVEN

    // embed
    uint32_t what; // vblip_feature, or CLI_WHAT_UNSET

    // qa
    const char *answers, *answers_file;
    const char *dialog; // file of dialogs instead of questions
    uint32_t k_test;    // 0 = default
    bool table, table_scores;

    // run
    bool run_index;
    uint32_t run_caption; // cli_run_caption

    // eval
    uint32_t protocol; // vblip_protocol
    const char *annotations, *media, *scores, *predictions;

    // bench
    uint32_t size; // of models to time: 0 none, else a choice of the option
    uint32_t counts[CLI_MOST_COUNTS + 1]; // ended by 0

    // retrieve, match, filter
    const char *calibration; // file; "none"; NULL = the model's own

    // filter, calibrate; their PAIRS are in `paths`, --root is in `media`
    const char *captioner;

    // caption
    int64_t every_us; // 0 = default
    uint32_t every_frames, count;
    const char *prompt;
    uint32_t beams, max_length, min_length;
    float repetition_penalty;
    bool merge, sample, shots;
    float same_picture;       // a cosine; below 0: not given
    bool overwrite;           // replace files that exist: subtitles, clips, an index
    bool skip_existing;       // inputs that have theirs are left out
    bool mux, chapters;       // copies of the inputs get the captions
    float top_p, temperature; // 0 = default
    uint32_t top_k;           // 0 = all, CLI_NOT_GIVEN = default
    uint32_t seed, samples;

    cli_words files; // bench: what is decoded

    cli_words operands, queries; // what paths and texts are views of
} cli_args;

// Before anything was parsed.
cli_args cli_args_none(void);
void cli_args_free(cli_args *args);

// False when memory runs out.
bool cli_words_add(cli_words *words, const char *word);

// Whether hits become a list for players.
bool cli_is_playlist(uint32_t format);

// Whether `index` only shows what indexes hold.
bool cli_looks_at_indexes(const cli_args *args);

// Whether `index` changes indexes without looking at recordings.
bool cli_edits_indexes(const cli_args *args);

// How a caption is written: what the options of several commands say of it.
vblip_caption_options cli_caption_options(const cli_args *args);

// Writes a message and returns VBLIP_ERR_ARGUMENT.
vblip_status cli_misuse(vblip_error *err, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 2, 3)))
#endif
    ;

#endif // CLI_ARGS_H

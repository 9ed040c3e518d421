// session.h - one run of a command: what it opens, what it reports, how it ends.
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "base/list.h"
#include "base/outfile.h"
#include "base/text.h"
#include "cli/env.h"
#include "cli/outputs.h"
#include "output/rows.h"
#include "terminal/console.h"
#include "terminal/progress.h"
#include "terminal/spool.h"

// cli.md 2, exit status.
typedef enum cli_exit {
    CLI_EXIT_DONE = 0,
    CLI_EXIT_NO_MATCH = 1,
    CLI_EXIT_MISUSED = 2,
    CLI_EXIT_SOME_FAILED = 3,
    CLI_EXIT_UNUSABLE = 4,
    CLI_EXIT_NO_DEVICE = 5,
    CLI_EXIT_INTERRUPTED = 130,
} cli_exit;

struct cli_crew;

typedef struct cli_session {
    const cli_args *args;
    cli_env env;
    vb_console console;
    vb_progress progress;
    char device[64]; // for estimates: "llvmpipe"

    vb_list texts; // queries, questions, texts
    vb_list paths;
    vb_spool spool; // standard input, when a path is "-"
    vblip_inputs *inputs;
    uint32_t input_count;
    bool nothing_left;  // all inputs were left out: that is no failure
    bool finishes_jobs; // interrupted, it ends when what it has in hand is done
    void (*opening)(void *session,
                    const char *line); // what a device logs; NULL: -v shows
    vblip_engine *engine;
    vblip_model *model;
    bool has_liked;          // all that the task likes
    const char *calibration; // file that P(match) goes by; NULL = softmax

    vb_outfile out;
    vb_rows rows;
    vb_string line;     // the row that is put together
    uint64_t written;   // rows so far
    uint32_t failed;    // inputs so far
    bool failed_output; // a file other than -o failed, and that was said
    void *state;        // what the command keeps between callbacks
    // Of a command that others run beside (crew.h): it has the inputs and the engine of all.
    struct cli_crew *crew; // NULL = none does
    vblip_member *member;
} cli_session;

// What a command that works on inputs with a model is made of.
typedef struct cli_task {
    const vb_table *table;
    uint32_t needs;      // enum vblip_task
    uint32_t likes;      // and loads too where the checkpoint has it
    const char *weights; // where real ones are, for the notice of the demo model
    bool annotated;      // its inputs are named by annotations or pairs
    bool own_output;     // it writes -o by itself
    bool rows_on_stdout; // -o is no file of rows
    bool no_model;       // nor a device: `needs` and `weights` are not looked at
    bool failed_rows;    // as in vb_rows
    // Fills s->texts; NULL: from arguments, and from a file, one a line.
    vblip_status (*gather_texts)(cli_session *s, vblip_error *err);
    // Refuses what only shows now that texts and inputs are known; may be NULL.
    vblip_status (*check)(cli_session *s, vblip_error *err);
    // Refuses what only shows now that the model is loaded; may be NULL.
    vblip_status (*ready)(cli_session *s, vblip_error *err);
    vblip_status (*run)(cli_session *s, vblip_error *err);
    // Has the last word on the exit status; may be NULL.
    cli_exit (*finish)(cli_session *s, cli_exit code);
} cli_task;

cli_exit cli_session_run(cli_session *s, const cli_task *task);

// Opens what s->paths stands for.
vblip_status cli_open_inputs(cli_session *s, vblip_error *err);

// Opens the inputs of the session; with `annotated` there are none.
vblip_status cli_gather_inputs(cli_session *s, bool annotated, vblip_error *err);

// Says where the time went, with --profile.
void cli_report_profile(cli_session *s);

// For commands without inputs: opens the output, and ends it.
cli_exit cli_output_begin(cli_session *s, const vb_table *table);
cli_exit cli_output_end(cli_session *s, cli_exit code);

// Callbacks return these: non-zero stops the job.
int cli_emit_row(cli_session *s, const vb_cell *cells); // machine formats
int cli_emit_line(cli_session *s);                      // s->line, as it is
int cli_emit_part(cli_session *s); // the same, of many: not flushed
int cli_input_failed(void *session, const vblip_failure *failure);

// What the library calls `path`, as the user typed it.
const char *cli_shown_path(const cli_session *s, const char *path);

// The job options that every task shares.
vblip_job cli_job(cli_session *s);

// Says `err` and returns the exit status of a failure of `status` kind.
cli_exit cli_fail(cli_session *s, vblip_status status, const vblip_error *err);
// The same when no engine opened: a name that is not known is misuse, all else means
// that no device is usable.
cli_exit cli_no_engine(cli_session *s, vblip_status status, const vblip_error *err);

// The checkpoint that is used: named by argument or environment, else the bundled one;
// NULL when there is none.
const char *cli_model_path(const cli_session *s);

// Model options from arguments and environment.
vblip_model_options cli_model_options(const cli_session *s, uint32_t tasks);

// Sets s->calibration to what calls with these options go by, and says so where one that was
// found is not used.
void cli_choose_calibration(cli_session *s, uint32_t frames, bool itm_cls);

// What the run reads; `annotated` as in cli_sources.
cli_sources cli_session_sources(const cli_session *s, bool annotated);

// Says that the bundled demo model answers, and where real weights are.
void cli_say_demo(cli_session *s, const char *weights);

// Opens the engine; `device` NULL is that of the arguments.
vblip_status cli_engine_open(cli_session *s, const char *device, vblip_error *err);

#endif // CLI_SESSION_H

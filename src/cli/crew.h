// crew.h - sessions of several commands that work on the same inputs together (`run`).
#ifndef CLI_CREW_H
#define CLI_CREW_H

#include "base/set.h"
#include "cli/session.h"

typedef struct cli_crew {
    cli_session *lead; // has the inputs, and the engine once it is open
    vb_set said;       // messages, each of which is said once
    cli_exit refused;  // why one of them cannot begin; CLI_EXIT_DONE = all can
    bool begun;        // all could so far
} cli_crew;

// Waits until every session is as far; `code` is CLI_EXIT_DONE, or why this one cannot go on.
// Whether all can. Of a session by itself: whether it can.
bool cli_crew_agrees(cli_session *s, cli_exit code);

// Whether another session has said `message` about `subject`.
bool cli_crew_has_said(cli_session *s, const char *subject, const char *message);

// What to end with where another one cannot go on, else `code`.
cli_exit cli_crew_exit(const cli_session *s, cli_exit code);

// Opens the engine of all at the first call, and gives it to the session.
vblip_status cli_crew_engine(cli_session *s, vblip_error *err);

#endif // CLI_CREW_H

// library.h - what commands that work on a library share.
#ifndef CLI_LIBRARY_H
#define CLI_LIBRARY_H

#include "cli/session.h"
#include "vblip_library.h"

// From arguments and environment.
vblip_library_options cli_library_options(const cli_session *s);

// Says what changed in a library, if anything did.
void cli_say_changes(cli_session *s, const vblip_index_changes *changes);

// How much an index holds, as a row.
extern const vb_table cli_totals_table;
int cli_emit_totals(void *session, const vblip_index_info *info);

#endif // CLI_LIBRARY_H

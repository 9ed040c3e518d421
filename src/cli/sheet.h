// sheet.h - hits as a picture: --contact-sheet.
#ifndef CLI_SHEET_H
#define CLI_SHEET_H

#include "cli/moments.h"
#include "cli/session.h"

// Refuses --contact-sheet, where it is given, if a file is there that may not be replaced.
vblip_status cli_sheet_check(const cli_args *args, vblip_error *err);

// Writes it, if there are hits.
vblip_status cli_sheet_write(cli_session *s, const cli_moments *moments,
                             vblip_error *err);

#endif // CLI_SHEET_H

// playlists.h - hits as a list for players and editors.
#ifndef CLI_PLAYLISTS_H
#define CLI_PLAYLISTS_H

#include "cli/moments.h"
#include "cli/session.h"

// Writes the moments in the format that was asked for. A recording that cannot be read is a
// failed input.
vblip_status cli_playlist_emit(cli_session *s, const cli_moments *moments,
                               vblip_error *err);

#endif // CLI_PLAYLISTS_H

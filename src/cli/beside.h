// beside.h - the subtitle file beside each input: its name, and whether it may be written.
#ifndef CLI_BESIDE_H
#define CLI_BESIDE_H

#include "cli/outputs.h"

// All-zero is none.
typedef struct cli_beside {
    char **names; // by input; NULL for one that is known to have failed
    uint32_t count;
} cli_beside;

// Names a file for each input: clip.srt for clip.mp4, and clip.mkv.srt for a clip.mkv
// that comes after it; standard output for `standard_input` (NULL = none).
//
// Refused with VBLIP_ERR_ARGUMENT: an input that is given twice, a name that a file has
// already, unless `overwrite`, and one of a file that is read.
vblip_status cli_beside_plan(cli_beside *out, const cli_sources *sources,
                             const char *standard_input, const char *extension,
                             bool overwrite, vblip_error *err);
void cli_beside_free(cli_beside *beside);

// Refuses `name` when a file has it. Standard output never has.
vblip_status cli_beside_check_free(const char *name, vblip_error *err);

#endif // CLI_BESIDE_H

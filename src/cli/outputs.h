// outputs.h - no result may replace what it is made from, nor another result.
#ifndef CLI_OUTPUTS_H
#define CLI_OUTPUTS_H

#include "cli/files.h"
#include "vblip_lab.h"

// What a run reads besides the files that its options name.
typedef struct cli_sources {
    const cli_args *args;
    const vblip_inputs *inputs; // NULL = none
    vblip_model_options model;  // path NULL = none
    bool annotated;             // the operand or --annotations names videos and images
} cli_sources;

// Everything that is read, in `out`, which is empty.
vblip_status cli_sources_list(cli_read_files *out, const cli_sources *sources,
                              vblip_error *err);

// Refuses `path`, called `label` ("-o FILE"), if it is one of `files`.
vblip_status cli_refuse_read(cli_read_files *files, const char *label, const char *path,
                             vblip_error *err);

// Refuses an option for a result that names a file which is read, or another result.
vblip_status cli_outputs_check(const cli_sources *sources, vblip_error *err);

#endif // CLI_OUTPUTS_H

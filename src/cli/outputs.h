// outputs.h - no result may replace what it is made from, nor another result.
#ifndef CLI_OUTPUTS_H
#define CLI_OUTPUTS_H

#include "cli/options.h"
#include "output/replacing.h"
#include "vblip_lab.h"

// What a run reads besides the files that its options name.
typedef struct cli_sources {
    const cli_args *args;
    const vblip_inputs *inputs; // NULL = none
    vblip_model_options model;  // path NULL = none
    bool annotated;             // the operand or --annotations names videos and images
    const char *data_dir;       // of indexes; NULL = none
} cli_sources;

// Everything that is read, in `out`, which is empty.
vblip_status cli_sources_list(vb_read_files *out, const cli_sources *sources,
                              vblip_error *err);

// Refuses a file that an option names to be read, and that cannot be: before a model is
// loaded for it.
vblip_status cli_options_check_readable(const cli_args *args, vblip_error *err);

// Refuses an option for a result that names a file which is read, or another result.
vblip_status cli_outputs_check(const cli_sources *sources, vblip_error *err);

#endif // CLI_OUTPUTS_H

// example.h - PATH@START-END: an image, a video, or a part of one.
#ifndef CLI_EXAMPLE_H
#define CLI_EXAMPLE_H

#include "base/arena.h"
#include "base/error.h"
#include "vblip_library.h"

// Reads what was typed, with `weight`. A file that is called so as a whole is meant as a
// whole. VBLIP_ERR_ARGUMENT for a part that ends before it begins. The path is in `arena`.
VB_CHECKED vblip_status cli_example_read(vblip_example *out, vb_arena *arena,
                                         const char *text, float weight,
                                         vblip_error *err);

#endif // CLI_EXAMPLE_H

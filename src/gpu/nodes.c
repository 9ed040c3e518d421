#include "gpu/nodes.h"

#include <glob.h>
#include <stddef.h>
#include <stdio.h>

bool vb_gpu_nodes(const char *folder)
{
#if defined(__linux__)
    // DRM's drivers; NVIDIA's; AMD's compute; Windows' below WSL; ARM's and Qualcomm's own.
    static const char *const names[] = {"dri/renderD*", "nvidia[0-9]*", "kfd",
                                        "dxg",          "mali*",        "kgsl*"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char pattern[256];
        glob_t found;
        snprintf(pattern, sizeof pattern, "%s/%s", folder, names[i]);
        const int status = glob(pattern, GLOB_NOSORT, NULL, &found);
        globfree(&found);
        if (status != GLOB_NOMATCH)
            return true;
    }
    return false;
#else
    (void)folder;
    return true;
#endif
}

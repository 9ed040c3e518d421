// bundled.h - the files that come with the library: the demo model, a vocabulary.
#ifndef VB_API_BUNDLED_H
#define VB_API_BUNDLED_H

#include "base/error.h"

// Where the file is that holds this code, the shared library or else the program: an
// absolute path, malloc'd. NULL when the system does not say.
char *vb_loaded_from(void);

// `name` as installed beside `file`, which is in PREFIX/bin, PREFIX/lib or a folder of
// PREFIX/lib: PREFIX/share/vblip/NAME; or, of a build folder CHECKOUT/build/release,
// CHECKOUT/models/NAME, wherever that was moved to. Malloc'd; NULL where there is none.
char *vb_installed_path(const char *file, const char *name);

#endif // VB_API_BUNDLED_H

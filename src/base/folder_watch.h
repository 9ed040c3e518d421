// folder_watch.h - a folder and all below it, from which files are taken when they are complete.
#ifndef VB_BASE_FOLDER_WATCH_H
#define VB_BASE_FOLDER_WATCH_H

#include "base/list.h"

#include <stdbool.h>

typedef struct vb_folder_watch vb_folder_watch;

// Watches the folder `root`, which is not followed when it is moved. Names that begin with a
// dot are passed over, and links to folders are not followed.
VB_CHECKED vblip_status vb_folder_watch_open(vb_folder_watch **out, const char *root,
                                             vblip_error *err);
void vb_folder_watch_close(vb_folder_watch **watch);

// Waits until files are complete: written and closed, or moved here, a second ago, and not
// written to since. Adds them to `paths`, each with `root` before it, whatever they hold.
// `lost`: more happened than could be noted, and any file may be new or changed. `stopped` is
// asked some times a second: non-zero is VBLIP_ERR_CANCELLED. A root that is there no longer
// is VBLIP_ERR_IO.
VB_CHECKED vblip_status vb_folder_watch_next(vb_folder_watch *watch, vb_list *paths,
                                             bool *lost, int (*stopped)(void *user),
                                             void *user, vblip_error *err);

#endif // VB_BASE_FOLDER_WATCH_H

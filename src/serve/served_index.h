// served_index.h - the index that a server searches: opened, brought up to date beside the
// searches, and opened anew when it changed.
#ifndef VB_SERVE_SERVED_INDEX_H
#define VB_SERVE_SERVED_INDEX_H

#include "serve/server.h"

// Opens the index, made if need be, and lists what it holds.
VB_CHECKED vblip_status vb_served_index_open(vb_server *server, vblip_error *err);
void vb_served_index_close(vb_server *server);

// Opens it anew if it was written to, by whomever, at most every two seconds. What was open
// stays where that fails.
void vb_served_index_refresh(vb_server *server);

// Brings it up to date; calls server->pause in between. Files that cannot be read are
// counted.
VB_CHECKED vblip_status vb_served_index_update(vb_server *server, vblip_error *err);

// Appends {"version": ...}: the model, the index, and how far bringing it up to date is. For
// any thread.
void vb_served_index_status(vb_server *server, vb_string *out);

#endif // VB_SERVE_SERVED_INDEX_H

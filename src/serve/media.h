// media.h - the files of a page, recordings, and pictures of them.
#ifndef VB_SERVE_MEDIA_H
#define VB_SERVE_MEDIA_H

#include "serve/server.h"

// Handlers of routes.
void vb_answer_page(vb_server *server, vb_exchange *x);
void vb_answer_status(vb_server *server, vb_exchange *x);
void vb_answer_recordings(vb_server *server, vb_exchange *x);
void vb_answer_media(vb_server *server, vb_exchange *x);
void vb_answer_thumbnail(vb_server *server, vb_exchange *x);

#endif // VB_SERVE_MEDIA_H

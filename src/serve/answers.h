// answers.h - requests that a model answers, all by the thread that has the models.
#ifndef VB_SERVE_ANSWERS_H
#define VB_SERVE_ANSWERS_H

#include "serve/server.h"

// Answers what waits, or comes within `wait_ms`, until nothing does.
void vb_answers_serve(vb_server *server, unsigned wait_ms);
void vb_answers_close(vb_server *server); // models, and what is encoded

// Handlers of routes.
void vb_answer_search(vb_server *server, vb_exchange *x);
void vb_answer_question(vb_server *server, vb_exchange *x);
void vb_answer_captions(vb_server *server, vb_exchange *x);

#endif // VB_SERVE_ANSWERS_H

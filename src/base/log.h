// log.h - one line at a time to whoever asked for it.
#ifndef VB_BASE_LOG_H
#define VB_BASE_LOG_H

#include "base/error.h"

// All-zero is silent.
typedef struct vb_log {
    void (*fn)(void *user, const char *line);
    void *user;
} vb_log;

// `log` may be NULL. No newline in `format`.
void vb_logf(const vb_log *log, const char *format, ...) VB_PRINTF(2, 3);

#endif // VB_BASE_LOG_H

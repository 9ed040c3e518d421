#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

void vb_logf(const vb_log *log, const char *format, ...)
{
    if (!log || !log->fn)
        return;
    char line[512];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    log->fn(log->user, line);
}

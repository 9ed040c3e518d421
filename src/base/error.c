#include "base/error.h"

#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

vblip_status vb_fail(vblip_error *err, vblip_status status, const char *format, ...)
{
    if (!err || err->status != VBLIP_OK)
        return status;
    char message[sizeof err->message]; // the arguments may be of err->message
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    vb_escape_controls(err->message, sizeof err->message, message);
    err->status = status;
    return status;
}

vblip_status vb_fail_memory(vblip_error *err, const char *what)
{
    return vb_fail(err, VBLIP_ERR_MEMORY, "%s: out of memory", what);
}

const char *vb_errno_reason(char out[VB_REASON], int number)
{
    if (strerror_r(number ? number : EIO, out, VB_REASON) != 0)
        snprintf(out, VB_REASON, "system error %d", number);
    return out;
}

vblip_status vb_fail_errno(vblip_error *err, const char *subject, int number)
{
    const vblip_status status = number == ENOMEM ? VBLIP_ERR_MEMORY : VBLIP_ERR_IO;
    char reason[VB_REASON];
    vb_errno_reason(reason, number);
    return subject ? vb_fail(err, status, "%.300s: %s", subject, reason)
                   : vb_fail(err, status, "%s", reason);
}

void vb_error_reset(vblip_error *err)
{
    if (!err)
        return;
    err->status = VBLIP_OK;
    err->message[0] = '\0';
}

void vb_error_prefix(vblip_error *err, const char *subject)
{
    if (!err || err->status == VBLIP_OK)
        return;
    vblip_error was = *err;
    vb_error_reset(err);
    vb_fail(err, was.status, "%s: %s", subject, was.message);
}

void vb_error_subject(vblip_error *err, const char *subject)
{
    const size_t size = strlen(subject);
    if (err && (strncmp(err->message, subject, size) != 0 || err->message[size] != ':'))
        vb_error_prefix(err, subject);
}

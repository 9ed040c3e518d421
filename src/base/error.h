// error.h - how a failure is written down once and handed up unchanged.
#ifndef VB_BASE_ERROR_H
#define VB_BASE_ERROR_H

#include "vblip.h"

#if defined(__GNUC__)
#define VB_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define VB_CHECKED             __attribute__((warn_unused_result))
#else
#define VB_PRINTF(text, first)
#define VB_CHECKED
#endif

// Writes status and message into `err` (NULL is fine) unless it already holds a
// failure, and returns `status`: a failure is one statement,
//     return vb_fail(err, VBLIP_ERR_FORMAT, "%s: %u bytes, expected %u", ...);
vblip_status vb_fail(vblip_error *err, vblip_status status, const char *format, ...)
    VB_PRINTF(3, 4);

// Out of host memory, for `what`.
vblip_status vb_fail_memory(vblip_error *err, const char *what);

// A failure in the system's words: "SUBJECT: No such file or directory". ENOMEM is
// VBLIP_ERR_MEMORY, any other `number` VBLIP_ERR_IO; 0 is an input/output error. `subject`
// NULL is left out, for a caller that puts it before.
vblip_status vb_fail_errno(vblip_error *err, const char *subject, int number);

// The system's words for the errno `number`, written to `out` and returned.
enum { VB_REASON = 128 };
const char *vb_errno_reason(char out[VB_REASON], int number);

// Resets `err` (NULL is fine) on entry to an exported function.
void vb_error_reset(vblip_error *err);

// Puts "subject: " before the message of a failure, where only the caller knows it.
void vb_error_prefix(vblip_error *err, const char *subject);

// The same, unless the message begins with it: not every failure knows its file.
void vb_error_subject(vblip_error *err, const char *subject);

#define VB_TRY(call)                                                                   \
    do {                                                                               \
        vblip_status vb_try_status_ = (call);                                          \
        if (vb_try_status_ != VBLIP_OK)                                                \
            return vb_try_status_;                                                     \
    } while (0)

#endif // VB_BASE_ERROR_H

// fake_vblip.h - what the parts of the fake library share.
#ifndef VB_TESTS_FAKE_VBLIP_H
#define VB_TESTS_FAKE_VBLIP_H

#include "vblip_lab.h"
#include "vblip_library.h"

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
vblip_status
fake_fail(vblip_error *err, vblip_status status, const char *format, ...);

vblip_status fake_cancelled(vblip_error *err); // by a callback

// Whether `text` (NULL is fine) contains `part`.
bool fake_has(const char *text, const char *part);

#endif // VB_TESTS_FAKE_VBLIP_H

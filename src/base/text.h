// text.h - UTF-8 and strings that grow.
#ifndef VB_BASE_TEXT_H
#define VB_BASE_TEXT_H

#include "base/error.h"

#include <stddef.h>

// A growing string. All-zero is empty. `bytes` is NUL-terminated once anything was
// appended, and may hold NUL bytes itself. After a failed append it is unchanged.
typedef struct vb_string {
    char *bytes; // NULL while empty and never appended to
    size_t size, capacity;
} vb_string;

VB_CHECKED bool vb_string_append(vb_string *s, const char *bytes, size_t size);
VB_CHECKED bool vb_string_appendf(vb_string *s, const char *format, ...)
    VB_PRINTF(2, 3);
void vb_string_clear(vb_string *s); // keeps the memory
void vb_string_free(vb_string *s);

// Decodes one code point at `text` (size > 0): its value in `code`, its length in bytes
// returned. 0 = not valid UTF-8 there (overlong, surrogate, above U+10FFFF, cut short).
size_t vb_utf8_decode(const char *text, size_t size, uint32_t *code);

// Writes `code` as UTF-8 and returns its length, 1 to 4.
size_t vb_utf8_encode(char out[4], uint32_t code);

bool vb_utf8_valid(const char *text, size_t size);

#endif // VB_BASE_TEXT_H

// text.h - UTF-8 and strings that grow.
#ifndef VB_BASE_TEXT_H
#define VB_BASE_TEXT_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

// A growing string. All-zero is empty. `bytes` is NUL-terminated once anything was
// appended, nothing included, and may hold NUL bytes itself.
//
// When memory runs out `failed` is latched and later additions do nothing, so that a text
// is put together without a check per piece. Each addition returns whether all is well so
// far.
typedef struct vb_string {
    char *bytes; // NULL while nothing was appended
    size_t size, capacity;
    bool failed;
} vb_string;

bool vb_string_append(vb_string *s, const char *bytes, size_t size);
bool vb_string_appendf(vb_string *s, const char *format, ...) VB_PRINTF(2, 3);
bool vb_string_puts(vb_string *s, const char *text); // NUL-terminated
bool vb_string_putc(vb_string *s, char c);
// Appends `text` with &, < and > as HTML and WebVTT have them.
bool vb_string_append_escaped(vb_string *s, const char *text, size_t size);
void vb_string_clear(vb_string *s); // keeps the memory, forgets a failure
void vb_string_free(vb_string *s);

// Whether `part` stands in `text`, letters of ASCII in either case.
bool vb_text_contains(const char *text, const char *part);

// Whether a line holds nothing but spaces, tabs and carriage returns.
bool vb_line_is_blank(const char *text, size_t size);

// Decodes one code point at `text` (size > 0): its value in `code` (NULL is fine), its
// length in bytes returned. 0 = not valid UTF-8 there (overlong, surrogate, above U+10FFFF, cut short).
size_t vb_utf8_decode(const char *text, size_t size, uint32_t *code);

// Writes `code` as UTF-8 and returns its length, 1 to 4.
size_t vb_utf8_encode(char out[4], uint32_t code);

// First byte of `text` that is not part of valid UTF-8; `size` when all of it is.
size_t vb_utf8_check(const char *text, size_t size);

bool vb_utf8_valid(const char *text, size_t size);

// Writes `text` to `out`, NUL-terminated, what does not fit left out; control characters
// as C writes them ("\n", "\x1b"), so that a terminal shows them and obeys none. Returns
// the bytes written.
size_t vb_escape_controls(char *out, size_t capacity, const char *text);

// The lines of a text that are not blank: {text, size} before the first.
typedef struct vb_lines {
    const char *text; // what is left
    size_t size;
    uint32_t number; // the line taken last is the number-th; blank ones count
} vb_lines;

// Takes the next line, without its LF. False at the end.
bool vb_lines_next(vb_lines *lines, const char **line, size_t *size);

size_t vb_lines_count(const char *text, size_t size);

#endif // VB_BASE_TEXT_H

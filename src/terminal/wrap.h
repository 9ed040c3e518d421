// wrap.h - prose in lines of 80 columns.
#ifndef VB_TERMINAL_WRAP_H
#define VB_TERMINAL_WRAP_H

#include "base/text.h"

// The first `size` bytes of `text` in lines that begin at column `indent`; the first is
// begun, up to column `at`.
void vb_wrap(vb_string *out, const char *text, size_t size, size_t at, size_t indent);

// Paragraphs, each ended by a newline.
void vb_wrap_paragraphs(vb_string *out, const char *text);

#endif // VB_TERMINAL_WRAP_H

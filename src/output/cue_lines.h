// cue_lines.h - a text as lines that can be read while they are shown.
#ifndef VB_OUTPUT_CUE_LINES_H
#define VB_OUTPUT_CUE_LINES_H

#include "base/text.h"

enum {
    VB_CUE_LINE = 42, // characters (Unicode scalars)
    VB_CUE_LINES = 2, // that are shown at once
};

// Appends `text`, UTF-8, to `out` with '\n' between its lines, of VB_CUE_LINE characters at
// most and as even as can be, later ones rather longer than earlier ones. White space is one
// space between words, and a longer word than a line is parted anywhere. There are no more
// lines than are needed, but where they are shown in turn one more may make them even.
// Returns how many there are, 0 of a text without words.
uint32_t vb_cue_lines(vb_string *out, const char *text);

#endif // VB_OUTPUT_CUE_LINES_H

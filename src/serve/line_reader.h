// line_reader.h - lines of a stream as they come, none of which is too long to be kept.
#ifndef VB_SERVE_LINE_READER_H
#define VB_SERVE_LINE_READER_H

#include "base/error.h"
#include "base/text.h"

#include <stddef.h>

enum { VB_MOST_LINE = 1 << 20 }; // bytes, without the newline

// The last line of a stream need not end with a newline.
typedef enum vb_line {
    VB_LINE_READ,
    VB_LINE_TOO_LONG, // one that is, which was passed over
} vb_line;

// Where lines come from, and where what they are answered with goes.
typedef struct vb_line_stream {
    int fd;
    bool (*stopped)(void); // asked some times a second; true: no other line is taken
    // Writes a line, and says whether nobody reads any more, which ends it.
    bool (*write)(void *user, const vb_string *line);
    void *user;
} vb_line_stream;

// Puts what a line is answered with in `out`, which is empty; nothing: it has no answer. Of a
// line that is too long there is no text.
typedef void (*vb_line_fn)(void *user, vb_line kind, const char *line, size_t size,
                           vb_string *out);

// Answers the lines that are not blank, until there are no more. VBLIP_ERR_CANCELLED: it was
// stopped, or nobody reads; a stream that cannot be read is VBLIP_ERR_IO.
VB_CHECKED vblip_status vb_answer_lines(const vb_line_stream *stream, vb_line_fn fn,
                                        void *user, vblip_error *err);

#endif // VB_SERVE_LINE_READER_H

// line_reader.h - lines of a stream as they come, none of which is too long to be kept.
#ifndef VB_SERVE_LINE_READER_H
#define VB_SERVE_LINE_READER_H

#include "base/error.h"

#include <stddef.h>

enum { VB_MOST_LINE = 1 << 20 }; // bytes, without the newline

typedef enum vb_line {
    VB_LINE_READ,
    VB_LINE_TOO_LONG, // one that is, which was passed over
    VB_LINE_ENDED,    // the stream has; its last line need not end with a newline
    VB_LINE_STOPPED,
} vb_line;

typedef struct vb_line_reader {
    int fd;
    bool (*stopped)(void); // asked some times a second
    char *buffer;          // [VB_MOST_LINE + 1]
    size_t at, used;       // what is not taken yet: buffer[at, used)
    bool skips;            // the line in work is too long
    bool ended;
} vb_line_reader;

VB_CHECKED vblip_status vb_line_reader_open(vb_line_reader *out, int fd,
                                            bool (*stopped)(void), vblip_error *err);
void vb_line_reader_close(vb_line_reader *reader);

// Waits for the next line; `line` [size] is valid until the next call. A stream that cannot
// be read is VBLIP_ERR_IO.
VB_CHECKED vblip_status vb_line_reader_next(vb_line_reader *reader, vb_line *out,
                                            const char **line, size_t *size,
                                            vblip_error *err);

bool vb_line_is_blank(const char *line, size_t size);

#endif // VB_SERVE_LINE_READER_H

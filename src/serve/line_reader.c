#include "serve/line_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 200, CAPACITY = VB_MOST_LINE + 1 };

typedef struct line_reader {
    int fd;
    bool (*stopped)(void);
    char *buffer;    // [CAPACITY]
    size_t at, used; // what is not taken yet: buffer[at, used)
    bool skips;      // the line in work is too long
    bool ended;
} line_reader;

// Takes the line that is there whole; at the end of the stream what is left is one, too.
static bool take_read_line(line_reader *r, vb_line *out, const char **line,
                           size_t *size)
{
    char *first = r->buffer + r->at;
    const char *newline = r->used > r->at ? memchr(first, '\n', r->used - r->at) : NULL;
    if (!newline && !(r->ended && (r->used > r->at || r->skips)))
        return false;
    *line = first;
    *size = newline ? (size_t)(newline - first) : r->used - r->at;
    r->at += *size + (newline != NULL);
    *out = r->skips ? VB_LINE_TOO_LONG : VB_LINE_READ;
    r->skips = false;
    return true;
}

// Room behind what is there of a line; of one that is too long nothing is kept.
static void make_room_for_line(line_reader *r)
{
    const size_t left = r->used - r->at;
    r->skips = r->skips || left == CAPACITY;
    if (r->skips)
        r->used = 0;
    else if (r->at && left)
        memmove(r->buffer, r->buffer + r->at, left);
    if (!r->skips)
        r->used = left;
    r->at = 0;
}

static vblip_status read_more(line_reader *r, vblip_error *err)
{
    struct pollfd wait = {.fd = r->fd, .events = POLLIN};
    const int ready = poll(&wait, 1, LOOK_MS);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return VBLIP_OK;
    const ssize_t got =
        ready < 0 ? -1 : read(r->fd, r->buffer + r->used, CAPACITY - r->used);
    if (got < 0 && errno != EINTR && errno != EAGAIN)
        return vb_fail_errno(err, "standard input", errno);
    r->ended = got == 0;
    r->used += got > 0 ? (size_t)got : 0;
    return VBLIP_OK;
}

typedef enum line_wait { LINE_THERE, LINE_NO_MORE, LINE_STOPPED } line_wait;

// Waits for the next line; `line` [size] is valid until the next call.
static vblip_status next_line(line_reader *reader, line_wait *out, vb_line *kind,
                              const char **line, size_t *size, vblip_error *err)
{
    *size = 0;
    for (;;) {
        *out = reader->stopped() ? LINE_STOPPED : LINE_THERE;
        if (*out == LINE_STOPPED || take_read_line(reader, kind, line, size))
            return VBLIP_OK;
        if (reader->ended) {
            *out = LINE_NO_MORE;
            return VBLIP_OK;
        }
        make_room_for_line(reader);
        VB_TRY(read_more(reader, err));
    }
}

static vblip_status answer_all(line_reader *reader, const vb_line_stream *stream,
                               vb_line_fn fn, void *user, vb_string *out,
                               vblip_error *err)
{
    for (;;) {
        line_wait wait;
        vb_line kind;
        const char *line;
        size_t size;
        VB_TRY(next_line(reader, &wait, &kind, &line, &size, err));
        if (wait == LINE_NO_MORE)
            return VBLIP_OK;
        if (wait == LINE_STOPPED)
            return vb_fail(err, VBLIP_ERR_CANCELLED, "stopped");
        if (kind == VB_LINE_READ && vb_line_is_blank(line, size))
            continue;
        vb_string_clear(out);
        fn(user, kind, line, size, out);
        if (out->failed)
            return vb_fail_memory(err, "answer");
        if (out->size && stream->write(stream->user, out))
            return vb_fail(err, VBLIP_ERR_CANCELLED, "nobody reads");
    }
}

vblip_status vb_answer_lines(const vb_line_stream *stream, vb_line_fn fn, void *user,
                             vblip_error *err)
{
    line_reader reader = {
        .fd = stream->fd, .stopped = stream->stopped, .buffer = malloc(CAPACITY)};
    vb_string out = {0};
    const vblip_status status = reader.buffer
                                    ? answer_all(&reader, stream, fn, user, &out, err)
                                    : vb_fail_memory(err, "lines");
    free(reader.buffer);
    vb_string_free(&out);
    return status;
}

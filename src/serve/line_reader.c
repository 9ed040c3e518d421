#include "serve/line_reader.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOOK_MS = 200, CAPACITY = VB_MOST_LINE + 1 };

vblip_status vb_line_reader_open(vb_line_reader *out, int fd, bool (*stopped)(void),
                                 vblip_error *err)
{
    *out = (vb_line_reader){.fd = fd, .stopped = stopped, .buffer = malloc(CAPACITY)};
    return out->buffer ? VBLIP_OK : vb_fail_memory(err, "lines");
}

void vb_line_reader_close(vb_line_reader *reader)
{
    free(reader->buffer);
    *reader = (vb_line_reader){0};
}

// Takes the line that is there whole; at the end of the stream what is left is one, too.
static bool take_read_line(vb_line_reader *r, vb_line *out, const char **line,
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
static void make_room_for_line(vb_line_reader *r)
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

static vblip_status read_more(vb_line_reader *r, vblip_error *err)
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

vblip_status vb_line_reader_next(vb_line_reader *reader, vb_line *out,
                                 const char **line, size_t *size, vblip_error *err)
{
    *size = 0;
    for (;;) {
        if (reader->stopped()) {
            *out = VB_LINE_STOPPED;
            return VBLIP_OK;
        }
        if (take_read_line(reader, out, line, size))
            return VBLIP_OK;
        if (reader->ended) {
            *out = VB_LINE_ENDED;
            return VBLIP_OK;
        }
        make_room_for_line(reader);
        VB_TRY(read_more(reader, err));
    }
}

bool vb_line_is_blank(const char *line, size_t size)
{
    while (size && memchr(" \t\r", line[size - 1], 3))
        size--;
    return size == 0;
}

#include "terminal/console.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int terminal_columns(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20)
        return size.ws_col;
    return 80;
}

vb_console vb_console_open(bool quiet, bool verbose, const char *term)
{
    bool terminal = isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
    return (vb_console){
        .stream = stderr,
        .terminal = terminal,
        .shared = terminal && isatty(STDOUT_FILENO),
        .quiet = quiet,
        .verbose = verbose,
        .columns = terminal ? terminal_columns(STDERR_FILENO) : 80,
    };
}

static void say(vb_console *c, const char *format, va_list args) VB_PRINTF(2, 0);

// One line, whatever names of files hold.
static void say(vb_console *c, const char *format, va_list args)
{
    char message[4096], shown[4096];
    vsnprintf(message, sizeof message, format, args);
    vb_escape_controls(shown, sizeof shown, message);
    vb_console_bar_clear(c);
    fprintf(c->stream, "vblip: %s\n", shown);
    fflush(c->stream);
}

void vb_console_error(vb_console *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say(c, format, args);
    va_end(args);
}

void vb_console_error_errno(vb_console *c, const char *subject, int number)
{
    char reason[VB_REASON];
    vb_console_error(c, "%s: %s", subject, vb_errno_reason(reason, number));
}

void vb_console_warn(vb_console *c, const char *format, ...)
{
    if (c->quiet)
        return;
    va_list args;
    va_start(args, format);
    say(c, format, args);
    va_end(args);
}

void vb_console_note(vb_console *c, const char *format, ...)
{
    if (c->quiet || !(c->terminal || c->verbose))
        return;
    va_list args;
    va_start(args, format);
    say(c, format, args);
    va_end(args);
}

void vb_console_line(vb_console *c, const char *line)
{
    vb_console_bar_clear(c);
    fprintf(c->stream, "%s\n", line);
    fflush(c->stream);
}

// Blanks instead of escape sequences: they work on every terminal.
void vb_console_bar_clear(vb_console *c)
{
    int *size = c->screen ? &c->screen->bar_size : &c->bar_size;
    if (!*size)
        return;
    fprintf(c->stream, "\r%*s\r", *size, "");
    fflush(c->stream);
    *size = 0;
}

bool vb_console_has_bar(const vb_console *c)
{
    return c->screen ? c->screen->bar_size : c->bar_size;
}

void vb_console_bar_draw(vb_console *c, const char *text, int columns)
{
    int *size = c->screen ? &c->screen->bar_size : &c->bar_size;
    int rest = *size > columns ? *size - columns : 0;
    fprintf(c->stream, "\r%s%*s", text, rest, "");
    fflush(c->stream);
    *size = columns;
}

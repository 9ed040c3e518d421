// bytes.h - text that grows while a row is put together.
//
// Names of the command line begin with cli_: it is a client of vblip.h, and no name of
// its own may meet one inside the library it links.
#ifndef CLI_BYTES_H
#define CLI_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CLI_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define CLI_PRINTF(text, first)
#endif

// All-zero is empty. `data` is NUL-terminated once anything was added and may hold NUL
// bytes. When memory runs out `failed` is latched and later additions do nothing, so
// that a row is put together without a check per piece.
typedef struct cli_bytes {
    char *data;
    size_t size, capacity;
    bool failed;
} cli_bytes;

void cli_bytes_add(cli_bytes *b, const char *data, size_t size);
void cli_bytes_text(cli_bytes *b, const char *text); // NUL-terminated
void cli_bytes_char(cli_bytes *b, char c);
void cli_bytes_printf(cli_bytes *b, const char *format, ...) CLI_PRINTF(2, 3);
void cli_bytes_clear(cli_bytes *b); // keeps the memory, forgets a failure
void cli_bytes_free(cli_bytes *b);

// Length of the valid UTF-8 sequence at `text` (size > 0), 0 when there is none
// (overlong, surrogate, above U+10FFFF, cut short).
size_t cli_utf8_length(const char *text, size_t size);

// First byte of `text` that is not part of valid UTF-8; `size` when all of it is.
size_t cli_utf8_check(const char *text, size_t size);

#endif // CLI_BYTES_H

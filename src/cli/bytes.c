#include "cli/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Room for `more` bytes and a NUL.
static bool reserve(cli_bytes *b, size_t more)
{
    if (b->failed || more >= SIZE_MAX / 2 - b->size) {
        b->failed = true;
        return false;
    }
    size_t needed = b->size + more + 1;
    if (needed <= b->capacity)
        return true;
    size_t capacity = b->capacity ? b->capacity : 128;
    while (capacity < needed)
        capacity *= 2;
    char *data = realloc(b->data, capacity);
    if (!data) {
        b->failed = true;
        return false;
    }
    b->data = data;
    b->capacity = capacity;
    return true;
}

void cli_bytes_add(cli_bytes *b, const char *data, size_t size)
{
    if (!reserve(b, size))
        return;
    if (size)
        memcpy(b->data + b->size, data, size);
    b->size += size;
    b->data[b->size] = '\0';
}

void cli_bytes_text(cli_bytes *b, const char *text)
{
    cli_bytes_add(b, text, strlen(text));
}

void cli_bytes_char(cli_bytes *b, char c)
{
    cli_bytes_add(b, &c, 1);
}

void cli_bytes_printf(cli_bytes *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0)
        b->failed = true;
    else if (reserve(b, (size_t)size)) {
        vsnprintf(b->data + b->size, (size_t)size + 1, format, again);
        b->size += (size_t)size;
    }
    va_end(again);
}

void cli_bytes_clear(cli_bytes *b)
{
    b->size = 0;
    b->failed = false;
    if (b->data)
        b->data[0] = '\0';
}

void cli_bytes_free(cli_bytes *b)
{
    free(b->data);
    *b = (cli_bytes){0};
}

size_t cli_utf8_length(const char *text, size_t size)
{
    const unsigned char *b = (const unsigned char *)text;
    if (b[0] < 0x80)
        return 1;
    size_t length = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : 2;
    if (b[0] < 0xC2 || b[0] > 0xF4 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((b[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (b[0] == 0xE0 && b[1] < 0xA0) || (b[0] == 0xF0 && b[1] < 0x90);
    bool surrogate = b[0] == 0xED && b[1] >= 0xA0;
    bool too_large = b[0] == 0xF4 && b[1] >= 0x90;
    return overlong || surrogate || too_large ? 0 : length;
}

size_t cli_utf8_check(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        size_t length = cli_utf8_length(text + at, size - at);
        if (!length)
            return at;
        at += length;
    }
    return size;
}

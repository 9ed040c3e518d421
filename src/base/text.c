#include "base/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Room for `more` bytes and a NUL.
static bool reserve(vb_string *s, size_t more)
{
    if (s->failed || more >= SIZE_MAX / 2 - s->size) {
        s->failed = true;
        return false;
    }
    size_t needed = s->size + more + 1;
    if (needed <= s->capacity)
        return true;
    size_t capacity = s->capacity ? s->capacity : 64;
    while (capacity < needed)
        capacity *= 2;
    char *bytes = realloc(s->bytes, capacity);
    s->failed = bytes == NULL;
    if (!bytes)
        return false;
    s->bytes = bytes;
    s->capacity = capacity;
    return true;
}

bool vb_string_append(vb_string *s, const char *bytes, size_t size)
{
    if (!reserve(s, size))
        return false;
    if (size)
        memcpy(s->bytes + s->size, bytes, size);
    s->size += size;
    s->bytes[s->size] = '\0';
    return true;
}

bool vb_string_puts(vb_string *s, const char *text)
{
    return vb_string_append(s, text, strlen(text));
}

bool vb_string_putc(vb_string *s, char c)
{
    return vb_string_append(s, &c, 1);
}

bool vb_string_appendf(vb_string *s, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (size < 0) {
        s->failed = true;
    } else if (reserve(s, (size_t)size)) {
        vsnprintf(s->bytes + s->size, (size_t)size + 1, format, again);
        s->size += (size_t)size;
    }
    va_end(again);
    return !s->failed;
}

bool vb_string_append_escaped(vb_string *s, const char *text, size_t size)
{
    for (; size > 0; text++, size--) {
        const char *escaped = *text == '&'   ? "&amp;"
                              : *text == '<' ? "&lt;"
                              : *text == '>' ? "&gt;"
                                             : NULL;
        if (escaped)
            vb_string_puts(s, escaped);
        else
            vb_string_putc(s, *text);
    }
    return !s->failed;
}

void vb_string_clear(vb_string *s)
{
    s->size = 0;
    s->failed = false;
    if (s->bytes)
        s->bytes[0] = '\0';
}

void vb_string_free(vb_string *s)
{
    free(s->bytes);
    *s = (vb_string){0};
}

size_t vb_utf8_decode(const char *text, size_t size, uint32_t *code)
{
    const unsigned char *b = (const unsigned char *)text;
    size_t length = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : b[0] >= 0x80 ? 2 : 1;
    if ((b[0] >= 0x80 && b[0] < 0xC2) || b[0] > 0xF4 || length > size)
        return 0;
    uint32_t value = length == 1 ? b[0] : b[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((b[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (b[i] & 0x3Fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[length] || value > 0x10FFFF ||
        (value >= 0xD800 && value < 0xE000))
        return 0;
    if (code)
        *code = value;
    return length;
}

size_t vb_utf8_encode(char out[4], uint32_t code)
{
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length - 1; i > 0; i--) {
        out[i] = (char)(0x80u | (code & 0x3Fu));
        code >>= 6;
    }
    out[0] = (char)(lead[length] | code);
    return length;
}

size_t vb_utf8_check(const char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        size_t length = vb_utf8_decode(text + at, size - at, NULL);
        if (!length)
            return at;
        at += length;
    }
    return size;
}

bool vb_utf8_valid(const char *text, size_t size)
{
    return vb_utf8_check(text, size) == size;
}

bool vb_line_is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
            return false;
    return true;
}

// How the character at `text` is written instead; "" when it stays as it is. *size = its
// bytes.
static void escape_of(char out[8], size_t *size, const char *text)
{
    static const char named[] = "\aa\bb\tt\nn\vv\ff\rr";
    const unsigned char c = (unsigned char)text[0], next = (unsigned char)text[1];
    const bool c1 = c == 0xC2 && next >= 0x80 && next < 0xA0; // U+0080 to U+009F
    out[0] = '\0';
    *size = c1 ? 2 : 1;
    if (c1)
        snprintf(out, 8, "\\u%04x", next);
    else if (c >= '\a' && c <= '\r')
        snprintf(out, 8, "\\%c", named[2 * (c - '\a') + 1]);
    else if (c < ' ' || c == 0x7F)
        snprintf(out, 8, "\\x%02x", c);
}

size_t vb_escape_controls(char *out, size_t capacity, const char *text)
{
    size_t at = 0;
    while (*text) {
        char escape[8];
        size_t size;
        escape_of(escape, &size, text);
        const char *shown = escape[0] ? escape : text;
        const size_t bytes = escape[0] ? strlen(escape) : size;
        if (at + bytes >= capacity)
            break;
        memcpy(out + at, shown, bytes);
        at += bytes;
        text += size;
    }
    out[at] = '\0';
    return at;
}

bool vb_lines_next(vb_lines *lines, const char **line, size_t *size)
{
    while (lines->size) {
        const char *newline = memchr(lines->text, '\n', lines->size);
        *line = lines->text;
        *size = newline ? (size_t)(newline - *line) : lines->size;
        lines->text += *size + (newline != NULL);
        lines->size -= *size + (newline != NULL);
        lines->number++;
        if (!vb_line_is_blank(*line, *size))
            return true;
    }
    return false;
}

size_t vb_lines_count(const char *text, size_t size)
{
    vb_lines lines = {.text = text, .size = size};
    const char *line;
    size_t count = 0, length;
    while (vb_lines_next(&lines, &line, &length))
        count++;
    return count;
}

bool vb_text_contains(const char *text, const char *part)
{
    for (; *text; text++) {
        size_t i = 0;
        while (part[i] &&
               tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
            i++;
        if (!part[i])
            return true;
    }
    return false;
}

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(vb_string *s, size_t more)
{
    if (more >= SIZE_MAX / 2 - s->size)
        return false;
    size_t needed = s->size + more + 1;
    if (needed <= s->capacity)
        return true;
    size_t capacity = s->capacity ? s->capacity : 64;
    while (capacity < needed)
        capacity *= 2;
    char *bytes = realloc(s->bytes, capacity);
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

bool vb_string_appendf(vb_string *s, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    bool ok = size >= 0 && reserve(s, (size_t)size);
    if (ok) {
        vsnprintf(s->bytes + s->size, (size_t)size + 1, format, again);
        s->size += (size_t)size;
    }
    va_end(again);
    return ok;
}

void vb_string_clear(vb_string *s)
{
    s->size = 0;
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
    if (b[0] < 0x80) {
        *code = b[0];
        return 1;
    }
    size_t length = b[0] >= 0xF0 ? 4 : b[0] >= 0xE0 ? 3 : 2;
    if (b[0] < 0xC2 || b[0] > 0xF4 || length > size)
        return 0;
    uint32_t value = b[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((b[i] & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (b[i] & 0x3Fu);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (value < least[length] || value > 0x10FFFF ||
        (value >= 0xD800 && value < 0xE000))
        return 0;
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

bool vb_utf8_valid(const char *text, size_t size)
{
    uint32_t code;
    for (size_t i = 0; i < size;) {
        size_t length = vb_utf8_decode(text + i, size - i, &code);
        if (!length)
            return false;
        i += length;
    }
    return true;
}

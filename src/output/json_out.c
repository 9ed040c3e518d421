#include "output/json_out.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void write_escape(vb_string *out, unsigned char c)
{
    static const char names[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                 ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    if (c < sizeof names && names[c])
        vb_string_appendf(out, "\\%c", names[c]);
    else
        vb_string_appendf(out, "\\u%04x", c);
}

void vb_json_put_string(vb_string *out, const char *text, size_t size)
{
    vb_string_putc(out, '"');
    for (size_t i = 0; i < size;) {
        unsigned char c = (unsigned char)text[i];
        size_t length = vb_utf8_decode(text + i, size - i, NULL);
        if (c < 0x20 || c == 0x7F || c == '"' || c == '\\')
            write_escape(out, c);
        else if (length)
            vb_string_append(out, text + i, length);
        else
            vb_string_puts(out, "\xEF\xBF\xBD");
        i += length ? length : 1;
    }
    vb_string_putc(out, '"');
}

void vb_json_put_real(vb_string *out, double value)
{
    if (!isfinite(value)) {
        vb_string_puts(out, "null");
        return;
    }
    char text[40];
    snprintf(text, sizeof text, "%.9g", value);
    const char *point = localeconv()->decimal_point;
    const char *at = strstr(text, point);
    if (!at || strcmp(point, ".") == 0) {
        vb_string_puts(out, text);
        return;
    }
    vb_string_append(out, text, (size_t)(at - text));
    vb_string_putc(out, '.');
    vb_string_puts(out, at + strlen(point));
}

void vb_json_put_time(vb_string *out, int64_t time_us)
{
    uint64_t ms = time_us < 0 ? 0 : ((uint64_t)time_us + 500) / 1000;
    vb_string_appendf(out, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
}

void vb_json_put_base64(vb_string *out, const uint8_t *bytes, size_t size)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    vb_string_putc(out, '"');
    for (size_t i = 0; i < size; i += 3) {
        const size_t left = size - i;
        const uint32_t word = (uint32_t)bytes[i] << 16 |
                              (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                              (left > 2 ? bytes[i + 2] : 0);
        const char four[] = {digits[word >> 18], digits[word >> 12 & 63],
                             left > 1 ? digits[word >> 6 & 63] : '=',
                             left > 2 ? digits[word & 63] : '='};
        vb_string_append(out, four, sizeof four);
    }
    vb_string_putc(out, '"');
}

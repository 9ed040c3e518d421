#include "cli/json_out.h"

#include <inttypes.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void write_escape(cli_bytes *out, unsigned char c)
{
    static const char names[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                 ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    if (c < sizeof names && names[c])
        cli_bytes_printf(out, "\\%c", names[c]);
    else
        cli_bytes_printf(out, "\\u%04x", c);
}

void cli_json_string(cli_bytes *out, const char *text, size_t size)
{
    cli_bytes_char(out, '"');
    for (size_t i = 0; i < size;) {
        unsigned char c = (unsigned char)text[i];
        size_t length = cli_utf8_length(text + i, size - i);
        if (c < 0x20 || c == 0x7F || c == '"' || c == '\\')
            write_escape(out, c);
        else if (length)
            cli_bytes_add(out, text + i, length);
        else
            cli_bytes_text(out, "\xEF\xBF\xBD");
        i += length ? length : 1;
    }
    cli_bytes_char(out, '"');
}

void cli_json_real(cli_bytes *out, double value)
{
    if (!isfinite(value)) {
        cli_bytes_text(out, "null");
        return;
    }
    char text[40];
    snprintf(text, sizeof text, "%.9g", value);
    const char *point = localeconv()->decimal_point;
    const char *at = strstr(text, point);
    if (!at || strcmp(point, ".") == 0) {
        cli_bytes_text(out, text);
        return;
    }
    cli_bytes_add(out, text, (size_t)(at - text));
    cli_bytes_char(out, '.');
    cli_bytes_text(out, at + strlen(point));
}

void cli_json_time(cli_bytes *out, int64_t time_us)
{
    uint64_t ms = time_us < 0 ? 0 : ((uint64_t)time_us + 500) / 1000;
    cli_bytes_printf(out, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
}

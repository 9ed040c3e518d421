#include "terminal/wrap.h"

#include <string.h>

enum { WIDTH = 80 };

void vb_wrap(vb_string *out, const char *text, size_t size, size_t at, size_t indent)
{
    if (at && at + 2 > indent) {
        vb_string_putc(out, '\n');
        at = 0;
    }
    for (; at < indent; at++)
        vb_string_putc(out, ' ');
    for (const char *end = text + size; text < end;) {
        const size_t word = strcspn(text, " \n");
        if (at > indent && at + 1 + word > WIDTH) {
            vb_string_appendf(out, "\n%*s", (int)indent, "");
            at = indent;
        } else if (at > indent) {
            vb_string_putc(out, ' ');
            at++;
        }
        vb_string_append(out, text, word);
        at += word;
        text += word + 1;
    }
    vb_string_putc(out, '\n');
}

void vb_wrap_paragraphs(vb_string *out, const char *text)
{
    for (size_t size; *text; text += size + 1) {
        size = strcspn(text, "\n");
        vb_wrap(out, text, size, 0, 0);
    }
}

// clean.c - pre_caption and pre_question of BLIP's data/utils.py (blip-spec 4.4).
#include "tokenizer/tokenizer.h"
#include "tokenizer/unicode.h"

#include <string.h>

// A code point with no meaning of its own: "here the text ends".
static const uint32_t NOTHING = UINT32_MAX;

// The code point that ends before byte `end`; steps `end` back over it.
static uint32_t code_before(const char *text, size_t *end)
{
    if (*end == 0)
        return NOTHING;
    size_t at = *end - 1;
    while (((unsigned char)text[at] & 0xC0) == 0x80)
        at--;
    uint32_t code = 0;
    vb_utf8_decode(text + at, *end - at, &code);
    *end = at;
    return code;
}

static uint32_t code_after(const char *text, size_t size, size_t *at)
{
    if (*at == size)
        return NOTHING;
    uint32_t code = 0;
    *at += vb_utf8_decode(text + *at, size - *at, &code);
    return code;
}

// Whether the capital sigma at bytes `at` .. `after` ends a word: something cased before
// it, nothing cased behind, what case ignores aside.
static bool sigma_is_final(const char *text, size_t size, size_t at, size_t after)
{
    uint32_t code;
    do
        code = code_before(text, &at);
    while (code != NOTHING && vb_is_case_ignorable(code));
    if (code == NOTHING || !vb_is_cased(code))
        return false;
    do
        code = code_after(text, size, &after);
    while (code != NOTHING && vb_is_case_ignorable(code));
    return code == NOTHING || !vb_is_cased(code);
}

// Appends str.lower() of the text.
static bool append_lower(vb_string *out, const char *text, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t start = at;
        uint32_t code = code_after(text, size, &at);
        uint32_t low = vb_lower(code);
        if (code == 0x3A3 && sigma_is_final(text, size, start, at))
            low = 0x3C2;
        char bytes[6];
        size_t length = vb_utf8_encode(bytes, low);
        if (code == 0x130) // the one character whose lower case is two
            length += vb_utf8_encode(bytes + length, 0x307);
        if (!vb_string_append(out, bytes, length))
            return false;
    }
    return vb_string_append(out, NULL, 0); // also "" has bytes
}

static bool is_marked(char c)
{
    return c != '\0' && strchr(".!\"()*#:;~", c) != NULL;
}

// The functions below shorten `size` bytes in place and return how many are left.

static size_t delete_marked(char *text, size_t size)
{
    size_t kept = 0;
    for (size_t i = 0; i < size; i++)
        if (!is_marked(text[i]))
            text[kept++] = text[i];
    return kept;
}

static size_t blank_marked(char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (is_marked(text[i]))
            text[i] = ' ';
    return size;
}

// re.sub(r"\s{2,}", " ", text)
static size_t join_spaces(char *text, size_t size)
{
    size_t kept = 0;
    for (size_t at = 0; at < size;) {
        size_t start = at, run = 0, stop = at;
        while (at < size && vb_is_space(code_after(text, size, &at))) {
            run++;
            stop = at;
        }
        if (run >= 2) {
            text[kept++] = ' ';
            start = stop;
        }
        memmove(text + kept, text + start, at - start);
        kept += at - start;
    }
    return kept;
}

static size_t strip_right(const char *text, size_t size, char c)
{
    while (size > 0 && text[size - 1] == c)
        size--;
    return size;
}

static size_t strip_left(char *text, size_t size, char c)
{
    size_t skip = 0;
    while (skip < size && text[skip] == c)
        skip++;
    memmove(text, text + skip, size - skip);
    return size - skip;
}

// What is left of ' '.join(text.split(' ')[:max_words])
static size_t first_words(const char *text, size_t size, uint32_t max_words)
{
    if (max_words == 0)
        return 0;
    for (size_t i = 0; i < size; i++)
        if (text[i] == ' ' && --max_words == 0)
            return i;
    return size;
}

static size_t clean_caption(char *text, size_t size)
{
    size = blank_marked(text, size);
    size = join_spaces(text, size);
    size = strip_right(text, size, '\n');
    size = strip_right(text, size, ' ');
    return strip_left(text, size, ' ');
}

static size_t clean_question(char *text, size_t size)
{
    size = delete_marked(text, size);
    return strip_right(text, size, ' ');
}

static vblip_status clean(vb_string *out, const char *text, size_t size,
                          uint32_t max_words, size_t (*edit)(char *, size_t),
                          vblip_error *err)
{
    if (!vb_utf8_valid(text, size))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "text: not UTF-8");
    size_t before = out->size;
    bool ok = append_lower(out, text, size);
    size_t after = before;
    if (ok) {
        char *fresh = out->bytes + before;
        after += first_words(fresh, edit(fresh, out->size - before), max_words);
    }
    out->size = after;
    if (out->bytes)
        out->bytes[after] = '\0';
    return ok ? VBLIP_OK : vb_fail_memory(err, "text");
}

vblip_status vb_pre_caption(vb_string *out, const char *text, size_t size,
                            uint32_t max_words, vblip_error *err)
{
    return clean(out, text, size, max_words, clean_caption, err);
}

vblip_status vb_pre_question(vb_string *out, const char *text, size_t size,
                             uint32_t max_words, vblip_error *err)
{
    return clean(out, text, size, max_words, clean_question, err);
}

#include "output/cue_lines.h"

#include <string.h>

static bool is_white(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// Does another character begin at this byte?
static bool begins_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

static void append_words(vb_string *out, const char *text)
{
    const size_t begin = out->size;
    for (; *text; text++) {
        if (!is_white(*text))
            vb_string_putc(out, *text);
        else if (out->size > begin && text[1] && !is_white(text[1]))
            vb_string_putc(out, ' ');
    }
}

// Where the line begins_character that ends before `end` and holds as many of the words as `width`
// characters can.
static size_t line_begin(const char *words, size_t end, uint32_t width)
{
    size_t at = end, begin = end;
    for (uint32_t taken = 0; at > 0 && taken < width;
         taken += begins_character(words[at])) {
        at--;
        if (at > 0 && words[at - 1] == ' ' && words[at] != ' ')
            begin = at;
    }
    if (at == 0)
        return 0;
    return begin < end ? begin : at;
}

// Where the line before ends, of which `begin` is the next one's beginning.
static size_t line_end(const char *words, size_t begin)
{
    return begin > 0 && words[begin - 1] == ' ' ? begin - 1 : begin;
}

static uint32_t count_cue_lines(const char *words, size_t size, uint32_t width)
{
    uint32_t lines = 0;
    for (size_t end = size; end > 0; lines++)
        end = line_end(words, line_begin(words, end, width));
    return lines;
}

// Characters of the longest word that fits into a line; 1 where none does.
static uint32_t longest_word(const char *words)
{
    uint32_t longest = 1, size = 0;
    for (; *words; words++) {
        size = *words == ' ' ? 0 : size + begins_character(*words);
        if (size > longest && size <= VB_CUE_LINE && (words[1] == ' ' || !words[1]))
            longest = size;
    }
    return longest;
}

// The least width at which there are `lines` or fewer.
static uint32_t even_width(const char *words, size_t size, uint32_t lines)
{
    uint32_t width = longest_word(words);
    while (width < VB_CUE_LINE && count_cue_lines(words, size, width) > lines)
        width++;
    return width;
}

static void append_lines(vb_string *out, const char *words, size_t end, uint32_t width)
{
    const size_t begin = line_begin(words, end, width);
    if (begin > 0) {
        append_lines(out, words, line_end(words, begin), width);
        vb_string_putc(out, '\n');
    }
    vb_string_append(out, words + begin, end - begin);
}

uint32_t vb_cue_lines(vb_string *out, const char *text)
{
    vb_string words = {0};
    uint32_t lines = 0;
    append_words(&words, text);
    if (words.size && !words.failed) {
        lines = count_cue_lines(words.bytes, words.size, VB_CUE_LINE);
        if (lines > 1)
            lines = (lines + VB_CUE_LINES - 1) / VB_CUE_LINES * VB_CUE_LINES;
        const uint32_t width = even_width(words.bytes, words.size, lines);
        append_lines(out, words.bytes, words.size, width);
        lines = count_cue_lines(words.bytes, words.size, width);
    }
    out->failed = out->failed || words.failed;
    vb_string_free(&words);
    return lines;
}

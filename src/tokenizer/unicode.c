#include "tokenizer/unicode.h"

#include <utf8proc.h>

typedef struct range {
    uint32_t first, last;
} range;

#define IN(code, table) in_ranges(code, table, sizeof(table) / sizeof *(table))

static bool in_ranges(uint32_t code, const range *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (code >= table[i].first && code <= table[i].last)
            return true;
    return false;
}

static utf8proc_category_t category(uint32_t code)
{
    return utf8proc_category((utf8proc_int32_t)code);
}

bool vb_is_space(uint32_t code)
{
    static const range table[] = {
        {0x09, 0x0D},     {0x1C, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},
        {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
        {0x205F, 0x205F}, {0x3000, 0x3000},
    };
    return IN(code, table);
}

bool vb_is_blank(uint32_t code)
{
    if (code < 0x80)
        return code == ' ' || code == '\t' || code == '\n' || code == '\r';
    return category(code) == UTF8PROC_CATEGORY_ZS;
}

bool vb_is_other(uint32_t code)
{
    utf8proc_category_t c = category(code);
    return c == UTF8PROC_CATEGORY_CN || c >= UTF8PROC_CATEGORY_CC;
}

bool vb_is_mark(uint32_t code)
{
    return category(code) == UTF8PROC_CATEGORY_MN;
}

bool vb_is_punctuation(uint32_t code)
{
    static const range ascii[] = {{33, 47}, {58, 64}, {91, 96}, {123, 126}};
    if (code < 0x80)
        return IN(code, ascii);
    utf8proc_category_t c = category(code);
    return c >= UTF8PROC_CATEGORY_PC && c <= UTF8PROC_CATEGORY_PO;
}

bool vb_is_word(uint32_t code)
{
    static const range other[] = {{0x200C, 0x200D}, {0x24B6, 0x24E9}};
    utf8proc_category_t c = category(code);
    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_NL) ||
           c == UTF8PROC_CATEGORY_PC || IN(code, other);
}

bool vb_is_cjk(uint32_t code)
{
    static const range table[] = {
        {0x4E00, 0x9FFF},   {0x3400, 0x4DBF},   {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F},
        {0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF}, {0xF900, 0xFAFF},   {0x2F800, 0x2FA1F},
    };
    return code >= 0x3400 && IN(code, table);
}

bool vb_is_cased(uint32_t code)
{
    // Other_Lowercase and Other_Uppercase, less what is case-ignorable too.
    static const range other[] = {
        {0xAA, 0xAA},       {0xBA, 0xBA},       {0x2160, 0x217F},   {0x24B6, 0x24E9},
        {0x1F130, 0x1F149}, {0x1F150, 0x1F169}, {0x1F170, 0x1F189},
    };
    utf8proc_category_t c = category(code);
    return (c >= UTF8PROC_CATEGORY_LU && c <= UTF8PROC_CATEGORY_LT) || IN(code, other);
}

bool vb_is_case_ignorable(uint32_t code)
{
    // Word_Break = MidLetter, MidNumLet, Single_Quote.
    static const range other[] = {
        {0x27, 0x27},     {0x2E, 0x2E},     {0x3A, 0x3A},     {0xB7, 0xB7},
        {0x387, 0x387},   {0x55F, 0x55F},   {0x5F4, 0x5F4},   {0x2018, 0x2019},
        {0x2024, 0x2024}, {0x2027, 0x2027}, {0xFE13, 0xFE13}, {0xFE52, 0xFE52},
        {0xFE55, 0xFE55}, {0xFF07, 0xFF07}, {0xFF0E, 0xFF0E}, {0xFF1A, 0xFF1A},
    };
    utf8proc_category_t c = category(code);
    return c == UTF8PROC_CATEGORY_MN || c == UTF8PROC_CATEGORY_ME ||
           c == UTF8PROC_CATEGORY_CF || c == UTF8PROC_CATEGORY_LM ||
           c == UTF8PROC_CATEGORY_SK || IN(code, other);
}

uint32_t vb_lower(uint32_t code)
{
    if (code < 0x80)
        return code >= 'A' && code <= 'Z' ? code + 32 : code;
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)code);
}

uint8_t vb_combining_class(uint32_t code)
{
    return (uint8_t)utf8proc_get_property((utf8proc_int32_t)code)->combining_class;
}

size_t vb_decompose(uint32_t out[VB_MAX_DECOMPOSED], uint32_t code)
{
    utf8proc_int32_t parts[VB_MAX_DECOMPOSED];
    utf8proc_ssize_t count = utf8proc_decompose_char(
        (utf8proc_int32_t)code, parts, VB_MAX_DECOMPOSED, UTF8PROC_DECOMPOSE, NULL);
    if (count < 1 || count > VB_MAX_DECOMPOSED) {
        out[0] = code;
        return 1;
    }
    for (utf8proc_ssize_t i = 0; i < count; i++)
        out[i] = (uint32_t)parts[i];
    return (size_t)count;
}

#include "tokenizer/normalize.h"

bool vb_is_dropped(vb_normal_rules rules, uint32_t code)
{
    return !rules.keep_accents && code >= 0x80 && vb_is_mark(code);
}

// Lower case and accents apart, as far as the rules want it.
static size_t fold(uint32_t *out, vb_normal_rules rules, uint32_t code)
{
    const bool dotted = code == 0x130; // the one character whose lower case is two
    if (!rules.keep_case)
        code = vb_lower(code);
    if (!rules.keep_accents && code >= 0x80)
        return vb_decompose(out, code);
    out[0] = code;
    if (!dotted || rules.keep_case)
        return 1;
    out[1] = 0x307;
    return 2;
}

size_t vb_normalize(uint32_t out[VB_MAX_NORMAL], vb_normal_rules rules, uint32_t code)
{
    if (code == 0 || code == 0xFFFD)
        return 0;
    if (vb_is_blank(code) || code == 0x2028 || code == 0x2029) {
        out[0] = ' ';
        return 1;
    }
    if (vb_is_other(code))
        return 0;
    if (rules.join_ideographs || !vb_is_cjk(code))
        return fold(out, rules, code);
    out[0] = ' ';
    const size_t count = 1 + fold(out + 1, rules, code);
    out[count] = ' ';
    return count + 1;
}

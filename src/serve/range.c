#include "serve/range.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

// Digits at *text, which moves behind them; what is more than fits is the most that does.
static bool take_number(uint64_t *out, const char **text)
{
    const char *at = *text;
    uint64_t value = 0;
    while (*at >= '0' && *at <= '9') {
        const uint64_t digit = (uint64_t)(*at++ - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    if (at == *text)
        return false;
    *out = value;
    *text = at;
    return true;
}

// The last `count` bytes.
static vb_range take_suffix(uint64_t count, uint64_t size)
{
    if (count == 0 || size == 0)
        return (vb_range){.kind = VB_RANGE_BEYOND};
    const uint64_t first = count < size ? size - count : 0;
    return (vb_range){VB_RANGE_PART, first, size - first};
}

vb_range vb_range_read(const char *header, uint64_t size)
{
    static const char unit[] = "bytes=";
    const vb_range whole = {VB_RANGE_WHOLE, 0, size};
    uint64_t first = 0, last = UINT64_MAX;
    if (!header || strncasecmp(header, unit, sizeof unit - 1) != 0)
        return whole;
    const char *at = header + sizeof unit - 1;
    const bool has_first = take_number(&first, &at);
    if (*at++ != '-')
        return whole;
    const bool has_last = take_number(&last, &at);
    if (*at != '\0' || (!has_first && !has_last) || (has_first && last < first))
        return whole;
    if (!has_first)
        return take_suffix(last, size);
    if (first >= size)
        return (vb_range){.kind = VB_RANGE_BEYOND};
    if (last >= size)
        last = size - 1;
    return (vb_range){VB_RANGE_PART, first, last - first + 1};
}

#include "decode/declared.h"

#include <stdbool.h>
#include <string.h>

static uint64_t riff_size(const uint8_t *head)
{
    uint32_t body = (uint32_t)head[4] | (uint32_t)head[5] << 8 |
                    (uint32_t)head[6] << 16 | (uint32_t)head[7] << 24;
    bool unknown = body == 0 || body >= 0xFFFFFFF0; // never finished, or a stream
    return unknown ? 0 : (uint64_t)body + 8;
}

// The size field of an EBML element at `*at`, which moves behind it. False when it is
// not there or says that the size is unknown.
static bool element_size(uint64_t *out, const uint8_t *head, size_t size, size_t *at)
{
    if (*at >= size || head[*at] == 0)
        return false;
    size_t length = 1;
    while (!(head[*at] & 0x80U >> (length - 1)))
        length++;
    if (length > size - *at)
        return false;
    uint64_t value = head[*at] & (0xFFU >> length);
    for (size_t i = 1; i < length; i++)
        value = value << 8 | head[*at + i];
    *at += length;
    *out = value;
    return value != (UINT64_C(1) << 7 * length) - 1;
}

// An EBML header, then one segment that holds all else.
static uint64_t matroska_size(const uint8_t *head, size_t size)
{
    uint64_t header, segment;
    size_t at = 4;
    if (!element_size(&header, head, size, &at) || header > size - at)
        return 0;
    at += (size_t)header;
    if (size - at < 4 || memcmp(head + at, "\x18\x53\x80\x67", 4) != 0)
        return 0;
    at += 4;
    return element_size(&segment, head, size, &at) ? at + segment : 0;
}

uint64_t vb_declared_size(const uint8_t *head, size_t size)
{
    if (size >= 12 && memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "AVI ", 4) == 0)
        return riff_size(head);
    if (size >= 4 && memcmp(head, "\x1A\x45\xDF\xA3", 4) == 0)
        return matroska_size(head, size);
    return 0;
}

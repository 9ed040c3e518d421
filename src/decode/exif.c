#include "decode/exif.h"

#include <stdbool.h>
#include <string.h>

// Bytes that are left. Reading past the end gives an empty one.
typedef struct bytes {
    const uint8_t *at;
    size_t size;
} bytes;

static bytes skip(bytes b, size_t count)
{
    return count <= b.size ? (bytes){b.at + count, b.size - count} : (bytes){b.at, 0};
}

static bytes exif_take(bytes b, size_t count)
{
    return count <= b.size ? (bytes){b.at, count} : (bytes){b.at, 0};
}

static bool starts_with(bytes b, const char *text, size_t size)
{
    return b.size >= size && memcmp(b.at, text, size) == 0;
}

static uint32_t exif_number(bytes b, size_t size, bool little)
{
    uint32_t value = 0;
    for (size_t i = 0; i < size && size <= b.size; i++)
        value = value << 8 | b.at[little ? size - 1 - i : i];
    return value;
}

// Tag 274 of the first directory: a short.
static uint32_t tiff_orientation(bytes tiff)
{
    bool little = starts_with(tiff, "II*\0", 4);
    if (!little && !starts_with(tiff, "MM\0*", 4))
        return 1;
    bytes directory = skip(tiff, exif_number(skip(tiff, 4), 4, little));
    uint32_t entries = exif_number(directory, 2, little);
    bytes entry = skip(directory, 2);
    for (uint32_t i = 0; i < entries && entry.size >= 12;
         i++, entry = skip(entry, 12)) {
        if (exif_number(entry, 2, little) != 274)
            continue;
        uint32_t type = exif_number(skip(entry, 2), 2, little);
        uint32_t value = exif_number(skip(entry, 8), 2, little);
        return type == 3 && value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}

static uint32_t jpeg_orientation(bytes file)
{
    bytes rest = skip(file, 2);
    while (rest.size >= 4 && rest.at[0] == 0xFF) {
        uint8_t marker = rest.at[1];
        if (marker == 0xFF) { // fill byte
            rest = skip(rest, 1);
            continue;
        }
        if (marker == 0xDA || marker == 0xD9) // pixels or end: EXIF comes before
            break;
        size_t size = exif_number(skip(rest, 2), 2, false);
        bytes segment = exif_take(skip(rest, 2), size);
        if (marker == 0xE1 && starts_with(skip(segment, 2), "Exif\0\0", 6))
            return tiff_orientation(skip(segment, 8));
        rest = size >= 2 ? skip(rest, 2 + size) : (bytes){0};
    }
    return 1;
}

static uint32_t png_orientation(bytes file)
{
    bytes rest = skip(file, 8);
    while (rest.size >= 12 && !starts_with(skip(rest, 4), "IEND", 4)) {
        size_t size = exif_number(rest, 4, false);
        if (starts_with(skip(rest, 4), "eXIf", 4))
            return tiff_orientation(exif_take(skip(rest, 8), size));
        rest = skip(skip(rest, 12), size);
    }
    return 1;
}

static uint32_t webp_orientation(bytes file)
{
    bytes rest = skip(file, 12);
    while (rest.size >= 8) {
        size_t size = exif_number(skip(rest, 4), 4, true);
        bytes chunk = exif_take(skip(rest, 8), size);
        if (starts_with(rest, "EXIF", 4)) // some writers keep JPEG's prefix
            return tiff_orientation(starts_with(chunk, "Exif\0\0", 6) ? skip(chunk, 6)
                                                                      : chunk);
        rest = skip(skip(rest, 8), size + (size & 1));
    }
    return 1;
}

uint32_t vb_exif_orientation(const uint8_t *file, size_t size)
{
    bytes all = {file, size};
    if (starts_with(all, "\xFF\xD8\xFF", 3))
        return jpeg_orientation(all);
    if (starts_with(all, "\x89PNG\r\n\x1A\n", 8))
        return png_orientation(all);
    if (starts_with(all, "RIFF", 4) && starts_with(skip(all, 8), "WEBP", 4))
        return webp_orientation(all);
    return 1;
}

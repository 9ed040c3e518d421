#include "support/seeded_image.h"

#define GOLDEN UINT64_C(0x9E3779B97F4A7C15)

static uint64_t mix64(uint64_t z)
{
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static int64_t triangle(int64_t t)
{
    t &= 511;
    return t < 256 ? t : 511 - t;
}

// Two waves, a chequerboard and noise; may be negative.
static int64_t texture(const uint64_t r[12], uint64_t c, int64_t x, int64_t y,
                       int64_t width, int64_t height)
{
    uint64_t q = r[c];
    int64_t fx = q & 7, fy = (q >> 3) & 7, phase = (q >> 6) & 511;
    int64_t low = (q >> 15) & 127, amplitude = 64 + (int64_t)((q >> 22) & 127);
    int64_t wave = x * (fx * 512) / width + y * (fy * 512) / height + phase;
    int64_t v = low + ((amplitude * triangle(wave)) >> 8);

    q = r[3 + c];
    int64_t bx = 2 + (int64_t)(q & 7), by = 2 + (int64_t)((q >> 3) & 7);
    int64_t amount = (q >> 6) & 127;
    uint64_t cell = (uint64_t)(x * bx / width + 16 * (y * by / height));
    uint64_t hash = (cell * 2654435761U + ((q >> 20) & 0xFFFF) * 40503U) & 0xFFFFFFFF;
    v += (((int64_t)(hash >> 24) * amount) >> 8) - (amount >> 1);

    uint64_t noise = ((uint64_t)x * 374761393U + (uint64_t)y * 668265263U +
                      c * 2246822519U + (r[6] & 0xFFFF) * 3266489917U) &
                     0xFFFFFFFF;
    noise = ((noise ^ (noise >> 13)) * 1274126177U) & 0xFFFFFFFF;
    return v + (int64_t)(noise >> 28) - 8;
}

void seeded_image(uint8_t *rgb, uint64_t index, uint32_t width, uint32_t height,
                  uint64_t series)
{
    uint64_t r[12];
    uint64_t base = mix64(series * UINT64_C(0x100000001B3) + index * GOLDEN);
    for (uint64_t j = 0; j < 12; j++)
        r[j] = mix64(base + (j + 1) * GOLDEN);

    uint64_t q = r[7];
    uint64_t x0 = ((q & 255) * width) >> 9;
    uint64_t y0 = (((q >> 8) & 255) * height) >> 9;
    uint64_t x1 = x0 + ((((q >> 16) & 127) * width) >> 8) + 1;
    uint64_t y1 = y0 + ((((q >> 24) & 127) * height) >> 8) + 1;
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            for (uint64_t c = 0; c < 3; c++) {
                bool inside = x0 <= x && x < x1 && y0 <= y && y < y1;
                int64_t v = inside ? (int64_t)((r[8] >> (8 * c)) & 255)
                                   : texture(r, c, x, y, width, height);
                *rgb++ = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
            }
}

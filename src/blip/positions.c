#include "blip/positions.h"

#include <math.h>
#include <string.h>

enum { TAPS = 4 };

// The old cells that one new cell is made of, along one axis.
typedef struct taps {
    uint32_t at[TAPS];
    float weight[TAPS];
} taps;

// Keys' cubic at distance d >= 0.
static double cubic(double d)
{
    const double a = -0.75;
    if (d <= 1.0)
        return ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0;
    if (d < 2.0)
        return ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a;
    return 0.0;
}

static taps taps_of(uint32_t cell, uint32_t new_grid, uint32_t old_grid)
{
    const double centre = (cell + 0.5) * old_grid / new_grid - 0.5;
    const double first = floor(centre) - 1.0;
    taps out;
    for (int k = 0; k < TAPS; k++) {
        const double at = first + k;
        out.weight[k] = (float)cubic(fabs(centre - at));
        out.at[k] = (uint32_t)fmin(fmax(at, 0.0), (double)old_grid - 1.0);
    }
    return out;
}

void vb_resize_positions(float *dst, uint32_t new_grid, const float *src,
                         uint32_t old_grid, uint32_t width)
{
    memcpy(dst, src, width * sizeof *dst);
    src += width;
    for (uint32_t row = 0; row < new_grid; row++) {
        const taps y = taps_of(row, new_grid, old_grid);
        for (uint32_t col = 0; col < new_grid; col++) {
            const taps x = taps_of(col, new_grid, old_grid);
            dst += width;
            memset(dst, 0, width * sizeof *dst);
            for (int k = 0; k < TAPS * TAPS; k++) {
                const uint32_t cell = y.at[k / TAPS] * old_grid + x.at[k % TAPS];
                const float weight = y.weight[k / TAPS] * x.weight[k % TAPS];
                for (uint32_t c = 0; c < width; c++)
                    dst[c] += weight * src[(uint64_t)cell * width + c];
            }
        }
    }
}

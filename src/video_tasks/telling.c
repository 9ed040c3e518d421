#include "video_tasks/telling.h"

#include <math.h>
#include <stdlib.h>

// Of luma, 0 to 255: what a picture that shows something goes beyond. A black frame of a
// noisy camera deviates by 3 at most, a face in candle light by 15 and more.
static const float plain_deviation = 6.0F;
// Of the sharpness of half of the frames: less is blurred, as in a fast pan.
static const float blurred_share = 0.2F;

enum { MOST_FRAMES = 64, STEP = 2 }; // pixels that are looked at: every second

typedef struct telling {
    float deviation, sharpness; // of luma; mean difference of neighbours
} telling;

static float luma_at(const vb_frame *frame, uint32_t x, uint32_t y)
{
    const uint8_t *p = frame->rgb + ((size_t)y * frame->side + x) * 3;
    return 0.299F * (float)p[0] + 0.587F * (float)p[1] + 0.114F * (float)p[2];
}

static telling measure_frame(const vb_frame *frame)
{
    double sum = 0, squares = 0, edges = 0;
    uint32_t count = 0;
    for (uint32_t y = 0; y + 1 < frame->side; y += STEP)
        for (uint32_t x = 0; x + 1 < frame->side; x += STEP, count++) {
            const float here = luma_at(frame, x, y);
            const float right = luma_at(frame, x + 1, y) - here;
            const float below = luma_at(frame, x, y + 1) - here;
            sum += (double)here;
            squares += (double)here * (double)here;
            edges += (double)(right * right + below * below);
        }
    if (count == 0)
        return (telling){0};
    const double mean = sum / count;
    const double variance = squares / count - mean * mean;
    return (telling){.deviation = (float)sqrt(variance > 0 ? variance : 0),
                     .sharpness = (float)sqrt(edges / count)};
}

static int by_sharpness(const void *left, const void *right)
{
    const float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

static float median_sharpness(const telling *seen, uint32_t count)
{
    float values[MOST_FRAMES];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (seen[i].deviation >= plain_deviation)
            values[kept++] = seen[i].sharpness;
    if (kept == 0)
        return 0;
    qsort(values, kept, sizeof *values, by_sharpness);
    return values[kept / 2];
}

uint32_t vb_keep_telling(vb_frame *frames, uint32_t count)
{
    telling seen[MOST_FRAMES];
    if (count < 2 || count > MOST_FRAMES)
        return count;
    uint32_t best = 0, kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        seen[i] = measure_frame(&frames[i]);
        if (seen[i].deviation > seen[best].deviation)
            best = i;
    }
    const float least = blurred_share * median_sharpness(seen, count);
    for (uint32_t i = 0; i < count; i++)
        if (seen[i].deviation >= plain_deviation && seen[i].sharpness >= least)
            frames[kept++] = frames[i];
    if (kept == 0)
        frames[kept++] = frames[best];
    return kept;
}

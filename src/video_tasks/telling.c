#include "video_tasks/telling.h"

#include <math.h>
#include <stdlib.h>

// Of luma, 0 to 255: what a picture that shows something goes beyond. A black frame of a
// noisy camera deviates by 3 at most, a face in candle light by 15 and more.
static const float plain_deviation = 6.0F;
// Of what most frames reach: less is on its way to black or white, as in a fade.
static const float faded_share = 0.35F;
// Of the same: less is blurred, as in a fast pan. Sharp frames of one scene lie within 0.75
// of each other, one blurred by a Gaussian of 4 pixels in 384 at 0.1 to 0.25.
static const float blurred_share = 0.5F;

// Pixels that are looked at: every second, with neighbours so far away.
enum { MOST_FRAMES = 64, STEP = 2, NEAR = 1, FAR = 8 };

// Of luma: its standard deviation, and how much of the difference between pixels that are
// FAR apart there is between neighbours, beyond what a ramp has. That does not depend on
// contrast.
typedef struct telling {
    float deviation, sharpness;
} telling;

static float luma_at(const vb_frame *frame, uint32_t x, uint32_t y)
{
    const uint8_t *p = frame->rgb + ((size_t)y * frame->side + x) * 3;
    return 0.299F * (float)p[0] + 0.587F * (float)p[1] + 0.114F * (float)p[2];
}

// The squares of both differences at a distance.
static double edge_at(const vb_frame *frame, uint32_t x, uint32_t y, uint32_t distance)
{
    const float here = luma_at(frame, x, y);
    const float right = luma_at(frame, x + distance, y) - here;
    const float below = luma_at(frame, x, y + distance) - here;
    return (double)(right * right + below * below);
}

static float measure_deviation(const vb_frame *frame)
{
    double sum = 0, squares = 0;
    uint32_t count = 0;
    for (uint32_t y = 0; y < frame->side; y += STEP)
        for (uint32_t x = 0; x < frame->side; x += STEP, count++) {
            const double here = (double)luma_at(frame, x, y);
            sum += here;
            squares += here * here;
        }
    if (count == 0)
        return 0;
    const double mean = sum / count, variance = squares / count - mean * mean;
    return (float)sqrt(variance > 0 ? variance : 0);
}

static float measure_sharpness(const vb_frame *frame)
{
    double near = 0, far = 0;
    for (uint32_t y = 0; y + FAR < frame->side; y += STEP)
        for (uint32_t x = 0; x + FAR < frame->side; x += STEP) {
            near += edge_at(frame, x, y, NEAR);
            far += edge_at(frame, x, y, FAR);
        }
    if (far <= 0)
        return 0;
    const double beyond = sqrt(near / far) - (double)NEAR / FAR;
    return (float)(beyond > 0 ? beyond : 0);
}

static int by_size_of_value(const void *left, const void *right)
{
    const float a = *(const float *)left, b = *(const float *)right;
    return (a > b) - (a < b);
}

// What a quarter of the values are beyond: a single one that is odd says nothing.
static float upper_quartile(float *values, uint32_t count)
{
    if (count == 0)
        return 0;
    qsort(values, count, sizeof *values, by_size_of_value);
    return values[3 * count / 4];
}

// What a frame must reach, by those that are not plain.
static telling least_telling(const telling *seen, uint32_t count)
{
    float deviations[MOST_FRAMES], sharpnesses[MOST_FRAMES];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (seen[i].deviation >= plain_deviation) {
            deviations[kept] = seen[i].deviation;
            sharpnesses[kept++] = seen[i].sharpness;
        }
    const float contrast = faded_share * upper_quartile(deviations, kept);
    return (telling){
        .deviation = contrast > plain_deviation ? contrast : plain_deviation,
        .sharpness = blurred_share * upper_quartile(sharpnesses, kept),
    };
}

uint32_t vb_keep_telling(vb_frame *frames, uint32_t count)
{
    telling seen[MOST_FRAMES];
    if (count < 2 || count > MOST_FRAMES)
        return count;
    uint32_t best = 0, kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        seen[i] =
            (telling){measure_deviation(&frames[i]), measure_sharpness(&frames[i])};
        if (seen[i].deviation > seen[best].deviation)
            best = i;
    }
    const telling least = least_telling(seen, count);
    for (uint32_t i = 0; i < count; i++)
        if (seen[i].deviation >= least.deviation &&
            seen[i].sharpness >= least.sharpness)
            frames[kept++] = frames[i];
    if (kept == 0)
        frames[kept++] = frames[best];
    return kept;
}

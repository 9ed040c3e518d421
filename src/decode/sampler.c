#include "decode/sampler.h"

#include <math.h>

// numpy.arange(0, frames, frames / wanted, dtype=int): the count comes from the step in
// double, the values from the step as an integer.
uint32_t vb_sample_uniform(uint64_t *indices, uint32_t capacity, uint64_t frames,
                           uint32_t wanted)
{
    if (frames == 0 || wanted == 0)
        return 0;
    double step = (double)frames / wanted;
    uint32_t count = (uint32_t)ceil((double)frames / step);
    uint64_t whole_step = frames / wanted;
    for (uint32_t i = 0; i < count && i < capacity; i++)
        indices[i] = i * whole_step;
    return count;
}

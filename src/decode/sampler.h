// sampler.h - which frames of a clip the model sees.
#ifndef VB_DECODE_SAMPLER_H
#define VB_DECODE_SAMPLER_H

#include <stdint.h>

// Frame indices of a whole clip by the reference's rule (blip-spec 5.3): i *
// floor(frames / wanted), for wanted entries, or wanted + 1 where double rounding gives
// one more there. Returns how many; writes at most `capacity`, which wanted + 1 suffices.
uint32_t vb_sample_uniform(uint64_t *indices, uint32_t capacity, uint64_t frames,
                           uint32_t wanted);

#endif // VB_DECODE_SAMPLER_H

// random.h - random numbers that are the same everywhere: splitmix64 (Steele, Lea and
// Flood 2014). Pure.
//
// The state is a counter; each number is a hash of it. Two states that are hashes
// themselves start streams that do not meet.
#ifndef VB_BASE_RANDOM_H
#define VB_BASE_RANDOM_H

#include <stdint.h>

// The next 64 random bits.
uint64_t vb_random_next(uint64_t *state);

// The next number in [0, 1), a multiple of 2^-53.
double vb_random_unit(uint64_t *state);

// The state that begins the stream of sample `sample` of frame `frame` under `seed`. What
// is drawn for a frame depends on nothing else: not on what was drawn before, nor on the
// order in which frames come.
uint64_t vb_random_stream(uint64_t seed, uint64_t frame, uint64_t sample);

#endif // VB_BASE_RANDOM_H

// half_bounds.h - how far a model with weights in f16 may be from the golden vectors.
//
// Rounding the weights moves every value, so tensors are held to their direction: the
// cosine of each row. What tasks decide by is held to a distance as well, several times
// what was seen.
#ifndef SUPPORT_HALF_BOUNDS_H
#define SUPPORT_HALF_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>

// Largest distance of an element of the golden tensor `name`; infinite where only the
// direction counts.
double half_atol(const char *name);

// Fails unless each row of `cols` values points the way of the golden one; short rows
// count as one.
void half_expect_direction(const char *name, const float *got, const float *want,
                           size_t count, size_t cols);

// Whether a decision with this `margin` must be that of the original. `same`: it was
// when the original's own weights were rounded to f16.
bool half_decides(double margin, bool same);

#endif // SUPPORT_HALF_BOUNDS_H

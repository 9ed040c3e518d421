// reduced_bounds.h - how far a model in f16 or bf16 may be from the golden vectors.
//
// Rounding the weights, in bf16 the operands of products as well, moves every value, so
// tensors are held to their direction: the cosine of each row. What tasks decide by is held
// to a distance as well, several times what was seen.
#ifndef SUPPORT_REDUCED_BOUNDS_H
#define SUPPORT_REDUCED_BOUNDS_H

#include "base/dtype.h"

#include <stdbool.h>
#include <stddef.h>

// Largest distance of an element of the golden tensor `name`; infinite where only the
// direction counts.
double reduced_atol(vb_dtype weights, const char *name);

// Fails unless each row of `cols` values points the way of the golden one; short rows
// count as one.
void reduced_expect_direction(vb_dtype weights, const char *name, const float *got,
                              const float *want, size_t count, size_t cols);

// Whether a decision with this `margin` must be that of the original; in bf16, may seldom
// be another. `same`: it was when the original's own weights were rounded to f16.
bool reduced_decides(vb_dtype weights, double margin, bool same);

#endif // SUPPORT_REDUCED_BOUNDS_H

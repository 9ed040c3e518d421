#include "support/reduced_bounds.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SHORT_ROW = 32 }; // values: too few for a direction of their own

static const struct bound {
    const char *part; // of the tensor's name
    double f16, bf16;
} bounds[] = {
    {"sim", 1e-3, 1e-2}, // ITC
    {"_feat", 1e-3, 1e-2},
    {"video.feat", 1e-3, 1e-2},
    {"itm", 2e-2, 2e-1},     // logits
    {"dec.max", 5e-2, 5e-1}, // of words, around 20
    {"dec.logsumexp", 5e-2, 5e-1},
    {"logits_select", 5e-2, 1.0},
    {"dec.logits_last", 5e-2, 1.0},
    {"loglik", 1e-1, 1.0}, // sums over up to seven words
    {"rank_score", 1e-1, 1.0},
};

double reduced_atol(vb_dtype weights, const char *name)
{
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (strstr(name, bounds[i].part))
            return weights == VB_BF16 ? bounds[i].bf16 : bounds[i].f16;
    return (double)INFINITY;
}

// NaN when any value is.
static double cosine(const float *a, const float *b, size_t count)
{
    double dot = 0.0, aa = 0.0, bb = 0.0;
    for (size_t i = 0; i < count; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return dot / sqrt(aa * bb);
}

void reduced_expect_direction(vb_dtype weights, const char *name, const float *got,
                              const float *want, size_t count, size_t cols)
{
    const double least_cosine = weights == VB_BF16 ? 0.998 : 0.9999;
    const size_t width = cols < SHORT_ROW ? count : cols;
    double least = 1.0;
    for (size_t at = 0; at < count; at += width) {
        const double c = cosine(got + at, want + at, width);
        least = c >= least ? least : c;
    }
    print_message("  %-28s least cosine %.9f\n", name, least);
    if (!(least >= least_cosine))
        fail_msg("%s: cosine %.9f, at least %g", name, least, least_cosine);
}

bool reduced_decides(vb_dtype weights, double margin, bool same)
{
    return margin > 0.05 || (weights == VB_F16 && same && margin > 0.01);
}

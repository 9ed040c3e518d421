#include "support/half_bounds.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { SHORT_ROW = 32 }; // values: too few for a direction of their own

static const double least_cosine = 0.9999;

static const struct bound {
    const char *part; // of the tensor's name
    double atol;
} bounds[] = {
    {"sim", 1e-3},                                                   // ITC
    {"_feat", 1e-3},         {"video.feat", 1e-3},    {"itm", 2e-2}, // logits
    {"dec.max", 5e-2}, // of words, around 20: what the margins of generation allow
    {"dec.logsumexp", 5e-2}, {"logits_select", 5e-2}, {"dec.logits_last", 5e-2},
    {"loglik", 1e-1}, // sums over up to seven words
    {"rank_score", 1e-1},
};

double half_atol(const char *name)
{
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
        if (strstr(name, bounds[i].part))
            return bounds[i].atol;
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

void half_expect_direction(const char *name, const float *got, const float *want,
                           size_t count, size_t cols)
{
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

bool half_decides(double margin, bool same)
{
    return margin > 0.05 || (same && margin > 0.01);
}

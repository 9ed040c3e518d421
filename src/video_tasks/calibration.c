#include "video_tasks/calibration.h"

#include "video_tasks/ranking.h"

#include <float.h>
#include <math.h>

// ------------------------------------------------------------------------ reliability

void vb_reliability_measure(vblip_reliability *out, const vb_judged *pairs,
                            uint32_t count, const vblip_calibration *calibration)
{
    *out = (vblip_reliability){0};
    for (uint32_t i = 0; i < count; i++) {
        const double p = (double)vb_match_probability(calibration, pairs[i].logits);
        const double off = p - (pairs[i].match ? 1.0 : 0.0);
        const uint32_t at = (uint32_t)(p * VBLIP_RELIABILITY_BINS);
        vblip_reliability_bin *bin =
            &out->bins[at < VBLIP_RELIABILITY_BINS ? at : VBLIP_RELIABILITY_BINS - 1];
        bin->pairs++;
        bin->mean_p += p;
        bin->observed += pairs[i].match;
        out->brier += off * off / count;
    }
    for (uint32_t b = 0; b < VBLIP_RELIABILITY_BINS; b++) {
        vblip_reliability_bin *bin = &out->bins[b];
        if (!bin->pairs)
            continue;
        out->ece += fabs(bin->mean_p - bin->observed) / count;
        bin->mean_p /= bin->pairs;
        bin->observed /= bin->pairs;
    }
}

// ------------------------------------------------------------------------------- fitting

// P(match) = sigmoid(slope * margin + bias): logistic regression of one variable, whose
// loss has one minimum.
typedef struct line {
    double slope, bias;
} line;

// Margins count in units of the largest, so that any logits are fitted in as many steps.
typedef struct fitting {
    const vb_judged *pairs;
    uint32_t count;
    double unit;
} fitting;

static double margin_of(const vb_judged *pair)
{
    return (double)pair->logits[1] - (double)pair->logits[0];
}

// Negative log-likelihood: of each pair log(1 + exp(-x)), x towards what it is.
static double line_loss(line at, const fitting *f)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < f->count; i++) {
        const double z = margin_of(&f->pairs[i]) / f->unit;
        const double logit = at.slope * z + at.bias;
        const double x = f->pairs[i].match ? logit : -logit;
        sum += x > 0 ? log1p(exp(-x)) : log1p(exp(x)) - x;
    }
    return sum;
}

// The step of Newton's method, and how much the loss falls along it at first.
static line newton_step(double *decrease, line at, const fitting *f)
{
    enum { RIDGE_DIVISOR = 1 << 30 };
    double g[2] = {0}, h[3] = {0}; // gradient; second derivatives: slope, both, bias
    for (uint32_t i = 0; i < f->count; i++) {
        const double z = margin_of(&f->pairs[i]) / f->unit;
        const double p = 1.0 / (1.0 + exp(-(at.slope * z + at.bias)));
        const double off = p - (f->pairs[i].match ? 1.0 : 0.0), weight = p * (1.0 - p);
        g[0] += off * z;
        g[1] += off;
        h[0] += weight * z * z;
        h[1] += weight * z;
        h[2] += weight;
    }
    const double ridge = (h[0] + h[2]) / RIDGE_DIVISOR + DBL_MIN;
    h[0] += ridge;
    h[2] += ridge;
    const double determinant = h[0] * h[2] - h[1] * h[1];
    const line step = {-(h[2] * g[0] - h[1] * g[1]) / determinant,
                       -(h[0] * g[1] - h[1] * g[0]) / determinant};
    *decrease = -(g[0] * step.slope + g[1] * step.bias);
    return step;
}

// Moves `at` along `step`, which is halved until it pays. False where it never does.
static bool line_search(line *at, double *loss, line step, double decrease,
                        const fitting *f)
{
    for (double length = 1.0; length > 1e-10; length /= 2) {
        const line next = {at->slope + length * step.slope,
                           at->bias + length * step.bias};
        const double less = line_loss(next, f);
        if (!(less <= *loss - 1e-4 * length * decrease))
            continue;
        *at = next;
        *loss = less;
        return true;
    }
    return false;
}

// Newton's method (Lin, Lin and Weng, "A note on Platt's probabilistic outputs for support
// vector machines", 2007). False where it finds no minimum.
static bool fit_line(line *out, const fitting *f)
{
    enum { MOST_STEPS = 100 };
    const double enough = 1e-14 * f->count, little = 1e-8 * f->count;
    line at = {0.0, 0.0};
    double loss = line_loss(at, f), decrease = HUGE_VAL;
    for (int i = 0; i < MOST_STEPS && decrease > enough; i++) {
        const line step = newton_step(&decrease, at, f);
        if (decrease > enough && !line_search(&at, &loss, step, decrease, f))
            break; // as far as doubles go
    }
    *out = (line){at.slope / f->unit, at.bias};
    return decrease < little;
}

// Pairs of either kind, and the margins that are between them.
typedef struct spread {
    uint32_t matches;
    bool finite;
    double least, most, least_match, most_other;
} spread;

static spread spread_of(const vb_judged *pairs, uint32_t count)
{
    spread s = {.finite = true,
                .least = HUGE_VAL,
                .most = -HUGE_VAL,
                .least_match = HUGE_VAL,
                .most_other = -HUGE_VAL};
    for (uint32_t i = 0; i < count; i++) {
        const double margin = margin_of(&pairs[i]);
        s.matches += pairs[i].match;
        s.finite = s.finite && isfinite(margin);
        s.least = fmin(s.least, margin);
        s.most = fmax(s.most, margin);
        if (pairs[i].match)
            s.least_match = fmin(s.least_match, margin);
        else
            s.most_other = fmax(s.most_other, margin);
    }
    return s;
}

vblip_status vb_calibration_fit(vblip_calibration *out, const vb_judged *pairs,
                                uint32_t count, const char *subject, vblip_error *err)
{
    const spread s = spread_of(pairs, count);
    const uint32_t others = count - s.matches;
    if (s.matches < VB_CALIBRATION_LEAST || others < VB_CALIBRATION_LEAST)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: %u pairs match, %u do not: nothing is fitted to fewer than "
                       "%d of each",
                       subject, (unsigned)s.matches, (unsigned)others,
                       VB_CALIBRATION_LEAST);
    if (!s.finite)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: ITM says of some pairs what is no number: the model is "
                       "damaged",
                       subject);
    if (s.least < s.most && s.least_match >= s.most_other)
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: ITM is right about all %u pairs, by any temperature: add "
                       "pairs that it finds harder",
                       subject, (unsigned)count);
    line found = {0};
    const fitting f = {pairs, count, fmax(fabs(s.least), fabs(s.most))};
    const bool fitted = s.least < s.most && fit_line(&found, &f);
    if (!fitted || !(found.slope > 0))
        return vb_fail(err, VBLIP_ERR_FORMAT,
                       "%s: of %u pairs, those that match have no larger logits than "
                       "the %u that do not: is `match` the right way round?",
                       subject, (unsigned)count, (unsigned)others);
    const double temperature = 1.0 / found.slope;
    if (!(temperature >= VB_TEMPERATURE_LEAST && temperature <= VB_TEMPERATURE_MOST &&
          fabs(found.bias) <= VB_BIAS_MOST))
        return vb_fail(
            err, VBLIP_ERR_FORMAT,
            "%s: the best temperature is %g, allowed are %g to %g: logits of "
            "these pairs hardly differ",
            subject, temperature, VB_TEMPERATURE_LEAST, VB_TEMPERATURE_MOST);
    out->temperature = (float)temperature;
    out->bias = (float)found.bias;
    out->pairs = count;
    out->matches = s.matches;
    vblip_reliability raw, calibrated;
    vb_reliability_measure(&raw, pairs, count, NULL);
    vb_reliability_measure(&calibrated, pairs, count, out);
    out->ece_before = (float)raw.ece;
    out->ece_after = (float)calibrated.ece;
    out->brier_before = (float)raw.brier;
    out->brier_after = (float)calibrated.brier;
    return VBLIP_OK;
}

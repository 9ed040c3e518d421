#include "support/ref_ops.h"

#include <math.h>

double ref_gelu(double x)
{
    return 0.5 * x * (1.0 + erf(x / sqrt(2.0)));
}

double ref_relu(double x)
{
    return x > 0.0 ? x : 0.0;
}

void ref_linear(double *y, const float *x, const float *w, const float *bias,
                const float *residual, size_t rows, size_t in, size_t out, ref_act act)
{
    for (size_t r = 0; r < rows; r++) {
        for (size_t o = 0; o < out; o++) {
            double sum = 0.0;
            for (size_t i = 0; i < in; i++)
                sum += (double)x[r * in + i] * (double)w[o * in + i];
            if (bias)
                sum += (double)bias[o];
            if (act)
                sum = act(sum);
            if (residual)
                sum += (double)residual[r * out + o];
            y[r * out + o] = sum;
        }
    }
}

void ref_layernorm(double *y, const float *x, const float *gain, const float *bias,
                   size_t rows, size_t cols, double eps)
{
    for (size_t r = 0; r < rows; r++, x += cols, y += cols) {
        double mean = 0.0, square = 0.0;
        for (size_t c = 0; c < cols; c++)
            mean += (double)x[c];
        mean /= (double)cols;
        for (size_t c = 0; c < cols; c++)
            square += ((double)x[c] - mean) * ((double)x[c] - mean);
        double scale = 1.0 / sqrt(square / (double)cols + eps);
        for (size_t c = 0; c < cols; c++)
            y[c] = ((double)x[c] - mean) * scale * (double)gain[c] + (double)bias[c];
    }
}

// One query row of one head: q and y [head_dim], k and v rows `stride` apart.
static void attend(double *y, const float *q, const float *k, const float *v,
                   size_t keys, size_t stride, size_t head_dim, double *scores)
{
    double largest = (double)-INFINITY, sum = 0.0;
    for (size_t j = 0; j < keys; j++) {
        double dot = 0.0;
        for (size_t d = 0; d < head_dim; d++)
            dot += (double)q[d] * (double)k[j * stride + d];
        scores[j] = dot / sqrt((double)head_dim);
        largest = fmax(largest, scores[j]);
    }
    for (size_t j = 0; j < keys; j++) {
        scores[j] = exp(scores[j] - largest);
        sum += scores[j];
    }
    for (size_t d = 0; d < head_dim; d++) {
        y[d] = 0.0;
        for (size_t j = 0; j < keys; j++)
            y[d] += scores[j] / sum * (double)v[j * stride + d];
    }
}

void ref_attention(double *y, const float *q, const float *k, const float *v,
                   const ref_attention_shape *s, double *scores)
{
    const size_t width = s->heads * s->head_dim;
    for (size_t b = 0; b < s->batch; b++) {
        const size_t kv = s->kv_batch == 1 ? 0 : b * s->kv_len * width;
        for (size_t i = 0; i < s->q_len; i++) {
            size_t keys = s->lengths ? (size_t)s->lengths[b] : s->kv_len;
            if (s->causal && s->first_query + i + 1 < keys)
                keys = s->first_query + i + 1;
            const size_t row = (b * s->q_len + i) * width;
            for (size_t h = 0; h < s->heads; h++) {
                const size_t at = h * s->head_dim;
                attend(y + row + at, q + row + at, k + kv + at, v + kv + at, keys,
                       width, s->head_dim, scores);
            }
        }
    }
}

void ref_patchify(double *y, const uint8_t *frames, size_t count, size_t side,
                  size_t patch, const float mean[3], const float deviation[3])
{
    const size_t grid = side / patch;
    for (size_t f = 0; f < count; f++) {
        const uint8_t *frame = frames + f * side * side * 3;
        for (size_t g = 0; g < grid * grid; g++) {
            for (size_t c = 0; c < 3; c++) {
                for (size_t p = 0; p < patch * patch; p++) {
                    size_t row = g / grid * patch + p / patch;
                    size_t col = g % grid * patch + p % patch;
                    double value = (double)frame[(row * side + col) * 3 + c] / 255.0;
                    *y++ = (value - (double)mean[c]) / (double)deviation[c];
                }
            }
        }
    }
}

void ref_embed(double *y, const int32_t *ids, const float *words,
               const float *positions, size_t tokens, size_t cols)
{
    for (size_t t = 0; t < tokens; t++)
        for (size_t c = 0; c < cols; c++)
            y[t * cols + c] = (double)words[(size_t)ids[t] * cols + c] +
                              (double)positions[t * cols + c];
}

void ref_add_rows(double *y, const float *before, const float *x, size_t batch,
                  size_t rows, size_t cols)
{
    for (size_t b = 0; b < batch; b++)
        for (size_t i = 0; i < rows * cols; i++)
            y[b * rows * cols + i] = (double)before[b * rows * cols + i] + (double)x[i];
}

void ref_set_row(double *y, const float *before, const float *x, size_t batch,
                 size_t rows, size_t cols, size_t row)
{
    for (size_t i = 0; i < batch * rows * cols; i++)
        y[i] = i / cols % rows == row ? (double)x[i % cols] : (double)before[i];
}

void ref_mean_rows(double *y, const float *x, size_t batch, size_t rows, size_t cols)
{
    for (size_t b = 0; b < batch; b++) {
        for (size_t c = 0; c < cols; c++) {
            double sum = 0.0;
            for (size_t r = 0; r < rows; r++)
                sum += (double)x[(b * rows + r) * cols + c];
            y[b * cols + c] = sum / (double)rows;
        }
    }
}

void ref_l2norm(double *y, const float *x, size_t rows, size_t cols, double eps)
{
    for (size_t r = 0; r < rows; r++) {
        double square = 0.0;
        for (size_t c = 0; c < cols; c++)
            square += (double)x[r * cols + c] * (double)x[r * cols + c];
        for (size_t c = 0; c < cols; c++)
            y[r * cols + c] = (double)x[r * cols + c] / fmax(sqrt(square), eps);
    }
}

double ref_nmse(const float *got, const double *want, size_t count)
{
    double error = 0.0, power = 0.0;
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(got[i]))
            return (double)NAN;
        error += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
        power += want[i] * want[i];
    }
    return power > 0.0 ? error / power : error;
}

void ref_topk(double *y, const float *x, size_t count, size_t k, int32_t id)
{
    double *values = y + 3, *columns = values + k;
    double sum = 0;
    size_t before = count;
    for (size_t n = 0; n < k; n++) {
        size_t best = count;
        for (size_t i = 0; i < count; i++) {
            const bool behind =
                n == 0 || x[i] < x[before] || (x[i] == x[before] && i > before);
            if (behind && (best == count || x[i] > x[best]))
                best = i;
        }
        values[n] = (double)x[best];
        columns[n] = (double)best;
        before = best;
    }
    y[0] = 0;
    for (size_t i = 0; i < count; i++) {
        y[0] += exp((double)x[i] - values[0]);
        sum += (double)x[i];
    }
    y[1] = sum / (double)count;
    y[2] = id < 0 ? 0 : (double)x[id];
}

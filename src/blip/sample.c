#include "blip/sample.h"

#include "base/random.h"
#include "blip/logits.h"

#include <math.h>
#include <stdlib.h>

vblip_status vb_sample_check(const vb_sample_params *p, vblip_error *err)
{
    if (!(p->temperature > 0.0f) || !isfinite(p->temperature))
        return vb_fail(err, VBLIP_ERR_ARGUMENT, "temperature: %g, expected more than 0",
                       (double)p->temperature);
    if (!(p->top_p > 0.0f && p->top_p <= 1.0f))
        return vb_fail(err, VBLIP_ERR_ARGUMENT,
                       "top_p: %g, expected more than 0, at most 1", (double)p->top_p);
    return VBLIP_OK;
}

static bool sampler_make_room(vb_sampler *s, uint32_t vocabulary)
{
    if (vocabulary <= s->capacity)
        return true;
    vb_sampler_free(s);
    s->kept = malloc(vocabulary * sizeof *s->kept);
    s->largest = malloc(vocabulary * sizeof *s->largest);
    if (!s->kept || !s->largest) {
        vb_sampler_free(s);
        return false;
    }
    s->capacity = vocabulary;
    return true;
}

vblip_status vb_sampler_start(vb_sampler *s, const vb_sample_params *p,
                              uint32_t vocabulary, vblip_error *err)
{
    VB_TRY(vb_sample_check(p, err));
    if (!sampler_make_room(s, vocabulary))
        return vb_fail_memory(err, "sampling");
    s->params = *p;
    s->vocabulary = vocabulary;
    s->random = p->random;
    s->count = 0;
    return VBLIP_OK;
}

void vb_sampler_free(vb_sampler *s)
{
    free(s->kept);
    free(s->largest);
    *s = (vb_sampler){0};
}

// ------------------------------------------------------------------------------ top k

// Lets the first of `count` values of a heap, whose root is the smallest, find its place.
static void sink(float *heap, uint32_t count)
{
    const float value = heap[0];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count)
            break;
        if (child + 1 < count && heap[child + 1] < heap[child])
            child++;
        if (!(heap[child] < value))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = value;
}

static void rise(float *heap, uint32_t at)
{
    const float value = heap[at];
    for (; at && value < heap[(at - 1) / 2]; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = value;
}

// The k-th largest of the logits; -INFINITY when all of them may stay.
static float threshold(const vb_sampler *s, const float *logits)
{
    const uint32_t k = s->params.top_k;
    float *heap = s->largest; // the k largest so far
    if (k == 0 || k >= s->vocabulary)
        return -INFINITY;
    for (uint32_t v = 0; v < k; v++) {
        heap[v] = logits[v];
        rise(heap, v);
    }
    for (uint32_t v = k; v < s->vocabulary; v++)
        if (logits[v] > heap[0]) {
            heap[0] = logits[v];
            sink(heap, k);
        }
    return heap[0];
}

// ------------------------------------------------------------------------------ top p

static int by_logit(const void *left, const void *right)
{
    const vb_choice *a = left, *b = right;
    if (a->logit != b->logit)
        return a->logit > b->logit ? -1 : 1;
    return a->token < b->token ? -1 : 1;
}

// Probabilities of what is kept, which is sorted: they sum to 1.
static void softmax(vb_sampler *s)
{
    double sum = 0.0;
    for (uint32_t i = 0; i < s->count; i++) {
        s->kept[i].probability =
            exp((double)s->kept[i].logit - (double)s->kept[0].logit);
        sum += s->kept[i].probability;
    }
    for (uint32_t i = 0; i < s->count; i++)
        s->kept[i].probability /= sum;
}

// Lets go of all that come after the sum of probabilities has passed top_p.
static void cut_tail(vb_sampler *s)
{
    double sum = 0.0;
    uint32_t count = 0;
    while (count < s->count && sum <= (double)s->params.top_p)
        sum += s->kept[count++].probability;
    s->count = count;
}

void vb_sampler_keep(vb_sampler *s, const float *logits)
{
    const float least = threshold(s, logits);
    s->count = 0;
    for (uint32_t v = 0; v < s->vocabulary; v++)
        if (logits[v] >= least && logits[v] > -INFINITY)
            s->kept[s->count++] =
                (vb_choice){(int32_t)v, logits[v] / s->params.temperature, 0.0};
    if (!s->count) // not a number, all of them
        s->kept[s->count++] =
            (vb_choice){(int32_t)vb_argmax(logits, s->vocabulary), 0.0f, 0.0};
    qsort(s->kept, s->count, sizeof *s->kept, by_logit);
    softmax(s);
    if (s->params.top_p < 1.0f) {
        cut_tail(s);
        softmax(s);
    }
}

int32_t vb_sampler_draw(vb_sampler *s, const float *logits)
{
    vb_sampler_keep(s, logits);
    double left = vb_random_unit(&s->random);
    uint32_t i = 0;
    while (i + 1 < s->count && left >= s->kept[i].probability)
        left -= s->kept[i++].probability;
    return s->kept[i].token;
}

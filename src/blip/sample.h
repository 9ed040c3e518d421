// sample.h - nucleus sampling (blip-spec 8.3): which tokens may come next, how probable
// each is, and the draw. Pure: logits in, a token out.
#ifndef VB_BLIP_SAMPLE_H
#define VB_BLIP_SAMPLE_H

#include "base/error.h"

typedef struct vb_sample_params {
    float temperature; // more than 0; logits are divided by it
    float top_p;       // more than 0, at most 1; 1 = all
    uint32_t top_k;    // 0 = all
    uint64_t random;   // the state that the draws begin with: see random.h
} vb_sample_params;

// A token that may be drawn.
typedef struct vb_choice {
    int32_t token;
    float logit; // divided by the temperature
    double probability;
} vb_choice;

// All-zero is unused. What it allocates is kept for the next text.
typedef struct vb_sampler {
    vb_sample_params params;
    uint32_t vocabulary;
    uint64_t random;

    vb_choice *kept; // from the last logits, the most probable first, equals by token
    uint32_t count;  // of `kept`, at least 1
    float *largest;  // [vocabulary], to find the top k with
    uint32_t capacity;
} vb_sampler;

// Refuses parameters that cannot be, with VBLIP_ERR_ARGUMENT.
VB_CHECKED vblip_status vb_sample_check(const vb_sample_params *params,
                                        vblip_error *err);

// Begins a text; see vb_sample_check.
VB_CHECKED vblip_status vb_sampler_start(vb_sampler *sampler,
                                         const vb_sample_params *params,
                                         uint32_t vocabulary, vblip_error *err);
void vb_sampler_free(vb_sampler *sampler);

// Fills `kept` from the logits [vocabulary]: those that are not below the k-th largest,
// of these the most probable until their sum passes top_p. -INFINITY is never kept.
void vb_sampler_keep(vb_sampler *sampler, const float *logits);

// Keeps, and draws one of what was kept.
int32_t vb_sampler_draw(vb_sampler *sampler, const float *logits);

#endif // VB_BLIP_SAMPLE_H

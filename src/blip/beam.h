// beam.h - beam search as transformers 4.15 does it (blip-spec 8.2), or as its version 5
// does (8.4), for one sequence. Pure: logits in, tokens out.
#ifndef VB_BLIP_BEAM_H
#define VB_BLIP_BEAM_H

#include "blip/sample.h"

enum { VB_MAX_BEAMS = 64 };

// What differs is the length that sums are divided by, what may end a text at the maximum
// length, and when the search is over.
typedef enum vb_beam_rules { VB_BEAM_4, VB_BEAM_5 } vb_beam_rules;

typedef struct vb_search_params {
    uint32_t beams;
    uint32_t max_length, min_length; // tokens, prompt included, [SEP] not
    float repetition_penalty;        // 1 = none
    int32_t eos;                     // [SEP]
    uint32_t vocabulary;
    vb_beam_rules rules;
    const vb_sample_params *sample; // NULL = search; beams are not used otherwise
} vb_search_params;

// A token that may be appended to row `row`, and the sum of log-probabilities with it.
typedef struct vb_candidate {
    float sum;
    uint32_t row;
    int32_t token;
} vb_candidate;

// A finished text, without [SEP].
typedef struct vb_hypothesis {
    double
        score; // sum / length: of all tokens but [SEP]; by version 5, of the generated
    uint32_t length;
    int32_t *ids; // [max_length]
} vb_hypothesis;

// Refuses parameters that cannot be, a prompt of max_length tokens or more, and ids
// outside the vocabulary, with VBLIP_ERR_ARGUMENT.
VB_CHECKED vblip_status vb_search_check(const vb_search_params *params,
                                        const int32_t *prompt, uint32_t count,
                                        vblip_error *err);

// All-zero is unused. What a search allocates is kept for the next one.
typedef struct vb_beam {
    vb_search_params params;
    uint32_t length; // tokens of each running row
    uint32_t prompt; // tokens of the prompt, which every row begins with
    bool done;

    int32_t *rows;     // [beams, max_length], running
    float *sums;       // [beams], of log-probabilities
    int32_t *tokens;   // [beams], appended by the last step
    uint32_t *parents; // [beams], rows of the step before that they were appended to

    vb_hypothesis *finished; // [beams + 1], in the order they were added
    uint32_t finished_count;
    double worst; // lowest score among them

    vb_candidate *candidates; // [candidate_count], at most 2 * beams, the best first
    uint32_t candidate_count;
    int32_t *next_rows;     // [beams, max_length]
    int32_t *finished_ids;  // [beams + 1, max_length]
    uint64_t capacity;      // (beams + 1) * max_length of the largest search so far
    uint32_t beam_capacity; // beams of the largest search so far
} vb_beam;

// Begins a search that continues `prompt`; see vb_search_check.
VB_CHECKED vblip_status vb_beam_start(vb_beam *beam, const vb_search_params *params,
                                      const int32_t *prompt, uint32_t count,
                                      vblip_error *err);
void vb_beam_free(vb_beam *beam);

// Chooses the candidates of a step, given the logits [beams, vocabulary] of the running
// rows' last positions, which are overwritten.
void vb_beam_choose(vb_beam *beam, float *logits);

// The same candidates, given what vb_topk makes of the logits, [beams, vb_topk_cols(k)]:
// false when words that are not among the k may be candidates, and vb_beam_choose is to be
// called. For a repetition penalty of 1 or more: it lets no word rise.
bool vb_beam_choose_top(vb_beam *beam, const float *rows, uint32_t k);

// One step, after its candidates were chosen. Returns false when the search is over, else
// `tokens` and `parents` say how the rows went on.
bool vb_beam_step(vb_beam *beam);

// The best text after the last step: `ids` has room for max_length ids, [SEP] included.
// Returns how many there are.
uint32_t vb_beam_finish(vb_beam *beam, int32_t *ids, float *score);

#endif // VB_BLIP_BEAM_H

// metrics.h - what the paper's protocols measure: recalls of a ranking, exact answers.
//
// The numbers are those of the reference (train_retrieval.py and eval_retrieval_video.py,
// itm_eval; blip-spec 6.1). Where scores are equal the reference's order is that of an
// unstable sort; here it is that of the same sort made stable,
// np.argsort(scores, kind="stable")[::-1]: of equal scores the later comes first.
#ifndef VB_VIDEO_TASKS_METRICS_H
#define VB_VIDEO_TASKS_METRICS_H

#include "base/arena.h"
#include "base/error.h"

// The position, from 0, of the best placed of `truths` when `scores` are sorted, best
// first. A NaN is worse than any number. `truth_count` is not 0.
uint32_t vb_best_rank(const float *scores, uint32_t count, const uint32_t *truths,
                      uint32_t truth_count);

typedef struct vb_recall {
    double r1, r5, r10; // percent of the ranks below 1, 5, 10
    double mean;        // of these three
    double median;      // of rank + 1
} vb_recall;

// Leaves `ranks` sorted. `count` is not 0.
vb_recall vb_recall_of(uint32_t *ranks, uint32_t count);

// Whether `answer` is `expected`, blanks around them and the case of ASCII letters
// aside: the model writes lower case only.
bool vb_same_answer(const char *answer, const char *expected);

// How many answers were right, of one type of question or of all.
typedef struct vb_tally {
    const char *type; // first word of the questions, in lower case
    uint32_t right, count;
} vb_tally;

// Answers counted by type. All-zero is empty.
typedef struct vb_accuracy {
    vb_tally all;
    vb_tally *types; // sorted by type
    uint32_t type_count, capacity;
    vb_arena arena; // owns the types' names
} vb_accuracy;

VB_CHECKED vblip_status vb_accuracy_add(vb_accuracy *accuracy, const char *question,
                                        bool right, vblip_error *err);
double vb_tally_percent(const vb_tally *tally); // 0 of none
void vb_accuracy_free(vb_accuracy *accuracy);

#endif // VB_VIDEO_TASKS_METRICS_H

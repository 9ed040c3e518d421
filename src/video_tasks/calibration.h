// calibration.h - P(match) that means what it says: two numbers fitted to pairs of which is
// known whether they match, and how far probabilities are from what is observed.
#ifndef VB_VIDEO_TASKS_CALIBRATION_H
#define VB_VIDEO_TASKS_CALIBRATION_H

#include "datasets/eval_set.h"
#include "video_tasks/tasks.h"

// A pair that ITM was asked about.
typedef struct vb_judged {
    float logits[2]; // unmatched, matched
    bool match;      // what it is
} vb_judged;

enum { VB_CALIBRATION_LEAST = 10 }; // pairs that match, and pairs that do not

// What a temperature and a bias may be.
#define VB_TEMPERATURE_LEAST 1e-3
#define VB_TEMPERATURE_MOST  1e3
#define VB_BIAS_MOST         1e6

// Fills `temperature` and `bias` of `out` with those of the greatest likelihood, and what it
// says of its pairs. VBLIP_ERR_FORMAT, `subject` first, where nothing can be fitted: too
// few pairs of either kind, logits that part the two without a mistake, and such as are
// larger where pairs do not match.
VB_CHECKED vblip_status vb_calibration_fit(vblip_calibration *out,
                                           const vb_judged *pairs, uint32_t count,
                                           const char *subject, vblip_error *err);

// How reliable P(match) of the pairs is; `calibration` NULL: that of softmax.
void vb_reliability_measure(vblip_reliability *out, const vb_judged *pairs,
                            uint32_t count, const vblip_calibration *calibration);

// Asks ITM about the pairs of `set` (VB_ANNOTATED_MATCHES), whose inputs are those of
// `task`: out [set->annotations.count]. When one of them cannot be read, the others are
// still looked at, and then it fails.
VB_CHECKED vblip_status vb_task_judge(vb_judged *out, const vb_task *task,
                                      const vb_eval_set *set,
                                      const vblip_calibrate_options *options,
                                      vblip_error *err);

#endif // VB_VIDEO_TASKS_CALIBRATION_H

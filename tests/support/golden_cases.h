// golden_cases.h - the cases of tests/golden/generate: what is seen, and the text that the
// original classes write about it.
#ifndef SUPPORT_GOLDEN_CASES_H
#define SUPPORT_GOLDEN_CASES_H

#include "support/model_fixture.h"

// "generate/<what>_<config>.json" of the golden folder; cJSON_Delete() it.
cJSON *golden_load(const model_fixture *f, const char *what);

// Whether to leave out case `index`: one of whose decisions hangs on less than 1e-3, so
// that another order of summation may change it, or on too little for weights in f16 or
// bf16; or one too many for the device.
bool golden_skip(const model_fixture *f, const cJSON *row, uint32_t index);

// Member `name` as a count.
uint32_t golden_count(const cJSON *row, const char *name);

// Lets `visual` see formula image `row.image` of the model's size.
void golden_see(vb_model *model, vb_visual *visual, const cJSON *row);

// Fails unless `got` has the ids of `row`, its score within `atol` where it has one, and
// its text, member `text_name`, where it has one. `label` begins the messages. With
// weights in bf16 other ids are said and counted.
void golden_expect(const model_fixture *f, const char *label, const cJSON *row,
                   const char *text_name, const vb_generated *got, double atol);

// Fails when more than `most` of the cases so far had other ids.
void golden_expect_few_changed(uint32_t most);

#endif // SUPPORT_GOLDEN_CASES_H

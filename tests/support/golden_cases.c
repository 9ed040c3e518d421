#include "support/golden_cases.h"

#include "support/reduced_bounds.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

cJSON *golden_load(const model_fixture *f, const char *what)
{
    char path[512];
    snprintf(path, sizeof path, VB_GOLDEN "/generate/%s_%s.json", what, f->config);
    return json_load(path);
}

static bool true_of(const cJSON *row, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(row, name));
}

bool golden_skip(const model_fixture *f, const cJSON *row, uint32_t index)
{
    return index % f->every != 0 || true_of(row, "fragile") ||
           (f->weights != VB_F32 &&
            !reduced_decides(f->weights, json_number(row, "margin"),
                             true_of(row, "same_with_fp16_weights")));
}

uint32_t golden_count(const cJSON *row, const char *name)
{
    return (uint32_t)json_number(row, name);
}

void golden_see(vb_model *model, vb_visual *visual, const cJSON *row)
{
    vb_frame frame;
    vblip_error err = {0};
    fixture_frames(&frame, model->config.vision.image_size, golden_count(row, "image"),
                   1);
    fixture_ok(vb_model_encode(model, visual, &frame, 1, 0, NULL, &err), &err);
    free(frame.rgb);
}

static bool same_ids(const char *label, const cJSON *want, const vb_ids *got)
{
    const uint32_t count = (uint32_t)cJSON_GetArraySize(want);
    const cJSON *id = want->child;
    for (uint32_t i = 0; i < count && i < got->count; i++, id = id->next)
        if (id->valueint != got->ids[i]) {
            print_message("%s: id %u is %d, expected %d\n", label, i, (int)got->ids[i],
                          id->valueint);
            return false;
        }
    if (count != got->count)
        print_message("%s: %u ids, expected %u\n", label, got->count, count);
    return count == got->count;
}

// Of this program.
static uint32_t cases, changed;

void golden_expect(const model_fixture *f, const char *label, const cJSON *row,
                   const char *text_name, const vb_generated *got, double atol)
{
    const cJSON *score = cJSON_GetObjectItemCaseSensitive(row, "score");
    const cJSON *text = cJSON_GetObjectItemCaseSensitive(row, text_name);
    cases++;
    if (!same_ids(label, json_member(row, "ids"), &got->ids)) {
        assert_int_equal(f->weights, VB_BF16);
        print_message("%s: margin %g\n", label, json_number(row, "margin"));
        changed++;
        return;
    }
    if (score && !(fabs(score->valuedouble - (double)got->score) <= atol))
        fail_msg("%s: score %.7g, expected %.7g within %.2g", label, (double)got->score,
                 score->valuedouble, atol);
    if (text)
        assert_string_equal(got->text.bytes, json_string(row, text_name));
}

void golden_expect_few_changed(uint32_t most)
{
    print_message("  %u of %u cases have other ids\n", changed, cases);
    if (changed > most)
        fail_msg("%u of %u cases have other ids, at most %u may", changed, cases, most);
}

// test_reason.c - NLVR2 gives the tensors of the original classes (tests/golden/model):
// layers that average what was read of two images, layers that merge it, the logits.
#include "blip/heads.h"
#include "support/model_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { FIRST_IMAGE = 1000 };

static model_fixture fixture;

static vb_visual *see(vb_model *model, uint32_t image)
{
    vb_visual *visual;
    vb_frame frame;
    vblip_error err = {0};
    fixture_frames(&frame, model->config.vision.image_size, FIRST_IMAGE + image, 1);
    fixture_ok(vb_visual_make(&visual, model, &err), &err);
    fixture_ok(vb_model_encode(model, visual, &frame, 1, 0, NULL, &err), &err);
    free(frame.rgb);
    return visual;
}

static void test_layers(void **state)
{
    (void)state;
    vb_model *m = fixture_model(&fixture, "nlvr");
    const vb_text_config *c = &m->config.encoder;
    const vb_text_weights *w = &m->weights.encoder;
    vb_pool pool = {.device = fixture.device, .name = "test"};
    vb_visual *left = see(m, 0), *right = see(m, 1);
    const vb_cross *first, *second;
    vblip_error err = {0};
    assert_true(c->nlvr && c->merge_from == 6 && c->layers > 6);
    fixture_ok(vb_visual_encoder_cross(&first, left, 0, VB_MANY_ROWS, &err), &err);
    fixture_ok(vb_visual_encoder_cross(&second, right, 1, VB_MANY_ROWS, &err), &err);
    fixture_ok(vb_model_tokens(m, &m->ids, fixture_text(&fixture, "texts", 0), NULL, 0,
                               0, m->special.enc, &err),
               &err);

    vb_tensor ids, kv;
    vb_text_scratch s;
    const uint32_t tokens = m->ids.count;
    fixture_ok(vb_pool_tensor(&ids, &pool, VB_I32, 1, 1, tokens, &err), &err);
    fixture_ok(vb_pool_tensor(&kv, &pool, VB_F32, 1, tokens, 2 * c->width, &err), &err);
    fixture_ok(vb_text_scratch_make(&s, &pool, c, 1, tokens, &err), &err);
    vb_recorder rec = vb_recorder_begin(fixture.device);
    const vb_self self = {.kv = kv};
    const vb_cross cross[2] = {*first, *second};
    uint32_t compared = 0;
    vb_upload(&rec, ids, m->ids.ids);
    vb_text_embed(&rec, w, c, &s, ids, 0);
    for (uint32_t i = 0; i < c->layers; i++) {
        char name[48];
        vb_text_self_attention(&rec, &w->layers[i], c, &s, &self);
        vb_text_nlvr_attention(&rec, &w->layers[i], c, &s, cross, i);
        snprintf(name, sizeof name, "nlvr.layer%u.cross_attention", i);
        if (vb_weight_find(&fixture.vectors.tensors.list, name)) {
            float *got = fixture_values(&rec, &pool, s.hidden);
            fixture_expect(&fixture, name, got, (size_t)vb_tensor_elements(&s.hidden));
            free(got);
            compared++;
        }
        vb_text_mlp(&rec, &w->layers[i], c, &s);
    }
    assert_int_equal(compared, 2); // one that averages, one that merges

    vb_text_encode(&rec, w, c, &s, NULL, kv, ids, (vb_tensor){0}, cross);
    float *got = fixture_values(&rec, &pool, s.hidden);
    fixture_expect(&fixture, "nlvr.hidden", got, (size_t)vb_tensor_elements(&s.hidden));
    free(got);
    vb_visual_free(&left);
    vb_visual_free(&right);
    vb_pool_free(&pool);
    vb_model_free(&m);
}

static void test_logits(void **state)
{
    (void)state;
    enum { PAIRS = 4 };
    static const uint32_t pairs[PAIRS][2] = {{0, 1}, {2, 3}, {1, 0}, {3, 3}};
    vb_model *model = fixture_model(&fixture, "nlvr");
    vb_visual *seen[4];
    float logits[PAIRS][2];
    for (uint32_t i = 0; i < 4; i++)
        seen[i] = see(model, i);
    for (uint32_t k = 0; k < PAIRS; k++) { // one slot serves as both images
        const char *text = fixture_text(&fixture, "texts", k);
        vblip_error err = {0};
        fixture_ok(vb_model_reason(model, seen[pairs[k][0]], seen[pairs[k][1]], &text,
                                   1, &logits[k], &err),
                   &err);
    }
    fixture_expect(&fixture, "nlvr.logits", logits[0], sizeof logits / sizeof(float));
    for (uint32_t i = 0; i < 4; i++)
        vb_visual_free(&seen[i]);
    vb_model_free(&model);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_logits),
    };
    fixture_open(&fixture, argc, argv);
    int failures = cmocka_run_group_tests_name("reason", tests, NULL, NULL);
    fixture_close(&fixture);
    return failures;
}

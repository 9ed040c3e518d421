// test_steady.c - once a Vulkan device is warm, frames and tokens cost it submits and waits
// alone: nothing is allocated, compiled or made, and a batch or token is waited for once.
#include "gpu/context.h"
#include "support/model_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { FRAMES = 5, BATCH = 2, BATCHES = 3, PROMPT = 4, LENGTH = 17 };

static model_fixture fixture;

// However busy the machine is, each list of ops is one submit.
static void hold_the_pace(void)
{
    vb_pace *pace = &vb_gpu_of(fixture.device)->commands.pace;
    pace->most = UINT64_MAX / 4;
    pace->held = true;
}

static vb_gpu_counts less(vb_gpu_counts a, vb_gpu_counts b)
{
    return (vb_gpu_counts){
        a.submits - b.submits,         a.waits - b.waits,
        a.allocations - b.allocations, a.host_allocations - b.host_allocations,
        a.pipelines - b.pipelines,     a.descriptor_sets - b.descriptor_sets};
}

// What the second of two runs costs that begin with nothing running, and so take the same
// turns: nothing but submits and waits.
static vb_gpu_counts second_run(void (*run)(void *user), void *user)
{
    assert_int_equal(vb_device_finish(fixture.device, NULL), VBLIP_OK);
    run(user);
    assert_int_equal(vb_device_finish(fixture.device, NULL), VBLIP_OK);
    const vb_gpu_counts first = vb_gpu_count(fixture.device);
    run(user);
    const vb_gpu_counts cost = less(vb_gpu_count(fixture.device), first);
    assert_true(first.allocations > 0 && first.host_allocations > 0);
    assert_true(first.pipelines > 0);
    assert_int_equal(cost.allocations, 0);
    assert_int_equal(cost.host_allocations, 0);
    assert_int_equal(cost.pipelines, 0);
    assert_int_equal(cost.descriptor_sets, 0);
    return cost;
}

typedef struct watched {
    vb_model *model;
    vb_visual *visual;
    vb_frame frames[FRAMES];
    bool wants_itc;
    char first[256]; // caption
} watched;

static void open_watched(watched *w, const char *task)
{
    vblip_error err = {0};
    *w = (watched){.model = fixture_model(&fixture, task)};
    fixture_ok(vb_visual_make(&w->visual, w->model, &err), &err);
    fixture_frames(w->frames, w->model->config.vision.image_size, 0, FRAMES);
}

static void close_watched(watched *w)
{
    free(w->frames[0].rgb);
    vb_visual_free(&w->visual);
    vb_model_free(&w->model);
}

static void encode_clip(void *user)
{
    watched *w = user;
    float itc[1024];
    vblip_error err = {0};
    fixture_ok(vb_model_encode(w->model, w->visual, w->frames, FRAMES, BATCH,
                               w->wants_itc ? itc : NULL, &err),
               &err);
}

// The ring is full once: three batches run, and the vector is waited for with the last.
static void test_frames(void **state)
{
    (void)state;
    watched w;
    open_watched(&w, "retrieval");
    vb_gpu_counts cost = second_run(encode_clip, &w);
    assert_int_equal(cost.submits, BATCHES);
    w.wants_itc = true;
    cost = second_run(encode_clip, &w);
    assert_int_equal(cost.submits, BATCHES);
    assert_true(cost.waits >= 1 && cost.waits <= BATCHES); // in order
    close_watched(&w);
}

static void encode_image(void *user)
{
    watched *w = user;
    float itc[1024];
    vblip_error err = {0};
    fixture_ok(vb_model_encode(w->model, w->visual, w->frames, 1, 0, itc, &err), &err);
}

static void test_a_batch_is_one_wait(void **state)
{
    (void)state;
    watched w;
    open_watched(&w, "retrieval");
    const vb_gpu_counts cost = second_run(encode_image, &w);
    assert_int_equal(cost.submits, 1);
    assert_int_equal(cost.waits, 1);
    close_watched(&w);
}

static void write_caption(void *user)
{
    watched *w = user;
    const vb_caption_params params = {
        .beams = 3, .max_length = LENGTH, .min_length = LENGTH};
    vb_generated out;
    vblip_error err = {0};
    fixture_ok(vb_model_caption(w->model, w->visual, &params, &out, &err), &err);
    if (!w->first[0])
        snprintf(w->first, sizeof w->first, "%.*s", (int)out.text.size, out.text.bytes);
    assert_int_equal(strlen(w->first), out.text.size);
    assert_memory_equal(out.text.bytes, w->first, out.text.size);
    vb_generated_free(&out);
}

static void test_a_token_is_one_wait(void **state)
{
    (void)state;
    watched w;
    open_watched(&w, "caption");
    encode_clip(&w);
    write_caption(&w); // makes keys and values
    const vb_gpu_counts cost = second_run(write_caption, &w);
    assert_int_equal(cost.submits, LENGTH - PROMPT);
    assert_int_equal(cost.waits, LENGTH - PROMPT);
    close_watched(&w);
}

static void see_and_write(void *user)
{
    encode_clip(user);
    write_caption(user);
}

// The frames, their tokens in halves where activations are, and their keys run while the prompt
// is recorded, and are waited for with it.
static void test_a_caption_waits_for_its_tokens(void **state)
{
    (void)state;
    watched w;
    open_watched(&w, "caption");
    const vb_gpu_counts cost = second_run(see_and_write, &w);
    const uint32_t narrowed = vb_device_activations(w.model->device) != VB_F32;
    assert_int_equal(cost.submits, BATCHES + narrowed + 1 + LENGTH - PROMPT);
    close_watched(&w);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_a_batch_is_one_wait),
        cmocka_unit_test(test_a_token_is_one_wait),
        cmocka_unit_test(test_a_caption_waits_for_its_tokens),
    };
    fixture_open(&fixture, argc, argv);
    hold_the_pace();
    const int failed = cmocka_run_group_tests_name("steady", tests, NULL, NULL);
    fixture_close(&fixture);
    return failed;
}

// test_weights.c - what is verified of a checkpoint is what is loaded of it.
#include "blip/weights.h"
#include "support/ref_device.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void must(vblip_status status, const vblip_error *err)
{
    if (status != VBLIP_OK)
        fail_msg("%s", err->message);
}

static vb_checkpoint *open_seeded(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, VB_CHECKPOINTS "/%s", name);
    const vblip_model_options options = {.path = path};
    vb_checkpoint *c;
    vblip_error err = {0};
    must(vb_checkpoint_open_heads(&c, &options, 16, &err), &err);
    return c;
}

// `copy`: a tensor that is stored and verified, and not loaded: it is the word embedding.
static const struct seeded {
    const char *name;
    const char *copy; // NULL = none
} seeded[] = {
    {"tiny-retrieval", NULL},
    {"tiny-caption", "text_decoder.cls.predictions.decoder.weight"},
    {"tiny-caption-untied", NULL},
    {"tiny-caption-tied", NULL},
    {"tiny-caption-oldbias", "text_decoder.cls.predictions.decoder.weight"},
    {"tiny-vqa", "text_decoder.cls.predictions.decoder.weight"},
    {"tiny-nlvr", NULL},
};

static void test_every_tensor_that_is_verified_is_loaded(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof seeded / sizeof *seeded; i++) {
        vb_device *device;
        vb_weights weights;
        vblip_error err = {0};
        vb_checkpoint *c = open_seeded(seeded[i].name);
        const vblip_model_info *info = vb_checkpoint_info(c);
        uint64_t expected = info->parameters;
        must(ref_device_open(&device, NULL, &err), &err);
        must(vb_weights_load(&weights, device, c, info->tasks, &err), &err);
        if (seeded[i].copy)
            expected -= vb_checkpoint_find(c, seeded[i].copy)->size / 4;
        print_message("  %s\n", seeded[i].name);
        assert_int_equal(ref_device_look(device).loaded, expected);
        vb_weights_free(&weights);
        vb_device_close(&device);
        vb_checkpoint_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_tensor_that_is_verified_is_loaded),
    };
    return cmocka_run_group_tests_name("weights", tests, NULL, NULL);
}

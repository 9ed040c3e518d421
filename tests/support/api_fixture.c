#include "support/api_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

vblip_engine *api_engine;

int api_setup(void **state)
{
    (void)state;
    return vblip_engine_open(&api_engine, NULL, NULL);
}

int api_teardown(void **state)
{
    (void)state;
    vblip_engine_close(&api_engine);
    return api_engine != NULL;
}

vblip_model *api_load(const char *name, uint32_t tasks)
{
    char path[256];
    snprintf(path, sizeof path, VB_CHECKPOINTS "/%s", name);
    const vblip_model_options options = {.path = path, .tasks = tasks};
    vblip_model *model = NULL;
    vblip_error err;
    api_ok(vblip_model_load(&model, api_engine, &options, &err), &err);
    return model;
}

void api_ok(vblip_status status, const vblip_error *err)
{
    if (status != VBLIP_OK)
        fail_msg("%s", err->message);
}

void api_refused(vblip_status status, vblip_status expected, const vblip_error *err,
                 const char *about)
{
    assert_int_equal(status, expected);
    assert_int_equal(err->status, expected);
    if (!strstr(err->message, about))
        fail_msg("\"%s\" does not name %s", err->message, about);
}

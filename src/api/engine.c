// engine.c - the engine's exported functions.
#include "vblip.h"

#include "api/devices.h"
#include "api/objects.h"
#include "compute/bench.h"
#include "compute/selftest.h"
#include "decode/decode.h"

#include <stdlib.h>
#include <string.h>

const char *vblip_version(void)
{
    return VBLIP_VERSION;
}

void vblip_silence_ffmpeg(void)
{
    vb_decode_silence();
}

vblip_status vblip_devices(vblip_device_fn fn, void *user, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(fn != NULL, "fn", err));
    return vb_devices_list(fn, user, err);
}

vblip_status vblip_vulkan(vblip_error *err)
{
    vb_error_reset(err);
    return vb_devices_vulkan(err);
}

vblip_status vblip_hwaccels(vblip_hwaccel_fn fn, void *user, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(fn != NULL, "fn", err));
    vb_hwaccel_list(fn, user);
    return VBLIP_OK;
}

vblip_status vblip_engine_open(vblip_engine **out, const vblip_engine_options *options,
                               vblip_error *err)
{
    vblip_engine_options o;
    vb_error_reset(err);
    VB_TRY(vb_need(out != NULL, "out", err));
    *out = NULL;
    VB_TRY(vb_take_options(&o, sizeof o, options, "engine", err));
    vblip_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return vb_fail_memory(err, "engine");
    engine->stopped = o.stopped;
    engine->stopped_user = o.stopped_user;
    uint32_t index = 0;
    vblip_status status = vb_hwaccel_open(&engine->hwaccel, o.hwaccel, err);
    if (status == VBLIP_OK)
        status = vb_devices_open(&engine->device, &index, &o, err);
    if (status == VBLIP_OK) {
        engine->info = *vb_device_describe(engine->device);
        engine->info.index = index;
    } else
        vblip_engine_close(&engine);
    *out = engine;
    return status;
}

void vblip_engine_close(vblip_engine **engine)
{
    if (!engine || !*engine)
        return;
    vb_device_close(&(*engine)->device);
    vb_hwaccel_close(&(*engine)->hwaccel);
    free(*engine);
    *engine = NULL;
}

const vblip_device_info *vblip_engine_device(const vblip_engine *engine)
{
    return engine ? &engine->info : NULL;
}

vblip_status vblip_engine_profile(vblip_engine *engine, vblip_op_time_fn fn, void *user,
                                  vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(engine != NULL, "engine", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    return vb_device_profile(engine->device, fn, user, err);
}

vblip_status vblip_engine_selftest(vblip_engine *engine, vblip_check_fn fn, void *user,
                                   vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(engine != NULL, "engine", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    return vb_selftest_report(engine->device, fn, user, err);
}

const char *const *vblip_bench_names(void)
{
    return vb_device_bench_names;
}

vblip_status vblip_bench(vblip_engine *engine, const char *name, vblip_bench_fn fn,
                         void *user, vblip_error *err)
{
    vb_error_reset(err);
    VB_TRY(vb_need(engine != NULL, "engine", err));
    VB_TRY(vb_need(fn != NULL, "fn", err));
    return vb_device_bench(engine->device, name, fn, user, err);
}

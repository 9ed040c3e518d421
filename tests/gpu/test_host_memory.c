// test_host_memory.c - every allocation that fails on the host is reported as such, from
// opening a device to its last op, and leaves nothing behind.
#include "compute/selftest.h"
#include "gpu/context.h"
#include "support/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int ignore_device(void *user, const vblip_device_info *info)
{
    (void)user;
    (void)info;
    return 0;
}

static vblip_status list(void *user, vblip_error *err)
{
    (void)user;
    return vb_gpu_list(ignore_device, NULL, err);
}

static vblip_status open_and_close(void *user, vblip_error *err)
{
    vb_device *device;
    const vb_gpu_mask mask = {.untested = true};
    VB_TRY(vb_gpu_open_masked(&device, &(vb_gpu_options){.kernels = user}, &mask, err));
    vb_device_close(&device);
    return VBLIP_OK;
}

static int on_check(void *user, const vblip_check *check)
{
    bool *ok = user;
    *ok = *ok && (check->ok || !check->ran);
    return 0;
}

// Every op, weights in every layout and type, uploads and downloads, on a device of its
// own.
static vblip_status open_and_use(void *user, vblip_error *err)
{
    vb_device *device;
    bool ok = true;
    const vb_gpu_mask mask = {.mapped_buffers = true, .untested = true};
    VB_TRY(vb_gpu_open_masked(&device, &(vb_gpu_options){.kernels = user}, &mask, err));
    vblip_status status = vb_selftest_report(device, on_check, &ok, err);
    vb_device_close(&device);
    assert_true(ok);
    return status;
}

static void test_every_failure_is_reported(void **state)
{
    (void)state;
    assert_true(fail_alloc_each("list", list, NULL) > 0);
    assert_true(fail_alloc_each("open", open_and_close, NULL) > 0);
    assert_true(fail_alloc_each("use", open_and_use, NULL) > 0); // the device's own
    assert_true(fail_alloc_each("use", open_and_use, "simt") > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_failure_is_reported),
    };
    return cmocka_run_group_tests_name("host_memory", tests, NULL, NULL);
}

// test_nodes.c - a machine without a GPU is known by its device files.
#include "gpu/nodes.h"
#include "support/temp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_knows_every_kind(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        bool gpu;
    } rows[] = {
        {"dri/renderD128", true},
        {"nvidia0", true},
        {"kfd", true},
        {"dxg", true},
        {"mali0", true},
        {"kgsl-3d0", true},
        {"dri/by-path/x", false},
        {"nvidiactl", false},
        {"fb0", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char folder[TEMP_FOLDER];
        temp_make(folder);
        assert_false(vb_gpu_nodes(folder));
        temp_write(folder, rows[i].file, "");
        if (vb_gpu_nodes(folder) != rows[i].gpu)
            fail_msg("%s", rows[i].file);
        temp_remove(folder);
    }
    assert_false(vb_gpu_nodes("/nowhere"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_knows_every_kind)};
    return cmocka_run_group_tests_name("nodes", tests, NULL, NULL);
}

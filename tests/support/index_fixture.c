#include "support/index_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

const vb_index_fact stamp[2] = {{"model", "0123abcd"}, {"frames", "8"}};

vb_index_options options_of(const char *path, bool write)
{
    return (vb_index_options){.path = path,
                              .root = "/films",
                              .dims = DIMS,
                              .stamp = stamp,
                              .stamp_count = 2,
                              .write = write};
}

vb_index *open_at(const char *path, bool write)
{
    const vb_index_options options = options_of(path, write);
    vblip_error err = {0};
    vb_index *index;
    if (vb_index_open(&index, &options, &err) != VBLIP_OK)
        fail_msg("%s", err.message);
    return index;
}

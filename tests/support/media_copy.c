#include "support/media_copy.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

media_copy media_copy_load(const char *path)
{
    enum { MAX_FILE = 64 << 20 };
    media_copy copy = {.path = "/tmp/vblip-media-XXXXXX"};
    assert_int_equal(vb_file_read(&copy.bytes, &copy.size, path, MAX_FILE, NULL),
                     VBLIP_OK);
    const int file = mkstemp(copy.path);
    assert_true(file >= 0);
    close(file);
    return copy;
}

void media_copy_write(const media_copy *copy, size_t size)
{
    FILE *out = fopen(copy->path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(copy->bytes, 1, size, out), size);
    fclose(out);
}

void media_copy_free(media_copy *copy)
{
    unlink(copy->path);
    free(copy->bytes);
}

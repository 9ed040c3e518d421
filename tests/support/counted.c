#include "support/counted.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SIDE = 64, BLOCK = SIDE / 4 };

vb_video *counted_open(const char *path)
{
    vb_video *video;
    vblip_error err = {0};
    if (vb_video_open(&video, path, &(vb_decode_options){.side = SIDE, .threads = 2},
                      &err) != VBLIP_OK)
        fail_msg("%s: %s", path, err.message);
    return video;
}

int counted_read(vb_video *video, uint64_t index, vblip_error *err)
{
    static uint8_t rgb[SIDE * SIDE * 3];
    vb_frame frame;
    *err = (vblip_error){0};
    if (vb_video_read(video, index, rgb, &frame, err) != VBLIP_OK)
        return -1;
    int number = 0;
    for (int bit = 0; bit < 16; bit++) {
        const int x = bit % 4 * BLOCK + BLOCK / 2, y = bit / 4 * BLOCK + BLOCK / 2;
        number |= (rgb[(y * SIDE + x) * 3] > 127) << bit;
    }
    return number;
}

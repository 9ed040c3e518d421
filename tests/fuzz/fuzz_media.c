// fuzz_media.c - a file becomes frames or messages: no frame that the file does not
// promise, no time that runs back, and the same answer when it is asked again.
#include "decode/decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIDE = 16, FRAME = SIDE * SIDE * 3, FRAMES = 24 };

static vblip_status read_one(vb_video *video, uint64_t index, uint8_t rgb[FRAME])
{
    vb_frame frame;
    vblip_error err = {0};
    vblip_status status = vb_video_read(video, index, rgb, &frame, &err);
    if ((status == VBLIP_OK) != (err.message[0] == '\0'))
        abort();
    return status;
}

static void read_frames(vb_video *video)
{
    const vb_video_info *info = vb_video_describe(video);
    if (info->frames == 0 || info->readable > info->frames || info->duration_us < 0)
        abort();
    uint64_t count = info->frames < FRAMES ? info->frames : FRAMES;
    static uint8_t rgb[FRAME], again[FRAME];
    for (uint64_t i = 0; i < count; i++) {
        if (i && vb_video_time(video, i) < vb_video_time(video, i - 1))
            abort();
        vblip_status status = read_one(video, i, rgb);
        if (status == VBLIP_OK && read_one(video, i, again) != status)
            abort();
    }
    vblip_status status = read_one(video, info->frames - 1, rgb);
    status = read_one(video, 0, rgb);
    (void)status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/vblip-fuzz-media-XXXXXX";
    int file = mkstemp(path);
    if (file < 0)
        return 0;
    ssize_t written = write(file, data, size);
    close(file);
    vb_decode_silence();
    const vb_decode_options options = {
        .side = SIDE, .threads = 1, .max_pixels = 1 << 16};
    vb_video *video = NULL;
    vblip_error err = {0};
    if (written == (ssize_t)size &&
        vb_video_open(&video, path, &options, &err) == VBLIP_OK)
        read_frames(video);
    vb_video_close(&video);
    unlink(path);
    return 0;
}

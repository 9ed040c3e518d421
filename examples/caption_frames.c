// caption_frames.c - describes frames that some other program decodes: raw RGB on standard
// input, one caption for each frame.
//
//     caption_frames MODEL WIDTH HEIGHT
//     ffmpeg -i clip.mp4 -vf fps=1,scale=320:240 -f rawvideo -pix_fmt rgb24 - |
//         caption_frames models/demo 320 240
#include "vblip.h"

#include <stdio.h>
#include <stdlib.h>

static int on_caption(void *user, const vblip_caption *caption)
{
    printf("%u  %s\n", *(unsigned *)user, caption->text);
    return 0;
}

// One frame: encoded, described, forgotten.
static vblip_status describe(vblip_model *model, const vblip_frame *frame,
                             unsigned number, vblip_error *err)
{
    vblip_clip *clip = NULL;
    vblip_status status = vblip_clip_from_frames(&clip, model, "frame", frame, 1, err);
    if (status == VBLIP_OK)
        status = vblip_clip_caption(clip, NULL, on_caption, &number, err);
    vblip_clip_close(&clip);
    return status;
}

int main(int argc, char **argv)
{
    const unsigned width = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    const unsigned height = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
    if (!width || !height || width > 16384 || height > 16384) {
        fprintf(stderr, "usage: caption_frames MODEL WIDTH HEIGHT < frames.rgb\n");
        return 2;
    }
    vblip_engine *engine = NULL;
    vblip_model *model = NULL;
    vblip_error err = {VBLIP_OK, ""};
    const size_t bytes = (size_t)width * height * 3;
    uint8_t *rgb = malloc(bytes);
    const vblip_frame frame = {.rgb = rgb, .width = width, .height = height};
    const vblip_model_options from = {.path = argv[1], .tasks = VBLIP_TASK_CAPTION};

    vblip_status status = vblip_engine_open(&engine, NULL, &err);
    if (status == VBLIP_OK)
        status = vblip_model_load(&model, engine, &from, &err);
    for (unsigned i = 1;
         status == VBLIP_OK && rgb && fread(rgb, 1, bytes, stdin) == bytes; i++)
        status = describe(model, &frame, i, &err);
    if (status != VBLIP_OK)
        fprintf(stderr, "%s\n", err.message);

    free(rgb);
    vblip_model_free(&model);
    vblip_engine_close(&engine);
    return status == VBLIP_OK ? 0 : 1;
}

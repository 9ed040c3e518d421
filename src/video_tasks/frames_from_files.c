#include "video_tasks/frames.h"

static vblip_status open_file(void *user, vb_video **out, const char *path,
                              const vb_decode_options *options, vblip_error *err)
{
    (void)user;
    return vb_video_open(out, path, options, err);
}

vb_frames vb_frames_from_files(void)
{
    return (vb_frames){
        .open = open_file,
        .close = vb_video_close,
        .describe = vb_video_describe,
        .time = vb_video_time,
        .index_at = vb_video_index_at,
        .read = vb_video_read,
    };
}

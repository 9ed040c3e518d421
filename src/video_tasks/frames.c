#include "video_tasks/frames.h"

#include <inttypes.h>

vblip_status vb_check_whole(const vb_video_info *info, const char *path,
                            vblip_error *err)
{
    const uint64_t whole = info->readable - info->lost;
    if (info->unread_bytes)
        return vb_fail(err, VBLIP_ERR_IO,
                       "%s: another recording is joined to it, of %" PRIu64
                       " bytes, which are not read",
                       path, info->unread_bytes);
    if (whole >= info->frames)
        return VBLIP_OK;
    return vb_fail(err, VBLIP_ERR_IO,
                   "%s: %s: %" PRIu64 " of %" PRIu64 " frames decode", path,
                   info->lost ? "damaged" : "truncated", whole, info->frames);
}

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
        .decoded_for = vb_video_decoded_for,
        .use_threads = vb_video_use_threads,
        .content = vb_video_content,
        .place = vb_video_place,
        .next_key = vb_video_next_key,
        .has_large = vb_video_has_large,
        .read_small = vb_video_read_small,
    };
}

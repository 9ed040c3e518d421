// frames.h - where a task gets its clips from: files, or what a test made up.
#ifndef VB_VIDEO_TASKS_FRAMES_H
#define VB_VIDEO_TASKS_FRAMES_H

#include "decode/decode.h"

// A source of clips. The functions mean what their namesakes of decode.h mean. Clips are
// opened and read on any thread, each by one thread at a time.
typedef struct vb_frames {
    vblip_status (*open)(void *user, vb_video **out, const char *path,
                         const vb_decode_options *options, vblip_error *err);
    void (*close)(vb_video **video);
    const vb_video_info *(*describe)(const vb_video *video);
    int64_t (*time)(const vb_video *video, uint64_t index);
    uint64_t (*index_at)(const vb_video *video, int64_t time_us);
    vblip_status (*read)(vb_video *video, uint64_t index, uint8_t *rgb, vb_frame *out,
                         vblip_error *err);
    // NULL where files cannot be opened more than once.
    uint64_t (*decoded_for)(const vb_video *video, uint64_t last, uint64_t index);
    vblip_status (*use_threads)(vb_video *video, uint32_t threads, vblip_error *err);
    // NULL where no file is read.
    vblip_status (*content)(vb_video *video, uint64_t *out, vblip_error *err);
    uint64_t (*place)(const vb_video *video, uint64_t index);
    // For shots; NULL where no task asks for them.
    uint64_t (*next_key)(const vb_video *video, uint64_t index);
    bool (*has_large)(const vb_video *video, uint64_t from, uint64_t end);
    vblip_status (*read_small)(vb_video *video, uint64_t index, bool alone,
                               uint32_t side, uint8_t *rgb, vblip_error *err);
    void *user;
} vb_frames;

// The failure of a video that was cut, and has fewer frames than its index lists, or
// of one with holes that swallowed frames.
VB_CHECKED vblip_status vb_check_whole(const vb_video_info *info, const char *path,
                                       vblip_error *err);

// Clips that are files.
vb_frames vb_frames_from_files(void);

#endif // VB_VIDEO_TASKS_FRAMES_H

// decode.h - files in, square RGB frames with their times out. The door to FFmpeg,
// together with export/, and the only one to libjpeg-turbo and libwebp.
#ifndef VB_DECODE_DECODE_H
#define VB_DECODE_DECODE_H

#include "base/error.h"
#include "base/frame.h"
#include "decode/image.h"

#include <stddef.h>

// Sets FFmpeg's log level, which the whole process shares, to quiet while it is still the
// default. Without this, what is opened here is asked to log nothing, but parts of FFmpeg
// that cannot be asked print what they find wrong with files.
void vb_decode_silence(void);

// A video or still image that is open for reading. Not safe for two threads; distinct
// ones are independent.
typedef struct vb_video vb_video;

typedef struct vb_decode_options {
    uint32_t side;              // frames are squashed to side x side pixels; required
    uint32_t threads;           // codec threads; 0 = by cores
    uint64_t max_pixels;        // of a coded frame; 0 = 16384 * 16384
    int64_t max_duration_us;    // 0 = 31 days
    struct vb_hwaccel *hwaccel; // that decodes: hwaccel.h; NULL = the processor
    // Of what was read last, so many bytes stay in memory to be read again, 256 MiB at most,
    // and all of the file is read, in order: vb_video_content. 0 = neither.
    size_t keep_bytes;
    bool ignore_orientation; // leave EXIF orientation alone, as the reference does
    // Asked many times a second while a video is read, by the thread that reads it. Non-zero:
    // the call fails with VBLIP_ERR_CANCELLED, and so do all later ones. NULL = never.
    int (*stopped)(void *user);
    void *stopped_user;
} vb_decode_options;

typedef struct vb_video_info {
    bool still;             // an image: one frame, no times
    uint64_t frames;        // video packets of the stream (vlen of blip-spec 5.3)
    uint64_t readable;      // how many of these the file holds: fewer where it was cut
    uint64_t lost;          // of those, swallowed by holes, or referring to what is
    uint64_t unread_bytes;  // of another recording, joined behind this one
    int64_t duration_us;    // end of the last frame, from the first; 0 for an image
    int64_t lead_us;        // what a player shows of the file before the first frame
    uint32_t width, height; // as shown, after rotation
    char warning[VB_WARNING]; // about what is shown all the same; "" for nothing
} vb_video_info;

// Opens `path` and lists its packets (times, key frames), decoding nothing: of an mp4 by
// its table; another file is read through, and up to 256 MiB of it stay in memory until
// the video is closed. A still image is decoded at once. Videos are resized by swscale bilinear, still images by PIL's
// bicubic (blip-spec 5.1, 5.3). Messages here and in vb_video_read do not name the path.
VB_CHECKED vblip_status vb_video_open(vb_video **out, const char *path,
                                      const vb_decode_options *options,
                                      vblip_error *err);
void vb_video_close(vb_video **video);

const vb_video_info *vb_video_describe(const vb_video *video);

// How many bytes of the file were read so far. Not counted for an image.
uint64_t vb_video_bytes_read(const vb_video *video);

// The hash of what the file holds: vb_hash_file. Reads what was not read so far. Only where
// keep_bytes was not 0.
VB_CHECKED vblip_status vb_video_content(vb_video *video, uint64_t *out,
                                         vblip_error *err);

// Time of frame `index` in presentation order, from the first frame.
int64_t vb_video_time(const vb_video *video, uint64_t index);

// The frame that is shown at `time_us`: the last one whose time is not later.
uint64_t vb_video_index_at(const vb_video *video, int64_t time_us);

// The first frame at or behind `index` that decoding can begin at; the count of frames where
// there is none.
uint64_t vb_video_next_key(const vb_video *video, uint64_t index);

// Where in the file frame `index` lies; 0 when that is not known.
uint64_t vb_video_place(const vb_video *video, uint64_t index);

// Whether one of the frames from .. end - 1 takes much more of the file than those around
// it and is no key frame: most of what it shows may be new.
bool vb_video_has_large(const vb_video *video, uint64_t from, uint64_t end);

// How many frames are decoded for frame `index` when `last` is the one that was read before,
// UINT64_MAX for none.
uint64_t vb_video_decoded_for(const vb_video *video, uint64_t last, uint64_t index);

// Goes on with so many codec threads, at least 1.
VB_CHECKED vblip_status vb_video_use_threads(vb_video *video, uint32_t threads,
                                             vblip_error *err);

// Reads frame `index` into `rgb` [side, side, 3]. Rising indices decode forward and seek
// only when a key frame lies between here and there; falling ones seek. The same index
// again is scaled again. Nothing is copied where `side` is a multiple of 16 and `rgb` is
// aligned to it. A frame that the file does not hold, or that is damaged or refers to what
// is, is VBLIP_ERR_IO, "truncated: 31 of 75 frames decode" or "damaged: ...": the others
// can still be read. No other picture ever answers for it.
VB_CHECKED vblip_status vb_video_read(vb_video *video, uint64_t index, uint8_t *rgb,
                                      vb_frame *out, vblip_error *err);

// The same for a frame of any other size, of which only the pixels are wanted. `alone`: most
// frames around it are not; then one that vb_video_next_key gives is decoded without any
// other, and what is read next begins with a seek.
VB_CHECKED vblip_status vb_video_read_small(vb_video *video, uint64_t index, bool alone,
                                            uint32_t side, uint8_t *rgb,
                                            vblip_error *err);

#endif // VB_DECODE_DECODE_H

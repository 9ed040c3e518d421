// demux.h - what is done to every AVFormatContext that is opened here: of a file, and of a
// stream.
#ifndef VB_DECODE_DEMUX_H
#define VB_DECODE_DEMUX_H

#include "base/error.h"

#include <libavformat/avformat.h>

// Demuxers of files that hold recordings, or sound that is to be told from them. Not
// here on purpose: playlists and scripts (hls, dash, concat, sdp), which open other
// files, and text that FFmpeg draws (tty, subtitles).
#define VB_FILE_FORMATS                                                                \
    "mov,matroska,avi,mpeg,mpegts,asf,flv,ogg,gif,mxf,nut,ivf,dv,rm,wtv,h264,hevc,"    \
    "m4v,mpegvideo,yuv4mpegpipe,mp3,wav,flac,aac,ac3"

// Has `format`, not open yet, log nothing; `quiet` must not move while it is open.
void vb_demux_silence(AVFormatContext *format, AVClass *quiet);

// As avformat_find_stream_info, whose decoders log nothing.
int vb_demux_find_streams(AVFormatContext *format);

// Refuses a video stream of more than `max_pixels`.
VB_CHECKED vblip_status vb_demux_check_pixels(const AVFormatContext *format,
                                              uint64_t max_pixels, vblip_error *err);

// The video stream that is read, FFmpeg's choice unless that is cover art; all others are
// discarded. NULL where there is none.
AVStream *vb_demux_pick(AVFormatContext *format);

// How pictures of the stream lie: enum vb_orientation.
uint32_t vb_demux_orientation(const AVStream *stream);

#endif // VB_DECODE_DEMUX_H

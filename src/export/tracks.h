// tracks.h - sound and subtitles of a moment, copied beside its picture.
#ifndef VB_EXPORT_TRACKS_H
#define VB_EXPORT_TRACKS_H

#include "export/muxer.h"
#include "export/recording.h"

enum { VB_MOST_TRACKS = 32 };

// The tracks of a file that is written, in the order of the first recording. All-zero is
// none.
typedef struct vb_tracks {
    AVStream *streams[VB_MOST_TRACKS];
    int64_t
        last[VB_MOST_TRACKS]; // decoding time of the packet written last, in its base
    uint32_t count;
    uint32_t left_out; // that the container does not take

    // the moment in work
    vb_recording *recording;
    int64_t start_us, end_us;   // of the recording
    int64_t offset_us;          // of its start in the file that is written
    int32_t to[VB_MOST_TRACKS]; // by stream of the recording; -1 = none
    AVPacket *packet;
    int64_t time_us; // of `packet`
    bool has_packet, ended;
} vb_tracks;

// Adds a track to `muxer` for each of `recording`.
VB_CHECKED vblip_status vb_tracks_open(vb_tracks *out, vb_muxer *muxer,
                                       const vb_recording *recording, vblip_error *err);
void vb_tracks_close(vb_tracks *tracks);

// Begins with a moment of `recording`, start_us .. end_us, that is written at `offset_us`.
// Tracks that it has not stay silent; VBLIP_ERR_UNSUPPORTED when one is not as the first
// recording's.
VB_CHECKED vblip_status vb_tracks_begin(vb_tracks *tracks, vb_recording *recording,
                                        int64_t start_us, int64_t end_us,
                                        int64_t offset_us, vblip_error *err);

// Writes what comes up to `time_us` of the file that is written.
VB_CHECKED vblip_status vb_tracks_write(vb_tracks *tracks, vb_muxer *muxer,
                                        int64_t time_us, vblip_error *err);

// Whether packets of the one can go on where those of the other end.
bool vb_streams_alike(const AVCodecParameters *a, const AVCodecParameters *b);

#endif // VB_EXPORT_TRACKS_H

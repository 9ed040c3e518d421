#include "export/media.h"

#include "export/recording.h"

vblip_status vb_media_look(vblip_media *out, const char *path, vblip_error *err)
{
    vb_recording r;
    *out = (vblip_media){0};
    VB_TRY(vb_recording_open(&r, path, &(vb_decode_options){0}, err));
    const vb_packets *p = &r.packets;
    const AVRational rate = r.picture.stream->avg_frame_rate;
    const bool rated = rate.num > 0 && rate.den > 0;
    *out = (vblip_media){
        .duration_us = vb_packets_end_us(p),
        .zero_us = av_rescale_q(p->items[0].time, p->time_base, AV_TIME_BASE_Q),
        .lead_us = vb_packets_lead_us(p, r.picture.format->start_time),
        .rate_num = rated ? (uint32_t)rate.num : 0,
        .rate_den = rated ? (uint32_t)rate.den : 0,
    };
    vb_recording_close(&r);
    return VBLIP_OK;
}

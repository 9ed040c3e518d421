#include "decode/webp.h"

#include <string.h>

#include <webp/decode.h>
#include <webp/demux.h>

static vblip_status webp_fail(VP8StatusCode code, vblip_error *err)
{
    if (code == VP8_STATUS_OUT_OF_MEMORY)
        return vb_fail_memory(err, "image");
    return vb_fail(err, VBLIP_ERR_FORMAT, "broken or unsupported WebP image");
}

// Decodes `frame` into its place on the canvas, which is black around it.
static vblip_status webp_read_pixels(vb_image *canvas, const WebPIterator *frame,
                                     vblip_error *err)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) // the library is older than its header
        return webp_fail(VP8_STATUS_UNSUPPORTED_FEATURE, err);
    size_t row = (size_t)canvas->width * 3, size = row * canvas->height;
    size_t at = row * (size_t)frame->y_offset + 3 * (size_t)frame->x_offset;
    memset(canvas->rgb, 0, size);
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = (WebPRGBABuffer){
        .rgba = canvas->rgb + at, .stride = (int)row, .size = size - at};
    VP8StatusCode code =
        WebPDecode(frame->fragment.bytes, frame->fragment.size, &config);
    return code == VP8_STATUS_OK ? VBLIP_OK : webp_fail(code, err);
}

static vblip_status webp_decode_first(vb_image *out, const WebPDemuxer *demuxer,
                                      uint64_t max_pixels, vblip_error *err)
{
    VB_TRY(vb_image_make(out, WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH),
                         WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT), max_pixels,
                         err));
    WebPIterator frame;
    if (!WebPDemuxGetFrame(demuxer, 1, &frame))
        return webp_fail(VP8_STATUS_BITSTREAM_ERROR, err);
    vblip_status status = webp_read_pixels(out, &frame, err);
    WebPDemuxReleaseIterator(&frame);
    return status;
}

// As PIL does: the demuxer checks the file, the decoder gets the bits of one frame.
vblip_status vb_webp_decode(vb_image *out, const uint8_t *file, size_t size,
                            uint64_t max_pixels, vblip_error *err)
{
    *out = (vb_image){0};
    WebPDemuxer *demuxer = WebPDemux(&(WebPData){file, size});
    if (!demuxer)
        return webp_fail(VP8_STATUS_BITSTREAM_ERROR, err);
    vblip_status status = webp_decode_first(out, demuxer, max_pixels, err);
    WebPDemuxDelete(demuxer);
    if (status != VBLIP_OK)
        vb_image_free(out);
    return status;
}

#include "decode/webp.h"

#include <webp/decode.h>
#include <webp/demux.h>

static vblip_status webp_fail(VP8StatusCode code, vblip_error *err)
{
    if (code == VP8_STATUS_OUT_OF_MEMORY)
        return vb_fail_memory(err, "image");
    return vb_fail(err, VBLIP_ERR_FORMAT, "broken or unsupported WebP image");
}

static vblip_status webp_read_pixels(vb_image *image, const WebPData *bits,
                                     vblip_error *err)
{
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) // the library is older than its header
        return webp_fail(VP8_STATUS_UNSUPPORTED_FEATURE, err);
    size_t row = (size_t)image->width * 3;
    config.output.colorspace = MODE_RGB;
    config.output.is_external_memory = 1;
    config.output.u.RGBA = (WebPRGBABuffer){
        .rgba = image->rgb, .stride = (int)row, .size = row * image->height};
    VP8StatusCode code = WebPDecode(bits->bytes, bits->size, &config);
    return code == VP8_STATUS_OK ? VBLIP_OK : webp_fail(code, err);
}

static vblip_status webp_decode_still(vb_image *out, const WebPDemuxer *demuxer,
                                      uint64_t max_pixels, vblip_error *err)
{
    if (WebPDemuxGetI(demuxer, WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG)
        return vb_fail(err, VBLIP_ERR_UNSUPPORTED, "WebP animation, stills are read");
    VB_TRY(vb_image_make(out, WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_WIDTH),
                         WebPDemuxGetI(demuxer, WEBP_FF_CANVAS_HEIGHT), max_pixels,
                         err));
    WebPIterator picture;
    if (!WebPDemuxGetFrame(demuxer, 1, &picture))
        return webp_fail(VP8_STATUS_BITSTREAM_ERROR, err);
    vblip_status status = webp_read_pixels(out, &picture.fragment, err);
    WebPDemuxReleaseIterator(&picture);
    return status;
}

// As PIL does: the demuxer checks the file, the decoder gets the picture's bits alone.
vblip_status vb_webp_decode(vb_image *out, const uint8_t *file, size_t size,
                            uint64_t max_pixels, vblip_error *err)
{
    *out = (vb_image){0};
    WebPDemuxer *demuxer = WebPDemux(&(WebPData){file, size});
    if (!demuxer)
        return webp_fail(VP8_STATUS_BITSTREAM_ERROR, err);
    vblip_status status = webp_decode_still(out, demuxer, max_pixels, err);
    WebPDemuxDelete(demuxer);
    if (status != VBLIP_OK)
        vb_image_free(out);
    return status;
}
